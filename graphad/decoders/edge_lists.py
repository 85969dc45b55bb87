"""The edges that each record tells of, as a mapping unnests them: a list of structs a row."""

import re
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

_SURROGATE = re.compile("[\ud800-\udfff]")


def edge_lists(
    offsets: npt.NDArray[np.int32] | Sequence[int], columns: Mapping[str, pa.Array]
) -> pa.ListArray:
    """Return N lists of E structs; offsets [N + 1]: where each list begins; columns: E rows each.

    Text is kept plain in them: DuckDB 1.5 takes nulls of dictionaries within lists of structs for
    values, and may read outside memory.
    """
    plain = [
        column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
        for column in columns.values()
    ]
    structs = pa.StructArray.from_arrays(plain, list(columns))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), structs)


def texts(values: Sequence[str | None]) -> pa.StringArray:
    """Return texts; halves of surrogate pairs, which are no Unicode, are U+FFFD in them."""
    try:
        return pa.array(values, pa.string())
    except (UnicodeEncodeError, pa.ArrowTypeError, pa.ArrowInvalid):
        clean = [None if v is None else _SURROGATE.sub("\ufffd", v) for v in values]
        return pa.array(clean, pa.string())
