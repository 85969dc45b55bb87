"""Graphs in the JSON Graph Format 2, which OCSF's `graph` follows.

Source: jsongraphformat.info.
"""

from typing import Any

import msgspec

from graphad.export.subgraph import Link, Subgraph, Vertex
from graphad.sanitize import json_line


def write(graph: Subgraph) -> str:
    """Return a graph as one JSON object on one line."""
    nodes = {
        vertex.id: {"label": vertex.label, "metadata": _told(vertex, ("id", "label"))}
        for vertex in graph.vertices
    }
    edges = [
        {"id": link.id, "source": link.src, "target": link.dst, "relation": link.action,
         "directed": True, "metadata": _told(link, ("id", "src", "dst", "action"))}
        for link in graph.links
    ]  # fmt: skip
    whole = {
        "id": graph.id, "label": graph.title, "type": "provenance graph", "directed": True,
        "metadata": {"left_out": graph.left_out}, "nodes": nodes, "edges": edges,
    }  # fmt: skip
    return json_line({"graph": whole}) + "\n"


def _told(one: Vertex | Link, but: tuple[str, ...]) -> dict[str, Any]:
    fields = msgspec.structs.asdict(one).items()
    return {k: v for k, v in fields if v not in (None, "") and k not in but}
