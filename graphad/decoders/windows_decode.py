"""Decodes Windows events: their fields to columns, and when and where each one happened."""

import pyarrow as pa
import pyarrow.compute as pc

from graphad.decoders.json_decoder import JsonDecoder
from graphad.decoders.windows_fields import FIELDS
from graphad.parse import Options

_US = pa.timestamp("us")
_QUARTER = 900_000_000  # zones are whole quarters of an hour apart from UTC
_SLACK = 300_000_000  # a collector's two stamps of one record differ by less


def windows_decoder(options: Options) -> JsonDecoder:
    """Return a decoder of Windows events."""
    return JsonDecoder(FIELDS, options, finish)


def finish(raw: pa.Table, options: Options) -> pa.Table:
    """Fill ts and host where the record has no field that is just that.

    When: Sysmon's UtcTime; else the log's time in UTC; else its local time, which differs from UTC
    by what the collector's two stamps differ, or by the time zone the user named; else when it was
    received, which is the event's own time in winlogbeat's records.
    """
    ts = _column(raw, "ts", _US)
    if ts.null_count:
        ts = pc.coalesce(ts, _column(raw, "event_time", _US))
    if ts.null_count and "local_time" in raw.column_names:
        ts = pc.coalesce(ts, _local(raw, options))
    if ts.null_count:
        ts = pc.coalesce(ts, _column(raw, "received_time", _US))
    raw = _set(raw, "ts", ts)
    unknown = options.host or "unknown"
    if "host" not in raw.column_names:
        indices = pa.array([0], pa.int32()).take(pa.array([0] * len(raw), pa.int32()))
        return _set(raw, "host", pa.DictionaryArray.from_arrays(indices, [unknown]))
    host = raw["host"].combine_chunks()
    if host.null_count:
        texts = pa.concat_arrays([host.dictionary, pa.array([unknown], host.dictionary.type)])
        indices = host.indices.fill_null(len(texts) - 1)
        raw = _set(raw, "host", pa.DictionaryArray.from_arrays(indices, texts))
    return raw


def _column(raw: pa.Table, name: str, kind: pa.DataType) -> pa.ChunkedArray:
    return raw[name] if name in raw.column_names else pa.chunked_array([pa.nulls(len(raw), kind)])


def _set(raw: pa.Table, name: str, values: pa.Array | pa.ChunkedArray) -> pa.Table:
    at = raw.schema.get_field_index(name)
    return raw.append_column(name, values) if at < 0 else raw.set_column(at, name, values)


def _local(raw: pa.Table, options: Options) -> pa.ChunkedArray:
    """Return local_time in UTC."""
    local = raw["local_time"].cast(pa.int64())
    apart = pc.subtract(
        _column(raw, "received_time", _US).cast(pa.int64()),
        _column(raw, "received_local", _US).cast(pa.int64()),
    )
    # Rounded to the nearest quarter: integer division rounds to zero, so start from above.
    day = 2 * 96 * _QUARTER
    shifted = pc.add(apart, day + _QUARTER // 2)
    offset = pc.subtract(pc.multiply(pc.divide(shifted, _QUARTER), _QUARTER), day)
    near = pc.less(pc.abs(pc.subtract(apart, offset)), _SLACK)
    inferred = pc.if_else(near, pc.add(local, offset), pa.scalar(None, pa.int64()))
    if options.timezone != "UTC":
        zoned = pc.assume_timezone(
            raw["local_time"], options.timezone, ambiguous="earliest", nonexistent="earliest"
        )
        local = zoned.cast(pa.int64())
    return pc.coalesce(inferred, local).cast(_US)
