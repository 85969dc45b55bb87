"""The protocol of the APE paper for events without truth: change c values of a normal event.

Trials hold codes [N, m]: of each type, code 0 stands for every value unseen or rare in training and
known values are 1 to arity - 1. Source: Chen et al., IJCAI 2016; its steps as the MEAD code base
has them (Datta et al., IAAI 2020).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from benchmarks.event_data import Table
from graphad.graph import Ints, coded

Bools = npt.NDArray[np.bool_]

LEAST = 5  # times a value must be seen in training to be known
MOST = 4000  # normal events tested of one set
FEW = 20  # fewer of either kind make no cell
_ROUNDS = 100  # tries for an abnormal event that nobody saw; then the space is nearly full


@dataclass(frozen=True)
class Cell:
    """Events to rank, codes [N, m], and which of them [N] are abnormal.

    `judged` cells count for the targets; the others are shown beside them.
    """

    name: str
    codes: Ints
    abnormal: Bools
    judged: bool = True

    @property
    def told(self) -> str:
        """Return how many of each kind there are."""
        bad = int(self.abnormal.sum())
        return f"{len(self.abnormal) - bad} normal, {bad} abnormal"


@dataclass(frozen=True)
class Trial:
    """Events to learn from, codes [N, m], arity [m] of the types, and what is then ranked."""

    name: str
    train: Ints
    arity: Ints
    cells: list[Cell] = field(default_factory=list)


def plain_codes(table: Table) -> Ints:
    """Return codes [N, m] of a table's values, in their own order within each type."""
    return np.stack([coded(column)[0] for column in table.columns.values()], axis=1)


def split(table: Table, rows: Ints, seed: int) -> tuple[Ints, Ints]:
    """Return the earlier two thirds of some rows and the rest; drawn by seed if none is earlier."""
    if not table.timed:
        rows = np.random.default_rng([seed, 1]).permutation(rows)
    cut = 2 * len(rows) // 3
    return rows[:cut], rows[cut:]


def known(train: Ints, *others: Ints, least: int = LEAST) -> tuple[list[Ints], Ints]:
    """Return (train, *others) in codes of the values seen `least` times in training, and arity [m].

    All else is 0. Shape: each [N, m], plain codes from 0.

    >>> [train, test], arity = known(np.array([[4], [4], [2]]), np.array([[2], [4], [9]]), least=2)
    >>> train.ravel(), test.ravel(), arity
    (array([1, 1, 0]), array([0, 1, 0]), array([2]))
    """
    parts = [train, *others]
    coded_parts = [np.empty(part.shape, np.int64) for part in parts]
    arity = np.empty(train.shape[1], np.int64)
    for i in range(train.shape[1]):
        size = 1 + max((int(part[:, i].max()) for part in parts if len(part)), default=0)
        frequent = np.bincount(train[:, i], minlength=size) >= least
        new = np.where(frequent, np.cumsum(frequent), 0)
        arity[i] = 1 + frequent.sum()
        for part, out in zip(parts, coded_parts, strict=True):
            out[:, i] = new[part[:, i]]
    return coded_parts, arity


def frequent_rows(codes: Ints, least: int = LEAST) -> Bools:
    """Return which rows [N] are left if values seen fewer than `least` times are dropped.

    A dropped row takes its other values with it, so this is done until nothing changes.
    """
    left = np.ones(len(codes), np.bool_)
    while True:
        before = int(left.sum())
        for i in range(codes.shape[1]):
            counts = np.bincount(codes[left, i], minlength=int(codes[:, i].max(initial=0)) + 1)
            left &= counts[codes[:, i]] >= least
        if int(left.sum()) == before:
            return left


def keys(codes: Ints) -> list[bytes]:
    """Return one key a row; equal rows have equal keys."""
    return [row.tobytes() for row in np.ascontiguousarray(codes)]


def perturbed(normal: Ints, taken: set[bytes], arity: Ints, c: int, seed: int) -> Ints:
    """Return up to one abnormal event a normal one: c distinct types replaced, uniformly.

    Types are chosen at random and each gets any known value; again until the event is in none of
    `taken`, up to 100 times; of equal ones one is kept. Shape: normal [N, m]; returns [M, m].

    Raises: ValueError: there are fewer than c types.
    """
    size, types = normal.shape
    if not 1 <= c <= types:
        raise ValueError(f"{c} of {types} types cannot be replaced")
    draw = np.random.default_rng([seed, 2, c])
    made, pending = normal.copy(), np.arange(size)
    for _ in range(_ROUNDS):
        if not len(pending):
            break
        event = normal[pending]
        which = draw.random(event.shape).argsort(axis=1)[:, :c]
        values = draw.integers(1, arity[which])
        np.put_along_axis(event, which, values, axis=1)
        made[pending] = event
        pending = pending[np.array([key in taken for key in keys(event)], np.bool_)]
    found = np.delete(made, pending, axis=0)
    return np.unique(found, axis=0)


def perturbation(table: Table, seed: int, changes: Iterable[int] = (1, 2, 3)) -> Trial:
    """Return a table's trial: train on the earlier two thirds, test on later events never seen.

    Rows with a value seen fewer than 5 times in training are left out, and types that are constant
    there. Of the later events those that training hasn't are normal, each once, at most 4000. A
    cell a c, if there are 20 of either kind. Events labelled as attacks are left out too, unless
    that leaves no cell, as of KDD99: then all are events like any other, as in the paper, which has
    no labels.
    """
    plain = plain_codes(table)
    whole = np.arange(len(table))
    if table.label is None:
        return _perturbation(table, plain, whole, seed, changes, "")
    trial = _perturbation(table, plain, np.flatnonzero(table.label == ""), seed, changes, "")
    if trial.cells:
        return trial
    return _perturbation(table, plain, whole, seed, changes, ", attacks among all")


def _perturbation(
    table: Table, plain: Ints, rows: Ints, seed: int, changes: Iterable[int], note: str
) -> Trial:
    early, late = (plain[part] for part in split(table, rows, seed))
    early = early[frequent_rows(early)]
    varied = [i for i in range(plain.shape[1]) if len(np.unique(early[:, i])) > 1]
    [train, test], arity = known(early[:, varied], late[:, varied], least=1)
    test = np.unique(test[(test > 0).all(axis=1)], axis=0)
    seen = set(keys(train))
    normal = test[np.array([key not in seen for key in keys(test)], np.bool_)]
    taken = seen | set(keys(test))
    if len(normal) > MOST:
        chosen = np.random.default_rng([seed, 3]).permutation(len(normal))[:MOST]
        normal = normal[chosen]
    trial = Trial(table.name, train, arity)
    for c in changes:
        if len(normal) >= FEW and c <= len(varied):
            trial.cells.extend(
                _cell(f"c = {c}{note}", normal, perturbed(normal, taken, arity, c, seed))
            )
    return trial


def _cell(name: str, normal: Ints, abnormal: Ints) -> Iterator[Cell]:
    if len(abnormal) >= FEW:
        labels = np.arange(len(normal) + len(abnormal)) >= len(normal)
        yield Cell(name, np.concatenate([normal, abnormal]), labels)
