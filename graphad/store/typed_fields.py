"""The fields of records as their type and value, whatever columns and attributes hold them."""

import re

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from graphad.models.codes import changes

Ints = npt.NDArray[np.int64]

FIELD = pa.struct([("name", pa.string()), ("type", pa.string()), ("value", pa.string())])
_NO_FIELDS = ("guessed", "lines")  # say how a record was read
# Names under which logs tell an account.
_USERS = frozenset(
    ("user", "username", "user_name", "user.name", "ruser", "logname", "acct", "account", "login",
     "target_user")
)  # fmt: skip
# Types that a value's form tells whatever its name is; a number is told by its name alone.
_SHAPED = frozenset(
    ("url", "email", "account", "uuid", "ipv6", "ip", "mac", "path", "domain", "block")
)
# SQL of all that a record's attributes say.
ATTRIBUTES = "try_cast(r.attrs::JSON AS MAP(VARCHAR, VARCHAR))"
FIELD_COLUMNS = ("user", "target_user")  # of records, that are fields too


def typed_fields(found: pa.Table) -> pa.ListArray:
    """Return each line's fields in the order of the line, those its columns tell at the end."""
    n = found.num_rows
    maps = found["attrs"].combine_chunks()
    if isinstance(maps, pa.ChunkedArray):
        maps = pa.concat_arrays(maps.chunks)
    sizes = np.diff(maps.offsets.to_numpy())
    sizes = np.where(maps.is_valid().to_numpy(False), sizes, 0)
    offsets = maps.offsets.to_numpy()
    # What lies under a null is no field.
    inside = (
        pa.array(
            np.concatenate(
                [np.arange(a, a + size) for a, size in zip(offsets[:-1], sizes, strict=True)]
                or [np.empty(0)]
            ).astype(np.int64)
        )
        if len(maps.keys) != sizes.sum()
        else None
    )
    names, values = [maps.keys], [maps.items]
    if inside is not None:
        names, values = [maps.keys.take(inside)], [maps.items.take(inside)]
    rows = [np.repeat(np.arange(n), sizes)]
    for column in FIELD_COLUMNS:
        text = found[column].cast(pa.string())
        there = np.flatnonzero(text.is_valid().to_numpy())
        rows.append(there)
        values.append(_flat(text.take(pa.array(there))))
        names.append(pa.array([column] * len(there), pa.string()))
    row = np.concatenate(rows)
    name = pa.concat_arrays([one.cast(pa.string()) for one in names])
    value = pa.concat_arrays([one.cast(pa.string()) for one in values])
    kind, name = _types(name, value)
    keep = ~pc.is_in(name, pa.array(_NO_FIELDS)).to_numpy(False)
    keep &= value.is_valid().to_numpy(False)
    keep &= _first_in_row(row, kind, value, keep)
    at = np.flatnonzero(keep)
    at = at[np.argsort(row[at], kind="stable")]
    take = pa.array(at)
    inside = pa.StructArray.from_arrays(
        [name.take(take), kind.take(take), value.take(take)], fields=list(FIELD)
    )
    offsets = np.append(0, np.cumsum(np.bincount(row[at], minlength=n)))
    return pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), inside)


def _flat(column: pa.ChunkedArray) -> pa.Array:
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], pa.string())


def _codes(column: pa.Array) -> tuple[Ints, int]:
    coded = column.dictionary_encode()
    return coded.indices.fill_null(0).to_numpy(False).astype(np.int64), len(coded.dictionary) + 1


def _first_in_row(
    row: Ints, kind: pa.Array, value: pa.Array, keep: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """Say which fields are the first in their line with their type and value."""
    kinds, _ = _codes(kind)
    values, count = _codes(value)
    both = kinds * count + values
    order = np.lexsort((np.arange(len(row)), ~keep, both, row))
    first = np.zeros(len(row), bool)
    first[order] = changes(row[order], both[order])
    return first


def _types(name: pa.Array, value: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Return the types of fields and their names without numbers."""
    from graphad.scan import text_distinct

    names = name.dictionary_encode()
    plain = [re.sub(r"#\d+$", "", text) for text in names.dictionary.to_pylist()]
    by_name = ["user" if text.lower() in _USERS else text.lower() for text in plain]
    values = value.dictionary_encode()
    texts = [text.encode() for text in values.dictionary.to_pylist()]
    ends = np.cumsum([0, *map(len, texts)]).astype(np.int64)
    data = np.frombuffer(b"".join(texts), np.uint8)
    shaped = np.full(len(texts) + 1, -1, np.int64)
    if texts:
        masked = text_distinct.mask(data, ends[:-1], ends[1:], values=False)
        codes = {f"<{kind}>".encode(): i for i, kind in enumerate(sorted(_SHAPED))}
        of = np.array([codes.get(text, -1) for text in masked.texts()], np.int64)
        shaped[:-1] = of[masked.which]
    words = sorted({*by_name, *_SHAPED})
    place = {word: i for i, word in enumerate(words)}
    named = np.array([place[word] for word in by_name] or [0], np.int64)
    of_name = names.indices.to_numpy(False).astype(np.int64)
    of_value = values.indices.fill_null(len(texts)).to_numpy(False).astype(np.int64)
    of_shape = np.array([place[kind] for kind in sorted(_SHAPED)], np.int64)
    form = shaped[of_value]
    user = place.get("user", -1)
    chosen = np.where((form >= 0) & (named[of_name] != user), of_shape[form], named[of_name])
    kind = pa.array(words, pa.string()).take(pa.array(chosen))
    return kind, pa.array(plain, pa.string()).take(names.indices)
