"""Decodes logs of cloud services: one JSON object a record, told in Python what it means.

A format says which fields fill which columns (see json_decoder.py) and has one function that reads
a whole record and returns what it tells: edges, columns that no single field fills, or the rule by
which it is left out.
"""

import itertools
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from graphad import schema
from graphad.decoders.edge_lists import edge_lists
from graphad.decoders.json_decoder import Fields
from graphad.decoders.json_envelope import EnvelopeDecoder, records_of
from graphad.decoders.told_claims import Claim, claim_lists
from graphad.parse import CLAIMS, Decoded, Options, arrow_type

MOST_EDGES = 64  # of a record; one that names more things than that says so in `more_edges`
# Whole escapes match first, and pairs of surrogates; group 1 is what JSON forbids.
_ESCAPE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    r"|(\\u[dD][89a-fA-F][0-9a-fA-F]{2}|\\x)|\\.",
    re.DOTALL,
)
_KINDS = {column.name: column.kind for column in schema.RECORDS}
_US = pa.timestamp("us")


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

    `ts` is in microseconds, `host` where it happened. `columns` fill what no field has filled.
    A record without edges is ignored by `rule`, or rejected with `reason` if that is None.
    `claims` say more of entities, of records that give no edge too.
    """

    ts: int | None = None
    host: str | None = None
    columns: dict[str, str | int | None] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    rule: str | None = None
    reason: str = "no rule says what this record means"


Tell = Callable[[dict[str, Any], Options], Told]

_EDGE = (
    *(f"src_{part}" for part in Thing._fields), "action",
    *(f"dst_{part}" for part in Thing._fields), "outcome",
)  # fmt: skip


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
        told = [self._told(record) for record in records_of(data, decoded.raw)]
        decoded.raw = with_told(decoded.raw, told, self.options.host or "unknown")
        return decoded

    def _told(self, record: bytes) -> Told:
        event = read(record)
        if event is None:
            return Told(reason="the record cannot be read")
        return self.tell(event, self.options)


def with_told(raw: pa.Table, told: Sequence[Told], host: str) -> pa.Table:
    """Return rows with what their records tell; `host` is that of those which name none."""
    times = pa.array([one.ts for one in told], pa.int64()).cast(_US)
    raw = _filled(raw, "ts", times)
    raw = _filled(raw, "host", pa.array([one.host or host for one in told], pa.string()))
    for name in dict.fromkeys(name for one in told for name in one.columns):
        kind = arrow_type(_KINDS.get(name, "text"))
        raw = _filled(raw, name, pa.array([one.columns.get(name) for one in told], kind))
    more = [str(len(one.edges)) if len(one.edges) > MOST_EDGES else None for one in told]
    if any(more):
        raw = raw.append_column("more_edges", pa.array(more, pa.string()))
    raw = raw.append_column("_edges", _edge_lists([one.edges[:MOST_EDGES] for one in told]))
    claims = claim_lists([one.claims for one in told])
    if claims is not None:
        raw = raw.append_column(CLAIMS, claims)
    raw = raw.append_column("_rule", pa.array([one.rule for one in told], pa.string()))
    return raw.append_column("_reason", pa.array([one.reason for one in told], pa.string()))


def _edge_lists(told: Sequence[Sequence[Edge]]) -> pa.Array:
    """Return each record's edges as a list of structs."""
    ends = list(itertools.accumulate(map(len, told), initial=0))
    edges = [(*e.src, e.action, *e.dst, e.outcome) for some in told for e in some]
    columns = list(zip(*edges, strict=True)) or [()] * len(_EDGE)
    arrays = (pa.array(column, pa.string()) for column in columns)
    return edge_lists(ends, dict(zip(_EDGE, arrays, strict=True)))


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
