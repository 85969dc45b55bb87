"""Findings as rows of a table: for spreadsheets, Parquet and pandas."""

import io
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from graphad.export import parts
from graphad.findings import Finding
from graphad.incident_graph import Incident, Tag
from graphad.incidents import microseconds
from graphad.sanitize import unicode

_TIME = pa.timestamp("us", "UTC")
_TERMS = pa.list_(pa.struct([("term", pa.string()), ("bits", pa.float64())]))
SCHEMA = pa.schema([
    ("rank", pa.int64()), ("id", pa.string()), ("incident", pa.string()),
    ("severity", pa.string()), ("score", pa.float64()), ("z", pa.float64()),
    ("programs", pa.int64()), ("p_value", pa.float64()), ("host", pa.string()),
    ("start", _TIME), ("end", _TIME),
    ("title", pa.string()), ("alert", pa.bool_()), ("detector", pa.string()),
    ("unit", pa.string()), ("kind", pa.string()), ("measure", pa.string()),
    ("count", pa.int64()), ("techniques", pa.list_(pa.string())), ("model", pa.string()),
    ("terms", _TERMS),
    ("entities", pa.list_(pa.struct([
        ("id", pa.string()), ("type", pa.string()), ("name", pa.string()), ("key", pa.string()),
        ("detail", pa.string()),
    ]))),
    ("edges", pa.list_(pa.struct([
        ("src", pa.int64()), ("dst", pa.int64()), ("action", pa.string()), ("ts", _TIME),
        ("host", pa.string()), ("terms", _TERMS),
    ]))),
    ("evidence", pa.list_(pa.struct([
        ("source", pa.string()), ("record", pa.int64()), ("line", pa.int64()),
        ("text", pa.string()),
    ]))),
])  # fmt: skip


def row(one: Finding, tags: Sequence[Tag] = ()) -> dict[str, Any]:
    """Return a finding as a row of texts and numbers; that of a spreadsheet."""
    edge, proof = one.edges[one.rarest], one.evidence[one.rarest]
    src, dst = one.entities[edge.src], one.entities[edge.dst]
    return {
        "rank": one.rank, "id": one.id, "incident": one.incident, "severity": one.severity,
        "score": one.score, "z": one.z, "programs": one.programs, "p_value": one.p_value,
        "host": one.host, "start": one.start, "end": one.end, "title": one.title,
        "alert": one.alert, "detector": one.detector, "count": one.count,
        "techniques": "; ".join(f"{tag.technique} {tag.name}" for tag in tags),
        "rarest": f"{parts.said(src)} {edge.action} {parts.said(dst)}", "command": dst.detail,
        "source": proof.source, "record": proof.record, "line": proof.line, "text": proof.text,
        "model": one.model,
    }  # fmt: skip


def incident_row(one: Incident) -> dict[str, Any]:
    """Return an incident as a row of texts and numbers."""
    return {
        "id": one.id, "severity": one.severity, "alert": one.alert, "score": one.score, "z": one.z,
        "programs": one.programs, "p_value": one.p_value, "start": one.start, "end": one.end,
        "hosts": " ".join(one.hosts), "paths": one.paths, "events": len(one.events),
        "title": one.title, "tags": "; ".join(f"{tag.technique} {tag.name}" for tag in one.tags),
        "merged": " ".join(one.merged), "description": one.description,
    }  # fmt: skip


def table(found: Iterable[tuple[Finding, Sequence[Tag]]]) -> pa.Table:
    """Return findings with their techniques as an Arrow table, see SCHEMA; nothing is left out."""
    return pa.Table.from_pylist([_typed(one, tags) for one, tags in found], SCHEMA)


def parquet(data: pa.Table) -> bytes:
    """Return a table as the bytes of a Parquet file."""
    made = io.BytesIO()
    pq.write_table(data, made, compression="zstd", compression_level=3)
    return made.getvalue()


def _terms(terms: dict[str, float]) -> list[dict[str, Any]]:
    return [{"term": unicode(term), "bits": bits} for term, bits in terms.items()]


def _typed(one: Finding, tags: Sequence[Tag]) -> dict[str, Any]:
    made = {name: getattr(one, name) for name in SCHEMA.names if name in one.__struct_fields__}
    made |= {"start": microseconds(one.start), "end": microseconds(one.end)}
    made["terms"] = _terms(one.terms)
    made["techniques"] = list(dict.fromkeys(tag.technique for tag in tags))
    made["edges"] = [
        msgspec.structs.asdict(edge) | {"ts": microseconds(edge.ts), "terms": _terms(edge.terms)}
        for edge in one.edges
    ]
    for name in ("entities", "evidence"):
        made[name] = [_encodable(msgspec.structs.asdict(part)) for part in made[name]]
    made["edges"] = [_encodable(edge) for edge in made["edges"]]
    return _encodable(made)


def _encodable(row: dict[str, Any]) -> dict[str, Any]:
    return {key: unicode(v) if isinstance(v, str) else v for key, v in row.items()}
