"""From fields by name to a table `raw`, under names that neither disturb a store nor a mapping."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from graphad import schema
from graphad.parse import PLACE, REJECTS

# Fields called so get a `_`: in a mapping, and in a store, where another type or meaning has them.
PLACES = frozenset(PLACE.names)
TAKEN = PLACES | {c.name for c in schema.RECORDS if c.kind != "text"} | {"attrs", "shape"}


def named(fields: Iterable[str], taken: frozenset[str] = PLACES) -> list[str]:
    r"""Return fields' names, none empty, taken or twice; DuckDB takes `A` and `a` for the same.

    It takes no NUL in a name, which becomes its escape.

    >>> named(["user", "", "line", "User", "a\0"])
    ['user', 'column_2', 'line_', 'User_2', 'a\\x00']
    """
    names: dict[str, str] = {}
    for number, field in enumerate(fields, 1):
        base = name = field.replace("\0", "\\x00") or f"column_{number}"
        while name.lower() in taken:
            base = name = f"{name}_"
        count = 1
        while name.lower() in names:
            count += 1
            name = f"{base}_{count}"
        names[name.lower()] = name
    return list(names.values())


def raw(
    place: Mapping[str, Any], fields: Mapping[str, pa.Array], needed: Sequence[str]
) -> pa.Table:
    """Return rows of `raw`: places, the fields as they are kept, and as a mapping sees them."""
    columns = {name: pa.array(place[name], pa.int64()) for name in PLACE.names}
    rows = len(columns["record"])
    kept = named((f"{n.lstrip('_')}_" if n.startswith("_") else n for n in fields), TAKEN)
    columns |= zip(kept, fields.values(), strict=True)
    seen = dict(zip(named(fields), fields.values(), strict=True))
    by_name = {name.lower(): column for name, column in seen.items()}
    for i, name in enumerate(needed):
        columns[f"_map{i}"] = by_name.get(name.lower(), pa.nulls(rows, pa.string()))
    missing = ", ".join(name for name in needed if name.lower() not in by_name)
    columns["_missing"] = pa.array([missing or None], pa.string()).take(
        pa.array(np.zeros(rows, int))
    )
    return pa.table(columns)


def rejects(rows: Iterable[tuple[int, int, int, int, str]]) -> pa.Table:
    """Return rejected records: PLACE's columns and why."""
    columns = list(zip(*rows, strict=True)) or [()] * len(REJECTS)
    return pa.Table.from_arrays(
        [pa.array(column, field.type) for column, field in zip(columns, REJECTS, strict=True)],
        schema=REJECTS,
    )


def as_text(column: pa.Array) -> pa.Array:
    r"""Return a column of any type as text: nested ones as JSON, bytes that are no UTF-8 as \xNN.

    >>> as_text(pa.array([[1, None], None])).to_pylist()
    ['[1, null]', None]
    """
    kind = column.type
    if pa.types.is_dictionary(kind):
        return as_text(column.cast(kind.value_type))
    if pa.types.is_timestamp(kind) and kind.tz:
        column = column.cast(pa.timestamp(kind.unit, "UTC"))
    if not pa.types.is_nested(kind):
        try:
            column = column.cast(pa.string())
            column.validate(full=True)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            pass
        else:
            return column
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        column = column.cast(pa.binary())  # its bytes are no UTF-8
    return pa.array([_text(value) for value in column.to_pylist()], pa.string())


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=_text)
    return str(value)
