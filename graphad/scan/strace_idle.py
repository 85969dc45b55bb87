"""Which calls can be passed over because strace's names for descriptors say all that they do."""

import numpy as np
import numpy.typing as npt

from graphad.jit import kernel
from graphad.scan.strace import ARGS, FD_NAME, RESULT_NAME, Bytes, Ints, Spans

OPENS, MAPS, KEEPS = 1, 2, 3


@kernel
def idle_calls(
    data: Bytes, spans: Spans, family: npt.NDArray[np.int8], group: Ints, groups: int
) -> npt.NDArray[np.bool_]:
    """Return which of N calls neither move information nor change what must be remembered.

    Shape: spans [N, SPANS]; family [N]: OPENS for open and openat, MAPS for mmap, KEEPS for calls
    that only matter for descriptors without a name, else 0; group [N] in [0, groups), the process.
    An open is not idle if it may create or empty its file, or if the working directory that strace
    shows for it is not the one it showed last for that process.
    """
    idle = np.zeros(len(family), np.bool_)
    start, end = np.zeros(groups, np.int64), np.zeros(groups, np.int64)
    for i in range(len(family)):
        what = family[i]
        if what == 0:
            continue
        a, b = spans[i, ARGS], spans[i, ARGS + 1]
        named = spans[i, RESULT_NAME + 1] > 0
        if what == KEEPS:
            idle[i] = named or spans[i, FD_NAME + 1] > 0
        elif what == MAPS:
            idle[i] = _holds(data, a, b, b"MAP_ANONYMOUS")
        elif named:
            of = group[i]
            c, d = np.int64(spans[i, FD_NAME]), np.int64(spans[i, FD_NAME + 1])
            same = d - c == end[of] - start[of]
            if same:
                for at in range(d - c):
                    if data[c + at] != data[start[of] + at]:
                        same = False
                        break
            if d > 0:
                start[of], end[of] = c, d
            idle[i] = (same or d == 0) and not (
                _holds(data, a, b, b"O_CREAT") or _holds(data, a, b, b"O_TRUNC")
            )
    return idle


@kernel
def _holds(data: Bytes, a: int, b: int, text: bytes) -> bool:
    for at in range(a, b - len(text) + 1):
        if data[at] == text[0]:
            same = True
            for i in range(1, len(text)):
                if data[at + i] != text[i]:
                    same = False
                    break
            if same:
                return True
    return False
