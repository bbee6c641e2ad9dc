"""Which source is taken, and what is said of the others; the host's HTCondor by links."""

import sys
from pathlib import Path

import pytest

from glidein import process, runtime
from glidein.errors import ConfigError, RuntimeUnavailable
from glidein.runtime import official, packing
from tests.runtime import trees

NOWHERE = ("host", "cache", "debian")


def test_the_hosts_own_is_taken_first_and_by_links(tmp_path: Path) -> None:
    installed = trees.lay(tmp_path / "opt")
    said: list[str] = []
    found = runtime.get(prefix=installed, where=tmp_path / "cache", progress=said.append)
    assert (found.version, found.platform) == ("1.2.3", "SH")
    assert found.program("condor_master").resolve() == installed / "sbin/condor_master"
    assert said == ["HTCondor 1.2.3 from host"]
    assert runtime.verify(found) == ()


def test_an_upgrade_of_the_hosts_own_is_noticed_and_got_anew(tmp_path: Path) -> None:
    installed = trees.lay(tmp_path / "opt")
    first = runtime.get(prefix=installed, where=tmp_path / "cache")
    (installed / "sbin/condor_startd").write_text("#!/bin/sh\n# newer\n")
    assert [p.path for p in runtime.verify(first)] == ["sbin/condor_startd"]
    (installed / "sbin/condor_procd").unlink()
    assert [str(p.message) for p in runtime.verify(first)] == ["missing", "changed"]
    trees.lay(installed)
    (installed / "sbin/condor_startd").write_text("#!/bin/sh\n# newer\n")
    second = runtime.get(prefix=installed, where=tmp_path / "cache")
    assert second.id != first.id
    assert runtime.find(cache=tmp_path / "cache") == second


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sbin/condor_starter": None}, "has no condor_starter"),
        ({"sbin/condor_master": None}, "there is no"),
        ({"sbin/condor_master": "#!/bin/sh\nexit 3\n"}, "exit code 3"),
        ({"sbin/condor_master": "#!/bin/sh\necho hello\n"}, "does not say which HTCondor"),
    ],
)
def test_an_install_that_is_not_fit_is_refused(
    tmp_path: Path, change: dict[str, str | None], said: str
) -> None:
    files = {name: text for name, text in (trees.PROGRAMS | change).items() if text is not None}
    trees.lay(tmp_path / "opt", files)
    with pytest.raises(RuntimeUnavailable, match=said):
        runtime.get("host", prefix=tmp_path / "opt", where=tmp_path / "cache")


@pytest.mark.real
def test_when_nothing_works_every_reason_is_said(tmp_path: Path) -> None:
    (tmp_path / "sources.list").write_text("deb http://127.0.0.1:9/debian bookworm main\n")
    with pytest.raises(RuntimeUnavailable) as caught:
        runtime.get(where=tmp_path / "cache", order=NOWHERE, apt_sources=tmp_path)
    said = str(caught.value)
    for part in ("host: no HTCondor", "cache: ", "holds no runtime yet", "debian: ", "--sha256"):
        assert part in said


def test_one_that_does_not_run_here_is_passed_over(tmp_path: Path) -> None:
    with_master = trees.PROGRAMS | {"sbin/condor_master": "#!/no/such/shell\n"}
    tree = trees.lay(tmp_path / "x" / "condor-9.9.9-test", with_master)
    process.run(["tar", "-C", tree.parent, "-czf", tmp_path / "a.tar.gz", tree.name], timeout=20)
    said: list[str] = []
    found = runtime.get(str(tmp_path / "a.tar.gz"), where=tmp_path / "c", progress=said.append)
    assert found.version == "9.9.9"
    assert "does not run on this machine" in said[-1]
    with pytest.raises(RuntimeUnavailable, match="does not run on this machine"):
        runtime.get(where=tmp_path / "c", order=("cache",))


@pytest.mark.parametrize("options", [{"suite": "../x y"}, {"sha256": "12"}])
def test_options_that_cannot_be_are_named(tmp_path: Path, options: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=next(iter(options))):
        runtime.get("debian", where=tmp_path, **options)  # type: ignore[arg-type]


def test_the_known_release_has_a_whole_sum_and_a_witness() -> None:
    release = official.RELEASE
    assert len(bytes.fromhex(release.sha256)) == 32
    assert release.url.startswith("https://")
    assert release.vouched_by
    assert "x86_64_AlmaLinux8" in release.url


def test_a_pilots_programs_are_all_there_once(tmp_path: Path) -> None:
    both = (*packing.PROGRAMS, *packing.WELCOME)
    assert len(set(both)) == len(both)


def test_our_own_cache_does_not_pass_for_the_hosts(tmp_path: Path) -> None:
    cache, farm, opt = tmp_path / "cache", tmp_path / "farm", trees.lay(tmp_path / "opt")
    ours = trees.stored(cache)
    linked = runtime.get("host", prefix=opt, where=cache)  # links out of the cache again
    for number, root in enumerate((ours.root, linked.root)):
        (farm / str(number)).mkdir(parents=True)
        (farm / str(number) / "sbin").symlink_to(root / "sbin")
        (farm / f"files-{number}" / "sbin").mkdir(parents=True)
        for path in (root / "sbin").iterdir():
            (farm / f"files-{number}" / "sbin" / path.name).symlink_to(path)
    roots = (ours.root, linked.root, *farm.iterdir())
    assert len(roots) == 6
    for root in roots:
        with pytest.raises(RuntimeUnavailable, match="into our own cache"):
            runtime.get("host", prefix=root, where=cache)
        said = found_on(f"{root}/sbin:/usr/bin:/bin", cache)
        assert "no HTCondor is installed here; the one on PATH is out of our own cache" in said
        assert f"host {opt}" in found_on(f"{root}/sbin:{opt}/sbin:/usr/bin:/bin", cache)


def found_on(path: str, cache: Path) -> str:
    """Return the source of the host's HTCondor on that PATH, or what is said without one."""
    program = (
        "import sys; from pathlib import Path; from glidein import runtime, errors\n"
        "try: print(runtime.get('host', where=Path(sys.argv[1])).source)\n"
        "except errors.RuntimeUnavailable as error: print(error)"
    )
    return process.run([sys.executable, "-c", program, cache], timeout=30,
                       env={"PATH": path, "HOME": "/nonexistent"}).stdout  # fmt: skip
