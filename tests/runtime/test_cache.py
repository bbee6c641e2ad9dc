"""The cache's laws: complete or not there, sound before use, only abandoned folders swept."""

from pathlib import Path

import pytest

from glidein import process, runtime
from glidein.errors import NotFoundError, RuntimeUnavailable
from glidein.runtime import cache, manifest, packing, relocate
from tests.runtime import trees


def hidden(folder: Path) -> list[str]:
    return [path.name for path in folder.glob(".new-*")]


def test_what_is_stored_is_found_by_the_beginning_of_its_id_or_its_sum(tmp_path: Path) -> None:
    made = trees.stored(tmp_path)
    assert made.source == "it's a test"
    for prefix in ("1.2.3", made.id, made.sha256[:9], "default"):
        assert runtime.find(prefix, tmp_path) == made
    assert hidden(tmp_path) == []


def test_equal_content_is_one_runtime_and_other_content_another(tmp_path: Path) -> None:
    first, again, other = (trees.stored(tmp_path, more=text) for text in ("a", "a", "b"))
    assert first == again != other
    assert runtime.find(cache=tmp_path) == other
    with pytest.raises(NotFoundError, match="2 runtimes, not one"):
        runtime.find("1.2.3", tmp_path)


def test_the_manifest_is_one_that_sha256sum_reads(tmp_path: Path) -> None:
    made = trees.stored(tmp_path)
    process.run(["sha256sum", "--quiet", "-c", "manifest"], cwd=made.root, timeout=20)


def test_a_change_covered_by_a_new_manifest_is_found(tmp_path: Path) -> None:
    made = trees.stored(tmp_path)
    (made.root / "bin/condor_q").write_text("#!/bin/sh\nevil\n")
    manifest.write(made.root)
    assert [problem.path for problem in runtime.verify(made)] == ["manifest"]
    with pytest.raises(RuntimeUnavailable, match="written anew"):
        runtime.checked(made)


def test_a_lost_manifest_is_found(tmp_path: Path) -> None:
    made = trees.stored(tmp_path)
    (made.root / "manifest").unlink()
    assert [problem.path for problem in runtime.verify(made)] == ["manifest"]


def test_a_broken_runtime_is_never_taken_from_the_cache_and_is_repaired(tmp_path: Path) -> None:
    made = trees.stored(tmp_path)
    (made.root / "bin/condor_q").write_text("broken")
    with pytest.raises(RuntimeUnavailable, match="1 files are wrong"):
        runtime.get("cache", where=tmp_path)
    assert trees.stored(tmp_path) == made
    assert runtime.get("cache", where=tmp_path) == made
    assert runtime.verify(made) == ()
    assert hidden(tmp_path) == []


def test_a_runtime_that_was_moved_is_found_out(tmp_path: Path) -> None:
    with cache.building(tmp_path) as place:
        tree = trees.lay(place / "tree", {**trees.PROGRAMS, relocate.LOADER: "loader"})
        (tree / "bin/condor_q").write_bytes(bytes(300))
        relocate.write_table(tree, [relocate.Spot(20, 200, "bin/condor_q")])
        relocate.unplace(tree)
        made = cache.store(tree, tmp_path, {"VERSION": "1.2.3", "SOURCE": "", "PLATFORM": ""})
    assert runtime.verify(made) == ()
    moved = made.root.rename(tmp_path / "moved")
    assert [p.path for p in runtime.verify(cache.load(moved))] == ["RELOCATE"]
    copied = runtime.copy(cache.load(moved), tmp_path / "copied")
    assert runtime.verify(cache.load(copied)) == ()


def test_too_long_a_path_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    tree = trees.lay(tmp_path / "tree")
    before = (tree / "sbin/condor_master").read_bytes()
    relocate.write_table(tree, [relocate.Spot(0, 20, "sbin/condor_master")])
    with pytest.raises(RuntimeUnavailable, match="too long a path"):
        relocate.place(tree, tree)
    assert (tree / "sbin/condor_master").read_bytes() == before


@pytest.mark.parametrize("line", ["0 9 ../outside\n", "0 9 /etc/passwd\n", "nonsense\n"])
def test_a_table_that_leads_outside_is_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / "RELOCATE").write_text(line)
    with pytest.raises(RuntimeUnavailable, match="RELOCATE"):
        relocate.place(tmp_path, tmp_path)


def test_the_default_after_a_removal_is_one_that_is_left(tmp_path: Path) -> None:
    left, gone = trees.stored(tmp_path, "1.0.0"), trees.stored(tmp_path, "2.0.0")
    runtime.remove(gone)
    assert runtime.find(cache=tmp_path) == left
    assert hidden(tmp_path) == []


def test_only_what_a_cache_holds_is_removed(tmp_path: Path) -> None:
    trees.lay(tmp_path / "usr")
    installed = runtime.Runtime("x", "1", "", "", tmp_path / "usr", "")
    with pytest.raises(NotFoundError, match="no runtime of a cache"):
        runtime.remove(installed)
    assert (tmp_path / "usr/sbin/condor_master").exists()


def test_who_still_builds_is_not_swept_by_who_comes(tmp_path: Path) -> None:
    with cache.building(tmp_path) as first:
        (first / "half").touch()
        with cache.building(tmp_path):
            assert (first / "half").exists()


def test_what_others_keep_beside_the_cache_is_not_swept(tmp_path: Path) -> None:
    trees.stored(tmp_path / "cache")
    stranger = tmp_path / "out" / ".new-folder of mine"
    stranger.mkdir(parents=True)
    made = trees.lay(tmp_path / "rel" / "condor", all_of_a_pilot())
    runtime.pack(runtime.Runtime("x", "1.2.3", "", "", made, ""), tmp_path / "out" / "s.tar.gz")
    assert stranger.exists()


def all_of_a_pilot() -> dict[str, str]:
    return {f"sbin/{name}": trees.MASTER for name in packing.PROGRAMS} | {
        "about": "VERSION='1.2.3'\n"
    }


def test_a_tarball_is_whole_or_not_there(tmp_path: Path) -> None:
    made = trees.lay(tmp_path / "rel" / "condor", trees.PROGRAMS)
    lacking = runtime.Runtime("x", "1.2.3", "", "", made, "")
    with pytest.raises(RuntimeUnavailable, match="has no condor_shared_port"):
        runtime.pack(lacking, tmp_path / "s.tar.gz")
    assert [path.name for path in tmp_path.iterdir()] == ["rel"]


def test_a_cache_that_cannot_be_a_folder_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "file"
    folder.write_text("")
    with pytest.raises(RuntimeUnavailable, match="cannot be written"), cache.building(folder):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
