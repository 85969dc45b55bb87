"""How long a report takes to write and to open, by how many findings it has.

Findings are made up as a hunt gives them (tests/report_store.py), log lines included. It is opened
three times in a headless Chromium, if there is one; the first open of a browser's life is left out.
With a store's folder in $GRAPHAD_REPORT_STORE the report of that is measured too.
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from benchmarks import harness
from benchmarks.harness import Options, Row
from graphad.report import report
from graphad.workspace import Workspace
from tests.browser import CHROMIUM, MISSING, browser
from tests.report_store import plenty, stored

OPENED_S = 3.0  # with 5,000 findings, at most


def written(name: str, store: Workspace, page: Path) -> Iterable[Row]:
    """Write the report of a store to a file; return rows on that."""
    begun = time.process_time()
    facts = report(store, page)
    took = time.process_time() - begun
    what = f"{name}: {len(facts.findings):,} findings"
    yield Row(f"{what}, CPU to write", took, "s")
    yield Row(f"{what}, size", page.stat().st_size / 1e6, "MB")


def measure(options: Options) -> Iterable[Row]:
    """Return rows for 1, 50 and 5,000 findings, and for a store that was named."""
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        pages = {}
        for count in (1, 50) if options.quick else (1, 50, 5000):
            store = stored(scratch / f"{count}.store", plenty(count))
            pages[f"made up, {count:,}"] = scratch / f"{count}.html"
            yield from written("made up", store, scratch / f"{count}.html")
        if named := os.environ.get("GRAPHAD_REPORT_STORE"):
            pages["the store named"] = scratch / "named.html"
            yield from written("the store named", Workspace(named, create=False),
                               scratch / "named.html")  # fmt: skip
        if CHROMIUM is None:
            print(MISSING, file=sys.stderr)
            return
        with browser(scratch / "profile") as window:
            window.looks()
            window.open(next(iter(pages.values())))
            for name, page in pages.items():
                took = statistics.median(window.open(page) for _ in range(3))
                yield Row(f"{name}: until it can be used", took, "s",
                          target=OPENED_S, met=took <= OPENED_S)  # fmt: skip
                assert not window.said, window.said


if __name__ == "__main__":
    sys.exit(harness.main(__doc__, measure))
