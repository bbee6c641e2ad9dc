"""The host provider: pilots as processes of the machine under the user's hands.

A pilot is the payload in a session of its own; it outlives the client that started it. What is
known of it lies in its request's folder (glidein.host.folder), so any later client can list, stop
and clean up. A start can be cut off anywhere: then there is nothing, or a folder that list shows
and cancel removes, or a pilot.
"""

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from importlib.resources import files
from pathlib import Path

from glidein import paths, pilotconf, process
from glidein.errors import (
    ConfigError,
    NotFoundError,
    ProviderError,
    RejectedError,
    RenderError,
    TransientError,
)
from glidein.host import check
from glidein.host.folder import HostFolder, Seat
from glidein.host.identity import Identity, family
from glidein.model import (
    Finding,
    Listing,
    Offer,
    PilotSpec,
    Request,
    SeenRequest,
    checked_request_id,
)

# What a pilot may see of its client's environment: what says what it was given, where things lie
# and how to reach the network. Anything else (other tokens, passwords) is not its business.
_PASSED = {
    "HOME", "USER", "LOGNAME", "SHELL", "PATH", "LANG", "TZ", "TMPDIR", "XDG_CACHE_HOME",
    "CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL",
    "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "APPTAINER_CACHEDIR", "APPTAINER_TMPDIR",
    "SINGULARITY_CACHEDIR", "SINGULARITY_TMPDIR",
}  # fmt: skip
_PASSED_PREFIXES = ("LC_", "SLURM_")
_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
_START_WAIT = 20.0
_LEAVE_MARGIN = 30.0  # beyond the grace: the daemons' own fast end and the payload's cleaning
_FAST = 15.0
_WATCHDOG = 6.0
_LAST = 20.0  # what is killed and still there then hangs in the kernel, on a dead disk say
_MOST_TOKEN = 32768  # what a pipe holds without a reader; a token has some hundred bytes


def providers() -> Iterator["HostProvider"]:
    """Yield this machine, as the entry point glidein.providers wants it."""
    yield HostProvider()


class HostProvider:
    """Starts pilots here. `state_dir` is where the ledger's requests are; `payload` the script."""

    name = "host"

    def __init__(
        self,
        state_dir: Path | None = None,
        payload: Path | None = None,
        work_dir: Path | None = None,
    ) -> None:
        self.folder = (state_dir or paths.state()) / "requests"
        self.payload = payload or Path(str(files("glidein").joinpath("payload/pilot.sh")))
        self.work_dir = work_dir
        self._starter = Path(str(files("glidein").joinpath("data/start-pilot.sh")))

    def offer(self, spec: PilotSpec) -> Offer:
        """Say how many pilots of that size fit beside those that run here."""
        with _words(f"{self.folder} cannot be read"):
            there = [each for each in self._folders() if each.exists() and _alive(each)]
            return check.offer(spec.resources, [each.resources() for each in there])

    def check(self) -> tuple[Finding, ...]:
        """Say in words what a pilot would find here."""
        return check.check(self.payload, self.folder.parent, self.work_dir)

    def launch(self, request: Request, token: Path) -> str:
        """Start the request's pilots, each in a session of its own; return their process ids."""
        here = self._of(request.id)
        with _words(f"request {request.id} could not be started on this machine"):
            self._refuse_spent(here)
            here.prepare(request, self._work_dirs())
            for index in range(request.pilots):
                if not here.seat(index).claimed():
                    self._start(here, request, index, _secret(token))
                here.clear_drafts(index)
            self._refuse_spent(here)
            return here.see().remote_id

    def list(self) -> Listing:
        """Return every request that was asked of this machine."""
        seen, troubles = [], []
        try:
            folders = self._folders()
        except OSError as error:
            return Listing(False, (), f"{self.folder} cannot be read: {error}")
        for each in folders:
            try:
                if each.exists():
                    seen.append(self._tidied(each))
            except Exception as error:  # one damaged folder must not hide the others
                troubles.append(f"{each.id}: {error}")
        return Listing(not troubles, tuple(seen), "; ".join(troubles))

    def cancel(self, request_id: str, *, fast: bool = False) -> None:
        """End the request's pilots, their daemons and jobs, and remove what they left.

        Without `fast` they are asked to drain, and killed only when they stay beyond their grace.
        """
        here = self._of(request_id)
        with _words(f"request {request_id} could not be stopped"):
            if not here.folder.parent.is_dir():
                return
            here.folder.mkdir(exist_ok=True, mode=0o700)
            # From here on no starter goes on: each looks for this file after its claim.
            here.cancelled.touch(mode=0o600)
            here.clear_drafts()
            seats = here.seats()
            for seat in seats:
                self._refuse_elsewhere(seat)
            self.tell(request_id, signal.SIGTERM)
            until = time.monotonic() + (_FAST if fast else _grace(here) + _LEAVE_MARGIN)
            for seat in seats:
                self._end(seat, until, here.work_dirs() or self._work_dirs(), insist=fast)

    def logs(self, request_id: str) -> dict[int, str]:
        """Return what each pilot printed."""
        here = self._of(request_id)
        with _words(f"the logs of request {request_id} cannot be read"):
            if not here.exists():
                raise NotFoundError(f"host: there is no request {request_id}")
            return {seat.index: seat.printed() for seat in here.seats()}

    def see(self, request_id: str) -> SeenRequest:
        """Return one request. Raises NotFoundError for one that was never asked of this machine."""
        with _words(f"request {request_id} cannot be read"):
            return self._of(request_id).see()

    def seats(self, request_id: str) -> tuple[Seat, ...]:
        """Return the folders of its pilots: where their logs grow, and who they are."""
        here = self._of(request_id)
        return tuple(here.seats()) if here.exists() else ()

    def tell(self, request_id: str, number: int) -> bool:
        """Send a signal to each pilot of the request; return whether any was there to hear it."""
        told = [who.signal(number) for seat in self.seats(request_id) if (who := seat.identity())]
        return any(told)

    def _of(self, request_id: str) -> HostFolder:
        return HostFolder(self.folder / checked_request_id(request_id))

    def _folders(self) -> tuple[HostFolder, ...]:
        try:
            entries = sorted(self.folder.iterdir())
        except FileNotFoundError:
            return ()
        found = (each for each in entries if each.name[0] != "." and each.is_dir())
        return tuple(HostFolder(each) for each in found)

    def _refuse_spent(self, here: HostFolder) -> None:
        if here.cancelled.exists():
            raise RejectedError(
                f"request {here.id} was stopped and starts nothing any more; make a new one"
            )

    def _refuse_elsewhere(self, seat: Seat) -> None:
        who = seat.identity()
        if who is not None and who.elsewhere and not seat.see().report:
            raise ProviderError(
                f"request {seat.request_id} runs on {who.node}, not here; "
                f"run there: glidein stop {seat.request_id}"
            )

    def _start(self, here: HostFolder, request: Request, index: int, secret: bytes) -> None:
        seat = here.seat(index)
        draft = Path(tempfile.mkdtemp(prefix=here.new_draft(index), dir=here.folder))
        try:
            self._fill(draft, here, request, index)
            child = self._spawn(draft, here, seat, secret)
        except (OSError, process.CommandError):
            if seat.claimed():  # a quicker client has it, and swept our draft away
                return
            shutil.rmtree(draft, ignore_errors=True)
            raise
        _await_claim(seat, child, draft)

    def _fill(self, draft: Path, here: HostFolder, request: Request, index: int) -> None:
        claims = here.folder / "claims"  # the payload's own claim, below ours, costs nothing
        claims.mkdir(exist_ok=True, mode=0o700)
        token = str(here.seat(index).token)
        place = pilotconf.Place(token, True, str(self.work_dir or ""), str(claims))
        _write(draft / "pilot.conf", os.fsencode(pilotconf.render(request, index, place)))
        # A copy: bash reads a script as it goes, and ours may be upgraded under it.
        _write(draft / "pilot.sh", self.payload.read_bytes())

    def _spawn(self, draft: Path, here: HostFolder, seat: Seat, secret: bytes) -> int:
        argv: tuple[str | Path, ...] = ("bash", self._starter, draft, seat.folder, here.cancelled)
        reader = _pipe_of(secret)
        try:
            env = _environment()
            return process.spawn(argv, log=draft / "log", env=env, cwd=Path("/"), stdin=reader)
        finally:
            os.close(reader)

    def _tidied(self, here: HostFolder) -> SeenRequest:
        """See a request, and remove the token of a pilot that ended before it took it."""
        for seat in here.seats():
            who = seat.identity()
            if who is not None and not who.elsewhere and not who.alive():
                _reap(who.pid)
                seat.token.unlink(missing_ok=True)
        return here.see()

    def _work_dirs(self) -> set[Path]:
        """Return where a pilot that we start now may make its folder, as its payload chooses."""
        if self.work_dir is not None:
            return {self.work_dir}
        return {Path(os.environ.get("TMPDIR") or "/tmp"), Path("/tmp"), Path("/var/tmp")}  # noqa: S108

    def _end(self, seat: Seat, until: float, bases: Collection[Path], *, insist: bool) -> None:
        """Wait for the pilot until that time, then kill it; in any case remove what it left."""
        who = seat.identity()
        if who is None:
            return
        asked = time.monotonic()
        while who.alive() and time.monotonic() < until:
            time.sleep(0.05)
            if insist and time.monotonic() - asked > 1:  # told again while it drains, it hurries
                who.signal(signal.SIGTERM)
                asked = time.monotonic()
        folders = tuple(_work_folders(who, bases))
        links = tuple(_link_to(folder) for folder in folders)
        names = (*folders, *(link / "work" for link in links))
        _kill(who, {f"GLIDEIN_PILOT={name}" for name in names})
        seat.token.unlink(missing_ok=True)
        for folder in (*folders, *links):
            shutil.rmtree(folder, ignore_errors=True)


def _alive(here: HostFolder) -> bool:
    return any(who.alive() for seat in here.seats() if (who := seat.identity()))


def _grace(here: HostFolder) -> float:
    try:
        return float(here.asked().get("grace", 0))
    except (OSError, ValueError, TypeError):
        return 0.0


@contextmanager
def _words(what: str) -> Iterator[None]:
    """Map what the file system and the process door raise into the tree."""
    try:
        yield
    except RenderError as error:
        raise ConfigError.one("request", str(error)) from error
    except (OSError, process.CommandError) as error:
        raise TransientError(f"host: {what}: {error}; put that right and repeat") from error


def _secret(token: Path) -> bytes:
    try:
        secret = token.read_bytes()
    except OSError as error:
        raise ConfigError.one("token", f"{token} cannot be read: {error.strerror}") from error
    if not secret.strip() or len(secret) > _MOST_TOKEN:
        raise ConfigError.one("token", f"{token} holds no token")
    return secret


def _pipe_of(secret: bytes) -> int:
    """Return the reading end of a pipe that holds the token: no disk sees it before the claim."""
    reader, writer = os.pipe()
    try:
        os.write(writer, secret)
    finally:
        os.close(writer)
    return reader


def _write(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)


def _environment() -> dict[str, str]:
    passed = {
        key: value
        for key, value in os.environ.items()
        if key in _PASSED or key.startswith(_PASSED_PREFIXES)
    }
    return {**passed, "PATH": passed.get("PATH") or _PATH}


def _await_claim(seat: Seat, child: int, draft: Path) -> None:
    """Wait until somebody has the seat: our starter, or another client's that was quicker."""
    until = time.monotonic() + _START_WAIT
    while not seat.claimed():
        if not process.alive(child) and not seat.claimed():
            said = _said(draft)
            shutil.rmtree(draft, ignore_errors=True)
            raise TransientError(f"host: the pilot of {seat.request_id} did not start{said}")
        if time.monotonic() > until:
            os.kill(child, signal.SIGKILL)  # our own child, not waited for: the number is its
            _reap(child)
            raise TransientError(f"host: no start of {seat.request_id} in {_START_WAIT:g} s")
        time.sleep(0.01)
    who = seat.identity()
    if who is None or who.pid != child:
        with suppress(ChildProcessError):
            os.waitpid(child, 0)


def _said(draft: Path) -> str:
    with suppress(OSError):
        return ": " + (draft / "log").read_text(errors="replace").strip()[-500:]
    return ""


def _reap(pid: int) -> None:
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def _kill(who: Identity, marks: set[str]) -> None:
    """Kill the pilot and all that belongs to it.

    The pilot alone first: its watchdog then ends daemons and jobs and writes the report. What is
    left after that is killed.
    """
    doomed = family(who, marks)
    who.signal(signal.SIGKILL)
    until = time.monotonic() + _WATCHDOG
    while (doomed := {each for each in doomed if each.alive()}) and time.monotonic() < until:
        time.sleep(0.05)
    # A daemon may have been starting another one: look again until there is none.
    until = time.monotonic() + _LAST
    while doomed := {each for each in doomed | family(who, marks) if each.alive()}:
        if time.monotonic() > until:
            stay = ", ".join(sorted(str(each.pid) for each in doomed))
            raise ProviderError(f"host: these processes do not end: {stay}; look with: ps {stay}")
        for each in doomed:
            each.signal(signal.SIGKILL)
        time.sleep(0.02)
    _reap(who.pid)


def _work_folders(who: Identity, bases: Collection[Path]) -> Iterator[Path]:
    """Yield the work folders of that very pilot; its payload signs each in the file `owner`."""
    for base in bases:
        with suppress(OSError):
            for folder in base.glob(f"glidein-{os.geteuid()}.*"):
                if folder.lstat().st_uid == os.geteuid() and _signed(folder, who):
                    yield folder


def _link_to(folder: Path) -> Path:
    """Return where the payload links to a folder whose own path HTCondor could not name."""
    suffix = folder.name.rpartition(".")[2]
    return Path(f"/tmp/glidein-link-{os.geteuid()}.{suffix}")  # noqa: S108


def _signed(folder: Path, who: Identity) -> bool:
    try:
        boot, process_line = (folder / "owner").read_text(errors="replace").splitlines()[:2]
    except (OSError, ValueError):
        return False
    return boot.split(" ")[0] == who.boot and process_line == f"{who.pid} {who.start}"
