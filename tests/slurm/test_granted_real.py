"""Each pilot is told all that its node gave, and no more: every queue's script, really run.

The bed's nodes say they have more cores and memory than this machine, so what runs is the payload
without its looks at the machine: it sizes itself up by what Slurm says, reports it and leaves.
"""

import pytest

from glidein import report
from glidein.batchask import completed
from glidein.catalogue import Share
from tests.beds.slurm import SlurmBed
from tests.beds.slurm.slurmconf import smallest
from tests.slurm_templates.asks import ASKS, PAYLOAD, Asked, asked, render

pytestmark = [pytest.mark.real, pytest.mark.root]

PROBE = (
    PAYLOAD[: PAYLOAD.rindex("\nif [[")]
    + """
nproc() { echo 4096; }
awk() { echo 9999999; }
CGROUP_SELF=/dev/null
begin
read_options "$@"
size_up
REASON=idle MEMORY=$MEMORY_GIVEN
said=$(scontrol show step "$SLURM_JOB_ID.${SLURM_STEP_ID-batch}")
[[ $said =~ CPUs=([0-9]+) ]]
MESSAGE="${BASH_REMATCH[1]-} ${CUDA_VISIBLE_DEVICES-}"
report
"""
)


def run_all(bed: SlurmBed, system: str) -> list[tuple[Asked, str]]:
    """Run every ask's script with the probe; return what the batch jobs printed."""
    home = bed.home("alice")
    (home / "token").write_text("a.b.c\n")
    (home / "token").chmod(0o644)
    known = [asked(name) for name in ASKS if name.startswith(f"{system}/")]
    numbers = []
    for place, each in enumerate(known):
        script = render(each.ask, each.target, PROBE)
        options = ["--output", f"out.{place}", "--open-mode=append"]
        numbers.append(bed.submit("alice", *options, script=script))
    for number in numbers:
        bed.wait_state(number, timeout=120)
    bed.wait_idle()
    return [(each, (home / f"out.{place}").read_text()) for place, each in enumerate(known)]


def check(bed: SlurmBed, each: Asked, one: dict[str, object]) -> None:
    """Compare what one pilot says with what its node is to have given."""
    ask, queue = completed(each.ask, each.target.queue), each.target.queue
    (node,) = [nodes for nodes in bed.site.nodes if one["host"] in nodes.hosts]
    whole = queue.share is Share.NODE or "exclusive" in dict(ask.options)
    partition = {each.name: each for each in bed.site.partitions}
    mine = partition.get(queue.batch_name, partition[bed.site.default])
    with_gpus = mine.gpu_cores * (ask.gpus or 0)
    wanted = node.cpus if whole else ask.cpus or with_gpus or 1
    assert one["cores"] == wanted, each.name
    least_cores, least = smallest(bed.site, mine)
    default = least if mine.whole else least // least_cores * wanted
    assert one["memory_mb"] == (ask.memory or default), each.name
    all_gpus = int(node.gpus.partition(":")[2] or 0)
    assert one["gpus"] in ({ask.gpus or 0, all_gpus} if whole else {ask.gpus or 0}), each.name
    step, devices = str(one["message"]).split(" ")
    assert len([name for name in devices.split(",") if name]) == one["gpus"], each.name
    assert ask.nodes == 1 or step == str(wanted), each.name


def test_a_pilot_gets_what_its_node_gave(system_bed: SlurmBed, system: str) -> None:
    for each, said in run_all(system_bed, system):
        told = report.reports(said)
        assert len(told) == each.ask.pilots, f"{each.name}\n{said}"
        for one in told:
            check(system_bed, each, one)
        if each.ask.jobs == 1:
            assert len({one["host"] for one in told}) == each.ask.nodes, each.name
