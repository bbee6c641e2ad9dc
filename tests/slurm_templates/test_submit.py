"""The submit description, read back by the real condor_submit."""

import dataclasses
import shutil
import unicodedata
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import classad2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glidein import catalogue, process, quoting, runtime
from glidein.batchask import BatchAsk
from glidein.catalogue import parse_target
from glidein.errors import RenderError
from glidein.model import PilotSpec, PoolAddress, Request, RuntimeChoice
from slurm_templates import submit
from slurm_templates.planning import Target
from tests.beds import pools

CATALOGUE = catalogue.merge(catalogue.shipped())
PATH = Target(*parse_target("cpu@path-facility", CATALOGUE))
REQUEST = Request(
    "g20261123-094500-abcdefghjk", "batch:x", PilotSpec(PoolAddress("h", 1), ("o",)),
    datetime(2026, 11, 23, tzinfo=UTC), 2, RuntimeChoice("/home/u/condor.tar.gz", "ab"),
)  # fmt: skip
ASK = BatchAsk(nodes=2, cpus=4, memory=8192, lifetime=7200, project="Chtc")
Ads = Callable[[str], list[classad2.ClassAd]]

TEXT = st.text(st.characters(codec="utf-8"), max_size=40)
PIECES = st.lists(
    st.sampled_from(["$", "$(", "$$(", "$(DOLLAR", ")", "\\", '"', "'", "#", " ", "=", ":", "\n",
                     "a", "$ENV(", "$INT(", "é", "@=", "\t", "queue 9", ","]), max_size=12,
).map("".join)  # fmt: skip


@pytest.fixture(scope="module")
def ads(condor: runtime.Runtime) -> Iterator[Ads]:
    """Return what condor_submit makes of a description, an ad for each batch job."""
    with pools.open_folder("glsub-") as folder:
        config = folder / "config"
        config.write_text(f"RELEASE_DIR={condor.root}\nLOCAL_DIR={folder}\nUID_DOMAIN=x.y\n")
        for name in ("token", "pilot.0.conf", "pilot.1.conf", "pilot.sh"):
            (folder / name).write_text("#!/bin/bash\n")
        (folder / "run.condor.0").mkdir()
        env = {"CONDOR_CONFIG": str(config), "PATH": "/usr/bin:/bin", "HOME": str(folder)}

        def read(text: str) -> list[classad2.ClassAd]:
            (folder / "pilot.sub").write_text(text)
            argv: list[str | Path] = [condor.program("condor_submit"), "-dry-run:full", "out"]
            process.run([*argv, "pilot.sub"], timeout=30, env=env, cwd=folder)
            said = (folder / "out").read_text()
            return [classad2.parseOne(each) for each in said.split("\n\n") if "ProcId" in each]

        yield read
        shutil.rmtree(folder, ignore_errors=True)


def text(ask: BatchAsk = ASK, target: Target = PATH, request: Request = REQUEST) -> str:
    return submit.render(submit.submit(request, ask, target))


@pytest.mark.real
def test_condor_submit_reads_what_was_asked(ads: Ads) -> None:
    first, second = ads(text())
    assert [int(each["ProcId"]) for each in (first, second)] == [0, 1]
    assert first["GlideinRequest"] == REQUEST.id
    assert first["ProjectName"] == "Chtc"
    assert (first["RequestCpus"], first["RequestMemory"]) == (4, 8192)
    assert first.eval("RequestDisk") == 4 * 15000 * 1024
    assert 'GLIDEIN_Site isnt "FIU-PATH"' in str(first["Requirements"])
    assert first["SingularityImage"] == PATH.system.htcondor.image
    assert second["Args"] == "--conf pilot.1.conf"
    assert first["TransferInput"].split(",") == ["token", "pilot.0.conf", "/home/u/condor.tar.gz"]
    assert first["AllowedJobDuration"] == 7200 + 600
    assert first["StreamOut"] is True


@pytest.mark.real
def test_gpus_are_asked_for(ads: Ads) -> None:
    ask = dataclasses.replace(ASK, gpus=2, gpu_type="A100")
    first, _ = ads(text(ask))
    assert first["RequestGPUs"] == 2
    assert 'regexp("A100"' in str(first["RequireGPUs"])


@pytest.mark.real
@given(TEXT | PIECES)
@settings(max_examples=40, deadline=None)
def test_condor_submit_reads_back_what_submit_string_quoted(ads: Ads, value: str) -> None:
    try:
        made = text(dataclasses.replace(ASK, project=value))
    except RenderError:
        assert set(value) & {"$", "\\"} or any(unicodedata.category(each) == "Cc" for each in value)
        return
    first, second = ads(made)
    assert first.get("ProjectName", "") == second.get("ProjectName", "") == value


@given(TEXT | PIECES)
def test_a_files_name_is_one_name_or_refused(value: str) -> None:
    try:
        assert quoting.submit_file(value) == value
    except RenderError:
        return
    assert not set(value) & set(" ,\"'$\n\t\\#")


@pytest.mark.parametrize("value", ["", " a", "a\\", "a\nqueue 9", "$$(x)", "a\r", "\0"])
def test_submit_refuses_what_it_would_change(value: str) -> None:
    with pytest.raises(RenderError):
        quoting.submit(value)


def test_started_once_it_is_not_started_again_unless_asked() -> None:
    once, again = text(), text(dataclasses.replace(ASK, requeue=True))
    assert "NumJobStarts" in once
    assert "NumJobStarts" not in again


def test_options_of_sbatch_are_refused() -> None:
    with pytest.raises(RenderError, match="qos"):
        text(dataclasses.replace(ASK, options=(("qos", "normal"),)))


def test_a_runtime_that_is_no_tarball_there_is_left_to_the_pilot() -> None:
    for where in ("https://x.y/condor.tar.gz", "/cvmfs/condor"):
        request = dataclasses.replace(REQUEST, runtime=RuntimeChoice(where))
        assert where not in text(request=request)
        assert f"RUNTIME='{where}'" in submit.conf(request, ASK, PATH, 0)


def test_the_pilot_is_told_what_was_granted_and_no_path() -> None:
    conf = submit.conf(REQUEST, ASK, PATH, 1)
    for line in ("PILOT_INDEX='1'", "CPUS='4'", "MEMORY_MB='8192'", "DISK_MB='58976'",
                 "TOKEN_FILE='token'", "RUNTIME='condor.tar.gz'", "TOKEN_REMOVE='1'"):  # fmt: skip
        assert line in conf.splitlines()
