"""Which key comes next: records of one kind have the same keys in the same order.

The keys that followed each other are kept as a tree, whose steps name bytes of the block. A key
that has been seen at this point costs one comparison; any other is looked up.
"""

import numpy as np

from graphad.scan.lean import inlined, lean
from graphad.scan.words import Bytes, Ints, same_bytes

STEPS = 1 << 14  # kept at most
_TRIES = 24  # of the keys that came next so far
# Where the key's opening quote stands; bytes from there to its value; its node, or -1; the node
# above it; first of the steps that come next; the one to try after this one. 0 is none.
_START, _LENGTH, _NODE, _ABOVE, _NEXT, _OTHER = range(6)


def new_trail() -> Ints:
    """Return an empty tree: [STEPS, 6], with how many steps there are at [0, 0]."""
    trail = np.zeros((STEPS, 6), np.int64)
    trail[0, _START] = 1
    return trail


@inlined
def next_step(trail: Ints, step: int, above: int, data: Bytes, at: int) -> int:
    """Return the step after `step` whose key and colon stand at `at`, below a node; 0 if none."""
    found = trail[step, _NEXT]
    tries = 0
    while found > 0:
        length = trail[found, _LENGTH]
        if (
            at + length <= len(data)
            and same_bytes(data, trail[found, _START], data, at, length)
            and trail[found, _ABOVE] == above
        ):
            trail[found, _START] = at  # the same bytes, and nearer
            return found
        tries += 1
        if tries >= _TRIES:
            return 0
        found = trail[found, _OTHER]
    return 0


@lean
def add_step(trail: Ints, step: int, above: int, node: int, start: int, length: int) -> int:
    """Add a step after `step` and return it; 0 if there is no room."""
    added = trail[0, _START]
    if added >= STEPS:
        return 0
    trail[0, _START] = added + 1
    trail[added, _START] = start
    trail[added, _LENGTH] = length
    trail[added, _NODE] = node
    trail[added, _ABOVE] = above
    trail[added, _OTHER] = trail[step, _NEXT]
    trail[step, _NEXT] = added
    return added


@inlined
def step_length(trail: Ints, step: int) -> int:
    """Return the bytes from a step's key to its value."""
    return trail[step, _LENGTH]


@inlined
def step_node(trail: Ints, step: int) -> int:
    """Return the node of a step's key, -1 if it has none."""
    return trail[step, _NODE]
