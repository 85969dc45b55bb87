"""Maps a block by a parser's Relations: SQL on distinct values, edges by whole numbers."""

import os
from collections.abc import Sequence
from typing import Any, NamedTuple

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from graphad.parse import Parser
from graphad.relations import Relations, columns_of
from graphad.store.mapped import ENTITY, Mapped, Rows, entity_ids, is_local

_ABSENT = np.iinfo(np.int64).min  # stands for NULL among a column's numbers
_KNOWN = 100_000  # kinds remembered at most
_SEED = np.uint64(int.from_bytes(os.urandom(8), "little"))


class _Kind(NamedTuple):
    """What a parser says of records that read alike."""

    kind: str | None
    outcome: str | None
    rule: str | None
    reason: str | None


class _Block:
    """The columns of one block as numbers: equal numbers mean equal values."""

    def __init__(self, raw: pa.Table) -> None:
        self.raw = raw
        self._numbers: dict[str, Rows] = {}

    def numbers(self, name: str) -> Rows:
        if name not in self._numbers:
            self._numbers[name] = self._coded(self.raw[name].combine_chunks())
        return self._numbers[name]

    def _coded(self, column: Any) -> Rows:
        if pa.types.is_timestamp(column.type):  # of a time only whether there is one counts
            column = column.is_valid()
        if pa.types.is_dictionary(column.type):
            column = column.indices
        elif not pa.types.is_integer(column.type):
            column = column.dictionary_encode().indices
        filled = column.cast(pa.int64()).fill_null(_ABSENT)
        numbers: Rows = filled.to_numpy(zero_copy_only=False)
        return numbers

    def distinct(
        self, names: Sequence[str], rows: Rows | None = None
    ) -> tuple[Rows, npt.NDArray[np.int32]]:
        """Return (rows that stand for all, which of them each row equals) in some columns."""
        from graphad.scan.tuples import distinct_rows

        size = self.raw.num_rows if rows is None else len(rows)
        columns = np.zeros((max(1, len(names)), size), np.int64)
        for i, name in enumerate(names):
            columns[i] = self.numbers(name) if rows is None else self.numbers(name)[rows]
        first, number = distinct_rows(columns, _SEED)
        return (first if rows is None else rows[first]), number

    def given(self, names: Sequence[str], rows: Rows) -> pa.Table:
        """Return columns of some rows, texts plain, times all the same."""
        at = pa.array(rows)
        columns = {}
        for name in names:
            column = self.raw[name].combine_chunks().take(at)
            if pa.types.is_dictionary(column.type):
                column = column.cast(pa.string())
            elif pa.types.is_timestamp(column.type):
                column = pc.if_else(column.is_valid(), pa.scalar(0, column.type), column)
            columns[name] = column
        return pa.table(columns) if columns else pa.table({"nothing": np.zeros(len(rows))})


class Related:
    """Runs one parser's relations. Safe to share between threads."""

    def __init__(self, parser: Parser, relations: Relations, key: bytes) -> None:
        self.relations, self.key = relations, key
        told = relations.kind, relations.outcome, parser.ignore, parser.reject
        self._told_by = columns_of(told)
        self._tell = "SELECT " + ", ".join(f"({sql})::VARCHAR" for sql in told) + " FROM given"
        self._ends = list(relations.ends.values())
        self._number = {name: i for i, name in enumerate(relations.ends)}
        self._read_from = [columns_of((e.key, e.label, e.detail)) for e in self._ends]
        self._read = [
            f"SELECT ({e.key})::VARCHAR AS key, ({e.label})::VARCHAR AS label, "
            f"({e.detail})::VARCHAR AS detail FROM given"
            for e in self._ends
        ]
        self._local = is_local([end.type for end in self._ends])
        self._known: dict[tuple[object, ...], _Kind] = {}

    def run(self, raw: pa.Table, connection: duckdb.DuckDBPyConnection) -> Mapped:
        """Map `raw`, which has all columns of schema.RECORDS."""
        block = _Block(raw)
        kinds, kind_of = self._kinds(block, connection)
        usable = raw["ts"].is_valid().to_numpy() & raw["host"].is_valid().to_numpy()
        row, ordinal, ends, action = self._related(kinds, kind_of, usable)
        ids, number, entities = self._entities(block, np.tile(row, 2), ends, connection)
        src, dst = np.split(number, 2)
        whole = np.flatnonzero((src >= 0) & (dst >= 0))
        row, ordinal = row[whole], ordinal[whole]
        there = np.zeros(len(ids), bool)
        there[src[whole]] = there[dst[whole]] = True
        if not there.all():  # an edge that lacks its other end is none
            entities = entities.filter(pa.array(there))
        at = pa.array(row)
        outcomes = pa.array([kind.outcome for kind in kinds], pa.string())
        edges = pa.table(
            {
                "record": raw["record"].take(at),
                "ordinal": ordinal,
                "ts": raw["ts"].take(at),
                "host": raw["host"].take(at),
                "src": ids[src[whole]],
                "dst": ids[dst[whole]],
                "action": pa.DictionaryArray.from_arrays(
                    action[whole].astype(np.int32), pa.array(self.relations.actions, pa.string())
                ),
                "outcome": outcomes.take(pa.array(kind_of[row])),
            }
        )
        used = np.zeros(raw.num_rows, bool)
        used[row] = True
        unused = np.flatnonzero(~used)
        ignored: dict[str, int] = {}
        for kind, count in zip(kinds, np.bincount(kind_of[unused], minlength=len(kinds)).tolist()):
            if kind.rule is not None and count:
                ignored[kind.rule] = ignored.get(kind.rule, 0) + count
        ruled = np.array([kind.rule is not None for kind in kinds], bool)
        lost = unused[~ruled[kind_of[unused]]]
        reasons = pa.array([kind.reason for kind in kinds], pa.string())
        return Mapped(
            edges, entities, int(used.sum()), ignored, lost, reasons.take(pa.array(kind_of[lost]))
        )

    def _kinds(
        self, block: _Block, connection: duckdb.DuckDBPyConnection
    ) -> tuple[list[_Kind], npt.NDArray[np.int32]]:
        """Return what is said of each kind of row that occurs, and which kind each row is."""
        first, kind_of = block.distinct(self._told_by)
        given = block.given(self._told_by, first)
        values = list(zip(*(column.to_pylist() for column in given.columns), strict=True))
        new = [i for i, value in enumerate(values) if value not in self._known]
        told: dict[tuple[object, ...], _Kind] = {}
        if new:
            answers = _ask(connection, self._tell, given.take(pa.array(new)))
            rows = zip(*(column.to_pylist() for column in answers.columns), strict=True)
            told = {values[i]: _Kind(*row) for i, row in zip(new, rows, strict=True)}
            if len(self._known) < _KNOWN:
                self._known.update(told)
        return [told[v] if v in told else self._known[v] for v in values], kind_of

    def _related(
        self, kinds: list[_Kind], kind_of: npt.NDArray[np.int32], usable: npt.NDArray[np.bool_]
    ) -> tuple[Rows, Rows, Rows, Rows]:
        """Return the edges in order: (row, ordinal, ends [sources, then destinations], action)."""
        order = np.argsort(kind_of, kind="stable")
        bounds = np.searchsorted(kind_of[order], np.arange(len(kinds) + 1))
        found: list[tuple[Rows, int, int, int, int]] = []
        for i, kind in enumerate(kinds):
            edges = self.relations.edges.get(kind.kind or "", ())
            rows = order[bounds[i] : bounds[i + 1]] if edges else order[:0]
            rows = rows[usable[rows]]
            for ordinal, (src, action, dst) in enumerate(edges):
                number = self.relations.actions.index(action)
                found.append((rows, ordinal, self._number[src], number, self._number[dst]))
        if not found:
            return (np.empty(0, np.int64),) * 4
        sizes = [len(rows) for rows, *_ in found]
        row = np.concatenate([rows for rows, *_ in found])
        ordinal, src, action, dst = (
            np.repeat(np.array([one[i] for one in found], np.int64), sizes) for i in range(1, 5)
        )
        order = np.lexsort((ordinal, row))
        ends = np.concatenate([src[order], dst[order]])
        return row[order], ordinal[order], ends, action[order]

    def _entities(
        self, block: _Block, row: Rows, ends: Rows, connection: duckdb.DuckDBPyConnection
    ) -> tuple[Rows, Rows, pa.Table]:
        """Return (ids, which of them is at each end of an edge or -1, all that is said of them)."""
        number = np.full(len(row), -1, np.int64)
        said: list[pa.Table] = []
        count = 0
        order = np.argsort(ends, kind="stable")
        bounds = np.searchsorted(ends[order], np.arange(len(self._ends) + 1))
        for i, end in enumerate(self._ends):
            at = order[bounds[i] : bounds[i + 1]]
            if not len(at):
                continue
            names = self._read_from[i]
            local = ["host"] if self._local[i] and "host" not in names else []
            first, which = block.distinct([*names, *local], row[at])
            answers = _ask(connection, self._read[i], block.given(names, first))
            there = answers["key"].is_valid().to_numpy()
            numbered = np.where(there, count + np.cumsum(there) - 1, -1)
            number[at] = numbered[which]
            count += int(there.sum())
            kept = pa.array(first[there])
            answers = answers.filter(pa.array(there))
            hosts = block.raw["host"].take(kept).cast(pa.string())
            kind = pa.DictionaryArray.from_arrays(np.zeros(len(kept), np.int32), [end.type])
            label = pc.coalesce(answers["label"], answers["key"])
            said.append(
                pa.table(
                    [kind, hosts, answers["key"], label, answers["detail"]], names=ENTITY.names[1:]
                )
            )
        if not said:
            return np.empty(0, np.int64), number, ENTITY.empty_table()
        table = pa.concat_tables(said).unify_dictionaries().combine_chunks()
        ids = entity_ids(
            *(table[n].combine_chunks() for n in ("type", "host", "key")), secret=self.key
        )
        return ids, number, table.add_column(0, "id", pa.array(ids)).cast(ENTITY)


def _ask(connection: duckdb.DuckDBPyConnection, sql: str, given: pa.Table) -> pa.Table:
    connection.register("given", given)
    try:
        return connection.sql(sql).to_arrow_table()
    finally:
        connection.unregister("given")
