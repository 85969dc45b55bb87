"""Where JSON records that may span lines end, found in one pass over any number of blocks."""

import numpy as np
import numpy.typing as npt

from graphad.scan.lean import lean
from graphad.scan.words import Bytes

DEPTH, QUOTED, ESCAPED, CUT = 0, 1, 2, 3  # places in the state


@lean
def scan_frames(data: Bytes, start: int, state: npt.NDArray[np.int64]) -> None:
    """Read on from `start`, in the state [4] that the bytes before left, and update it.

    The last place where a record or a line between records ended becomes state[CUT].
    """
    depth, quoted, escaped = state[DEPTH], state[QUOTED], state[ESCAPED]
    for at in range(start, len(data)):
        byte = data[at]
        if depth == 0:
            if byte == 123:
                depth = 1
            elif byte == 10:
                state[CUT] = at + 1
        elif quoted:
            if escaped:
                escaped = 0
            elif byte == 92:
                escaped = 1
            elif byte == 34:
                quoted = 0
        elif byte == 34:
            quoted = 1
        elif byte == 123 or byte == 91:
            depth += 1
        elif byte == 125 or byte == 93:
            depth -= 1
            if depth == 0:
                state[CUT] = at + 1
    state[DEPTH], state[QUOTED], state[ESCAPED] = depth, quoted, escaped
