"""The SQL views of a store: over exactly the files that one manifest names."""

import os
from collections.abc import Sequence
from pathlib import Path

import duckdb

from graphad import database, query, query_macros, schema
from graphad.store.manifest import File, Manifest, sync_folder
from graphad.store.tables import fill

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


def _over(files: Sequence[File], table: str, base: str) -> str:
    """Return a SELECT of a table's columns from its files; `base` is SQL for their folder.

    Files of an older schema lack columns, which are NULL then.
    """
    by_version: dict[int, list[str]] = {}
    for file in files:
        by_version.setdefault(file.version, []).append(query.quoted(file.name))
    parts = [
        f"SELECT * FROM read_parquet(list_transform([{', '.join(names)}], "
        f"lambda name: {base} || '/' || name))"
        for _, names in sorted(by_version.items())
    ]
    if set(by_version) != {schema.VERSION}:
        parts = [_typed_nulls(table), *parts]
    return " UNION ALL BY NAME ".join(parts)


def entities_of(said: str) -> str:
    """Return a SELECT of entities from rows of what segments say of them.

    Segments may each tell of the same entity, and each what it knew.
    """
    return f"""SELECT id, min(type) AS type, min(host) AS host, min(key) AS key,
                      max(label) AS label, max_by(name, label) AS name,
                      max(detail) AS detail, max_by(shape, detail) AS shape
               FROM {said} GROUP BY id"""


def _findings(files: Sequence[File], base: str) -> str:
    """Return a SELECT of what queries see of findings, from the files of `kept.save`."""
    names = ", ".join(query.quoted(file.name) for file in files)
    columns = ", ".join(
        f"{query.quoted_name(c.name)}: '{'VARCHAR' if c.kind == 'time' else SQL_TYPES[c.kind]}'"
        for c in schema.FINDINGS
    )
    told = ", ".join(
        f"{'utc' if c.kind == 'time' else ''}({query.quoted_name(c.name)})::{SQL_TYPES[c.kind]} "
        f"AS {query.quoted_name(c.name)}"
        for c in schema.FINDINGS
    )
    if not files:
        nulls = ", ".join(
            f"NULL::{SQL_TYPES[c.kind]} AS {query.quoted_name(c.name)}" for c in schema.FINDINGS
        )
        return f"SELECT {nulls} WHERE false"
    return (
        f"SELECT {told} FROM read_json("
        f"list_transform([{names}], lambda name: {base} || '/' || name), "
        f"format = 'newline_delimited', columns = {{{columns}}}, maximum_object_size = {64 << 20})"
    )


def define(connection: duckdb.DuckDBPyConnection, base: str, manifest: Manifest) -> None:
    """Create the tables and views that queries see, see schema.py; `base` as in `_over`."""
    for table in schema.TABLES:
        sql = _over(manifest.files.get(table, ()), table, base)
        name = f"{table}_said" if table == "entities" else table
        connection.execute(f"CREATE VIEW {name} AS {sql}")
    connection.execute(f"CREATE VIEW entities AS {entities_of('entities_said')}")
    rows = [
        (s.source, s.path, s.format, s.digest, s.bytes, s.read, s.used,
         sum(s.ignored.values()), s.rejected, s.edges, s.continues, s.same_as)
        for s in manifest.sources
    ]  # fmt: skip
    columns = {c.name: SQL_TYPES[c.kind] for c in schema.SOURCES}
    fill(connection, "sources", columns, rows, temporary=False)
    query.create_views(connection)


def define_more(
    connection: duckdb.DuckDBPyConnection, base: str, manifest: Manifest, sql: str | None = None
) -> None:
    """Create what only people's queries see, after `define`; of macros those that `sql` names."""
    findings = _findings(manifest.files.get("findings", ()), base)
    query_macros.create_macros(connection, None if sql is None else sql + findings)
    connection.execute(f"CREATE VIEW findings AS {findings}")


def connect(
    store: Path, manifest: Manifest, config: dict[str, str] | None = None
) -> duckdb.DuckDBPyConnection:
    """Return a connection of its own, in memory, that sees the store as of `manifest`."""
    connection = database.connect(config=config)
    define(connection, query.quoted(str(store)), manifest)
    return connection


def moving(store: Path, catalog: str) -> str:
    """Return SQL for the folder that a catalog lies in, wherever that has been moved to.

    A view can't ask for its own file, but DuckDB's temp_directory lies beside the file that was
    opened. Where a catalog is attached to another database it doesn't: then the folder is the one
    in which the catalog was made, or the one in the variable `graphad_store`.
    """
    beside = f"{catalog}.tmp"
    return (
        "coalesce(getvariable('graphad_store')::VARCHAR, "
        f"CASE WHEN parse_filename(current_setting('temp_directory')) = {query.quoted(beside)} "
        "THEN coalesce(nullif(parse_dirpath(current_setting('temp_directory')), ''), '.') "
        f"ELSE {query.quoted(str(store))} END)"
    )


def publish(store: Path, name: str, manifest: Manifest) -> None:
    """Write the catalog that any DuckDB client can open, and sweep older ones."""
    path = store / name
    aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    aside.unlink(missing_ok=True)
    connection = database.connect(aside)
    base = moving(store.absolute(), path.name)
    define(connection, base, manifest)
    define_more(connection, base, manifest)
    connection.close()
    with aside.open("rb+") as file:
        os.fsync(file.fileno())
    aside.replace(path)
    sync_folder(store)
    for old in store.glob("catalog-*.duckdb"):
        if old != path:
            old.unlink(missing_ok=True)
