"""Rows of window_quality as Markdown: AUC / macro F1 of each model, and who is ahead of whom.

Usage: python -m benchmarks.window_quality --json | python -m benchmarks.window_table
"""

import json
import re
import sys
from collections.abc import Iterable, Iterator

_MODEL = re.compile(r"(?P<set>[^,:]+), (?P<model>.+): (?P<what>mean|sd)\b.*")
_PAIR = re.compile(r"(?P<set>[^,:]+): (?P<ours>.+) over (?P<theirs>.+), 95 % of (?P<range>.+)")


def tables(rows: Iterable[str]) -> Iterator[str]:
    """Yield the lines of both tables of NDJSON rows. Raises: ValueError: a row is another's."""
    cells: dict[tuple[str, bool], dict[str, dict[tuple[str, str], float]]] = {}
    pairs: list[str] = []
    for line in rows:
        row = json.loads(line)
        if found := _MODEL.fullmatch(row["name"]):
            quiet = found["model"].endswith(", no labels")
            model = found["model"].removesuffix(", no labels")
            held = cells.setdefault((found["set"], quiet), {}).setdefault(model, {})
            held[row["unit"], found["what"]] = row["value"]
        elif found := _PAIR.fullmatch(row["name"]):
            met = {None: "", True: "yes", False: "**no**"}[row["met"]]
            names = (found[part].replace(", no labels", "") for part in ("ours", "theirs"))
            told = f"{row['value']:+.3f} ({found['range']})"
            pairs.append(f"| {found['set']} | {' over '.join(names)} | {told} | {met} |")
        else:
            raise ValueError(f"{row['name']!r} is no row of window_quality.")
    for quiet in (False, True):
        sets = [name for name, of in cells if of == quiet]
        models = list(dict.fromkeys(m for name in sets for m in cells[name, quiet]))
        yield f"| set | {' | '.join(models)} |"
        yield "| --- " * (len(models) + 1) + "|"
        for name in sets:
            mine = cells[name, quiet]
            best = max(held["AUC", "mean"] for held in mine.values())
            yield f"| {name} | " + " | ".join(_cell(mine.get(m), best) for m in models) + " |"
        yield ""
    yield "| set | AUC of | difference | asked for: met |"
    yield "| --- " * 4 + "|"
    yield from pairs


def _cell(held: dict[tuple[str, str], float] | None, best: float) -> str:
    if held is None:
        return ""
    auc = f"{held['AUC', 'mean']:.3f}"
    auc = f"**{auc}**" if held["AUC", "mean"] == best else auc
    auc += f" ± {held['AUC', 'sd']:.3f}"
    return f"{auc} / {held['macro F1', 'mean']:.3f} ± {held['macro F1', 'sd']:.3f}"


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in tables(sys.stdin))
