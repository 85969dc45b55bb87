"""What every detector has in common: its protocol, what it finds, how it is saved and loaded.

A model is a folder with manifest.json and tensors.safetensors: numbers and text, never code. The
manifest names each file's SHA-256; a file that differs is refused.
"""

import hashlib
import json
import os
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from graphad.errors import ModelError
from graphad.graph import Graph

Unit: TypeAlias = Literal["path", "event", "window", "relation"]
FORMAT = 1  # of model folders
Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]
Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]
Bools: TypeAlias = npt.NDArray[np.bool_]


WITH = "with "  # begins the kind of a relation: what an event is with
MARK = "mark"  # the term that takes what people called benign down to 0 bits


class Doubt(NamedTuple):
    """One value of an event, given the others: bits = -log2 P(value | others), exactly.

    likely: what would have been, with its probability. Source: equation 12 of our notes on APE.
    """

    column: str
    value: str
    bits: float
    likely: list[tuple[str, float]]
    first_seen: bool


@dataclass(frozen=True)
class Story:
    """What a finding says that is no path: an event of a kind, told by the words of its columns.

    used: the terms to show; count, start, end [us]: of all such events; learned: rows of its kind
    that the model saw. title, parts: if they don't follow from its events: parts add up to the
    score, and so do the events' terms; measure: what it is counted in, bits if not given.
    """

    kind: str
    words: tuple[str, ...]
    used: tuple[str, ...]
    count: int
    start: int
    end: int
    doubts: tuple[Doubt, ...] = ()
    learned: int = 0
    title: str = ""
    parts: tuple[tuple[str, float], ...] = ()
    measure: str = ""


@dataclass(frozen=True)
class Paths:
    """P scored paths of one graph, highest z first; an event is a path of one.

    score [P] bits; z [P]; length [P]; events [P, L] positions in the graph, -1 padded;
    terms [P, L, T] bits, by `names`, zero padded: each row of a path adds up to its score; `used`
    are those that the mode has, the others are zero. stories [P]: see Story; None for paths.
    notes: what people should know besides.
    """

    score: Floats
    z: Floats
    length: Ints
    events: Ints
    terms: Floats
    names: tuple[str, ...]
    used: tuple[str, ...]
    exact: bool = True
    stories: tuple[Story, ...] | None = None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Return the number of paths."""
        return len(self.score)

    def take(self, order: Ints) -> "Paths":
        """Return some paths, in the order given."""
        stories = self.stories and tuple(self.stories[int(i)] for i in order)
        return replace(
            self, score=self.score[order], z=self.z[order], length=self.length[order],
            events=self.events[order], terms=self.terms[order], stories=stories,
        )  # fmt: skip

    def within(self, events: Bools) -> "Paths":
        """Return the paths with their events numbered as in the subset of such events [E].

        All events of the paths have to be in it.
        """
        place = np.append(np.cumsum(events) - 1, -1)  # the last one for the padding
        return replace(self, events=place[self.events])


# A search through a window. It is sent graphs that follow each other in time, in which no unit of
# `slice_s` is cut, then None; it returns what `score` gives for the graph of all, and the graph of
# that. Raises: ValueError: there was no graph.
Search: TypeAlias = Generator[None, Graph | None, tuple[Graph, Paths]]


class Window(Protocol):
    """A stretch of a store's time, as a detector learns from it."""

    def counts(self) -> pa.Table:
        """Return its counts (schema.COUNTS)."""
        ...

    def graph(self, fields: tuple[str, ...] = ()) -> Graph:
        """Return its graph, with what the records say in some fields."""
        ...

    def graphs(self, fields: tuple[str, ...] = (), unit_s: int = 3600) -> Iterator[Graph]:
        """Yield its graph in parts that follow each other, in which no unit of time is cut."""
        ...

    def attacks(self, graph: Graph) -> "Bools | None":
        """Return which events [E] of its graph, or of a part, are known attacks; None: of none."""
        ...

    @property
    def later(self) -> "Window | None":
        """Return the time after it that is kept for calibration: of that, learn attacks alone."""
        ...

    @property
    def scratch(self) -> Path | None:
        """Return a file in which a long training may keep what it has, to go on from later."""
        ...

    @property
    def progress(self) -> Callable[[str], None] | None:
        """Return what is to be told how far a long training is."""
        ...


class Detector(Protocol):
    """Learns from windows of the past, scores graphs; scoring changes nothing."""

    name: ClassVar[str]
    unit: ClassVar[Unit]
    top: int  # how many findings it gives: of each length, or in all

    def __init__(self, **settings: Any) -> None:
        """Make one that knows nothing. Raises: TypeError: there is no such setting."""
        ...

    @property
    def fields(self) -> tuple[str, ...]:
        """Return which fields of records the graphs must have that it scores."""
        ...

    def learn(self, window: Window) -> "Detector":
        """Fit on a window; see the detector's own `fit`."""
        ...

    def update(self, window: Window) -> "Detector":
        """Learn a further window. Raises: GraphadError if it can only be fitted anew."""
        ...

    @property
    def learned(self) -> dict[str, int]:
        """Return how much it has learned, by kind, for people to read."""
        ...

    @property
    def regime(self) -> str:
        """Return how it learned and why so, where there is a choice; else nothing."""
        ...

    @property
    def agreement(self) -> dict[str, float]:
        """Return how well its scores agree with exact ones, by kind, where they are not exact."""
        ...

    def score(
        self, graph: Graph, *, inside: bool = False, covered: Bools | None = None,
        hosts: Iterable[str] | None = None, types: Iterable[str] | None = None,
    ) -> Paths:  # fmt: skip
        """Return what stands out most. inside: the graph is what the fit learned from.

        covered: events [E] that count 0 bits; hosts, types: only events of and between these.
        """
        ...

    @property
    def slice_s(self) -> int | None:
        """Return of how many seconds slices have to be whole; None: a window is held whole."""
        ...

    def search(
        self,
        covered: Callable[[Graph], Bools | None] = ...,
        *,
        inside: bool = False,
        hosts: Iterable[str] | None = None,
        types: Iterable[str] | None = None,
    ) -> Search:
        """Return a search for what `score` gives; see graphad.detect_search for how to run it."""
        ...

    def hourly(self, graph: Graph) -> Iterator[tuple[Graph, Paths]]:
        """Yield what each hour of each host would raise by itself, with the graph of its events."""
        ...

    def crossing(self, graph: Graph) -> Iterator[tuple[Graph, Paths]]:
        """Yield the same of each hour over hosts, if what is found can cross them."""
        ...

    def z_of(self, kind: str, length: int, score: float) -> float:
        """Return the z of a finding of a kind and length, had it this score."""
        ...

    def save(self, folder: Path) -> None:
        """Write the fitted model."""
        ...

    @classmethod
    def load(cls, folder: Path) -> "Detector":
        """Return a fitted model that `save` wrote. Raises: ModelError."""
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


def of_kind(name: str, held: dict[str, Any]) -> dict[str, Any]:
    """Return what of a saved model belongs to one kind."""
    begin = f"{name}/"
    return {key.removeprefix(begin): value for key, value in held.items() if key.startswith(begin)}
