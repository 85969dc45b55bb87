"""The truth about a log: which lines, records, entities or times were an attack.

A CSV file with a header: `source,line,label`, `source,record,label`, `entity,label` or
`host,start,end` with or without `label`. A label of BENIGN means no attack; what is not listed is
none either. A source matches any path that ends with it, or that it ends with, by whole names:
`attack.log` and `demo/attack.log` both are `/data/demo/attack.log`. Times are RFC 3339, UTC if
they don't say; a window is half-open; without a host it is on all of them.
"""

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, TypeAlias

from graphad.errors import ParseError

BENIGN = frozenset({"0", "benign", "false", "no", "none", "normal"})

Kind: TypeAlias = Literal["line", "record", "entity", "window"]
Edges: TypeAlias = Sequence[tuple[str, int | None, int | None]]

_HEADERS: dict[frozenset[str], Kind] = {
    frozenset({"source", "line", "label"}): "line",
    frozenset({"source", "record", "label"}): "record",
    frozenset({"entity", "label"}): "entity",
    frozenset({"host", "start", "end"}): "window",
    frozenset({"host", "start", "end", "label"}): "window",
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class Truth:
    """Attack units and the attacks they belong to.

    A unit is one attack line, record, entity or window, by number; `units` says its attack. For
    lines and records that is their label; an entity or a window is an attack by itself.
    """

    kind: Kind
    units: list[str]
    places: dict[tuple[str, ...], dict[int, int]]  # components of the path -> line or record -> unit
    entities: dict[str, int]
    windows: list[tuple[str, int, int]]  # host, start, end; as numbered as units

    def __post_init__(self) -> None:
        self.attacks = set(self.units)
        self._ends = defaultdict(list)
        for names in self.places:
            self._ends[names[-1]].append(names)
        self._same: dict[str, list[tuple[str, ...]]] = {}

    def parts(
        self, edges: Edges, entities: Sequence[str], host: str, start: int, end: int
    ) -> frozenset[int]:
        """Return the attack units that a finding holds; none if it is not a hit."""
        if self.kind == "window":
            return frozenset(
                unit
                for unit, (where, first, after) in enumerate(self.windows)
                if where in ("", host) and start < after and end >= first
            )
        if self.kind == "entity":
            found = [self.entities.get(key) for key in entities]
        else:
            found = [self._unit(*edge) for edge in edges]
        attack = [unit for unit in found if unit is not None]
        return frozenset(attack) if 2 * len(attack) >= len(found) else frozenset()

    def unmatched(self, paths: Iterable[str]) -> tuple[str, ...]:
        """Return the sources with attacks of which no path is one."""
        seen = {names for path in set(paths) for names in self._sources(path)}
        return tuple(sorted("/".join(n) for n, units in self.places.items() if units and n not in seen))

    def _unit(self, path: str, line: int | None, record: int | None) -> int | None:
        number = line if self.kind == "line" else record
        if number is None:
            return None
        for names in self._sources(path):
            if number in self.places[names]:
                return self.places[names][number]
        return None

    def _sources(self, path: str) -> list[tuple[str, ...]]:
        if path not in self._same:
            names = _components(path)
            self._same[path] = [
                other
                for other in self._ends.get(names[-1], [])
                if all(a == b for a, b in zip(reversed(names), reversed(other), strict=False))
            ]
        return self._same[path]


def read_truth(path: Path) -> Truth:
    """Return the truth that a CSV file tells.

    Raises: ParseError: it can't be read, or a line of it is wrong; it says which.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ParseError(f"{path}: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise ParseError(f"{path}: not UTF-8 at byte {error.start}.") from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    builder: _Builder | None = None
    try:
        for row in reader:
            if not row:
                continue
            if builder is None:
                builder = _Builder([name.strip() for name in row])
            else:
                builder.add(row)
    except (csv.Error, ValueError, OverflowError) as error:
        raise ParseError(f"{path}:{max(reader.line_num, 1)}: {error}.") from error
    if builder is None:
        raise ParseError(f"{path}: is empty.", hint=_FORMS)
    return builder.truth


_FORMS = "Write source,line,label or source,record,label or entity,label or host,start,end,label."


class _Builder:
    """Adds rows to a truth. Raises ValueError with what is wrong with a row."""

    def __init__(self, header: list[str]) -> None:
        kind = _HEADERS.get(frozenset(header))
        if kind is None or len(set(header)) != len(header):
            raise ValueError(f"no truth has the columns {','.join(header)}. {_FORMS[:-1]}")
        self.header = header
        self.labels: dict[object, str] = {}
        self.truth = Truth(kind, [], {}, {}, [])

    def add(self, row: list[str]) -> None:
        if len(row) != len(self.header):
            raise ValueError(f"{len(row)} fields where the header has {len(self.header)}")
        fields = dict(zip(self.header, (field.strip() for field in row), strict=True))
        label = fields.get("label", "attack")
        if not label:
            raise ValueError("the label is empty")
        attack = label.lower() not in BENIGN
        key, truth = self._key(fields), self.truth
        if self.labels.setdefault(key, label) != label:
            raise ValueError(f"labelled {label!r}, and {self.labels[key]!r} before")
        if not attack:
            return
        unit = len(truth.units)
        if truth.kind == "window":
            host, start, end = key
            truth.windows.append((str(host), int(start), int(end)))
