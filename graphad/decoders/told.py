"""What records say, told by a Python function for each format, made into rows of `raw`.

For formats whose records refer to each other, or whose relations no table of columns tells. A
reader turns a decoded record into a Told; `rows` makes columns of many, and MAPPING, IGNORE and
REJECT are what such a parser maps them with.
"""

import csv
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from graphad.decoders.told_claims import Claim
from graphad.decoders.told_columns import Columns
from graphad.parse import CLAIMS, Options

MAPPING = """
    SELECT record, coalesce(edge.ts, ts) AS ts, host, edge.ordinal AS ordinal,
           CASE WHEN lower(outcome) IN ('success', 'failure') THEN lower(outcome) END AS outcome,
           edge.action AS action,
           edge.src_type AS src_type, edge.src_key AS src_key, edge.src_label AS src_label,
           edge.src_detail AS src_detail, edge.dst_type AS dst_type, edge.dst_key AS dst_key,
           edge.dst_label AS dst_label, edge.dst_detail AS dst_detail
    FROM (SELECT record, ts, host, outcome, unnest(_edges) AS edge FROM raw)"""
IGNORE = "_rule"
REJECT = "coalesce(_reason, CASE WHEN ts IS NULL THEN 'no time' ELSE 'no relation' END)"

UNNAMED = "(unnamed)"  # label of what no record names; sorts before any name that one does
MAX_KNOWN = 1 << 20  # entities a reader remembers; then it forgets the half it learned first
MAX_STATE = 1 << 28  # characters of what is kept of them at the end of a source
LAST = 253_402_300_799_999_999  # us; the end of year 9999
_INT64 = 1 << 63


class Thing(NamedTuple):
    """An end of an edge; `label` is the key if it is None."""

    type: str
    key: str
    label: str | None = None
    detail: str | None = None


Edge = tuple[Thing, str, Thing]


@dataclass(slots=True)
class Told:
    """What one record says: `fields` go to the columns of their names, others to `attrs`.

    One with edges needs a time. One without is left out by the `rule`, or rejected for a `reason`.
    Of a record that tells of several times, `times` are those of its edges. `claims` say more of
    entities, of records that give no edge too.
    """

    ts: int | None = None  # us
    host: str | None = None
    edges: Sequence[Edge] = ()
    times: Sequence[int | None] = ()
    fields: dict[str, Any] = field(default_factory=dict)
    rule: str | None = None
    reason: str | None = None
    claims: Sequence[Claim] = ()


Reader = Callable[[Any], Told]  # of one record


class World(Protocol):
    """A reader that remembers records: the next ones refer to them."""

    def read(self, record: Any) -> Told:
        """Return what a record says."""
        ...

    def state(self) -> object:
        """Return all it remembers, as JSON's types."""
        ...

    def restore(self, state: Any) -> None:
        """Remember that. Raises: ValueError if it is no such state."""
        ...


def rows(places: pa.Table, told: Iterable[Told], options: Options) -> pa.Table:
    """Return rows of `raw`: `places` [N] and what each of N records says, in their order."""
    found = Columns.of(told)
    own, edges = found.own.arrays(), found.edges()
    unused = pc.equal(pc.list_value_length(edges), 0)
    columns: dict[str, pa.Array] = {
        "ts": own["ts"],
        "host": found.hosts(options.host or "unknown").dictionary_encode(),
        "_rule": pc.if_else(unused, own["rule"], None).dictionary_encode(),
        "_reason": own["reason"].dictionary_encode(),
        "_edges": edges,
    }
    claims = found.claims()
    if claims is not None:
        columns[CLAIMS] = claims
    for name, values in found.fields.arrays().items():
        columns[name] = values.dictionary_encode() if values.type == pa.string() else values
    table = places
    for name, values in columns.items():
        at = table.schema.get_field_index(name)
        table = table.append_column(name, values) if at < 0 else table.set_column(at, name, values)
    return table


def forget(*known: dict[Any, Any]) -> None:
    """Drop the older half of what is remembered where it is too much."""
    for some in known:
        if len(some) > MAX_KNOWN:
            for key in list(some)[: MAX_KNOWN // 2]:
                del some[key]


def trimmed(known: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Return what is remembered, without its older part where it would be too long to keep."""
    while True:
        size = sum(
            len(key) + sum(len(part) for part in value if type(part) is str) + 32
            for key, value in known.items()
        )
        if size <= MAX_STATE:
            return known
        known = {key: known[key] for key in list(known)[len(known) // 2 + 1 :]}


def number(value: object) -> int | None:
    """Return a 64-bit number that JSON or a text gives, None if it is none.

    >>> number("12"), number(12.0), number("0x1f"), number(True), number(1 << 70)
    (12, 12, 31, None, None)
    """
    found: int
    if type(value) is int:
        found = value
    elif isinstance(value, float) and value.is_integer():
        found = int(value)
    elif isinstance(value, str) and len(value) < 24:
        try:
            found = int(value, 16) if value[:2] in ("0x", "0X") else int(value)
        except ValueError:
            return None
    else:
        return None
    return found if -_INT64 <= found < _INT64 else None


def micros(value: object, per_second: int = 1_000_000) -> int | None:
    """Return a time in us from a count since 1970, or None beyond the years 1970 to 9999.

    >>> micros(1_500_000_000, 1), micros("1500000000123456789", 10**9), micros(-1)
    (1500000000000000, 1500000000123456, None)
    """
    if isinstance(value, float) and 0 <= value < 1e19:
        found = int(value * 1_000_000 / per_second)
    else:
        count = number(value)
        if count is None:
            return None
        found = count * 1_000_000 // per_second
    return found if 0 < found <= LAST else None


def stamp(value: object) -> int | None:
    """Return the time in us of an ISO 8601 text, UTC if it names no zone; None if it is none.

    >>> stamp("2024-05-03T10:00:00.123456789Z"), stamp("2024-05-03 12:00:00+02:00"), stamp("soon")
    (1714730400123456, 1714730400000000, None)
    """
    if not isinstance(value, str) or not 8 <= len(value) <= 40:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    try:
        since = moment.astimezone(UTC) - _EPOCH
    except OverflowError:
        return None
    found = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    return found if 0 < found <= LAST else None


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def text(value: object) -> str | None:
    """Return a text that says something, None for anything else but numbers.

    >>> text(" "), text(5), text("a"), text({}), text(True)
    (None, '5', 'a', None, None)
    """
    if type(value) is str:
        return value if value and not value.isspace() else None
    return str(value) if type(value) is int and -_INT64 <= value < _INT64 else None


def cells(line: str) -> list[str] | None:
    """Return the cells of one line of a table with commas, None if it is no such line.

    >>> cells('a,"b,c"'), cells('a,"b')
    (['a', 'b,c'], None)
    """
    try:
        return next(csv.reader([line], strict=True))
    except (csv.Error, StopIteration):
        return None


def dig(record: object, *path: str) -> Any:
    """Return what stands in nested objects under the keys of a path, None if nothing does.

    >>> dig({"a": {"b": 1}}, "a", "b"), dig({"a": []}, "a", "b")
    (1, None)
    """
    for key in path:
        if type(record) is not dict:
            return None
        record = record.get(key)
    return record


def socket(address: object, port: object = None, host: str | None = None) -> Thing | None:
    """Return the socket at an address, None without one; without a port it is an address.

    Loopback is each host's own.

    >>> socket("::1", 22, "web")
    Thing(type='socket', key='web|[::1]:22', label='[::1]:22', detail=None)
    >>> socket("10.0.0.1")
    Thing(type='address', key='10.0.0.1', label=None, detail=None)
    """
    name = text(address)
    if name is None:
        return None
    name = name.lower().removeprefix("::ffff:")
    at = number(port)
    local = name.startswith("127.") or name in ("::1", "localhost")
    if at is None or not 0 < at < 65536:
        return Thing(
            "address", f"{host}|{name}" if local and host else name, name if local else None
        )
    label = f"[{name}]:{at}" if ":" in name else f"{name}:{at}"
    return Thing("socket", f"{host}|{label}", label) if local and host else Thing("socket", label)


def local(end: Thing, host: str) -> Thing:
    """Return a socket as its host's own end of connections, where others have one alike.

    >>> local(Thing("socket", "0.0.0.0:22"), "web")
    Thing(type='socket', key='web|0.0.0.0:22', label='0.0.0.0:22', detail=None)
    """
    return end if "|" in end.key else Thing("socket", f"{host}|{end.key}", end.key)
