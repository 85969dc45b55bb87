"""What the path detector learns of names, and the terms it gives each event."""

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from graphad.graph import Graph, coded

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]

TERMS = ("sender", "transition", "receiver", "command")
_TINY = 1e-12  # of a bit; keeps a certain link's surprise above zero (GID section 6, item 4)


@dataclass
class NameModel:
    """Statistics of names. V vertices (type and name), R relations (src, action, dst).

    vertex [V] texts "type name"; sender, receiver [V] in (0, 1]; sent [V] events out of a vertex;
    drawn [V] share of events into a vertex among those into its type; relation [R] texts
    "src\\taction\\tdst" by vertex number and seen [R] their events; commands [C] texts
    "vertex\\tshape" and used [C] launches; kinds [V] distinct shapes of a vertex, launched [V].
    """

    vertex: list[str]
    sender: Floats
    receiver: Floats
    sent: Floats
    drawn: Floats
    relation: list[str]
    seen: Floats
    commands: list[str]
    used: Floats
    kinds: Floats
    launched: Floats
    shrinkage: float
    paper: bool

    def dump(self) -> tuple[dict[str, npt.NDArray[Any]], dict[str, list[str]]]:
        """Return arrays and texts to save."""
        texts = {name: getattr(self, name) for name in ("vertex", "relation", "commands")}
        arrays = {
            name: getattr(self, name)
            for name in ("sender", "receiver", "sent", "drawn", "seen", "used", "kinds", "launched")
        }
        arrays["settings"] = np.array([self.shrinkage, float(self.paper)])
        return arrays, texts

    @classmethod
    def restore(
        cls, arrays: dict[str, npt.NDArray[Any]], texts: dict[str, list[str]]
    ) -> "NameModel":
        """Return what `dump` gave. Raises: KeyError, TypeError, ValueError if it is not that."""
        fields: dict[str, Any] = {**arrays, **texts}
        shrinkage, paper = fields.pop("settings")
        made = cls(**fields, shrinkage=float(shrinkage), paper=bool(paper))
        sizes = {len(getattr(made, name)) for name in ("vertex", "sender", "receiver", "sent")}
        if len(sizes) != 1 or len(made.relation) != len(made.seen):
            raise ValueError("the model's tables differ in length")
        return made


def _coded(first: Any, second: Any) -> tuple[Ints, list[str]]:
    """Return codes of the pairs "first second", numbered in the order of the texts."""
    return coded([f"{a} {b}" for a, b in zip(first, second, strict=True)])


def fit_names(past: pa.Table, restart: float, shrinkage: float, *, paper: bool) -> NameModel:
    """Return the statistics of a table of counts (schema.COUNTS). Source: GID section 3, 6."""
    from graphad.models.random_walk import sender_receiver, transition

    n = past["n"].to_numpy().astype(np.float64)
    rows = len(n)
    types = past["src_type"].to_pylist() + past["dst_type"].to_pylist()
    texts = past["src_name"].to_pylist() + past["dst_name"].to_pylist()
    codes, vertex = _coded(types, texts)
    src, dst = codes[:rows], codes[rows:]
    size = len(vertex)
    if size:
        walk = sender_receiver(transition(src, dst, n, size, shrinkage), c=restart)
        sender, receiver = walk.x, walk.y
    else:
        sender = receiver = np.empty(0)
    actions = past["action"].to_pylist()
    shapes = past["shape"].to_pylist()
    relations: dict[str, float] = {}
    commands: dict[str, float] = {}
    launched = np.zeros(size)
    for i in range(rows):
        key = f"{src[i]}\t{'' if paper else actions[i]}\t{dst[i]}"
        relations[key] = relations.get(key, 0.0) + n[i]
        if actions[i] == "launch" and not paper:
            command = f"{dst[i]}\t{shapes[i]}"
            commands[command] = commands.get(command, 0.0) + n[i]
            launched[dst[i]] += n[i]
    kinds = np.zeros(size)
    for command in commands:
        kinds[int(command.partition("\t")[0])] += 1
    into = np.bincount(dst, n, size)
    of_type: dict[str, float] = {}
    for v, word in enumerate(vertex):
        kind = word.partition(" ")[0]
        of_type[kind] = of_type.get(kind, 0.0) + into[v]
    drawn = np.array(
        [into[v] / max(of_type[w.partition(" ")[0]], 1.0) for v, w in enumerate(vertex)]
    )
    return NameModel(
        vertex, sender, receiver, np.bincount(src, n, size).astype(np.float64), drawn,
        list(relations), np.array(list(relations.values())), list(commands),
        np.array(list(commands.values())), kinds, launched, shrinkage, paper,
    )  # fmt: skip


def costs(model: NameModel, graph: Graph) -> tuple[Floats, Ints]:
    """Return each event's terms [E, T] in bits, and its label [E]: host, names, action, shape.

    Every distinct label is scored once. A name never seen gets the least role score of its type,
    a relation never seen the smoothed share (n + a b)/(n(u) + a) of GID section 6, item 3.
    """
    if not len(graph):
        return np.empty((0, len(TERMS))), np.empty(0, np.int64)
    kind = [f"{t} {n}" for t, n in zip(graph.types, graph.names, strict=True)]
    name_of, _ = coded(kind)
    action, _ = coded(graph.action)
    host, _ = coded(graph.host)
    launch = graph.action == "launch"
    shapes = [shape or "" for shape in graph.shapes]
    shape_of, _ = coded(shapes)
    src, dst = graph.told
    shape = np.where(launch, shape_of[dst] + 1, 0)
    keys = np.stack([host, name_of[src], action, name_of[dst], shape], axis=1)
    _, first, label = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    scorer = _Scorer(model)
    table = np.array(
        [
            scorer.terms(
                kind[src[e]],
                graph.action[e],
                kind[dst[e]],
                shapes[dst[e]] if launch[e] else None,
            )
            for e in first
        ]
    )
    found: Floats = table[label.ravel()]
    return found, label.ravel().astype(np.int64)


class _Scorer:
    """Looks terms up by name."""

    def __init__(self, model: NameModel) -> None:
        self.model = model
        self.vertex = {word: v for v, word in enumerate(model.vertex)}
        self.relation = dict(zip(model.relation, model.seen, strict=True))
        self.command = dict(zip(model.commands, model.used, strict=True))
        self.least: dict[tuple[str, str], float] = {}
        for role in ("sender", "receiver"):
            for word, value in zip(model.vertex, getattr(model, role), strict=True):
                key = (role, word.partition(" ")[0])
                self.least[key] = min(self.least.get(key, 1.0), float(value))
        self.total = float(model.sent.sum())

    def _role(self, role: str, word: str) -> float:
        v = self.vertex.get(word)
        if v is not None:
            return float(getattr(self.model, role)[v])
        lowest = min((x for (r, _), x in self.least.items() if r == role), default=1.0)
        return self.least.get((role, word.partition(" ")[0]), lowest)

    def terms(self, src: str, action: str, dst: str, shape: str | None) -> list[float]:
        model = self.model
        u, v = self.vertex.get(src), self.vertex.get(dst)
        sent = float(model.sent[u]) if u is not None else 0.0
        seen = 0.0
        if u is not None and v is not None:
            seen = self.relation.get(f"{u}\t{'' if model.paper else action}\t{v}", 0.0)
        a = model.shrinkage
        if model.paper and seen:
            share = seen / sent
        else:
            # A name that nothing has flowed to yet counts as half an event.
            drawn = float(model.drawn[v]) if v is not None else 0.0
            a = a or 1.0
            share = (seen + a * max(drawn, 0.5 / (self.total + 1.0))) / (sent + a)
        command = 1.0
        if shape is not None and not model.paper:
            used = self.command.get(f"{v}\t{shape}", 0.0) if v is not None else 0.0
            kinds = float(model.kinds[v]) if v is not None else 0.0
            launched = float(model.launched[v]) if v is not None else 0.0
            command = (used + 1.0) / (launched + kinds + 1.0)
        bits = -np.log2(
            [self._role("sender", src), min(share, 1.0), self._role("receiver", dst), command]
        )
        bits[1] += _TINY
        return [float(max(b, 0.0)) + 0.0 for b in bits]  # + 0.0: no minus zero
