"""Which archive apt is pointed at, and that an unsigned one is refused."""

from pathlib import Path

import pytest

from glidein.errors import RuntimeUnavailable
from glidein.runtime import apt, debian


def lay(folder: Path, **files: str) -> Path:
    (folder / "sources.list.d").mkdir()
    for name, text in files.items():
        (folder / "sources.list.d" / name.replace("_", ".")).write_text(text)
    return folder


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a_list", "# deb http://no/debian x main\ndeb http://m/debian sid main\n",
         apt.Archive("http://m/debian")),
        ("a_list", "deb [arch=amd64 signed-by=/k.gpg trusted=yes] https://m/debian/ sid main\n",
         apt.Archive("https://m/debian/", "/k.gpg")),
        ("a_list", "deb-src http://s/debian x main\ndeb http://s/debian-security x main\n"
         "deb http://m/debian x main\n", apt.Archive("http://m/debian")),
        ("a_sources", "Types: deb\n# why\nURIs: http://m/debian\nSuites: x\nSigned-By: /k.gpg\n",
         apt.Archive("http://m/debian", "/k.gpg")),
        ("a_sources", "Enabled: no\nTypes: deb\nURIs: http://off/debian\n\n"
         "Types: deb deb-src\nURIs: http://s/debian-security http://m/debian\n",
         apt.Archive("http://m/debian")),
        ("a_list", "deb [check-valid-until=no] http://m/debian sid main\n",
         apt.Archive("http://m/debian", any_age=True)),
        ("a_sources", "Types: deb\nURIs: http://m/debian\nCheck-Valid-Until: no\n",
         apt.Archive("http://m/debian", any_age=True)),
        ("a_sources", "Types: deb\nURIs: mirror+file:///etc/apt/mirrors/debian.list\n",
         apt.Archive("mirror+file:///etc/apt/mirrors/debian.list")),
    ],
)  # fmt: skip
def test_the_archive_is_read_from_the_machines_own_sources(
    tmp_path: Path, name: str, text: str, expected: apt.Archive
) -> None:
    assert apt.archive(lay(tmp_path, **{name: text})) == expected


def test_no_archive_of_debian_is_said(tmp_path: Path) -> None:
    lay(tmp_path, a_list="deb http://archive.example.org/ubuntu noble main\n")
    with pytest.raises(RuntimeUnavailable, match="no Debian archive is named"):
        apt.archive(tmp_path)


@pytest.mark.real
def test_an_archive_that_nobody_signed_is_refused_even_where_the_machine_trusts_it(
    tmp_path: Path,
) -> None:
    archive = tmp_path / "www" / "debian"
    (archive / "dists/trixie/main/binary-amd64").mkdir(parents=True)
    (archive / "dists/trixie/main/binary-amd64/Packages").touch()
    (archive / "dists/trixie/Release").write_text("Suite: trixie\nCodename: trixie\n")
    lay(tmp_path, a_list=f"deb [trusted=yes] file://{archive} trixie main\n")
    with pytest.raises(RuntimeUnavailable, match="not signed"):
        debian.get("trixie", tmp_path / "cache", lambda _: None, tmp_path)
