import re
from pathlib import Path

import pytest
from hypothesis import given

from glidein import pilotconf
from glidein.errors import RenderError
from glidein.model import PilotSpec, PoolAddress, Request
from tests import strategies
from tests.test_ledger import NOW


@given(strategies.requests(strategies.conf_text))
def test_a_conf_says_what_was_asked_for(request: Request) -> None:
    text = pilotconf.render(request, 3, pilotconf.Place("/t", True, "/w", "/c"), restart=2)
    values = dict(_read(line) for line in text.split("\n")[:-1])
    assert set(values) <= set(pilotconf.KEYS)
    assert list(values) == [key for key in pilotconf.KEYS if key in values]
    assert values["REQUEST_ID"] == request.id
    assert values["PILOT_INDEX"] == "3"
    assert values["PILOT_RESTART"] == "2"
    assert values.get("OWNERS", "") == ",".join(request.spec.owners)
    assert values.get("START", "") == request.spec.start
    assert values.get("NAME", "") == request.spec.name
    assert values["GRACE"] == str(request.spec.grace)
    assert values["TOKEN_REMOVE"] == "1"
    assert "" not in values.values()


def test_what_holds_at_a_place_is_told() -> None:
    request = Request("gone-two", "host", PilotSpec(PoolAddress("cm")), NOW)
    place = pilotconf.Place(
        "/t", deadline=1999999999, retire=900, lost_wait=600, containers="/opt/apptainer",
        container_setup=("module load a", "b c"), knobs={"D": "e", "F": "$(G) 'h'"},
    )  # fmt: skip
    told = {"DEADLINE='1999999999'", "RETIRE='900'", "LOST_WAIT='600'"}
    told |= {"CONTAINERS='/opt/apptainer'", r"CONTAINER_SETUP='module load a\nb c'"}
    told.add(r"KNOBS='D = e\nF = $(G) \'h\''")
    assert told <= set(pilotconf.render(request, 0, place).splitlines())
    plain = pilotconf.render(request, 0, pilotconf.Place("/t"))
    assert not re.search(
        "^(DEADLINE|RETIRE|LOST_WAIT|CONTAINERS|CONTAINER_SETUP|KNOBS)=", plain, re.M
    )


def test_every_key_has_one_who_writes_it() -> None:
    source = Path(pilotconf.__file__).read_text().split("def render", 1)[1]
    assert [key for key in pilotconf.KEYS if f'"{key}":' not in source] == []


def test_a_value_the_file_cannot_hold_is_refused() -> None:
    spec = PilotSpec(PoolAddress("cm"), start="a\rb")
    with pytest.raises(RenderError, match=r"pilot\.conf"):
        pilotconf.render(Request("gone-two", "host", spec, NOW), 0, pilotconf.Place("/t"))


def _read(line: str) -> tuple[str, str]:
    """Read one line by the file's own rules; the payload's reader is tested with the payload."""
    key, _, quoted = line.partition("=")
    return key, re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], quoted[1:-1])


@pytest.mark.parametrize(("name", "value"), [("A B", "c"), ("A", ""), ("A", "b\nc"), ("A", "b\\")])
def test_a_knob_that_is_no_setting_of_one_line_is_refused(name: str, value: str) -> None:
    spec = PilotSpec(PoolAddress("cm"))
    place = pilotconf.Place("/t", knobs={name: value})
    with pytest.raises(RenderError, match="knob"):
        pilotconf.render(Request("gone-two", "host", spec, NOW), 0, place)
