"""From a Typer app to the command that is called; what Typer adds to it is removed or made cheap.

Typer hands every app the options that install shell completion; ours has them at its root alone.
Of a flag that was not given Typer makes None, and loads pydantic, a fifth of a second, to find
that None is no flag. A flag of its own that is False from the start costs nothing.
"""

from typing import Any

import typer

_COMPLETION = ("install_completion", "show_completion")


def load(app: Any, name: str, ctx: Any) -> Any:
    """Return an app as the command of that name."""
    command = typer.main.get_command(app)
    command.name = name
    command.params = [each for each in command.params if each.name not in _COMPLETION]
    _lighten(command, ctx)
    return command


def light(options: list[Any]) -> list[Any]:
    """Return the options, Typer's own flags among them False where they are not given."""
    for each in options:
        if each.name in ("help", *_COMPLETION) and each.default is None:
            each.default = False
    return options


def _lighten(command: Any, ctx: Any) -> None:
    light(command.get_params(ctx))
    for below in getattr(command, "commands", {}).values():
        _lighten(below, ctx)
