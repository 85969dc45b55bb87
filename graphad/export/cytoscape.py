"""Graphs as Cytoscape JSON, for Cytoscape, Cytoscape.js and networkx.

Source: js.cytoscape.org, "Elements JSON"; `directed` and `multigraph` are networkx's.
"""

from typing import Any

import msgspec

from graphad.export.subgraph import Link, Subgraph, Vertex
from graphad.sanitize import json_line


def write(graph: Subgraph) -> str:
    """Return a graph as one JSON object on one line."""
    nodes = [{"data": _told(vertex) | {"value": vertex.id}} for vertex in graph.vertices]
    edges = [
        {"data": _told(link) | {"source": link.src, "target": link.dst, "key": link.id,
                                "log": link.source}}
        for link in graph.links
    ]  # fmt: skip
    whole = {
        "data": {"id": graph.id, "title": graph.title, "left_out": graph.left_out},
        "directed": True, "multigraph": True, "elements": {"nodes": nodes, "edges": edges},
    }  # fmt: skip
    return json_line(whole) + "\n"


def _told(one: Vertex | Link) -> dict[str, Any]:
    fields = msgspec.structs.asdict(one).items()
    return {k: v for k, v in fields if v is not None and k not in ("src", "dst", "source")}
