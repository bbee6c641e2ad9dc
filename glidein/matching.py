"""ClassAds: the only module that imports classad2. Pure: text and values in, verdicts out.

An expression is judged as the negotiator does it: a name without a scope is looked up in the ad
itself, then in the other one; only True is a yes. Nothing here raises on odd text: what cannot be
parsed is a clause like any other, whose verdict is "error".
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Self

from glidein import quoting
from glidein.classads import classad2

_TOKEN = re.compile(
    r'"(?:\\.|[^"\\])*"' r"|'(?:\\.|[^'\\])*'" r"|=\?=|=!=|&&|\|\||\?:|[?()\[\]{}]|.", re.DOTALL
)
_MINE = re.compile(r"(?i)\bmy\.(\w+)")
# What the bindings write for =?= and =!=; strings are stepped over.
_IS = re.compile(r"""("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|\bis(nt)?\b""", re.DOTALL)
_OPEN, _CLOSE = frozenset("([{"), frozenset(")]}")
_LOOSER = frozenset(("||", "?", "?:"))

Value = bool | int | float | str | None


@dataclass(frozen=True, slots=True)
class Clause:
    """One part of an expression, what it came to, and what the names in it stood for.

    `verdict` is "true", "false", "undefined", "error", or the value as text if it is no truth
    value. `values` holds the names the clause refers to, as it writes them.
    """

    text: str
    verdict: str
    values: Mapping[str, str]

    @property
    def holds(self) -> bool:
        """Whether the clause says yes."""
        return self.verdict == "true"

    def __str__(self) -> str:
        known = ", ".join(f"{name} = {value}" for name, value in self.values.items())
        shown = _IS.sub(_as_written, self.text)
        return f"{shown} is {self.verdict}" + (f" ({known})" if known else "")


class Ad:
    """A ClassAd: a job, a slot, or a group of equal jobs. Values are read, never raised upon."""

    __slots__ = ("_ad", "_text")

    def __init__(self, text: str = "[]") -> None:
        self._ad = _ad_of(text)
        self._text = text

    @classmethod
    def of(cls, **values: Value) -> Self:
        """Make an ad of plain values."""
        return cls().with_values(**values)

    def with_values(self, **values: Value) -> Self:
        """Return a copy with these attributes set to plain values; None removes one."""
        return self.with_expressions(
            **{name: literal(value) for name, value in values.items() if value is not None}
        )._without(name for name, value in values.items() if value is None)

    def with_expressions(self, **expressions: str) -> Self:
        """Return a copy with these attributes set; what does not parse stands as `error`."""
        copy = type(self)(str(self))
        for name, text in expressions.items():
            copy._ad[name] = _parse(text) or classad2.ExprTree("error")
        return copy

    def _without(self, names: Iterable[str]) -> Self:
        for name in names:
            if name in self._ad:
                del self._ad[name]
        return self

    def __contains__(self, name: str) -> bool:
        return name in self._ad

    def __str__(self) -> str:
        return str(self._ad)

    def native(self) -> Any:
        """Return the ad as HTCondor's bindings take it; a copy, so that ours stays as it is."""
        return _ad_of(str(self))

    def names(self) -> tuple[str, ...]:
        """Return the attributes' names, sorted without regard to case."""
        return tuple(sorted(self._ad.keys(), key=str.lower))

    def text(self, name: str) -> str:
        """Return an attribute's expression as ClassAd text; empty if there is none."""
        return _one_line(str(self._ad.lookup(name))) if name in self._ad else ""

    def value(self, name: str, target: "Ad | None" = None) -> Value:
        """Return what an attribute evaluates to; None for undefined, error and other kinds."""
        if name not in self._ad:
            return None
        if target is not None:
            return evaluate(name, self, target)
        try:
            return _plain(self._ad.lookup(name).eval(self._ad))
        except Exception:
            return None

    def string(self, name: str) -> str:
        """Return a string attribute; empty for anything else."""
        value = self.value(name)
        return value if isinstance(value, str) else ""

    def number(self, name: str) -> float | None:
        """Return a number; None for anything else."""
        value = self.value(name)
        return None if isinstance(value, str | bool) or value is None else float(value)

    def integer(self, name: str, default: int = 0) -> int:
        """Return a number cut to a whole one; `default` for anything else."""
        number = self.number(name)
        return default if number is None or number != number else int(number)


def _as_written(found: re.Match[str]) -> str:
    return found[1] or ("=!=" if found[2] else "=?=")


def literal(value: Value) -> str:
    """Return a plain value as ClassAd text."""
    if value is None:
        return "undefined"
    if isinstance(value, bool):
        return "true" if value else "false"
    return quoting.classad(value) if isinstance(value, str) else repr(value)


def version_of(text: str) -> str:
    """Return "23.9.6" out of "$CondorVersion: 23.9.6 2026-07-12 ... $"; "" if there is none."""
    words = text.split()
    return words[1] if len(words) > 1 and words[0] == "$CondorVersion:" else ""


def parses(text: str) -> bool:
    """Whether `text` is one ClassAd expression."""
    return _parse(text) is not None


def evaluate(text: str, my: Ad, target: Ad | None = None) -> Value:
    """Return what an expression comes to in `my` beside `target`; None if it has no plain value."""
    return _plain(_evaluate(text, my, target))


def judge(text: str, my: Ad, target: Ad | None = None) -> str:
    """Return "true", "false", "undefined", "error" or the value as text.

    A number counts as a truth value, as in HTCondor: zero is false.
    """
    result = _evaluate(text, my, target)
    if _is_marker(result) or result is None:
        return "undefined" if result == classad2.Value.Undefined else "error"
    if isinstance(result, bool | int | float):
        return "true" if result else "false"
    return _one_line(str(result))


def holds(text: str, my: Ad, target: Ad | None = None) -> bool:
    """Whether an expression says yes; undefined and error are no."""
    return judge(text, my, target) == "true"


def matches(job: Ad, slot: Ad) -> bool:
    """Whether job and slot accept each other: both Requirements (a slot's START if it has none)."""
    return holds("Requirements", job, slot) and holds(_slot_rule(slot), slot, job)


def refusals(job: Ad, slot: Ad) -> tuple[tuple[str, Clause], ...]:
    """Return each clause that says no, with whose it is: "job" or "pilot". Empty for a match."""
    rules = (("job", "Requirements", job, slot), ("pilot", _slot_rule(slot), slot, job))
    return tuple(
        (side, clause)
        for side, rule, my, target in rules
        if not holds(rule, my, target)
        for clause in _failing(rule, my, target)
    )


def clauses(text: str, my: Ad, target: Ad | None = None) -> tuple[Clause, ...]:
    """Split an expression at its top && and judge each part. Never raises."""
    return tuple(Clause(part, judge(part, my, target), _known(part, my, target)) for part in
                 split(text))  # fmt: skip


def split(text: str) -> tuple[str, ...]:
    """Return the parts that a top-level && joins, outer parentheses taken off.

    Joined again, each in parentheses, they evaluate to the same as the whole. What cannot be
    parsed is one part, itself.
    """
    tree = _parse(text)
    return tuple(_parts(_one_line(str(tree)))) if tree is not None else (text,)


def references(text: str, own: Ad | None = None) -> tuple[str, ...]:
    """Return the attributes of the other ad that an expression names, scope taken off, sorted.

    Names that stand in `own` are its own.
    """
    mine = _own_names(text)
    wanted = (name for name in _external(text, own or Ad()) if not name.lower().startswith("my."))
    found = {bare for name in wanted if (bare := name.rpartition(".")[2]).lower() not in mine}
    return tuple(sorted(found, key=str.lower))


def _slot_rule(slot: Ad) -> str:
    return "Requirements" if "Requirements" in slot else "Start"


def _failing(rule: str, my: Ad, target: Ad) -> Iterator[Clause]:
    """Yield the parts that say no, following names that stand for whole expressions of `my`."""
    for clause in clauses(my.text(rule) or rule, my, target):
        if clause.holds:
            continue
        inner = my.text(clause.text) if clause.text in my and clause.text != rule else ""
        if inner and len(split(inner)) > 1:
            yield from _failing(clause.text, my, target)
        else:
            yield clause if not inner else Clause(inner, clause.verdict, _known(inner, my, target))


def _parts(text: str) -> Iterator[str]:
    tokens = _TOKEN.findall(text)
    depth, start, cuts = 0, 0, []
    for index, token in enumerate(tokens):
        depth += (token in _OPEN) - (token in _CLOSE)
        if depth == 0 and token in _LOOSER:
            yield text.strip()
            return
        if depth == 0 and token == "&&":  # noqa: S105 - an operator
            cuts.append((start, index))
            start = index + 1
    if cuts:
        for first, last in [*cuts, (start, len(tokens))]:
            yield from _parts("".join(tokens[first:last]).strip())
    elif _wrapped(tokens):
        yield from _parts(text.strip()[1:-1].strip())
    else:
        yield text.strip()


def _wrapped(tokens: list[str]) -> bool:
    """Whether the first parenthesis closes with the last token."""
    solid = [token for token in tokens if not token.isspace()]
    if len(solid) < 2 or solid[0] != "(" or solid[-1] != ")":
        return False
    depth = 0
    for index, token in enumerate(solid):
        depth += (token in _OPEN) - (token in _CLOSE)
        if depth == 0:
            return index == len(solid) - 1
    return False


def _known(text: str, my: Ad, target: Ad | None) -> dict[str, str]:
    """Return what the names in `text` stand for, at most eight of them."""
    tree = _parse(text)
    if tree is None:
        return {}
    found = {*my._ad.internalRefs(tree), *_external(text, my)}
    names = sorted({written for name in found if name for written in _spelled(text, name)})
    return {name: _show(_evaluate(name, my, target)) for name in names[:8]}


def _spelled(text: str, name: str) -> Iterator[str]:
    """Yield a name as `text` writes it, with its scope, in each way but for the case once."""
    bare = re.escape(name.rpartition(".")[2])
    found = re.findall(rf"(?<![\w.])((?:my\.|target\.)?{bare})(?!\w)", text, re.IGNORECASE)
    yield from {each.lower(): each for each in reversed(found)}.values()


def _show(value: Any) -> str:
    if _is_marker(value) or value is None:
        return "undefined" if value == classad2.Value.Undefined else "error"
    if isinstance(value, bool | str | int | float):
        return literal(value)
    return _one_line(str(value))[:200]


def _evaluate(text: str, my: Ad, target: Ad | None) -> Any:
    tree = _parse(text)
    if tree is None:
        return classad2.Value.Error
    try:
        if target is None:
            return tree.eval(my._ad)
        return tree.eval(*_paired(tree, my._ad, target._ad))
    except Exception:
        return classad2.Value.Error


def _paired(tree: Any, my: Any, target: Any) -> tuple[Any, Any]:
    """Return both ads, with the names that each leaves to the other made to lead there.

    HTCondor's own matching looks an unscoped name up in the other ad when the ad itself has none;
    the plain ClassAd language does not.
    """
    wanted, mine = _wanted(tree, my)
    theirs: set[str] = set()
    for name in wanted:
        bare = name.rpartition(".")[2]
        if bare in target and not name.lower().startswith("my."):
            theirs |= _wanted(target.lookup(bare), target)[1]
    return _with_loans(my, mine), _with_loans(target, theirs)


def _wanted(tree: Any, ad: Any) -> tuple[set[str], set[str]]:
    """Return the names that `tree` in `ad` leaves to others, and those without a scope of them.

    Names of `ad` are followed. What stands with MY. is nobody else's.
    """
    trees, seen, wanted, own = [tree], set[str](), set[str](), set[str]()
    while trees:
        tree = trees.pop()
        text = str(tree)
        names = (name for name in ad.externalRefs(tree) if name)
        wanted.update(each for name in names for each in _spelled(text, name))
        explicit = _own_names(text)
        own |= explicit
        for name in {name.lower() for name in ad.internalRefs(tree)} | explicit:
            if name not in seen and name in ad:
                seen.add(name)
                trees.append(ad.lookup(name))
    return wanted, {name for name in wanted if "." not in name and name.lower() not in own}


def _own_names(text: str) -> frozenset[str]:
    """Return the names that stand with MY. before them, in small letters."""
    return frozenset(name.lower() for name in _MINE.findall(text))


def _with_loans(ad: Any, names: Iterable[str]) -> Any:
    names = tuple(names)
    if not names:
        return ad
    copy = classad2.ClassAd(str(ad))
    for name in names:
        copy[name] = classad2.ExprTree(f"TARGET.{name}")
    return copy


def _external(text: str, my: Ad) -> list[str]:
    tree = _parse(text)
    return [name for name in my._ad.externalRefs(tree) if name] if tree is not None else []


def _parse(text: str) -> Any:
    """Return the expression's tree, or None.

    The bindings put text between brackets and parse that: what closes them, or begins a second
    attribute, parses there and not in parentheses, or the other way round. Both must do.
    """
    try:
        classad2.ExprTree(f"({text}\n)")
        return classad2.ExprTree(f"{text}\n")
    except Exception:
        return None


def _ad_of(text: str) -> Any:
    try:
        return classad2.ClassAd(text)
    except Exception:
        return classad2.ClassAd()


def _plain(value: Any) -> Value:
    kind = isinstance(value, bool | int | float | str)
    return value if kind and not _is_marker(value) else None


def _is_marker(value: Any) -> bool:
    return isinstance(value, classad2.Value)


def _one_line(text: str) -> str:
    """Return unparsed text on one line, blanks outside strings run together."""
    if "\n" not in text:
        return text.strip()
    tokens = (" " if token.isspace() else token for token in _TOKEN.findall(text))
    return "".join(" " if key == " " else "".join(run) for key, run in groupby(tokens)).strip()
