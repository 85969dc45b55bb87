"""A small store with a routine and an odd chain of events, hunted, for tests of what people say."""

from pathlib import Path

from graphad.workspace import Workspace, open_store
from tests.toy import toy

ODD = [
    "1700000400 /bin/sh read /data/f1",
    "1700000401 /bin/sh write /tmp/x",
    "1700000402 /bin/evil read /tmp/x",
    "1700000403 /bin/evil write /data/loot",
    "what is this",
]


def routine(i: int) -> str:
    """Return a line that depends on its number alone; few kinds of them, so all paths are found."""
    action = ("read", "write", "idle")[i % 3]
    return f"{1_700_000_000 + i} /bin/p{i % 2} {action} /data/f{i % 4}"


def hunted(folder: Path) -> Workspace:
    """Return a store that was hunted without a baseline."""
    log = folder / "a.log"
    log.write_text("".join(text + "\n" for text in [*map(routine, range(390)), *ODD]))
    store = open_store(folder / "store")
    store.hunt([log], settings={"max_length": 4}, parser=toy)
    store.score()
    return store
