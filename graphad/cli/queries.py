"""`graphad query`: finds a query, reads its parameters, runs it locked down."""

from collections.abc import Sequence
from pathlib import Path
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
        options = " ".join(map(_option, one.parameters))
        found.append({"name": name, "parameters": options, "help": one.help})
    return found


def _option(parameter: query.Parameter) -> str:
    """Return a parameter as one writes it; in brackets if it may be left out."""
    if parameter.required:
        return f"--{parameter.name} …"
    return f"[--{parameter.name} {'…' if parameter.default is None else parameter.default}]"


def answer(
    store: Path, name: str | None, parameters: Sequence[str], sql: str | None,
    own: Sequence[Path], timeout: float, memory: str,
) -> Any:  # fmt: skip
    """Return the rows of a named query, or of an analyst's SELECT."""
    opened = open_store(store, create=False)
    if sql is not None:
        if name is not None:
            raise QueryError("Give the name of a query, or --sql, not both.")
        return opened.select(sql, timeout_s=timeout, memory=memory)
    assert name is not None
    given = _given(name, parameters)
    return opened.answer(name, given, queries=own, timeout_s=timeout, memory=memory)


def described(name: str, own: Sequence[Path]) -> str:
    """Return the help of a query."""
    asked = query.load(name, folders("queries", own))
    lines = [f"graphad query {name}: {asked.help}", ""]
    for one in asked.parameters:
        value = "required" if one.required else "" if one.default is None else f"[{one.default}]"
        lines.append(f"  --{one.name:<12}  {one.meaning}  {value}".rstrip())
    return "\n".join(lines)


def _given(name: str, parameters: Sequence[str]) -> dict[str, str]:
    """Return the parameters of a command line: --name value or --name=value."""
    given: dict[str, str] = {}
    words = list(parameters)
    while words:
        word = words.pop(0)
        if not word.startswith("--") or len(word) == 2:
            raise QueryError(f"{word!r} is no parameter.", hint=f"See graphad query {name} --help.")
        key, equals, value = word[2:].partition("=")
        if not equals:
            if not words:
                raise QueryError(f"--{key} has no value.")
            value = words.pop(0)
        key = key.replace("-", "_")
        if key in given:
            raise QueryError(f"--{key} is given twice.")
        given[key] = value
    return given
