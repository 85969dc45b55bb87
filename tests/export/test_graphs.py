"""Graphs in every format, read back by others' readers, and which part of a store is drawn."""

import json
import warnings
from collections import Counter
from typing import Any
from xml.etree import ElementTree

import networkx
import pytest

from graphad.cli import export as command
from graphad.errors import GraphadError, UnknownName
from graphad.export import cytoscape, dot, graph_forms, graphml, jgf, prov, stix
from graphad.export.subgraph import (
    Link,
    Subgraph,
    Vertex,
    around,
    of_finding,
    of_incident,
    of_window,
    tally,
)
from graphad.incident_text import tell
from graphad.sanitize import xml_legal
from graphad.schema import ACTIONS, ENTITY_TYPES
from graphad.workspace import Workspace
from tests.export.made import ALL, PATH, WINDOW, hostile
from tests.test_sanitize import unsafe

TECHNIQUES = [("T1059", "Command and Scripting Interpreter"), ("T1059.001", "PowerShell")]


def drawn() -> list[Subgraph]:
    made = [of_finding(one) for one in ALL]
    made[0].techniques = TECHNIQUES
    return made


def nasty() -> Subgraph:
    """Return a graph that has every nasty string in every text a log can reach."""
    made = Subgraph("nasty", "nasty", left_out=3)
    for i, (text, _) in enumerate(hostile()):
        kind, other = ENTITY_TYPES[i % len(ENTITY_TYPES)], ENTITY_TYPES[(i + 3) % len(ENTITY_TYPES)]
        made.title += text
        for end, type_ in (("a", kind), ("b", other)):
            made.vertices.append(Vertex(f"{end}{i:015x}", type_, text, text, text, text))
        action = sorted(ACTIONS)[i % len(ACTIONS)]
        made.links.append(
            Link(
                f"e{i}", f"a{i:015x}", f"b{i:015x}", action, "2026-03-02T10:00:00.000000Z", text,
                text, i, 1.5, i % 2 == 0,
            )
        )  # fmt: skip
    return made


@pytest.fixture(scope="module")
def graphs() -> list[Subgraph]:
    return [*drawn(), nasty(), Subgraph("empty", "")]


def shape(graph: Subgraph) -> Counter[tuple[str, str, str]]:
    return Counter((link.src, link.action, link.dst) for link in graph.links)


def test_the_command_offers_all_formats() -> None:
    assert tuple(graph_forms.GRAPHS) == command.GRAPHS


def test_graphml(graphs: list[Subgraph]) -> None:
    for graph in graphs:
        text = graphml.write(graph)
        ElementTree.fromstring(text)
        read: Any = networkx.parse_graphml(text, force_multigraph=True)
        assert read.graph["left_out"] == graph.left_out
        assert set(read.nodes) == {vertex.id for vertex in graph.vertices}
        assert Counter((u, d["action"], v) for u, v, d in read.edges(data=True)) == shape(graph)
        for vertex in graph.vertices:
            assert read.nodes[vertex.id].get("label", "") == xml_legal(vertex.label)
            assert read.nodes[vertex.id]["type"] == vertex.type
        told = {key: data for _, _, key, data in read.edges(keys=True, data=True)}
        for link in graph.links:
            assert told[link.id].get("bits") == link.bits
            assert told[link.id].get("telling") == link.telling


def test_cytoscape(graphs: list[Subgraph]) -> None:
    for graph in graphs:
        whole = json.loads(cytoscape.write(graph))
        if not graph.vertices:
            continue
        read = networkx.cytoscape_graph(whole)
        assert set(read.nodes) == {vertex.id for vertex in graph.vertices}
        assert Counter((u, d["action"], v) for u, v, d in read.edges(data=True)) == shape(graph)


def test_jgf(graphs: list[Subgraph]) -> None:
    for graph in graphs:
        [made] = json.loads(jgf.write(graph)).values()
        assert made["directed"] is True
        assert list(made["nodes"]) == [vertex.id for vertex in graph.vertices]
        edges = Counter((e["source"], e["relation"], e["target"]) for e in made["edges"])
        assert edges == shape(graph)
        assert made["metadata"]["left_out"] == graph.left_out


def test_dot(graphs: list[Subgraph]) -> None:
    pydot = pytest.importorskip("pydot", reason="pydot reads DOT")
    for graph in graphs:
        text = dot.write(graph)
        assert not unsafe(text.replace("\n", ""))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its own parser
            [read] = pydot.graph_from_dot_data(text)
        nodes = {node.get_name().strip('"'): node for node in read.get_nodes()}
        assert set(nodes) == {vertex.id for vertex in graph.vertices}
        ends = Counter(
            (e.get_source().strip('"'), e.get_destination().strip('"')) for e in read.get_edges()
        )
        assert ends == Counter((link.src, link.dst) for link in graph.links)


def test_prov(graphs: list[Subgraph]) -> None:
    model = pytest.importorskip("prov.model", reason="prov reads PROV-JSON")
    for graph in graphs:
        text = prov.write(graph)
        read = model.ProvDocument.deserialize(content=text, format="json")
        kinds = Counter(type(record).__name__ for record in read.records)
        processes = sum(vertex.type == "process" for vertex in graph.vertices)
        assert kinds["ProvActivity"] == processes
        assert kinds["ProvAgent"] == sum(v.type in ("user", "host") for v in graph.vertices)
        assert read == model.ProvDocument.deserialize(content=read.serialize(format="json"))


def test_prov_reads_what_was_written() -> None:
    made = json.loads(prov.write(of_finding(PATH)))
    [wrote] = (made["wasGeneratedBy"].values(),)
    file = PATH.entities[2].id
    written = [w for w in wrote if w["prov:entity"].startswith(f"g:{file}")]
    assert [w["prov:entity"] for w in written] == [f"g:{file}-v1"]
    [used] = made["used"].values()
    assert used["prov:entity"] == f"g:{file}-v1"
    assert used["prov:time"] == PATH.edges[2].ts
    assert made["activity"][f"g:{PATH.entities[1].id}"]["prov:startTime"] == PATH.edges[0].ts
    informed = next(iter(made["wasInformedBy"].values()))
    assert informed["prov:informed"] == f"g:{PATH.entities[1].id}"


def test_stix(graphs: list[Subgraph]) -> None:
    stix2 = pytest.importorskip("stix2", reason="stix2 reads STIX")
    for graph in graphs:
        text = stix.write(graph)
        bundle = stix2.parse(text, allow_custom=True)
        objects = json.loads(text)["objects"]
        ids = {one["id"] for one in objects}
        assert len(ids) == len(objects)
        for one in objects:
            for name, value in one.items():
                refs = [value] if name.endswith("_ref") else value if name.endswith("_refs") else []
                assert set(refs) <= ids
        kinds = Counter(one["type"] for one in objects)
        assert kinds["relationship"] == len(graph.links)
        assert len(getattr(bundle, "objects", ())) == len(objects)
        assert text == stix.write(graph)
    # What the standard has, its own library takes without "custom" too, and with the same ids.
    bundle = stix2.parse(stix.write(drawn()[0]), allow_custom=False)
    kinds = Counter(one["type"] for one in bundle.objects)
    assert kinds["attack-pattern"] == kinds["sighting"] == 2
    for one in bundle.objects:
        if one["type"] in ("file", "ipv4-addr", "network-traffic", "directory", "domain-name",
                           "user-account", "windows-registry-key"):  # fmt: skip
            told = {k: v for k, v in json.loads(one.serialize()).items() if k != "id"}
            made = stix2.parse(told | {"id": one["id"]})
            told.pop("type"), told.pop("spec_version")
            assert type(made)(**told)["id"] == one["id"]


def test_json_formats_have_ink_alone(graphs: list[Subgraph]) -> None:
    for write in (cytoscape.write, jgf.write, prov.write, stix.write):
        for graph in graphs:
            text = write(graph)
            assert text.endswith("\n")
            assert not unsafe(text[:-1])


# -- which part of a store ------------------------------------------------------------------------


def whole(store: Workspace) -> list[tuple[str, str, str, str]]:
    """Return every event of a store by the ids of its ends, in time order."""
    graph = store.graph()
    ids = [f"{int(i) & (2**64 - 1):016x}" for i in graph.ids]
    return [
        (ids[s], str(a), ids[d], str(h))
        for s, a, d, h in zip(graph.src, graph.action, graph.dst, graph.host, strict=True)
    ]


def events(graph: Subgraph) -> list[tuple[str, str, str, str]]:
    return [(link.src, link.action, link.dst, link.host) for link in graph.links]


def test_a_window_is_all_of_it_and_is_cut_with_a_word(planted: Workspace) -> None:
    every = whole(planted)
    assert Counter(events(of_window(planted))) == Counter(every)
    host = every[0][3]
    mine = [event for event in every if event[3] == host]
    assert Counter(events(of_window(planted, host=host.upper()))) == Counter(mine)
    cut = of_window(planted, host=host, limit=20)
    assert len(cut.links) == 20
    assert cut.left_out == len(mine) - 20
    assert f"{cut.left_out:,} more events were left out" in tally(cut)
    assert events(cut) == mine[:20]
    ends = {end for link in cut.links for end in (link.src, link.dst)}
    assert {vertex.id for vertex in cut.vertices} == ends
    with pytest.raises(UnknownName, match="No host is called 'nowhere'"):
        of_window(planted, host="nowhere")
    with pytest.raises(GraphadError, match="no event"):
        of_window(planted, "1999-01-01", "1999-01-02")


def test_around_is_what_a_slow_walk_finds(planted: Workspace) -> None:
    every = whole(planted)
    graph = planted.graph()
    names = {
        f"{int(i) & (2**64 - 1):016x}": label or ""
        for i, label in zip(graph.ids, graph.labels, strict=True)
    }
    for program in ("psexec", "boss"):
        seeds = {i for i, label in names.items() if label.lower().endswith(f"\\{program}.exe")}
        reached = set(seeds)
        for hops in (1, 2, 3):
            walked = [e for e in every if e[0] in reached or e[2] in reached]
            found = around(planted, f"{program.upper()}.exe", hops)
            assert Counter(events(found)) == Counter(walked)
            reached |= {end for e in walked for end in (e[0], e[2])}
    one = min(seeds)
    assert set(events(around(planted, one, 1))) == {e for e in every if one in (e[0], e[2])}
    everything = len(around(planted, "psexec.exe", 3).links)
    cut = around(planted, "psexec.exe", 3, limit=4)
    assert len(cut.links) == 4
    assert cut.left_out == everything - 4
    near = set(events(around(planted, "psexec.exe", 1)))
    assert len(near & set(events(cut))) == min(4, len(near))  # the nearest come first
    with pytest.raises(UnknownName, match="No entity is called"):
        around(planted, "no such thing")


def test_an_incident_is_cut_from_its_least_surprising_event() -> None:
    told = tell([PATH, WINDOW])
    cut = of_incident(told, 3)
    assert cut.left_out == len(told.events) - 3
    kept = {link.id for link in cut.links}
    best = sorted(range(len(told.events)), key=lambda i: (not told.events[i].telling,
                                                          -told.events[i].bits, i))[:3]  # fmt: skip
    assert kept == {f"e{i}" for i in best}
    assert [link.ts for link in cut.links] == sorted(link.ts for link in cut.links)
