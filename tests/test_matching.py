"""Matching: verdicts, clauses, and the law that split parts mean what the whole means."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from glidein import matching
from glidein.matching import Ad

JOB = Ad(
    '[Owner = "u"; RequestMemory = ifThenElse(MemoryUsage =!= undefined, MemoryUsage, 500);'
    " Requirements = TARGET.Memory >= RequestMemory && HasX]"
)
SLOT = Ad(
    '[Memory = 1000; HasX = true; Owners = TARGET.Owner == "u";'
    ' Start = MY.Owners =?= true && Owner == "u"; Requirements = START && true]'
)


def test_job_and_slot_match_each_in_its_own_scope() -> None:
    assert matching.matches(JOB, SLOT)
    assert matching.refusals(JOB, SLOT) == ()
    assert not matching.matches(JOB.with_values(MemoryUsage=2000), SLOT)
    assert not matching.matches(JOB.with_values(Owner="v"), SLOT)


def test_a_name_without_scope_is_looked_up_in_the_other_ad() -> None:
    assert matching.judge('Owner == "u"', SLOT, JOB) == "true"
    assert matching.judge('MY.Owner == "u"', SLOT, JOB) == "undefined"
    assert matching.judge('MY.Owner =?= undefined && (Owner == "u" || true)', SLOT, JOB) == "true"
    assert matching.judge(
        "TARGET.Needs", JOB, SLOT.with_expressions(Needs="RequestMemory > 1")
    ) == ("true")


def test_the_clause_that_says_no_comes_with_its_values() -> None:
    big = JOB.with_values(MemoryUsage=2000)
    (only,) = matching.refusals(big, SLOT)
    assert only[0] == "job"
    assert str(only[1]) == (
        "TARGET.Memory >= RequestMemory is false (RequestMemory = 2000, TARGET.Memory = 1000)"
    )


def test_a_named_expression_is_opened_down_to_the_part_that_fails() -> None:
    refused = matching.refusals(JOB.with_values(Owner="v"), SLOT)
    assert [clause.text for _, clause in refused] == ["MY.Owners is true", 'Owner == "u"']


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a && (b && c || d) && ((e && f))", ("a", "b && c || d", "e", "f")),
        ("a && b || c", ("a && b || c",)),
        ("a ? b && c : d", ("a ? b && c : d",)),
        ("a ?: b && c", ("a ?: b && c",)),
        ("x =?= 1 && y =!= 2", ("x is 1", "y isnt 2")),
        ('"x && y" == z && f(a && b, c)', ('"x && y" == z', "f(a && b,c)")),
        ("'a && b' && !(c && d)", ("'a && b'", "!(c && d)")),
        ("(a) && (b)", ("a", "b")),
        ("(a) == (b)", ("(a) == (b)",)),
        ("{1, 2}[0] && true", ("{ 1, 2 }[0]", "true")),
    ],
)
def test_split(text: str, parts: tuple[str, ...]) -> None:
    assert matching.split(text) == parts


NONE = ["", " ", "1); y = (2", "a)] [b = (1", "((", "a) || (b", "a; b = 1", "a] [b = 1", "\0",
        "a &&", '"', "\ud800", "(" * 90_000 + "1" + ")" * 90_000, "a" * 300_000 + "("]  # fmt: skip


@pytest.mark.parametrize("text", NONE)
def test_what_is_no_expression_is_one_clause_that_is_an_error(text: str) -> None:
    assert not matching.parses(text)
    assert matching.split(text) == (text,)
    (clause,) = matching.clauses(text, JOB, SLOT)
    assert clause.verdict == "error"


_ATOMS = st.sampled_from(
    ["true", "false", "undefined", "error", "1", "0", '"&&"', "Memory", "TARGET.Owner", "nope",
     'Owner == "u"', "MY.Memory > 3", "{1, 2}[1] == 2", "'odd name'", "RequestMemory"]
)  # fmt: skip


def _joined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    two = st.tuples(inner, st.sampled_from(["&&", "||", "=?=", "=!=", "?:", "=="]), inner)
    return st.one_of(
        two.map(" ".join),
        two.map(lambda each: f"({' '.join(each)})"),
        inner.map(lambda each: f"!({each})"),
        st.tuples(inner, inner, inner).map(lambda e: f"({e[0]} ? {e[1]} : {e[2]})"),
        st.tuples(inner, inner).map(lambda e: f"ifThenElse({e[0]}, {e[1]}, true) && {e[0]}"),
    )


EXPRESSIONS = st.recursive(_ATOMS, _joined, max_leaves=12)


@given(EXPRESSIONS)
def test_the_parts_joined_evaluate_to_what_the_whole_does(text: str) -> None:
    assume(matching.parses(text))  # the grammar has no "?: !x"
    parts = matching.split(text)
    assert all(matching.parses(part) for part in parts)
    again = " && ".join(f"({part})" for part in parts)
    assert matching.judge(again, SLOT, JOB) == matching.judge(text, SLOT, JOB)
    if len(parts) > 1 and matching.holds(text, SLOT, JOB):
        assert all(clause.holds for clause in matching.clauses(text, SLOT, JOB))


@given(EXPRESSIONS)
def test_a_whole_that_says_no_has_a_part_that_does(text: str) -> None:
    said = matching.clauses(text, SLOT, JOB)
    assert matching.holds(text, SLOT, JOB) == all(clause.holds for clause in said)


@given(st.text() | st.text(alphabet="&|()[]{}\"'?:=!;ab \n/*\\", max_size=40))
def test_nothing_raises_on_arbitrary_text(text: str) -> None:
    said = matching.clauses(text, JOB, SLOT)
    assert said
    matching.references(text, JOB)
    matching.matches(JOB.with_expressions(Requirements=text), SLOT)
    Ad(text).names()


def test_references_are_those_of_the_other_ad() -> None:
    assert matching.references("TARGET.X == 3 && Y && MY.Z && Memory", SLOT) == ("X", "Y")


VALUES = st.one_of(
    st.booleans(),
    st.integers(-(2**62), 2**62),
    st.floats(-1e300, 1e300),
    st.text().filter(str.isprintable),
)


@given(VALUES)
def test_plain_values_come_back(value: bool | int | str | float) -> None:
    ad = Ad.of(X=value)
    assert ad.value("X") == value
    again = Ad(str(ad)).value("X")  # fifteen digits of a float are written
    assert again == (pytest.approx(value, rel=1e-14) if type(value) is float else value)


def test_a_value_of_another_kind_is_nothing() -> None:
    ad = Ad('[L = {1}; U = undefined; E = 1/0; N = 2.5; S = "s"; B = true]')
    assert [ad.value(name) for name in ("L", "U", "E", "X")] == [None] * 4
    assert (ad.number("S"), ad.number("B"), ad.integer("N"), ad.string("N")) == (None, None, 2, "")
    assert (ad.integer("X", 7), "N" in ad, "x" in ad) == (7, True, False)


@pytest.mark.parametrize(
    "text",
    [
        "stringListMember(MY.Site, TARGET.Sites)",
        'stringListIMember("PSC", TARGET.Sites)',
        'splitUserName("alice@here")[0] == "alice"',
        'size(split("a b")) == 2',
        "stringListSize(TARGET.Sites) == 2",
    ],
)
def test_htcondors_own_functions_are_known(text: str) -> None:
    """classad2 alone calls each of them an error."""
    my, target = Ad('[Site = "psc"]'), Ad('[Sites = "ncsa,psc"]')
    assert [each.verdict for each in matching.clauses(text, my, target)] == ["true"]


def test_nothing_of_this_machines_configuration_enters(tmp_path: Path) -> None:
    config = tmp_path / "condor_config"
    config.write_text("CLASSAD_LIFETIME = 1\nthis is no configuration\n")
    env = {**os.environ, "CONDOR_CONFIG": str(config), "_CONDOR_STRICT": "x"}
    code = "import os; from glidein import matching; print(os.environ['CONDOR_CONFIG'])"
    said = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
    )
    assert said.stdout == f"{config}\n"
    assert said.stderr == ""
