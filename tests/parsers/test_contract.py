"""What every parser promises, on its own samples: nothing lost, nothing twice, never raises."""

import random
from pathlib import Path

import pytest

from graphad import formats
from graphad.store import Store

SAMPLES = Path(__file__).parents[2] / "sample_logs"
PARSERS = formats.load_all()
NAMES = sorted(PARSERS)
# These have scanners of their own; others share decoders, so that a few trials of each are enough,
# and of one sample where a trial takes seconds.
SCANNERS = {"auditd", "evtx", "strace", "text", "windows"}
TRIALS = {name: (8, 2) if name in SCANNERS else (2, 1) for name in NAMES}
every_parser = pytest.mark.parametrize("name", NAMES)


def samples(name: str) -> list[Path]:
    found = sorted(p for p in (SAMPLES / name).iterdir() if p.is_file())
    assert found, f"{name} has no sample"
    return found


def balanced(store: Store) -> bool:
    return all(
        s.read == s.used + sum(s.ignored.values()) + s.rejected for s in store.sources
    ) and store.sql("SELECT count(*) AS n FROM rejects").to_pylist() == [
        {"n": sum(s.rejected for s in store.sources)}
    ]


@every_parser
def test_samples_are_recognised_and_used(name: str, tmp_path: Path) -> None:
    store = Store(tmp_path / "s")
    done = store.ingest(samples(name))
    assert {one.format for one in done} == {name}
    assert all(one.used and one.edges for one in done)
    assert balanced(store)
    events = store.sql("SELECT * FROM events")
    assert not any(events[c].null_count for c in ("ts", "host", "src", "dst", "action", "line"))


@every_parser
def test_hostile_bytes_hide_no_line(name: str, tmp_path: Path) -> None:
    if PARSERS[name].binary:
        pytest.skip("its records are no lines")
    lines = samples(name)[0].read_bytes().removeprefix(b"\xef\xbb\xbf").splitlines()
    log = tmp_path / "hostile.log"
    log.write_bytes(b"\n".join([*lines, b"\xff\x00" + lines[0], b"", lines[0], b"\xed\xb0\x80"]))
    store = Store(tmp_path / "s")
    [done] = store.ingest(log, parser=name)
    assert done.read >= 1
    assert balanced(store)


@every_parser
def test_garbage_hides_no_binary_record(name: str, tmp_path: Path) -> None:
    if not PARSERS[name].binary:
        pytest.skip("its records are lines")
    sample = samples(name)[0].read_bytes()
    log = tmp_path / "hostile.log"
    log.write_bytes(sample + b"\xff\x00\n" + sample + b"\n\n" + sample[:-1] + b"\xed\xb0\x80")
    store = Store(tmp_path / "s")
    [once] = Store(tmp_path / "once").ingest(samples(name)[0], parser=name)
    [done] = store.ingest(log, parser=name)
    assert (done.used, done.ignored) == (3 * once.used, 3 * once.ignored)
    assert 0 < done.rejected == done.read - 3 * once.read
    assert balanced(store)


@every_parser
def test_mutated_samples_are_accounted_for(name: str, tmp_path: Path) -> None:
    luck = random.Random(7)
    text = samples(name)[0].read_bytes()
    for trial in range(TRIALS[name][0]):
        data = bytearray(text)
        for _ in range(luck.randint(1, 40)):
            at = luck.randrange(len(data.rstrip(b"\0")) or len(data))  # not in empty space
            change = luck.randrange(4)
            if change == 0:
                data[at] = luck.randrange(256)
            elif change == 1:
                del data[at : at + luck.randint(1, 30)]
            elif change == 2:
                data[at:at] = bytes(
                    luck.choices(b'"\\{}[],:<>()\n\x00\x1b\xff=', k=luck.randint(1, 5))
                )
            else:
                data[at:at] = data[max(0, at - 50) : at]
            if not data:
                data = bytearray(text)
        log = tmp_path / f"{trial}.log"
        log.write_bytes(data)
        store = Store(tmp_path / f"s{trial}")
        store.ingest(log, parser=name)
        assert balanced(store)


def told(store: Store) -> dict[str, list[dict[str, object]]]:
    """Return all rows of a store without the number of their source."""
    found = {}
    for table in ("records", "rejects"):
        rows = store.sql(f'SELECT * EXCLUDE (source) FROM {table} ORDER BY record, "offset"')
        found[table] = rows.to_pylist()
    edges = store.sql(
        """SELECT record, ordinal, ts, e.host, s.key AS src, d.key AS dst, s.label, d.label,
                  action, outcome
           FROM edges e JOIN entities s ON s.id = src JOIN entities d ON d.id = dst
           ORDER BY record, ordinal"""
    )
    found["edges"] = edges.to_pylist()
    return found


@every_parser
def test_a_log_that_grew_is_the_log(name: str, tmp_path: Path) -> None:
    """Read in parts that end anywhere, in the middle of a record too, it gives the same rows."""
    luck = random.Random(name)
    for number, sample in enumerate(samples(name)[: None if name in SCANNERS else 1]):
        text = sample.read_bytes()
        at_once = Store(tmp_path / f"{number}.once")
        at_once.ingest(sample, parser=name)
        for trial in range(TRIALS[name][1]):
            log = tmp_path / f"{number}.log"
            store = Store(tmp_path / f"{number}.{trial}")
            for end in sorted(luck.sample(range(1, len(text)), 3)):
                log.write_bytes(text[:end])
                store.ingest(log, parser=name)
            log.write_bytes(text)
            store.ingest(log, parser=name)
            assert told(store) == told(at_once), text[:end][-80:]
            assert balanced(store)
            store.compact()
            assert told(store) == told(at_once)


@every_parser
def test_line_order_of_files_does_not_change_what_is_known(name: str, tmp_path: Path) -> None:
    found: list[list[str]] = []
    for order in (samples(name), samples(name)[::-1]):
        store = Store(tmp_path / str(len(found)))
        for path in order:
            store.ingest(path, parser=name)
        rows = store.sql("SELECT ts, host, src_type, src, action, dst_type, dst FROM events")
        found.append(sorted(map(str, rows.to_pylist())))
    assert found[0] == found[1]
