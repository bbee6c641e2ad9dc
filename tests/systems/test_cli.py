"""`glidein systems` as people run it."""

import json
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from glidein import process

ROOT = Path(__file__).parents[2]


class Home:
    """A home of its own, and what the command says there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env: dict[str, str] = {}

    @property
    def own(self) -> Path:
        return self.folder / "config" / "glidein" / "systems"

    def systems(self, *words: str) -> process.Result:
        env = {"PATH": "/usr/bin:/bin", "HOME": str(self.folder), "COLUMNS": "300",
               "XDG_CONFIG_HOME": str(self.folder / "config"),
               "XDG_CONFIG_DIRS": str(self.folder / "site"), **self.env}  # fmt: skip
        argv = [sys.executable, "-m", "glidein", "systems", *words]
        return process.run(argv, timeout=60, env=env, check=False, cwd=self.folder)

    def json(self, *words: str) -> Any:
        return json.loads(self.systems(*words, "--json").stdout)

    def write(self, name: str, text: str, folder: Path | None = None) -> Path:
        place = folder or self.own
        place.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)
        return place / name


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_list_shows_every_system_with_its_default_queue_first(home: Home) -> None:
    said = home.systems("list")
    assert said.ok
    lines = {line.split()[0]: line for line in said.stdout.splitlines()}
    assert {"anvil", "bridges2", "delta", "expanse", "path-facility", "stampede2"} <= set(lines)
    assert "wholenode, wide" in lines["anvil"]
    assert "TACC closed it in 2024" in lines["stampede2"]
    assert "HTCondor" in lines["path-facility"]
    plain = {each["name"]: each for each in home.json("list")}
    assert plain["anvil"]["default_queue"] == "wholenode"
    assert plain["stampede2"]["retired"]
    assert plain["anvil"]["files"] == ["shipped"]


def test_show_prints_limits_in_readable_units_with_source_and_date(home: Home) -> None:
    said = home.systems("show", "Expanse")
    assert said.ok
    gpu = next(line for line in said.stdout.splitlines() if line.startswith("gpu "))
    assert "whole nodes" in gpu
    assert "367 GiB" in gpu
    assert "2 d" in gpu
    assert "2026-11-23" in gpu
    assert "SDSC Expanse user guide" in said.stdout
    facts = home.json("show", "expanse")
    assert facts["system"]["queues"][0]["max_walltime"] == 172800
    assert facts["system"]["checked"] == "2026-11-23"
    assert facts["origins"]["queues.gpu.cores"] == "shipped"


def test_an_unknown_system_is_suggested(home: Home) -> None:
    said = home.systems("show", "expansive")
    assert said.returncode == 2
    assert said.stderr.startswith("glidein: SYSTEM: there is no system 'expansive'. Did you mean")
    assert "Did you mean expanse?" in said.stderr


def test_overlays_of_site_and_user_are_seen_and_the_users_wins(home: Home) -> None:
    first, second = home.folder / "first", home.folder / "second"
    home.env = {"XDG_CONFIG_DIRS": f"{first}:relative:{second}"}
    text = "[queues.RM]\nmax_nodes = {}\nmax_jobs = {}\ncores = {}\n"
    inside = Path("glidein", "systems")
    home.write("bridges2.toml", text.format(5, 5, 9) + "min_nodes = 2\n", second / inside)
    site = home.write("bridges2.toml", text.format(6, 3, 8), first / inside)
    # The XDG specification has relative folders ignored.
    home.write("bridges2.toml", "gibberish", home.folder / "relative" / inside)
    text = "[queues.RM]\nmax_nodes = {}\n"
    mine = home.write("bridges2.toml", text.format(7))
    found = home.json("show", "bridges2")
    queue = found["system"]["queues"][0]
    assert (queue["max_nodes"], queue["max_jobs"], queue["cores"]) == (7, 3, 8)
    assert queue["min_nodes"] == 2
    assert found["origins"]["queues.RM.max_nodes"] == str(mine)
    assert found["origins"]["queues.RM.max_jobs"] == str(site)
    row = next(x for x in home.systems("show", "bridges2").stdout.splitlines() if "RM (def" in x)
    assert str(mine) in row
    assert "shipped" in row


def test_check_prints_every_problem_and_hides_no_other_system(home: Home) -> None:
    assert home.systems("check").ok
    bad = home.write("delta.toml", 'titel = "x"\n[queues.cpu]\ncores = "many"\n')
    said = home.systems("check")
    assert said.returncode == 2
    assert f"{bad}: titel: is an unknown key. Did you mean title?" in said.stdout
    assert f"{bad}: queues.cpu.cores: 'many' is no whole number" in said.stdout
    assert len(home.json("check", "delta")["problems"]) == 2
    assert home.systems("check", "anvil").ok
    listed = home.systems("list")
    assert listed.ok
    assert "anvil" in listed.stdout
    assert "titel" in listed.stderr
    assert home.systems("show", "delta").returncode == 2


def test_files_that_cannot_be_read_are_told_of_and_never_passed_over(home: Home) -> None:
    (home.own / "anvil.toml").mkdir(parents=True)
    home.write("expanse.toml", "").write_bytes(b"\xff\xfe")
    home.write("spark.toml", "= broken")
    home.write("a b.toml", "")
    said = home.systems("check")
    assert said.returncode == 2
    for name in ("anvil", "expanse", "spark", "a b"):
        assert f"{home.own}/{name}.toml" in said.stdout
    assert home.systems("show", "anvil").returncode == 2
    assert {"anvil", "expanse", "spark"}.isdisjoint(each["name"] for each in home.json("list"))


def test_add_writes_a_file_that_is_read_back(home: Home) -> None:
    said = home.systems(
        "add", "mycluster", "--title", 'Our "cluster"', "--login-host", "login.example.org",
        "--partition", "batch", "--cores", "64", "--memory", "256GiB", "--max-walltime", "172800",
        "--max-nodes", "8", "--gpus", "4", "--gpu-type", "a100", "--project-required",
        "--scratch", "${SCRATCH}", "--constraint", "gpu&hbm80g", "--source", "our wiki",
    )  # fmt: skip
    assert said.ok, said.stderr
    assert said.stdout == "batch@mycluster\n"
    assert (home.own / "mycluster.toml").stat().st_nlink == 1
    assert [each.name for each in home.own.iterdir()] == ["mycluster.toml"]
    system = home.json("show", "mycluster")["system"]
    assert system["title"] == 'Our "cluster"'
    assert system["login"]["hosts"] == ["login.example.org"]
    assert system["project"]["required"] is True
    assert system["source"] == "our wiki"
    queue = system["queues"][0]
    assert (queue["cores"], queue["memory"], queue["max_walltime"]) == (64, 262144, 172800)
    assert (queue["gpus"], queue["gpu_types"], queue["max_nodes"]) == (4, ["a100"], 8)


def test_add_never_overwrites_without_force(home: Home) -> None:
    assert home.systems("add", "mine", "--queue", "a").ok
    before = (home.own / "mine.toml").read_text()
    again = home.systems("add", "mine", "--queue", "b")
    assert again.returncode == 2
    assert "--force" in again.stderr
    assert (home.own / "mine.toml").read_text() == before
    assert home.systems("add", "mine", "--queue", "b", "--force").stdout == "b@mine\n"
    assert [each.name for each in home.own.iterdir()] == ["mine.toml"]


def test_add_of_what_is_wrong_writes_nothing(home: Home) -> None:
    for words in (
        ("mine",),
        ("mine", "--queue", "a b"),
        ("mine", "--queue", "a", "--cores", "many"),
        ("mine", "--queue", "a", "--cores", "0"),
        ("mine", "--queue", "a", "--memory", "soon"),
        ("mine", "--queue", "a", "--share", "some"),
        ("mine", "--queue", 'x"]\n[login]\nhosts = ["evil'),
        ("mine", "--queue", "a", "--title", "two\nlines"),
        ("../mine", "--queue", "a"),
        ("delta",),
        ("delta", "--max-nodes", "3"),
    ):
        said = home.systems("add", *words)
        assert said.returncode == 2, words
        assert "Traceback" not in said.stderr
    assert not home.own.exists()


def test_add_lays_over_a_shipped_system_only_what_was_said(home: Home) -> None:
    assert home.systems("add", "delta", "--queue", "cpu", "--max-nodes", "none").ok
    table = tomllib.loads((home.own / "delta.toml").read_text())
    assert set(table) == {"queues"}
    assert set(table["queues"]["cpu"]) == {"max_nodes", "source", "checked"}
    queue = home.json("show", "delta")["system"]["queues"][0]
    assert (queue["max_nodes"], queue["cores"]) == (None, 128)


def test_add_clears_a_retired_mark(home: Home) -> None:
    assert home.systems("add", "stampede2", "--in-service").ok
    assert home.json("show", "stampede2")["system"]["retired"] == ""


def test_a_room_may_put_a_check_of_its_own(home: Home) -> None:
    place = home.folder / "room"
    info = place / "strangers-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: strangers\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[glidein.commands]\nsystems.check = strangers:app\n")
    (place / "strangers.py").write_text(
        "import typer\nfrom glidein.cli.systems import check_files\napp = typer.Typer()\n"
        "@app.command()\n"
        "def check(name: str = '', live: bool = typer.Option(False, '--live')) -> None:\n"
        "    check_files(name, as_json=False)\n    print('asked the system', live)\n"
    )
    home.env = {"PYTHONPATH": str(place)}
    said = home.systems("check", "--live")
    assert said.ok, said.stderr
    assert said.stdout.endswith("asked the system True\n")
    assert home.systems("list").ok
    top = process.run([sys.executable, "-m", "glidein", "--help"], timeout=60, cwd=ROOT,
                      env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(place)})  # fmt: skip
    assert "systems.check" not in top.stdout
