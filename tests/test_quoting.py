"""Each filter's output is read back with the language's own reader."""

import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Callable

import classad2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glidein import quoting
from glidein.errors import RenderError

TEXT = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=60)
# What its languages make much of, in any order.
PIECES = st.lists(
    st.sampled_from(["$", "$(", "$$(", "$(DOLLAR", ")", "\\", '"', "'", "#", " ", "\t", "=", ":",
                     "\n", "a", "X", "$ENV(", "$INT(", "é", "\u2028", "\x85", "@", "<"]),
    max_size=12,
).map("".join)  # fmt: skip


@given(st.lists(TEXT, max_size=8))
@settings(max_examples=40, deadline=None)
def test_bash_reads_back_what_sh_quoted(values: list[str]) -> None:
    words = " ".join(quoting.sh(value) for value in values)
    said = subprocess.run(
        ["/bin/bash", "-c", f"set -- {words}; [ $# = 0 ] || printf '%s\\0' \"$@\""],
        capture_output=True, check=True,
    )  # fmt: skip
    assert said.stdout.decode().split("\0")[:-1] == values


@given(TEXT | PIECES)
def test_classad2_reads_back_what_classad_quoted(value: str) -> None:
    assert classad2.ExprTree(quoting.classad(value)).eval() == value


@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=60))
def test_an_xml_parser_reads_back_what_xml_quoted(value: str) -> None:
    clean = "".join("\ufffd" if c in "\ufffe\uffff" else c for c in value)
    quoted = quoting.xml(value)
    root = ET.fromstring(f'<a b="{quoted}">{quoted}</a>')
    assert (root.text or "") == clean
    assert root.attrib["b"] == clean


@pytest.mark.parametrize("value", [
        "a\nb", "a\rb", " a", "a ", "\ta", "a\v", "a\\", "\0", "$$", "a$$(b)", "$(DOLLAR)",
        "$(dollar)", "$INT($", "\udcff",
    ],
)  # fmt: skip
def test_condor_refuses_what_it_would_change(value: str) -> None:
    with pytest.raises(RenderError):
        quoting.condor(value)


@pytest.mark.parametrize("key", ["", "key", "A B", "A=", "1A", "A\n"])
def test_conf_refuses_odd_keys(key: str) -> None:
    with pytest.raises(RenderError, match="no key"):
        quoting.conf_line(key, "x")


@pytest.mark.parametrize("quote", [quoting.classad, quoting.condor])
def test_what_is_no_utf_8_is_refused(quote: Callable[[str], str]) -> None:
    with pytest.raises(RenderError, match="UTF-8"):
        quote("a\udcffb")


@pytest.mark.parametrize("quote", [quoting.sh, quoting.classad])
def test_nul_is_refused(quote: Callable[[str], str]) -> None:
    with pytest.raises(RenderError):
        quote("a\0b")
