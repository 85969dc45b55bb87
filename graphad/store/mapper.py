"""From a decoded block to the rows that are stored: records, edges, entities, rejects."""

import threading
from dataclasses import dataclass, field
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphad import database, schema
from graphad.errors import ParseError
from graphad.parse import PLACE, Decoded, Parser, arrow_type

OPTIONAL = {
    "src_label": "src_key",
    "src_detail": "NULL",
    "dst_label": "dst_key",
    "dst_detail": "NULL",
    "outcome": "NULL",
    "ordinal": "row_number() OVER (PARTITION BY record) - 1",
}
ENTITY = pa.schema(
    [("id", pa.int64())]
    + [(name, pa.string()) for name in ("type", "host", "key", "label", "detail")]
)


@dataclass
class Part:
    """What one block gives. `record`, `offset` and `line` still count from the block's first."""

    read: int = 0
    used: int = 0
    records: pa.Table | None = None
    edges: pa.Table | None = None
    entities: pa.Table | None = None
    rejects: pa.Table | None = None
    ignored: dict[str, int] = field(default_factory=dict)


class Mapper:
    """Runs a parser's mapping. Safe to share between threads: each has its own connection."""

    def __init__(self, parser: Parser, key: bytes) -> None:
        self.parser = parser
        self.key = key
        self._local = threading.local()
        self._sql: str | None = None

    def run(self, decoded: Decoded) -> Part:
        """Return the rows of a block. read = used + ignored + rejected."""
        raw = decoded.raw
        part = Part(decoded.read, ignored=dict(decoded.ignored), rejects=decoded.rejects)
        if not raw.num_rows:
            return part
        connection = self._connection()
        wide = _with_all_columns(raw)
        connection.register("raw", wide)
        try:
            edges = connection.sql(self._edges_sql(connection)).to_arrow_table()
            rules = connection.sql(
                f"SELECT record, {self.parser.ignore} AS rule, {self.parser.reject} AS reason "
                "FROM raw"
            ).to_arrow_table()
        except duckdb.Error as error:
            raise ParseError(
                f"The mapping of parser {self.parser.name!r} fails: {error}"
            ) from error
        finally:
            connection.unregister("raw")
        part.edges, part.entities = self._identify(edges)
        part.records = _stored(raw, connection)
        self._account(part, raw, edges, rules)
        return part

    def _connection(self) -> duckdb.DuckDBPyConnection:
        if not hasattr(self._local, "connection"):
            self._local.connection = database.connect(config=database.SHUT | {"threads": "1"})
        connection: duckdb.DuckDBPyConnection = self._local.connection
        return connection

    def _edges_sql(self, connection: duckdb.DuckDBPyConnection) -> str:
        if self._sql is None:
            given = set(connection.sql(self.parser.mapping).columns)
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
                FROM ({self.parser.mapping})
                WHERE ts IS NOT NULL AND host IS NOT NULL AND action IS NOT NULL
                  AND src_type IS NOT NULL AND src_key IS NOT NULL
                  AND dst_type IS NOT NULL AND dst_key IS NOT NULL"""
        return self._sql

    def _identify(self, edges: pa.Table) -> tuple[pa.Table, pa.Table]:
        """Give both ends of the edges ids, and return the entities they stand for."""
        from graphad.scan.siphash import siphash

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
        is_local = np.array([t in schema.LOCAL_TYPES for t in kinds.dictionary.to_pylist()], bool)
        kind = kinds.indices.to_numpy()
        where = np.where(is_local[kind], codes(hosts) + 1, 0)
        mixed = (codes(keys) * len(is_local) + kind) * (where.max(initial=0) + 1) + where
        _, first, of_row = np.unique(mixed, return_index=True, return_inverse=True)
        one = pa.array(first)
        # Lengths keep a crafted host name from running over into the key.
        shown = hosts.take(one)
        size = pc.utf8_length(shown).cast(pa.string())
        local = pc.binary_join_element_wise(size, shown, ":")
        local = pc.if_else(pa.array(is_local[kind[first]]), local, pa.scalar(""))
        type_ = kinds.dictionary.take(kinds.indices.take(one))
        named = pc.binary_join_element_wise(type_, local, keys.take(one), ":")
        hashed = siphash(named, self.key)
        ids = hashed[of_row]
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
                both("type").take(rows),
                hosts.take(rows),
                both("key").take(rows),
                both("label").cast(pa.string()).take(rows),
                both("detail").cast(pa.string()).take(rows),
            ],
            schema=ENTITY,
        )
        return table, entities

    def _account(self, part: Part, raw: pa.Table, edges: pa.Table, rules: pa.Table) -> None:
        used = np.zeros(int(pc.max(raw["record"]).as_py()) + 1, bool)
        used[edges["record"].to_numpy()] = True
        left = rules.filter(pa.array(~used[rules["record"].to_numpy()]))
        part.used = raw.num_rows - left.num_rows
        named = left.filter(left["rule"].is_valid())
        for rule, count in (v.values() for v in pc.value_counts(named["rule"]).to_pylist()):
            part.ignored[rule] = part.ignored.get(rule, 0) + count
        lost = left.filter(left["rule"].is_null())
        if lost.num_rows:
            places = raw.select(PLACE.names).filter(pc.is_in(raw["record"], lost["record"]))
            lost = lost.sort_by("record")
            places = places.sort_by("record").append_column("reason", lost["reason"])
            part.rejects = pa.concat_tables(
                [part.rejects, places.cast(part.rejects.schema)]  # type: ignore[union-attr]
            )


def _with_all_columns(raw: pa.Table) -> pa.Table:
    for column in schema.RECORDS:
        if column.name not in raw.column_names:
            raw = raw.append_column(column.name, pa.nulls(raw.num_rows, arrow_type(column.kind)))
    return raw


def _stored(raw: pa.Table, connection: duckdb.DuckDBPyConnection) -> pa.Table:
    """Return the rows with the columns that are kept; foreign ones go to attrs, as JSON."""
    known = {c.name for c in schema.RECORDS} | set(PLACE.names)
    foreign = [n for n in raw.column_names if n not in known and not n.startswith("_")]
    if foreign:
        connection.register("foreign_fields", raw.select(foreign))
        fields = ", ".join(f"{name} := {name}" for name in map(_identifier, foreign))
        # Merging into {} leaves out what is null.
        made = connection.sql(
            f"SELECT json_merge_patch('{{}}', to_json(struct_pack({fields})))::VARCHAR AS attrs "
            "FROM foreign_fields"
        ).to_arrow_table()
        connection.unregister("foreign_fields")
        raw = raw.append_column("attrs", made["attrs"])
    return raw.select([n for n in raw.column_names if n in known])


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
