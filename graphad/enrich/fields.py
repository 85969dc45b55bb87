"""Which shape a raw event has, what kinds of events it is, and where its fields are.

A mapping file says so, ours or the user's own; fields.toml tells its form. Compiled once:
an event costs a few look-ups in dictionaries.
"""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from graphad.enrich.words import CONSTANT, KINDS, REMOTE, remote
from graphad.errors import GraphadError, UnknownName

OWN = Path(__file__).with_name("fields.toml")
_MOST_CODES = 8  # of one event; a list of categories can be as long as its writer likes
_LONGEST = 65_536  # characters of a value that are looked at
_SHAPE = frozenset(("name", "data", "log", "logs", "has", "code", "fields", "event"))
_EVENT = frozenset(("codes", "kind", "action", "type", "when", "unless", "from", "without"))


class Place(NamedTuple):
    """Where a value is: keys from the event itself, or from its data; and its dotted name."""

    keys: tuple[str, ...]
    dotted: str
    whole: bool  # from the event itself

    @classmethod
    def of(cls, text: str) -> "Place":
        """Return the place that a mapping file writes so."""
        bare = text.removeprefix("/")
        return cls(tuple(bare.split(".")), bare, text.startswith("/"))

    def find(self, event: Mapping[str, Any], data: Mapping[str, Any]) -> Any:
        """Return the value there, None if there is none."""
        at: Any = event if self.whole else data
        if len(self.keys) == 1:
            return at.get(self.dotted)
        for key in self.keys:
            if type(at) is not dict:
                break
            at = at.get(key)
        else:
            if at is not None:
                return at
        # Some shippers write objects flat.
        return (event if self.whole else data).get(self.dotted)


Places = tuple[Place, ...]


def text(value: object) -> str:
    """Return a value as text, "" for nothing; of a list its first element.

    >>> text(443), text(True), text(["a", "b"]), text(None), text({})
    ('443', 'true', 'a', '', '')
    """
    if type(value) is str:
        return value if len(value) <= _LONGEST else value[:_LONGEST]
    if isinstance(value, list) and value:
        value = value[0]
        return value[:_LONGEST] if isinstance(value, str) else ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    # Digits of a number as long as a line take quadratic time, and name nothing.
    if isinstance(value, float) or (isinstance(value, int) and value.bit_length() <= 128):
        return str(value)
    return ""


def first(places: Places, event: Mapping[str, Any], data: Mapping[str, Any]) -> str:
    """Return the first of some places that says something, as text; "" if none does."""
    for place in places:
        found = place.find(event, data)
        if found is not None:
            said = found if type(found) is str and len(found) < _LONGEST else text(found)
            if said:
                return said
    return ""


@dataclass(frozen=True)
class Rule:
    """One kind of event that some codes stand for."""

    kind: str
    told: Mapping[str, str]  # what the rule itself says: action, type
    when: tuple[tuple[Places, frozenset[str]], ...]
    unless: tuple[tuple[Places, frozenset[str]], ...]
    fields: Mapping[str, Places]

    def holds(self, event: Mapping[str, Any], data: Mapping[str, Any]) -> bool:
        """Return whether the rule is for an event of its code."""
        return all(first(places, event, data) in values for places, values in self.when) and not (
            self.unless
            and any(first(places, event, data) in values for places, values in self.unless)
        )

    def field(self, name: str, event: Mapping[str, Any], data: Mapping[str, Any]) -> str:
        """Return what an event says in a field of graphad's."""
        if name == REMOTE:
            ip, port = (self.field(part, event, data) for part in ("dst_ip", "dst_port"))
            return remote(ip, port) if ip and port and ip != "-" else ""
        if name.startswith(CONSTANT):
            return self.told.get(name[1:]) or self.field(name[1:], event, data)
        return first(self.fields.get(name, ()), event, data)


@dataclass(frozen=True)
class Shape:
    """One shape of events."""

    name: str
    data: Places
    log: Places
    logs: frozenset[str]
    has: Places
    code: tuple[Places, ...]
    fields: Mapping[str, Places]
    rules: Mapping[str, tuple[Rule, ...]]

    def codes(self, event: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
        """Return the codes of an event, none if it hasn't this shape."""
        found = [""]
        for places in self.code:
            value: Any = None
            for place in places:
                value = place.find(event, data)
                if value is not None and not isinstance(value, dict):
                    break
            if isinstance(value, list):
                said = [one for one in map(text, value[:_MOST_CODES]) if one]
            else:
                said = [one for one in [text(value)] if one]
            found = [f"{a} {b}" if a else b for a in found for b in said][:_MOST_CODES]
        return found

    def read(self, event: Mapping[str, Any]) -> tuple[Mapping[str, Any], list[str]] | None:
        """Return an event's data and its codes, None if it hasn't this shape."""
        data: Any = event
        for place in self.data:
            data = place.find(event, event) if place.keys != ("",) else event
            if isinstance(data, list):
                data = _named(data)
            if isinstance(data, dict):
                break
        else:
            if self.data:
                return None
        codes = self.codes(event, data)
        if not codes:
            return None
        if self.logs:
            log = first(self.log, event, data)
            if log not in self.logs and (log or not first(self.has, event, data)):
                return None
        return data, codes


def _named(values: list[Any]) -> dict[str, Any] | None:
    """Return what XML made into JSON has as a list of named texts, None if it is another list."""
    found = {
        one["@Name"]: one.get("#text")
        for one in values
        if isinstance(one, dict) and isinstance(one.get("@Name"), str)
    }
    return found or None


class Fields:
    """The shapes of a mapping file."""

    def __init__(self, shapes: Sequence[Shape]) -> None:
        self.shapes = tuple(shapes)

    @classmethod
    def read(cls, path: Path | None = None) -> "Fields":
        """Return the shapes of a file, ours if none is named. Raises: GraphadError: it is none."""
        path = path or OWN
        try:
            told = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise GraphadError(f"{path} cannot be read: {error.strerror}.") from error
        except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise GraphadError(f"{path} is no TOML: {error}.") from error
        try:
            shapes = told.pop("shape")
            if told or not isinstance(shapes, list) or not shapes:
                raise ValueError("it must hold [[shape]] tables, and nothing else")
            return cls([_shape(one) for one in shapes])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            said = f"{error} is missing" if isinstance(error, KeyError) else str(error)
            raise GraphadError(
                f"{path} maps no fields: {said}.", hint="docs/enrich.md has its form."
            ) from error

    def of(self, event: Mapping[str, Any]) -> tuple[Shape, Mapping[str, Any], list[Rule]] | None:
        """Return an event's shape, data and the rules that hold; None if it has no shape."""
        for shape in self.shapes:
            found = shape.read(event)
            if found is not None:
                data, codes = found
                rules = [
                    rule
                    for code in codes
                    for rule in shape.rules.get(code, ())
                    if rule.holds(event, data)
                ]
                return shape, data, rules
        return None


def _places(texts: object, what: str) -> Places:
    if not isinstance(texts, list) or not all(isinstance(one, str) for one in texts):
        raise ValueError(f"{what} must be a list of places")
    return tuple(Place.of(one) for one in texts)


def _only(told: Mapping[str, Any], known: Iterable[str], what: str) -> None:
    for name in told:
        if name not in known:
            raise ValueError(f"{what} knows no {name!r}")


def _shape(told: Mapping[str, Any]) -> Shape:
    name = told["name"]
    _only(told, _SHAPE, f"shape {name!r}")
    fields = {field: _places(some, field) for field, some in told["fields"].items()}
    rules: dict[str, list[Rule]] = {}
    for one in told["event"]:
        rule = _rule(one, fields, name)
        for code in one["codes"]:
            rules.setdefault(str(code), []).append(rule)
    return Shape(
        name, _places(told.get("data", []), "data"), _places(told.get("log", []), "log"),
        frozenset(told.get("logs", ())), _places(told.get("has", []), "has"),
        tuple(_places(part, "code") for part in told["code"]), fields,
        {code: tuple(some) for code, some in rules.items()},
    )  # fmt: skip


def _rule(told: Mapping[str, Any], fields: Mapping[str, Places], shape: str) -> Rule:
    _only(told, _EVENT, f"an event of shape {shape!r}")
    kind = told["kind"]
    if kind not in KINDS:
        raise UnknownName.among("kind of events", str(kind), list(KINDS))

    def asked(what: str) -> tuple[tuple[Places, frozenset[str]], ...]:
        return tuple(
            (fields[name], frozenset(map(text, values)))
            for name, values in told.get(what, {}).items()
        )

    moved = {name: fields[source] for name, source in told.get("from", {}).items()}
    left = {n: p for n, p in fields.items() if n not in told.get("without", ())}
    said = {name: str(told[name]) for name in ("action", "type") if name in told}
    return Rule(kind, said, asked("when"), asked("unless"), {**left, **moved})
