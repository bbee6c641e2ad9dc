"""Hostile text in owner, START, NAME and paths: matched exactly on a real job, or refused.

Nothing of it is ever executed: every text that could would leave a canary.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from glidein import report
from glidein.throwaway import ThrowawayPool
from tests.beds import pools
from tests.beds.jobs import Desk, Job, desk_of
from tests.beds.pilots import Pilot, Yard

pytestmark = [pytest.mark.real, pytest.mark.root]

CANARY = Path("/tmp/gl-canary")
TOUCH = f"touch {CANARY}"
TEXTS = {
    "spaces": "  two  words ",
    "single quotes": "it's ''",
    "double quotes": 'say "hi"',
    "dollars": "$HOME ${HOME} $(HOME) $$(Owner) $ENV(HOME) $(DOLLAR)",
    "backticks": f"`{TOUCH}`",
    "command": f"$({TOUCH})",
    "broken out": f"'; {TOUCH}; '",
    "broken out twice": f'"; {TOUCH}; "',
    "configuration": f"x\nSTARTD_CRON_JOBLIST = A\nSTARTD = /bin/sh -c '{TOUCH}'",
    "expression": 'x" || true || "',
    "unicode": "Grüße, 作業 🚀 İı",
    "backslashes": "a\\b\\\\c \\n",
    "percent": "%s %n %(x)s",
    "hash": "# no comment",
    "tab": "a\tb",
}
CONTROL = ("configuration", "tab")
Case = tuple[Pilot, Job, Job]


def exact(text: str) -> str:
    """The text as an expression of a submit file: piece by piece where a literal cannot say it.

    HTCondor's own files know no escape but that of a quote, and take dollars for macros.
    """
    special = {"\\": r'substr("\.", 0, 1)', "$": '"$(DOLLAR)"', '"': r'"\""'}
    pieces = [special.get(character, f'"{character}"') for character in text]
    return f"strcat({', '.join(pieces)})"


@pytest.fixture(scope="module")
def started(crowd: Yard, pool: ThrowawayPool, users: dict[str, int]) -> Iterator[dict[str, Case]]:
    """For each text a pilot that asks for it, a job that has it, and one that nearly has it."""
    CANARY.unlink(missing_ok=True)
    with desk_of(pool, users) as counter:
        found = {}
        for kind, text in TEXTS.items():
            name = "plain" if kind in CONTROL else text
            owners = "gltest1" if kind in CONTROL else f"nobody at all,{text},gltest1"
            conf = {"NAME": name, "OWNERS": owners, "START": 'TARGET.Tag == "$it\'s `me`"'}
            pilot = crowd.start(users["gltest1"], pool.token("gltest1"), conf | {"IDLE": "12"})
            tag = f"""+Tag = "$(DOLLAR)it's `me`"\n{pilot.only}\n+TargetAnnexName = """
            right = counter.submit("gltest1", "echo ran", tag + exact(name))
            wrong = counter.submit("gltest1", "exit 0", tag + exact(name + "x"))
            found[kind] = (pilot, right, wrong)
        yield found


@pytest.mark.parametrize("kind", list(TEXTS))
def test_hostile_text_is_matched_exactly(started: dict[str, Case], kind: str) -> None:
    pilot, right, wrong = started[kind]
    pilot.wait_for("joined")
    assert right.wait_done().output == "ran\n"
    assert pilot.wait(60) == 0, pilot.text
    assert pilot.report["jobs_run"] == 1
    assert wrong.status == "1"
    pilot.assert_clean()
    assert not CANARY.exists()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("NAME", "a\nSTART = True"),
        ("NAME", "a\tb"),
        ("OWNERS", TEXTS["configuration"]),
        ("START", 'TARGET.Tag == "$$(x)"'),
        ("START", 'TARGET.Tag == "$(DOLLAR)"'),
        ("START", "true\nSTARTD = /bin/false"),
        ("START", f"`{TOUCH}`"),
        ("START", f"$({TOUCH})"),
        ("START", "true \\"),
        ("POOL", f"$({TOUCH})"),
        ("POOL", "host:99999"),
        ("POOL", "a host"),
        ("REQUEST_ID", f"$({TOUCH})"),
        ("REQUEST_ID", "../../up"),
        ("CPUS", f"x[$({TOUCH})]"),
        ("LIFETIME", "BASH_VERSION"),
        ("OWNERS", " , ,"),
        ("RETIRE", "-5"),
        ("FORMAT", "99"),
    ],
)
def test_what_cannot_be_kept_is_refused_in_one_line(
    pilots: Yard, pool: ThrowawayPool, users: dict[str, int], key: str, value: str
) -> None:
    pilot = pilots.start(users["gltest1"], pool.token("gltest1"), {key: value})
    assert pilot.wait(20) == 2, pilot.text
    assert pilot.reason == "usage"
    said = [
        x.text for x in report.lines(pilot.text) if x.kind == "WARN" or x.text.startswith("FAIL")
    ]
    assert len(said) == 1, pilot.text
    assert not pilot.told("joined")
    pilot.assert_clean()
    assert not CANARY.exists()


ODD = ["pl+us~@:=%-", "sp ace", "com,ma", "ünï", "it's", 'qu"ote', "$(x)", "new\nl"]


@pytest.mark.parametrize("name", ODD)
def test_a_place_with_an_odd_name_works(
    pilots: Yard, desk: Desk, pool: ThrowawayPool, users: dict[str, int], name: str
) -> None:
    with pools.open_folder("glo-") as folder:
        place = folder / name
        place.mkdir()
        place.chmod(0o1777)
        conf = {"IDLE": "8", "REQUEST_ID": "g-odd"}
        pilot = pilots.start(users["gltest1"], pool.token("gltest1"), conf, work=place)
        where = desk.submit("gltest1", "pwd -P", pilot.only).wait_done().output
        assert where.startswith(f"{place}/")
        assert pilot.wait(30) == 0
        assert list(place.iterdir()) == []


def test_a_token_file_with_an_odd_name(
    pilots: Yard, pool: ThrowawayPool, users: dict[str, int]
) -> None:
    with pools.open_folder("glo-") as folder:
        token = folder / 'it\'s "my" `token` $(x)\nünï'
        token.write_text(pool.token("gltest1"))
        token.chmod(0o644)
        conf = {"TOKEN_FILE": str(token)}
        pilots.start(users["gltest1"], "no token", conf).wait_for("joined")
