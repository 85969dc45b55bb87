"""Graphs in Graphviz's DOT, drawn from left to right; what is telling is red and thick.

Source: graphviz.org/doc/info/lang.html. Text is made visible and quoted, so it is no HTML label.
"""

from graphad.export.parts import base
from graphad.export.subgraph import Subgraph, Vertex
from graphad.sanitize import dot_id, shorten, terminal

_SHAPES = {"process": "box", "file": "note", "module": "note", "socket": "ellipse",
           "address": "ellipse", "user": "house", "host": "box3d"}  # fmt: skip
_LABEL = 60  # cells


def write(graph: Subgraph) -> str:
    """Return a graph as a DOT document."""
    lines = [f"digraph {dot_id(graph.id)} {{", "  rankdir=LR;", f"  label={_label(graph.title)};"]
    if graph.left_out:
        lines.append(f"  // {graph.left_out} more events were left out")
    for vertex in graph.vertices:
        shape = _SHAPES.get(vertex.type, "oval")
        tip = vertex.command or vertex.label
        lines.append(
            f"  {dot_id(vertex.id)} [label={_label(_called(vertex))}, shape={shape}, "
            f"tooltip={_label(tip, 400)}, type={dot_id(vertex.type)}, host={dot_id(vertex.host)}];"
        )
    for link in graph.links:
        style = ', color="red", penwidth="2"' if link.telling else ""
        bits = "" if link.bits is None else f" {link.bits:.1f}"
        lines.append(
            f"  {dot_id(link.src)} -> {dot_id(link.dst)} [label={_label(link.action + bits)}, "
            f"id={dot_id(link.id)}, tooltip={_label(link.ts)}{style}];"
        )
    return "\n".join([*lines, "}"]) + "\n"


def _called(vertex: Vertex) -> str:
    return base(vertex.label) if vertex.type == "process" else vertex.label


def _label(text: str, width: int = _LABEL) -> str:
    return dot_id(shorten(terminal(text), width))
