"""Finds parsers: ours, a user's own folders, and those of installed packages."""

import importlib.util
import re
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import entry_points
from pathlib import Path

from graphad import schema
from graphad.errors import ParseError
from graphad.files import folder, folders
from graphad.parse import Parser
from graphad.relations import Relations

SURE = 0.5  # a format is taken if its parser is at least so sure


def load(path: Path) -> Parser:
    """Return the parser a file defines. Raises: ParseError if it defines none or fails."""
    name = f"graphad_parser_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ParseError(f"{path} is no Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ParseError(f"Parser {path} fails to load: {error}.") from error
    parser = getattr(module, "parser", None)
    if not isinstance(parser, Parser):
        raise ParseError(f"{path} sets no `parser = Parser(...)`.")
    return parser


def load_all(extra: Iterable[Path] = ()) -> dict[str, Parser]:
    """Return all parsers by name; a later one replaces an earlier one of its name.

    Ours come first, then those of installed packages (entry points `graphad.parsers`), then the
    folders in `extra`. The working directory is never searched.
    """
    found: dict[str, Parser] = {}
    for path in sorted(folder("parsers").glob("*.py")):
        if not path.name.startswith("_"):
            found[path.stem] = load(path)
    for point in entry_points(group="graphad.parsers"):
        loaded = point.load()
        if isinstance(loaded, Parser):
            found[loaded.name] = loaded
    extra = list(extra)
    own = folder("parsers")
    for place in reversed([p for p in folders("parsers", extra) if p != own]):
        if not place.is_dir():
            raise ParseError(f"{place} is no folder of parsers.")
        for path in sorted(place.glob("*.py")):
            parser = load(path)
            found[parser.name] = parser
    return found


def yields(parser: Parser) -> str:
    """Return what a parser's edges are: between which kinds of things, and what flows.

    Read from its mapping; a parser that makes its edges in Python says it (`yields`).
    """
    mapping = parser.mapping
    if parser.yields:
        return parser.yields
    if isinstance(mapping, Relations):
        actions = {action for edges in mapping.edges.values() for _, action, _ in edges}
        kinds = {
            mapping.ends[end].type
            for edges in mapping.edges.values()
            for src, _, dst in edges
            for end in (src, dst)
        }
    else:
        words = set(re.findall(r"'(\w+)'", mapping))
        actions, kinds = words & set(schema.ACTIONS), words & set(schema.ENTITY_TYPES)
    if not actions:
        return ""
    named = [name for name in schema.ENTITY_TYPES if name in kinds]
    return f"{', '.join(named)}: {', '.join(a for a in schema.ACTIONS if a in actions)}"


def sniff(head: bytes, known: Mapping[str, Parser]) -> Parser | None:
    """Return the parser that is surest of a source's first bytes, or None if none is sure.

    Those that read almost anything are asked when no other one is sure.
    """
    if not head:
        return None
    for last in (False, True):
        sure = [(p.sniff(head), name) for name, p in known.items() if p.last_resort is last]
        best = max(sure, default=(0.0, ""))
        if best[0] >= SURE:
            return known[best[1]]
    return None
