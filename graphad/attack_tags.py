"""ATT&CK techniques that events are instances of, by patterns on what their records say."""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from graphad.errors import GraphadError
from graphad.incident_graph import Event, Node, Tag

OWN = Path(__file__).with_name("attack_tags.toml")
VERSION = 1  # of the form of such a file
LIMIT = 8192  # characters of a name or command line that are looked at
SIZE = 1 << 20  # bytes of a file; ours has some thousands
_WORDS = ("action", "src_type", "dst_type")
_PATTERNS = ("src", "dst", "command")
_TECHNIQUE = re.compile(r"T\d{4}(\.\d{3})?")


@dataclass(frozen=True)
class Pattern:
    """What an event must say to be an instance of a technique; see attack_tags.toml."""

    technique: str
    name: str
    words: dict[str, frozenset[str]] = field(default_factory=dict)
    patterns: dict[str, re.Pattern[str]] = field(default_factory=dict)

    def fits(self, event: Event, src: Node, dst: Node) -> bool:
        """Return whether an event is such an instance."""
        said = {"action": event.action, "src_type": src.type, "dst_type": dst.type}
        if any(said[key] not in words for key, words in self.words.items()):
            return False
        # `exec` of a file into a process has the command line too.
        texts = {"src": src.key, "dst": dst.key, "command": dst.detail or ""}
        return all(
            pattern.search(texts[key][:LIMIT].replace("\\", "/"))
            for key, pattern in self.patterns.items()
        )


def load(path: Path = OWN) -> tuple[Pattern, ...]:
    """Return the patterns of a file. Raises: GraphadError: it is none, with what is wrong."""
    try:
        with path.open("rb") as file:
            data = file.read(SIZE + 1)
        if len(data) > SIZE:
            raise GraphadError(f"{path} is too large for a file of tags.")
        read = tomllib.loads(data.decode())
    except OSError as error:
        raise GraphadError(f"{path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise GraphadError(f"{path} is no TOML: {error}.") from error
    if read.get("version") != VERSION:
        raise GraphadError(
            f"{path} is no file of tags of version {VERSION}.", hint="See docs/incidents.md."
        )
    rows = read.get("tag")
    if not isinstance(rows, list) or set(read) - {"version", "date", "tag"}:
        raise GraphadError(f"{path} must hold version, date and [[tag]] only.")
    return tuple(_pattern(path, number, row) for number, row in enumerate(rows, 1))


def _pattern(path: Path, number: int, row: Any) -> Pattern:
    def wrong(what: str) -> GraphadError:
        return GraphadError(f"{path}: tag {number} {what}.", hint="See docs/incidents.md.")

    if not isinstance(row, dict):
        raise wrong("is no table")
    unknown = set(row) - {"technique", "name", *_WORDS, *_PATTERNS}
    if unknown:
        raise wrong(f"has an unknown key {min(unknown)!r}")
    technique, name = row.get("technique"), row.get("name")
    if not isinstance(technique, str) or not _TECHNIQUE.fullmatch(technique):
        raise wrong("has no technique such as T1059.001")
    if not isinstance(name, str) or not name:
        raise wrong("has no name")
    if not set(row) - {"technique", "name"}:
        raise wrong("fits every event")
    words: dict[str, frozenset[str]] = {}
    patterns: dict[str, re.Pattern[str]] = {}
    for key in _WORDS:
        if key in row:
            if not isinstance(row[key], list) or not all(isinstance(w, str) for w in row[key]):
                raise wrong(f"has no list of words as {key}")
            words[key] = frozenset(row[key])
    for key in _PATTERNS:
        if key in row:
            try:
                patterns[key] = re.compile(row[key], re.IGNORECASE | re.DOTALL)
            except (re.error, TypeError, RecursionError, OverflowError) as error:
                raise wrong(f"has no regular expression as {key}: {error}") from error
    return Pattern(technique, name, words, patterns)


def tagged(
    entities: Sequence[Node], events: Sequence[Event], patterns: Sequence[Pattern]
) -> list[Tag]:
    """Return the techniques of events, by their first event; each once, with how many show it."""
    found: dict[str, Tag] = {}
    for place, event in enumerate(events):
        src, dst = entities[event.src], entities[event.dst]
        mine = {one.technique: one for one in patterns if one.fits(event, src, dst)}
        for technique, one in mine.items():
            if technique in found:
                found[technique].count += 1
            else:
                found[technique] = Tag(technique, one.name, place)
    return list(found.values())
