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
from tests.docs import guides

ROOT = guides.ROOT
PAYLOAD = (ROOT / "glidein/payload/pilot.sh").read_text()
USED = list(dict.fromkeys([*guides.typed(), *guides.mentioned()]))


def started(program: str) -> list[tuple[str, list[str]]]:
    """Return (guide, words) of every line in a block or a sentence that starts the program."""
    found = [(guide, shlex.split(line)) for guide, line in USED]
    return [(guide, words[1:]) for guide, words in found if Path(words[0]).name == program]


def command(words: list[str]) -> tuple[Any, list[str]]:
    """Return the command that the words name, and the words after it."""
    module, _, attribute = commands.table()[words[0]].target.partition(":")
    here = typer.main.get_command(getattr(import_module(module), attribute))
    rest = words[1:]
    while rest and rest[0] in getattr(here, "commands", {}):
        here, rest = here.commands[rest[0]], rest[1:]  # type: ignore[attr-defined]
    return here, rest


@pytest.mark.parametrize(("guide", "words"), started("glidein"), ids=lambda each: str(each)[:120])
def test_every_glidein_line_in_the_guides_names_what_exists(guide: str, words: list[str]) -> None:
    if words[0].startswith("--"):
        return
    here, rest = command(words)
    options = {name for parameter in here.params for name in parameter.opts}
    used = {word.partition("=")[0] for word in rest if word.startswith("-")}
    assert used <= options, f"{guide}: {here.name} has no {used - options}"


@pytest.mark.parametrize(("guide", "words"), started("pilot.sh"), ids=lambda each: str(each)[:120])
def test_every_pilot_line_in_the_guides_uses_options_that_exist(
    guide: str, words: list[str]
) -> None:
    usage = [*re.findall(r"^  (-\w) ", PAYLOAD, re.MULTILINE), "--conf", "-H"]
    assert {word for word in words if word.startswith("-")} <= set(usage), guide


@pytest.mark.parametrize(("guide", "words"), started("make"), ids=lambda each: str(each)[:120])
def test_every_make_line_in_the_guides_names_a_target(guide: str, words: list[str]) -> None:
    targets = re.findall(r"^## ([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert {word for word in words if "=" not in word} <= set(targets), guide


def test_every_block_is_of_a_kind_that_a_test_knows() -> None:
    for path in guides.GUIDES:
        found = guides.of(path.name, path.read_text())
        assert [each for each in found if each.kind not in guides.KINDS] == []
        bare = [line for line in guides.outside(path.read_text()) if line.startswith("    ")]
        assert bare == [], f"{path.name}: a block without a fence is run by no test"


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
    for name in ("glidein.process", "glidein.demo.show"):  # these keep errors of their own
        import_module(name)
    pending, codes = [errors.GlideinError], set()
    while pending:
        kind = pending.pop()
        codes.add(kind.exit_code)
        pending += kind.__subclasses__()
    listed = {int(code) for code in re.findall(r"^\| (\d+) \| [^`]", text, re.MULTILINE)}
    assert listed == codes
    assert not codes & {code.code for code in report.EXIT_CODES} - {1, 2}


def test_links_between_guides_lead_somewhere() -> None:
    for guide in guides.GUIDES:
        for link in re.findall(r"\]\(([^)#:]+)\)", guide.read_text()):
            assert (guide.parent / link).exists(), f"{guide.name}: {link}"
