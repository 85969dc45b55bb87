"""Findings as a Timesketch time line: a row for each, and one for each event behind them.

Source: timesketch.org/guides/user/import-from-json-csv: `message`, `datetime` and `timestamp_desc`
are required; `tag` is a list.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from graphad.export import parts
from graphad.findings import Finding, amount, oddity
from graphad.incident_graph import Tag, event_key
from graphad.incidents import microseconds
from graphad.sanitize import terminal


def rows(found: Iterable[tuple[Finding, Sequence[Tag]]]) -> list[dict[str, Any]]:
    """Return the rows of findings with their techniques, in time order.

    An event that several findings rest on is one row, told with the first of them.
    """
    every: list[tuple[int, dict[str, Any]]] = []
    seen: set[object] = set()
    for one, tags in found:
        every.append((microseconds(one.start), _finding(one, tags)))
        for edge, proof in zip(one.edges, one.evidence, strict=True):
            ids = one.entities[edge.src].id, one.entities[edge.dst].id
            key = event_key(proof, *ids, edge.action)
            if key not in seen:
                seen.add(key)
                every.append((microseconds(edge.ts), _event(one, edge.ts, len(seen), edge, proof)))
    return [row for _, row in sorted(every, key=lambda pair: pair[0])]


def _when(ts: str) -> dict[str, Any]:
    us = microseconds(ts)
    text, moved = parts.in_calendar(ts)
    exact = text if moved or ts.endswith("us") else ts
    return {"datetime": exact.removesuffix("Z") + "+00:00", "timestamp": us if not moved else None}


def _finding(one: Finding, tags: Sequence[Tag]) -> dict[str, Any]:
    odd = oddity(one)
    message = f"{one.title} ({amount(one)}, {one.severity or 'ranked, not calibrated'})"
    row = {
        "message": terminal(message + (f": {odd}" if odd else "")), **_when(one.start),
        "timestamp_desc": f"{parts.PRODUCT} finding", "finding": one.id, "incident": one.incident,
        "host": one.host, "severity": one.severity, "score": one.score, "z": one.z,
        "programs": one.programs, "end": one.end, "count": one.count, "model": one.model,
        "tag": [parts.PRODUCT, *([one.severity] if one.severity else []),
                *dict.fromkeys(f"attack.{tag.technique.lower()}" for tag in tags)],
    }  # fmt: skip
    return {key: value for key, value in row.items() if value is not None}


def _event(one: Finding, ts: str, number: int, edge: Any, proof: Any) -> dict[str, Any]:
    src, dst = one.entities[edge.src], one.entities[edge.dst]
    told = f"{src.type} {parts.said(src)} {edge.action} {dst.type} {parts.said(dst)}"
    row = {
        "message": terminal(told),
        **_when(ts), "timestamp_desc": f"{parts.PRODUCT} event: {edge.action}", "finding": one.id,
        "host": edge.host or one.host, "bits": sum(edge.terms.values()),
        "command": None if dst.detail is None else parts.clip(dst.detail),
        "source_file": proof.source, "record": proof.record, "line": proof.line or None,
        "raw": proof.text, "tag": [parts.PRODUCT],
    }  # fmt: skip
    return {key: value for key, value in row.items() if value is not None}
