from hypothesis import example, given
from hypothesis import strategies as st

from glidein.demo import events

LOG = """\
000 (0002.000.000) 2026-11-23 06:00:01.250Z Job submitted from host: <127.0.0.1:1>
    DAG Node: fetch_0
...
001 (0002.000.000) 2026-11-23 06:00:04.500Z Job executing on host: <127.0.0.1:2>
\tSlotName: slot1_1@g1.0.0@here
...
006 (0002.000.000) 2026-11-23 06:00:04.700Z Image size of job updated: 1
...
005 (0002.000.000) 2026-11-23 06:00:05.000Z Job terminated.
\t(1) Normal termination (return value 3)
\t\tUsr 0 00:00:00, Sys 0 00:00:00  -  Run Remote Usage
...
"""


def test_events_carry_number_job_time_and_text() -> None:
    found = events.parse(LOG)
    assert [event.number for event in found] == ["000", "001", "006", "005"]
    assert {event.job for event in found} == {"2.0"}
    assert found[3].at - found[0].at == 3.75
    assert found[3].returned == 3


def test_an_event_still_being_written_waits_for_its_end() -> None:
    cut = LOG[: LOG.rindex("...")]
    assert [event.number for event in events.parse(cut)] == ["000", "001", "006"]


def test_a_run_joins_submit_start_and_end_under_its_node() -> None:
    (run,) = events.runs(events.parse(LOG))
    assert (run.node, run.job, run.returned) == ("fetch_0", "2.0", 3)
    assert (run.started - run.submitted, run.ended - run.started) == (3.25, 0.5)


def test_a_job_that_runs_twice_is_two_runs() -> None:
    again = LOG[LOG.index("001 (") :].replace("06:00:0", "06:01:0")
    assert len(events.runs(events.parse(LOG + again))) == 2


@given(st.text() | st.text("0123456789 ().-:TZ\n"))
@example("001 (1.0.0) 2026-99-99 06:00:04Z x\n...\n")
def test_no_text_makes_the_reader_raise(text: str) -> None:
    events.runs(events.parse(text))
