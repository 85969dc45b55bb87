"""From a decoded block to the rows that are stored: records, edges, entities, rejects."""

import threading
from dataclasses import dataclass, field

import duckdb
import numpy as np
import pyarrow as pa

from graphad import database, schema
from graphad.errors import ParseError
from graphad.parse import PLACE, Decoded, Parser
from graphad.query import quoted_name
from graphad.relations import Relations
from graphad.store.related import Related
from graphad.store.selected import Selected


@dataclass
class Part:
    """What one block gives. `record`, `offset` and `line` still count from the block's first."""

    read: int = 0
    used: int = 0
    records: pa.Table | None = None
    edges: pa.Table | None = None
    entities: pa.Table | None = None
    rejects: pa.Table | None = None
    claims: pa.Table | None = None
    ignored: dict[str, int] = field(default_factory=dict)


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

    def run(self, decoded: Decoded) -> Part:
        """Return the rows of a block. read = used + ignored + rejected."""
        raw = decoded.raw
        part = Part(decoded.read, ignored=dict(decoded.ignored), rejects=decoded.rejects)
        if not raw.num_rows:
            return part
        connection = self._connection()
        try:
            mapped = self._mapping.run(raw, connection)
        except duckdb.Error as error:
            raise ParseError(
                f"The mapping of parser {self.parser.name!r} fails: {error}"
            ) from error
        part.edges, part.entities, part.used = mapped.edges, mapped.entities, mapped.used
        part.claims = mapped.claims
        part.records = _stored(_timed(raw, mapped.edges), connection)
        for rule, count in mapped.ignored.items():
            part.ignored[rule] = part.ignored.get(rule, 0) + count
        if len(mapped.lost):
            places = raw.select(PLACE.names).take(pa.array(mapped.lost))
            places = places.append_column("reason", mapped.reasons)
            assert part.rejects is not None
            part.rejects = pa.concat_tables([part.rejects, places.cast(part.rejects.schema)])
        return part

    def _connection(self) -> duckdb.DuckDBPyConnection:
        if not hasattr(self._local, "connection"):
            self._local.connection = database.connect(config=database.SHUT | {"threads": "1"})
        connection: duckdb.DuckDBPyConnection = self._local.connection
        return connection


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


def _stored(raw: pa.Table, connection: duckdb.DuckDBPyConnection) -> pa.Table:
    """Return the rows with the columns that are kept; foreign ones go to attrs, as JSON."""
    known = {c.name for c in schema.RECORDS} | set(PLACE.names)
    foreign = [n for n in raw.column_names if n not in known and not n.startswith("_")]
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
    return raw.select([n for n in raw.column_names if n in known])
