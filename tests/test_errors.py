"""The tree drawn in glidein.errors is the tree there is, code by code."""

import re
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import glidein
from glidein import errors
from glidein.errors import GlideinError

GUIDE = Path(__file__).parent.parent / "docs" / "troubleshooting.md"
_LINE = re.compile(r"^( {4,})(\w+) +(\d+)  ([\w' ]+): \S", re.MULTILINE)


def drawn(kind: type[GlideinError], depth: int = 1) -> list[tuple[int, str, int]]:
    """Return a class and all below it as the drawing has them, siblings in order of code."""
    below = sorted(kind.__subclasses__(), key=lambda each: (each.exit_code, each.__name__))
    rest = [line for each in below for line in drawn(each, depth + 1)]
    return [(4 * depth, kind.__name__, kind.exit_code), *rest]


def everything() -> None:
    for module in walk_packages(glidein.__path__, "glidein."):
        if not module.name.endswith("__main__"):
            import_module(module.name)


def test_the_drawing_is_the_tree() -> None:
    everything()
    found = [(len(blanks), name, int(code)) for blanks, name, code, _ in
             _LINE.findall(errors.__doc__ or "")]  # fmt: skip
    assert sorted(found) == sorted(drawn(GlideinError))
    assert found[0] == (4, "GlideinError", 1)


def test_each_line_says_who_must_act() -> None:
    actors = {who for *_, who in _LINE.findall(errors.__doc__ or "")}
    assert actors == {"the user", "the caller", "nobody", "the site's admin", "the project"}


def test_the_guide_lists_every_code() -> None:
    everything()
    listed = {
        int(code) for code in re.findall(r"^\| (\d+) \| [^`|]", GUIDE.read_text(), re.MULTILINE)
    }
    assert {code for *_, code in drawn(GlideinError)} <= listed
