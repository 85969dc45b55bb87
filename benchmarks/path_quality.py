"""How well the path detector tells attacks from routine, on four kinds of data.

tests: Atomic Red Team tests (atomic-evtx-4cats), each judged with others as its baseline; lab: all
OTRF captures in one store, judged against themselves; then the recorded demo in variants, with
quiet days as a baseline; then CADETS's buildinject trace. Each mode beside plain counts of
launches. The two first and the last need captures in $GRAPHAD_DATA and are left out where these are
absent. Labels are for judging alone.
"""

import sys
from collections.abc import Iterable

from benchmarks import (
    captures,
    harness,
    path_quality_cdm,
    path_quality_demo,
    quality_lab,
    quality_tests,
)
from benchmarks.harness import Options, Row


def measure(options: Options) -> Iterable[Row]:
    """Judge all four."""
    if captures.data() is None:
        print("No captures; set GRAPHAD_DATA for the parts tests and lab.", file=sys.stderr)
    yield from quality_tests.measure(options)
    yield from quality_lab.measure(options)
    yield from path_quality_demo.measure(options)
    yield from path_quality_cdm.measure(options)


if __name__ == "__main__":
    sys.exit(harness.main(__doc__, measure))
