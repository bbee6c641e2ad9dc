"""What the guides show can be typed: every command and option in them exists."""

import re
import shlex
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer

from glidein import errors, report
from glidein.cli import commands

ROOT = Path(__file__).parent.parent.parent
GUIDES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PAYLOAD = (ROOT / "glidein/payload/pilot.sh").read_text()


def typed(program: str) -> list[tuple[str, list[str]]]:
    """Return (guide, words) of every line in a code block that starts the program."""
    found = []
    for guide in GUIDES:
        for line in guide.read_text().splitlines():
            text = re.sub(r"\s+# .*", "", line.strip().removeprefix("$ ").removeprefix("./"))
            if line.startswith("    ") and text.split(" ")[0] == program:
                found.append((guide.name, shlex.split(text)[1:]))
    return found


def command(words: list[str]) -> tuple[Any, list[str]]:
    """Return the command that the words name, and the words after it."""
    module, _, attribute = commands.table()[words[0]].target.partition(":")
    here = typer.main.get_command(getattr(import_module(module), attribute))
    rest = words[1:]
    while rest and rest[0] in getattr(here, "commands", {}):
        here, rest = here.commands[rest[0]], rest[1:]  # type: ignore[attr-defined]
    return here, rest


@pytest.mark.parametrize(("guide", "words"), typed("glidein"), ids=lambda each: str(each)[:40])
def test_every_glidein_line_in_the_guides_names_what_exists(guide: str, words: list[str]) -> None:
    if words[0].startswith("--"):
        return
    here, rest = command(words)
    options = {name for parameter in here.params for name in parameter.opts}
    used = {word.partition("=")[0] for word in rest if word.startswith("-")}
    assert used <= options, f"{guide}: {here.name} has no {used - options}"


@pytest.mark.parametrize(("guide", "words"), typed("pilot.sh"), ids=lambda each: str(each)[:40])
def test_every_pilot_line_in_the_guides_uses_options_that_exist(
    guide: str, words: list[str]
) -> None:
    usage = [*re.findall(r"^  (-\w) ", PAYLOAD, re.MULTILINE), "--conf", "-H"]
    assert {word for word in words if word.startswith("-")} <= set(usage), guide


def test_troubleshooting_has_every_exit_code_with_meaning_and_remedy() -> None:
    text = (ROOT / "docs/troubleshooting.md").read_text()
    rows = [
        f"| {code.code} | `{code.reason}` | {code.meaning} | {code.remedy} |"
        for code in report.EXIT_CODES
    ]
    assert [row for row in rows if row not in text] == []
    assert len(re.findall(r"^\| \d+ \| `", text, re.MULTILINE)) == len(rows)


def test_troubleshooting_has_every_exit_code_of_the_commands() -> None:
    text = (ROOT / "docs/troubleshooting.md").read_text()
    pending, codes = [errors.GlideinError], set()
    while pending:
        kind = pending.pop()
        codes.add(kind.exit_code)
        pending += kind.__subclasses__()
    listed = {int(code) for code in re.findall(r"^\| (\d+) \| [^`]", text, re.MULTILINE)}
    assert listed == codes
    assert not codes & {code.code for code in report.EXIT_CODES} - {1, 2}


def test_links_between_guides_lead_somewhere() -> None:
    for guide in GUIDES:
        for link in re.findall(r"\]\(([^)#:]+)\)", guide.read_text()):
            assert (guide.parent / link).exists(), f"{guide.name}: {link}"
