"""Records benchmarks/demo_variants/data: quiet days and attacks of the demo's shop, with strace.

    env -i /usr/bin/python3 -m benchmarks.demo_variants.record [NAME ...]

As root, from the root of the repository; strace, gcc, binutils, perl, openssl and what record.py of
sample_logs needs. Each day is recorded in a shop made anew in /srv/shop, which must not exist and
is removed again. Its ten rounds take seconds and are then moved two hours apart, as record.py
says. Without a name all days are recorded; a day's seed is its name.
"""

import argparse
import os
import random
import shutil
import subprocess
import tempfile
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from benchmarks.demo_variants import world
from benchmarks.demo_variants.attacks import ATTACKS, KNOCK, PAGES, Attack
from sample_logs import record
from sample_logs.record import SHOP, Steps, Visit

DATA = Path(__file__).parent / "data"
ROUNDS = 10
QUIET_DAYS = 18
QUIET, ATTACKED = datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
# Seldom and harmless, by day; "" is none.
RARE = (
    "", "install", "first-perl", "deploy", "rotate", "", "restore", "new-cron", "debug", "install",
    "deploy", "first-base64", "upload-report", "first-python", "restore", "new-cron", "first-udp",
    "debug",
)  # fmt: skip
SESSIONS = (
    "ls -l log\ntail -n 3 log/access.log\n",
    "df . | tail -n 1\ndu -s backup\ncat log/report.txt\n",
    "cat data/items.csv\ngrep -c chair data/orders.csv\n",
    "head -n 2 data/orders.csv\nwc -l data/orders.csv log/access.log\n",
)
REQUEST: Steps = [
    ("request", rb"recvfrom\(.*(month=x%27|PUT /(logo\.txt|\.\./)|GET /(map\.txt|sofa) )"),
    ("request", rb"accept4?\(.*(:|htons\()61\d\d\d\D"),
    ("overwrite", rb'openat\(.*(cron\.hourly/count-orders|pictures/logo\.txt)", O_WRONLY'),
    ("overwrite", rb"write\(\d+<[^>]*(cron\.hourly/count-orders|pictures/logo\.txt)>"),
    ("collect", rb"(openat\(|read\(\d+<)[^>]*.*pictures/(map\.txt|sofa)>.* = [1-9]"),
]  # fmt: skip
ENTRY: Steps = [
    ("entry", rb"""execve\(.*"sh", "-c", (?:"--", )?"grep -c 'x'"""),
    ("entry", rb"dup2\(\d+<TCP:\[[^\]]*->127\.0\.0\.1:61\d\d\d\]"),
    ("entry", rb'execve\(.*\["(/bin/sh", ")?(\./)?cron\.hourly/update"'),
    ("entry", rb'execve\(.*"(home/admin/\.cache/u|data/pictures/logo\.txt)"'),
]
POISONED: Steps = [("entry", rb'execve\(.*"sh", "(tmp/pictures/setup|hooks/check)"')]
_OURS = rb"(/srv/shop|/tmp)/"
STEPS: Steps = [
    ("run", rb"execve\("),
    ("fork", rb"(v?fork|clone3?)\("),
    ("open", rb"(open|openat|creat)\(.* = \d+<" + _OURS),
    ("read", rb"(p?readv?(64)?|recvfrom|recvmsg)\(\d+<(TCP|UDP|pipe|" + _OURS + rb").* = [1-9]"),
    ("write", rb"(p?writev?(64)?|sendto|sendmsg)\(\d+<(TCP|UDP|pipe|" + _OURS + rb").* = [1-9]"),
    ("write", rb"(sendfile|copy_file_range|splice)\(.* = [1-9]"),
    ("connect", rb"connect\(.*AF_INET6?,"),
    ("change", rb"(f?chmod(at)?|rename(at2?)?|unlink(at)?|mkdir(at)?|(sym)?link(at)?)\("),
]


def main() -> None:
    """Record the days asked for."""
    names = [*(f"quiet-{n:02}" for n in range(1, QUIET_DAYS + 1)), *ATTACKS]
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(names)}")
    chosen = parser.parse_args().names or names
    unknown = sorted(set(chosen) - set(names))
    if unknown:
        parser.error(f"no day is called {', '.join(unknown)}")
    record.refuse_to_overwrite(SHOP, *loot())
    world.serve()
    world.pages.update(PAGES | {"/knock": compiled(KNOCK)})
    for n, name in enumerate(names):
        if name not in chosen:
            continue
        if name in ATTACKS:
            record_attack(n - QUIET_DAYS, name)
        else:
            lines = day(name, QUIET + timedelta(days=n), RARE[n % len(RARE)], None)
            save(DATA / "quiet" / f"{n + 1:02}.strace.gz", lines)


def record_attack(n: int, name: str) -> None:
    """Record the day of an attack and write what is true of it."""
    world.stolen.clear()
    attack = ATTACKS[name]
    # Every second one shares its day with something seldom and harmless.
    rare = RARE[n % len(RARE)] if n % 2 else ""
    lines = day(name, ATTACKED + timedelta(days=n), rare, attack)
    if not any(b"not a real key" in text for text in world.stolen):
        raise RuntimeError(f"The attack {name} failed: {world.stolen}")
    path = DATA / name / "attack.strace.gz"
    save(path, lines)
    found = list(record.truth(lines, REQUEST, [*ENTRY, *(POISONED if attack.work else [])], STEPS))
    record.write_truth(path.with_name("truth.csv"), f"{name}/attack.strace.gz", found)
    print(f"{name}: {len(found)} of {len(lines)} lines are the attack's")


def day(name: str, start: datetime, rare: str, attack: Attack | None) -> list[bytes]:
    """Record one day; return its lines."""
    rng = random.Random(f"graphad {name}")
    rounds: list[list[bytes]] = []
    seldom, sessions = rng.randrange(3, ROUNDS - 1), rng.sample(range(1, ROUNDS), 3)
    try:
        world.build()
        for n in range(ROUNDS):
            work = record.jobs(n)
            visits = record.visits(rng)
            if rare and n == seldom:
                work.append(rare)
            if rare == "deploy" and n == seldom:
                world.publish("cp release.txt ../data/release.txt\n")
            if n in sessions:
                visits.append(partial(world.login, rng.choice(SESSIONS)))
            visits += rng.choices(PICTURES, k=2)
            if attack:
                attack.prepare.get(n, lambda: None)()
                work += attack.work.get(n, [])
                at = rng.randint(2, len(visits))
                visits[at:at] = attack.visits.get(n, [])
            if n == ROUNDS - 1:  # the administrator looks once more at the end of each day
                visits.append(partial(world.login, SESSIONS[0]))
            rounds.append(record.round_(rng, work, visits))
    finally:
        shutil.rmtree(SHOP, ignore_errors=True)
        for path in loot():
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
    return list(record.shifted(rounds, start, rng))


def upload() -> None:
    """Upload a picture as the administrator does."""
    world.picture("table.txt", b"a table\n")


def look() -> None:
    """Fetch a picture as visitors do."""
    world.picture("table.txt")


PICTURES: tuple[Visit, ...] = (upload, look, look)


def loot() -> list[Path]:
    """Return the files that attacks leave outside the shop, as far as they exist."""
    names = (".u", ".b", ".s2", ".s3", ".s4", ".k", ".r", ".loot", ".loot.tar", ".loot.enc")
    return [path for name in (*names, "kworker") if (path := Path("/tmp") / name).exists()]


def compiled(source: bytes) -> bytes:
    """Return the program of a C source."""
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "made"
        command = ["/usr/bin/gcc", "-O1", "-s", "-x", "c", "-o", str(made), "-"]
        subprocess.run(command, input=source, check=True, env=record.ENVIRONMENT)
        return made.read_bytes()


def save(path: Path, lines: list[bytes]) -> None:
    """Write a day."""
    path.parent.mkdir(parents=True, exist_ok=True)
    record.write_log(path, lines)
    print(f"{path.relative_to(DATA)}: {len(lines)} lines, {path.stat().st_size} bytes", flush=True)


if __name__ == "__main__":
    os.umask(0o022)
    main()
