"""Tables of security products: rows told in Python like records of JSON, or read as another log.

What is exported as a table (CSV, TSV, one JSON object a line) is often a log that graphad knows,
row by row: then the rows are handed to that log's own decoder.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

import msgspec
import pyarrow as pa

from graphad.decoders.cloud_decode import CloudDecoder, Tell, with_told
from graphad.decoders.tabular import Tabular
from graphad.decoders.told_columns import SLICE
from graphad.parse import PLACE, Decoded, Decoder, Options

Row = dict[str, Any]


class Rows:
    """Decodes a table; what becomes of its rows, those that inherit say."""

    parallel: ClassVar[bool] = False

    def __init__(self, options: Options) -> None:
        self.options = options
        self.table = Tabular()

    @property
    def whole(self) -> bool:
        """Whether the file must be given as one block, as Parquet must."""
        return self.table.whole

    def state(self) -> object:
        """Return what the table's decoder remembers."""
        return self.table.state()

    def restore(self, state: object) -> None:
        """Go on with such a table. Raises: ValueError if it is none."""
        self.table.restore(state)

    def cut(self, data: bytes | bytearray | memoryview, last: bool) -> int:
        """Return the bytes of `data` that are whole records."""
        return self.table.cut(data, last)


def rows_of(raw: pa.Table) -> Iterator[Row]:
    """Yield each row's fields that have a value, under their own names."""
    names = [name for name in raw.column_names if name not in PLACE.names and name != "_missing"]
    # What a store has for something else was given a `_`; a field's own is at its beginning.
    own = [name.rstrip("_") or name for name in names]
    if not names:
        yield from ({} for _ in range(raw.num_rows))
    for at in range(0, raw.num_rows, SLICE):
        columns = [raw[name].slice(at, SLICE).to_pylist() for name in names]
        for row in zip(*columns, strict=True):
            yield {name: value for name, value in zip(own, row, strict=True) if value is not None}


class ToldRows(Rows):
    """Decodes a table whose rows `tell` reads."""

    def __init__(self, options: Options, tell: Tell) -> None:
        super().__init__(options)
        self.tell = tell

    def decode(self, data: bytes | memoryview, last: bool) -> Decoded:
        """Return a row for each record, with what it tells."""
        decoded = self.table.decode(data, last)
        told = (self.tell(row, self.options) for row in rows_of(decoded.raw))
        decoded.raw = with_told(decoded.raw, told, self.options.host or "unknown")
        return decoded


class RowsAs(Rows):
    """Decodes a table whose rows are another log's records: JSON lines for its decoder.

    `make` returns a row's JSON object, or why it is none.
    """

    def __init__(
        self, options: Options, make: Callable[[Row], Row], decoder: Callable[[Options], Decoder]
    ) -> None:
        super().__init__(options)
        self.make, self.decoder = make, decoder

    def decode(self, data: bytes | memoryview, last: bool) -> Decoded:
        """Return the rows as the other decoder reads them, at their places in the table."""
        decoded = self.table.decode(data, last)
        rows = rows_of(decoded.raw)
        lines = b"\n".join(msgspec.json.encode(self.make(row)) for row in rows)
        inner = self.decoder(self.options)
        if lines:
            inner.cut(lines, True)
        read = inner.decode(lines, True)
        places = decoded.raw.select(PLACE.names)
        raw = moved(read.raw, places)
        rejects = moved(read.rejects, places)
        rejects = pa.concat_tables([decoded.rejects, rejects]).sort_by("record")
        return Decoded(decoded.read, raw, rejects, {**decoded.ignored, **read.ignored})


def moved(rows: pa.Table, places: pa.Table) -> pa.Table:
    """Return rows with the places of the table's rows that they were made of."""
    at = rows["record"]
    for name in PLACE.names:
        place = places[name].take(at).combine_chunks()
        rows = rows.set_column(rows.schema.get_field_index(name), name, place)
    return rows


def table_or_json(
    options: Options, tell: Tell, envelopes: Sequence[str], columns: Sequence[tuple[str, str]]
) -> Decoder:
    """Return a decoder of what is a table, or JSON in any wrapping: its first bytes say which."""
    return _Either(ToldRows(options, tell), CloudDecoder(columns, options, tell, envelopes))


class _Either:
    """Decodes by one of two decoders."""

    parallel: ClassVar[bool] = False

    def __init__(self, table: ToldRows, objects: CloudDecoder) -> None:
        self.table, self.objects = table, objects
        self.chosen: ToldRows | CloudDecoder | None = None

    @property
    def whole(self) -> bool:
        """Whether the file must be given as one block."""
        return self.chosen is None or (self.chosen is self.table and self.table.whole)

    def _choose(self, data: bytes) -> ToldRows | CloudDecoder:
        if self.chosen is None:
            start = data[:4096].removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
            self.chosen = self.objects if start in (b"{", b"[") else self.table
        return self.chosen

    def state(self) -> object:
        """Return which one it is, and what that remembers."""
        if self.chosen is None:
            return None
        return {"table": self.chosen is self.table, "state": self.chosen.state()}

    def restore(self, state: object) -> None:
        """Go on with that one. Raises: ValueError if it is no such state."""
        if not isinstance(state, dict) or not isinstance(state.get("table"), bool):
            raise ValueError("no state of a table or of JSON")
        self.chosen = self.table if state["table"] else self.objects
        self.chosen.restore(state.get("state"))

    def cut(self, data: bytes | bytearray | memoryview, last: bool) -> int:
        """Return how many bytes of `data` are whole records."""
        return self._choose(bytes(data[:4096])).cut(data, last)

    def decode(self, data: bytes | memoryview, last: bool) -> Decoded:
        """Return the rows and rejects of a block."""
        return self._choose(bytes(data[:4096])).decode(data, last)
