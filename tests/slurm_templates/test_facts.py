"""What the golden batch scripts ask of Slurm, beside the facts of the annex's own table."""

import json
from pathlib import Path
from typing import Any

import pytest

from glidein.batchask import BatchAsk
from tests.slurm_templates.asks import ASKS, asked

GOLDEN = Path(__file__).parents[1] / "golden"
TABLE = json.loads((GOLDEN / "annex_systems.json").read_text())
CORRECTED = {each["at"]: each["is"] for each in TABLE["corrections"]}
# The table leaves it to Slurm which kind of node its shared queue gives; the figures are of these.
# It also leaves whole nodes to what Slurm there makes of a QOS.
ADDED = {
    "perlmutter.queues.shared.constraint": "cpu",
    "perlmutter.queues.regular.exclusive": True,
    "perlmutter.queues.debug.exclusive": True,
}
OURS = {"job-name": "glidein", "ntasks-per-node": "1", "signal": "B:USR1@105"}
KNOWN = [name for name in ASKS if not name.startswith("generic/")]


def directives(name: str) -> dict[str, str]:
    """Return the options that a golden file has, each once."""
    found: dict[str, str] = {}
    for line in (GOLDEN / "slurm" / f"{name}.sbatch").read_text().splitlines():
        if line.startswith("#SBATCH"):
            key, _, value = line.removeprefix("#SBATCH --").partition("=")
            assert key not in found
            found[key] = value
    return found


def facts(name: str) -> dict[str, Any]:
    """Return what the table says of an ask's queue: system, queue and variant in one."""
    each = asked(name)
    system = TABLE["systems"][each.target.system.name]
    queue = system["queues"][each.target.queue.name]
    said = {key: value for key, value in system.items() if key != "queues"}
    said = {**_corrected(each.target.system.name, said)}
    at = f"{each.target.system.name}.queues.{each.target.queue.name}"
    said |= _corrected(at, {key: value for key, value in queue.items() if key != "variants"})
    variant = each.variant.name if each.variant else ""
    said |= _corrected(f"{at}.variants.{variant}", queue.get("variants", {}).get(variant, {}))
    return said


def _corrected(at: str, said: dict[str, Any]) -> dict[str, Any]:
    split = {tuple(key.rsplit(".", 1)): value for key, value in ADDED.items()}
    added = {key: value for (place, key), value in split.items() if place == at}
    return {key: CORRECTED.get(f"{at}.{key}", value) for key, value in said.items()} | added


def expected(name: str) -> dict[str, str]:
    """Return what must be asked for, by the table and the ask's own words."""
    each, table = asked(name), facts(name)
    ask, wanted = each.ask, dict(OURS)
    wanted[table["select"]] = each.target.queue.name
    wanted |= {"account": ask.project} if ask.project else {}
    wanted |= {"nodes": "1", "array": f"0-{ask.jobs - 1}"} if ask.jobs > 1 else {}
    wanted |= {"nodes": str(ask.nodes)} if ask.jobs == 1 else {}
    wanted |= {"no-kill": ""} if ask.nodes > 1 else {}
    wanted |= {"requeue" if ask.requeue else "no-requeue": ""}
    wanted |= {"time": f"{ask.lifetime // 3600:02}:{ask.lifetime % 3600 // 60:02}:00"}
    wanted |= {"exclusive": ""} if table.get("exclusive") else {}
    wanted |= {"cpus-per-task": str(ask.cpus)} if ask.cpus else {}
    memory = ask.memory or (table["memory"] if table["memory_directive"] else None)
    wanted |= {"mem": f"{memory}M"} if memory else {}
    return wanted | _gpus(ask, table) | _constraint(ask, table)


def _gpus(ask: BatchAsk, table: dict[str, Any]) -> dict[str, str]:
    count = ask.gpus or (table["gpus"] if table["share"] == "node" else 0)
    if not count:
        return {}
    total = count * ask.nodes if table["gpu_scope"] == "job" else count
    kind = f"{ask.gpu_type}:" if ask.gpu_type else ""
    return {table["gpu_option"]: f"{kind}{total}"}


def _constraint(ask: BatchAsk, table: dict[str, Any]) -> dict[str, str]:
    mine = dict(ask.options).get("constraint", "")
    both = [each for each in (table["constraint"], f"({mine})" if "|" in mine else mine) if each]
    return {"constraint": "&".join(both)} if both else {}


@pytest.mark.parametrize("name", KNOWN)
def test_a_script_asks_for_what_the_annexs_table_says(name: str) -> None:
    assert directives(name) == expected(name)


@pytest.mark.parametrize("name", KNOWN)
def test_no_ask_is_over_the_tables_limits(name: str) -> None:
    ask, table = asked(name).ask, facts(name)
    assert ask.lifetime <= table["max_walltime"]
    for value, limit in ((ask.nodes, "max_nodes"), (ask.cpus, "cores"), (ask.memory, "memory"),
                         (ask.gpus, "gpus"), (ask.jobs, "max_jobs")):  # fmt: skip
        assert value is None or table[limit] is None or value <= table[limit], limit
    assert bool(ask.project) or not table["project_required"]


def test_the_seeds_script_is_the_generic_one_of_ten_nodes() -> None:
    seed = {"nodes": "10", "ntasks-per-node": "1", "cpus-per-task": "48", "time": "24:00:00"}
    ours = {"signal": "B:USR1@105", "job-name": "glidein", "no-kill": "", "no-requeue": ""}
    assert directives("generic/default-seed") == seed | ours
