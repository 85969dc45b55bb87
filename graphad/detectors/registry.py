"""The detectors by name, each imported when somebody asks for it.

numba and scipy, which most of them need, take longer to import than most queries take to answer.
"""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import msgspec

from graphad.detect import Detector
from graphad.errors import UnknownName
from graphad.schema import DETECTORS

_PLACES = {
    "path": "path:PathDetector",
    "event": "store_events:StoreEventDetector",
    "window": "window:WindowDetector",
    "relation": "relation:RelationDetector",
}
# What a model is of, where a detector has several kinds; they are named by its setting.
_OTHERS = {("relation", "nearest"): "relation_nearest:NearestDetector"}


def made(detector: str, settings: Mapping[str, Any]) -> Detector:
    """Return a detector that knows nothing. Raises: UnknownName; TypeError: of a setting."""
    if detector not in DETECTORS:
        raise UnknownName.among("detector", detector, DETECTORS)
    other = _OTHERS.get((detector, settings.get("model", "")))
    if other is None:
        return _kind(_PLACES[detector])(**settings)
    return _kind(other)(**{name: value for name, value in settings.items() if name != "model"})


def loaded(detector: str, folder: Path) -> Detector:
    """Return a model of a detector that was kept in a folder. Raises: ModelError."""
    try:
        told = msgspec.json.decode((folder / "manifest.json").read_bytes())
        model = told["settings"]["model"]
        other = _OTHERS.get((detector, model)) if isinstance(model, str) else None
    except (OSError, msgspec.DecodeError, KeyError, TypeError):
        other = None  # the detector's own `load` says what is wrong
    return _kind(other or _PLACES[detector]).load(folder)


def _kind(place: str) -> type[Detector]:
    module, _, name = place.partition(":")
    return cast("type[Detector]", getattr(import_module(f"graphad.detectors.{module}"), name))
