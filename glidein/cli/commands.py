"""The table of commands: name, where it lives, one line of help. Cheap to import, on purpose.

`glidein --help` reads this table and the installed entry points, and imports nothing else.
"""

from dataclasses import dataclass

from glidein.cli.points import Point, points

GROUP = "glidein.commands"


@dataclass(frozen=True, slots=True)
class Command:
    """A command of the command line: `target` is MODULE:ATTRIBUTE of its Typer app."""

    name: str
    target: str
    help: str


OWN = (
    Command("demo", "glidein.cli.demo:app", "Run a whole pool, a pilot and a workflow here"),
    Command("check", "glidein.cli.check:app", "Say what is wrong with pool, token and runtime"),
    Command("run", "glidein.cli.run:app", "Start a pilot on this machine"),
    Command("stop", "glidein.cli.stop:app", "Stop requests and remove what they left"),
    Command("list", "glidein.cli.list:app", "List requests and where they run"),
    Command("logs", "glidein.cli.logs:app", "Show what a request's pilots printed"),
    Command("status", "glidein.cli.status:app", "Show requests, pilots and the pool's queue"),
    Command("explain", "glidein.cli.explain:app", "Say why a job does not run on a pilot"),
    Command("token", "glidein.cli.token:app", "Create tokens for pilots, and read them"),
    Command("systems", "glidein.cli.systems:app", "Show the catalogue of HPC systems"),
    Command("runtime", "glidein.cli.runtime:app", "Get and pack the HTCondor that pilots run"),
)

# Groups that rooms of this distribution add; a stranger's group is listed with its package's name.
ROOMS = {
    "annex": "Bring your own HPC allocation, over SSH",
    "autoscale": "Keep just the machines that the queue needs",
    "cloud": "Start pilots as virtual machines",
    "slurm": "Start pilots as batch jobs",
}


def table() -> dict[str, Command]:
    """Return every command by name, those of installed rooms included; ours win."""
    rooms = {point.name: _of(point) for point in points(GROUP) if "." not in point.name}
    return rooms | {each.name: each for each in OWN}


def below(group: str) -> dict[str, Point]:
    """Return the commands that rooms put below one of our groups, by their names there.

    Such an entry point is named GROUP.COMMAND and is a Typer app of one command; it takes the
    place of ours, if there is one of that name.
    """
    parts = [(point.name.partition("."), point) for point in points(GROUP)]
    return {name: point for (first, dot, name), point in parts if dot and first == group}


def _of(point: Point) -> Command:
    told = ROOMS.get(point.name) or f"From {point.package}"
    return Command(point.name, point.value, told)
