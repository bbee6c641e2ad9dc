"""Print the path of a usable `uv`; fetch the pinned wheel first if there is none.

Uses nothing but the standard library, so that it runs where pip, venv and curl are missing.
The wheel is looked for in the index that pip or uv are configured to use, and is checked against
the SHA-256 below before it is unpacked.
"""

import configparser
import hashlib
import html
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
import zipfile

VERSION = "0.13.9"
WHEELS = {
    ("x86_64", "glibc"): (
        f"uv-{VERSION}-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
        "d7f459fe4fd247d830351c75686d3996ace3c6f3f728eb0e85a30b7ada0cef19",
    ),
}
ROOT = pathlib.Path(__file__).resolve().parent.parent


def index_url() -> str:
    """Return the simple index in force: environment first, then pip's files, then PyPI."""
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"):
        if os.environ.get(name):
            return os.environ[name]
    parser = configparser.ConfigParser()
    home = pathlib.Path.home()
    parser.read(["/etc/pip.conf", home / ".pip/pip.conf", home / ".config/pip/pip.conf"])
    return parser.get("global", "index-url", fallback="https://pypi.org/simple")


def existing() -> str | None:
    """Return a uv that is already there and new enough to read our lock file, or None."""
    for candidate in (str(ROOT / ".uv" / "uv"), shutil.which("uv")):
        if candidate and pathlib.Path(candidate).exists():
            said = subprocess.run([candidate, "--version"], capture_output=True, text=True)
            found = re.search(r"(\d+)\.(\d+)", said.stdout)
            if found and (int(found[1]), int(found[2])) >= (0, 9):
                return candidate
    return None


def fetch(name: str, digest: str) -> bytes:
    """Download one wheel from the index and return it, or stop with a message."""
    page_url = index_url().rstrip("/") + "/uv/"
    with urllib.request.urlopen(page_url, timeout=60) as answer:
        page = answer.read().decode()
    links = (html.unescape(href) for href in re.findall(r'href="([^"]+)"', page))
    link = next((href for href in links if name in href), None)
    if link is None:
        sys.exit(f"get_uv: {page_url} has no {name}; install uv by hand and run make again")
    with urllib.request.urlopen(urllib.parse.urljoin(page_url, link), timeout=300) as answer:
        wheel: bytes = answer.read()
    found = hashlib.sha256(wheel).hexdigest()
    if found != digest:
        sys.exit(f"get_uv: {name} has SHA-256 {found}, not {digest}; nothing was installed")
    return wheel


def main() -> None:
    """Find or fetch uv and print its path."""
    found = existing()
    if found is None:
        key = (platform.machine(), platform.libc_ver()[0])
        if key not in WHEELS:
            sys.exit(f"get_uv: no pinned uv for {key[0]} {key[1]}; install uv and run make again")
        print("fetching uv", VERSION, file=sys.stderr)
        name, digest = WHEELS[key]
        target = ROOT / ".uv"
        target.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target) as folder:
            whole = pathlib.Path(folder, name)
            whole.write_bytes(fetch(name, digest))
            with zipfile.ZipFile(whole) as wheel:
                member = next(m for m in wheel.namelist() if m.endswith("/scripts/uv"))
                unpacked = pathlib.Path(folder, "uv")
                unpacked.write_bytes(wheel.read(member))
            unpacked.chmod(0o755)
            unpacked.replace(target / "uv")
        found = str(target / "uv")
    print(found)


main()
