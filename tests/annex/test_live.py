"""What Slurm says of its queues beside what the catalogue says; the bed says it for real."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from annex import live
from glidein import catalogue
from glidein.model import FAIL, PASS, WARN

KNOWN = catalogue.merge(catalogue.shipped())
SAID = {
    "sinfo": "GPU|up|3-00:00:00|2|40|524288|gpu:v100-32:8(S:0-1)|1-4\n"
    "GPU|up|3-00:00:00|1|96|1031168|gpu:b200-180:8|1-4\nRM|up|2-00:00:00|3|128|253000|(null)|1-50",
    "partitions": "PartitionName=GPU QoS=gpu MaxNodes=8 MinNodes=0 MaxTime=3-00:00:00 State=UP\n"
    "PartitionName=RM QoS=N/A MaxNodes=50 MaxTime=2-00:00:00 State=DRAIN\n"
    "PartitionName=GPU-small QoS=N/A MaxNodes=1 MaxTime=08:00:00 State=UP",
    "qos": "gpu|1-00:00:00|cpu=80,node=2|7\nnormal|||",
    "associations": "abc123|GPU|normal\nxyz||normal",
}


def test_the_tighter_of_partition_and_qos_holds() -> None:
    system, queue = catalogue.parse_target("GPU@bridges2", KNOWN)
    now = live.preferred(queue, system, live.site(SAID))
    assert (now.max_walltime, now.max_nodes, now.max_jobs) == (86400, 2, 7)
    shape = now.shape(8, "v100-32")
    assert shape is not None
    assert shape.max_nodes == 2


def test_what_differs_is_told() -> None:
    system = KNOWN.get("bridges2")
    found = {each.subject: each for each in live.differences(system, live.site(SAID))}
    assert found["GPU"].verdict == WARN
    for words in ("max_walltime is 1 d, the file says 2 d", "max_nodes is 2, the file says 4",
                  "max_jobs is 7, the file says nothing", "b200-180"):  # fmt: skip
        assert words in found["GPU"].message
    assert "it is DRAIN now" in found["RM"].message
    assert found["EM"].verdict == FAIL
    assert "GPU-small" in found["queues"].message


def test_what_is_as_the_file_says_passes() -> None:
    system, queue = catalogue.parse_target("RM@bridges2", KNOWN)
    said = {"partitions": "PartitionName=RM QoS=N/A MaxNodes=50 MaxTime=2-00:00:00 State=UP"}
    [finding] = live.differences(replace(system, queues=(queue,)), live.site(said))
    assert finding.verdict == PASS


def test_a_qos_that_is_the_queue_is_looked_up_as_one() -> None:
    system, queue = catalogue.parse_target("debug@perlmutter", KNOWN)
    now = live.preferred(queue, system, live.site({"qos": "debug|00:20:00|node=4|3"}))
    assert (now.max_walltime, now.max_nodes, now.max_jobs) == (1200, 4, 3)


def test_what_is_not_there_leaves_the_files_word() -> None:
    system, queue = catalogue.parse_target("GPU@bridges2", KNOWN)
    assert live.preferred(queue, system, live.Site()) == queue
    system, queue = catalogue.parse_target("generic", KNOWN)
    assert live.preferred(queue, system, live.site(SAID)) == queue


@given(st.dictionaries(st.sampled_from(sorted(SAID)), st.text(max_size=120)))
def test_no_text_raises(said: dict[str, str]) -> None:
    now = live.site(said)
    for system in KNOWN.systems.values():
        live.differences(system, now)
        for queue in system.queues:
            live.preferred(queue, system, now)
