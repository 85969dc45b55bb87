"""Invented days of a few hosts, a routine and an attack, and a parser small enough to predict."""

import random
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from graphad.parse import Parser, matching

HOSTS = ("alpha", "beta", "gamma")
FIRST = date(2026, 11, 18)
ATTACK = (
    "/usr/sbin/webd write /srv/drop.bin",
    "/srv/drop.bin read /etc/keys.db",
    "/srv/drop.bin write /srv/out.bin",
)

parser = Parser(
    name="days",
    about="for tests",
    sniff=lambda head: 1.0 if head[:2] == b"17" and b" /" in head else 0.0,
    decoder=matching(
        r"(?P<_stamp>\d+) (?P<host>\S+) (?P<exe>\S+) (?P<action>\S+) (?P<file_path>\S+)"
    ),
    mapping="""
        SELECT record, make_timestamp(_stamp::BIGINT * 1000000) AS ts, host, action,
               CASE action WHEN 'read' THEN 'file' ELSE 'process' END AS src_type,
               CASE action WHEN 'read' THEN file_path ELSE exe END AS src_key,
               CASE action WHEN 'read' THEN 'process' ELSE 'file' END AS dst_type,
               CASE action WHEN 'read' THEN exe ELSE file_path END AS dst_key
        FROM raw WHERE action IN ('read', 'write')""",
)


def day(number: int) -> date:
    """Return the day of a number, from 0."""
    return FIRST + timedelta(days=number)


def seconds(number: int) -> int:
    """Return the midnight of a day, seconds since 1970."""
    return int(datetime.combine(day(number), datetime.min.time(), UTC).timestamp())


def lines(number: int, hosts: tuple[str, ...] = HOSTS, *, an_hour: int = 6) -> list[str]:
    """Return the routine of a day, in time order: programs reading and writing their files."""
    draw = random.Random(number)
    found = []
    for hour in range(24):
        for host in hosts:
            for _ in range(an_hour):
                at = seconds(number) + 3600 * hour + draw.randrange(3000)
                program = draw.choice(("webd", "dbd", "cron", "shell"))
                action = draw.choice(("read", "write"))
                file = f"/var/{program}/f{min(int(draw.expovariate(0.7)), 5)}"
                found.append(f"{at} {host} /usr/sbin/{program} {action} {file}")
    return sorted(found)


def attack(number: int, host: str = "beta", hour: int = 13) -> list[str]:
    """Return the attack, always the same, on a day."""
    at = seconds(number) + 3600 * hour + 3100
    return [f"{at + 5 * i} {host} {text}" for i, text in enumerate(ATTACK)]


def write(folder: Path, number: int, *more: str, hosts: tuple[str, ...] = HOSTS) -> list[str]:
    """Write a day's logs, one a host, named as dumps are; return their paths."""
    found = []
    place = folder / day(number).isoformat()
    place.mkdir(parents=True, exist_ok=True)
    every = sorted([*lines(number, hosts), *more])
    for host in hosts:
        log = place / f"{host}-{day(number):%Y%m%d}.log"
        log.write_text("".join(f"{text}\n" for text in every if text.split()[1] == host))
        found.append(str(log))
    return found
