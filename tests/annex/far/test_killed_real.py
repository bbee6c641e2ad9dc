"""The client killed, or its connection cut, at every piece it sends: one batch job, never two."""

import pytest

from tests.annex.far.desk import Desk
from tests.beds.slurm import SlurmBed

pytestmark = [pytest.mark.real, pytest.mark.root]

LATER = ("--no-wait", "--sbatch", "begin=now+1hour")
_MOST = 80


@pytest.fixture
def desk(session_bed: SlurmBed) -> Desk:
    session_bed.reset()
    return Desk(session_bed)


def strike(desk: Desk, count: int, how: str) -> None:
    """Let the next connections be struck at that piece; 0: not at all."""
    relay = "/opt/glidein/checkout/tests/annex/far/relay.py"
    python = "LD_LIBRARY_PATH=/opt/glidein/python/lib /opt/glidein/python/bin/python3"
    desk.put(
        ".ssh/config", f"ProxyCommand env {python} {relay} %h %p {count} {how} {desk.folder}\n"
    )


@pytest.mark.parametrize("how", ["cut", "kill"])
def test_struck_at_every_piece_of_a_create_one_more_create_makes_one_batch_job(
    desk: Desk, how: str
) -> None:
    said = []
    for count in range(1, _MOST):
        strike(desk, count, how)
        (desk.home / "struck").unlink(missing_ok=True)
        first = desk.create(f"{how} {count}", *LATER)
        if not (desk.home / "struck").exists():
            assert first.returncode == 0
            break
        said.append(first.returncode)
        assert first.returncode != 0 or how == "kill" or count > 1
        assert "Traceback" not in first.stderr
        strike(desk, 0, how)
        assert desk.create(f"{how} {count}", *LATER, verb="create").returncode in (0, 2)
    else:
        raise AssertionError(f"a create sends more than {_MOST} pieces")
    assert count > 8
    assert len(desk.batch_jobs()) == count, said
    assert desk.types("shutdown", f"{how} {count - 1}").returncode == 0
    assert len(desk.batch_jobs()) == count - 1
    assert len([each for each in desk.far_files() if each.endswith("token")]) == count - 1
    home = desk.home / ".local/state/glidein/requests"
    assert {each.name for each in home.rglob("*") if each.is_file()} == {
        "events.jsonl",
        ".annex-locks",
    }
