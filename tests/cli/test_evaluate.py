"""`graphad evaluate` on the demo, and when attacks were by a store's records."""

import csv
import json
from pathlib import Path

import pytest

from graphad.evaluate_moments import of_store
from graphad.parse import Parser, matching
from graphad.truth import read_truth
from graphad.workspace import Workspace, open_store
from tests.cli.running import run

DEMO = Path(__file__).parents[2] / "sample_logs" / "demo"


@pytest.fixture(scope="module")
def hunted(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    store = tmp_path_factory.mktemp("evaluate") / "store"
    logs = DEMO / "attack.strace.gz", "--baseline", DEMO / "quiet.strace.gz"
    run("hunt", "-s", store, *logs, "-q")
    return open_store(store, create=False)


def test_json_has_all_and_the_rest_its_part(hunted: Workspace) -> None:
    truth = DEMO / "truth.csv"
    whole = json.loads(run("evaluate", "-s", hunted.path, truth, "-f", "json").stdout)
    rows = [
        json.loads(row) for row in run("evaluate", "-s", hunted.path, truth).stdout.splitlines()
    ]
    assert rows == whole["metrics"]
    values = {row["name"]: row["value"] for row in rows}
    labels = {row["label"] for row in csv.DictReader(truth.read_text().splitlines())}
    told = {one["attack"]: one for one in whole["detections"]}
    assert set(told) == labels
    detected = [one for one in told.values() if one["seconds"] is not None]
    assert len(detected) / len(labels) == values["detection_rate"]
    kept = {finding.id: finding for finding in hunted.findings()}
    for one in detected:
        finding = kept[one["finding"]]
        assert finding.alert
        assert one["begin"] <= finding.end
        assert one["seconds"] < 60
    assert sum(level["findings"] for level in whole["severities"]) == len(kept)
    assert values["severity_gamma_low"] <= values["severity_gamma"] <= values["severity_gamma_high"]
    assert 0 < values["pate_step"] <= 1
    table = run("evaluate", "-s", hunted.path, truth, "-f", "table").stdout
    for word in ("seconds_to_detect_median", "critical", *labels):
        assert word in table


def test_step_and_buffer_are_told(hunted: Workspace) -> None:
    command = "evaluate", "-s", hunted.path, DEMO / "truth.csv"
    rows = [
        json.loads(row)
        for row in run(*command, "--step", 10, "--buffer", 60, "-f", "ndjson").stdout.splitlines()
    ]
    [pate] = [row for row in rows if row["name"] == "pate"]
    assert "steps of 10 s, buffers of 0, 30, 60 s" in pate["meaning"]
    assert pate["part"] == 1
    run(*command, "--step", 0, code=2)
    run(*command, "--buffer", -1, code=2)
    run(*command, "--buffer", "nan", code=2)


def test_lines_are_at_the_times_of_their_records(hunted: Workspace) -> None:
    known = read_truth(DEMO / "truth.csv")
    moments = of_store(hunted, known)
    rows = hunted.sql("""
        SELECT o.path, r.line, epoch_us(coalesce(e.ts, r.ts)) AS us,
               coalesce(e.host, r.host, '') AS host
        FROM records r JOIN sources o USING (source) LEFT JOIN edges e USING (source, record)
    """).to_pylist()
    with (DEMO / "truth.csv").open() as file:
        lines = [(row["source"], int(row["line"])) for row in csv.DictReader(file)]
    slow = {
        (unit, row["us"], row["host"])
        for unit, (source, line) in enumerate(lines)
        for row in rows
        if row["line"] == line and row["path"].endswith("/" + source) and row["us"] is not None
    }
    found = set(zip(moments.unit.tolist(), moments.start.tolist(), moments.host, strict=True))
    assert found == slow
    assert {unit for unit, _, _ in found} == set(range(len(lines)))
    assert moments.single
    assert (moments.start == moments.end).all()


NAMED = Parser(
    name="named",
    about="for tests",
    sniff=lambda head: 0.0,
    decoder=matching(r"(?P<_stamp>\d+) (?P<host>\S+) (?P<exe>\S+)"),
    mapping="""
        SELECT record, make_timestamp(_stamp::BIGINT * 1000000) AS ts, host, 'launch' AS action,
               'process' AS src_type, 'sh' AS src_key, 'process' AS dst_type, exe AS dst_key
        FROM raw""",
)


def test_hosts_are_called_as_in_findings(tmp_path: Path) -> None:
    store, logs = Workspace(tmp_path / "store"), []
    for name in ("web", "web.example.org", "db"):
        logs.append(tmp_path / f"{name}.log")
        logs[-1].write_text("".join(f"{1_700_000_000 + i} {name} evil\n" for i in range(3)))
    store.ingest(logs, parser=NAMED)
    file = tmp_path / "truth.csv"
    file.write_text("source,line,label\n" + "".join(f"{log.name},2,a\n" for log in logs))
    moments = of_store(store, read_truth(file))
    assert sorted(map(str, moments.host)) == ["db", "web.example.org", "web.example.org"]
    assert set(moments.host) == set(store.graph().host)
    assert set(moments.start.tolist()) == {1_700_000_001_000_000}


def test_records_and_entities_have_times_too(hunted: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "truth.csv"
    file.write_text("source,record,label\nattack.strace.gz,7935,a\nno.log,1,b\n")
    records = of_store(hunted, read_truth(file))
    assert set(records.unit.tolist()) == {0}
    file.write_text("entity,label\n127.0.0.1:4444,1\n/tmp/x,1\nnobody,1\n")
    entities = of_store(hunted, read_truth(file))
    rows = hunted.sql("""
        SELECT DISTINCT label, epoch_us(ts) AS us FROM edges JOIN entities ON id IN (src, dst)
        WHERE label IN ('127.0.0.1:4444', '/tmp/x')
    """).to_pylist()
    names = ["127.0.0.1:4444", "/tmp/x"]
    assert set(zip(entities.unit.tolist(), entities.start.tolist(), strict=True)) == {
        (names.index(row["label"]), row["us"]) for row in rows
    }
    file.write_text("entity,label\nnobody,0\n")
    assert len(of_store(hunted, read_truth(file)).unit) == 0
    text = run("evaluate", "-s", hunted.path, file, "-f", "table").stdout
    assert "attacks" in text
