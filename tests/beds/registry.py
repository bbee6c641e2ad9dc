"""A registry of container images on loopback: the part of the OCI protocol that a pull needs."""

import gzip
import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_OCI = "application/vnd.oci.image"
_MANIFEST = f"{_OCI}.manifest.v1+json"


class Registry:
    """One image under the name `busy:1`; what is asked for is in `asked`."""

    def __init__(self, root: Path) -> None:
        self.blobs: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.port = 0
        plain = _tar(root)
        layer = self._keep(gzip.compress(plain, mtime=0))
        config = self._keep(
            json.dumps(
                {"architecture": "amd64", "os": "linux", "config": {"Cmd": ["/bin/sh"]},
                 "rootfs": {"type": "layers", "diff_ids": [_digest(plain)]}}
            ).encode()
        )  # fmt: skip
        self.manifest = json.dumps(
            {"schemaVersion": 2, "mediaType": _MANIFEST,
             "config": {"mediaType": f"{_OCI}.config.v1+json", **config},
             "layers": [{"mediaType": f"{_OCI}.layer.v1.tar+gzip", **layer}]}
        ).encode()  # fmt: skip

    @property
    def name(self) -> str:
        """What a job gives as its container_image."""
        return f"docker://127.0.0.1:{self.port}/busy:1"

    def _keep(self, blob: bytes) -> dict[str, str | int]:
        self.blobs[_digest(blob)] = blob
        return {"digest": _digest(blob), "size": len(blob)}

    def answer(self, path: str) -> tuple[str, bytes] | None:
        """Return media type and body of what lies under a path, None if nothing does."""
        self.asked.append(path)
        last = path.rsplit("/", 1)[-1]
        if path.rstrip("/") == "/v2":
            return "application/json", b"{}"
        if path.startswith("/v2/busy/manifests/") and last in ("1", _digest(self.manifest)):
            return _MANIFEST, self.manifest
        if path.startswith("/v2/busy/blobs/") and last in self.blobs:
            return "application/octet-stream", self.blobs[last]
        return None


def _digest(blob: bytes) -> str:
    return "sha256:" + hashlib.sha256(blob).hexdigest()


def _tar(root: Path) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        tar.add(root, arcname=".")
    return packed.getvalue()


@contextmanager
def serving(root: Path) -> Iterator[Registry]:
    """Serve the image of a root folder on a port of the kernel's choosing."""
    registry = Registry(root)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = registry.answer(self.path)
            kind, body = found or ("application/json", b'{"errors": []}')
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", kind)
            self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
            self.send_header("Docker-Content-Digest", _digest(body))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def do_HEAD(self) -> None:
            self.do_GET()

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        registry.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1})
        thread.start()
        yield registry
        server.shutdown()
        thread.join()
