"""Findings in every form: what it says, read back by others, and hostile text in each."""

import csv
import io
import json
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from graphad import attack_tags
from graphad.cli import leaving
from graphad.export import context, flat, forms, ocsf, parts
from graphad.export.context import Record
from graphad.findings import Finding
from graphad.incident_text import tell
from graphad.sanitize import json_line
from graphad.workspace import Workspace
from tests.export.made import ALL, EVENT, PATH, RELATION, WINDOW, edge, hostile, one
from tests.export.ocsf_check import faults
from tests.test_sanitize import unsafe

PATTERNS = attack_tags.load()
KNOWN = {(1, 1): Record("bob", "CORP", "S-1-5-21-1-2-3-7", 4312, "1", "Sysmon", "x")}


def written(form: str, *found: Finding) -> bytes:
    return b"".join(forms.findings(form, found, PATTERNS, KNOWN))


def lines(form: str, *found: Finding) -> list[dict[str, Any]]:
    return [json.loads(text) for text in written(form, *found).splitlines()]


def test_the_commands_offer_all_forms() -> None:
    assert forms.FINDINGS == leaving.FORMS


@pytest.mark.parametrize("found", ALL, ids=lambda f: f.unit)
def test_ocsf_of_each_detector(found: Finding) -> None:
    [row] = lines("ocsf", found)
    assert not list(faults(row))
    info = row["finding_info"]
    assert (info["uid"], info["title"], info["types"]) == (found.id, found.title, [found.unit])
    graph = info["attack_graph"]
    assert [(e["source"], e["relation"], e["target"]) for e in graph["edges"]] == [
        (found.entities[e.src].id, e.action, found.entities[e.dst].id) for e in found.edges
    ]
    ids = {node["uid"] for node in graph["nodes"]}
    assert ids == {entity.id for entity in found.entities}
    assert row["unmapped"]["graphad"]["terms"] == found.terms
    assert [e["data"]["text"] for e in row["evidences"]] == [p.text for p in found.evidence]
    assert row["time"] == row["end_time"] >= row["start_time"]
    assert row["is_alert"] is bool(found.alert)


def test_ocsf_says_it_in_its_own_words() -> None:
    [row] = lines("ocsf", PATH)
    assert (row["severity_id"], row["severity"], row["risk_score"]) == (4, "High", 73)
    assert row["start_time"] == 1_772_445_600_000
    born, wrote, _, called = row["evidences"]
    assert born["process"]["name"] == "powershell.exe"
    assert born["process"]["parent_process"]["file"]["path"] == "C:\\Office\\winword.exe"
    assert born["actor"] == {"user": {"name": "bob", "domain": "CORP", "uid": "S-1-5-21-1-2-3-7"}}
    assert born["data"]["pid"] == 4312
    assert wrote["file"] == {"name": "x.exe", "path": "C:\\Users\\bob\\x.exe", "type_id": 0}
    assert called["dst_endpoint"] == {"name": "203.0.113.7", "ip": "203.0.113.7", "port": 443}
    told = {(o["type_id"], o["value"]) for o in row["observables"]}
    assert {(2, "203.0.113.7"), (1, "ws1.corp.example"), (13, "powershell -enc x"),
            (45, "C:\\Users\\bob\\x.exe"), (4, "bob")} <= told  # fmt: skip
    attacks = [
        a.get("sub_technique", a["technique"])["uid"] for a in row["finding_info"]["attacks"]
    ]
    assert "T1059.001" in attacks
    [ranked] = lines("ocsf", EVENT)
    assert (ranked["severity_id"], ranked["risk_score"], ranked["is_alert"]) == (0, 0, False)


def test_ocsf_of_incidents() -> None:
    path = one("path", PATH.entities, PATH.edges)
    told = tell([path, EVENT], patterns=PATTERNS)
    [row] = [json.loads(x) for x in b"".join(forms.incidents("ocsf", [told])).splitlines()]
    assert not list(faults(row))
    assert row["finding_info"]["uid"] == "incident-0123456789"
    assert [e["uid"] for e in row["finding_info"]["related_events"]] == told.findings
    assert len(row["finding_info"]["attack_graph"]["edges"]) == len(told.events)
    assert row["message"] == told.description


def test_the_checker_finds_faults() -> None:
    [row] = lines("ocsf", PATH)
    spoilt: list[tuple[Any, Any, str]] = [
        (row["finding_info"]["attack_graph"]["nodes"][0], ("uid", None), "uid is missing"),
        (row["evidences"][0]["process"], ("shoe", 1), "shoe is unknown"),
        (row["evidences"][1], ("file", [{}]), "is an array"),
        (row["metadata"], ("version", 7), "no text"),
        (row, ("severity_id", 42), "no value 42"),
        (row["evidences"][3]["dst_endpoint"], ("port", "443"), "no port_t"),
    ]
    for place, (name, value), fault in spoilt:
        before = place.get(name)
        if value is None:
            del place[name]
        else:
            place[name] = value
        assert any(fault in text for text in faults(row)), fault
        place[name] = before
        if before is None:
            del place[name]
    row["metadata"]["profiles"] = []
    assert any("profile" in text for text in faults(row))


# What Elastic publishes of the fields that are written, by the top-level field set; all of these
# are of ECS 9.4. `graphad` is ours, as ECS asks: an object of the product's name.
ECS = {
    "@timestamp", "message", "tags", "ecs.version", "event.kind", "event.category", "event.type",
    "event.module", "event.dataset", "event.provider", "event.action", "event.id",
    "event.severity", "event.risk_score", "event.start", "event.end", "event.reason",
    "event.original", "event.code", "rule.id", "rule.name", "rule.version", "rule.category",
    "host.name", "log.file.path", "observer.vendor", "observer.product", "observer.type",
    "observer.version", "user.name", "user.domain", "user.id", "process.entity_id",
    "process.name", "process.executable", "process.command_line", "process.pid",
    "process.parent.entity_id", "process.parent.name", "process.parent.executable",
    "process.parent.command_line", "file.name", "file.path", "dll.name", "dll.path",
    "registry.path", "dns.question.name", "service.name", "source.address", "source.ip",
    "source.port", "source.domain", "destination.address", "destination.ip", "destination.port",
    "destination.domain", "threat.framework", "threat.technique.id",
    "threat.technique.subtechnique.id", "threat.technique.subtechnique.name", "related.ip",
    "related.hosts", "related.user",
}  # fmt: skip
CATEGORIES = {
    "intrusion_detection", "process", "file", "library", "registry", "network", "iam",
    "authentication", "configuration",
}  # fmt: skip


def leaves(value: dict[str, Any], path: str = "") -> list[str]:
    found = []
    for name, inner in value.items():
        here = f"{path}.{name}".lstrip(".")
        found += leaves(inner, here) if isinstance(inner, dict) else [here]
    return found


@pytest.mark.parametrize("found", ALL, ids=lambda f: f.unit)
def test_ecs_of_each_detector(found: Finding) -> None:
    [row] = lines("ecs", found)
    assert set(leaves({k: v for k, v in row.items() if k != "graphad"})) <= ECS
    assert row["event"]["kind"] == "alert"
    assert row["event"]["id"] == found.id
    assert set(row["event"]["category"]) <= CATEGORIES
    assert row["event"]["severity"] == parts.RISK.get(found.severity or "", 0)
    assert datetime.fromisoformat(row["@timestamp"]).tzinfo == UTC
    assert row["graphad"]["score"] == found.score
    assert sum(e["bits"] for e in row["graphad"]["events"]) == pytest.approx(
        sum(sum(e.terms.values()) for e in found.edges)
    )
    assert row["event"]["original"] == found.evidence[found.rarest].text


def test_ecs_tells_of_the_rarest_event() -> None:
    [row] = lines("ecs", PATH)
    assert row["process"]["command_line"] == "powershell -enc x"
    assert row["process"]["parent"]["name"] == "winword.exe"
    assert "pid" not in row["process"]  # the record's is that of the parent
    assert row["user"] == {"name": "bob", "domain": "CORP", "id": "S-1-5-21-1-2-3-7"}
    assert row["related"] == {
        "ip": ["203.0.113.7"], "hosts": ["ws1.corp.example"], "user": ["bob"]
    }  # fmt: skip
    assert row["threat"]["technique"]["subtechnique"]["id"] == ["T1059.001"]
    inward = one("path", WINDOW.entities, [edge(4, 1, "accept")])
    [row] = lines("ecs", inward)
    assert row["source"] == {"address": "203.0.113.7", "ip": "203.0.113.7", "port": 443}
    assert row["process"]["pid"] == 4312


def test_bulk_and_collector_wrap_the_same() -> None:
    action, document = lines("es-bulk", PATH)
    assert action == {"create": {"_id": PATH.id}}
    assert document == lines("ecs", PATH)[0]
    [hec] = lines("splunk-hec", PATH)
    assert hec["event"] == lines("ocsf", PATH)[0]
    assert hec["time"] == hec["event"]["time"] / 1000
    assert (hec["sourcetype"], hec["host"]) == ("graphad:finding", "ws1.corp.example")


def test_timesketch_is_a_time_line() -> None:
    rows = lines("timesketch", *ALL, PATH)
    for row in rows:
        assert row["message"]
        moment = datetime.fromisoformat(row["datetime"])
        assert row["timestamp"] == round(moment.timestamp() * 1e6)
        assert row["timestamp_desc"].startswith("graphad ")
    assert [row["timestamp"] for row in rows] == sorted(row["timestamp"] for row in rows)
    told = [row for row in rows if row["timestamp_desc"] == "graphad finding"]
    assert len(told) == 5
    assert "attack.t1059.001" in told[0]["tag"]
    events = [row for row in rows if "event: launch" in row["timestamp_desc"]]
    assert len(events) == 1  # of PATH, twice, and of EVENT: it is the same record


def test_csv_and_pandas() -> None:
    frame = pd.read_csv(io.BytesIO(written("csv", *ALL)))
    assert list(frame["id"]) == [f.id for f in ALL]
    assert list(frame["score"]) == pytest.approx([f.score for f in ALL])
    assert frame["rarest"][0] == "C:\\Office\\winword.exe launch C:\\Windows\\powershell.exe"
    assert "T1059.001 PowerShell" in frame["techniques"][0]
    assert written("csv") == b""


def test_parquet_holds_all() -> None:
    data = pq.read_table(io.BytesIO(written("parquet", *ALL)))
    assert data.schema.equals(flat.SCHEMA)
    frame = data.to_pandas()
    assert list(frame["unit"]) == ["path", "event", "window", "relation"]
    assert frame["start"][0] == pd.Timestamp("2026-03-02T10:00:00Z")
    row = data.to_pylist()[0]
    assert [e["action"] for e in row["edges"]] == [e.action for e in PATH.edges]
    assert {t["term"]: t["bits"] for t in row["terms"]} == PATH.terms
    assert [e["text"] for e in row["evidence"]] == [e.text for e in PATH.evidence]
    assert [e["key"] for e in row["entities"]] == [e.key for e in PATH.entities]


@pytest.mark.parametrize("ts", ["99999999999999us", "2026-03-02T10:00:00Z", "0001-01-01T00:00:00Z",
                                "9999-12-31T23:59:59.999999Z", "-99999999999999999us"])  # fmt: skip
def test_times_out_of_any_calendar(ts: str) -> None:
    found = one("path", PATH.entities, [edge(0, 1, "launch")])
    found.edges[0].ts = found.start = found.end = ts
    [row] = lines("ocsf", found)
    assert not list(faults(row))
    for form in ("ecs", "timesketch"):
        for row in lines(form, found):
            text = row.get("@timestamp") or row["datetime"]
            assert datetime.fromisoformat(text).tzinfo is not None
    assert pq.read_table(io.BytesIO(written("parquet", found))).num_rows == 1


def test_numbers_that_json_has_not() -> None:
    found = one("path", PATH.entities, PATH.edges, score=float("inf"), z=float("nan"))
    for form in ("ndjson", "ocsf", "ecs", "timesketch"):
        for row in lines(form, found):
            json.dumps(row, allow_nan=False)


@pytest.mark.parametrize("form", forms.FINDINGS)
def test_hostile_text_is_only_text(form: str) -> None:
    found = [made for _, made in hostile()]
    tags = PATTERNS if form == "ocsf" else ()
    data = b"".join(forms.findings(form, found, tags))
    if form == "parquet":
        rows = pq.read_table(io.BytesIO(data)).to_pylist()
        assert [row["id"] for row in rows] == [f.id for f in found]
        return
    text = data.decode()
    assert not unsafe(text.replace("\n", ""))
    if form == "csv":
        rows = list(csv.reader(io.StringIO(text)))
        assert len(rows) == len(found) + 1
        assert {len(row) for row in rows} == {len(rows[0])}
        for row in rows:
            assert not [c for c in row if c.lstrip()[:1] in ("=", "+", "-", "@") and not number(c)]
    elif form == "json":
        assert len(json.loads(text)) == len(found)
    else:
        each = {"es-bulk": 2, "timesketch": 0}.get(form, 1)
        objects = [json.loads(row) for row in text.split("\n")[:-1]]
        assert not each or len(objects) == each * len(found)
        for row in objects if form == "ocsf" else ():
            assert not list(faults(row))


def number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def test_json_reads_back_as_it_was() -> None:
    for text, made in hostile():
        if any(0xD800 <= ord(c) < 0xE000 for c in text):
            continue
        [row] = lines("ocsf", made)
        assert row["finding_info"]["title"] == text
        assert json.loads(json_line({text: text})) == {text: text}


def test_notebooks_show_text_and_nothing_else() -> None:
    from html.parser import HTMLParser

    class Tags(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.tags: list[str] = []

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.tags.append(tag)
            assert not attrs

    for _, made in hostile():
        page = made._repr_html_()
        reader = Tags()
        reader.feed(page)
        assert set(reader.tags) == {"p", "b", "br", "table", "thead", "tbody", "tr", "th", "td"}
        assert reader.tags.count("tr") == 1 + len(made.edges)
        assert not unsafe(page)
    assert "powershell -enc x" in PATH._repr_html_()
    assert "user CORP\\bob is 1 in 1,024" in EVENT._repr_html_()
    assert "ranked, not calibrated" in EVENT._repr_html_()
    assert RELATION.id in RELATION._repr_html_()


def test_what_records_say_is_told(planted: Workspace) -> None:
    found = planted.findings()
    known = context.gather(planted, found)
    rows = planted.sql("SELECT source, record, user, pid, code FROM records").to_pylist()
    told = {(r["source"], r["record"]): (r["user"] or "", r["pid"], r["code"] or "") for r in rows}
    keys = {(proof.number, proof.record) for one_of in found for proof in one_of.evidence}
    assert {key: (r.user, r.pid, r.code) for key, r in known.items()} == {
        key: told[key] for key in keys
    }
    assert context.gather(planted, []) == {}
    made = [ocsf.finding(f, parts.techniques(f, PATTERNS), known) for f in found]
    assert not [fault for row in made for fault in faults(row)]
    assert {row["finding_info"]["types"][0] for row in made} >= {"path", "event", "window"}
