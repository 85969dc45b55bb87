"""Rows of `aliases` of the claims that a decoder wrote down for each record."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from graphad import schema
from graphad.store.claims import SCHEMA
from graphad.store.expressions import SEED
from graphad.store.mapped import CODED, entity_ids, is_local

# Each record that says such a thing counts with its time; of the others one row stands for all.
EACH = frozenset(schema.CLAIMS) - {"process", "sid", "name", "address"}
_TEXTS = ("kind", "type", "key", "label", "detail", "value", "far")


def told_claims(raw: pa.Table, name: str, key: bytes) -> pa.Table:
    """Return the claims of N rows that have a time and a host.

    `raw[name]`: a list of structs a row, with the columns that decoders/told_claims.py makes.
    Raises: ValueError: a claim is of no kind in schema.CLAIMS.
    """
    lists = raw[name].combine_chunks()
    row = pc.list_parent_indices(lists).to_numpy(zero_copy_only=False).astype(np.int64)
    inner = lists.flatten()
    said = {part: _coded(pc.struct_field(inner, part)) for part in _TEXTS}
    unknown = set(said["kind"].dictionary.to_pylist()) - set(schema.CLAIMS)
    if unknown:
        raise ValueError(f"no claim is called {min(unknown)!r}")
    born = pc.struct_field(inner, "born").cast(pa.int64())
    usable = raw["ts"].is_valid().to_numpy() & raw["host"].is_valid().to_numpy()
    good = usable[row] & said["key"].is_valid().to_numpy(False)
    birth = _is(said["kind"], frozenset({"birth"}))  # of one not even the process id need be known
    good &= said["value"].is_valid().to_numpy(False) | birth
    at = np.flatnonzero(good)
    if not len(at):
        return SCHEMA.empty_table()
    row, picked = row[at], pa.array(at)
    said = {part: values.take(picked) for part, values in said.items()}
    born = born.take(picked)
    hosts = _coded(raw["host"].combine_chunks()).take(pa.array(row))
    of_key = hosts
    local = is_local(said["type"].dictionary.to_pylist())[said["type"].indices.to_numpy()]
    if not local.all():
        of_key = _coded(pc.if_else(pa.array(local), hosts.cast(pa.string()), ""))
    ids = entity_ids(said["type"], of_key, said["key"].cast(pa.string()), key)
    ts = raw["ts"].cast(pa.int64()).fill_null(0).to_numpy()[row]
    each = np.where(_is(said["kind"], EACH), np.arange(len(at)), -1)
    alike = [hosts, *(said[part] for part in ("kind", "label", "detail", "value", "far"))]
    numbers = [column.indices.fill_null(-1).to_numpy(zero_copy_only=False) for column in alike]
    seconds = born.fill_null(-1).to_numpy(zero_copy_only=False)
    keys = np.stack([ids, seconds, each, *(n.astype(np.int64) for n in numbers)])
    return _rows(raw["record"].to_numpy()[row], said, hosts, ids, ts, born, keys)


def _rows(
    record: npt.NDArray[np.int64], said: dict[str, pa.DictionaryArray], hosts: pa.DictionaryArray,
    ids: npt.NDArray[np.int64], ts: npt.NDArray[np.int64], born: pa.Array,
    keys: npt.NDArray[np.int64],
) -> pa.Table:  # fmt: skip
    """Return one row for all claims [N] that have the same keys [K, N]."""
    from graphad.scan.tuples import distinct_rows, extents

    first, which = distinct_rows(keys, SEED)
    row, last, n = extents(which, ts, len(first))
    one = pa.array(first)
    columns = {
        "record": record[row],
        "kind": said["kind"].take(one),
        "host": hosts.take(one),
        "entity": ids[first],
        **{part: said[part].take(one) for part in ("value", "far", "label", "detail")},
        "born": born.take(one).cast(pa.timestamp("us")),
        "ts": pa.array(ts[row], pa.timestamp("us")),
        "last": pa.array(ts[last], pa.timestamp("us")),
        "n": n,
        "logged": np.zeros(len(first), bool),
    }
    return pa.table(columns).select(SCHEMA.names).cast(SCHEMA)


def _coded(column: pa.Array) -> pa.DictionaryArray:
    return column.cast(CODED) if pa.types.is_dictionary(column.type) else column.dictionary_encode()


def _is(kinds: pa.DictionaryArray, some: frozenset[str]) -> npt.NDArray[np.bool_]:
    """Say of each claim whether it is of some kinds."""
    found = np.array([kind in some for kind in kinds.dictionary.to_pylist()], bool)
    said: npt.NDArray[np.bool_] = found[kinds.indices.to_numpy(zero_copy_only=False)]
    return said
