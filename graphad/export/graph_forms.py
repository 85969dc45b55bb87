"""The formats of graphs, by name."""

from graphad.export import cytoscape, dot, graphml, jgf, prov, stix
from graphad.export.subgraph import Writer

GRAPHS: dict[str, Writer] = {
    "graphml": graphml.write, "cytoscape": cytoscape.write, "jgf": jgf.write, "dot": dot.write,
    "prov": prov.write, "stix": stix.write,
}  # fmt: skip
