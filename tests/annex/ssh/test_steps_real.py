"""Steps over SSH: what is sent arrives, what is printed comes back, whatever the far side is."""

import os
import signal
import threading
import time
from hashlib import sha256
from pathlib import Path

import pytest

from annex.framing import Said
from annex.transport import LocalTransport
from glidein.errors import AuthError, RejectedError, TransientError
from tests.annex.ssh.conftest import Opens
from tests.beds import ports
from tests.beds.sshd import Sshd

pytestmark = [pytest.mark.real, pytest.mark.root]


@pytest.mark.parametrize("user", ["alice", "carl", "nina"])
def test_shells_of_all_kinds_answer_as_a_local_one(
    bed: Sshd, opens: Opens, tmp_path: Path, user: str
) -> None:
    far = opens(bed.config(tmp_path, user))
    for text in ("echo 'a  b' \"$HOME\"; echo err >&2; exit 7", "printf 'no end'", "f() { :; }; f"):
        local = LocalTransport(("env", f"HOME={bed.home(user)}", "bash")).step(text, 20)
        assert far.step(text, 20) == local


def test_a_big_file_arrives_whole_and_the_next_step_too(
    bed: Sshd, opens: Opens, tmp_path: Path
) -> None:
    blob = tmp_path / "blob"
    content = os.urandom(20_000_000)
    blob.write_bytes(content)
    far = opens(bed.config(tmp_path))
    said = far.step("sha256sum <&9", 60, blob)
    assert said == Said(0, f"{sha256(content).hexdigest()}  -\n", "")
    assert far.step("exit 4", 60, blob) == Said(4, "", "")
    assert far.step("head -c 3000000 /dev/zero | tr '\\0' x; cat <&9 | wc -c", 60, blob).out == (
        "x" * 3_000_000 + "20000000\n"
    )
    assert far.step("echo next", 60) == Said(0, "next\n", "")


def test_one_connection_carries_all_steps(bed: Sshd, opens: Opens, tmp_path: Path) -> None:
    far = opens(bed.config(tmp_path))
    there = {far.step('echo "$SSH_CONNECTION"', 20).out for _ in range(3)}
    assert len(there) == 1
    far.close()
    assert far.step('echo "$SSH_CONNECTION"', 20).out not in there


def test_the_text_of_a_step_is_nowhere_to_be_seen(bed: Sshd, opens: Opens, tmp_path: Path) -> None:
    far, secret = opens(bed.config(tmp_path)), "hunter2-is-secret"
    looking = threading.Event()
    seen: list[bytes] = []

    def look() -> None:
        while not looking.is_set():
            for name in ("cmdline", "environ"):
                for path in Path("/proc").glob(f"[0-9]*/{name}"):
                    try:
                        content = path.read_bytes()
                    except OSError:
                        continue
                    seen.extend([content] if secret.encode() in content else [])

    other = threading.Thread(target=look)
    other.start()
    try:
        text = f"cat <<'E'\n{secret}\nE\nsleep 0.5; grep -rl {secret[:-6]}[-]is ~ /tmp/sh* | wc -l"
        said = far.step(text, 20)
    finally:
        looking.set()
        other.join()
    assert said.out == f"{secret}\n0\n"
    assert seen == []


def test_a_connection_cut_in_a_step_says_that_nobody_knows_and_the_next_step_opens_another(
    bed: Sshd, opens: Opens, tmp_path: Path
) -> None:
    far = opens(bed.config(tmp_path))
    far.step("true", 20)
    threading.Timer(0.3, os.kill, (max(bed.sessions("alice")), signal.SIGKILL)).start()
    with pytest.raises(TransientError, match="far: the connection was cut in a step; nobody knows"):
        far.step("echo begun; sleep 20", 20)
    assert far.step("echo again", 20).out == "again\n"


def test_a_step_that_takes_too_long_ends_the_connection(
    bed: Sshd, opens: Opens, tmp_path: Path
) -> None:
    far = opens(bed.config(tmp_path))
    begun = time.monotonic()
    with pytest.raises(TransientError, match=r"no end after 0.5 s; nobody knows"):
        far.step("echo begun; sleep 20", 0.5)
    assert time.monotonic() - begun < 5
    assert far.step("echo again", 20).out == "again\n"


def test_a_file_that_shrinks_while_it_is_sent_does_not_wait_for_ever(
    bed: Sshd, opens: Opens, tmp_path: Path
) -> None:
    blob = tmp_path / "blob"
    blob.write_bytes(b"x" * 9_000_000)
    far = opens(bed.config(tmp_path))
    threading.Timer(0.01, os.truncate, (blob, 10)).start()
    with pytest.raises(TransientError, match="cut"):
        far.step("sleep 1; cat <&9 >/dev/null", 20, blob)


def test_a_far_side_without_bash_says_so(bed: Sshd, opens: Opens, tmp_path: Path) -> None:
    (bed.home("nobash") / ".bashrc").write_text("PATH=/nowhere\n")
    with pytest.raises(RejectedError, match=r"far: there is no bash.*not found"):
        opens(bed.config(tmp_path, "nobash")).step("true", 20)
    (bed.home("nobash") / ".bashrc").write_text("echo closed for maintenance >&2; exit 3\n")
    with pytest.raises(AuthError, match=r"status 3 before.*closed for maintenance"):
        opens(bed.config(tmp_path, "nobash")).step("true", 20)


def test_networks_that_fail_are_told_from_logins_that_fail(
    bed: Sshd, opens: Opens, tmp_path: Path
) -> None:
    def why(**more: str) -> str:
        with pytest.raises(TransientError) as error:
            opens(bed.config(tmp_path, **more)).step("true", 20)
        return str(error.value)

    with ports.refusing() as address:
        port = address.rpartition(":")[2]
        assert f"127.0.0.1 port {port} cannot be reached: Connection refused" in why(Port=port)
    with ports.hanging_up() as address:
        assert "did not begin to talk SSH" in why(Port=address.rpartition(":")[2])
    with ports.silent() as address:
        port = address.rpartition(":")[2]
        assert "did not begin to talk SSH" in why(Port=port, ConnectTimeout="1")
    assert "no-such-host.invalid port" in why(HostName="no-such-host.invalid")
