"""The pipe: NDJSON from one file descriptor to another, one line out for each line in, in order.

All lines that one read brought are answered by one write before the next read, so nothing waits for
lines that may never come, and a busy pipe isn't slowed down by small writes.
"""

import os
import select
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Literal

from graphad.enrich.enricher import Enricher
from graphad.enrich.lines import KEY, Unreadable, for_rsyslog, with_key
from graphad.errors import GraphadError

OnError = Literal["pass", "drop", "fail"]
Flush = Literal["idle", "line"]
Answer = Literal["line", "rsyslog"]

REPLY = 65_536  # bytes that an answer must stay below, its line end included
WHOLE = 16_777_216  # bytes of the longest line that is looked at, if answers may be longer
_READ = 65_536


@dataclass
class Counts:
    """What became of the lines so far.

    lines: all that came; enriched: those with our key; unreadable: no JSON object; long: their
    answer would be too long; dropped: of the last two; reloads, failed: of models.
    """

    lines: int = 0
    enriched: int = 0
    unreadable: int = 0
    long: int = 0
    dropped: int = 0
    reloads: int = 0
    failed: int = 0

    def __str__(self) -> str:
        """Return them as words."""
        return ", ".join(f"{name} {number:,}" for name, number in asdict(self).items())


class Pipe:
    """Enriches what comes; `stop` and `reload` may be called by signal handlers and threads."""

    def __init__(
        self, enricher: Enricher, load: Callable[[], Enricher] | None = None, *,
        on_error: OnError = "pass", reply: int = REPLY, key: str = KEY, flush: Flush = "idle",
        answer: Answer = "line", tell: Callable[[str], None] = lambda words: None,
    ) -> None:  # fmt: skip
        """Take what enriches, and how to load it anew.

        on_error: what becomes of lines that are no JSON object or whose answer would not be shorter
        than `reply` bytes (0: of no more than WHOLE); answer: the line with a key, or what rsyslog
        wants of mmexternal, which is {} for such lines; tell: takes words for a log.
        """
        self.enricher, self.counts = enricher, Counts()
        self._load, self._on_error, self._key, self._tell = load, on_error, key, tell
        self._limit = reply or WHOLE
        self._each = flush == "line"
        self._make = with_key if answer == "line" else for_rsyslog
        self._instead = None if answer == "line" else b"{}\n"  # of a line that passes
        self._stopped = False
        self._held: list[bytes] = []  # of a line whose end has not come
        self._size = 0
        self._passing = False  # the line that is coming is too long
        self._out: list[bytes] = []
        self._loading = threading.Lock()
        self._again = False

    def stop(self) -> None:
        """Let `run` end with what it has read so far."""
        self._stopped = True

    def reload(self) -> None:
        """Load the models anew, beside the work; if that fails the old ones stay."""
        if self._load is None:
            return
        self._again = True
        threading.Thread(target=self._reloaded, daemon=True).start()

    def _reloaded(self) -> None:
        assert self._load is not None
        with self._loading:
            if not self._again:  # one that was asked for later has seen the same files
                return
            self._again = False
            try:
                self.enricher = self._load()
            except Exception as error:  # whatever is wrong with the files, the events go on
                self.counts.failed += 1
                self._tell(f"the models stay as they were: {error}")
            else:
                self.counts.reloads += 1
                self._tell("loaded the models anew")

    def run(self, source: int, sink: int, wake: int | None = None) -> Counts:
        """Enrich until the source ends or `stop` was called, and return what was done.

        wake: a descriptor that becomes readable when a signal came. Raises: BrokenPipeError: who
        reads went away; GraphadError: a line is no JSON object, with on_error "fail".
        """
        poll = select.poll()
        poll.register(source, select.POLLIN | select.POLLHUP | select.POLLERR)
        if wake is not None:
            poll.register(wake, select.POLLIN)
        told = time.monotonic()
        try:
            while not self._stopped:
                ready = {fd for fd, _ in poll.poll()}
                if wake in ready and wake is not None:
                    os.read(wake, 4096)
                if source not in ready:
                    continue
                try:
                    data = os.read(source, _READ)
                except BlockingIOError:
                    continue
                if not data:
                    break
                self._take(data, sink)
                if time.monotonic() - told >= 60.0:
                    told = time.monotonic()
                    self._tell(str(self.counts))
            self._finish(sink)
        finally:
            self._tell(str(self.counts))
        return self.counts

    def _take(self, data: bytes, sink: int) -> None:
        *lines, rest = data.split(b"\n")
        try:
            for line in lines:
                if self._passing:
                    self._give(line + b"\n", sink)
                    self._passing = False
                    continue
                if self._held:
                    self._held.append(line)
                    line = b"".join(self._held)
                    self._held, self._size = [], 0
                self._answer(line, b"\n", sink)
            if self._passing:
                self._give(rest, sink)
            elif rest:
                self._held.append(rest)
                self._size += len(rest)
                if self._size >= self._limit:
                    self._passing = True
                    self._too_long(b"".join(self._held), sink)
                    self._held, self._size = [], 0
        finally:
            self._write(sink)

    def _finish(self, sink: int) -> None:
        """Answer a last line that has no end; one that was cut is no JSON, and passes."""
        if self._held and not self._passing:
            line = b"".join(self._held)
            self._held = []
            try:
                if self._stopped:  # its rest is still to come, for whoever reads on
                    self._out.append(self._instead or line)
                else:
                    self._answer(line, b"", sink)
            finally:
                self._write(sink)

    def _answer(self, line: bytes, end: bytes, sink: int) -> None:
        counts = self.counts
        counts.lines += 1
        try:
            answer = self._make(self.enricher, line, self._key)
        except Unreadable as error:
            if line.strip():  # a blank line is nothing to complain of
                counts.unreadable += 1
                self._refuse(line + end, f"line {counts.lines:,} is {error}")
            else:
                self._out.append(self._instead or line + end)
        else:
            if len(answer) + 1 < self._limit:
                counts.enriched += 1
                self._out.append(answer + end)
            else:
                counts.lines -= 1
                self._too_long(line + end, sink)
        if self._each:
            self._write(sink)

    def _too_long(self, line: bytes, sink: int) -> None:
        self.counts.lines += 1
        self.counts.long += 1
        self._refuse(line, f"line {self.counts.lines:,} is too long")
        if self._passing:
            self._write(sink)

    def _refuse(self, line: bytes, words: str) -> None:
        if self._on_error == "fail":
            raise GraphadError(f"{words[0].upper()}{words[1:]}.")
        if self._instead is not None:
            self._out.append(self._instead)
        elif self._on_error == "drop":
            self.counts.dropped += 1
        else:
            self._out.append(line)

    def _give(self, part: bytes, sink: int) -> None:
        """Pass on a part of a line that is too long."""
        if self._on_error != "drop" and self._instead is None:
            self._out.append(part)
            self._write(sink)

    def _write(self, sink: int) -> None:
        if self._out:
            data = memoryview(b"".join(self._out))
            self._out = []
            while data:
                try:
                    data = data[os.write(sink, data) :]
                except BlockingIOError:  # whoever started us left it so
                    select.select([], [sink], [])
