"""How the columns of a Parquet file are written: by a dictionary where texts repeat, plain else.

Of texts that hardly repeat a dictionary takes twice the room and several times the time: all are
hashed, kept until there are too many, and written once more. Ids are no better off.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphad.parse import arrow_type
from graphad.store.mapped import CODED

_OFTEN = 8  # times that a text must occur, on average, for a dictionary
_SAMPLE = 8192  # rows of texts without a dictionary that are looked at
_ROOM = 256 * 1024 * 1024  # bytes that texts of a dictionary may have once each row has its own


class Encodings(NamedTuple):
    """The columns of a file: their types on their way to it, and which get a dictionary."""

    types: dict[str, pa.DataType]
    repeating: list[str]

    def columns(self, table: pa.Table) -> list[pa.ChunkedArray]:
        """Return the columns of a table as they are written; those it lacks are null."""
        return [typed(table, name, kind) for name, kind in self.types.items()]

    def parts(self, table: pa.Table) -> Iterator[pa.Table]:
        """Yield a table in parts whose texts have room once each row has its own."""
        if table.num_rows > 1 and self._room(table) > _ROOM:
            half = table.num_rows // 2
            yield from self.parts(table.slice(0, half))
            yield from self.parts(table.slice(half))
        else:
            yield table

    def _room(self, table: pa.Table) -> int:
        return max(
            (
                _spread(table[name])
                for name in table.column_names
                if name in self.types
                and name not in self.repeating
                and pa.types.is_dictionary(table[name].type)
            ),
            default=0,
        )


def of_file(kinds: Mapping[str, str], first: pa.Table) -> Encodings:
    """Return how columns of these kinds are written, by the first rows of the file.

    All chunks of a column have one dictionary.
    """
    types, repeating = {}, []
    for name, kind in kinds.items():
        types[name] = arrow_type(kind)
        if kind != "text":
            if not pa.types.is_integer(types[name]) and not pa.types.is_timestamp(types[name]):
                repeating.append(name)
            continue
        column = first[name] if name in first.column_names else None
        if column is None or pa.types.is_dictionary(column.type):
            types[name] = CODED
        if column is None or _repeats(column):
            repeating.append(name)
    return Encodings(types, repeating)


def _repeats(column: pa.ChunkedArray) -> bool:
    if not pa.types.is_dictionary(column.type):
        few = column.slice(0, _SAMPLE).drop_null()
        return bool(len(pc.unique(few)) * 2 <= len(few))
    codes = pa.chunked_array([c.indices for c in column.chunks], pa.int32())
    used = np.bincount(codes.drop_null().to_numpy())
    return bool(np.count_nonzero(used) * _OFTEN <= used.sum())


def _spread(column: pa.ChunkedArray) -> int:
    """Return the bytes of the texts of a dictionary once each row has its own."""
    total = 0
    for chunk in column.chunks:
        sizes = pc.binary_length(chunk.dictionary).fill_null(0)
        total += pc.sum(sizes.cast(pa.int64()).take(chunk.indices)).as_py() or 0
    return total


def typed(table: pa.Table, name: str, kind: pa.DataType) -> pa.ChunkedArray:
    """Return a column of a table as one of a type; nulls if it has no such column."""
    if name not in table.column_names:
        return pa.chunked_array([pa.nulls(table.num_rows, kind)])
    column = table[name]
    if column.type == kind:
        return column
    if kind == CODED and not pa.types.is_dictionary(column.type):
        return column.cast(pa.string()).dictionary_encode()
    return column.cast(kind)
