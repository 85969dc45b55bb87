"""Claims of a block's records: what they say of entities besides their edges, for `aliases`."""

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from graphad import schema
from graphad.parse import arrow_type
from graphad.relations import Claim, columns_of
from graphad.store.expressions import SEED, Columns, Expression
from graphad.store.mapped import CODED, Rows, entity_ids, is_local

QUARTER = 900_000_000  # us; zones lie whole quarters of an hour apart
_US = pa.timestamp("us")
_TYPES = {
    c.name: CODED if c.kind == "text" else arrow_type(c.kind)
    for c in schema.ALIASES
    if c.name != "source"
}
SCHEMA = pa.schema(list(_TYPES.items()))
# Number of a claim, its rows, those of them that stand for all, which of these each row equals.
Found: TypeAlias = tuple[int, Rows, Rows, npt.NDArray[np.int32]]
_PARTS = ("key", "value", "far", "label", "detail", "born")


class Claims:
    """Draws one parser's claims. Safe to share between threads."""

    def __init__(self, claims: Sequence[Claim], key: bytes) -> None:
        self.claims, self.key = claims, key
        texts = [(c.end.key, c.value, c.far, c.end.label, c.end.detail, c.born) for c in claims]
        self._read = [tuple(map(Expression, part)) for part in texts]
        self._from = [columns_of(part) for part in texts]
        # Of a birth not even the process id need be known.
        asked = [(c.end.key,) if c.what == "birth" else (c.end.key, c.value) for c in claims]
        read = [[columns_of([sql]) for sql in some] for some in asked]
        self._needs = [{names[0] for names in some if len(names) == 1} for some in read]

    def find(
        self, block: Columns, kinds: Sequence[str | None], kind_of: npt.NDArray[np.int32],
        usable: npt.NDArray[np.bool_],
    ) -> list[Found]:  # fmt: skip
        """Return which usable rows of a block, which are of some kinds, may claim what."""
        found: list[Found] = []
        for i, claim in enumerate(self.claims):
            rows = usable
            if claim.told_by:
                told = np.array([kind in claim.told_by for kind in kinds], bool)
                if not told.any():
                    continue
                rows = usable & told[kind_of]
            for name in self._needs[i]:
                rows = rows & block.known(name)
            at = np.flatnonzero(rows)
            if len(at):
                names = [*block.apart, *{"host": 0} | dict.fromkeys(self._from[i])]
                first, which = block.distinct(names, at)
                found.append((i, at, first, which))
        return found

    def asked(self, found: Sequence[Found]) -> list[tuple[Expression, Rows]]:
        """Return the expressions that `made` needs, and the rows at which it needs them."""
        return [(part, first) for i, _, first, _ in found for part in self._read[i]]

    def made(
        self, block: Columns, usable: npt.NDArray[np.bool_], found: Sequence[Found],
        answers: Iterator[pa.Array],
    ) -> pa.Table:  # fmt: skip
        """Return the claims, given what the expressions are there."""
        made = [_clocks(block, usable)]
        for i, at, first, which in found:
            parts = {name: next(answers) for name in _PARTS}
            made.append(self._claimed(i, block, at, first, which, parts))
        return pa.concat_tables(made).unify_dictionaries()

    def _claimed(
        self, i: int, block: Columns, at: Rows, first: Rows, which: npt.NDArray[np.int32],
        parts: dict[str, Any],
    ) -> pa.Table:  # fmt: skip
        """Return the rows of one claim, of which `parts` are the distinct values."""
        from graphad.scan.tuples import extents

        claim = self.claims[i]
        told = parts["key"].is_valid().to_numpy(False)
        if claim.what != "birth":
            told &= parts["value"].is_valid().to_numpy(False)
        if not told.any():
            return SCHEMA.empty_table()
        number = np.where(told, np.cumsum(told) - 1, -1)[which]
        at, number = at[number >= 0], number[number >= 0]
        ts = _ints(block, "ts")[at]
        stamp = _ints(block, "event_time")[at]
        record = block.raw["record"].to_numpy()[at]
        if claim.each:
            one, begin, end, n = number, ts, ts, np.ones(len(at), np.int64)
            logged = stamp == ts
        else:
            one = np.arange(int(told.sum()))
            row, last, n = extents(number, ts, len(one))
            begin, end, record, logged = ts[row], ts[last], record[row], stamp[row] == ts[row]
        rows = np.flatnonzero(told)
        kind = pa.DictionaryArray.from_arrays(np.zeros(len(rows), np.int32), [claim.end.type])
        hosts = block.column("host").take(pa.array(first[rows]))
        hosts = hosts.cast(CODED) if pa.types.is_dictionary(hosts.type) else _coded(hosts)
        text = {name: part.take(pa.array(rows)) for name, part in parts.items()}
        if not is_local([claim.end.type])[0]:
            hosts_of_key = pa.DictionaryArray.from_arrays(np.zeros(len(rows), np.int32), [""])
        else:
            hosts_of_key = hosts
        ids = entity_ids(kind, hosts_of_key, text["key"], self.key)
        pick = pa.array(one)
        born = pc.multiply(_seconds(text["born"]).take(pick), 1_000_000).cast(_US)
        columns = {
            "record": record,
            "kind": pa.DictionaryArray.from_arrays(np.zeros(len(one), np.int32), [claim.what]),
            "host": hosts.take(pick),
            "entity": ids[one],
            **{name: _coded(text[name].take(pick)) for name in ("value", "far", "label", "detail")},
            "born": born,
            "ts": pa.array(begin, _US),
            "last": pa.array(end, _US),
            "n": n,
            "logged": logged,
        }
        return pa.table(columns).select(SCHEMA.names).cast(SCHEMA)


def _clocks(block: Columns, usable: npt.NDArray[np.bool_]) -> pa.Table:
    """Return how far the log's own stamps are from the times of records that have both."""
    stamp, ts = _ints(block, "event_time"), _ints(block, "ts")
    at = np.flatnonzero(usable & (stamp != _NONE) & (stamp != ts))
    if not len(at):
        return SCHEMA.empty_table()
    from graphad.scan.tuples import distinct_rows, extents

    quarters = np.rint((stamp[at] - ts[at]) / QUARTER).astype(np.int64)
    of = [block.numbers(name)[at] for name in (*block.apart, "host")]
    first, which = distinct_rows(np.stack([*of, quarters]), SEED)
    row, last, n = extents(which, ts[at], len(first))
    rows = len(first)
    empty = pa.nulls(rows, CODED)
    columns = {
        "record": block.raw["record"].to_numpy()[at[row]],
        "kind": pa.DictionaryArray.from_arrays(np.zeros(rows, np.int32), ["clock"]),
        "host": block.column("host").take(pa.array(at[first])).cast(pa.string()),
        "entity": pa.nulls(rows, pa.int64()),
        "value": pa.array(quarters[first]).cast(pa.string()),
        **dict.fromkeys(("far", "label", "detail"), empty),
        "born": pa.nulls(rows, _US),
        "ts": pa.array(ts[at[row]], _US),
        "last": pa.array(ts[at[last]], _US),
        "n": n,
        "logged": np.zeros(rows, bool),
    }
    return pa.table(columns).cast(SCHEMA)


_NONE = np.iinfo(np.int64).min


def _ints(block: Columns, name: str) -> Rows:
    found: Rows = (
        block.column(name).cast(pa.int64()).fill_null(_NONE).to_numpy(zero_copy_only=False)
    )
    return found


def _coded(column: Any) -> Any:
    return column.dictionary_encode()


def _seconds(column: Any) -> Any:
    """Return seconds since 1970 given as text; what is no such number is NULL."""
    good = pc.match_substring_regex(column, r"^[0-9]{1,11}$")
    return pc.if_else(good, column, pa.scalar(None, pa.string())).cast(pa.int64())
