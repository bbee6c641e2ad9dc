"""The one Jinja environment: templates refuse what no named quoting filter has touched.

A value reaches a text only as a whole number or through a filter of glidein.quoting; a plain
string in a template raises RenderError, so that nobody can forget to quote. Templates hold no
logic beyond `if` and `for`. Rendering is deterministic: no clock, no chance.
"""

from collections.abc import Callable, Mapping
from importlib.resources import files

import jinja2

from glidein import quoting
from glidein.errors import RenderError


class Quoted(str):
    """Text of the target language: what a quoting filter returned."""

    __slots__ = ()


def _filter(quote: Callable[[str], str]) -> Callable[[object], Quoted]:
    def apply(value: object) -> Quoted:
        if isinstance(value, jinja2.Undefined):
            return Quoted(value)  # raises, naming the value
        return Quoted(quote(str(value)))

    return apply


def _refuse(value: object) -> object:
    if isinstance(value, (Quoted, jinja2.Undefined)) or type(value) is int:
        return value
    raise RenderError(f"a template puts {value!r} into text without a quoting filter")


def render(package: str, template: str, values: Mapping[str, object]) -> str:
    """Return the text of a package's template with `values` in it.

    Raises RenderError for a value that its language cannot hold, that is not there, or that the
    template forgot to quote.
    """
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: _read(package, name)),
        undefined=jinja2.StrictUndefined,
        finalize=_refuse,
        autoescape=False,  # noqa: S701 - no HTML; each language has its own filter
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "sh": _filter(quoting.sh),
        "sbatch": _filter(quoting.sbatch),
        "command_line": _filter(quoting.command_line),
        "node_path": _filter(quoting.node_path),
        "comment": _filter(quoting.comment),
        "submit": _filter(quoting.submit),
        "submit_string": _filter(quoting.submit_string),
        "submit_file": _filter(quoting.submit_file),
        "here": _filter(quoting.here),
        "program": Quoted,  # a whole program of ours, constant: nothing in it was put together
    }
    try:
        return environment.get_template(template).render(values)
    except jinja2.TemplateError as error:
        raise RenderError(f"{package}/{template}: {error}") from error


def _read(package: str, name: str) -> str:
    return files(package).joinpath(name).read_text(encoding="utf-8")
