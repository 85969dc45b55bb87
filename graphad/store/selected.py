"""Maps a block by a parser's SELECT over `raw`."""

from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphad import schema
from graphad.errors import ParseError
from graphad.parse import CLAIMS, Parser, arrow_type
from graphad.store.mapped import ENTITY, Mapped, entity_ids, is_local
from graphad.store.told_claims import told_claims

OPTIONAL = {
    "src_label": "src_key",
    "src_detail": "NULL",
    "dst_label": "dst_key",
    "dst_detail": "NULL",
    "outcome": "NULL",
    "ordinal": "row_number() OVER (PARTITION BY record) - 1",
}


class Selected:
    """Runs one parser's SELECT. Safe to share between threads."""

    def __init__(self, parser: Parser, mapping: str, key: bytes) -> None:
        self.parser, self.mapping, self.key = parser, mapping, key
        self._sql: str | None = None

    def run(self, raw: pa.Table, connection: duckdb.DuckDBPyConnection) -> Mapped:
        """Map a block's rows."""
        connection.register("raw", _with_all_columns(raw))
        try:
            edges = connection.sql(self._edges_sql(connection)).to_arrow_table()
            rules = connection.sql(
                f"SELECT record, {self.parser.ignore} AS rule, {self.parser.reject} AS reason "
                "FROM raw"
            ).to_arrow_table()
        finally:
            connection.unregister("raw")
        used = np.zeros(int(pc.max(raw["record"]).as_py()) + 1, bool)
        used[edges["record"].to_numpy()] = True
        left = rules.filter(pa.array(~used[rules["record"].to_numpy()])).sort_by("record")
        named = left.filter(left["rule"].is_valid())
        ignored = dict(v.values() for v in pc.value_counts(named["rule"]).to_pylist())
        lost = left.filter(left["rule"].is_null())
        rows = np.flatnonzero(pc.is_in(raw["record"], lost["record"]).to_numpy())
        rows = rows[np.argsort(raw["record"].to_numpy()[rows], kind="stable")]
        claims = told_claims(raw, CLAIMS, self.key) if CLAIMS in raw.column_names else None
        return Mapped(
            *self._identify(edges), [raw.num_rows - left.num_rows], [ignored], rows,
            lost["reason"].combine_chunks().cast(pa.string()), claims,
        )  # fmt: skip

    def _edges_sql(self, connection: duckdb.DuckDBPyConnection) -> str:
        if self._sql is None:
            given = set(connection.sql(self.mapping).columns)
            missing = {c.name for c in schema.MAPPING} - given - set(OPTIONAL)
            if missing:
                raise ParseError(
                    f"The mapping of parser {self.parser.name!r} selects no {sorted(missing)[0]!r}."
                )
            optional = ", ".join(
                f"{f'coalesce({name}, {sql})' if name in given else sql} AS {name}"
                for name, sql in OPTIONAL.items()
            )
            self._sql = f"""
                SELECT record, ts, host, action, src_type, dst_type,
                       src_key::VARCHAR AS src_key, dst_key::VARCHAR AS dst_key, {optional}
                FROM ({self.mapping})
                WHERE ts IS NOT NULL AND host IS NOT NULL AND action IS NOT NULL
                  AND src_type IS NOT NULL AND src_key IS NOT NULL
                  AND dst_type IS NOT NULL AND dst_key IS NOT NULL"""
        return self._sql

    def _identify(self, edges: pa.Table) -> tuple[pa.Table, pa.Table]:
        """Give both ends of the edges ids, and return the entities they stand for."""
        n = edges.num_rows
        place = edges["record"].to_numpy(), edges["ordinal"].to_numpy()
        order = np.lexsort(place[::-1])
        if not np.array_equal(order, np.arange(n)):
            edges = edges.take(order)

        def both(name: str) -> Any:
            return pa.concat_arrays(
                [edges[f"src_{name}"].combine_chunks(), edges[f"dst_{name}"].combine_chunks()]
            )

        def codes(array: Any) -> Any:
            coded = array.dictionary_encode().indices.fill_null(-1)
            return coded.to_numpy(zero_copy_only=False).astype(np.int64)

        kinds = both("type").dictionary_encode()
        keys = both("key")
        host = edges["host"].combine_chunks()
        hosts = pa.concat_arrays([host, host])
        local = is_local(kinds.dictionary.to_pylist())
        kind = kinds.indices.to_numpy()
        where = np.where(local[kind], codes(hosts) + 1, 0)
        mixed = (codes(keys) * len(local) + kind) * (where.max(initial=0) + 1) + where
        _, first, of_row = np.unique(mixed, return_index=True, return_inverse=True)
        one = pa.array(first)
        ids = entity_ids(
            kinds.take(one), hosts.take(one).dictionary_encode(), keys.take(one), self.key
        )[of_row]
        table = pa.table(
            {
                "record": edges["record"].cast(pa.int64()),
                "ordinal": edges["ordinal"].cast(pa.int64()),
                "ts": edges["ts"].cast(pa.timestamp("us")),
                "host": edges["host"],
                "src": ids[:n],
                "dst": ids[n:],
                "action": edges["action"],
                "outcome": edges["outcome"].cast(pa.string()),
            }
        )
        # An entity's first row, and every row that says something else about it.
        telling = np.zeros(2 * n, bool)
        telling[first] = True
        for name in ("label", "detail"):
            said = codes(both(name).cast(pa.string()))
            telling |= (said != said[first][of_row]) & (said >= 0)
        rows = pa.array(np.flatnonzero(telling))
        entities = pa.table(
            [
                pa.array(ids).take(rows),
                both("type").take(rows).dictionary_encode(),
                hosts.take(rows).dictionary_encode(),
                keys.take(rows),
                both("label").cast(pa.string()).take(rows),
                both("detail").cast(pa.string()).take(rows),
            ],
            schema=ENTITY,
        )
        return table, entities


def _with_all_columns(raw: pa.Table) -> pa.Table:
    for column in schema.RECORDS:
        if column.name not in raw.column_names:
            raw = raw.append_column(column.name, pa.nulls(raw.num_rows, arrow_type(column.kind)))
    return raw
