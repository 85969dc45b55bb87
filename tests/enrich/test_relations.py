"""Relations of rows get the bits that the relation detector gives them."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.decoders.tabular_columns import columns_parser
from graphad.detectors.relation import RelationDetector
from graphad.enrich import Enricher, Judged
from graphad.enrich.relations import RelationPlan
from graphad.errors import GraphadError
from graphad.incidents import ODD
from graphad.models.relation_counts import Form, RelationCounts
from graphad.models.relations import Relations
from graphad.models.tails import Tail
from graphad.workspace import open_store
from graphad.workspace_window import StoreWindow
from tests.test_workspace_models import COLUMNS, day, odd

ROWS = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from("xyz"), st.sampled_from("xyzw")),
    min_size=1, max_size=12,
)  # fmt: skip


def relations(rows: list[tuple[str, str, str]]) -> Relations:
    events = sorted({row[0] for row in rows})
    nodes = sorted({(kind, row[i]) for row in rows for i, kind in ((1, "u"), (2, "ip"))})
    pairs = [(n, (kind, row[i])) for n, row in enumerate(rows) for i, kind in ((1, "u"), (2, "ip"))]
    return Relations(
        np.arange(len(rows)), np.array([events.index(row[0]) for row in rows], np.int64),
        np.array([n for n, _ in pairs]), np.array([nodes.index(node) for _, node in pairs]), events,
        nodes,
    )  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(ROWS, ROWS, st.sampled_from(["counts", "surprisal", "unseen"]))
def test_bits_are_those_of_the_counts(
    past: list[tuple[str, str, str]], rows: list[tuple[str, str, str]], form: Form
) -> None:
    counts = RelationCounts(form).fit(relations(past))
    plan = RelationPlan(("event", "u", "ip"), counts, {"u": Tail.fit(np.zeros(1))})
    found = relations(rows)
    wanted = counts.score(found).bits
    for line, node, bits in zip(found.line, found.node, wanted, strict=True):
        kind, value = found.nodes[node]
        assert plan.bits(found.events[found.event[line]], kind, value) == pytest.approx(bits, 1e-12)
    for name, bits in zip(found.events, counts.score_events(found.events), strict=True):
        assert plan.alone(name) == pytest.approx(bits, 1e-12)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("relations")
    store = open_store(folder / "store")
    logs = [day(folder, n, odd(n) if n == 3 else "") for n in range(4)]
    store.ingest(logs, parser=columns_parser(COLUMNS, "ts"))
    store.fit(detector="relation", settings={"columns": COLUMNS})
    return folder / "store"


def test_rows_are_judged_by_their_oddest_relation(made: Path) -> None:
    enricher = Enricher.of_store(made)
    store = open_store(made, create=False)
    detector, calibration, name = store.model(None, "relation")
    assert isinstance(detector, RelationDetector)
    texts = {s.source: Path(s.path).read_text().splitlines() for s in store.sources}
    best: dict[str, float] = {}
    for graph in StoreWindow(store).graphs(detector.fields):
        found = detector.odd(detector.rows(graph))
        for i, at in enumerate(found.event):
            row = texts[int(graph.source[at])][int(graph.record[at]) - 1]
            words = dict(zip(("ts", *COLUMNS), row.split(","), strict=True))
            assert words[COLUMNS[0]] == found.name[i]
            told = enricher.judge(words)
            assert told.kind == "relation"
            assert told.model == name
            assert told.z is not None
            assert told.z >= found.z[i] - 1e-9
            assert told.level == calibration.severity(told.z)
            key = json.dumps([words[column] for column in COLUMNS])
            best[key] = max(best.get(key, -9.0), found.z[i])
    for key, z in best.items():
        assert enricher.judge(_row(key)).z == pytest.approx(z, rel=1e-9)
    strange = enricher.judge({"user": "a1", "program": "q1", "ip": "10.1.0.1"})
    assert strange.z == pytest.approx(max(best.values()), rel=1e-9)
    assert any("with " in one for one in strange.reason), strange
    assert enricher.judge({"user": "", "program": "q1"}) == Judged()


def test_two_models_say_the_odder_thing(made: Path) -> None:
    store = open_store(made, create=False)
    name = store.fit(detector="event", settings={"columns": COLUMNS, "time": "ts"})
    both = Enricher.of_store(made)
    assert [one.name.partition("-")[0] for one in both.models] == ["event", "relation"]
    alone = [Enricher([model]) for model in both.models]
    turned = Enricher(both.models[::-1])
    said: set[str | None] = set()
    for line in (made.parent / "day2.csv").read_text().splitlines()[1:200]:
        words = dict(zip(("ts", *COLUMNS), line.split(","), strict=True))
        told = both.judge(words)
        event, relation = (one.judge(words) for one in alone)
        assert event.kind == "table"
        assert event.model == name
        assert event.score == alone[0].score(words).score
        assert told == (
            relation if relation.z is not None and relation.z > max(event.z or 0.0, ODD) else event
        )
        assert turned.judge(words) == (
            event if (event.z or 0.0) > max(relation.z or 0.0, ODD) else relation
        )
        said |= {told.kind, turned.judge(words).kind}
    assert said == {"table", "relation"}


def _row(key: str) -> dict[str, str]:
    return dict(zip(COLUMNS, json.loads(key), strict=True))


def test_a_model_of_text_logs_is_refused(made: Path) -> None:
    manifest = next((made / "models" / "relation").glob("relation-*/manifest.json"))
    told = json.loads(manifest.read_text())
    told["settings"]["columns"] = []
    folder = manifest.parent.parent / "text"
    folder.mkdir()
    (folder / "manifest.json").write_text(json.dumps(told))
    tensors = manifest.parent / "tensors.safetensors"
    (folder / tensors.name).write_bytes(tensors.read_bytes())
    with pytest.raises(GraphadError, match="reads lines"):
        Enricher.load(folder)
