"""What a night has done so far: one small file a day, so that a killed night goes on where it was.

A stage is done for a key, a digest of all that it depends on. The same command finds the same keys
and repeats nothing; a log that came late changes those it matters to.
"""

import hashlib
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec

from graphad.store import Store
from graphad.store.manifest import sync_folder, write_atomic

FOLDER = "nightly"
DAY = 86_400_000_000  # us


class File(msgspec.Struct):
    """A log as it was when it was read: bytes, time of change (ns), its sources in the store."""

    size: int
    changed: int
    sources: list[int] = []
    note: str = ""  # why nothing of it could be read


class Stage(msgspec.Struct):
    """A finished stage: what it was done for, how long it took, what it says of itself."""

    key: str
    seconds: float
    told: dict[str, Any] = {}


class Night(msgspec.Struct):
    """What is known of the night of one UTC day (YYYY-MM-DD).

    files: logs by path, as they were read; findings: ids of what this day has, by detector; judges,
    learned: the model that judged the day and the one that was fitted after it, by detector.
    """

    day: str
    files: dict[str, File] = {}
    stages: dict[str, Stage] = {}
    findings: dict[str, list[str]] = {}
    judges: dict[str, str] = {}
    learned: dict[str, str] = {}
    version: int = 1

    @property
    def sources(self) -> list[int]:
        """Return the sources of its logs."""
        return sorted({number for file in self.files.values() for number in file.sources})

    @property
    def begin(self) -> int:
        """Return when the day begins, us."""
        return microseconds(date.fromisoformat(self.day))

    @property
    def end(self) -> int:
        """Return when it ends, not counted in, us."""
        return self.begin + DAY

    def done(self, stage: str, key: str) -> bool:
        """Return whether a stage was finished for a key."""
        return stage in self.stages and self.stages[stage].key == key


def microseconds(day: date) -> int:
    """Return when a day begins, us.

    >>> microseconds(date(1970, 1, 2))
    86400000000
    """
    return (day - date(1970, 1, 1)).days * DAY


def back(day: str, days: int) -> str:
    """Return the day so many days before.

    >>> back("2026-03-01", 1)
    '2026-02-28'
    """
    return (date.fromisoformat(day) - timedelta(days=days)).isoformat()


def key(*parts: Any) -> str:
    """Return the digest of what a stage depends on."""
    return hashlib.sha256(msgspec.json.encode(parts, order="deterministic")).hexdigest()[:16]


def content(store: Store, begin: int, end: int) -> list[tuple[str, int, int]]:
    """Return what of the store's sources may lie in [begin, end): digest, records, edges."""
    return sorted(
        (one.digest, one.records, one.edges)
        for one in store.sources
        if one.start is not None and one.end is not None
        and one.start < end and one.end >= begin and one.same_as is None
    )  # fmt: skip


def load(store: Path, day: str) -> tuple[Night, bool]:
    """Return the night of a day, a new one if there was none; and whether its file was damaged."""
    path = store / FOLDER / f"{day}.json"
    try:
        night = msgspec.json.decode(path.read_bytes(), type=Night)
    except FileNotFoundError:
        return Night(day), False
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return Night(day), True
    return (night, False) if night.day == day and night.version == 1 else (Night(day), True)


def save(store: Path, night: Night) -> None:
    """Write the night so that its file is there whole or as it was."""
    write_atomic(
        store / FOLDER / f"{night.day}.json", msgspec.json.format(msgspec.json.encode(night))
    )


def nights(store: Path) -> list[Night]:
    """Return the nights that there were, by day; damaged ones are left out."""
    days = sorted(path.stem for path in (store / FOLDER).glob("*-*-*.json"))
    found = (load(store, day) for day in days)
    return [night for night, damaged in found if not damaged]


def sweep(store: Path) -> None:
    """Make the folder, and remove what a killed night left; only under the night's lock."""
    (store / FOLDER).mkdir(mode=0o700, exist_ok=True)
    sync_folder(store)
    for path in (store / FOLDER).glob(".*.tmp"):
        path.unlink(missing_ok=True)


def forget(store: Path, day: str) -> None:
    """Remove what is known of a night."""
    (store / FOLDER / f"{day}.json").unlink(missing_ok=True)
