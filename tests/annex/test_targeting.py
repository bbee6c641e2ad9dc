"""Submit descriptions made for an annex, read back by the real condor_submit."""

from collections.abc import Callable

import classad2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annex.targeting import targeted
from glidein.errors import ConfigError
from tests.slurm_templates.test_submit import ads

__all__ = ["ads"]

Ads = Callable[[str], list[classad2.ClassAd]]
PLAIN = "executable = /bin/true\nqueue 2\n"
CLAUSE = "TARGET.AnnexName is MY.TargetAnnexName"


@pytest.mark.real
@pytest.mark.parametrize("name", ["alice", "climate runs", 'o"b; é', "x" * 300])
@pytest.mark.parametrize(
    "requirements",
    ["", 'requirements = (Arch == "ARM") || \\\n  (Memory > 7)\n', "Requirements=Memory>7\n"],
)
def test_jobs_say_the_annex_and_want_no_other(ads: Ads, name: str, requirements: str) -> None:
    text = targeted(requirements + PLAIN, name)
    found = ads(text)
    assert [str(ad["TargetAnnexName"]) for ad in found] == [name, name]
    for ad in found:
        said = str(ad.lookup("Requirements")).replace("=?=", "is")
        assert CLAUSE in said
        assert ("Memory > 7" in said) == bool(requirements)
    assert targeted(text, name) == text


def test_another_annex_replaces_the_first() -> None:
    text = targeted(targeted(PLAIN, "one"), "two")
    assert '"one"' not in text
    assert text == targeted(PLAIN, "two")


@pytest.mark.parametrize(
    ("text", "name"),
    [("executable = /bin/true\n", "a"), (PLAIN, "a\nqueue 9"), (PLAIN, "a\\"), (PLAIN, "$(x)")],
)
def test_what_cannot_be_is_refused(text: str, name: str) -> None:
    with pytest.raises(ConfigError):
        targeted(text, name)


@given(st.text(max_size=200), st.text('abc $"\\\n', max_size=20))
def test_no_text_is_a_traceback_and_twice_is_once(text: str, name: str) -> None:
    try:
        once = targeted(text, name)
    except ConfigError:
        return
    assert targeted(once, name) == once
