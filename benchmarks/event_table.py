"""Rows of event_quality as a Markdown table: a line a cell, AUC / AP of each way, the best bold.

Usage: python -m benchmarks.event_quality --json | python -m benchmarks.event_table
"""

import json
import re
import sys
from collections.abc import Iterable, Iterator

_ROW = re.compile(
    r"(?P<cell>.+?)(?: \((?P<told>[^()]*) at seed 0\))?, (?P<way>[^,]+): (?P<metric>AUC|AP)"
)


def table(rows: Iterable[str]) -> Iterator[str]:
    """Yield the lines of the table of NDJSON rows; others than AUC and AP of a way are left out.

    Raises: ValueError: a line is no JSON, or a way has AUC and no AP in some cell.
    """
    values: dict[str, dict[tuple[str, str], float]] = {}
    told: dict[str, str] = {}
    ways: dict[str, None] = {}
    for line in rows:
        row = json.loads(line)
        found = _ROW.fullmatch(row["name"])
        if found:
            cell, way = found["cell"], found["way"]
            ways[way] = None
            values.setdefault(cell, {})[way, found["metric"]] = row["value"]
            told[cell] = found["told"] or told.get(cell, "")
    yield "| cell | normal + abnormal | " + " | ".join(ways) + " |"
    yield "| --- " * (2 + len(ways)) + "|"
    for cell, held in values.items():
        missing = [way for way in ways for m in ("AUC", "AP") if (way, m) not in held]
        if missing:
            raise ValueError(f"{cell}: rows of {missing[0]} are missing")
        best = max(round(held[way, "AUC"], 3) for way in ways)
        counts = " + ".join(re.findall(r"\d+", told[cell]))
        cells = [_cell(held[way, "AUC"], held[way, "AP"], best) for way in ways]
        yield f"| {cell} | {counts} | " + " | ".join(cells) + " |"


def _cell(auc: float, ap: float, best: float) -> str:
    shown = f"{auc:.3f}"
    return f"{f'**{shown}**' if round(auc, 3) == best else shown} / {ap:.3f}"


if __name__ == "__main__":
    sys.stdout.writelines(line + "\n" for line in table(sys.stdin))
