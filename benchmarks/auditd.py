"""How fast audit logs become columns and a store, against two plain parsers.

plain_auditd.py gives the same columns: the target is a ratio to it. split_auditd.py is what a good
programmer writes to load such a log quickly, without JSON of the other fields. Kernels are loaded
before the clock starts; the median of three runs.

The log is generated: programs run, files opened, connections made, sockets named in hexadecimal,
logins; the lines of neighbouring events interleaved. About four lines an event. Memory is that of a
process of its own.
"""

import random
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from benchmarks import harness
from benchmarks.harness import Options, Row
from benchmarks.ingest import stored

REPEAT = 3
_COLUMNS = """
import statistics, sys, time
from graphad.decoders.auditd_decode import Decoder
from graphad.blocks import blocks
from graphad.parse import Options
seconds = []
for name in sys.argv[1:]:
    decoder, events = Decoder(Options()), 0
    start = time.perf_counter()
    with open(name, "rb") as log:
        for block in blocks(log, decoder, lambda data: None):
            events += decoder.decode(block.data, block.last).raw.num_rows
    seconds.append(time.perf_counter() - start)
print(events, statistics.median(seconds[1:]))
"""


def generate(target: Path, events: int, seed: int = 0) -> int:
    """Write so many invented events; return the lines."""
    luck = random.Random(seed)
    written = 0
    with target.open("w", encoding="ascii") as out:
        pending: list[tuple[float, str]] = []
        for number in range(events):
            for place, line in enumerate(_event(number, luck)):
                pending.append((number + 0.3 * place + luck.random() * 0.5, line))
            if len(pending) > 4096:
                pending.sort()
                out.writelines(line for _, line in pending[:2048])
                written += 2048
                del pending[:2048]
        pending.sort()
        out.writelines(line for _, line in pending)
    return written + len(pending)


def _event(number: int, luck: random.Random) -> Iterator[str]:
    stamp = f"{1767225600 + number // 2000}.{number // 2 % 1000:03d}:{1000 + number}"
    pid, parent, uid = 2000 + luck.randrange(20000), 900 + luck.randrange(1000), luck.randrange(30)
    program = f"/usr/bin/tool{luck.randrange(300)}"
    kind = number % 10

    def line(name: str, rest: str) -> str:
        return f"type={name} msg=audit({stamp}): {rest}\n"

    def call(nr: int, exit_: int, args: str, items: int, ok: bool = True) -> str:
        return line(
            "SYSCALL",
            f"arch=c000003e syscall={nr} success={'yes' if ok else 'no'} exit={exit_} {args} "
            f"items={items} ppid={parent} pid={pid} auid={1000 + uid} uid={1000 + uid} "
            f"gid={1000 + uid} euid={1000 + uid} suid={1000 + uid} fsuid={1000 + uid} "
            f"egid={1000 + uid} sgid={1000 + uid} fsgid={1000 + uid} tty=pts{uid} ses={10 + uid} "
            f'comm="{program[9:]}" exe="{program}" key="watch"',
        )

    def path(item: int, name: str, what: str) -> str:
        return line(
            "PATH",
            f"item={item} name={name} inode={100000 + luck.randrange(9999)} dev=fd:01 "
            f"mode=0100644 ouid=0 ogid=0 rdev=00:00 nametype={what} cap_fp=0 cap_fi=0 cap_fe=0 "
            "cap_fver=0 cap_frootid=0",
        )

    args = f"a0=7ffc{luck.randrange(1 << 32):08x} a1=5581{luck.randrange(1 << 32):08x} a2=0 a3=8"
    title = line("PROCTITLE", f"proctitle={(program + chr(0) + '-v').encode().hex().upper()}")
    if kind < 3:
        text = f"report {luck.randrange(5000)}.txt".encode().hex().upper()
        yield call(59, 0, args, 2)
        yield line("EXECVE", f'argc=3 a0="{program[9:]}" a1="--input" a2={text}')
        yield line("CWD", f'cwd="/home/user{uid}"')
        yield path(0, f'"{program}"', "NORMAL")
        yield path(1, '"/lib64/ld-linux-x86-64.so.2"', "NORMAL")
        yield title
    elif kind < 7:
        name = f'"/srv/data/part{luck.randrange(9)}/item{luck.randrange(20000)}.csv"'
        if kind == 6:
            name = f"/srv/data/with space {luck.randrange(2000)}".encode().hex().upper()
        flags = "241" if kind == 5 else "80000"
        args = f"a0=ffffff9c a1=7ffc{luck.randrange(1 << 32):08x} a2={flags} a3=1b6"
        yield call(257, 3 if kind < 6 else -13, args, 1, kind < 6)
        yield line("CWD", 'cwd="/srv"')
        yield path(0, name, "NORMAL")
        yield title
    elif kind < 9:
        saddr = f"02001F90{luck.randrange(1 << 16) + 0x0A000000:08X}0000000000000000"
        yield call(42, 0, "a0=3 a1=7ffd00aa10 a2=10 a3=0", 0)
        yield line("SOCKADDR", f"saddr={saddr}")
        yield title
    else:
        yield line(
            "USER_AUTH",
            f"pid={pid} uid=0 auid=4294967295 ses=4294967295 msg='op=PAM:authentication "
            f'grantors=pam_unix acct="user{uid}" exe="/usr/sbin/sshd" hostname=10.0.3.{uid} '
            f"addr=10.0.3.{uid} terminal=ssh res=success'",
        )


def measure(options: Options) -> Iterable[Row]:
    """Columns alone against the plain parser, then into the store."""
    from benchmarks import plain_auditd, split_auditd

    events = 100_000 if options.quick else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        log, part = scratch / "audit.log", scratch / "part.log"
        generate(part, 50_000)
        lines = generate(log, events)
        yield Row("lines an event", lines / events, "lines")
        start = time.process_time()  # one thread: what else the machine does mustn't help us
        read = plain_auditd.parse(part.read_bytes())
        plain = read / (time.process_time() - start)
        yield Row("plain parser of audit logs, the same columns", plain, "events/s")
        text = part.read_text(encoding="ascii")
        start = time.process_time()
        read = len(split_auditd.parse(text)["ts"])
        quick = read / (time.process_time() - start)
        yield Row("quick plain parser, fewer columns", quick, "events/s")
        done, seconds, child = columns(part, log, scratch)
        assert done == events
        rate = events / seconds
        name = "audit log to columns, two cores"
        yield Row(name, rate, "events/s", plain, rate / plain, 450_000, rate >= 450_000)
        ratio = rate / plain
        yield Row("ratio to the same columns", ratio, "times", target=12.0, met=ratio >= 12.0)
        yield Row("ratio to the quick one", rate / quick, "times")
        both = (REPEAT * events + 50_000) / child.cpu
        yield Row("the same, a CPU second, with loading", both, "events/s", quick, both / quick)
        yield Row("the same, bytes", log.stat().st_size / seconds / 1e6, "MB/s")
        yield Row("the same, peak memory", child.peak_mb, "MB")
        stored("auditd", part, scratch, "warm.store")
        kept, peak = stored("auditd", log, scratch, "audit.store")
        assert kept["read"] == kept["used"] + kept["ignored"] + kept["rejected"] == events
        yield Row("audit log into the store", events / kept["seconds"], "events/s")
        yield Row(f"peak memory, {events:,} events", peak, "MB")
        size = sum(f.stat().st_size for f in (scratch / "audit.store").rglob("*.parquet"))
        yield Row("bytes an event takes in the store", size / events, "bytes")


def columns(part: Path, log: Path, scratch: Path) -> tuple[int, float, harness.Child]:
    """Decode two logs in a process; return events and seconds of the second, what all took."""
    result = scratch / "columns"
    with result.open("w") as out:
        child = harness.child(
            [sys.executable, "-c", _COLUMNS, str(part), *[str(log)] * REPEAT],
            stdout=out,
            cwd=harness.ROOT,
        )
    events, seconds = result.read_text().split()
    return int(events), float(seconds), child


if __name__ == "__main__":
    sys.exit(harness.main(__doc__, measure))
