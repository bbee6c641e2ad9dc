"""What only the host provider promises: processes are known for who they are, and nothing stays."""

import dataclasses
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from glidein import process
from glidein.errors import ProviderError, TransientError
from glidein.host import HostProvider, check
from glidein.host.identity import Identity, family
from glidein.model import PilotState, RequestState, Resources
from tests.contract.places import STANDIN, HostPlace, until


@pytest.fixture
def place(tmp_path: Path) -> Iterator[HostPlace]:
    opened = HostPlace(tmp_path)
    yield opened
    opened.close()


def test_a_number_used_again_is_not_taken_for_ours(place: HostPlace) -> None:
    """The pilot died; its number now belongs to somebody else, who must not be hurt."""
    request = place.request()
    place.provider.launch(request, place.token)
    place.vanish(request.id)
    record = place.ledger.folder / request.id / "host" / "pilot.0" / "process"
    stranger = subprocess.Popen(["/bin/sleep", "60"])
    try:
        _, start, boot, node = record.read_text().split()
        record.write_text(f"{stranger.pid} {start} {boot} {node}\n")
        seen = place.provider.list().find(request.id)
        assert seen is not None
        assert seen.state is RequestState.ENDED
        place.provider.cancel(request.id, fast=True)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_after_a_restart_of_the_machine_it_has_ended(place: HostPlace) -> None:
    request = place.request()
    place.provider.launch(request, place.token)
    assert until(lambda: "joined" in place.provider.logs(request.id)[0])
    record = place.ledger.folder / request.id / "host" / "pilot.0" / "process"
    good = record.read_text()
    pid, start, _, node = good.split()
    record.write_text(f"{pid} {start} another-boot {node}\n")
    seen = place.provider.list().find(request.id)
    assert seen is not None
    assert seen.state is RequestState.ENDED
    assert "restarted" in seen.reason
    place.provider.cancel(request.id)
    assert place.running(request.id) == 1
    record.write_text(good)


def test_a_pilot_of_another_machine_is_left_alone_and_named(place: HostPlace) -> None:
    request = place.request()
    place.provider.launch(request, place.token)
    record = place.ledger.folder / request.id / "host" / "pilot.0" / "process"
    good = record.read_text()
    record.write_text(good.replace(os.uname().nodename, "lab-7"))
    seen = place.provider.list().find(request.id)
    assert seen is not None
    assert seen.state is RequestState.RUNNING
    assert "lab-7" in seen.reason
    with pytest.raises(ProviderError, match="lab-7"):
        place.provider.cancel(request.id)
    record.write_text(good)


def test_a_pilot_that_does_not_listen_is_ended_with_all_it_started(place: HostPlace) -> None:
    spec = dataclasses.replace(place.spec(("deaf",)), grace=0)
    request = place.request(spec=spec)
    place.provider.launch(request, place.token)
    assert until(lambda: "joined" in place.provider.logs(request.id)[0])
    who = place.provider.seats(request.id)[0].identity()  # type: ignore[attr-defined]
    assert who is not None
    everyone = family(who, ())
    assert len(everyone) >= 3
    began = time.monotonic()
    place.provider.cancel(request.id, fast=True)
    assert time.monotonic() - began < 40
    assert not [each for each in everyone if each.alive()]
    assert place.leftovers(request.id) == []


def test_a_token_a_dead_pilot_did_not_take_goes_when_somebody_looks(place: HostPlace) -> None:
    request = place.request()
    place.provider.launch(request, place.token)
    place.vanish(request.id)
    token = place.ledger.folder / request.id / "host" / "pilot.0" / "token"
    token.write_text("left behind")
    place.provider.list()
    assert not token.exists()


def test_folders_with_odd_names_hold_requests_like_others(tmp_path: Path) -> None:
    for name in ("a b", "q'uo\"te", "do$llar`tick`", "ünï", "new\nline", "semi;colon&", "-dash"):
        folder = tmp_path / name
        folder.mkdir()
        place = HostPlace(folder)
        place.work = tmp_path / "work"
        place.work.mkdir(exist_ok=True)
        place.provider = place.client()
        request = place.request()
        place.provider.launch(request, place.token)
        assert until(lambda: "joined" in place.provider.logs(request.id)[0]), name  # noqa: B023
        place.provider.cancel(request.id)
        assert place.leftovers(request.id) == [], name
        place.close()


def test_two_clients_as_processes_of_their_own_start_one_pilot(place: HostPlace) -> None:
    request = place.request()
    children = []
    for _ in range(4):
        child = os.fork()
        if child == 0:
            try:
                place.client().launch(request, place.token)
            finally:
                os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)
    assert until(lambda: place.running(request.id) == 1)
    place.provider.cancel(request.id)
    assert place.leftovers(request.id) == []


@pytest.mark.root
def test_a_start_on_a_full_disk_fails_in_words_and_can_be_repeated(place: HostPlace) -> None:
    if os.geteuid() != 0:
        pytest.fail("this test mounts a small file system: run it as root")
    small = place.folder / "small"
    small.mkdir()
    process.run(["mount", "-t", "tmpfs", "-o", "size=16k", "none", small], timeout=10)
    try:
        provider = HostProvider(small, STANDIN, place.work)
        (small / "filler").write_bytes(b"x" * 12000)
        request = place.request()
        with pytest.raises(TransientError, match="No space left"):
            provider.launch(request, place.token)
        assert provider.list().complete
        provider.cancel(request.id, fast=True)
        assert not list(small.rglob("token*"))
    finally:
        process.run(["umount", small], timeout=10)


def test_offer_counts_what_runs_here() -> None:
    whole = Resources(cpus=8, memory_mb=16000)
    two = Resources(cpus=2, memory_mb=1000)
    assert check.offer(two, [], whole).pilots == 4
    assert check.offer(two, [two, two], whole).pilots == 2
    assert check.offer(two, [Resources()], whole).pilots == 0
    assert check.offer(Resources(), [two], whole).pilots == 1
    assert check.offer(Resources(), [two], whole).resources.cpus == 6
    assert check.offer(Resources(memory_mb=20000), [], whole).pilots == 0


def test_what_a_pilot_left_is_found_from_another_environment(place: HostPlace) -> None:
    elsewhere = place.folder / "scratch of the session"
    elsewhere.mkdir()
    before = os.environ.get("TMPDIR")
    os.environ["TMPDIR"] = str(elsewhere)
    try:
        state = place.folder / "state"
        request = place.request()
        HostProvider(state, STANDIN).launch(request, place.token)
        assert until(lambda: "idle" in place.provider.logs(request.id)[0])
        (work,) = elsewhere.iterdir()
        link = Path("/tmp", f"glidein-link-{os.geteuid()}.{work.name[-8:]}")
        link.mkdir()
        (link / "work").symlink_to(work)  # as the payload names a folder with blanks
        daemon = process.spawn(["/bin/sleep", "60"], log=place.folder / "log",
                               env={"GLIDEIN_PILOT": f"{link}/work"})  # fmt: skip
        os.environ["TMPDIR"] = str(place.work)
        assert place.running(request.id) == 1
        who = HostProvider(state).seats(request.id)[0].identity()
        assert who is not None
        who.signal(signal.SIGKILL)
        HostProvider(state).cancel(request.id)
        os.waitpid(daemon, 0)
        assert not work.exists()
        assert not link.exists()
    finally:
        os.environ.pop("TMPDIR")
        if before is not None:
            os.environ["TMPDIR"] = before


def test_stop_says_of_an_ended_request_why_it_ended(place: HostPlace) -> None:
    request = place.request(spec=place.spec(("brief",)))
    place.provider.launch(request, place.token)
    assert until(lambda: _states(place, request.id) == [PilotState.ENDED])
    (home := place.folder / "xdg").mkdir()
    (home / "glidein").symlink_to(place.folder / "state")
    env = {"PATH": os.environ["PATH"], "HOME": str(home), "XDG_STATE_HOME": str(home)}
    for _ in range(2):
        argv = [sys.executable, "-m", "glidein", "stop", request.id]
        said = process.run(argv, timeout=30, env=env)
        assert said.stderr == f"{request.id} ended already (idle)\n"
    ends = [each for each in place.ledger.read(request.id).events if each.kind == "ended"]
    assert [end.data["reports"][0]["reason"] for end in ends] == ["idle"]


def test_gpus_are_counted_where_the_drivers_show_them(tmp_path: Path) -> None:
    dev, kfd = tmp_path / "dev", tmp_path / "kfd"
    for name in ("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm"):
        (dev / name).parent.mkdir(exist_ok=True)
        (dev / name).touch()
    for number, gpu in enumerate(("0", "1200", "1201", "1202")):
        (kfd / str(number)).mkdir(parents=True)
        (kfd / str(number) / "gpu_id").write_text(gpu + "\n")
    assert check.gpus(dev, tmp_path / "none") == 2
    assert check.gpus(dev, kfd) == 3
    assert check.gpus(tmp_path / "none", tmp_path / "none") == 0
    (dev / "nvidia-caps").mkdir()
    for number in range(1, 5):
        (dev / "nvidia-caps" / f"nvidia-cap{number}").touch()
    assert check.gpus(dev, kfd) is None


def test_the_pilot_sees_none_of_its_clients_other_secrets(place: HostPlace) -> None:
    os.environ["OS_PASSWORD_OF_SOMEBODY"] = "hush"
    try:
        request = place.request()
        place.provider.launch(request, place.token)
    finally:
        del os.environ["OS_PASSWORD_OF_SOMEBODY"]
    assert until(lambda: "joined" in place.provider.logs(request.id)[0])
    pid = int(place.provider.list().requests[0].remote_id)
    assert b"hush" not in Path(f"/proc/{pid}/environ").read_bytes()


FOLLOW = """
import sys
from pathlib import Path
from glidein.host import following
from glidein.host import HostProvider
provider = HostProvider(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
signals = following.Signals()
with signals.heard():
    print("ready", flush=True)
    show = lambda line: print(line, flush=True)
    code = following.follow(provider, sys.argv[4], signals, show, show)
sys.exit(code)
"""


def test_ctrl_c_lets_the_pilot_leave_and_its_exit_code_is_ours(place: HostPlace) -> None:
    request = place.request()
    place.provider.launch(request, place.token)
    assert until(lambda: "idle" in place.provider.logs(request.id)[0])
    folders = map(str, (place.folder / "state", STANDIN, place.work))
    argv = [sys.executable, "-c", FOLLOW, *folders, request.id]
    client = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    assert client.stdout is not None
    assert client.stdout.readline() == "ready\n"
    client.send_signal(signal.SIGINT)
    said, _ = client.communicate(timeout=30)
    assert client.returncode == 0
    assert "asked the pilot to leave" in said
    assert '"reason":"told"' in said
    assert _states(place, request.id) == [PilotState.ENDED]


def test_an_identity_is_read_back_and_garbage_is_none() -> None:
    me = Identity.of(os.getpid())
    assert me is not None
    assert Identity.parse(str(me)) == me
    assert me.alive()
    assert not dataclasses.replace(me, start=me.start + 1).alive()
    assert not dataclasses.replace(me, start=me.start + 1).signal(signal.SIGKILL)
    for text in ("", "1 2 3", "x 1 a b", "1 2 a b c"):
        assert Identity.parse(text) is None


def _states(place: HostPlace, request_id: str) -> list[PilotState]:
    seen = place.provider.list().find(request_id)
    return [each.state for each in seen.pilots] if seen else []
