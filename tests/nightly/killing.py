"""A process that forks children which run a night and are killed in the middle, see crashing.py."""

import json
from pathlib import Path
from typing import Any

from graphad.nightly.night import Plan, run
from graphad.workspace import Workspace
from tests.nightly import days
from tests.store import crashing

NUMBER = 1  # of the night that is killed
PATHS: dict[str, Any] = {"path": {"span_s": 3600.0, "max_length": 3}}
BOTH = PATHS | {"event": {}}


def plan(logs: list[str], number: int = NUMBER, **changed: Any) -> Plan:
    """Return the plan of a night over the days before as well, of few days that stay."""
    given: dict[str, Any] = {
        "budget": 2.0, "learn_days": 1, "keep_days": 1, "ingest": {"parser": days.parser},
        "detectors": PATHS,
    }  # fmt: skip
    return Plan(days.day(number), logs, **(given | changed))


def night(store: Any, logs: Path) -> None:
    """Run the night of the logs that a file names."""
    run(Workspace(store.path), plan(json.loads((logs / "logs.json").read_text()), detectors=BOTH))


def serve() -> None:
    """Serve requests on stdin until it ends."""
    import tempfile

    crashing.ACTIONS["night"] = night
    with tempfile.TemporaryDirectory() as scratch:  # what is compiled and loaded here stays
        folder = Path(scratch)
        for number in range(2):
            logs = days.write(folder, number, *days.attack(number), hosts=days.HOSTS[:2])
            run(Workspace(folder / "s"), plan(logs, number, detectors=BOTH))
    crashing.answer()
