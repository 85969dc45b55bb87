"""What a detector of relations reads of text logs."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from graphad.models.templates import Templates, line_id
from graphad.store import Store
from graphad.store.text_lines import LINES, learn_templates, text_lines
from graphad.store.typed_fields import typed_fields

SAMPLES = Path(__file__).parents[2] / "sample_logs"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    made = Store(tmp_path_factory.mktemp("lines") / "s")
    made.ingest([SAMPLES / "text", SAMPLES / "strace"])
    return made


def rows(store: Store, **options: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for batch in text_lines(store, **options):
        assert batch.schema == LINES
        batch.validate(full=True)
        found += batch.to_pylist()
    return found


def test_all_lines_with_a_time_are_there_in_its_order(store: Store) -> None:
    found = rows(store)
    times = [row["ts"] for row in found]
    assert times == sorted(times)
    expected = store.sql(
        """SELECT source, record, line FROM records
           WHERE source IN (SELECT source FROM sources WHERE format = 'text') AND ts IS NOT NULL"""
    ).to_pylist()
    places = sorted((row["source"], row["record"], row["line"]) for row in found)
    assert places == sorted(tuple(row.values()) for row in expected)


def test_the_size_of_batches_changes_nothing(store: Store) -> None:
    found = rows(store)
    for size in (1, 7, 1000):
        assert rows(store, size=size) == found
    sizes = [batch.num_rows for batch in text_lines(store, size=7)]
    assert len(sizes) > 3


def test_a_window_and_a_host_leave_out_the_others(store: Store) -> None:
    found = rows(store, start="2024-05-02T10:15:00", end="2024-05-02T10:15:02")
    assert found
    assert all("10:15:00" <= str(row["ts"])[11:19] < "10:15:02" for row in found)
    assert {row["host"] for row in rows(store, host="web-1")} == {"web-1"}
    assert rows(store, start="2031-01-01") == []


def test_fields_have_types_by_form_or_name(store: Store) -> None:
    found = {row["message"]: row for row in rows(store)}

    def fields(message: str) -> list[tuple[str, str, str]]:
        return [(f["name"], f["type"], f["value"]) for f in found[message]["fields"]]

    message = "Failed password for <user> from <ip> port <port> ssh2"
    assert fields(message) == [
        ("user", "user", "root"), ("ip", "ip", "203.0.113.9"), ("port", "port", "40024"),
    ]  # fmt: skip
    assert (found[message]["component"], found[message]["host"]) == ("sshd", "web-1")
    assert found[message]["code"] == found[message]["template"] == line_id(message)
    dropped = (
        "DROP IN=<value> OUT= MAC=<mac> SRC=<ip> DST=<ip> LEN=<num> PROTO=<value> SPT=<num> "
        "DPT=<num>"
    )
    assert fields(dropped) == [
        ("pri", "pri", "34"), ("IN", "in", "eth0"), ("MAC", "mac", "02:42:ac:11:00:02"),
        ("SRC", "ip", "203.0.113.9"), ("DST", "ip", "192.0.2.1"), ("LEN", "len", "60"),
        ("PROTO", "proto", "TCP"), ("SPT", "spt", "40022"), ("DPT", "dpt", "22"),
    ]  # fmt: skip
    assert fields("event_type:dns dns.rrname dns.type src_ip tags") == [
        ("event_type", "event_type", "dns"), ("src_ip", "ip", "192.0.2.17"),
        ("dns.type", "dns.type", "query"), ("dns.rrname", "domain", "www.example.org"),
        ("tags", "tags", '["a","b"]'),
    ]  # fmt: skip
    # What only the record's columns tell comes last; what is there twice is there once.
    assert fields('OK LOGIN: Client "<ip>"') == [
        ("context", "context", "anna"), ("ip", "ip", "192.0.2.17"), ("target_user", "user", "anna"),
    ]  # fmt: skip
    assert fields("instruction cache parity error corrected") == [
        ("level", "level", "INFO"), ("context", "context", "RAS"),
    ]  # fmt: skip


def test_templates_are_the_same_whatever_the_order_of_files(store: Store, tmp_path: Path) -> None:
    templates = learn_templates(store)
    other = Store(tmp_path / "s")
    for path in sorted((SAMPLES / "text").iterdir(), reverse=True):
        other.ingest(path)
    assert learn_templates(other) == templates
    found = rows(store, templates=templates)
    assert {row["template"] for row in found} <= set(templates.ids)
    assert [row["code"] for row in found] == [row["code"] for row in rows(store)]
    again = learn_templates(store, known=Templates.restore(templates.dump()))
    assert again == templates


def test_a_graph_has_the_fields_of_its_lines(store: Store) -> None:
    graph = store.graph(fields=("code", "ip", "port", "provider", "target_user"))
    texts = {name: column.to_pylist() for name, column in graph.fields.items()}
    row = texts["code"].index(line_id("Failed password for <user> from <ip> port <port> ssh2"))
    assert [texts[name][row] for name in list(texts)[1:]] == [
        "203.0.113.9", "40024", "sshd", "root",
    ]  # fmt: skip


def test_the_docs_name_every_type_and_column() -> None:
    from graphad.scan.text_mask import TYPES

    text = (Path(__file__).parents[2] / "docs" / "text.md").read_text()
    for name in (*TYPES, *LINES.names):
        assert f"`{name}`" in text, name


def test_a_store_without_text_has_no_lines(tmp_path: Path) -> None:
    made = Store(tmp_path / "s")
    made.ingest(SAMPLES / "strace")
    assert list(text_lines(made)) == []
    assert len(learn_templates(made)) == 0


def test_the_raw_line_of_each_is_reachable(store: Store) -> None:
    from graphad.rawlines import fetch

    found = rows(store)
    places = store.sql('SELECT source, record, "offset", "length" FROM records').to_pylist()
    wanted = {(row["source"], row["record"]) for row in found}
    texts = fetch(
        store.sources,
        [tuple(row.values()) for row in places if (row["source"], row["record"]) in wanted],
    )
    assert set(texts) == wanted
    for row in found:
        start = row["message"].split("<")[0].split(" ")[0]
        assert (
            start in texts[row["source"], row["record"]]
            or "{" in texts[row["source"], row["record"]]
        )


def test_words_that_only_look_like_masks_have_no_type_by_form() -> None:
    told = pa.table({
        "attrs": pa.array([[("a", "curls"), ("b", "(ip)"), ("c", "192.0.2.7"), ("d", "smack")]],
                          pa.map_(pa.string(), pa.string())),
        "user": pa.array([None], pa.string()), "target_user": pa.array([None], pa.string()),
    })  # fmt: skip
    found = [(f["type"], f["value"]) for f in typed_fields(told)[0].as_py()]
    assert found == [("a", "curls"), ("b", "(ip)"), ("ip", "192.0.2.7"), ("d", "smack")]
