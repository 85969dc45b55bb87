"""Maps blocks by a parser's Relations: SQL on distinct values, edges by whole numbers."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeAlias

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from graphad.parse import Parser
from graphad.relations import Relations, columns_of
from graphad.store.claims import Claims
from graphad.store.claims import Found as Claimed
from graphad.store.expressions import Answers, Columns, Expression, ask, evaluate
from graphad.store.mapped import ENTITY, Mapped, Rows, entity_ids, is_local

_KNOWN = 100_000  # kinds remembered at most
# Number of an end, where it occurs, the rows that stand for all, which of these each one equals.
_Found: TypeAlias = tuple[int, Rows, Rows, npt.NDArray[np.int32]]


class _Kind(NamedTuple):
    """What a parser says of records that read alike."""

    kind: str | None
    outcome: str | None
    rule: str | None
    reason: str | None


class Related:
    """Runs one parser's relations. Safe to share between threads."""

    def __init__(self, parser: Parser, relations: Relations, key: bytes) -> None:
        self.relations, self.key = relations, key
        told = relations.kind, relations.outcome, parser.ignore, parser.reject
        self._told_by = columns_of(told)
        self._tell = "SELECT " + ", ".join(f"({sql})::VARCHAR" for sql in told) + " FROM given"
        self._ends = list(relations.ends.values())
        self._number = {name: i for i, name in enumerate(relations.ends)}
        self._read = [tuple(map(Expression, (e.key, e.label, e.detail))) for e in self._ends]
        self._read_from = [columns_of((e.key, e.label, e.detail)) for e in self._ends]
        self._local = is_local([end.type for end in self._ends])
        self._answers = Answers()
        self._known: dict[tuple[object, ...], _Kind] = {}
        self._claims = Claims(relations.claims, key) if relations.claims else None

    def run(
        self, raw: pa.Table, sizes: Sequence[int], connection: duckdb.DuckDBPyConnection
    ) -> Mapped:
        """Map the rows of blocks, of which `sizes` says how many each one has.

        What each block gives is the same as if it were mapped alone.
        """
        block = Columns(raw, sizes)
        kinds, kind_of = self._kinds(block, connection)
        usable = block.column("ts").is_valid().to_numpy(False)
        usable &= block.column("host").is_valid().to_numpy(False)
        row, ordinal, ends, action = self._related(kinds, kind_of, usable)
        rows = np.tile(row, 2)
        found = self._found(block, rows, ends)
        claimed: list[Claimed] = []
        asked = [(part, first) for i, _, first, _ in found for part in self._read[i]]
        if self._claims:
            named = [kind.kind for kind in kinds]
            claimed = self._claims.find(block, named, kind_of, usable)
            asked += self._claims.asked(claimed)
        answers = iter(evaluate(block, asked, connection, self._answers))
        ids, number, entities, said_in = self._entities(block, len(rows), found, answers)
        claims = None
        if self._claims:
            claims = self._claims.made(block, usable, claimed, answers)
        src, dst = np.split(number, 2)
        whole = np.flatnonzero((src >= 0) & (dst >= 0))
        row, ordinal = row[whole], ordinal[whole]
        there = np.zeros(len(ids), bool)
        there[src[whole]] = there[dst[whole]] = True
        if not there.all():  # an edge that lacks its other end is none
            entities, said_in = entities.filter(pa.array(there)), said_in[there]
        at = pa.array(row)
        outcomes = pa.array([kind.outcome for kind in kinds], pa.string())
        edges = pa.table(
            {
                "record": raw["record"].take(at),
                "ordinal": ordinal,
                "ts": block.column("ts").take(at),
                "host": block.column("host").take(at),
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
        ignored = _counted(kinds, kind_of[unused], block.block_of[unused], len(sizes))
        ruled = np.array([kind.rule is not None for kind in kinds], bool)
        lost = unused[~ruled[kind_of[unused]]]
        reasons = pa.array([kind.reason for kind in kinds], pa.string())
        return Mapped(
            edges, entities, np.bincount(block.block_of[used], minlength=len(sizes)).tolist(),
            ignored, lost, reasons.take(pa.array(kind_of[lost])), claims, said_in,
        )  # fmt: skip

    def _kinds(
        self, block: Columns, connection: duckdb.DuckDBPyConnection
    ) -> tuple[list[_Kind], npt.NDArray[np.int32]]:
        """Return what is said of each kind of row that occurs, and which kind each row is."""
        first, kind_of = block.distinct(self._told_by)
        given = block.given(self._told_by, first)
        values = list(zip(*(column.to_pylist() for column in given.columns), strict=True))
        new = [i for i, value in enumerate(values) if value not in self._known]
        told: dict[tuple[object, ...], _Kind] = {}
        if new:
            answers = ask(connection, self._tell, given.take(pa.array(new)))
            rows = zip(*(column.to_pylist() for column in answers.columns), strict=True)
            told = {values[i]: self._named(_Kind(*row)) for i, row in zip(new, rows, strict=True)}
            if len(self._known) < _KNOWN:
                self._known.update(told)
        return [told[v] if v in told else self._known[v] for v in values], kind_of

    def _named(self, told: _Kind) -> _Kind:
        """Return what is said of a kind, with the rule for it if there is one."""
        return told._replace(rule=self.relations.rules.get(told.kind or "", told.rule))

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
            for place, (start, how, to) in enumerate(edges):
                number = self.relations.actions.index(how)
                found.append((rows, place, self._number[start], number, self._number[to]))
        if not found:
            none = np.empty(0, np.int64)
            return none, none, none, none
        sizes = [len(rows) for rows, *_ in found]
        row = np.concatenate([rows for rows, *_ in found])
        ordinal, src, action, dst = (
            np.repeat(np.array([one[i] for one in found], np.int64), sizes) for i in range(1, 5)
        )
        order = np.lexsort((ordinal, row))
        ends = np.concatenate([src[order], dst[order]])
        return row[order], ordinal[order], ends, action[order]

    def _found(self, block: Columns, row: Rows, ends: Rows) -> list[_Found]:
        """Return where each kind of end occurs among these rows' ends."""
        order = np.argsort(ends, kind="stable")
        bounds = np.searchsorted(ends[order], np.arange(len(self._ends) + 1))
        found = []
        for i in np.flatnonzero(np.diff(bounds)).tolist():
            at = order[bounds[i] : bounds[i + 1]]
            names = self._read_from[i]
            local = ["host"] if self._local[i] and "host" not in names else []
            found.append((i, at, *block.distinct([*block.apart, *names, *local], row[at])))
        return found

    def _entities(
        self, block: Columns, size: int, found: list[_Found], answers: Iterator[pa.Array]
    ) -> tuple[Rows, Rows, pa.Table, Rows]:
        """Return (ids, which is at each end of an edge or -1, all said of them, in which block)."""
        number = np.full(size, -1, np.int64)
        said: list[pa.Table] = []
        said_in: list[Rows] = []
        count = 0
        for i, at, first, which in found:
            key, label, detail = next(answers), next(answers), next(answers)
            there = key.is_valid().to_numpy(False)
            numbered = np.where(there, count + np.cumsum(there) - 1, -1)
            number[at] = numbered[which]
            count += int(there.sum())
            hosts = block.column("host").take(pa.array(first))
            if not pa.types.is_dictionary(hosts.type):
                hosts = hosts.dictionary_encode()
            kind = pa.DictionaryArray.from_arrays(
                np.zeros(len(first), np.int32), [self._ends[i].type]
            )
            columns = [kind, hosts, key, pc.coalesce(label, key), detail]
            said.append(pa.table(columns, names=ENTITY.names[1:]).filter(pa.array(there)))
            said_in.append(block.block_of[first[there]])
        if not said:
            none = np.empty(0, np.int64)
            return none, number, ENTITY.empty_table(), none
        table = pa.concat_tables(said).unify_dictionaries().combine_chunks()
        types, hosts, keys = (table[n].combine_chunks() for n in ("type", "host", "key"))
        ids = entity_ids(types, hosts, keys, self.key)
        entities = table.add_column(0, "id", pa.array(ids)).cast(ENTITY)
        return ids, number, entities, np.concatenate(said_in)


def _counted(
    kinds: list[_Kind], kind_of: npt.NDArray[np.int32], block_of: Rows, blocks: int
) -> list[dict[str, int]]:
    """Return how many of some rows a rule ignores in each block, in the order of first rows."""
    ignored: list[dict[str, int]] = [{} for _ in range(blocks)]
    both = block_of * len(kinds) + kind_of
    found, first, counts = np.unique(both, return_index=True, return_counts=True)
    for i in np.argsort(first).tolist():
        block, kind = divmod(int(found[i]), len(kinds))
        rule = kinds[kind].rule
        if rule is not None:
            ignored[block][rule] = ignored[block].get(rule, 0) + int(counts[i])
    return ignored
