"""From decoded blocks to the rows that are stored: records, edges, entities, rejects, claims."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import duckdb
import numpy as np
import pyarrow as pa

from graphad import database, schema
from graphad.errors import ParseError
from graphad.parse import PLACE, REJECTS, Decoded, Parser
from graphad.query import quoted_name
from graphad.relations import Relations
from graphad.store.mapped import CODED, Mapped, Rows
from graphad.store.related import Related
from graphad.store.segment import joined
from graphad.store.selected import Selected

_TEXTS = {pa.string(), CODED}
_KEPT = {c.name for c in schema.RECORDS} | set(PLACE.names)


class First(NamedTuple):
    """What the first record with a time is like. `record` counts from the block's first, from 0."""

    record: int
    time: int  # us
    length: int
    host: str | None


@dataclass
class Part:
    """What became of one block, in numbers. read = used + ignored + rejected."""

    read: int = 0
    used: int = 0
    rejected: int = 0
    edges: int = 0
    ignored: dict[str, int] = field(default_factory=dict)
    span: tuple[int, int] | None = None  # times of its first and last edge, us
    first: First | None = None


@dataclass
class Run:
    """What blocks give that were mapped together.

    `tables` has records, edges, entities, rejects and aliases, whichever has rows, those of a block
    before those of the next. There `record` counts from the first block's first; `offset` and
    `line` count from the start of the row's own block.
    """

    parts: list[Part]
    tables: dict[str, pa.Table]
    said_in: Rows  # block of each entity

    def starts(self) -> Rows:
        """Return the number of each block's first record."""
        return np.cumsum([0, *(part.read for part in self.parts[:-1])])

    def block_of(self, name: str) -> Rows:
        """Return which block each row of a table is of."""
        if name == "entities":
            return self.said_in
        rows = self.tables[name]
        if len(self.parts) == 1:  # records that began in a block before have numbers below 0
            return np.zeros(rows.num_rows, np.int64)
        # A block without records begins where the next one does.
        found: Rows = np.searchsorted(self.starts(), rows["record"].to_numpy(), "right") - 1
        return found


class Mapper:
    """Runs a parser's mapping. Safe to share between threads: each has its own connection."""

    def __init__(self, parser: Parser, key: bytes) -> None:
        self.parser = parser
        self._local = threading.local()
        mapping = parser.mapping
        self._mapping = (
            Related(parser, mapping, key)
            if isinstance(mapping, Relations)
            else Selected(parser, mapping, key)
        )

    def run(self, decoded: Sequence[Decoded]) -> list[Run]:
        """Return the rows of blocks, mapped at once if that can be.

        To map a block takes long even if it has few rows. Which blocks are mapped together changes
        nothing of what they give.
        """
        if isinstance(self._mapping, Related) and _alike(decoded):
            return [self._run(decoded)]
        return [self._run([one]) for one in decoded]

    def _run(self, decoded: Sequence[Decoded]) -> Run:
        run = Run(
            [Part(one.read, ignored=dict(one.ignored)) for one in decoded],
            {},
            np.empty(0, np.int64),
        )
        starts = run.starts().tolist()
        full = [i for i, one in enumerate(decoded) if one.raw.num_rows]
        rejects = [_moved(one.rejects, at) for one, at in zip(decoded, starts, strict=True)]
        if full:
            raws = [_moved(decoded[i].raw, starts[i]) for i in full]
            raw = raws[0]
            if len(raws) > 1:
                raw = joined(raws).unify_dictionaries().combine_chunks()
            mapped, connection = self._mapped(raw, [decoded[i].raw.num_rows for i in full])
            run.tables = {
                "records": _stored(_timed(raw, mapped.edges), connection),
                "edges": mapped.edges,
                "entities": mapped.entities,
            }
            if mapped.claims is not None:
                run.tables["aliases"] = mapped.claims
            if mapped.said_in is None:
                run.said_in = np.full(mapped.entities.num_rows, full[0])
            else:
                run.said_in = np.array(full)[mapped.said_in]
            for i, used, ignored in zip(full, mapped.used, mapped.ignored, strict=True):
                run.parts[i].used = used
                for rule, count in ignored.items():
                    run.parts[i].ignored[rule] = run.parts[i].ignored.get(rule, 0) + count
            if len(mapped.lost):
                places = raw.select(PLACE.names).take(pa.array(mapped.lost))
                places = places.append_column("reason", mapped.reasons)
                rejects.append(places.cast(REJECTS))
        run.tables["rejects"] = pa.concat_tables(rejects)
        run.tables = {name: rows for name, rows in run.tables.items() if rows.num_rows}
        if len(decoded) > 1:
            _ordered(run)
        _summed(run)
        return run

    def _mapped(
        self, raw: pa.Table, sizes: Sequence[int]
    ) -> tuple[Mapped, duckdb.DuckDBPyConnection]:
        connection = self._connection()
        try:
            if isinstance(self._mapping, Related):
                return self._mapping.run(raw, sizes, connection), connection
            return self._mapping.run(raw, connection), connection
        except duckdb.Error as error:
            raise ParseError(
                f"The mapping of parser {self.parser.name!r} fails: {error}"
            ) from error

    def _connection(self) -> duckdb.DuckDBPyConnection:
        if not hasattr(self._local, "connection"):
            self._local.connection = database.connect(config=database.SHUT | {"threads": "1"})
        connection: duckdb.DuckDBPyConnection = self._local.connection
        return connection


def _alike(decoded: Sequence[Decoded]) -> bool:
    """Say whether the rows of blocks can be those of one table without a change to any of them."""
    kinds: dict[str, set[pa.DataType]] = {}
    for one in decoded:
        raw = one.raw
        if not raw.num_rows:
            continue
        if "ts" not in raw.column_names or _foreign(raw):
            return False
        record = raw["record"].to_numpy()
        if record.min() < 0 or record.max() >= one.read:
            return False
        for column in raw.schema:
            kinds.setdefault(column.name, set()).add(column.type)
    return all(len(found) == 1 or found <= _TEXTS for found in kinds.values())


def _moved(rows: pa.Table, by: int) -> pa.Table:
    """Return rows with records that are counted from so many before."""
    if not by or not rows.num_rows:
        return rows
    at = rows.schema.get_field_index("record")
    return rows.set_column(at, "record", pa.array(rows["record"].to_numpy() + by))


def _ordered(run: Run) -> None:
    """Put the rows of a block before those of the next."""
    for name, rows in run.tables.items():
        of = run.block_of(name)
        if np.any(of[1:] < of[:-1]):
            order = np.argsort(of, kind="stable")
            run.tables[name] = rows.take(pa.array(order))
            if name == "entities":
                run.said_in = of[order]


def _summed(run: Run) -> None:
    """Fill in what the tables say of each block."""
    if "rejects" in run.tables:
        counts = np.bincount(run.block_of("rejects"), minlength=len(run.parts))
        for part, count in zip(run.parts, counts.tolist(), strict=True):
            part.rejected = count
    if "edges" in run.tables:
        blocks, begin, counts = np.unique(
            run.block_of("edges"), return_index=True, return_counts=True
        )
        ts = run.tables["edges"]["ts"].cast(pa.int64()).to_numpy()
        spans = np.minimum.reduceat(ts, begin).tolist(), np.maximum.reduceat(ts, begin).tolist()
        for i, count, *span in zip(blocks.tolist(), counts.tolist(), *spans, strict=True):
            run.parts[i].edges, run.parts[i].span = count, (span[0], span[1])
    records = run.tables.get("records")
    if records is None or "ts" not in records.column_names:
        return
    timed = np.flatnonzero(records["ts"].is_valid().to_numpy())
    blocks, first = np.unique(run.block_of("records")[timed], return_index=True)
    names = [name for name in ("record", "ts", "length", "host") if name in records.column_names]
    found = records.select(names).take(pa.array(timed[first]))
    found = found.set_column(1, "ts", found["ts"].cast(pa.int64()))
    starts = run.starts()
    for i, row in zip(blocks.tolist(), found.to_pylist(), strict=True):
        record = row["record"] - int(starts[i])
        run.parts[i].first = First(record, row["ts"], row["length"], row.get("host"))


def _timed(raw: pa.Table, edges: pa.Table) -> pa.Table:
    """Return rows with the time of their first edge, where only the mapping reads the time."""
    if "ts" in raw.column_names or not edges.num_rows:
        return raw
    record = edges["record"].to_numpy()
    first = np.unique(record, return_index=True)[1]
    at = np.searchsorted(raw["record"].to_numpy(), record[first])
    ts, known = np.zeros(raw.num_rows, np.int64), np.zeros(raw.num_rows, bool)
    ts[at], known[at] = edges["ts"].cast(pa.int64()).to_numpy()[first], True
    return raw.append_column("ts", pa.array(ts, mask=~known).cast(pa.timestamp("us")))


def _foreign(raw: pa.Table) -> list[str]:
    """Return the columns that no record has, but its attrs."""
    return [n for n in raw.column_names if n not in _KEPT and not n.startswith("_")]


def _stored(raw: pa.Table, connection: duckdb.DuckDBPyConnection) -> pa.Table:
    """Return the rows with the columns that are kept; foreign ones go to attrs, as JSON."""
    foreign = _foreign(raw)
    if foreign:
        connection.register("foreign_fields", raw.select(foreign))
        fields = ", ".join(f"{name} := {name}" for name in map(quoted_name, foreign))
        # Merging into {} leaves out what is null.
        made = connection.sql(
            f"SELECT json_merge_patch('{{}}', to_json(struct_pack({fields})))::VARCHAR AS attrs "
            "FROM foreign_fields"
        ).to_arrow_table()
        connection.unregister("foreign_fields")
        raw = raw.append_column("attrs", made["attrs"])
    return raw.select([n for n in raw.column_names if n in _KEPT])
