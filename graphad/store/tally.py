"""A segment's entities and counts: what was said of each entity merged, named and counted.

Both are computed on whole numbers that stand for texts; tests hold them against plain SQL.
"""

import os
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from graphad import database
from graphad.store.mapped import ENTITY, Rows, is_local

SEED = np.uint64(int.from_bytes(os.urandom(8), "little"))
_NARROW = 1 << 30  # bytes of texts that a column surely can hold with offsets of 32 bits
_WIDE = pa.large_string()  # a segment's texts may be more than 2 GiB
_DAY, _HOUR = 86_400_000_000, 3_600_000_000  # microseconds
_MOST = """SELECT id, min(key) AS key, max(label) AS label, max(detail) AS detail
           FROM rows GROUP BY id ORDER BY id"""


def merge(said: list[pa.Table]) -> tuple[pa.Table, int]:
    """Return (one row an entity, by id; how many ids stand for two entities).

    `said` are tables of ENTITY's columns; it is emptied, for they are large. Of several labels or
    details the last in byte order is kept.
    """
    with ThreadPoolExecutor(2) as pool:
        return _merge(_whole(said, pool), pool)


def _whole(parts: list[pa.Table], pool: Executor) -> pa.Table:
    whole = pa.concat_tables(parts)
    parts.clear()
    text = pa.string() if whole.nbytes < _NARROW else _WIDE
    kinds = [text if f.type == pa.string() else f.type for f in ENTITY]
    return pa.table(list(pool.map(_one, whole.columns, kinds)), names=ENTITY.names)


def _merge(said: pa.Table, pool: Executor) -> tuple[pa.Table, int]:
    from graphad.scan.tuples import ranked

    ids = said["id"].to_numpy()
    first, entity = ranked(ids, SEED)
    at = pa.array(first)
    taken = pool.map(lambda column: column.take(at), said.columns)
    rows = pa.table(list(taken), names=ENTITY.names)
    again = np.ones(len(ids), bool)
    again[first] = False
    later = np.flatnonzero(again)
    others = first[entity[later]]
    found = pool.map(lambda name: _differs(said[name], later, others), _MERGED)
    differs = dict(zip(_MERGED, found, strict=True))
    collides = np.unique(entity[later[differs["key"]]])
    changed = np.unique(entity[later[np.logical_or.reduce(list(differs.values()))]])
    if len(changed):
        connection = database.connect(config=database.SHUT | {"threads": "1"})
        some = said.filter(pa.array(np.isin(entity, changed)))
        connection.register("rows", some)
        most = connection.sql(_MOST).to_arrow_table()
        connection.close()
        places = np.arange(len(first))
        places[changed] = len(first) + np.arange(len(changed))
        for name in _MERGED:
            both = [*rows[name].chunks, *most[name].cast(rows[name].type).chunks]
            values = pa.chunked_array(both).take(pa.array(places))
            rows = rows.set_column(ENTITY.get_field_index(name), name, values)
    types = rows["type"].combine_chunks()
    local = is_local(types.dictionary.to_pylist())[types.indices.to_numpy()]
    hosts = rows["host"].combine_chunks()
    codes = pa.array(hosts.indices.fill_null(0).to_numpy(), mask=~local)
    hosts = pa.DictionaryArray.from_arrays(codes, hosts.dictionary)
    return rows.set_column(ENTITY.get_field_index("host"), "host", hosts), len(collides)


_MERGED = ("key", "label", "detail")


def _one(column: Any, kind: pa.DataType) -> Any:
    if pa.types.is_dictionary(kind):
        return column.unify_dictionaries().combine_chunks()
    return column.cast(kind).combine_chunks()


def _differs(column: Any, rows: Rows, others: Rows) -> npt.NDArray[np.bool_]:
    """Say of which rows the text is there and is not that of its other row."""
    from graphad.scan.texts import differ

    array = column.combine_chunks()
    there = array.is_valid().to_numpy(False)
    _, offsets, data = array.buffers()
    kind = np.int64 if array.type == _WIDE else np.int32
    ends = np.frombuffer(offsets, kind)[array.offset : array.offset + len(array) + 1]
    held = np.frombuffer(data, np.uint8) if data is not None else np.empty(0, np.uint8)
    found: npt.NDArray[np.bool_] = differ(held, ends.astype(np.int64), rows, others)
    told: npt.NDArray[np.bool_] = there[rows] & (found | ~there[others])
    return told


def name(rows: pa.Table) -> pa.Table:
    """Return entities with their names and shapes, which are dictionaries."""
    from graphad.models.names import canonical_many, command_shape

    types, labels = _coded(rows["type"]), _coded(rows["label"])
    kinds = len(types.dictionary)
    pairs, which = np.unique(
        labels.indices.to_numpy().astype(np.int64) * kinds + types.indices.to_numpy(),
        return_inverse=True,
    )
    names = canonical_many(
        types.dictionary.take(pa.array(pairs % kinds)).to_pylist(),
        labels.dictionary.take(pa.array(pairs // kinds)).to_pylist(),
    )
    details = _coded(rows["detail"])
    shapes = pa.array([command_shape(text) for text in details.dictionary.to_pylist()], pa.string())
    distinct = pa.array(names, pa.string()).dictionary_encode()
    indices = distinct.indices.take(pa.array(which))
    columns = {
        "name": pa.DictionaryArray.from_arrays(indices, distinct.dictionary),
        "shape": pa.DictionaryArray.from_arrays(details.indices, shapes),
    }
    at = rows.schema.get_field_index("detail")
    rows = rows.add_column(at, "name", columns["name"])
    return rows.append_column("shape", columns["shape"])


def count(edges: pa.Table, entities: pa.Table) -> pa.Table:
    """Return schema.COUNTS of edges (ts, host, src, dst, action), in the order of its columns."""
    from graphad.scan.tuples import distinct_rows

    ids = entities["id"].to_numpy()
    # Ids are distinct, so theirs are the first numbers, in their order.
    ends = [edges[end].to_numpy() for end in ("src", "dst")]
    _, number = distinct_rows(np.concatenate([ids, *ends])[np.newaxis], SEED)
    src, dst = np.split(number[len(ids) :], 2)
    ts = edges["ts"].cast(pa.int64()).to_numpy()
    texts: dict[str, pa.Array] = {}
    ranks: dict[str, Rows] = {}
    for column in ("type", "name", "shape"):
        texts[column], ranks[column] = _ranked(entities[column])
    for column in ("host", "action"):
        texts[column], ranks[column] = _ranked(edges[column])
    launched = pc.is_in(edges["action"].cast(pa.string()), pa.array(["launch", "exec"]))
    process = pc.equal(entities["type"].cast(pa.string()), "process").to_numpy()[dst]
    shaped = launched.combine_chunks().to_numpy(False) & process
    day = ts // _DAY
    keys = {
        "day": day,
        "host": ranks["host"],
        "src_type": ranks["type"][src],
        "src_name": ranks["name"][src],
        "action": ranks["action"],
        "dst_type": ranks["type"][dst],
        "dst_name": ranks["name"][dst],
        "shape": np.where(shaped, ranks["shape"][dst], -1),
    }
    columns = np.stack(list(keys.values()))
    first, which = distinct_rows(columns, SEED)
    hours = np.zeros(len(first), np.int64)
    np.bitwise_or.at(hours, which, np.int64(1) << (ts // _HOUR % 24))
    order = np.lexsort(columns[::-1, first])
    found = columns[:, first[order]]
    out: dict[str, Any] = {"day": pa.array(found[0] * _DAY, pa.timestamp("us"))}
    for row, column in enumerate(list(keys)[1:], 1):
        text = texts[column.removeprefix("src_").removeprefix("dst_")]
        absent = found[row] < 0
        indices = pa.array(found[row].astype(np.int32), mask=absent)
        values = pa.DictionaryArray.from_arrays(indices, text)
        if column == "shape":  # no launch, or one whose command line is not known
            values = pc.fill_null(values.cast(pa.string()), "")
        out[column] = values
    out["n"] = np.bincount(which, minlength=len(first))[order].astype(np.int64)
    out["hours"] = hours[order]
    return pa.table(out)


def _coded(column: Any) -> Any:
    column = column.combine_chunks()
    return column if pa.types.is_dictionary(column.type) else column.dictionary_encode()


def _ranked(column: Any) -> tuple[pa.Array, Rows]:
    """Return (the distinct texts of a column in byte order, each row's place in them or -1)."""
    if pa.types.is_dictionary(column.type):
        column = column.unify_dictionaries()
    coded = _coded(column)
    texts = coded.dictionary.cast(pa.string())
    order = pc.sort_indices(texts).to_numpy()
    rank = np.empty(len(order) + 1, np.int64)
    rank[order] = np.arange(len(order))
    rank[-1] = -1
    return texts.take(pa.array(order)), rank[coded.indices.fill_null(-1).to_numpy(False)]
