"""The logs of a night: read in batches, each committed, so that a killed night has what it read."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from graphad import reading
from graphad.errors import ParseError
from graphad.nightly.state import File, Night, save
from graphad.store import Store
from graphad.store.manifest import Source

BATCH = 1 << 30  # bytes of logs, as they lie on disk, that are read between two commits
STDIN = "-"
_PACKED = re.compile(r"(\.(gz|zst|xz|bz2|zip|tar|tgz))+$")
_DATE = re.compile(r"(?<!\d)\d{4}([-_./]?)\d\d\1\d\d(?!\d)")
_NUMBER = re.compile(r"\d{6,}")
_ROTATED = re.compile(r"\.\d{1,3}$")


def found(logs: Iterable[str], missing: list[str]) -> dict[str, Path | None]:
    """Return the files that logs (files, folders, globs, `-`) name, by path; None is `-`.

    What is not there is added to `missing`.
    """
    files: dict[str, Path | None] = {}
    for log in logs:
        if log == STDIN:
            files[STDIN] = None
            continue
        try:
            files |= {str(file): file for file in reading.files(log)}
        except ParseError as error:
            missing.append(str(error))
    return files


def read(
    store: Store, night: Night, files: Mapping[str, Path | None],
    watch: Callable[[str, int], None] | None = None, batch: int = BATCH, **options: Any,
) -> int:  # fmt: skip
    """Ingest what of the files the night has not read yet as it is now; return how many.

    options: see Store.ingest. After each batch the night is kept. Raises: ParseError, UnknownName.
    """
    fresh = {}
    for name, path in files.items():
        stamp = _stamp(path)
        if stamp is None or not _same(night.files.get(name), stamp):
            fresh[name] = stamp or File(0, 0)
    for some in _batches(fresh, batch):
        _ingest(store, some, watch=watch, **options)
        night.files |= some
        save(store.path, night)
    return len(fresh)


def _ingest(store: Store, some: dict[str, File], **options: Any) -> None:
    """Ingest files at once, or each by itself if one of them cannot be read; note what came."""
    try:
        done = store.ingest(list(some), **options)
    except ParseError as error:
        if len(some) == 1:
            next(iter(some.values())).note = str(error)
            return
        for name, file in some.items():
            _ingest(store, {name: file}, **options)
        return
    for name, file in some.items():
        mine = [one for one in done if _is_of(one.path, name)]
        file.sources = sorted({one.source for one in mine if one.source is not None})
        file.note = next((one.note for one in mine if one.source is None), "")


def _stamp(path: Path | None) -> File | None:
    """Return how a file is now; None for standard input, which is read each time."""
    if path is None:
        return None
    about = path.stat()
    return File(about.st_size, about.st_mtime_ns)


def _same(known: File | None, now: File) -> bool:
    return known is not None and (known.size, known.changed) == (now.size, now.changed)


def _is_of(path: str, name: str) -> bool:
    if name == STDIN:
        return path in (STDIN, "standard input")
    return path == name or path.startswith(f"{name}!")


def _batches(files: dict[str, File], most: int) -> Iterator[dict[str, File]]:
    batch: dict[str, File] = {}
    size = 0
    for name, file in files.items():
        if batch and size + file.size > most:
            yield batch
            batch, size = {}, 0
        batch[name] = file
        size += file.size
    if batch:
        yield batch


def totals(store: Store, night: Night) -> dict[str, int]:
    """Return what became of the records of a night's logs: read = used + ignored + rejected."""
    known: dict[int, Source] = {one.source: one for one in store.sources}
    mine = [known[number] for number in night.sources if number in known]
    return {
        "read": sum(one.read for one in mine),
        "used": sum(one.used for one in mine),
        "ignored": sum(sum(one.ignored.values()) for one in mine),
        "rejected": sum(one.rejected for one in mine),
        "events": sum(one.edges for one in mine),
    }


def kind_of(path: str) -> str:
    """Return what a log is called whatever night it is of: no date, no long number, not packed.

    >>> kind_of("/dump/2026-11-22/web1/audit-20261122.log.1.gz")
    '/dump/DATE/web1/audit-DATE.log'
    >>> kind_of("sysmon-1795392000.json")
    'sysmon-N.json'
    """
    name = _DATE.sub("DATE", _PACKED.sub("", path))
    return _NUMBER.sub("N", _ROTATED.sub("", name))
