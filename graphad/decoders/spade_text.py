"""SPADE's other forms: Graphviz's language, tables of vertices and edges, and ProvMark's facts."""

import re
from typing import Any, ClassVar

import pyarrow as pa

from graphad.decoders.camflow import SAME, CamFlow
from graphad.decoders.spade import Spade
from graphad.decoders.told import Told, cells, rows, text
from graphad.parse import PLACE, Decoded, Options, whole_lines

_NODE = re.compile(r'\s*"((?:[^"\\]|\\.)*)"\s*\[label="((?:[^"\\]|\\.)*)"[^]]*\];?\s*')
_ARROW = re.compile(
    r'\s*"((?:[^"\\]|\\.)*)"\s*->\s*"((?:[^"\\]|\\.)*)"\s*\[label="((?:[^"\\]|\\.)*)"[^]]*\];?\s*'
)
_FRAME = re.compile(r"\s*(?:(?:strict )?digraph\b.*\{|graph\s*\[.*|node\s*\[.*|edge\s*\[.*|\})\s*")
_COLORS = {
    "green": "Used", "red": "WasGeneratedBy", "blue": "WasTriggeredBy",
    "orange": "WasDerivedFrom", "purple": "WasControlledBy",
}  # fmt: skip
_COLOR = re.compile(r'color="?(\w+)')
FRAME = "frame of the graph"


class SpadeDot(Spade):
    """Reads lines of Graphviz's language, as SPADE writes it: label=key:value\\nkey:value."""

    def read(self, line: str) -> Told:
        """Return what a line says."""
        arrow = _ARROW.fullmatch(line)
        if arrow:
            said = _annotations(arrow[3].strip("()"))
            color = _COLOR.search(line, arrow.end(3))
            type_ = said.get("type") or _COLORS.get(color[1] if color else "", "")
            return self.edge(arrow[1], arrow[2], type_, said)
        node = _NODE.fullmatch(line)
        if node:
            said = _annotations(node[2])
            return self.vertex(node[1], said.get("type", "Artifact"), said)
        if _FRAME.fullmatch(line):
            return Told(rule=FRAME)
        return Told(reason="neither a vertex nor an edge")


def _annotations(label: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in label.split("\\n"):
        key, colon, value = part.partition(":")
        if colon:
            found[key] = value.replace("\\\\", "\\")
    return found


_OWN = ("id", ":id", "hash", "vertexhash", "vertexid")
_START = ("from", ":start_id", "childvertexhash", "childvertexid", "source", "src")
_END = ("to", ":end_id", "parentvertexhash", "parentvertexid", "target", "dst")
_TYPE = ("type", ":type", ":label")


class SpadeCsv(Spade):
    """Reads tables with a header, of vertices or of edges, one after the other or by themselves."""

    def __init__(self) -> None:
        super().__init__()
        self.header: list[str] = []

    def read(self, line: str) -> Told:
        """Return what a line says."""
        values = cells(line)
        if values is None:
            return Told(reason="no line of a table")
        names = [name.strip().lower() for name in values]
        if set(names) & set(_TYPE) and (set(names) & set(_OWN) or set(names) & set(_START)):
            self.header = names
            return Told(rule="names of the columns")
        if len(values) != len(self.header):
            return Told(reason="another number of columns than the header")
        said = {
            n.removeprefix("annotations."): v for n, v in zip(self.header, values, strict=True) if v
        }
        start, end, own, type_ = (
            next((said[name] for name in some if name in said), None)
            for some in (_START, _END, _OWN, _TYPE)
        )
        return self.either(start, end, own, type_, said)

    def state(self) -> Any:
        """Return all it remembers."""
        return [super().state(), self.header]

    def restore(self, state: Any) -> None:
        """Remember that."""
        inner, header = state
        super().restore(inner)
        if not isinstance(header, list) or any(type(name) is not str for name in header):
            raise ValueError("no state of a table")
        self.header = header


_FACT = re.compile(
    r'([nel])[\w-]*\((\w+),(?:(\w+),(\w+),)?"((?:[^"\\]|\\.)*)"(?:,"((?:[^"\\]|\\.)*)")?\)\.\s*'
)
UNREAD = "the line has another form"


class FactsDecoder:
    """Decodes ProvMark's facts: nodes, edges and properties, which only all together say anything.

    n<graph>(id,"type"). e<graph>(id,from,to,"type"). l<graph>(id,"name","value").
    """

    parallel: ClassVar[bool] = False
    whole: ClassVar[bool] = True

    def __init__(self, options: Options) -> None:
        self.options = options

    def cut(self, data: bytes | bytearray | memoryview, last: bool) -> int:
        """Return that the file is one block."""
        return len(data) if last else 0

    def decode(self, data: bytes | memoryview, last: bool) -> Decoded:
        """Return a row for each line that is not blank."""
        lines = [line.decode("utf-8", "backslashreplace") for line in whole_lines(bytes(data))]
        facts = [_FACT.fullmatch(line.rstrip("\r")) for line in lines]
        said: dict[str, dict[str, str]] = {}
        for fact in facts:
            if fact and fact[1] == "l" and fact[6] is not None:
                said.setdefault(fact[2], {})[fact[5]] = fact[6]
        world: Any = Spade()
        if any("prov:type" in some for some in said.values()):
            world = CamFlow()
        for fact in facts:
            if fact and fact[1] == "n":
                world.vertex(fact[2], fact[5], said.get(fact[2], {}))
        for same in SAME[:-1]:  # the facts are in no order, so names and versions are learned first
            for fact in facts:
                if fact and fact[3] and said.get(fact[2], {}).get("prov:type") == same:
                    world.edge(fact[3], fact[4], fact[5], said[fact[2]])
        places: dict[str, list[int]] = {name: [] for name in PLACE.names}
        told: list[Told] = []
        offset = 0
        for number, line in enumerate(whole_lines(bytes(data))):
            if line.strip():
                for name, value in zip(
                    PLACE.names, (number, offset, len(line), number), strict=True
                ):
                    places[name].append(value)
                told.append(_fact_told(facts[number], said, world))
            offset += len(line) + 1
        blank = len(facts) - len(told)
        table = rows(pa.table(places, schema=PLACE), told, self.options)
        return Decoded(len(facts), table, ignored={"blank line": blank} if blank else {})


def _fact_told(fact: re.Match[str] | None, said: dict[str, dict[str, str]], world: Any) -> Told:
    if fact is None:
        return Told(reason=UNREAD)
    if fact[1] == "e" and fact[3] is not None:
        found: Told = world.edge(fact[3], fact[4], fact[5], said.get(fact[2], {}))
        return found
    if fact[1] == "n" and fact[3] is None and text(fact[5]):
        return Told(rule="describes a vertex; edges use it")
    if fact[1] == "l" and fact[6] is not None:
        return Told(rule="property of a vertex or an edge")
    return Told(reason=UNREAD)
