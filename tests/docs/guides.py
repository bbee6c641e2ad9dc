"""The guides' code blocks: every one is fenced, and its info word says what becomes of it.

bash: typed, run line by line by tests/docs/test_typed_real.py. condor: configuration, given to a
real pool by tests/docs/test_administrators_real.py. text: neither; a picture, or what the demo
prints, which tests/docs/test_readme.py holds against a real run.
"""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
GUIDES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
KINDS = ("bash", "condor", "text")


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block: where it stands, its info word and its lines."""

    guide: str
    at: int
    kind: str
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        return "".join(f"{line}\n" for line in self.lines)


def blocks(kind: str, guide: str = "") -> list[Block]:
    """Return the blocks of one kind, of all guides or of the one named."""
    found = [block for path in GUIDES for block in of(path.name, path.read_text())]
    return [each for each in found if each.kind == kind and guide in ("", each.guide)]


def of(guide: str, text: str) -> list[Block]:
    """Return the fenced blocks of a guide's text."""
    found: list[Block] = []
    kept: list[str] = []
    fence, at = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        if fence and line == "```":
            found.append(Block(guide, at, fence.removeprefix("```") or "none", tuple(kept)))
            fence = ""
        elif fence:
            kept.append(line)
        elif line.startswith("```"):
            fence, at, kept = line, number, []
    assert not fence, f"{guide}:{at}: a block without an end"
    return found


def outside(text: str) -> list[str]:
    """Return the lines that stand in no fenced block."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL).splitlines()


def typed(guide: str = "") -> list[tuple[str, str]]:
    """Return (guide, command) of every line of the bash blocks, comments taken off."""
    lines = [(block.guide, line) for block in blocks("bash", guide) for line in block.lines]
    stripped = [(name, re.sub(r"(^|\s+)# .*", "", line).strip()) for name, line in lines]
    return [(name, line) for name, line in stripped if line]


def mentioned() -> list[tuple[str, str]]:
    """Return (guide, command) of every command of ours that stands inside a sentence."""
    found = []
    for path in GUIDES:
        text = "\n".join(outside(path.read_text()))
        found += [
            (path.name, each) for each in re.findall(r"`((?:glidein|make|pilot\.sh) [^`]+)`", text)
        ]
    return found
