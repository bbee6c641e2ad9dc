"""A timeline as a picture: lanes of spans over seconds, as one self-contained SVG. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from glidein.quoting import xml

_LANE, _LEFT, _RIGHT, _TOP, _WIDTH = 26, 150, 20, 56, 1000
_COLOURS = {
    "setup": "#8da0b3",
    "pilot": "#5b8e7d",
    "job": "#e09f3e",
    "idle": "#d8dee4",
    "failed": "#b3413b",
}


@dataclass(frozen=True, slots=True)
class Span:
    """Something that took from `start` to `end`, in seconds since the picture's zero."""

    start: float
    end: float
    label: str
    kind: str = "setup"


@dataclass(frozen=True, slots=True)
class Lane:
    """One row of the picture: who, and what they did."""

    label: str
    spans: tuple[Span, ...]


def render(title: str, lanes: Sequence[Lane]) -> str:
    """Return the SVG. Same lanes, same bytes; every text is quoted."""
    end = max((span.end for lane in lanes for span in lane.spans), default=1.0) or 1.0
    scale = (_WIDTH - _LEFT - _RIGHT) / end
    height = _TOP + _LANE * len(lanes) + 40
    body = [_grid(end, scale, height)]
    for row, lane in enumerate(lanes):
        y = _TOP + row * _LANE
        body.append(
            f'<text x="{_LEFT - 8}" y="{y + 15}" text-anchor="end">{xml(lane.label)}</text>'
        )
        body += [_bar(span, y, scale) for span in lane.spans]
    legend = "".join(
        f'<rect x="{_LEFT + i * 90}" y="{height - 22}" width="12" height="12" fill="{colour}"/>'
        f'<text x="{_LEFT + i * 90 + 17}" y="{height - 12}">{kind}</text>'
        for i, (kind, colour) in enumerate(_COLOURS.items())
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
        f'font-family="sans-serif" font-size="12" role="img">\n'
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>\n'
        f'<text x="12" y="24" font-size="16">{xml(title)}</text>\n'
        + "\n".join(body)
        + f"\n{legend}\n</svg>\n"
    )


def _bar(span: Span, y: int, scale: float) -> str:
    x = _LEFT + span.start * scale
    width = max((span.end - span.start) * scale, 1.5)
    colour = _COLOURS.get(span.kind, _COLOURS["setup"])
    tip = f"{span.label}: {span.start:.1f} s to {span.end:.1f} s"
    bar = (
        f'<rect x="{x:.1f}" y="{y + 2}" width="{width:.1f}" height="{_LANE - 6}" rx="3" '
        f'fill="{colour}"><title>{xml(tip)}</title></rect>'
    )
    # About seven units a letter: a label that does not fit is left to the tool tip.
    if width > 7 * len(span.label):
        bar += f'<text x="{x + 5:.1f}" y="{y + 16}" font-size="11">{xml(span.label)}</text>'
    return bar


def _grid(end: float, scale: float, height: int) -> str:
    step = next((s for s in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600) if end / s <= 14), 3600)
    marks = []
    for second in range(0, int(end) + 1, step):
        x = _LEFT + second * scale
        marks.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP - 6}" y2="{height - 32}" stroke="#e3e7eb"/>'
            f'<text x="{x:.1f}" y="{_TOP - 10}" text-anchor="middle" fill="#667">{second} s</text>'
        )
    return "\n".join(marks)
