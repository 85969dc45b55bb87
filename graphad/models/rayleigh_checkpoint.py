"""A training that was stopped goes on where it was: its whole state in one file, numbers and text.

A resumed training gives the bytes that an undisturbed one gives. A file of other graphs, settings
or seeds, or a damaged one, is not used.
"""

import hashlib
import json
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Arrays = dict[str, npt.NDArray[Any]]

EVERY = 5.0  # seconds between two writes: an epoch may take less than writing


@dataclass
class Checkpoint:
    """The file that a training of one key keeps its state in; every_s: how often at most."""

    path: Path
    key: str
    every_s: float = field(default_factory=lambda: EVERY)
    _last: float = field(default_factory=time.monotonic, init=False, repr=False)

    def load(self) -> tuple[Arrays, dict[str, Any]] | None:
        """Return the arrays and the rest of a state, None if there is none for this training."""
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(self.path, framework="np") as held:
                told = held.metadata() or {}
                if told.get("key") != self.key:
                    return None
                arrays = {name: held.get_tensor(name) for name in held.keys()}  # noqa: SIM118
                state: dict[str, Any] = json.loads(told["state"])
        except (OSError, SafetensorError, ValueError, KeyError):
            return None
        return (arrays, state) if told.get("digest") == _digest(arrays, told["state"]) else None

    def save(self, arrays: Arrays, state: Mapping[str, Any]) -> None:
        """Write a state, if the last one is old enough; the file is whole at every moment."""
        from safetensors.numpy import save

        if time.monotonic() - self._last < self.every_s:
            return
        told = json.dumps(state)
        made = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        data = save(made, {"key": self.key, "state": told, "digest": _digest(made, told)})
        self.path.parent.mkdir(parents=True, exist_ok=True)
        aside = self.path.with_name(f"{self.path.name}.{os.getpid()}.tmp")
        aside.write_bytes(data)
        aside.replace(self.path)
        self._last = time.monotonic()

    def remove(self) -> None:
        """Remove the file, as the training is done, and what a killed one left half-written."""
        self.path.unlink(missing_ok=True)
        for left in self.path.parent.glob(f"{self.path.name}.*.tmp"):
            left.unlink(missing_ok=True)


def key_of(arrays: Iterable[npt.NDArray[Any]], *settings: object) -> str:
    """Return what tells one training from others: a digest of its graphs and settings."""
    digest = hashlib.sha256(repr(settings).encode())
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _digest(arrays: Arrays, told: str) -> str:
    return key_of([arrays[name] for name in sorted(arrays)], sorted(arrays), told)
