"""Spans of a scanned block as Arrow columns."""

import secrets
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from graphad.jit import kernel
from graphad.scan.strace_tokens import copy_spans, intern_spans

Ints: TypeAlias = npt.NDArray[np.int64]

# So that who writes a log can't choose texts that fall into one slot.
SEED = np.uint64(secrets.randbits(64))


class Texts:
    """The texts of a block: `spans` [N, columns] has their starts and ends, both 0 for none."""

    def __init__(self, data: bytes, spans: npt.NDArray[np.int32]) -> None:
        self.data = np.frombuffer(data, np.uint8)
        self.spans = spans

    def plain(self, column: int, rows: Ints) -> pa.StringArray:
        """Return the texts of `rows`, null where there is none."""
        start, end = self._span(column, rows)
        return pa.StringArray.from_buffers(
            len(rows), *_buffers(self.data, start, end), _bitmap(end > 0)
        )

    def dictionary(self, column: int, rows: Ints) -> pa.DictionaryArray:
        """Return the same with each distinct text once."""
        start, end = self._span(column, rows)
        ids, first = self._intern(start, end)
        texts = pa.StringArray.from_buffers(
            len(first), *_buffers(self.data, start[first], end[first])
        )
        indices = pa.array(ids, pa.int32(), mask=end == 0)
        return pa.DictionaryArray.from_arrays(indices, texts)

    def distinct(self, column: int) -> tuple[list[bytes], Ints]:
        """Return the distinct texts of all rows, and which one each row has; b"" for none."""
        start, end = self._span(column, np.arange(len(self.spans)))
        ids, first = self._intern(start, end)
        data = self.data.tobytes() if len(first) > 1000 else self.data
        return [bytes(data[start[row] : end[row]]) for row in first.tolist()], ids

    def _span(self, column: int, rows: Ints) -> tuple[Ints, Ints]:
        spans = self.spans[rows, column : column + 2].astype(np.int64)
        return np.ascontiguousarray(spans[:, 0]), np.ascontiguousarray(spans[:, 1])

    def _intern(self, start: Ints, end: Ints) -> tuple[Ints, Ints]:
        n = len(start)
        table = np.full(1 << (2 * n + 1).bit_length(), -1, np.int64)
        ids, first = np.empty(n, np.int64), np.empty(n, np.int64)
        found = intern_spans(self.data, start, end, SEED, table, ids, first)
        return ids, first[:found]


def _buffers(data: npt.NDArray[np.uint8], start: Ints, end: Ints) -> tuple[pa.Buffer, pa.Buffer]:
    offsets = np.zeros(len(start) + 1, np.int64)
    np.cumsum(end - start, out=offsets[1:])
    out = np.empty(int(offsets[-1]), np.uint8)
    copy_spans(data, start, end, offsets, out)
    return pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(out)


def _bitmap(valid: npt.NDArray[np.bool_]) -> pa.Buffer | None:
    if valid.all():
        return None
    return pa.py_buffer(np.packbits(valid, bitorder="little"))


@kernel
def fill_actors(group: Ints, groups: int, row: Ints, of: Ints) -> Ints:
    """Return for each row the last change of its group at or before it, -1 before the first.

    Shape: group [N] in [0, groups); row [C] ascending and of [C], the group of each change.
    """
    current = np.full(groups, -1, np.int64)
    out = np.empty(len(group), np.int64)
    change = 0
    for i in range(len(group)):
        while change < len(row) and row[change] <= i:
            current[of[change]] = change
            change += 1
        out[i] = current[group[i]]
    return out
