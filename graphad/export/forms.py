"""Findings and incidents in every form that a file or pipe may have."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from graphad.attack_tags import Pattern
from graphad.export import ecs, flat, ocsf, parts, timesketch
from graphad.export.context import Context
from graphad.findings import Finding
from graphad.incident_graph import Incident
from graphad.sanitize import csv_cell, json_line

FINDINGS = (
    "ndjson", "json", "csv", "parquet", "ocsf", "ecs", "es-bulk", "timesketch", "splunk-hec",
)  # fmt: skip
INCIDENTS = ("ndjson", "json", "csv", "ocsf", "splunk-hec")


def findings(
    form: str, found: Sequence[Finding], patterns: Sequence[Pattern] = (),
    context: Context | None = None,
) -> Iterator[bytes]:  # fmt: skip
    """Yield findings in a form of FINDINGS, piece by piece.

    patterns: of the techniques that are told; context: what records behind the findings say.
    """
    if form in ("ndjson", "json"):
        return _json(form, map(msgspec.to_builtins, found))
    tagged = ((one, parts.techniques(one, patterns)) for one in found)
    if form == "csv":
        return sheet(flat.row(one, tags) for one, tags in tagged)
    if form == "parquet":
        return iter([flat.parquet(flat.table(tagged))])
    if form == "timesketch":
        return _json("ndjson", timesketch.rows(tagged))
    if form in ("ecs", "es-bulk"):
        documents = (ecs.finding(one, tags, context) for one, tags in tagged)
        return _json("ndjson", _bulk(documents) if form == "es-bulk" else documents)
    made = (ocsf.finding(one, tags, context) for one, tags in tagged)
    return _json("ndjson", map(_hec, made) if form == "splunk-hec" else made)


def incidents(form: str, found: Sequence[Incident]) -> Iterator[bytes]:
    """Yield incidents in a form of INCIDENTS, piece by piece."""
    if form in ("ndjson", "json"):
        return _json(form, map(msgspec.to_builtins, found))
    if form == "csv":
        return sheet(map(flat.incident_row, found))
    made = map(ocsf.incident, found)
    return _json("ndjson", map(_hec, made) if form == "splunk-hec" else made)


def sheet(rows: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    """Yield rows of the same keys as CSV that no spreadsheet computes."""
    made = io.StringIO()
    writer = csv.writer(made, quoting=csv.QUOTE_ALL, lineterminator="\n")
    for number, row in enumerate(rows):
        if number == 0:
            writer.writerow([csv_cell(name) for name in row])
        writer.writerow([csv_cell(value) for value in row.values()])
        yield made.getvalue().encode()
        made.seek(0)
        made.truncate()


def _json(form: str, objects: Iterable[Any]) -> Iterator[bytes]:
    if form == "json":
        yield (json_line(list(objects), indent=1) + "\n").encode()
        return
    for one in objects:
        yield (json_line(one) + "\n").encode()


def _bulk(documents: Iterable[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    """Yield what Elasticsearch's _bulk takes; sent twice, a finding is refused, not doubled."""
    for document in documents:
        yield {"create": {"_id": document["event"]["id"]}}
        yield document


def _hec(event: dict[str, Any]) -> dict[str, Any]:
    """Return an event as Splunk's HTTP Event Collector takes it; its time is in seconds."""
    hosts = [one["name"] for one in event["resources"]]
    return {
        "time": event["time"] / 1000, "host": hosts[0] if hosts else parts.PRODUCT,
        "source": parts.PRODUCT, "sourcetype": f"{parts.PRODUCT}:finding", "event": event,
    }  # fmt: skip
