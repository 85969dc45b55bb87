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
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, TypeAlias

from graphad.errors import ParseError

BENIGN = frozenset({"0", "benign", "false", "no", "none", "normal"})

Kind: TypeAlias = Literal["line", "record", "entity", "window"]
Components: TypeAlias = tuple[str, ...]  # the names of a path
# (components, line or record), (entity,) or (host, start, end)
Key: TypeAlias = tuple[Any, ...]
Edges: TypeAlias = Sequence[tuple[str, int | None, int | None]]

_HEADERS: dict[frozenset[str], Kind] = {
    frozenset({"source", "line", "label"}): "line",
    frozenset({"source", "record", "label"}): "record",
    frozenset({"entity", "label"}): "entity",
    frozenset({"host", "start", "end"}): "window",
    frozenset({"host", "start", "end", "label"}): "window",
}
_FORMS = "source,line,label or source,record,label or entity,label or host,start,end,label"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Truth:
    """Attack units and the attacks they belong to.

    A unit is one attack line, record, entity or window, by number; `units` says its attack. For
    lines and records that is their label; an entity or a window is an attack by itself.
    """

    def __init__(self, kind: Kind, labels: Mapping[Key, str]) -> None:
        self.kind = kind
        self.units: list[str] = []
        self._keys: dict[Key, int] = {}
        self._ends: dict[str, set[Components]] = defaultdict(set)  # last name -> sources
        for key, label in labels.items():
            if label.lower() in BENIGN:
                continue
            self._keys[key] = len(self.units)
            if kind in ("line", "record"):
                self.units.append(label)
                self._ends[key[0][-1]].add(key[0])
            else:
                self.units.append("/".join(map(str, key)))
        self.attacks = frozenset(self.units)
        self._same: dict[str, list[Components]] = {}
        self._numbers: dict[Components, list[int]] | None = None

    def parts(
        self, edges: Edges, entities: Sequence[str], host: str, start: int, end: int
    ) -> frozenset[int]:
        """Return the attack units that a finding holds; none if it is not a hit."""
        if self.kind == "window":
            return frozenset(
                unit
                for (where, first, after), unit in self._keys.items()
                if where in ("", host) and start < after and end >= first
            )
        if self.kind == "entity":
            found = [self.entity(key) for key in entities]
        else:
            line = self.kind == "line"
            found = [self.unit(path, at if line else record) for path, at, record in edges]
        attack = [unit for unit in found if unit is not None]
        return frozenset(attack) if 2 * len(attack) >= len(found) else frozenset()

    @property
    def windows(self) -> list[tuple[str, int, int]]:
        """Return host (or nothing), start and end [us] of the windows that are attacks, by unit."""
        return [(key[0], key[1], key[2]) for key in self._keys] if self.kind == "window" else []

    @property
    def entities(self) -> set[str]:
        """Return the entities that are attacks."""
        return {key[0] for key in self._keys} if self.kind == "entity" else set()

    def entity(self, key: str) -> int | None:
        """Return the attack unit that an entity is."""
        return self._keys.get((key,))

    def numbers(self, path: str) -> list[int]:
        """Return the lines or records of a source that are attacks, rising."""
        if self.kind not in ("line", "record"):
            return []
        if self._numbers is None:
            self._numbers = defaultdict(list)
            for names, number in self._keys:
                self._numbers[names].append(number)
        return sorted({n for names in self._sources(path) for n in self._numbers[names]})

    def unmatched(self, paths: Iterable[str]) -> tuple[str, ...]:
        """Return the sources with attacks of which no path is one."""
        seen = {names for path in set(paths) for names in self._sources(path)}
        missing = set().union(*self._ends.values()) - seen
        return tuple(sorted("/".join(names) for names in missing))

    def unit(self, path: str, number: int | None) -> int | None:
        """Return the attack unit that a line or record of a source is."""
        units = (self._keys.get((names, number)) for names in self._sources(path))
        return next((unit for unit in units if unit is not None), None)

    def _sources(self, path: str) -> list[Components]:
        """Return the truth's sources that `path` is."""
        if path not in self._same:
            names = components(path)
            self._same[path] = sorted(
                other
                for other in self._ends.get(names[-1], ())
                if all(a == b for a, b in zip(reversed(names), reversed(other), strict=False))
            )
        return self._same[path]


def components(path: str) -> Components:
    """Return the names of a path, without what only says where it starts.

    >>> components("/data/./demo/attack.log")
    ('data', 'demo', 'attack.log')
    """
    return tuple(name for name in path.split("/") if name not in ("", ".")) or ("",)


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
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] = []
    labels: dict[Key, str] = {}
    try:
        for row in rows:
            fields = [field.strip() for field in row]
            if not any(fields):
                continue
            if not header:
                header = fields
                kind = _kind(header)
                continue
            key, label = _entry(kind, header, fields)
            if labels.setdefault(key, label) != label:
                raise ValueError(f"is labelled {label!r}, and {labels[key]!r} before")
    except (csv.Error, ValueError, OverflowError) as error:
        raise ParseError(f"{path}:{max(rows.line_num, 1)}: {error}.") from error
    if not header:
        raise ParseError(f"{path}: is empty.", hint=f"Write {_FORMS}.")
    return Truth(kind, labels)


def _kind(header: list[str]) -> Kind:
    kind = _HEADERS.get(frozenset(header))
    if kind is None or len(set(header)) != len(header):
        raise ValueError(f"has the columns {','.join(header)}, not {_FORMS}")
    return kind


def _entry(kind: Kind, header: list[str], row: list[str]) -> tuple[Key, str]:
    """Return what a row labels, and its label."""
    if len(row) != len(header):
        raise ValueError(f"has {len(row)} fields where the header has {len(header)}")
    fields = dict(zip(header, row, strict=True))
    label = fields.get("label", "attack")
    empty = [name for name in header if not fields[name] and name != "host"]
    if empty:
        raise ValueError(f"has an empty {empty[0]}")
    if kind == "entity":
        return (fields["entity"],), label
    if kind == "window":
        start, end = _time(fields["start"]), _time(fields["end"])
        if end <= start:
            raise ValueError("has an end that is not after its start")
        return (fields["host"], start, end), label
    if not fields[kind].isascii() or not fields[kind].isdigit() or int(fields[kind]) < 1:
        raise ValueError(f"has the {kind} {fields[kind]!r}, which is no number from 1")
    return (components(fields["source"]), int(fields[kind])), label


def _time(text: str) -> int:
    """Return UTC microseconds.

    >>> _time("1970-01-01T01:00:01+01:00")
    1000000
    """
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        time = time.replace(tzinfo=UTC)
    return (time - _EPOCH) // timedelta(microseconds=1)
