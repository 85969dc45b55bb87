"""What is in a report's page, whatever the logs say; without a browser."""

import base64
import gzip
import hashlib
import json
import math
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from graphad.errors import GraphadError
from graphad.export.privacy import Privacy
from graphad.findings import Entity, Finding
from graphad.report import assets, gather, page
from graphad.report import islands as data
from graphad.report.gather import Reject, fair
from graphad.report.page import policy
from graphad.sanitize import terminal
from tests.nasty import CORPUS
from tests.report_store import copied, hostile, plenty, stored

MADE = datetime(2026, 3, 3, tzinfo=UTC)


class Read(HTMLParser):
    """A page as a parser that knows nothing of ours sees it."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.blocks: list[tuple[str, dict[str, str | None], str]] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(attrs) == len(dict(attrs)), "no attribute twice"
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        tag, attributes = self.tags[-1] if self.tags else ("", {})
        if tag in ("script", "style") and self.rawdata:
            self.blocks.append((tag, attributes, data))
        else:
            self.text.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style"):
            self.tags.append(("", {}))

    def block(self, name: str) -> Any:
        """Return the data of a block."""
        text = "".join(t for _, attributes, t in self.blocks if attributes.get("id") == name)
        if text.startswith(("{", "[")):
            return json.loads(text)
        return json.loads(gzip.decompress(base64.b64decode(text, validate=True)))


def text_of(found: list[Finding], folder: Path, **more: Any) -> str:
    return page(gather(stored(folder / "store", found), **more), MADE).decode()


@pytest.fixture(scope="module")
def nasty(tmp_path_factory: pytest.TempPathFactory) -> str:
    return text_of(hostile(), tmp_path_factory.mktemp("nasty"))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> str:
    return text_of(plenty(50), tmp_path_factory.mktemp("plain"))


@pytest.mark.parametrize("which", ["nasty", "plain"])
def test_the_policy_allows_just_the_scripts_and_the_style_of_the_page(
    which: str, request: pytest.FixtureRequest
) -> None:
    read = Read(request.getfixturevalue(which))
    (rules,) = [
        attributes["content"] for tag, attributes in read.tags
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    ]  # fmt: skip
    assert rules is not None
    told = {one.split()[0]: one.split()[1:] for one in rules.split("; ")}
    assert told["default-src"] == told["base-uri"] == told["form-action"] == ["'none'"]
    assert told["img-src"] == ["data:"]
    assert set(told) == {
        "default-src", "script-src", "style-src", "img-src", "base-uri", "form-action"
    }  # fmt: skip
    for tag, rule in (("script", "script-src"), ("style", "style-src")):
        texts = [
            text for kind, attributes, text in read.blocks
            if kind == tag and "type" not in attributes
        ]  # fmt: skip
        digests = [
            f"'sha256-{base64.b64encode(hashlib.sha256(t.encode()).digest()).decode()}'"
            for t in texts
        ]
        assert digests == told[rule]
    assert "unsafe" not in rules
    before = [tag for tag, _ in read.tags[: [t for t, _ in read.tags].index("meta") + 3]]
    assert not {"script", "style"} & set(before), "the policy stands before what it is for"


@pytest.mark.parametrize("which", ["nasty", "plain"])
def test_nothing_in_the_page_runs_or_loads_but_its_own_script(
    which: str, request: pytest.FixtureRequest
) -> None:
    read = Read(request.getfixturevalue(which))
    kinds = {tag for tag, _ in read.tags if tag}
    loads = {"img", "iframe", "object", "embed", "link", "base", "video", "audio", "image", "use"}
    assert not kinds & loads
    for tag, attributes in read.tags:
        assert not [name for name in attributes if name.startswith("on")], tag
        assert "style" not in attributes, "the policy would not have it"
        assert "src" not in attributes
        assert (attributes.get("href") or "#").startswith("#")
        assert "action" not in attributes
        if tag == "script" and "type" in attributes:
            assert attributes["type"] in ("application/json", "text/plain")


def test_hostile_names_add_no_element(nasty: str, tmp_path: Path) -> None:
    # The same findings with a harmless name in each place: as many elements of each kind.
    calm = copied(hostile())
    for number, one in enumerate(calm):
        name = f"name{number}"
        one.host = one.title = one.detector = name
        one.doubts[0].column = one.doubts[0].value = name
        for entity in one.entities:
            entity.key = entity.name = entity.detail = name
        for edge, proof in zip(one.edges, one.evidence, strict=True):
            edge.host, edge.action, edge.terms = name, name, {name: 4.0, "plain": 2.0}
            proof.source = proof.text = name

    def kinds(text: str) -> list[str]:
        # Rows of the tree and cells of the heat map depend on which names are one and the same.
        return [tag for tag, _ in Read(text).tags if tag and tag not in ("title", "text", "rect")]

    assert kinds(nasty) == kinds(text_of(calm, tmp_path))


def test_every_hostile_text_is_shown_so_that_it_can_be_seen(nasty: str) -> None:
    ours = nasty.replace(assets.scripts()["cytoscape.min.js"], "")  # it has a few of its own
    for character in set(ours) - {"\n"}:
        assert terminal(character) == character, "nothing without ink"
    read = Read(nasty)
    titles = [row[9] for row in read.block("data")["rows"]]
    entities = {tuple(row[:3]) for row in read.block("entities")}
    lines = read.block("evidence")[1]
    for text in CORPUS:
        text = text.encode("utf-8", "backslashreplace").decode()
        told = terminal(text)
        if len(told) < 250:
            assert told in titles
            assert any(key == told and detail == told for _, key, detail in entities)
        assert any(told == row[3] for row in lines), "raw lines are whole"
    assert "{{ 7*7 }} {% raw %} ${7*7} #{7}" in titles
    assert "49" not in titles


def test_a_long_name_is_cut_in_its_middle(nasty: str) -> None:
    read = Read(nasty)
    rows = read.block("data")["rows"]
    assert max(len(row[9]) for row in rows) <= data.TITLE
    assert max(len(row[1]) for row in read.block("entities")) <= data.TEXT
    assert len(nasty) < 6_000_000


def test_the_same_store_gives_the_same_page(plain: str, tmp_path: Path) -> None:
    found = plenty(50)
    found.reverse()
    again = text_of(found, tmp_path)
    assert again == plain
    other = page(gather(stored(tmp_path / "other", plenty(50))), MADE.replace(year=2027)).decode()
    assert other.replace("2027-03-03", "2026-03-03") == plain


def test_each_finding_has_its_events_terms_and_lines(plain: str) -> None:
    read = Read(plain)
    rows, details = read.block("data")["rows"], read.block("details")
    entities, (sources, lines) = read.block("entities"), read.block("evidence")
    found = {f.id: f for f in plenty(50)}
    assert {row[0] for row in rows} == set(found)
    for row, detail in zip(rows, details, strict=True):
        one = found[row[0]]
        assert row[2:5] == [one.severity, one.alert, round(one.z, 4)]
        assert row[7:10] == [one.start, one.host, one.title]
        assert [entities[place][1] for place in row[13]] == [e.key for e in one.entities]
        for told, edge, proof in zip(detail[0], one.edges, one.evidence, strict=True):
            src, action, dst, ts, host, bits, terms, at = told
            assert (entities[src][1], entities[dst][1]) == (
                one.entities[edge.src].key, one.entities[edge.dst].key
            )  # fmt: skip
            assert (action, ts, host) == (edge.action, edge.ts, edge.host)
            assert bits == sum(edge.terms.values())
            assert terms == [[name, value] for name, value in edge.terms.items()]
            source, line, record, text = lines[at]
            assert (sources[source], line, record, text) == (
                proof.source, proof.line, proof.record, proof.text
            )  # fmt: skip
        assert sum(bits for _, bits in detail[1]) == pytest.approx(one.score)


def test_findings_come_best_first_and_no_detector_crowds_out_another(tmp_path: Path) -> None:
    found = plenty(40)
    for one in found[30:]:
        one.detector, one.z, one.severity, one.alert = "window", 0.1, None, None
    facts = gather(stored(tmp_path / "store", found), top=12, drawn=3)
    assert len(facts.findings) == 12
    assert facts.kept == 40
    assert [f.detector for f in facts.findings].count("window") == 6
    alerts = [bool(f.alert) for f in facts.findings]
    assert alerts == sorted(alerts, reverse=True)
    assert len(facts.incidents) == 3
    text = page(facts, MADE).decode()
    assert "The best 12 of\n  40 findings" in text
    assert fair(facts.findings, 100) == facts.findings


def test_lines_beyond_the_room_are_told_by_their_place() -> None:
    (one,) = plenty(1)
    size = len(one.evidence[0].text or "")
    evidences = data.Evidences(most=2 * size)
    places = [evidences.add(proof) for proof in one.evidence]
    assert [bool(evidences.rows[place][3]) for place in places] == [True, True, False]
    assert evidences.rows[places[2]][3] is False
    assert evidences.left_out == 1
    assert evidences.add(one.evidence[0]) == places[0], "a record is there once"
    one.evidence[0].text, one.evidence[0].record = None, 999
    assert evidences.rows[evidences.add(one.evidence[0])][3] is None, "its log was gone"


def test_a_score_that_is_no_number_is_left_empty() -> None:
    assert [data.finite(x) for x in (math.nan, math.inf, None, 1.23456)] == [
        None, None, None, 1.2346
    ]  # fmt: skip


def test_what_is_taken_out_is_nowhere_in_the_page(tmp_path: Path) -> None:
    found = plenty(30)
    for number, one in enumerate(found):
        one.host = "ws-quentin" if number % 2 else "db-octavia"
        one.entities[1].detail = "curl -u quentin:Tr0ub4dor http://db-octavia/x"
        one.entities[2].key = one.entities[2].name = "/home/quentin/Tr0ub4dor.txt"
        one.title = "sh → /home/quentin/Tr0ub4dor.txt"
        one.entities[0] = Entity("u", "user", "quentin", "quentin")
        for edge, proof in zip(one.edges, one.evidence, strict=True):
            edge.host = one.host
            proof.source, proof.text = "/logs/ws-quentin.log", "auth Tr0ub4dor from db-octavia"
    store = stored(tmp_path / "store", found)
    store.mark(found[0].id, "benign", "quentin did that on db-octavia with Tr0ub4dor")
    (tmp_path / "key").write_bytes(b"k" * 32)
    kinds = ["user", "host"]
    privacy = Privacy.of(["tr0ub\\w+"], kinds, tmp_path / "key", store)
    open_, closed = (page(gather(store, privacy=rule), MADE).decode() for rule in (None, privacy))

    def every(text: str) -> str:
        read = Read(text)
        return text + json.dumps([read.block(name) for name in ("details", "evidence")])

    for word in ("quentin", "octavia", "tr0ub4dor"):
        assert word in every(open_).lower()
        assert word not in every(closed).lower(), word
    assert "[redacted]" in closed
    facts = gather(store, privacy=privacy)
    assert {one.id for one in facts.incidents} == {f.incident for f in facts.findings}
    assert closed == page(facts, MADE).decode()


def test_long_lists_are_cut_and_say_where_the_rest_is(tmp_path: Path) -> None:
    facts = gather(stored(tmp_path / "store", plenty(2)))
    facts.rejects.extend(Reject("a.log", f"reason {i}", 1, i) for i in range(510))
    text = page(facts, MADE).decode()
    assert "reason 499<" in text
    assert "reason 500<" not in text
    assert "10 more reasons: <code>graphad query rejects</code>" in text


def test_a_store_without_findings_has_a_page(tmp_path: Path) -> None:
    text = text_of([], tmp_path)
    assert "keeps no finding" in text
    assert Read(text).block("data") == {"rows": [], "incidents": []}


@pytest.mark.parametrize("bad", ["a\rb", "a\0b", "</SCRIPT>", "<!-- x", "</style >"])
def test_a_script_that_would_end_early_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="must not hold"):
        policy([bad], [])


def test_vendored_files_are_those_of_the_manifest() -> None:
    held = {path.name for path in assets.FOLDER.iterdir()} - {"manifest.json"}
    told = [name for asset in assets.manifest() for name in asset.files]
    assert sorted(told) == sorted(held)
    for asset in assets.manifest():
        assert asset.registry == "npm"
        assert re.fullmatch(r"\d+\.\d+\.\d+", asset.version)
        assert asset.licence == "MIT"
        licences = [name for name in asset.files if name.endswith(".LICENSE")]
        assert len(licences) == 1
        assert "Permission is hereby granted, free of charge" in (
            assets.FOLDER / licences[0]
        ).read_text(encoding="utf-8")
        for name, file in asset.files.items():
            digest = hashlib.sha256((assets.FOLDER / name).read_bytes()).hexdigest()
            assert digest == file.sha256
    assert set(assets.scripts()) == {"cytoscape.min.js"}


def test_a_vendored_file_that_was_changed_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in assets.FOLDER.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    with (tmp_path / "cytoscape.min.js").open("ab") as file:
        file.write(b" ")
    monkeypatch.setattr(assets, "FOLDER", tmp_path)
    with pytest.raises(GraphadError, match="is not cytoscape"):
        assets.scripts()


def test_no_script_makes_markup_or_code_of_text() -> None:
    forbidden = ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(",
                 "new Function", "DOMParser", "setTimeout(\"", "fetch(", "XMLHttpRequest",
                 "WebSocket", "import(", "sendBeacon")  # fmt: skip
    folder = Path(assets.__file__).parent
    scripts = [*folder.glob("template/*.js"), *folder.glob("assets/*.js")]
    assert len(scripts) == 5
    for path in scripts:
        text = path.read_text(encoding="utf-8")
        assert not [word for word in forbidden if word in text], path.name
