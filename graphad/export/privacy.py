"""What is taken out of findings, incidents, graphs and tables before they leave."""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pyarrow as pa

from graphad.errors import GraphadError, UnknownName
from graphad.export.context import Context, Record
from graphad.export.pseudonyms import Pseudonyms, read_key
from graphad.export.redact import Redactor
from graphad.findings import Finding
from graphad.incident_graph import Incident
from graphad.incident_text import describe
from graphad.store import Store

Kept = TypeVar("Kept")

# Fields that no log writes: ids, numbers as text, words of ours. All others are looked at.
OURS = frozenset(
    (
        "id", "detector", "unit", "severity", "start", "end", "ts", "action", "type", "model",
        "incident", "measure", "verdict", "technique", "findings", "merged", "src", "dst",
    )
)  # fmt: skip
# Columns that hold the name of a user or host and nothing else, see schema.RECORDS.
USERS = ("user", "target_user", "login_user")
HOSTS = ("host", "src_host", "dst_host")
_SID = re.compile(r"S-1-5-21-[-0-9]+")


class Privacy:
    """Patterns whose matches are taken out, and pseudonyms for users and hosts; maybe neither.

    Everything told of a finding is made of it afterwards, so nothing is left in a title or a
    description either.
    """

    def __init__(self, redactor: Redactor | None = None, pseudonyms: Pseudonyms | None = None):
        self.redactor, self.pseudonyms = redactor, pseudonyms

    @classmethod
    def of(
        cls, redact: Sequence[str] = (), pseudonymize: Sequence[str] = (),
        key_file: Path | None = None, store: Store | None = None,
    ) -> "Privacy":  # fmt: skip
        """Return what options ask for; the names that get pseudonyms are those of a store.

        Raises: GraphadError: a pattern, a kind of names or the key is none, or the key is missing.
        """
        if bool(pseudonymize) != (key_file is not None):
            raise GraphadError("--pseudonymize and --key-file go together.")
        pseudonyms = None
        if key_file is not None:
            pseudonyms = Pseudonyms(read_key(key_file), pseudonymize)
            if store is not None:
                learn(pseudonyms, store)
        return cls(Redactor(redact) if redact else None, pseudonyms)

    def __bool__(self) -> bool:
        """Return whether anything is changed."""
        return self.redactor is not None or self.pseudonyms is not None

    def texts(self, texts: Iterable[str]) -> dict[str, str]:
        """Return what becomes of each distinct text."""
        distinct = list(dict.fromkeys(texts))
        made = self.redactor(distinct) if self.redactor is not None else distinct
        made = self.pseudonyms(made) if self.pseudonyms is not None else made
        return dict(zip(distinct, made, strict=True))

    def id(self, name: str) -> str:
        """Return the id of a finding or incident under which it leaves.

        An id is a digest of what it tells of, host included, so who guesses that could check it.
        """
        kind, dash, rest = name.partition("-")
        if self.pseudonyms is None or not dash:
            return name
        return f"{kind}-{self.pseudonyms.digest('id', rest)[:10]}"

    def tree(self, value: Any) -> Any:
        """Return a value of dicts, lists and texts with all texts changed but those of OURS."""
        if not self:
            return value
        return _changed(value, self.texts(_texts(value)), self.pseudonyms, "")

    def _struct(self, one: Kept) -> Kept:
        made: Kept = msgspec.convert(self.tree(msgspec.to_builtins(one)), type(one))
        return made

    def findings(self, found: Sequence[Finding]) -> list[Finding]:
        """Return findings as they may leave, in their order."""
        if not self or not found:
            return list(found)
        if self.pseudonyms is not None:
            self._meet(found)
        made = msgspec.convert(
            self.tree([msgspec.to_builtins(one) for one in found]), list[Finding]
        )
        for one in made:
            one.id, one.incident = self.id(one.id), self.id(one.incident)
        return made

    def incident(self, one: Incident, found: Sequence[Finding]) -> Incident:
        """Return an incident as it may leave; `found` are its findings, as they are kept."""
        if not self:
            return one
        if self.pseudonyms is not None:
            self._meet(found)
        made = self._struct(one)
        made.id = self.id(one.id)
        made.findings = [self.id(name) for name in one.findings]
        made.merged = [self.id(name) for name in one.merged]
        made.description = describe(made, self.findings(found))
        return made

    def context(self, known: Context) -> Context:
        """Return what records say, as it may leave."""
        if not self:
            return known
        every = list(known.items())
        made = self.tree([msgspec.to_builtins(record) for _, record in every])
        return {
            key: msgspec.convert(row, Record) for (key, _), row in zip(every, made, strict=True)
        }

    def table(self, data: pa.Table) -> pa.Table:
        """Return an Arrow table with its texts changed, those in lists and structs too."""
        if not self:
            return data
        return pa.Table.from_pylist(self.tree(data.to_pylist()), schema=data.schema)

    def _meet(self, found: Iterable[Finding]) -> None:
        """Learn the names that findings hold: those of a store that has lost its records too."""
        assert self.pseudonyms is not None
        for one in found:
            self.pseudonyms.learn("host", [one.host, *(edge.host for edge in one.edges)])
            for entity in one.entities:
                if entity.type in ("user", "host"):
                    self.pseudonyms.learn(entity.type, [entity.key])
            for doubt in one.doubts:
                kind = "user" if doubt.column in USERS else "host"
                if doubt.column in USERS + HOSTS:
                    words = [doubt.value, *(word for word, _ in doubt.likely)]
                    self.pseudonyms.learn(kind, words)


def _texts(value: Any, key: str = "") -> Iterator[str]:
    if isinstance(value, str):
        if key not in OURS:
            yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            if key == "terms":  # a window's are named by what is in it
                yield name
            yield from _texts(inner, name)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _texts(inner, key)


def _changed(value: Any, told: dict[str, str], names: Pseudonyms | None, key: str) -> Any:
    if isinstance(value, str):
        if key in OURS:
            return value
        kind = "host" if key in HOSTS else "user" if key in USERS else ""
        if names is not None and kind and told[value] == value:
            return names.field(kind, value)
        return told[value]
    if isinstance(value, dict):
        if key == "terms":
            made: dict[str, float] = {}
            for name, bits in value.items():
                made[told[name]] = made.get(told[name], 0.0) + bits
            return made
        changed = {name: _changed(inner, told, names, name) for name, inner in value.items()}
        if names is not None and value.get("type") in ("user", "host"):
            for field in ("key", "name", "label"):
                if isinstance(value.get(field), str) and changed[field] == value[field]:
                    changed[field] = names.field(value["type"], value[field])
        return changed
    if isinstance(value, (list, tuple)):
        return [_changed(inner, told, names, key) for inner in value]
    return value


def learn(names: Pseudonyms, store: Store) -> None:
    """Learn the users and hosts that a store's records and entities name."""
    told = [(column, "user") for column in USERS]
    told += [(column, "host") for column in (*HOSTS, "user_domain", "target_domain")]
    told += [(column, "sid") for column in ("user_sid", "target_sid")]
    parts = [f"SELECT DISTINCT '{kind}' AS kind, \"{name}\" AS name FROM records"  # noqa: S608
             for name, kind in told]  # fmt: skip
    parts += [
        "SELECT DISTINCT 'host', host FROM edges",
        "SELECT DISTINCT type, label FROM entities_said WHERE type IN ('user', 'host')",
    ]
    rows = store.sql(f"FROM ({' UNION '.join(parts)}) WHERE name <> ''")
    for kind, name in zip(rows["kind"].to_pylist(), rows["name"].to_pylist(), strict=True):
        if kind == "sid":
            if _SID.fullmatch(name):
                names.learn("user", [name])
        else:
            names.learn(kind, [name])


def named(privacy: Privacy, name: str, known: Iterable[str]) -> str:
    """Return the id of a store for one under which something left; others as they are.

    Raises: UnknownName: more than one begins so.
    """
    every = list(known)
    if any(one.startswith(name) for one in every):
        return name
    near = [one for one in every if privacy.id(one).startswith(name)]
    if len(near) > 1:
        raise UnknownName.among("finding", name, [privacy.id(one) for one in near])
    return near[0] if near else name
