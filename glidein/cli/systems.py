"""`glidein systems`: the catalogue of HPC systems, shown, checked and added to.

A room may put a command here by an entry point of glidein.commands named systems.COMMAND; so annex
puts its own `check` in place of ours, one that can ask the system itself.
"""

from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup

from glidein.cli import commands, loading, output

if TYPE_CHECKING:
    from glidein.catalogue import Catalogue, System


class Extended(TyperGroup):
    """A group whose commands come from here and from rooms; a room's is loaded when it is used."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return our commands, then those that rooms add."""
        return list(dict.fromkeys([*super().list_commands(ctx), *commands.below("systems")]))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a room's command of that name, else ours."""
        point = commands.below("systems").get(cmd_name)
        if point is None:
            return super().get_command(ctx, cmd_name)
        return loading.load(point.load(), cmd_name, ctx)


app = typer.Typer(cls=Extended, no_args_is_help=True, help="Show the catalogue of HPC systems.")

AS_JSON = typer.Option(False, "--json", help="Print JSON.")


@app.command("list", epilog="Example: glidein systems list")
def list_(as_json: bool = AS_JSON) -> None:
    """List the systems and their queues; the default queue comes first.

    A system whose files are wrong is named on standard error and does not hide the others.
    """
    from glidein import catalogue

    known = catalogue.load()
    for problem in known.problems:
        output.progress(f"glidein: {output.printable(str(problem))}")
    if as_json:
        output.print_json([_plain(known, each) for each in known.systems.values()])
        return
    rows = [
        [each.name, each.title, each.dialect, ", ".join(_queue_names(each)), each.retired or "-"]
        for each in known.systems.values()
    ]
    output.print_table(["name", "system", "dialect", "queues", "retired"], rows)


@app.command(epilog="Example: glidein systems show bridges2")
def show(
    name: str = typer.Argument(..., metavar="SYSTEM", help="A system's name."),
    as_json: bool = AS_JSON,
) -> None:
    """Show a system's queues and limits, where each fact came from, and when it was checked.

    Limits that are not known are shown as "-".
    """
    from glidein import catalogue
    from glidein.cli import showing

    known = catalogue.load()
    system = catalogue.find_system(known, name, "SYSTEM")
    origins = known.origins[system.name]
    if as_json:
        output.print_json({"system": system, "origins": origins})
        return
    output.print_table(["what", "is", "from"], showing.facts(system, origins))
    print()
    output.print_table(showing.QUEUE_COLUMNS, showing.queues(system, origins))
    for lines in showing.remarks(system):
        print("", *(output.printable(line) for line in lines), sep="\n")


@app.command(epilog="Example: glidein systems check expanse")
def check(
    name: str = typer.Argument("", metavar="[SYSTEM]", help="A system's name; none: all."),
    as_json: bool = AS_JSON,
) -> None:
    """Check the catalogue's files, overlays included; exit code 2 if one is wrong."""
    check_files(name, as_json=as_json)


def check_files(name: str, *, as_json: bool) -> "Catalogue":
    """Check the files of one system, or of all if `name` is empty, and print what was found.

    Returns the catalogue; exits with 2 after the problems were printed.
    """
    from glidein import catalogue

    known = catalogue.load()
    if name and name not in known.broken:
        name = catalogue.find_system(known, name, "SYSTEM").name
    wanted = [name] if name else sorted({*known.systems, *known.broken} - {""})
    problems = [*known.broken.get("", ())]
    problems += [each for one in wanted for each in known.broken.get(one, ())]
    if as_json:
        output.print_json({"systems": wanted, "problems": problems})
    elif problems:
        print("\n".join(output.printable(str(each)) for each in problems))
    else:
        rows = [[one, _checked(known.systems[one]), _from(known, one)] for one in wanted]
        output.print_table(["system", "facts checked", "files"], rows)
    if problems:
        raise typer.Exit(2)
    return known


@app.command(
    epilog="Example: glidein systems add mycluster --title 'Our cluster' --login-host"
    " login.example.org --queue batch --cores 64 --memory 256GiB --max-walltime 48h"
)
def add(
    context: typer.Context,
    name: str = typer.Argument(..., metavar="SYSTEM", help="The system's name, new or known."),
    title: str = typer.Option("", help="What people call it."),
    dialect: str = typer.Option("", help="Slurm (as if nothing is said) or HTCondor."),
    login_host: list[str] = typer.Option([], "--login-host", help="Where to log in."),
    queue: str = typer.Option("", "--queue", "--partition", help="The queue that is described."),
    select: str = typer.Option("", help="What a queue is there: partition or qos."),
    share: str = typer.Option("", help="What the queue gives: node, cores or gpus."),
    cores: str = typer.Option("", help="Cores that it gives of a node."),
    memory: str = typer.Option("", help="Memory that it gives of a node: 256GiB, or MB."),
    gpus: str = typer.Option("", help="GPUs that it gives of a node; 0 for none."),
    gpu_type: list[str] = typer.Option([], "--gpu-type", help="A type of GPU it has."),
    gpu_option: str = typer.Option("", help="sbatch's option for GPUs there: gpus-per-node, ..."),
    gpu_scope: str = typer.Option("", help="What its number counts: those of a node, of a job."),
    max_nodes: str = typer.Option("", help="The most nodes of one batch job."),
    max_walltime: str = typer.Option("", help="The longest a batch job may run: 48h, or seconds."),
    max_jobs: str = typer.Option("", help="The most batch jobs of one user in the queue."),
    constraint: str = typer.Option("", help="A constraint that batch jobs there need."),
    project_required: bool | None = typer.Option(
        None, help="Whether a batch job must name a project."
    ),
    scratch: list[str] = typer.Option([], help="A shared folder for pilots: ${SCRATCH}."),
    setup: list[str] = typer.Option([], help="A command that a batch job runs first."),
    source: str = typer.Option("", help="Where these facts are from."),
    in_service: bool = typer.Option(False, "--in-service", help="Clear its retired mark."),
    force: bool = typer.Option(False, "--force", help="Replace the file that is there."),
) -> None:
    """Add a system, or change what the catalogue says of one, in a file of your own.

    The file may be edited afterwards; `glidein systems check` reads it as strictly as ours.
    """
    from datetime import UTC, datetime

    from glidein.catalogue import writing
    from glidein.cli import describing

    today = datetime.now(UTC).date()
    table = describing.table(context.params, writing.without_own(name), today)
    remark = "Written by glidein systems add. Check it with: glidein systems check"
    path, merged = writing.add(name, table, remark, force=force)
    output.progress(f"wrote {path}")
    for queue_name in _queue_names(merged.get(name)):
        print(f"{queue_name}@{name}")


def _queue_names(system: "System") -> list[str]:
    names = [queue.name for queue in system.queues]
    return sorted(names, key=lambda name: name != system.default_queue)


def _plain(known: "Catalogue", system: "System") -> dict[str, object]:
    return {
        "name": system.name,
        "title": system.title,
        "dialect": system.dialect,
        "default_queue": system.default_queue,
        "queues": [queue.name for queue in system.queues],
        "retired": system.retired,
        "checked": system.checked,
        "files": _files(known, system.name),
    }


def _files(known: "Catalogue", name: str) -> list[str]:
    return list(dict.fromkeys(known.origins[name].values()))


def _from(known: "Catalogue", name: str) -> str:
    return ", ".join(_files(known, name))


def _checked(system: "System") -> str:
    days = sorted({system.checked, *(queue.checked for queue in system.queues)})
    return f"{days[0]}" if len(days) == 1 else f"{days[0]} to {days[-1]}"
