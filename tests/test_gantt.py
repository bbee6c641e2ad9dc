import xml.etree.ElementTree as ElementTree

from hypothesis import given
from hypothesis import strategies as st

from glidein.gantt import Lane, Span, render

SVG = "{http://www.w3.org/2000/svg}"


def bars(svg: str) -> list[tuple[float, float]]:
    root = ElementTree.fromstring(svg)
    return [
        (float(rect.attrib["x"]), float(rect.attrib["width"]))
        for rect in root.iter(f"{SVG}rect")
        if rect.find(f"{SVG}title") is not None
    ]


def test_bars_lie_in_proportion_to_seconds() -> None:
    svg = render("t", [Lane("a", (Span(0, 10, "x"), Span(10, 40, "y", "job")))])
    (x0, w0), (x1, w1) = bars(svg)
    assert abs(x1 - (x0 + w0)) < 0.2
    assert abs(w1 - 3 * w0) < 0.5


def test_nothing_to_draw_is_still_a_picture() -> None:
    assert bars(render("empty", [])) == []


@given(st.text(), st.text(), st.floats(0, 1e6), st.floats(0, 1e6))
def test_any_text_in_title_and_labels_stays_text(
    title: str, label: str, start: float, length: float
) -> None:
    svg = render(title, [Lane(label, (Span(start, start + length, label),))])
    assert len(bars(svg)) == 1
