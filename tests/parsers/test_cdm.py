"""CDM and CADETS: whole rows of the samples, and the same graph from each way to write a trace."""

import json
from pathlib import Path
from typing import Any

import pytest

from graphad.decoders.cdm import Cdm, early, plain, uid
from graphad.decoders.told_kernel import NO_END, Kernel
from tests import captures
from tests.parsers import told_rows as rows

SAMPLES = rows.SAMPLES
TRACE = [
    "socket 203.0.113.9:50122 accept process sshd",
    "process sshd fork process sshd",
    "file /usr/local/bin/bash exec process /usr/local/bin/bash",
    "process sshd launch process /usr/local/bin/bash",
    "file /libexec/ld-elf.so.1 load process /usr/local/bin/bash",
    "socket 203.0.113.9:50122 receive process sshd",
    "process /usr/local/bin/bash fork process /usr/local/bin/bash",
    "file /bin/cp exec process /bin/cp",
    "process /usr/local/bin/bash launch process /bin/cp",
    "file /libexec/ld-elf.so.1 load process /bin/cp",
    "file /etc/master.passwd read process /bin/cp",
    "process /bin/cp write file /tmp/m",
    "file /libexec/ld-elf.so.1 load process /bin/cp",
    "process /bin/cp chmod file /tmp/m",
    "file /tmp/m rename file /tmp/.m",
    "process /usr/local/bin/bash rename file /tmp/.m",
    "process sshd send socket 203.0.113.9:50122",
    "process /usr/local/bin/bash signal process /bin/cp",
]


@pytest.mark.parametrize("version", [18, 20])
def test_versions_18_and_20_give_the_same_graph(version: int, tmp_path: Path) -> None:
    store = rows.ingested(SAMPLES / "cdm" / f"trace.cdm{version}.json", tmp_path / "s")
    assert rows.plain(store) == TRACE
    assert rows.ignored(store) == {
        "describes an entity; events use it": 11,
        "opened; reads and writes say what flowed": 2,
        "descriptor or position only": 1,
        "process ended or waited": 1,
        "the call failed": 1,
    }
    first = rows.edges(store)[3]
    cat = "6f1b0c3a-0002-4a00-8000-0000000000"
    assert first[0] == "00:00.500000"
    assert first[4:] == (f"{cat}51", f"{cat}52:1")
    [row] = store.sql(
        "SELECT ts, host, action, exe, command_line, file_path, process_guid FROM records "
        "WHERE action = 'EXECUTE' AND file_path = '/bin/cp'"
    ).to_pylist()
    assert str(row.pop("ts")) == "2024-05-03 10:00:01.250000"
    assert row == {
        "host": "build7.example.org",
        "action": "EXECUTE",
        "exe": "/usr/local/bin/bash",
        "command_line": "cp /etc/master.passwd /tmp/m",
        "file_path": "/bin/cp",
        "process_guid": f"{cat}53",
    }


def test_simple_edges_of_version_13(tmp_path: Path) -> None:
    store = rows.ingested(SAMPLES / "cdm" / "trace.cdm13.json", tmp_path / "s")
    assert rows.plain(store) == [
        "file /srv/data/orders.db read process backup.sh",
        "process backup.sh write file /backup/orders.db.tmp",
        "file /backup/orders.db.tmp rename file /backup/orders.db",
        "process backup.sh rename file /backup/orders.db",
        "process backup.sh fork process sh",
        "process sh connect socket 198.51.100.4:873",
        "file /bin/tar exec process sh",
    ]
    assert rows.ignored(store) == {
        "describes an entity; events use it": 9,
        "joins what gives no edge": 11,
        "event that SimpleEdges join; they give its edges": 8,
        "opened; reads and writes say what flowed": 1,
    }


def test_simple_edges_may_come_before_their_event(tmp_path: Path) -> None:
    lines = (SAMPLES / "cdm" / "trace.cdm13.json").read_text().splitlines()
    joins = [line for line in lines if '"com.bbn.tc.schema.avro.SimpleEdge"' in line]
    entities = [line for line in lines if ".Event" not in line and line not in joins]
    events = [line for line in lines if ".Event" in line]
    log = tmp_path / "turned.json"
    log.write_text("\n".join([*entities, *joins, *events]) + "\n")
    turned = rows.ingested(log, tmp_path / "s")
    usual = rows.ingested(SAMPLES / "cdm" / "trace.cdm13.json", tmp_path / "t")
    assert sorted(rows.plain(turned)) == sorted(rows.plain(usual))


def test_cadets(tmp_path: Path) -> None:
    store = rows.ingested(SAMPLES / "cadets" / "trace.json", tmp_path / "s")
    assert rows.plain(store) == [
        "socket 203.0.113.9:50122 accept process sshd",
        "process sshd fork process sshd",
        "file /usr/local/bin/bash exec process /usr/local/bin/bash",
        "process sshd launch process /usr/local/bin/bash",
        "file /libexec/ld-elf.so.1 load process /usr/local/bin/bash",
        "process /usr/local/bin/bash send socket 198.51.100.20:443",
        "process /usr/local/bin/bash write pipe (unnamed)",
        "file /home/erin/.profile read process /usr/local/bin/bash",
        "file /libexec/ld-elf.so.1 load process /usr/local/bin/bash",
        "process /usr/local/bin/bash create file /tmp/x",
        "file /etc/master.passwd link file /tmp/x/p",
        "process /usr/local/bin/bash create file /tmp/x/p",
    ]
    assert rows.ignored(store) == {
        "describes the host": 1,
        "describes a socket; events use it": 1,
        "pipe or socket made; reads and writes say what flowed": 1,
        "opened; reads and writes say what flowed": 1,
        "the call failed": 1,
        "process's own attributes": 1,
        "process ended or waited": 1,
    }


def earlier(line: str) -> str:
    """Return a record of version 20 as version 18 writes it, its types' names with the prefix."""
    record = json.loads(line)
    [(kind, body)] = record["datum"].items()
    if kind != "Host":
        body["hostId"] = record.pop("hostId")
    names = plain(body.pop("names", None))
    if kind == "Event":
        body["name"] = {"string": names[0]} if names else None
    if kind == "Subject":
        body["localPrincipal"] = plain(body["localPrincipal"])
        body["startTimestampNanos"] = plain(body["startTimestampNanos"])
    if kind == "NetFlowObject":
        for name in ("localAddress", "localPort", "remoteAddress", "remotePort"):
            value = plain(body[name])
            body[name] = value if value is not None else "" if "Address" in name else -1
    datum: dict[str, Any] = {f"com.bbn.tc.schema.avro.cdm18.{kind}": body}
    return json.dumps({"datum": datum, "CDMVersion": "18", "source": record["source"]})


@pytest.mark.parametrize("trace", ["with_wget", "shm_exfil"])
def test_real_trace_in_three_forms_gives_the_same_graph(trace: str, tmp_path: Path) -> None:
    cdm = captures.unpacked("cdm-streamspot", f"/cdm/{trace}.cdm.json")
    forms = {
        "20": cdm,
        "18": "\n".join(earlier(line) for line in cdm.decode().splitlines()).encode() + b"\n",
        "cadets": captures.unpacked("cdm-streamspot", f"/cadets/{trace}.json"),
    }
    told = {}
    for form, data in forms.items():
        log = tmp_path / form
        log.write_bytes(data)
        store = rows.ingested(log, tmp_path / f"{form}.store")
        told[form] = rows.edges(store)
    assert len(told["20"]) > 300
    assert told["18"] == told["20"]
    # CADETS gives each call a record; the translation to CDM says the same of them.
    assert sorted(told["cadets"]) == sorted(told["20"])


def test_attack_steps_of_a_real_trace_are_edges(tmp_path: Path) -> None:
    log = tmp_path / "buildinject.json"
    log.write_bytes(captures.unpacked("cdm-streamspot", "/buildinject.json"))
    told = rows.plain(rows.ingested(log, tmp_path / "s"))
    for step in (
        "process /usr/bin/scp write file /home/bob/crt1.o",
        "process /usr/local/bin/sudo launch process /bin/cp",
        "file /home/bob/crt1.o read process /bin/cp",
        "process /bin/cp write file /usr/lib/crt1.o",
        "file /usr/lib/crt1.o read process /usr/bin/ld",
    ):
        assert step in told


def test_ids_and_times() -> None:
    assert uid({"UUID": "AA2705B9-72EE-E754-AE72-0B7284E7200A"}) == (
        "aa2705b9-72ee-e754-ae72-0b7284e7200a"
    )
    assert uid("00000000-0000-0000-0000-000000000000") is None
    assert uid("J\x0fè") == "4a0fc3a8"
    assert uid(7) is None
    assert uid("") is None
    assert early(1450217860803) == early(1450217860803000) == 1450217860803000


def test_kernel_forgets_what_is_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphad.decoders.told.MAX_KNOWN", 10)
    kernel = Kernel()
    for n in range(25):
        kernel.learn(str(n), "file", None, f"/{n}")
        kernel.process(f"p{n}", "x")
    assert len(kernel.objects) <= 10
    assert "24" in kernel.objects
    assert "0" not in kernel.objects
    assert len(kernel.processes) <= 10
    assert kernel.event("READ", "p24", None) == NO_END


def test_a_child_that_ran_a_program_read_before_it() -> None:
    kernel = Kernel()
    kernel.process("a", "sh")
    kernel.fork("a", "b")
    kernel.learn("f", "file", None, "/etc/key")
    kernel.event("READ", "b", kernel.thing("f", None))
    program = kernel.thing(None, "/bin/cat")
    assert program is not None
    found = [(s.key, action, d.key) for s, action, d in kernel.run("b", program, "cat", None)]
    assert found == [("/bin/cat", "exec", "b:1"), ("a", "launch", "b:1"), ("b", "exec", "b:1")]


def record(kind: str, **body: Any) -> dict[str, Any]:
    return {"datum": {kind: body}, "CDMVersion": "18"}


def test_threads_are_their_process_and_parents_launch() -> None:
    world = Cdm()
    for subject, type_, parent, command in (
        ("A1", "SUBJECT_PROCESS", None, "/bin/sh -i"),
        ("A2", "SUBJECT_PROCESS", "A1", None),
        ("A3", "SUBJECT_THREAD", "A2", None),
        ("A4", "SUBJECT_UNIT", "A3", None),
    ):
        union = {"UUID": parent} if parent else None
        told = world.read(
            record("Subject", uuid=subject, type=type_, parentSubject=union, cmdLine=command)
        )
        assert told.rule
    told = world.read(
        record(
            "Event", uuid="E1", type="EVENT_EXECUTE", subject={"UUID": "A4"}, timestampNanos=5000,
            predicateObject={"UUID": "F1"}, predicateObjectPath={"string": "/bin/id"},
        )
    )  # fmt: skip
    assert [(s.key, action, d.key) for s, action, d in told.edges] == [
        ("f1", "exec", "a2:1"),
        ("a1", "launch", "a2:1"),
    ]
    told = world.read(
        record(
            "Event", uuid="E2", type="EVENT_READ", subject={"UUID": "A3"}, timestampNanos=6000,
            predicateObject={"UUID": "F2"}, predicateObjectPath={"string": "<unknown>"},
        )
    )  # fmt: skip
    assert [(s.label, d.label) for s, _, d in told.edges] == [("(unnamed)", "/bin/id")]
