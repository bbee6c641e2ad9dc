"""The command line: one module per noun; rooms add groups through glidein.commands.

A command's module is imported when that command is called, not before, so that `glidein --help`
and shell completion stay quick however many rooms there are.
"""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from glidein.cli import commands, loading
from glidein.errors import GlideinError


class LazyGroup(TyperGroup):
    """A group that knows its commands' names and help from a table and loads one when called."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names, in the order of the table: what a newcomer needs first, first."""
        return list({command.name: None for command in commands.OWN} | commands.table())

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a stand-in that has only name and help; resolve_command loads the real one."""
        command = commands.table().get(cmd_name)
        return TyperCommand(cmd_name, help=command.help) if command else None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Load the command that is called; unknown names fail as in any group."""
        name, stand_in, rest = super().resolve_command(ctx, args)
        if name is None or stand_in is None:
            return name, stand_in, rest
        module, _, attribute = commands.table()[name].target.partition(":")
        return name, loading.load(getattr(import_module(module), attribute), name, ctx), rest

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the root's options, cheap where they are not given."""
        return loading.light(super().get_params(ctx))


app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(value: bool) -> None:
    if value:
        from glidein import __version__

        print(f"glidein {__version__}")
        raise typer.Exit


@app.callback(
    epilog="Example: glidein run --pool cm.example.org --owners alice --token-file ~/token"
)
def _root(
    version: bool = typer.Option(
        False, "--version", help="Print the version and end.", callback=_version, is_eager=True
    ),
) -> None:
    """Bring the computers you are entitled to into an HTCondor pool, as pilots that leave."""


def main() -> None:
    """Run the command line."""
    run(app)


def run(program: typer.Typer, argv: Sequence[str] | None = None) -> None:
    """Run a command line of ours; an error of ours is one message and its class's exit code."""
    _open_missing()
    try:
        try:
            program(argv)
        finally:
            sys.stdout.flush()
    except GlideinError as error:
        sys.stdout.flush()
        print(f"glidein: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        _hush()
        sys.exit(141)
    except OSError as error:
        print(f"glidein: {error}", file=sys.stderr)
        _hush()
        sys.exit(1)


def _open_missing() -> None:
    """Give us the descriptors that we were started without, lest a file gets their number."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115 - for as long as we live


def _hush() -> None:
    """Let nothing more be written: the interpreter flushes at its end, and would fail again."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
