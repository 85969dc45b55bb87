"""What the records behind a graph's events say in some fields."""

from collections.abc import Sequence
from dataclasses import replace

import duckdb
import numpy as np
import pyarrow as pa

from graphad import schema
from graphad.decoders.tabular_raw import TAKEN, named
from graphad.graph import ALL, Graph, dictionary
from graphad.models.codes import changes
from graphad.query import quoted, quoted_name
from graphad.store.typed_fields import ATTRIBUTES, FIELD_COLUMNS, typed_fields

_MAP = "\x1fattrs"
_TEXTS = frozenset(c.name for c in schema.RECORDS if c.kind == "text") - {"attrs", "shape"}


def with_fields(
    connection: duckdb.DuckDBPyConnection, graph: Graph, fields: Sequence[str]
) -> Graph:
    """Return a graph with texts for more fields: columns of records, or of an ingested table.

    ALL stands for every field that an event's record has, as a list of (name, type, value).
    """
    if not fields:
        return graph
    order = np.lexsort((graph.record, graph.source))
    source, record = graph.source[order], graph.record[order]
    fresh = changes(source, record)
    which = np.empty(len(order), np.int64)
    which[order] = np.cumsum(fresh) - 1
    source, record = source[fresh], record[fresh]
    connection.register("behind", pa.table({"source": source, "record": record}))
    try:
        plain = [name for name in fields if name != ALL]
        asked = [f"{expression(name)} AS {quoted_name(name)}" for name in plain]
        if ALL in fields:
            asked.append(f"{ATTRIBUTES} AS {quoted_name(_MAP)}")
            asked += [f'r.{quoted_name(name)} AS "{_MAP} {name}"' for name in FIELD_COLUMNS]
        found = connection.sql(
            f"SELECT {', '.join(asked)} FROM behind LEFT JOIN records r USING (source, record) "
            "ORDER BY behind.source, behind.record"
        ).to_arrow_table()
    finally:
        connection.unregister("behind")
    at = pa.array(which)
    texts: dict[str, pa.Array] = {}
    if ALL in fields:
        names = {_MAP: "attrs"} | {f"{_MAP} {name}": name for name in FIELD_COLUMNS}
        told = found.select(list(names)).rename_columns(list(names.values()))
        texts[ALL] = typed_fields(told).take(at)
    for name in plain:
        texts[name] = dictionary(found[name].cast(pa.string())).take(at)
    return replace(graph, fields={**graph.fields, **texts})


def expression(name: str) -> str:
    """Return SQL for the text of a field: its column, or where a table's field is kept."""
    kept = named([f"{name.lstrip('_')}_" if name.startswith("_") else name], TAKEN)[0]
    if kept in _TEXTS:
        return f"nullif(r.{quoted_name(kept)}, '')"
    pointer = kept.replace("~", "~0").replace("/", "~1")
    return f"nullif(r.attrs ->> {quoted('/' + pointer)}, '')"
