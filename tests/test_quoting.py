"""Each filter's output is read back with the language's own reader."""

import subprocess
import xml.etree.ElementTree as ET

import classad2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glidein import quoting
from glidein.errors import RenderError

TEXT = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=60)


@given(st.lists(TEXT, max_size=8))
@settings(max_examples=40, deadline=None)
def test_bash_reads_back_what_sh_quoted(values: list[str]) -> None:
    words = " ".join(quoting.sh(value) for value in values)
    said = subprocess.run(
        ["/bin/bash", "-c", f"set -- {words}; [ $# = 0 ] || printf '%s\\0' \"$@\""],
        capture_output=True, check=True,
    )  # fmt: skip
    assert said.stdout.decode().split("\0")[:-1] == values


@given(TEXT)
def test_classad2_reads_back_what_classad_quoted(value: str) -> None:
    assert classad2.ExprTree(quoting.classad(value)).eval() == value


@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=60))
def test_an_xml_parser_reads_back_what_xml_quoted(value: str) -> None:
    clean = "".join("\ufffd" if c in "\ufffe\uffff" else c for c in value)
    quoted = quoting.xml(value)
    root = ET.fromstring(f'<a b="{quoted}">{quoted}</a>')
    assert (root.text or "") == clean
    assert root.attrib["b"] == clean


@given(st.text(max_size=60))
def test_condor_keeps_one_line_and_no_bare_dollar(value: str) -> None:
    try:
        text = quoting.condor(value)
    except RenderError:
        return
    assert "\n" not in text
    assert text.replace("$(DOLLAR)", "$") == value
    assert "$" not in text.replace("$(DOLLAR)", "")


@pytest.mark.parametrize("value", ["a\nb", "a\rb", " a", "a ", "a\\", "\0"])
def test_condor_refuses_what_it_would_change(value: str) -> None:
    with pytest.raises(RenderError):
        quoting.condor(value)


@pytest.mark.parametrize("key", ["", "key", "A B", "A=", "1A", "A\n"])
def test_conf_refuses_odd_keys(key: str) -> None:
    with pytest.raises(RenderError, match="no key"):
        quoting.conf_line(key, "x")


@pytest.mark.parametrize("quote", [quoting.sh, quoting.classad])
def test_nul_is_refused(quote: object) -> None:
    assert callable(quote)
    with pytest.raises(RenderError):
        quote("a\0b")
