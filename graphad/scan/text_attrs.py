"""The fields of text lines as JSON objects, written in one pass.

A field is called by its key, or by its type if it has none. A name that is there already gets a
number: ip, ip#2, ip#3. Names of a header's parts are kept for them, and a line's own key of that
name begins at 2; so does every value of the message where the line itself was JSON.
"""

import numpy as np
import numpy.typing as npt

from graphad.jit import kernel
from graphad.scan.lean import lean
from graphad.scan.text_mask import END, KEY, KEY_END, START, TYPE, TYPES
from graphad.scan.words import Bytes, Ints

PARTS = (
    "level",
    "context",
    "more",
    "before",
    "pri",
    "msgid",
    "data",
    "process",
    "lines",
    "guessed",
)
_NAMES = [name.encode() for name in (*TYPES, *PARTS)]
NAMES = np.frombuffer(b"".join(_NAMES), np.uint8)
ENDS = np.cumsum([0, *map(len, _NAMES)]).astype(np.int64)
_FIRST_PART = len(TYPES)


@lean
def _text(data: Bytes, a: int, b: int, out: Bytes, size: int) -> int:
    """Write a JSON string's inside."""
    for i in range(a, b):
        c = np.int64(data[i])
        if c == 34 or c == 92:
            out[size] = 92
            out[size + 1] = c
            size += 2
        elif c < 32:
            out[size], out[size + 1], out[size + 2], out[size + 3] = 92, 117, 48, 48
            out[size + 4] = 48 + (c >> 4)
            low = c & 15
            out[size + 5] = low + (48 if low < 10 else 87)
            size += 6
        else:
            out[size] = c
            size += 1
    return size


@lean
def _known(data: Bytes, a: int, b: int) -> int:
    """Return which of NAMES a key is, -1 if it is none."""
    for i in range(len(ENDS) - 1):
        if ENDS[i + 1] - ENDS[i] != b - a:
            continue
        same = True
        for j in range(b - a):
            if NAMES[ENDS[i] + j] != data[a + j]:
                same = False
                break
        if same:
            return i
    return -1


@lean
def _seen_before(data: Bytes, values: npt.NDArray[np.int32], first: int, i: int) -> int:
    """Return how many values from `first` on, before i, have the key of value i."""
    count = 0
    a, size = values[i, KEY], values[i, KEY_END] - values[i, KEY]
    for j in range(first, i):
        if values[j, KEY_END] - values[j, KEY] != size:
            continue
        same = True
        for k in range(size):
            if data[values[j, KEY] + k] != data[a + k]:
                same = False
                break
        if same:
            count += 1
    return count


@lean
def _number(count: int, out: Bytes, size: int) -> int:
    """Write # and a number below 1000."""
    out[size] = 35
    size += 1
    if count >= 100:
        out[size] = 48 + count // 100
        size += 1
    if count >= 10:
        out[size] = 48 + count // 10 % 10
        size += 1
    out[size] = 48 + count % 10
    return size + 1


@lean
def _comma(out: Bytes, size: int, begin: int) -> int:
    if size > begin + 1:
        out[size] = 44
        size += 1
    out[size] = 34
    return size + 1


@kernel
def attrs(
    data: Bytes, parts: npt.NDArray[np.int32], raw: npt.NDArray[np.int32],
    values: npt.NDArray[np.int32], offsets: Ints, out: Bytes, ends: Ints,
) -> int:  # fmt: skip
    """Write the object of each of N rows to `out`; ends [N + 1]. A row without fields has none.

    parts [N, 2 P]: the texts of PARTS, 0 0 for none. raw [N, 2]: fields that are JSON already,
    without their braces. Returns the bytes written, or -1 if `out` may be too short.
    """
    size = 0
    count = np.zeros(len(ENDS), np.int64)
    for row in range(len(parts)):
        own = raw[row, 1] > raw[row, 0]
        need = 64 + raw[row, 1] - raw[row, 0]
        for p in range(parts.shape[1] // 2):
            need += 6 * (parts[row, 2 * p + 1] - parts[row, 2 * p]) + 16
        for i in range(offsets[row], offsets[row + 1]):
            need += 6 * (values[i, END] - values[i, START]) + values[i, KEY_END] - values[i, KEY]
            need += 24
        if size + need > len(out):
            return -1
        begin = size
        out[size] = 123
        size += 1
        if own:
            for i in range(raw[row, 0], raw[row, 1]):
                out[size] = data[i]
                size += 1
        count[:_FIRST_PART] = 1 if own else 0
        count[_FIRST_PART:] = 1
        for p in range(parts.shape[1] // 2):
            if parts[row, 2 * p + 1] == 0:
                continue
            size = _comma(out, size, begin)
            for i in range(ENDS[_FIRST_PART + p], ENDS[_FIRST_PART + p + 1]):
                out[size] = NAMES[i]
                size += 1
            out[size], out[size + 1], out[size + 2] = 34, 58, 34
            size = _text(data, parts[row, 2 * p], parts[row, 2 * p + 1], out, size + 3)
            out[size] = 34
            size += 1
        for i in range(offsets[row], offsets[row + 1]):
            name, before = np.int64(values[i, TYPE]), 0
            if values[i, KEY_END] > 0:
                name = _known(data, values[i, KEY], values[i, KEY_END])
            if name < 0:
                before = _seen_before(data, values, offsets[row], i) + (1 if own else 0)
            else:
                before = count[name]
                count[name] += 1
            size = _comma(out, size, begin)
            if values[i, KEY_END] > 0:
                size = _text(data, values[i, KEY], values[i, KEY_END], out, size)
            else:
                for j in range(ENDS[name], ENDS[name + 1]):
                    out[size] = NAMES[j]
                    size += 1
            if before:
                size = _number(before + 1, out, size)
            out[size], out[size + 1], out[size + 2] = 34, 58, 34
            size = _text(data, values[i, START], values[i, END], out, size + 3)
            out[size] = 34
            size += 1
        if size == begin + 1:
            size = begin
        else:
            out[size] = 125
            size += 1
        ends[row + 1] = size
    return size
