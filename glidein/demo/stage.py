"""Where the demo plays: its folder, whom it runs as, and the loopback web server."""

import os
import pwd
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from glidein.demo import workflow
from glidein.errors import GlideinError
from glidein.guard import Guard


@dataclass(frozen=True, slots=True)
class Stage:
    """The demo's folder and the uid its daemons and jobs run as (None: our own)."""

    folder: Path
    user: int | None

    @property
    def owner(self) -> str:
        """The name that owns the jobs."""
        return pwd.getpwuid(os.geteuid() if self.user is None else self.user).pw_name

    def folder_for_user(self, name: str) -> Path:
        """Make a sub-folder that belongs to whoever plays."""
        path = self.folder / name
        path.mkdir(mode=0o700)
        self.give(path)
        return path

    def give(self, path: Path) -> None:
        """Make a file or folder belong to whoever plays."""
        if self.user is not None:
            os.chown(path, self.user, pwd.getpwuid(self.user).pw_gid)

    def write(self, path: Path, text: str, mode: int = 0o600) -> Path:
        """Write a file that belongs to whoever plays."""
        with open(path, "w", encoding="utf-8", opener=lambda p, f: os.open(p, f, mode)) as file:
            file.write(text)
        self.give(path)
        return path


@contextmanager
def stage() -> Iterator[Stage]:
    """Yield a fresh stage and remove its folder at the end, whatever happened.

    HTCondor runs no job of root: for root the stage belongs to the user nobody.
    """
    user = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="glidein-demo-"))
    if user is not None:
        folder.chmod(0o755)
    guard = Guard(folder)
    try:
        yield Stage(folder, user)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        guard.release()
        if folder.exists():
            raise GlideinError(f"the demo's folder {folder} could not be removed")


@contextmanager
def web_page() -> Iterator[str]:
    """Serve the page on loopback while the context lasts; yield its URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Page)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/page.html"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """Answer every path with the page."""
        body = workflow.page().encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Stay silent: the demo tells its own story."""
