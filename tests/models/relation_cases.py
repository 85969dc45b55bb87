"""Made-up relations: groups of hosts that have their own events, and one planted relation."""

import numpy as np

from graphad.models.relations import Relations

STEP = 60_000_000
EVENTS = [f"service {name} did <*>" for name in "abcdefgh"]
HOSTS = [("host", f"host-{n}") for n in range(8)]
USERS = [("user", f"user{n}") for n in range(12)]


def grouped(windows: int, seed: int, *, planted: int = 0, start: int = 0) -> tuple[Relations, int]:
    """Return lines of which events 0-3 are of hosts 0-3 and users 0-5, the others of the rest.

    The first relation of a line in the middle is changed to a host of the other group where
    `planted`; its number is returned, -1 without.
    """
    random = np.random.default_rng(seed)
    ts: list[int] = []
    event: list[int] = []
    line: list[int] = []
    node: list[int] = []
    for w in range(windows):
        for second in sorted(random.integers(0, 60, 12).tolist()):
            group = int(random.integers(2))
            node += [int(random.integers(4)) + 4 * group]
            node += [len(HOSTS) + int(random.integers(6)) + 6 * group]
            line += [len(ts)] * 2
            ts.append((start + w) * STEP + second * 1_000_000)
            event.append(int(random.integers(4)) + 4 * group)
    at = -1
    if planted:
        at = len(line) // 2 // 2 * 2
        node[at] = (event[line[at]] // 4 * -4 + 4) + 1  # of the other group
    arrays = [np.array(a, np.int64) for a in (ts, event, line, node)]
    made = Relations(arrays[0], arrays[1], arrays[2], arrays[3], EVENTS, [*HOSTS, *USERS])
    return made, at
