"""A store that cannot be read while a night learns is an error, not too few days."""

from pathlib import Path
from typing import Any

import pytest

from graphad.errors import GraphadError, SchemaError
from graphad.nightly import learn
from graphad.workspace import Workspace


@pytest.mark.parametrize("error", [SchemaError("cannot be read"), GraphadError("too few")])
def test_only_too_little_is_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: GraphadError
) -> None:
    class Failing:
        def learn(self, window: Any) -> None:
            raise error

    monkeypatch.setattr("graphad.detectors.registry.made", lambda *_: Failing())
    monkeypatch.setattr(learn, "divided", lambda *_: 1)
    monkeypatch.setattr(learn, "events_by_day", lambda *_: {0: 1})
    given: Any = (Workspace(tmp_path / "store"), "path", {}, 0, 2, (None, None), 1.0, "", print)
    if isinstance(error, SchemaError):
        with pytest.raises(SchemaError):
            learn.learn(*given)
    else:
        assert learn.learn(*given) == ("", str(error))
