"""What a person watching sees on stderr: bytes read, stages, and what became of the records."""

import sys
from types import TracebackType
from typing import Any

from graphad.sanitize import log_line

COMPILING = "compiling, once for this version"


class Progress:
    """Progress on a terminal, one summary line everywhere, nothing if quiet."""

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet
        self.live: Any = None
        self.task: Any = None
        self.heard: Any = None
        self.read_records = self.rejected = 0

    def __enter__(self) -> "Progress":
        if not self.quiet and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import (
                BarColumn,
                DownloadColumn,
                Progress,
                TextColumn,
                TimeElapsedColumn,
            )

            self.live = Progress(
                TextColumn("{task.description}", markup=False), BarColumn(bar_width=20),
                DownloadColumn(), TimeElapsedColumn(), console=Console(stderr=True), transient=True,
            )  # fmt: skip
            from graphad import jit

            self.live.start()
            self.task = self.live.add_task("reading", total=None)
            self.heard = jit.when_compiling(lambda: self.stage(COMPILING))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        if self.live is not None:
            self.heard()
            self.live.stop()

    def read(self, path: str, count: int) -> None:
        """Note that `count` more bytes of a source were read."""
        if self.live is not None:
            name = log_line(path.rpartition("/")[2], 40)
            self.live.update(self.task, advance=count, description=f"reading {name}")

    def stage(self, name: str) -> None:
        """Note what is being done now."""
        if self.live is not None:
            self.live.update(self.task, description=name)

    def ingested(self, done: list[Any], summary: bool = True) -> None:
        """Sum up what became of the records of some inputs."""
        self.read_records += sum(one.read for one in done)
        self.rejected += sum(one.rejected for one in done)
        if self.quiet:
            return
        for one in done:
            if one.source is None:
                print(
                    f"graphad: {log_line(one.path)} {log_line(one.note)}; left out.",
                    file=sys.stderr,
                )
        if summary:
            from graphad.cli.show import totals

            print(totals(done), file=sys.stderr)

    def reject_rate(self) -> float:
        """Return the share of records that were rejected."""
        return self.rejected / self.read_records if self.read_records else 0.0
