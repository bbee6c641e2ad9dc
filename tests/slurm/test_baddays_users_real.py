"""Bad days of company: two users at once, and one user with several requests at once."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.beds.slurm import SlurmBed
from tests.slurm.person import Person
from tests.slurm.work import Work, in_pool

pytestmark = [pytest.mark.real, pytest.mark.root]


def test_two_users_at_once_have_nothing_to_do_with_each_other(bed: SlurmBed) -> None:
    alice, bob = people = Person(bed), Person(bed, "bob")
    with ThreadPoolExecutor(2) as both:
        hers, his = both.map(lambda one: one.start("--nodes", "2", "--idle-time", "5m"), people)
    for one, own, other in ((alice, hers, his), (bob, his, hers)):
        one.wait_joined(own, 2)
        rows = one.rows()  # Slurm remembers those of the tests before, too
        assert own in rows
        assert other not in rows
        refused = one.types("cancel", other)
        assert refused.returncode != 0
        assert f"{other}" in refused.stderr
    # More jobs of hers than her pilots take at a time: were his open to her, some would go there.
    work = [Work(bed, name, "work", 8, 1) for name in ("alice", "bob")]
    for each in work:
        each.wait_done()
        each.check_once()
        assert {whose for _, _, whose, _ in each.happened("start")} == {each.owner}
    cancelled = alice.types("cancel", hers)
    assert cancelled.returncode == 0, cancelled.stderr
    alice.wait_nothing(hers)
    assert alice.row(hers)["state"] == "ended"
    assert bob.row(his)["state"] == "running"
    assert len(in_pool(bed, his)) == 2
    assert bob.types("cancel", his).returncode == 0
    bob.wait_nothing(his)


def test_three_requests_at_once_of_one_user_stay_apart(bed: SlurmBed) -> None:
    alice = Person(bed)
    with ThreadPoolExecutor(3) as three:
        started = three.map(lambda nodes: (alice.start("--nodes", nodes), int(nodes)), "234")
        sizes = dict(started)
    assert len(sizes) == 3
    assert len({alice.number(each) for each in sizes}) == 3
    for request, nodes in sizes.items():
        alice.wait_joined(request, nodes)
        (run,) = alice.place(request).glob("run.*")
        assert len(list(run.glob("pilot.*.log"))) == nodes
        assert len(set(in_pool(bed, request))) == nodes
        for log in run.glob("pilot.*.log"):
            assert not [other for other in sizes if other != request and other in log.read_text()]
    work = Work(bed, "alice", "work", 18, 2)
    first, *others = sizes
    work.wait_done()
    work.check_once()
    assert alice.types("cancel", first).returncode == 0
    alice.wait_nothing(first)
    rows = alice.rows()
    assert {each: rows[each]["state"] for each in sizes} == {
        each: "ended" if each == first else "running" for each in sizes
    }
    for each in others:
        alice.wait_nothing(each, timeout=90)
        lines = alice.batch_lines(each)
        assert f"{sizes[each]} of {sizes[each]} pilots joined" in lines[-1]
        assert sum(", idle" in line or ": idle" in line for line in lines) >= 1, lines
