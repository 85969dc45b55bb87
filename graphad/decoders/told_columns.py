"""Columns of what readers in Python tell of records, made of one slice of them after another.

What the records of a block tell is millions of objects. Held all at once they cost more to look
through for garbage than to make; so a slice is told, becomes arrays and is forgotten.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, chain, islice, repeat
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphad import schema
from graphad.decoders import garbage
from graphad.decoders.edge_lists import edge_lists, texts
from graphad.decoders.told_claims import claim_columns
from graphad.parse import arrow_type

SLICE = 256  # records that are told at once
_THING = ("type", "key", "label", "detail")
_KINDS = {column.name: arrow_type(column.kind) for column in schema.RECORDS}
_TEXT, _US = pa.string(), pa.timestamp("us")
_T = TypeVar("_T")


def sliced(values: Iterable[_T], size: int = SLICE) -> Iterator[list[_T]]:
    """Yield lists of so many values, the last one shorter.

    >>> list(sliced("abcde", 2))
    [['a', 'b'], ['c', 'd'], ['e']]
    """
    rest = iter(values)
    while some := list(islice(rest, size)):
        yield some


class _Fields:
    """Columns by name, each [N]; a record need not have all of them."""

    def __init__(self) -> None:
        self.count = 0
        self.parts: dict[str, list[pa.Array]] = {}
        self.filled: dict[str, int] = {}

    def add(self, name: str, kind: pa.DataType, values: Sequence[Any]) -> None:
        """Take a slice's values of a column, before its end is counted."""
        parts = self.parts.setdefault(name, [])
        missing = self.count - self.filled.get(name, 0)
        if missing:
            parts.append(pa.nulls(missing, kind))
        parts.append(_texts(values) if kind == _TEXT else pa.array(values, kind))
        self.filled[name] = self.count + len(values)

    def array(self, name: str) -> pa.Array:
        """Return a column."""
        parts, missing = self.parts[name], self.count - self.filled[name]
        return pa.concat_arrays([*parts, pa.nulls(missing, parts[0].type)])

    def arrays(self) -> dict[str, pa.Array]:
        """Return the columns in the order in which they were first told of."""
        return {name: self.array(name) for name in self.parts}


class _Lists:
    """A column of lists of structs [N]."""

    def __init__(self) -> None:
        self.offsets = [0]
        self.parts: list[dict[str, pa.Array]] = []

    def add(self, sizes: Iterable[int], columns: dict[str, pa.Array]) -> None:
        """Take a slice's lists: how long each is, and the columns of what is in them."""
        ends = accumulate(sizes, initial=self.offsets.pop())
        self.offsets.extend(ends)
        if self.parts and not any(map(len, columns.values())):
            return
        self.parts.append(columns)

    def columns(self) -> dict[str, pa.Array]:
        """Return the columns of what is in the lists."""
        return {n: pa.concat_arrays([part[n] for part in self.parts]) for n in self.parts[0]}


class Columns:
    """What N records tell: of each record and field, and its edges and claims.

    most: edges of a record that are kept; one with more says how many in `more_edges`.
    """

    def __init__(self, most: int | None = None) -> None:
        self.most = most
        self.own, self.fields = _Fields(), _Fields()
        self._edges, self._claims = _Lists(), _Lists()

    @classmethod
    def of(cls, told: Iterable[Any], most: int | None = None) -> "Columns":
        """Return what records tell; each is told when it is asked for."""
        found = cls(most)
        with garbage.put_off():
            for some in sliced(told):
                found.add(some)
        if not found.own.count:
            found.add([])
        return found

    def add(self, told: Sequence[Any]) -> None:
        """Take what the records of a slice tell."""
        edges = [one.edges for one in told]
        if self.most is not None and max(map(len, edges), default=0) > self.most:
            more = [str(len(some)) if len(some) > self.most else None for some in edges]
            self.own.add("more_edges", _TEXT, more)
            edges = [some[: self.most] for some in edges]
        self.own.add("ts", _US, [one.ts for one in told])
        self.own.add("host", _TEXT, [one.host for one in told])
        self.own.add("rule", _TEXT, [one.rule for one in told])
        self.own.add("reason", _TEXT, [one.reason for one in told])
        self._edges.add(map(len, edges), _edges(told, list(chain.from_iterable(edges))))
        claims = [one.claims for one in told]
        self._claims.add(map(len, claims), claim_columns(list(chain.from_iterable(claims))))
        said = [one.fields for one in told]
        for name in dict.fromkeys(chain.from_iterable(said)):
            values = [fields.get(name) for fields in said]
            self.fields.add(name, _KINDS.get(name, _TEXT), values)
        self.own.count += len(told)
        self.fields.count += len(told)

    def hosts(self, other: str) -> pa.Array:
        """Return the host of each record; `other` is that of those which name none."""
        hosts = self.own.array("host")
        return pc.fill_null(pc.if_else(pc.equal(hosts, ""), None, hosts), other)

    def edges(self) -> pa.ListArray:
        """Return each record's edges."""
        columns = self._edges.columns()
        begin, sizes = self._edges.offsets[:-1], np.diff(self._edges.offsets)
        place = np.arange(self._edges.offsets[-1]) - np.repeat(begin, sizes)
        return edge_lists(self._edges.offsets, columns | {"ordinal": pa.array(place, pa.int64())})

    def claims(self) -> pa.ListArray | None:
        """Return each record's claims, None if none claims anything."""
        if not self._claims.offsets[-1]:
            return None
        return edge_lists(self._claims.offsets, self._claims.columns())


def _texts(values: Sequence[Any]) -> pa.Array:
    """Return texts; what is none is written as Python writes it."""
    try:
        return pa.array(values, _TEXT)
    except (UnicodeEncodeError, pa.ArrowTypeError, pa.ArrowInvalid):
        return texts([None if v is None else v if type(v) is str else str(v) for v in values])


def _edges(told: Sequence[Any], flat: Sequence[Any]) -> dict[str, pa.Array]:
    """Return the columns of the edges that some records tell of."""
    src, action, dst, *outcome = list(zip(*flat, strict=True)) or [(), (), ()]
    columns: dict[str, pa.Array] = {}
    for side, things in (("src", src), ("dst", dst)):
        parts = list(zip(*things, strict=True)) or [()] * len(_THING)
        for name, values in zip(_THING, parts, strict=True):
            columns[f"{side}_{name}"] = texts(values)
    columns["action"] = texts(action)
    columns["outcome"] = texts(outcome[0]) if outcome else pa.nulls(len(flat), _TEXT)
    columns["ts"] = _times(told, len(flat))
    return columns


def _times(told: Sequence[Any], count: int) -> pa.Array:
    """Return the times of edges whose records have several."""
    times = [getattr(one, "times", ()) for one in told]
    if not any(times):
        return pa.nulls(count, _US)
    each = (one or repeat(None, len(t.edges)) for one, t in zip(times, told, strict=True))
    return pa.array(list(chain.from_iterable(each)), _US)
