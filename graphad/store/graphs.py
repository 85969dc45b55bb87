"""Builds the graph of a window from a store's tables, with what is one entity as one."""

from collections.abc import Sequence
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphad.graph import Graph, dictionary, positions
from graphad.query import quoted
from graphad.store import identity
from graphad.store.united import Uniting

FIELD = "field_"  # begins the names of columns for fields, which are called anything
# Edges with the place of their source by its digest: as a number it is sorted in half the time.
PLACED = """SELECT e.*, s.place FROM timed e JOIN (
    SELECT source, row_number() OVER (ORDER BY digest, source) AS place FROM sources
) s USING (source)"""


def united(
    connection: duckdb.DuckDBPyConnection, window: str, host: str | None, rules: frozenset[str]
) -> Uniting:
    """Return the graph of the edges `e` of an SQL condition and a host, and what becomes of it."""
    stands = identity.prepare(connection, rules)
    if host is not None:
        same = [h for h, name in stands.items() if name == stands.get(host)] or [host]
        window += f" AND e.host IN ({', '.join(map(quoted, same))})"
    connection.execute(f"CREATE TEMP TABLE w AS {PLACED} WHERE {window}")
    connection.execute(
        """CREATE TEMP TABLE met AS SELECT * FROM entities
           WHERE id IN (SELECT src FROM w UNION SELECT dst FROM w)"""
    )
    work = Uniting(read(connection, "w", "met"))
    return identity.apply(connection, work, rules, stands)


def read(
    connection: duckdb.DuckDBPyConnection, edges: str, entities: str, fields: Sequence[str] = ()
) -> Graph:
    """Return the graph of two tables: edges as in PLACED, and all their entities.

    fields: what the edges' columns FIELD0, FIELD1 and so on are of.
    """
    told = "".join(f", {FIELD}{i}" for i in range(len(fields)))
    return _graph(
        connection.sql(
            f"""SELECT epoch_us(ts) AS ts, host, src, dst, action, source, record, ordinal{told}
                FROM {edges} e ORDER BY e.ts, place, record, ordinal"""
        ).to_arrow_table(),
        connection.sql(
            f"SELECT id, type, label, name, detail, shape FROM {entities} ORDER BY id"
        ).to_arrow_table(),
        fields,
    )


def _texts(column: pa.ChunkedArray) -> np.ndarray[Any, np.dtype[np.object_]]:
    """Return a text column as an object array that shares equal strings."""
    coded = dictionary(column)
    words = np.array([*coded.dictionary.to_pylist(), None], dtype=object)  # the last one for -1
    found: np.ndarray[Any, np.dtype[np.object_]] = words[positions(coded)]
    return found


def _graph(edges: pa.Table, entities: pa.Table, fields: Sequence[str]) -> Graph:
    ids = entities["id"].combine_chunks()
    place = {
        name: pc.index_in(edges[name], ids).to_numpy().astype(np.int64) for name in ("src", "dst")
    }
    return Graph(
        ids=ids.to_numpy(),
        types=_texts(entities["type"]), names=_texts(entities["name"]),
        labels=_texts(entities["label"]), details=_texts(entities["detail"]),
        shapes=_texts(entities["shape"]),
        src=place["src"], dst=place["dst"], ts=edges["ts"].to_numpy(),
        action=_texts(edges["action"]), host=_texts(edges["host"]),
        source=edges["source"].to_numpy(), record=edges["record"].to_numpy(),
        ordinal=edges["ordinal"].to_numpy(),
        fields={name: dictionary(edges[f"{FIELD}{i}"]) for i, name in enumerate(fields)},
    )  # fmt: skip
