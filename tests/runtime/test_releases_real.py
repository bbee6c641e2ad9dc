"""Whole releases: what Debian's holds, and slim tarballs of an installed and an official one."""

import shutil
import tarfile
from pathlib import Path

import pytest

from glidein import process, runtime
from glidein.errors import RuntimeUnavailable
from glidein.runtime import elf, relocate

pytestmark = pytest.mark.real

BARE = {"CONDOR_CONFIG": "/dev/null"}
OF_A_POOL = (
    "condor_master", "condor_collector", "condor_negotiator", "condor_schedd",
    "condor_shadow", "condor_startd", "condor_starter", "condor_procd", "condor_shared_port",
    "condor_credd", "condor_dagman", "condor_submit", "condor_submit_dag", "condor_q",
    "condor_wait", "condor_rm", "condor_hold", "condor_release", "condor_history",
    "condor_prio", "condor_userprio", "condor_off", "condor_status", "condor_token_create",
    "condor_token_fetch", "condor_token_list", "condor_token_request",
    "condor_token_request_approve", "condor_ping", "condor_ssh_to_job",
    "condor_ssh_to_job_sshd_setup", "condor_ssh_to_job_shell_setup", "interactive.sub",
    "curl_plugin", "condor_transfer_data", "condor_version",
)  # fmt: skip


def said_by(root: Path, name: str = "sbin/condor_master") -> str:
    return process.run([root / name, "-version"], timeout=20, env=BARE).stdout


def unpacked(slim: Path, to: Path) -> Path:
    """Unpack a slim tarball as the payload does, placed where it has to be."""
    to.mkdir()
    process.run(["tar", "-xf", slim, "-C", to, "--strip-components=1"], timeout=60)
    relocate.place(to, to)
    return to


def test_debians_release_holds_what_a_pool_needs_and_nothing_for_perl(
    condor: runtime.Runtime,
) -> None:
    for name in OF_A_POOL:
        assert condor.program(name)
    assert (condor.root / "lib/condor_ssh_to_job_sshd_config_template").is_file()
    first = [p.read_bytes()[:80].split(b"\n")[0] for p in (condor.root / "bin").iterdir()]
    assert not [x for x in first if x.startswith(b"#!") and (b"perl" in x or b"python" in x)]


def test_every_program_finds_every_library_in_the_runtime_itself(condor: runtime.Runtime) -> None:
    own = {path.name for path in (condor.root / "lib").iterdir()}
    for path in condor.root.rglob("*"):
        found = elf.read(path) if path.is_file() else None
        assert not found or set(found.needed) <= own, path
    loader = str(condor.root / relocate.LOADER)
    listed = process.run([loader, "--list", condor.program("condor_starter")], timeout=20).stdout
    places = [line.split(" => ")[1] for line in listed.splitlines() if " => " in line]
    assert places
    assert all(place.startswith(str(condor.root)) for place in places)


def test_no_library_of_a_hostile_path_is_taken_for_its_own(
    condor: runtime.Runtime, tmp_path: Path
) -> None:
    for path in (condor.root / "lib").iterdir():
        (tmp_path / path.name).write_text("not a library")
    env = {**BARE, "LD_LIBRARY_PATH": str(tmp_path)}
    for name in ("condor_master", "condor_status", "condor_config_val"):
        said = process.run([condor.program(name), "-version"], timeout=20, env=env)
        assert "23.9.6" in said.stdout
    found = process.run([condor.program("condor_gpu_discovery")], timeout=60, env=env)
    assert "DetectedGPUs" in found.stdout


def test_compiled_in_defaults_are_there_under_an_empty_environment(
    condor: runtime.Runtime,
) -> None:
    said = process.run([condor.program("condor_config_val"), "-dump"], timeout=30, env=BARE).stdout
    assert "STARTD_NOCLAIM_SHUTDOWN" in said
    assert len(said.splitlines()) > 500


def test_an_installed_htcondor_packs_to_a_tarball_that_runs_without_it(
    condor: runtime.Runtime, tmp_path: Path
) -> None:
    shutil.copytree(condor.root, tmp_path / "opt")
    relocate.place(tmp_path / "opt", tmp_path / "opt")
    installed = runtime.get(prefix=tmp_path / "opt", where=tmp_path / "cache")
    runtime.pack(installed, tmp_path / "slim.tar.gz")
    shutil.rmtree(tmp_path / "opt")
    slim = unpacked(tmp_path / "slim.tar.gz", tmp_path / "a folder of its own")
    assert "23.9.6" in said_by(slim)
    assert (slim / "RELOCATE").is_file()


def official_like(condor: runtime.Runtime, folder: Path) -> Path:
    """A tarball in the shape of an official one: host's loader, links, lib/condor, libexec."""
    tree = folder / "condor-23.9.6-1-x86_64_Test9-stripped"
    shutil.copytree(condor.root, tree, ignore=shutil.ignore_patterns("manifest", "about", "RELOC*"))
    (tree / "lib/condor").mkdir()
    (tree / "lib/libgomp.so.1").rename(tree / "lib/condor/libgomp.so.1")
    (tree / "lib/ld-linux-x86-64.so.2").unlink()  # the programs name the one they were placed with
    (tree / "bin/condor_release").unlink()
    (tree / "bin/condor_release").hardlink_to(tree / "bin/condor_hold")
    (tree / "bin/condor_vacate").unlink()
    (tree / "bin/condor_vacate").symlink_to("condor_hold")
    with tarfile.open(folder / "official.tar.gz", "w:gz", compresslevel=1) as tar:
        tar.add(tree, tree.name)
    shutil.rmtree(tree)
    return folder / "official.tar.gz"


def test_an_official_release_is_got_verified_and_cut_to_what_a_pilot_needs(
    condor: runtime.Runtime, tmp_path: Path
) -> None:
    archive = official_like(condor, tmp_path)
    found = runtime.get(str(archive), where=tmp_path / "cache")
    assert (found.version, found.platform) == ("23.9.6", "X86_64-Debian_13")
    assert runtime.verify(found) == ()
    assert found.program("condor_vacate").is_symlink()
    runtime.pack(found, tmp_path / "slim.tar.gz")
    slim = unpacked(tmp_path / "slim.tar.gz", tmp_path / "slim")
    assert not (slim / "RELOCATE").exists()
    assert (slim / "lib/condor/libgomp.so.1").is_file()
    assert not (slim / "sbin/condor_schedd").exists()
    assert (tmp_path / "slim.tar.gz").stat().st_size < archive.stat().st_size
    assert "23.9.6" in said_by(slim)


def test_a_known_tarball_is_not_read_twice(condor: runtime.Runtime, tmp_path: Path) -> None:
    archive = official_like(condor, tmp_path)
    first = runtime.get(str(archive), where=tmp_path / "cache")
    about = (first.root / "about").read_text().splitlines()
    digest = next(x for x in about if x.startswith("ARCHIVE=")).split("'")[1]
    archive.unlink()
    assert runtime.get(str(archive), sha256=digest, where=tmp_path / "cache") == first


def test_a_slim_tarball_that_was_changed_inside_is_refused(
    condor: runtime.Runtime, tmp_path: Path
) -> None:
    runtime.pack(condor, tmp_path / "slim.tar.gz")
    slim = unpacked(tmp_path / "slim.tar.gz", tmp_path / "condor-23.9.6-slim")
    relocate.unplace(slim)
    process.run(["sha256sum", "--quiet", "-c", "manifest"], cwd=slim, timeout=30)
    with (slim / "bin/condor_who").open("ab") as file:
        file.write(b"more")
    process.run(["tar", "-C", tmp_path, "-czf", tmp_path / "bad.tar.gz", slim.name], timeout=60)
    with pytest.raises(RuntimeUnavailable, match="its manifest lists"):
        runtime.get(str(tmp_path / "bad.tar.gz"), where=tmp_path / "cache")
