"""Entities at risk are those at the surprising events of path findings, by their logs' own keys."""

import json
from pathlib import Path

import pytest

from graphad.enrich import Enricher
from graphad.enrich.lines import with_key
from graphad.enrich.risk import At, Risk, key_of, telling
from graphad.errors import GraphadError
from graphad.findings import Finding, Marked
from graphad.workspace import open_store
from tests.enrich.conftest import Made
from tests.enrich.events import ecs, events, flat, ocsf, odd
from tests.sample_findings import finding

KEYS = [
    ("a.exe", key_of("process", "ws-01.corp.example", "{0000000B-0003-0001-0001-00000000000B}")),
    ("b.exe", key_of("process", "ws-02.corp.example", "other")),
    ("socket 10.0.0.5:445", key_of("socket", None, "10.0.0.5:445")),
    ("file x", key_of("file", "WS-01.corp.example", "C:\\x")),
]


def path(name: str, severity: str | None = None, second: float = 0.0, rank: int = 1) -> Finding:
    made = finding(
        name, ("b.exe", "launch", "a.exe", 1.0, second),
        ("a.exe", "connect", "socket 10.0.0.5:445", 9.0, second + 1),
    )  # fmt: skip
    made.severity, made.rank = severity, rank
    return made


def test_only_ends_of_surprising_events_are_at_risk() -> None:
    assert telling(path("1")) == {"a.exe", "socket 10.0.0.5:445"}
    risk = Risk.of([path("1", "high")], KEYS)
    assert risk.entities == {
        KEYS[0][1]: At("high", ("path-1",)),
        KEYS[2][1]: At("high", ("path-1",)),
    }


def test_the_newest_come_first_and_the_worst_level_counts() -> None:
    some = [
        path("old", "high", 0),
        path("new", "low", 50),
        *(path(f"{n}", "low", -n) for n in range(1, 9)),
    ]
    told = Risk.of(some, KEYS).entities[KEYS[0][1]]
    assert told == At("high", ("path-new", "path-old", "path-1", "path-2", "path-3"))


def test_what_is_no_alarm_is_no_risk() -> None:
    benign, other = path("benign", "high"), path("event", "high")
    benign.marks = [Marked("m", "benign", "known")]
    other.detector = "event"
    some = [benign, other, path("quiet", "informational"), path("ranked", None, rank=101)]
    assert Risk.of(some, KEYS).entities == {}
    assert Risk.of([path("ranked", None, rank=100)], KEYS).entities[KEYS[0][1]].level is None


@pytest.mark.parametrize("shape", [flat, ecs])
def test_an_event_of_an_entity_at_risk_says_so(made: Made, shape: object) -> None:
    enricher = Enricher.load(made.model)
    quiet = Enricher(enricher.models, risk=Risk({}))
    risky = Enricher(enricher.models, risk=Risk.of([path("1", "high")], KEYS))
    event = shape(odd())  # type: ignore[operator]
    told = risky.judge(event)
    assert (told.risk, told.findings) == ("high", ["path-1"])
    assert quiet.judge(event).findings == []
    elsewhere = shape(odd() | {"host": "ws-02.corp.example"})  # type: ignore[operator]
    assert risky.judge(elsewhere).risk is None
    away = odd() | {
        "what": "connect", "process_guid": "{1}", "dst_ip": "10.0.0.5", "dst_port": 445,
        "src_ip": "10.0.0.6", "src_port": 50000, "protocol": "tcp",
    }  # fmt: skip
    for one in (flat(away), ecs(away), ocsf(away)):
        assert one is not None
        assert risky.judge(one).findings == ["path-1"]
    answer = with_key(risky, json.dumps(event).encode())
    assert json.loads(answer)["graphad"]["risk"] == "high"


def test_a_store_says_which_entities_are_at_risk(made: Made, tmp_path: Path) -> None:
    store = open_store(tmp_path / "store")
    log = tmp_path / "log.json"
    log.write_text("\n".join(json.dumps(flat(one)) for one in [*events(300), odd()]) + "\n")
    hunt = store.hunt([log])
    about = [f.id for f in hunt.findings if any("evil.exe" in e.key for e in f.entities)]
    assert about
    enricher = Enricher.load(made.model, risk=tmp_path / "store")
    told = enricher.judge(flat(odd()))
    assert set(told.findings) & set(about)
    assert told.risk is None  # nothing is calibrated
    store.mark(told.findings[0], "benign", "known")
    again = Enricher.load(made.model, risk=tmp_path / "store").judge(flat(odd()))
    assert told.findings[0] not in again.findings
    with pytest.raises(GraphadError, match="no store"):
        Enricher.load(made.model, risk=tmp_path)
