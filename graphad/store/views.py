"""The SQL views of a store: over exactly the files that one manifest names."""

from pathlib import Path

import duckdb

from graphad import database, query, schema
from graphad.store.manifest import Manifest

SQL_TYPES = {
    "text": "VARCHAR",
    "int": "BIGINT",
    "float": "DOUBLE",
    "time": "TIMESTAMP",
    "bool": "BOOLEAN",
}


def _typed_nulls(table: str) -> str:
    columns = (f"NULL::{SQL_TYPES[c.kind]} AS {c.name}" for c in schema.TABLES[table])
    return f"SELECT {', '.join(columns)} WHERE false"


def define(connection: duckdb.DuckDBPyConnection, store: Path, manifest: Manifest) -> None:
    """Create the tables and views that queries see, see schema.py."""
    for table in schema.TABLES:
        files = [query.quoted(str(store / f.name)) for f in manifest.files.get(table, ())]
        sql = _typed_nulls(table)
        if files:
            sql = f"SELECT * FROM read_parquet([{', '.join(files)}])"
        name = f"{table}_said" if table == "entities" else table
        connection.execute(f"CREATE VIEW {name} AS {sql}")
    # Segments may each tell of the same entity, and each what it knew.
    connection.execute(
        """CREATE VIEW entities AS
           SELECT id, min(type) AS type, min(host) AS host, min(key) AS key,
                  max(label) AS label, max_by(name, label) AS name,
                  max(detail) AS detail, max_by(shape, detail) AS shape
           FROM entities_said GROUP BY id"""
    )
    columns = ", ".join(f"{c.name} {SQL_TYPES[c.kind]}" for c in schema.SOURCES)
    connection.execute(f"CREATE TABLE sources ({columns})")
    rows = [
        (s.source, s.path, s.format, s.digest, s.bytes, s.read, s.used,
         sum(s.ignored.values()), s.rejected, s.edges)
        for s in manifest.sources
    ]  # fmt: skip
    for start in range(0, len(rows), 500):
        some = rows[start : start + 500]
        marks = ", ".join(["(" + ", ".join("?" * 10) + ")"] * len(some))
        connection.execute(f"INSERT INTO sources VALUES {marks}", [v for row in some for v in row])
    query.create_views(connection)


def connect(
    store: Path, manifest: Manifest, config: dict[str, str] | None = None
) -> duckdb.DuckDBPyConnection:
    """Return a connection of its own, in memory, that sees the store as of `manifest`."""
    connection = database.connect(config=config)
    define(connection, store, manifest)
    return connection


def publish(store: Path, manifest: Manifest) -> Path:
    """Write the catalog that any DuckDB client can open, and sweep older ones."""
    import os

    path = store / f"catalog-{manifest.number:06d}.duckdb"
    aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    aside.unlink(missing_ok=True)
    connection = database.connect(aside)
    define(connection, store.absolute(), manifest)
    connection.close()
    with aside.open("rb+") as file:
        os.fsync(file.fileno())
    aside.replace(path)
    for old in store.glob("catalog-*.duckdb"):
        if old != path:
            old.unlink(missing_ok=True)
    return path
