"""`graphad query`: finds a query, reads its parameters, runs it locked down."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from graphad import query
from graphad.errors import QueryError
from graphad.files import folders
from graphad.workspace import open_store


def listed(own: Sequence[Path]) -> list[dict[str, Any]]:
    """Return the queries with their parameters and help."""
    places = folders("queries", own)
    found = []
    for name in query.names(places):
        one = query.load(name, places)
        options = " ".join(
            f"--{p.name} {'…' if p.required else p.default}" for p in one.parameters
        )  # fmt: skip
        found.append({"name": name, "parameters": options, "help": one.help})
    return found


def answer(
    store: Path, name: str | None, parameters: Sequence[str], sql: str | None,
    own: Sequence[Path], timeout: float,
) -> Any:  # fmt: skip
    """Return the rows of a named query, or of an analyst's SELECT."""
    opened = open_store(store, create=False)
    if sql is not None:
        if name is not None:
            raise QueryError("Give the name of a query, or --sql, not both.")
        with opened.published() as catalog:
            return query.run_sql(catalog, sql, folder=store, timeout_s=timeout)
    assert name is not None
    asked = query.load(name, folders("queries", own))
    given: dict[str, str] = {}
    words = list(parameters)
    while words:
        word = words.pop(0)
        if word in ("-h", "--help"):
            lines = [asked.help, *(f"  --{p.name}  {p.meaning}" for p in asked.parameters)]
            raise QueryError("\n".join(lines))
        if not word.startswith("--"):
            raise QueryError(f"{word!r} is no parameter.", hint=f"See graphad query {name} --help.")
        key, equals, value = word[2:].partition("=")
        if not equals:
            if not words:
                raise QueryError(f"--{key} has no value.")
            value = words.pop(0)
        given[key.replace("-", "_")] = value
    with TemporaryDirectory(prefix="graphad-") as scratch:
        connection = query.locked(opened.connect(), store, scratch=Path(scratch))
        try:
            return asked.run(connection, given)
        finally:
            connection.close()
