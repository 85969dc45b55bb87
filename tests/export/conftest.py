"""What tests of exports share."""

import pytest

from graphad.workspace import Workspace
from tests.export.planted import stored


@pytest.fixture(scope="session")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Return a store with findings of all detectors, with planted secrets and names."""
    return stored(tmp_path_factory.mktemp("planted"))
