"""Blocks that are decoded and mapped in one piece of work."""

from collections.abc import Callable
from concurrent.futures import Executor, Future

from graphad.blocks import Block
from graphad.parse import Decoded
from graphad.store.manifest import Source
from graphad.store.mapper import Mapper, Part, Run

SMALL = 1 << 20  # bytes of a block that waits for others
FULL = 4 << 20  # bytes of a batch that waits for no more
MOST = 256  # blocks of one


class Batch:
    """Blocks in the order in which they were read, and what they give once they are mapped."""

    def __init__(self, mapper: Mapper | None) -> None:
        self.mapper = mapper
        self.blocks: list[tuple[Source, Block]] = []  # without their data
        self.size = 0
        self._todo: list[Callable[[], Decoded]] = []
        self._runs: Future[list[Run]] | None = None
        self._parts: list[Part] = []

    def add(self, source: Source, block: Block, decode: Callable[[], Decoded]) -> None:
        """Take one more block."""
        self.blocks.append((source, block._replace(data=b"")))
        self.size += len(block.data)
        self._todo.append(decode)

    @property
    def full(self) -> bool:
        """Whether it waits for no more blocks."""
        return self.size >= FULL or len(self.blocks) >= MOST

    def begin(self, pool: Executor) -> None:
        """Set to work on it, if nobody does; no block can be added any more."""
        if self._runs is None:
            self._runs = pool.submit(self._work)

    def told(self, source: Source, block: Block, run: Run) -> None:
        """Take its only block, of which it is known already what it gives."""
        self.blocks.append((source, block))
        self._runs = Future()
        self._runs.set_result([run])

    def _work(self) -> list[Run]:
        assert self.mapper is not None
        todo, self._todo = self._todo, []
        return self.mapper.run([decode() for decode in todo])

    def runs(self) -> list[Run]:
        """Return what its blocks give. Raises: what the work raised."""
        assert self._runs is not None
        runs = self._runs.result()
        self._parts = [part for run in runs for part in run.parts]
        self._runs = Future()  # the rows are the segments' now
        return runs

    def part(self, i: int) -> Part:
        """Return what became of a block, after `runs`."""
        return self._parts[i]
