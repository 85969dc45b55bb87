"""Process lifetimes of one source, kept between blocks and states."""

import hashlib
from collections.abc import Sequence

import numpy as np

from graphad.scan import auditd_world as world
from graphad.scan.auditd_block import SEED
from graphad.scan.words import Ints

MAX_NAMES = 1 << 17  # executables; past so many those of no remembered process are forgotten


def number_of(text: str) -> int:
    """Return a number that stands for a text on any machine; never 0."""
    digest = hashlib.blake2b(text.encode("utf-8", "backslashreplace"), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True) or 1


def numbers_of(texts: Sequence[str]) -> Ints:
    """Return the same for several texts."""
    return np.array([number_of(text) for text in texts], np.int64)


def programs_of(texts: Sequence[str]) -> list[str]:
    """Return executables without the note that their file is gone: they are the same programs."""
    return [text.removesuffix(" (deleted)") for text in texts]


class Lifetimes:
    """The processes that are remembered, and what they run."""

    def __init__(self) -> None:
        self.world = world.new_world()
        self.names: dict[int, str] = {}  # executables by their number

    def follow(self, rows: world.Rows, exes: Sequence[str], numbers: Ints) -> Ints:
        """Return found [FOUND, N] of N events; `numbers` are those of their executables `exes`."""
        self.names.update(zip(numbers.tolist(), exes, strict=True))
        found = np.empty((world.FOUND, len(rows.host)), np.int64)
        world.follow(self.world, rows, found, SEED)
        return found

    def forget_names(self) -> None:
        """Keep only names that remembered processes have, if there are too many."""
        if len(self.names) > MAX_NAMES:
            used = {row[world.EXE] for row in self._rows()}
            self.names = {number: self.names[number] for number in used if number in self.names}

    def _rows(self) -> list[list[int]]:
        """Return the remembered processes, oldest first."""
        rows, at = [], int(self.world.ends[1])
        while at >= 0:
            rows.append(self.world.processes[at, : world.SAVED].tolist())
            at = int(self.world.processes[at, world.NEWER])
        return rows

    def state(self) -> object:
        """Return what is remembered."""
        rows = self._rows()
        used = {row[world.EXE] for row in rows} - {0}
        names = {str(n): self.names[n] for n in sorted(used) if n in self.names}
        return {"processes": rows, "names": names}

    def restore(self, state: object) -> None:
        """Go on from a state.

        Raises: ValueError: it is none.
        """
        damaged = ValueError("the processes of an auditd state are damaged")
        if not isinstance(state, dict) or set(state) != {"processes", "names"}:
            raise damaged
        rows, names = state["processes"], state["names"]
        if not isinstance(rows, list) or not isinstance(names, dict):
            raise damaged
        if len(rows) > world.MAX_PROCESSES or not all(
            isinstance(row, list)
            and len(row) == world.SAVED
            and all(type(value) is int and -(2**63) <= value < 2**63 for value in row)
            for row in rows
        ):
            raise damaged
        if len({(row[world.HOST], row[world.PID]) for row in rows}) != len(rows):
            raise damaged
        self.names = {}
        for number, name in names.items():
            if not isinstance(name, str) or number != str(number_of(name)):
                raise damaged
            self.names[int(number)] = name
        self.world = world.new_world()
        world.recall(self.world, np.array(rows, np.int64).reshape(-1, world.SAVED), SEED)
