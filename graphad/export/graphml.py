"""Graphs as GraphML, for Gephi, yEd, Cytoscape and networkx.

Source: graphml.graphdrawing.org. Attributes are declared, so readers keep their types; what XML
cannot hold becomes U+FFFD.
"""

from collections.abc import Iterator

from graphad.export.subgraph import Link, Subgraph, Vertex
from graphad.sanitize import xml

_NODE = {"type": "string", "label": "string", "name": "string", "command": "string",
         "host": "string"}  # fmt: skip
_EDGE = {"action": "string", "ts": "string", "host": "string", "source": "string",
         "record": "long", "bits": "double", "telling": "boolean"}  # fmt: skip
_NOTES = {"title": "string", "left_out": "long"}


def write(graph: Subgraph) -> str:
    """Return a graph as a GraphML document."""
    return "\n".join(_lines(graph)) + "\n"


def _lines(graph: Subgraph) -> Iterator[str]:
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield '<graphml xmlns="http://graphml.graphdrawing.org/xmlns">'
    for domain, keys in (("graph", _NOTES), ("node", _NODE), ("edge", _EDGE)):
        for name, kind in keys.items():
            yield (
                f'<key id="{domain}-{name}" for="{domain}" attr.name="{name}" attr.type="{kind}"/>'
            )
    yield f'<graph id="{xml(graph.id)}" edgedefault="directed">'
    yield _data("graph", "title", graph.title)
    yield _data("graph", "left_out", graph.left_out)
    for vertex in graph.vertices:
        yield f'<node id="{xml(vertex.id)}">{_all("node", vertex, _NODE)}</node>'
    for link in graph.links:
        ends = f'source="{xml(link.src)}" target="{xml(link.dst)}"'
        yield f'<edge id="{xml(link.id)}" {ends}>{_all("edge", link, _EDGE)}</edge>'
    yield "</graph>"
    yield "</graphml>"


def _all(domain: str, one: Vertex | Link, keys: dict[str, str]) -> str:
    told = ((name, getattr(one, name)) for name in keys)
    return "".join(_data(domain, name, value) for name, value in told if value not in (None, ""))


def _data(domain: str, name: str, value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f'<data key="{domain}-{name}">{xml(text)}</data>'
