"""Records runs of benign work and of attacks on this machine with strace, like StreamSpot's.

    python -m benchmarks.record_scenarios OUT [--runs 24] [--seed 0] [--quick]

A run is a shell session that gets steps of one kind of work until its log has a drawn number of
lines. In the midst of it something else is done: a few steps of another kind of work, or the chain
of an attack. So sizes should tell nothing; how far that holds is printed. Everything happens in a
temporary folder and on loopback. OUT gets KIND/NNN.strace.gz and truth.csv (run, kind, attack, and
all kinds of work in it) once all is recorded: before that it has nothing.
"""

import argparse
import contextlib
import csv
import os
import random
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import NamedTuple

import numpy as np

from benchmarks.scenarios.attacks import ATTACKS
from benchmarks.scenarios.work import WORK, Kind, Place, Step
from benchmarks.scenarios.world import Internet, build
from graphad.models.metrics import roc_auc
from sample_logs.record import ENVIRONMENT, serve, strace, write_log

RUNS, QUICK = 24, 2
FEW = "text", "credentials"
LINES = 700, 1900  # that a run's log has at least, drawn for each
BEGIN = 0.1, 0.5  # of these after which something else is done
CHORES = 3, 5  # steps of it, if it is benign
WAIT_S, LATE_S = 60.0, 5.0  # for a step, and for servers to notice what it sent
PATH = "/usr/local/bin:/usr/bin:/bin"
_DONE = "steps are done"
_NAME = re.compile(rb"<((?:/|TCP)[^<>]*)>")


class Run(NamedTuple):
    """What is known of a run, and how large it is."""

    run: str
    kind: str
    attack: bool
    work: str
    lines: int
    processes: int
    names: int


def unable() -> str | None:
    """Return why nothing can be recorded here, if so."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    done = subprocess.run(["strace", "-o", os.devnull, "true"], capture_output=True, check=False)
    return None if done.returncode == 0 else "strace may not trace processes here"


def missing(kind: Kind) -> list[str]:
    """Return the tools that a kind needs and that are not here."""
    return [tool for tool in kind.tools.split() if shutil.which(tool, path=PATH) is None]


class _Ending:
    """Ends the program at SIGTERM, but not while a shell begins that nobody could kill yet."""

    def __init__(self) -> None:
        self.held, self.number = False, 0

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self.number = number
        if not self.held:
            raise SystemExit(128 + number)

    def hold(self) -> None:
        self.held = True

    def release(self) -> None:
        """Let it end again. Raises: SystemExit: it should have."""
        self.held = False
        if self.number:
            raise SystemExit(128 + self.number)


_ENDING = _Ending()


class Session:
    """A shell that is traced, given one step after another."""

    def __init__(self, home: Path, log: Path) -> None:
        self.home, self.log = home, log
        own = {"PATH": PATH, "HOME": str(home / "home"), "TMPDIR": str(home / "tmp")}
        self.shell = subprocess.Popen(
            [*strace(str(log), "-T", "-y"), "/bin/sh"], cwd=home, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
            env=ENVIRONMENT | own,
        )  # fmt: skip
        self.said = b""

    def do(self, step: Step, net: Internet) -> None:
        """Have a step done. Raises: RuntimeError: it takes too long, or the shell ended."""
        guests = threading.Thread(
            target=net.visit, args=(self.home / "run/port", step.visits), daemon=True
        )
        if step.visits:
            guests.start()
        pipes = self.shell.stdin, self.shell.stdout
        assert pipes[0]
        assert pipes[1]
        try:
            pipes[0].write(f"{{ {step.script}\n}} </dev/null\necho {_DONE}\n".encode())
            pipes[0].flush()
        except OSError as error:
            raise RuntimeError(f"The shell ended: {self.said[-500:]!r}") from error
        end, heard = time.monotonic() + WAIT_S, b""
        while f"{_DONE}\n".encode() not in heard:
            ready, _, _ = select.select([pipes[1]], [], [], max(end - time.monotonic(), 0))
            part = os.read(pipes[1].fileno(), 65536) if ready else b""
            heard += part
            if not part:
                raise RuntimeError(f"A step failed: {step.script!r}: {heard[-500:]!r}")
        self.said += heard
        if step.visits:
            guests.join(WAIT_S)

    def close(self) -> bytes:
        """End the session; return its log. Raises: RuntimeError: it doesn't end."""
        try:
            self.said += self.shell.communicate(b"exit\n", WAIT_S)[0]
        except subprocess.TimeoutExpired as error:
            raise RuntimeError("A session does not end.") from error
        return self.log.read_bytes()

    def kill(self) -> None:
        """End all that the session started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.shell.pid, signal.SIGKILL)
        self.shell.wait()
        for pipe in (self.shell.stdin, self.shell.stdout):
            if pipe:
                with contextlib.suppress(OSError):
                    pipe.close()


def session(scratch: Path, rng: random.Random, work: Kind, other: Kind) -> bytes:
    """Record one run of a kind of work with another kind, or an attack, in it; return its log."""
    home, log = scratch / "work", scratch / "log"
    shutil.rmtree(home, ignore_errors=True)
    log.unlink(missing_ok=True)
    build(home, rng)
    net = Internet()
    servers = [serve(0, net.web), serve(0, net.controller)]
    place = Place(rng, net, *(server.getsockname()[1] for server in servers))
    least = rng.randint(*LINES)
    begin = rng.uniform(*BEGIN) * least
    chain = list(other.steps)
    if not other.proof:
        chain = rng.sample(chain, min(rng.randint(*CHORES), len(chain)))
    _ENDING.hold()
    try:
        shell = Session(home, log)
    except BaseException:
        _ENDING.held = False
        raise
    try:
        _ENDING.release()
        for maker in work.steps[:1]:
            shell.do(maker(place), net)
        while (now := log.read_bytes().count(b"\n")) < least or chain:
            if chain and now >= begin:
                shell.do(chain.pop(0)(place), net)
            else:
                shell.do(rng.choice(work.steps)(place), net)
        lines = shell.close()
        end = time.monotonic() + LATE_S
        while other.proof not in evidence(home, net):
            if time.monotonic() > end:
                raise RuntimeError(f"An attack of {work.tools}, {other.tools} failed.")
            time.sleep(0.02)
        return lines
    finally:
        shell.kill()
        for server in servers:
            with contextlib.suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            server.close()
        shutil.rmtree(home, ignore_errors=True)


def evidence(home: Path, net: Internet) -> bytes:
    """Return what reached the servers, and the names of documents."""
    return b"\n".join([*net.got, *(os.fsencode(path.name) for path in (home / "docs").iterdir())])


def planned(runs: int, kinds: list[str], seed: int) -> list[tuple[str, int, str, str]]:
    """Return kind and number of each run, its work and what else is done, in a drawn order."""
    plan = []
    work = [kind for kind in kinds if kind in WORK]
    for place, kind in enumerate(kinds):
        others = [other for other in work if other != kind] or work
        for n in range(runs):
            other = others[(n + place) % len(others)]
            plan.append((kind, n, *((other, kind) if kind in ATTACKS else (kind, other))))
    # Kinds take turns, so that nothing that changes in an hour goes with one of them.
    random.Random(seed).shuffle(plan)
    return plan


def record(out: Path, kinds: list[str], runs: int, seed: int) -> list[Run]:
    """Record runs of each kind into a folder; return what is true of them."""
    found = []
    plan = planned(runs, kinds, seed)
    with tempfile.TemporaryDirectory(prefix="scenarios-") as name:
        for done, (kind, n, work, other) in enumerate(plan):
            rng = random.Random(f"{seed} {kind} {n}")
            log = session(Path(name), rng, WORK[work], (WORK | ATTACKS)[other])
            (out / kind).mkdir(exist_ok=True)
            write_log(out / kind / f"{n:03}.strace.gz", [log])
            whole = " ".join(one for one in (work, other) if one in WORK)
            found.append(Run(f"{kind}/{n:03}", kind, kind in ATTACKS, whole, *sizes(log)))
            if sys.stderr.isatty():
                print(f"\r{done + 1} of {len(plan)} runs", end="", file=sys.stderr)
    found.sort()
    with (out / "truth.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["run", "kind", "attack", "work"])
        writer.writerows((r.run, r.kind, int(r.attack), r.work) for r in found)
    return found


def sizes(log: bytes) -> tuple[int, int, int]:
    """Return the lines of a log, the processes that made calls, and the files and addresses."""
    pids = {line.partition(b" ")[0] for line in log.splitlines()}
    return log.count(b"\n"), len(pids), len(set(_NAME.findall(log)))


def told(found: list[Run]) -> Iterator[str]:
    """Yield lines of text on how large runs are, and how well sizes alone tell attacks."""
    yield f"{'kind':16}{'runs':>6}{'lines: 10 %':>14}{'median':>8}{'90 %':>8}{'names':>8}"
    for kind in dict.fromkeys(r.kind for r in found):
        mine = [r for r in found if r.kind == kind]
        low, middle, high = np.quantile([r.lines for r in mine], [0.1, 0.5, 0.9])
        names = np.median([r.names for r in mine])
        yield f"{kind:16}{len(mine):>6}{low:>14.0f}{middle:>8.0f}{high:>8.0f}{names:>8.0f}"
    attack = np.array([r.attack for r in found])
    for what in ("lines", "processes", "names"):
        auc = roc_auc(np.array([float(getattr(r, what)) for r in found]), attack)
        if auc is not None:
            yield f"AUC of the number of {what} alone: {auc:.3f}"


def main(argv: list[str] | None = None) -> int:
    """Record what the command line asks for; return 0."""
    every = WORK | ATTACKS
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("out", type=Path, metavar="OUT", help="a folder that is empty or not there")
    parser.add_argument("--runs", type=int, default=RUNS, help=f"of each kind; {RUNS}")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} runs of {' and '.join(FEW)}")
    parser.add_argument("--kinds", nargs="+", choices=every, default=list(every), metavar="KIND")
    given = parser.parse_args(argv)
    out: Path = given.out.absolute()
    if given.runs < 1:
        parser.error("--runs must be at least 1")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        parser.error(f"{out} is there and not an empty folder")
    if reason := unable():
        print(f"Nothing is recorded: {reason}.", file=sys.stderr)
        return 1
    kinds = []
    for kind in FEW if given.quick else given.kinds:
        if lacks := missing(every[kind]):
            print(f"{kind} is skipped: {', '.join(lacks)} is missing", file=sys.stderr)
        else:
            kinds.append(kind)
    if not any(kind in WORK for kind in kinds):
        print("Nothing is recorded: all kinds of work lack their tools.", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, _ENDING)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as name:
        staged = Path(name) / "runs"
        staged.mkdir()
        try:
            found = record(staged, kinds, QUICK if given.quick else given.runs, given.seed)
        except RuntimeError as error:
            print(f"Nothing is recorded: {error}", file=sys.stderr)
            return 1
        os.replace(staged, out)  # an empty folder may be replaced
    print("\n".join(told(found)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
