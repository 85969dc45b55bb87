"""Every record is there exactly once, whatever is done to a log between two runs of ingest."""

import gzip
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, rule

from graphad.store import Store
from tests.toy import line, toy


def held(store: Store) -> Counter[tuple[int, str]]:
    """Return (time, file) of each record, by which tests know a line."""
    rows = store.sql("SELECT epoch(ts)::BIGINT AS t, exe, file_path FROM records").to_pylist()
    return Counter((row["t"], row["file_path"]) for row in rows)


def said(i: int) -> tuple[int, str]:
    """Return what `held` has of a line."""
    stamp, _, _, path = line(i).split()
    return int(stamp), path


class Logs(RuleBasedStateMachine):
    """Logs grow, rotate, are packed, renamed, copied, split, cut and joined, and ingested."""

    files = Bundle("files")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="graphad-"))
        self.store = Store(self.folder / "store")
        self.made = 0
        self.count = 0
        self.content: dict[Path, bytes] = {}
        self.ingested: set[int] = set()  # lines that were whole in something ingested
        self.live: set[Path] = set()  # what is still written to; no copy is
        self.rotated: dict[Path, bytes] = {}  # what was moved out of a live log

    def new(self, content: bytes) -> Path:
        self.count += 1
        path = self.folder / f"{self.count:03d}.log"
        self.put(path, content)
        return path

    def put(self, path: Path, content: bytes) -> None:
        self.content[path] = content
        path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)

    def lines(self, pairs: int) -> bytes:
        """Return new lines, an even number: a piece that overlaps does so by two or more."""
        count = 2 * pairs
        self.made += count
        return b"".join(line(3 * i).encode() + b"\n" for i in range(self.made - count, self.made))

    def cut(self, path: Path, share: float) -> tuple[bytes, bytes]:
        """Return the two parts of a file, both of an even number of lines."""
        lines = self.content.get(path, b"").splitlines(keepends=True)
        at = int(share * len(lines)) // 2 * 2
        return b"".join(lines[:at]), b"".join(lines[at:])

    @rule(target=files, count=st.integers(1, 6))
    def begin(self, count: int) -> Path:
        path = self.new(self.lines(count))
        self.live.add(path)
        return path

    @rule(path=files, count=st.integers(1, 4))
    def grow(self, path: Path, count: int) -> None:
        if path in self.live:
            self.put(path, self.content[path] + self.lines(count))

    @rule(path=files, share=st.floats(0.05, 0.95), count=st.integers(1, 4))
    def grow_while_read(self, path: Path, share: float, count: int) -> None:
        """Ingest a log whose last line is half written, then write the other half."""
        if path not in self.live:
            return
        before, more = self.content[path], self.lines(count)
        last = more.rstrip(b"\n").rfind(b"\n") + 1
        cut = last + max(1, int(share * (len(more) - last - 1)))
        self.put(path, before + more[:cut])
        self.ingest(path)
        self.put(path, before + more)
        self.ingest(path)

    @rule(target=files, path=consumes(files))
    def rename(self, path: Path) -> Path:
        content = self.content.pop(path, b"")
        path.unlink(missing_ok=True)
        renamed = self.new(content)
        if path in self.live:
            self.live.remove(path)
            self.live.add(renamed)
            self.rotated[renamed] = self.rotated.pop(path, b"")
        return renamed

    @rule(target=files, path=files)
    def pack(self, path: Path) -> Path:
        self.count += 1
        packed = self.folder / f"{self.count:03d}.gz"
        self.put(packed, self.content.get(path, b""))
        return packed

    @rule(target=files, path=files, share=st.floats(0, 1))
    def copy_of_the_beginning(self, path: Path, share: float) -> Path:
        """Keep a copy from when the log was shorter."""
        return self.new(self.cut(path, share)[0])

    @rule(target=files, path=files, share=st.floats(0, 1))
    def copy_of_the_end(self, path: Path, share: float) -> Path:
        return self.new(self.cut(path, share)[1])

    @rule(target=files, path=files, share=st.floats(0, 1))
    def rotate(self, path: Path, share: float) -> Path:
        """Move the first part of a log to another file; it goes on with the rest."""
        first, rest = self.cut(path, share)
        if path in self.live:
            self.put(path, rest)
            self.rotated[path] = self.rotated.get(path, b"") + first
        return self.new(first)

    @rule(target=files, path=files)
    def join(self, path: Path) -> Path:
        """Write all that was rotated off a log, and what it has now, into one file."""
        return self.new(self.rotated.get(path, b"") + self.content.get(path, b""))

    @rule(path=files)
    def ingest(self, path: Path) -> None:
        if not self.content.get(path):
            return
        self.store.ingest(path, parser=toy)
        whole = self.content[path].rpartition(b"\n")[0].splitlines()
        self.ingested |= {int(text.split()[0]) for text in whole}
        if self.content[path].endswith(b"\n"):
            self.exactly_once()

    @rule(some=st.lists(files, min_size=2, max_size=4, unique=True))
    def ingest_together(self, some: list[Path]) -> None:
        some = [path for path in some if self.content.get(path)]
        if some:
            self.store.ingest(some, parser=toy)
            for path in some:
                self.ingested |= {int(t.split()[0]) for t in self.content[path].splitlines()}
            self.exactly_once()

    @rule(path=files)
    def replace(self, path: Path) -> None:
        if self.content.get(path):
            self.store.ingest(path, parser=toy, replace=True)
            self.ingested |= {int(t.split()[0]) for t in self.content[path].splitlines()}
            self.exactly_once()

    @rule()
    def compact(self) -> None:
        self.store.compact()

    def exactly_once(self) -> None:
        found = Counter(t for t, _ in held(self.store).elements())
        assert found == Counter(self.ingested)

        self.all_is_accounted_for()

    def all_is_accounted_for(self) -> None:
        for s in self.store.sources:
            assert s.read == s.used + sum(s.ignored.values()) + s.rejected
        [row] = self.store.sql(
            "SELECT (SELECT count(*) FROM rejects) AS rejects, "
            "(SELECT count(*) FROM edges) AS edges"
        ).to_pylist()
        assert row["rejects"] == sum(s.rejected for s in self.store.sources)
        assert row["edges"] == sum(s.edges for s in self.store.sources)
        counts = self.store.sql("SELECT coalesce(sum(n), 0)::BIGINT AS n FROM counts").to_pylist()
        assert counts == [{"n": row["edges"]}]


@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
def test_a_log_that_went_on_in_another_file_is_not_there_twice(share: float) -> None:
    """The last source of the log is one record, which the file that goes on has as well."""
    logs = Logs()
    path = logs.begin(count=1)
    logs.grow_while_read(count=1, path=path, share=share)
    logs.rotate(path=path, share=0.5)
    logs.grow_while_read(count=1, path=path, share=share)


TestLogs = Logs.TestCase
TestLogs.settings = settings(
    max_examples=12, stateful_step_count=14, deadline=None,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
