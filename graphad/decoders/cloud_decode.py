"""Decodes logs of cloud services: one JSON object a record, told in Python what it means.

A format says which fields fill which columns (see json_decoder.py) and has one function that reads
a whole record and returns what it tells: edges, columns that no single field fills, or the rule by
which it is left out.
"""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from graphad.decoders.json_decoder import Fields
from graphad.decoders.json_envelope import EnvelopeDecoder, records_of
from graphad.decoders.told_claims import Claim
from graphad.decoders.told_columns import Columns
from graphad.parse import CLAIMS, Decoded, Options

MOST_EDGES = 64  # of a record; one that names more things than that says so in `more_edges`
# Whole escapes match first, and pairs of surrogates; group 1 is what JSON forbids.
_ESCAPE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    r"|(\\u[dD][89a-fA-F][0-9a-fA-F]{2}|\\x)|\\.",
    re.DOTALL,
)


class Thing(NamedTuple):
    """An end of an edge: one of schema.ENTITY_TYPES, what identifies it, what it is called.

    `detail` is a process's command line.
    """

    type: str
    key: str
    label: str
    detail: str | None = None


class Edge(NamedTuple):
    """Something flowed from `src` to `dst`."""

    src: Thing
    action: str
    dst: Thing
    outcome: str | None = None


@dataclass
class Told:
    """What a record says.

    `ts` is in microseconds, `host` where it happened. `fields` fill what is
    in no column yet.
    A record without edges is ignored by `rule`, or rejected with `reason` if that is None.
    `claims` say more of entities, of records that give no edge too.
    """

    ts: int | None = None
    host: str | None = None
    fields: dict[str, str | int | None] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    rule: str | None = None
    reason: str = "no rule says what this record means"


Tell = Callable[[dict[str, Any], Options], Told]


class CloudDecoder(EnvelopeDecoder):
    """Decodes a cloud service's records and has `tell` say what each one means."""

    def __init__(
        self, fields: Fields, options: Options, tell: Tell, envelopes: Sequence[str]
    ) -> None:
        super().__init__(fields, options, lambda raw, _: raw, envelopes)
        self.options, self.tell = options, tell

    def decode_opened(self, data: bytes, last: bool) -> Decoded:
        """Return the rows and rejects of a block without envelopes."""
        decoded = super().decode_opened(data, last)
        told = map(self._told, records_of(data, decoded.raw))
        decoded.raw = with_told(decoded.raw, told, self.options.host or "unknown")
        return decoded

    def _told(self, record: bytes) -> Told:
        event = read(record)
        if event is None:
            return Told(reason="the record cannot be read")
        return self.tell(event, self.options)


def with_told(raw: pa.Table, told: Iterable[Told], host: str) -> pa.Table:
    """Return rows with what their records tell; `host` is that of those which name none."""
    found = Columns.of(told, MOST_EDGES)
    own = found.own.arrays()
    raw = _filled(raw, "ts", own["ts"])
    raw = _filled(raw, "host", found.hosts(host))
    for name, values in found.fields.arrays().items():
        raw = _filled(raw, name, values)
    if "more_edges" in own:
        raw = raw.append_column("more_edges", own["more_edges"])
    raw = raw.append_column("_edges", found.edges())
    claims = found.claims()
    if claims is not None:
        raw = raw.append_column(CLAIMS, claims)
    return raw.append_column("_rule", own["rule"]).append_column("_reason", own["reason"])


def _filled(raw: pa.Table, name: str, values: pa.Array) -> pa.Table:
    """Return rows with a column's gaps filled."""
    at = raw.schema.get_field_index(name)
    if at < 0:
        return raw.append_column(name, values)
    held = raw[name]
    if held.null_count == 0:
        return raw
    return raw.set_column(at, name, pc.coalesce(held.cast(values.type), values))


def read(record: bytes) -> dict[str, Any] | None:
    r"""Return a record's object, None if it is none.

    What JSON forbids and logs have, \xNN and halves of surrogate pairs, is kept as that text.

    >>> read(b'{"a": "\\xff \\ud800"}'), read(b"[")
    ({'a': '\\xff \\ud800'}, None)
    """
    try:
        found = msgspec.json.decode(record)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        text = record.decode("utf-8", "backslashreplace")
        text = _ESCAPE.sub(lambda escape: f"\\{escape[0]}" if escape[1] else escape[0], text)
        try:
            found = json.loads(text, strict=False)
        except (ValueError, RecursionError):
            return None
    return found if isinstance(found, dict) else None
