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
        assert list(one.rows()) == [own]
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
