"""The house's measures of size: small functions, small modules, and what CONTRIBUTING says of them.

`glidein/payload/pilot.sh` is one file by decision 0003: its functions are measured, it is not.
"""

import ast
import re
from itertools import chain
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parent.parent
ROOMS = ("glidein", "annex", "cloud_init", "slurm_templates")
LONGEST, MEDIAN, MODULE = 60, 10, 400
SHELL = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.sh"))]
OPENS = re.compile(r"^(?:function )?([\w-]+) ?\(\) ?[{(]")

Measured = list[tuple[int, str]]


def modules() -> list[Path]:
    return [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]


def python_functions(path: Path) -> Measured:
    """Return (lines, name) of every function of a module, nested ones and methods too."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = [each for each in ast.walk(ast.parse(path.read_text())) if isinstance(each, kinds)]
    return [
        ((each.end_lineno or 0) - each.lineno + 1, f"{path.relative_to(ROOT)}:{each.name}")
        for each in found
    ]


def shell_functions(path: Path) -> Measured:
    """Return (lines, name) of every function of a shell script as shfmt leaves it.

    A function of several lines ends at the first line that is its closing bracket alone.
    """
    lines, found = path.read_text().splitlines(), []
    for start, line in enumerate(lines):
        if not (opened := OPENS.match(line)):
            continue
        end = start
        if not line.endswith(("}", ")")):
            end = next(i for i in range(start, len(lines)) if re.match(r"[})]( |$)", lines[i]))
        found.append((end - start + 1, f"{path.relative_to(ROOT)}:{opened[1]}"))
    return found


def over(limit: int, measured: Measured) -> str:
    """Say what is over the limit, longest first; nothing if nothing is."""
    long = sorted((each for each in measured if each[0] > limit), reverse=True)
    return "\n".join(f"{lines} lines, {lines - limit} too many: {name}" for lines, name in long)


def test_no_python_function_is_over_sixty_lines() -> None:
    measured = list(chain.from_iterable(map(python_functions, modules())))
    assert len(measured) > 500
    assert over(LONGEST, measured) == ""


def test_half_of_the_functions_are_of_ten_lines_or_fewer() -> None:
    sizes = [lines for path in modules() for lines, _ in python_functions(path)]
    assert median(sizes) <= MEDIAN, f"the median of {len(sizes)} functions is {median(sizes)}"


def test_no_module_is_over_four_hundred_lines() -> None:
    measured = [
        (len(path.read_text().splitlines()), str(path.relative_to(ROOT))) for path in modules()
    ]
    assert over(MODULE, measured) == ""


def test_no_shell_function_is_over_sixty_lines() -> None:
    measured = list(chain.from_iterable(map(shell_functions, SHELL)))
    assert len(measured) > 100
    assert over(LONGEST, measured) == ""
    for path in SHELL:
        if path.name != "pilot.sh":
            assert len(path.read_text().splitlines()) <= MODULE, path
