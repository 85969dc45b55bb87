"""The OTRF captures laid as logs of nights that follow each other.

The lab was switched on now and then, over half a year. Here each UTC day on which captures begin is
one night, in their order, without the days between: all times of a capture are moved by one whole
number of days, so hours, distances and what one host's clock says of another stay as they were. A
capture that goes on past midnight does so here. Records are as the lab sent them, apart from that;
in what is laid again, processes have ids of their own, as they would.
"""

import re
import zipfile
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from pathlib import Path

from graphad.store.manifest import Source

# A date alone may be part of a path; with an hour behind it, it is a time.
_TIME = re.compile(rb"\b(20\d\d-\d\d-\d\d)(?=[T ]\d\d:\d\d)")
_GUID = re.compile(rb"(ProcessG(?:uid|UID)\"?:\s*\"?\{[0-9A-Fa-f]{8}-)([0-9A-Fa-f]{4})")
_HOST = re.compile(rb"(?i)(?=(?:WORKSTATION[56]|MORDORDC)\b)")
_NET = re.compile(rb"\b172\.18\.(?=\d)")


def blocks(sources: Sequence[Source]) -> dict[date, list[Path]]:
    """Return the archives whose records begin on each UTC day, by day; empty ones are left out."""
    found: dict[date, set[Path]] = {}
    for one in sources:
        if one.start is not None:
            day = datetime.fromtimestamp(one.start // 1_000_000, UTC).date()
            found.setdefault(day, set()).add(Path(one.path.partition("!")[0]))
    return {day: sorted(found[day]) for day in sorted(found)}


def moved(line: bytes, days: int, copy: int = 0, lab: int = 0) -> bytes:
    """Return a record with its times moved by whole days.

    copy: which process ids by GUID it has, 0 for those it had; lab: which names and addresses its
    hosts have, so that several labs can run at once, 0 for those they had.

    >>> moved(b'{"UtcTime":"2020-08-31 05:20:11.1","Image":"C:\\\\\\\\a_2020-08-31"}', 2)
    b'{"UtcTime":"2020-09-02 05:20:11.1","Image":"C:\\\\\\\\a_2020-08-31"}'
    """
    line = _TIME.sub(lambda match: _later(match[1], days), line)
    if copy:
        line = _GUID.sub(lambda match: match[1] + b"%04x" % (int(match[2], 16) ^ copy), line)
    if lab:
        line = _NET.sub(b"172.%d." % (18 + lab), _HOST.sub(b"L%d" % lab, line))
    return line


@lru_cache(10_000)
def _later(day: bytes, days: int) -> bytes:
    try:
        return (date.fromisoformat(day.decode()) + timedelta(days=days)).isoformat().encode()
    except ValueError:  # digits that are no date
        return day


def lay(archives: Mapping[Path, date], to: date, folder: Path, copy: int = 0, lab: int = 0) -> int:
    """Write captures, by the day they are of, as logs of another day; return bytes written.

    Logs lie as the archives do, below `atomic`, so what of them is an attack is known by the path.
    """
    size = 0
    for archive, day in archives.items():
        at = archive.parts.index("atomic")
        log = folder.joinpath(f"{copy}-{lab}", *archive.parts[at:-1], f"{archive.name}.json")
        log.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(archive) as packed, log.open("wb") as out:
            for name in packed.namelist():
                with packed.open(name) as member:
                    for line in member:
                        size += out.write(moved(line, (to - day).days, copy, lab))
    return size
