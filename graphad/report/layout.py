"""Where the entities of an attack graph stand: causes to the left, hosts and time downwards."""

from collections.abc import Sequence
from typing import NamedTuple


class Place(NamedTuple):
    """A place in a grid: `column` from the left, `lane` from the top, both from 0."""

    column: int
    lane: int


def place(
    ends: Sequence[tuple[int, int]], bands: Sequence[str], telling: Sequence[bool]
) -> list[Place]:
    """Return a place of its own for each entity.

    ends: (source, target) of the events, those first that matter most for where things stand, else
    in time order; bands: by entity, the host that it lives on, empty if it belongs to none: then it
    stands with the entity through which it was first seen; telling: of each event, whether its
    target is better seen in its source's lane than others.

    What an entity was first seen to act on stands one column to its right, what was first seen to
    act on it one column to its left; both in its own lane or a later one. The lanes of one band
    have none of another between them, and bands follow each other in the order of their first
    events. So a chain of events runs from left to right, and no two entities share a place.

    >>> for at in place([(0, 1), (1, 2), (1, 3)], ["h", "h", "h", ""], [True, False, True]):
    ...     print(at.column, at.lane)
    0 0
    1 0
    2 1
    2 0
    """
    column: dict[int, int] = {}
    band: dict[int, str] = {}
    onward: dict[int, list[int]] = {}  # children to the right, in order but for the first
    back: dict[int, list[int]] = {}  # and to the left
    roots: dict[str, list[int]] = {}
    straight: set[int] = set()  # whose first child is a telling one

    def root(entity: int, at: int) -> None:
        column[entity] = at
        band.setdefault(entity, bands[entity])
        roots.setdefault(band[entity], []).append(entity)

    alone = [((i, i), False) for i in range(len(bands))]
    for (src, dst), told in [*zip(ends, telling, strict=True), *alone]:
        if src not in column and dst not in column:
            band[src] = bands[src] or bands[dst]
            root(src, 0)
        for new, old, step, children in ((dst, src, 1, onward), (src, dst, -1, back)):
            if new in column:
                continue
            band[new] = bands[new] or band[old]
            if band[new] == band[old]:
                column[new] = column[old] + step
                mine = children.setdefault(old, [])
                first = told and step == 1 and old not in straight
                mine.insert(0 if first else len(mine), new)
                if first:
                    straight.add(old)
            else:
                root(new, column[old] + step)
    lanes: dict[int, int] = {}
    used = 0
    for trees in roots.values():
        leaves: list[tuple[int, int]] = []
        for tree in trees:
            used = _descend(tree, onward, back, lanes, leaves, used)
        taken = {Place(column[one], lane) for one, lane in lanes.items()}
        for leaf, parent in leaves:
            lane = lanes[parent]
            while Place(column[leaf], lane) in taken:
                lane += 1
            lanes[leaf] = lane
            taken.add(Place(column[leaf], lane))
            used = max(used, lane + 1)
        used += 1  # between the boxes of two hosts there is room for a name
    left = min(column.values(), default=0)
    return [Place(column[i] - left, lanes[i]) for i in range(len(bands))]


def _descend(
    tree: int, onward: dict[int, list[int]], back: dict[int, list[int]], lanes: dict[int, int],
    leaves: list[tuple[int, int]], used: int,
) -> int:  # fmt: skip
    """Give the entities of a tree their lanes, from `used` on; return the next one that is free.

    A whole chain of first children to the right shares a lane, for no two of it share a column.
    What nothing hangs on and stands to the left is only added to `leaves`, with who it acted on: it
    finds room beside what stands to the right.
    """
    stack = [tree]
    while stack:
        at: int | None = stack.pop()
        chain = []
        while at is not None:
            lanes[at] = used
            chain.append(at)
            at = next(iter(onward.get(at, ())), None)
        used += 1
        # The last of the chain comes first: what it did is nearest to it.
        for one in chain:
            left = back.get(one, ())
            alone = [child for child in left if child not in onward and child not in back]
            leaves += [(child, one) for child in alone]
            others = [child for child in left if child in onward or child in back]
            stack += reversed([*onward.get(one, ())[1:], *others])
    return used
