"""Which entities are at risk: those that the store's newest path findings are about.

Read once, from the kept findings and the keys of their entities; an event is then asked for by what
it calls its own entities: process GUIDs, accounts, addresses, files, domains.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from graphad.enrich.fields import Places, first
from graphad.enrich.words import DOMAINS, account, remote
from graphad.errors import GraphadError
from graphad.findings import Finding, is_telling
from graphad.models.calibration import LEVELS as SEVERITIES
from graphad.schema import LOCAL_TYPES, id_text

LEVELS = tuple(name for name, _ in SEVERITIES)  # the worst first; "informational" is no risk
_RANKED = 100  # findings of a model without calibration that count
_MOST_FINDINGS = 20_000  # newest ones
TOLD = 5  # findings that an event is told of
# Fields of an event by the type of entity that they name.
_FIELDS = {
    "process": ("process", "parent", "target"), "user": ("user", "target_user"),
    "file": ("file_path", "exe"), "registry": ("registry_path",), "address": ("dst_ip", "src_ip"),
    "domain": ("domain",), "pipe": ("pipe",), "service": ("service",),
}  # fmt: skip

Key = tuple[str, str, str]  # type, host (of what is local to one), key


class At(NamedTuple):
    """What findings say of an entity: their worst level, None if not calibrated, and their ids."""

    level: str | None
    findings: tuple[str, ...]


def key_of(kind: str, host: str | None, key: str) -> Key:
    """Return an entity's key, however its log writes it.

    >>> key_of("process", "WS-07", "{AB-1}"), key_of("domain", "WS-07", "Example.com")
    (('process', 'ws-07', 'ab-1'), ('domain', '', 'example.com'))
    """
    where = (host or "").lower() if kind in LOCAL_TYPES else ""
    return kind, where, key.strip("{}").lower()


def _counts(finding: Finding) -> bool:
    if finding.detector != "path" or any(m.verdict in ("benign", "allow") for m in finding.marks):
        return False
    return finding.rank <= _RANKED if finding.severity is None else finding.severity in LEVELS


def telling(finding: Finding) -> set[str]:
    """Return the ids of the entities at the ends of a path's surprising events."""
    bits = [sum(edge.terms.values()) for edge in finding.edges]
    return {
        finding.entities[end].id
        for edge, surprise in zip(finding.edges, bits, strict=True)
        if is_telling(surprise, finding.score, len(bits))
        for end in (edge.src, edge.dst)
    }


class Risk:
    """Entities at risk by their keys."""

    def __init__(self, entities: Mapping[Key, At]) -> None:
        self.entities = dict(entities)
        self._types = frozenset(kind for kind, _, _ in self.entities)

    @classmethod
    def of(cls, findings: Iterable[Finding], keys: Iterable[tuple[str, Key]]) -> "Risk":
        """Return the risk that findings tell of; keys: of entities by their ids in findings."""
        by_id: dict[str, list[Key]] = {}
        for name, key in keys:
            by_id.setdefault(name, []).append(key)
        newest = sorted(filter(_counts, findings), key=lambda f: (f.end, f.id), reverse=True)
        held: dict[Key, list[Finding]] = {}
        for finding in newest[:_MOST_FINDINGS]:
            for name in telling(finding):
                for key in by_id.get(name, ()):
                    held.setdefault(key, []).append(finding)
        return cls({key: _at(some) for key, some in held.items()})

    @classmethod
    def read(cls, store: Path) -> "Risk":
        """Return the risk that a store's kept findings tell of. Raises: GraphadError."""
        from graphad.annotated import Annotated  # DuckDB comes with it

        if not (store / "CURRENT").is_file():
            raise GraphadError(f"{store} is no store.")
        opened = Annotated(store, create=False)
        found = [finding for finding in opened.findings() if _counts(finding)]
        ids = {name for finding in found for name in telling(finding)}
        if not ids:
            return cls({})
        rows = opened.sql(
            "SELECT DISTINCT id, type, host, key FROM entities WHERE list_contains($ids, id)",
            {"ids": sorted(_signed(name) for name in ids)},
        )
        keys = [
            (id_text(row["id"]), key_of(row["type"], row["host"], row["key"]))
            for row in rows.to_pylist()
        ]
        return cls.of(found, keys)

    def at(
        self, fields: Mapping[str, Places], event: Mapping[str, Any], data: Mapping[str, Any]
    ) -> At | None:
        """Return the risk of the entities that an event names, None without any."""
        found: list[At] = []
        host: str | None = None
        for kind in self._types:
            keys = [first(fields.get(f, ()), event, data) for f in _FIELDS.get(kind, ())]
            if kind == "socket":
                ends = (("dst_ip", "dst_port"), ("src_ip", "src_port"))
                said = [[first(fields.get(f, ()), event, data) for f in end] for end in ends]
                keys = [remote(ip, port) for ip, port in said if ip and port]
            if kind == "user":
                keys += [
                    account(first(fields.get(domain, ()), event, data), name)
                    for domain, name in zip(DOMAINS.values(), keys, strict=False)
                ]
            if host is None and kind in LOCAL_TYPES:
                host = first(fields.get("host", ()), event, data)
            for key in keys:
                one = self.entities.get(key_of(kind, host, key)) if key else None
                if one is not None and one not in found:
                    found.append(one)
        if not found:
            return None
        if len(found) == 1:
            return found[0]
        names = list(dict.fromkeys(name for one in found for name in one.findings))
        return At(_worst([one.level for one in found]), tuple(names[:TOLD]))


def _at(findings: Sequence[Finding]) -> At:
    level = _worst([finding.severity for finding in findings])
    return At(level, tuple(dict.fromkeys(f.id for f in findings[:TOLD])))


def _worst(levels: Sequence[str | None]) -> str | None:
    known = [LEVELS.index(level) for level in levels if level in LEVELS]
    return LEVELS[min(known)] if known else None


def _signed(name: str) -> int:
    value = int(name, 16)
    return value - 2**64 if value >= 2**63 else value
