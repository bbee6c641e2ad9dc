import json

from hypothesis import given
from hypothesis import strategies as st

from glidein import report
from glidein.model import Finding, PilotState

BEGIN = "GLIDEIN 2026-11-23T06:00:00Z +0.1s STATE starting\n"
JOINED = "slurmstepd: noise GLIDEIN 2026-11-23T06:00:03Z +4.1s STATE joined\n"
BUSY = "GLIDEIN 2026-11-23T06:00:04Z +5s STATE busy with 3 jobs\n"
DRAINING = "GLIDEIN 2026-11-23T06:10:04Z +605s STATE draining\n"
END = 'GLIDEIN-REPORT {"format":1,"request":"g1","reason":"idle"}\n'


@given(st.text(max_size=200), st.booleans())
def test_whatever_a_log_holds_nothing_raises(text: str, alive: bool) -> None:
    list(report.lines(text))
    report.checks(text)
    report.reports(text)
    assert report.state(text, alive=alive) in PilotState


@given(
    st.dictionaries(st.text(max_size=8), st.integers() | st.text(max_size=20), max_size=5),
    st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=30),
)
def test_a_report_is_found_whatever_stands_around_it(plain: dict[str, object], noise: str) -> None:
    text = f"{noise}\n{noise.rstrip()} GLIDEIN-REPORT {json.dumps(plain)}\r\n{noise}"
    assert plain in report.reports(text)


def test_lines_checks_and_remedies() -> None:
    text = BEGIN + (
        "GLIDEIN 2026-11-23T06:00:00Z +0.2s CHECK PASS token: good for 11 h\n"
        "GLIDEIN 2026-11-23T06:00:00Z +0.3s CHECK FAIL scratch: full | give -w a folder\n"
        "GLIDEIN 2026-11-23T06:00:00Z +0.3s CHECK odd\n"
    )
    assert report.checks(text) == (
        Finding("PASS", "token", "good for 11 h"),
        Finding("FAIL", "scratch", "full", "give -w a folder"),
    )
    first = next(report.lines(text))
    assert (first.at, first.elapsed, first.kind) == ("2026-11-23T06:00:00Z", 0.1, "STATE")


def test_the_state_follows_what_was_told() -> None:
    def state(text: str, alive: bool) -> PilotState:
        return report.state(text, alive=alive)

    assert state("", True) is PilotState.STARTING
    assert state(BEGIN + JOINED, True) is PilotState.JOINED
    assert state(BEGIN + JOINED + BUSY, True) is PilotState.BUSY
    assert state(BEGIN + JOINED + BUSY + DRAINING, True) is PilotState.DRAINING
    assert state(BEGIN + JOINED + END, True) is PilotState.ENDED
    assert state(BEGIN + JOINED, False) is PilotState.LOST
    assert state(BEGIN, False) is PilotState.NEVER_JOINED
    assert state(BEGIN + END, False) is PilotState.NEVER_JOINED


def test_exit_codes_are_told_apart_and_say_what_to_do() -> None:
    reasons = [code.reason for code in report.EXIT_CODES]
    assert len(set(reasons)) == len(reasons)
    failures = [code.code for code in report.EXIT_CODES if code.code]
    assert len(set(failures)) == len(failures)
    assert all(code.meaning and code.remedy for code in report.EXIT_CODES)
