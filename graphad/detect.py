"""What every detector has in common: its protocol, and how it is saved and loaded.

A model is a folder with manifest.json and tensors.safetensors: numbers and text, never code. The
manifest names each file's SHA-256; a file that differs is refused.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from graphad.errors import ModelError

Unit: TypeAlias = Literal["path", "event", "window", "relation"]
FORMAT = 1  # of model folders
Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]


class Detector(Protocol):
    """Fits on counts and graphs of the past, scores a graph."""

    name: ClassVar[str]
    unit: ClassVar[Unit]

    def save(self, folder: Path) -> None:
        """Write the fitted model."""
        ...

    @classmethod
    def load(cls, folder: Path) -> "Detector":
        """Return a fitted model that `save` wrote."""
        ...


def _text_array(texts: list[str]) -> npt.NDArray[np.uint8]:
    return np.frombuffer(json.dumps(texts).encode("utf-8", "surrogatepass"), np.uint8)


def save_model(
    folder: Path, detector: str, settings: Mapping[str, object], arrays: Arrays,
    texts: Mapping[str, list[str]],
) -> None:  # fmt: skip
    """Write a model folder; it is there whole or not at all. `texts` are kept as JSON bytes."""
    from safetensors.numpy import save

    tensors = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    tensors |= {f"text:{name}": _text_array(values).copy() for name, values in texts.items()}
    data = save(tensors)
    manifest = {
        "format": FORMAT,
        "detector": detector,
        "settings": settings,
        "files": {"tensors.safetensors": hashlib.sha256(data).hexdigest()},
    }
    aside = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    aside.mkdir(parents=True)
    (aside / "tensors.safetensors").write_bytes(data)
    (aside / "manifest.json").write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n")
    for path in aside.iterdir():
        handle = os.open(path, os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)
    if folder.exists():
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
    aside.rename(folder)


def load_model(
    folder: Path, detector: str
) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]], dict[str, list[str]]]:
    """Return settings, arrays and texts of a model folder.

    Raises: ModelError if a file is missing, damaged, foreign, or of another detector.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        manifest = json.loads((folder / "manifest.json").read_bytes())
        wanted = manifest["files"]["tensors.safetensors"]
        settings, kind, version = manifest["settings"], manifest["detector"], manifest["format"]
    except FileNotFoundError as error:
        raise ModelError(f"{folder} is no model.") from error
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelError(f"{folder}/manifest.json is damaged.") from error
    if kind != detector:
        raise ModelError(f"{folder} is a model of {kind!r}, not of {detector!r}.")
    if version != FORMAT:
        raise ModelError(f"{folder} has format {version!r}; this graphad reads {FORMAT}.")
    path = folder / "tensors.safetensors"
    try:
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != wanted:
            raise ModelError(f"{path} is damaged.")
        held = load(data)
        texts = {
            name[5:]: list(json.loads(bytes(held[name]).decode("utf-8", "surrogatepass")))
            for name in held
            if name.startswith("text:")
        }
    except (OSError, SafetensorError, ValueError) as error:
        raise ModelError(f"{path} is damaged.") from error
    arrays = {name: array for name, array in held.items() if not name.startswith("text:")}
    return settings, arrays, texts
