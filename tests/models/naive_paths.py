"""Every time-respecting simple path, one after another: the slow oracles of path_search."""

from collections.abc import Iterator, Sequence
from typing import Any

Path = tuple[int, ...]


def all_paths(
    src: Sequence[int],
    dst: Sequence[int],
    ts: Sequence[int],
    length: int,
    *,
    strict: bool = False,
    span: int | None = None,
    mask: Sequence[bool] | None = None,
    start: Sequence[bool] | None = None,
    end: Sequence[bool] | None = None,
    through: Sequence[bool] | None = None,
) -> Iterator[Path]:
    """Yield each path of `length` edges as edge numbers, in lexicographic order."""

    def wanted(path: Path) -> bool:
        return (
            (start is None or start[path[0]])
            and (end is None or end[path[-1]])
            and (through is None or any(through[e] for e in path))
        )

    def extend(path: Path) -> Iterator[Path]:
        if len(path) == length:
            if wanted(path):
                yield path
            return
        for e in range(len(src)):
            if mask is not None and not mask[e]:
                continue
            if src[e] == dst[e]:
                continue
            if path:
                last = path[-1]
                visited = {src[path[0]]} | {dst[x] for x in path}
                if src[e] != dst[last] or dst[e] in visited or ts[e] < ts[last]:
                    continue
                if strict and ts[e] == ts[last]:
                    continue
                if span is not None and ts[e] - ts[path[0]] > span:
                    continue
            yield from extend((*path, e))

    yield from extend(())


def best_paths(
    src: Sequence[int],
    dst: Sequence[int],
    ts: Sequence[int],
    cost: Sequence[float],
    label: Sequence[int],
    *,
    max_length: int,
    k: int,
    **options: Any,
) -> list[tuple[int, float, Path]]:
    """Return (length, score, edges) of the k best label sequences of each length.

    Costs must be multiples of 2**-40, so that sums are exact.
    """
    rows: list[tuple[int, float, Path]] = []
    for length in range(1, max_length + 1):
        best: dict[Path, tuple[float, Path]] = {}
        for path in all_paths(src, dst, ts, length, **options):
            names = tuple(label[e] for e in path)
            candidate = (-sum(cost[e] for e in path), path)
            best[names] = min(best.get(names, candidate), candidate)
        ranked = sorted((score, names, path) for names, (score, path) in best.items())
        rows.extend((length, -score, path) for score, _, path in ranked[:k])
    return rows
