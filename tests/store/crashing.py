"""A process that forks children which work on a store and are stopped in the middle.

Everything is imported and compiled once; a child only takes the time of its work. A child's steps
are its calls to the system functions by which files come to stand: it can be killed before the nth
of them, or the nth can fail.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

STEPS = ("fsync", "replace", "rename", "unlink", "mkdir", "open")
KILL, FAIL = "kill", "fail"


class Crasher:
    """Runs actions on stores in forked children of a module's `serve`."""

    def __init__(self, module: str = __name__) -> None:
        self.server = subprocess.Popen(
            [sys.executable, "-c", f"from {module} import serve; serve()"],
            cwd=Path(__file__).parents[2], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def run(
        self, action: str, store: Path, logs: Path, *, step: int = 0, how: str = KILL,
        call: str = "", after: float = 0.0, limit: int = 0,
    ) -> dict[str, Any]:  # fmt: skip
        """Return how a child ended: `code` (negative for a signal), `error`, `steps`, `seconds`.

        step: which of its steps, or of its calls to `call`, is where it ends. after: seconds until
        it is killed. limit: bytes that a file may have, so that a disk seems full.
        """
        assert self.server.stdin is not None
        assert self.server.stdout is not None
        wanted = {
            "action": action, "store": str(store), "logs": str(logs), "step": step, "how": how,
            "call": call, "after": after, "limit": limit,
        }  # fmt: skip
        self.server.stdin.write(json.dumps(wanted) + "\n")
        self.server.stdin.flush()
        done: dict[str, Any] = json.loads(self.server.stdout.readline())
        return done


@contextmanager
def crasher(module: str = __name__) -> Iterator[Crasher]:
    """Give a Crasher, whose server ends with the block."""
    one = Crasher(module)
    try:
        yield one
    finally:
        one.server.kill()
        one.server.wait()
        for stream in (one.server.stdin, one.server.stdout):
            assert stream is not None
            stream.close()


def _ingest(store: Any, logs: Path) -> None:
    from tests.toy import toy

    store.ingest(sorted(logs.glob("*.log")), parser=toy)


def _replace(store: Any, logs: Path) -> None:
    from tests.toy import toy

    store.ingest(sorted(logs.glob("*.log"))[:2], parser=toy, replace=True)


def _prune(store: Any, logs: Path) -> None:
    store.prune(json.loads((logs / "day").read_text()))


ACTIONS: dict[str, Callable[[Any, Path], object]] = {
    "ingest": _ingest,
    "replace": _replace,
    "prune": _prune,
    "compact": lambda store, logs: store.compact(),
    "publish": lambda store, logs: store.publish(),
}


def serve() -> None:
    """Serve requests on stdin until it ends."""
    import tempfile

    from graphad.store import Store
    from tests.toy import toy, write

    with tempfile.TemporaryDirectory() as scratch:  # what is compiled and loaded here stays
        folder = Path(scratch)
        for i in range(3):
            Store(folder / "s").ingest(write(folder / f"{i}.log", 9 * i, 9 * i + 9), parser=toy)
        Store(folder / "s").compact()
    answer()


def answer() -> None:
    """Answer requests on stdin until it ends."""
    for line in sys.stdin:
        print(json.dumps(_forked(json.loads(line))), flush=True)


def _forked(wanted: dict[str, Any]) -> dict[str, Any]:
    import select
    import signal
    import time

    reader, writer = os.pipe()
    began = time.monotonic()
    pid = os.fork()
    if not pid:
        os.close(reader)
        _child(wanted, writer)
    os.close(writer)
    if wanted["after"]:
        select.select([reader], [], [], wanted["after"])
        os.kill(pid, signal.SIGKILL)
    with os.fdopen(reader, "rb") as told:
        said = told.read()
    _, status = os.waitpid(pid, 0)
    done: dict[str, Any] = json.loads(said) if said else {}
    return done | {"code": os.waitstatus_to_exitcode(status), "seconds": time.monotonic() - began}


def _child(wanted: dict[str, Any], told: int) -> None:
    import resource
    import signal
    import traceback

    from graphad.errors import GraphadError
    from graphad.store import Store

    count = 0

    def watched(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **named: Any) -> Any:
            nonlocal count
            counts = wanted["call"] in ("", name)
            count += counts
            if counts and count == wanted["step"]:
                if wanted["how"] == KILL:
                    os.kill(os.getpid(), signal.SIGKILL)
                raise OSError(5, "Input/output error")
            return real(*args, **named)

        return call

    code, error = 0, ""
    try:
        store = Store(wanted["store"])
        for name in STEPS:
            setattr(os, name, watched(name, getattr(os, name)))
        if wanted["limit"]:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (wanted["limit"], resource.RLIM_INFINITY))
        ACTIONS[wanted["action"]](store, Path(wanted["logs"]))
    except GraphadError as problem:
        code, error = 1, str(problem)
    except BaseException:
        code, error = 2, traceback.format_exc()
    if wanted["limit"]:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    os.write(told, json.dumps({"steps": count, "error": error}).encode())
    os._exit(code)
