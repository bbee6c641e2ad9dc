"""What benchmarks share: medians, one table on standard output, one JSON file under bench/out."""

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

OUT = Path(__file__).parent / "out"


def median(values: Sequence[float]) -> float:
    """Return the median; benchmarks speak of nothing else, so that one slow run cannot lie."""
    return statistics.median(values)


def publish(
    name: str, columns: Sequence[str], rows: Sequence[Sequence[object]], **data: object
) -> None:
    """Print the table and write the figures, raw ones included, to bench/out/NAME.json."""
    cells = [[str(cell) for cell in row] for row in [columns, *rows]]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    for line in cells:
        padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        print("  ".join(padded).rstrip())
    OUT.mkdir(exist_ok=True)
    plain: Mapping[str, object] = {"columns": list(columns), "rows": cells[1:], **data}
    (OUT / f"{name}.json").write_text(json.dumps(plain, indent=2) + "\n")
