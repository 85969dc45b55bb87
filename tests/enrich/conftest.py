"""One store for all tests of the enricher: invented events of a day and a half, and its models."""

from pathlib import Path
from typing import NamedTuple

import pytest

from graphad.enrich import Enricher
from graphad.workspace import Workspace, open_store
from tests.enrich.events import events, lines, odd


class Made(NamedTuple):
    """A store, the lines that it was made of, and its event model."""

    store: Path
    log: Path
    model: Path


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("enrich")
    log = folder / "events.json"
    log.write_bytes(b"\n".join(lines([*events(4000), odd()])) + b"\n")
    store = open_store(folder / "store")
    store.ingest([log])
    name = store.fit(detector="event")
    return Made(folder / "store", log, folder / "store" / "models" / "event" / name)


@pytest.fixture(scope="session")
def store(made: Made) -> Workspace:
    return open_store(made.store, create=False)


@pytest.fixture(scope="session")
def enricher(made: Made) -> Enricher:
    return Enricher.load(made.model)
