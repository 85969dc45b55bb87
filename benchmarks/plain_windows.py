"""The plain parser of flat Sysmon events: one msgspec decode a line, lists, then Arrow columns.

It is what the compiled decoder is measured against: a good Python parser, not a slow one (a loop
over json.loads takes twice its time for the JSON alone). It gives the columns that Sysmon's fields
fill, and less beside: no `attrs`, `shape` or `message`, so fields it does not name are lost, and a
damaged line ends it.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from graphad import schema
from graphad.decoders.windows_fields import FIELDS
from graphad.parse import arrow_type

KINDS = {column.name: column.kind for column in schema.RECORDS}
BATCH = 2_000  # more fall out of the cache
# Fields of flat Sysmon records that go to columns, those of a record's own envelope included.
NAMES = [
    "EventID",
    "Channel",
    "SourceName",
    "Hostname",
    "RecordNumber",
    "EventTime",
    "@timestamp",
    "EventReceivedTime",
    "TimeCreated",
    "ExecutionProcessID",
    "ThreadID",
    "UtcTime",
    "SourceProcessGUID",
    "ProcessGuid",
    "SourceProcessId",
    "ProcessId",
    "SourceThreadId",
    "SourceImage",
    "Image",
    "CommandLine",
    "CurrentDirectory",
    "User",
    "LogonId",
    "LogonGuid",
    "Hashes",
    "ParentProcessGuid",
    "ParentProcessId",
    "ParentImage",
    "ParentCommandLine",
    "TargetProcessGUID",
    "TargetProcessId",
    "TargetImage",
    "CallTrace",
    "GrantedAccess",
    "TargetFilename",
    "ImageLoaded",
    "TargetObject",
    "Details",
    "PipeName",
    "Protocol",
    "SourceIp",
    "SourcePort",
    "DestinationIp",
    "DestinationPort",
    "Initiated",
    "QueryName",
    "QueryResults",
    "EventType",
    "FileVersion",
    "Description",
    "Product",
    "Company",
    "OriginalFileName",
    "Signature",
    "CreationUtcTime",
]
COLUMN = {path: column for path, column in FIELDS if path in NAMES}
Record = msgspec.defstruct(
    "Record",
    [(name.lstrip("@"), str | int | None, None) for name in NAMES],
    rename={"timestamp": "@timestamp"},
)


def number(text: str | int | None) -> int | None:
    """Return a whole number that was written as one."""
    if text is None or isinstance(text, int):
        return text
    return int(text) if text.isdecimal() else None


def column(kind: str, values: Sequence[Any]) -> pa.Array:
    """Return a column of the values of a field."""
    if kind == "int":
        return pa.array([number(value) for value in values], pa.int64())
    if kind == "time":
        return pc.utf8_rtrim(pa.array(values, pa.string()), "Z").cast(arrow_type(kind))
    if any(isinstance(value, int) for value in values[:1]):
        values = [str(value) for value in values]
    return pa.array(values, pa.string())


def table(records: Sequence[Any], places: Sequence[tuple[int, int, int]]) -> pa.Table:
    """Return the columns of some records; place: record, first byte, bytes."""
    arrays = {
        name: pa.array(values)
        for name, values in zip(
            ("record", "offset", "length"), zip(*places, strict=True), strict=True
        )
    }
    values = zip(*map(msgspec.structs.astuple, records), strict=True)
    for name, field in zip(NAMES, values, strict=True):
        made = column(KINDS[COLUMN[name]], field)
        held = arrays.get(COLUMN[name])
        arrays[COLUMN[name]] = made if held is None else pc.coalesce(held, made)
    return pa.table(arrays)


def tables(path: Path) -> Iterable[pa.Table]:
    """Return the columns of a file of one record a line, in batches."""
    decode = msgspec.json.Decoder(Record).decode
    records: list[Any] = []
    places: list[tuple[int, int, int]] = []
    offset = 0
    with path.open("rb") as file:
        for place, line in enumerate(file):
            records.append(decode(line))
            places.append((place, offset, len(line)))
            offset += len(line)
            if len(records) == BATCH:
                yield table(records, places)
                records, places = [], []
    if records:
        yield table(records, places)


def parse(path: Path) -> int:
    """Decode a file and return how many records it has."""
    return sum(part.num_rows for part in tables(path))
