"""Ctrl-C that cannot get lost: libraries that swallow a KeyboardInterrupt get another one.

A KeyboardInterrupt is an exception at any instruction, so also within a weak reference's callback,
where Python drops it, or within an import that a library made on the side and may fail (DuckDB 1.5
imports pandas when it binds values). The command would go on as if nobody had asked it to stop.
"""

import signal
import sys
from types import FrameType

REPEAT_S = 0.25  # doubled each time: an import that is broken off may start all over


class Interrupts:
    """Hears SIGINT for one process; `asked` says whether it came."""

    def __init__(self) -> None:
        """Hear nothing yet."""
        self.asked = False
        self._heard = False
        self._wait_s = REPEAT_S

    def hear(self) -> None:
        """Take SIGINT over from Python; whoever ignores or handles it already keeps it."""
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._first)
            self._heard = True

    def _first(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        if hasattr(signal, "setitimer"):
            signal.signal(signal.SIGALRM, self._again)
            signal.setitimer(signal.ITIMER_REAL, self._wait_s)
        raise KeyboardInterrupt

    def _again(self, number: int, frame: FrameType | None) -> None:
        """Interrupt once more, unless the command is on its way out: it may clean up in peace."""
        self._wait_s *= 2
        signal.setitimer(signal.ITIMER_REAL, self._wait_s)
        if not leaving(sys.exc_info()[1]):
            raise KeyboardInterrupt

    def done(self) -> None:
        """Repeat no more, and give SIGINT back to Python."""
        if self.asked and hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0)
        if self._heard:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def leaving(handled: BaseException | None) -> bool:
    """Return whether the exception that is being handled comes from an interruption."""
    while handled is not None:
        if isinstance(handled, KeyboardInterrupt) or str(handled) == "Query interrupted":
            return True  # the latter is what DuckDB makes of Ctrl-C in the midst of a statement
        handled = handled.__cause__ or handled.__context__
    return False
