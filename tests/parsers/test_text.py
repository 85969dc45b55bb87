"""Text logs: whole rows, forms of headers, records of several lines, what is guessed or refused."""

import io
import json
import random
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad import formats
from graphad.blocks import blocks
from graphad.decoders.text_decode import RECORD, Decoder
from graphad.parse import Decoded, Options
from graphad.store import Store

SAMPLES = Path(__file__).parents[2] / "sample_logs" / "text"
PARSERS = formats.load_all()


def decoded(
    data: bytes, year: int | None = 2024, zone: str = "UTC", size: int = 1 << 20
) -> list[dict[str, Any]]:
    """Return the rows of a log that is read in blocks of a size, rejects among them."""
    decoder = Decoder(Options(zone, year))
    rows: list[dict[str, Any]] = []
    for block in blocks(io.BytesIO(data), decoder, lambda chunk: None, size=size):
        if block.lost:
            rows.append({"line": block.line, "offset": block.offset, "reason": block.lost})
            continue
        found = decoder.decode(block.data, block.last)
        balanced(found)
        for row in [*found.raw.to_pylist(), *found.rejects.to_pylist()]:
            row["line"] += block.line
            row["offset"] += block.offset
            del row["record"]
            rows.append({k: v for k, v in row.items() if v is not None})
    return sorted(rows, key=lambda row: row["offset"])


def balanced(found: Decoded) -> None:
    numbers = found.raw["record"].to_pylist() + found.rejects["record"].to_pylist()
    assert len(set(numbers)) == len(numbers) == found.read - sum(found.ignored.values())
    assert all(0 <= n < found.read for n in numbers)


def messages(found: Decoded) -> list[str]:
    return found.raw["message"].to_pylist() if found.raw.num_rows else []


def of(name: str) -> list[dict[str, Any]]:
    return decoded((SAMPLES / name).read_bytes())


def told(row: dict[str, Any], *names: str) -> list[Any]:
    return [str(row[n]) if n == "ts" else row.get(n) for n in names]


def test_a_login_is_a_whole_row() -> None:
    row = of("auth.log")[3]
    attrs = json.loads(row.pop("attrs"))
    assert attrs == {"guessed": "year zone", "user": "anna", "ip": "192.0.2.17", "port": "51110"}
    assert str(row.pop("ts")) == str(row.pop("local_time")) == "2024-12-31 23:59:02"
    assert row == {
        "line": 4, "offset": 269, "length": 116, "host": "web-1", "shape": "syslog, RFC 3164",
        "message":
            "Accepted publickey for <user> from <ip> port <port> ssh2: ED25519 SHA256:q1n0cX",
        "code": "ffa93c6fd048de580365ab9d", "provider": "sshd", "pid": 2040, "action": "logon",
        "outcome": "success", "target_user": "anna", "src_ip": "192.0.2.17", "src_port": 51110,
        "logon_type": "publickey",
    }  # fmt: skip


def test_what_logs_of_a_host_tell_for_certain(tmp_path: Path) -> None:
    store = Store(tmp_path / "s")
    store.ingest(SAMPLES / "auth.log", options=Options(year=2023))
    rows = store.sql(
        """SELECT line, src_type, src, action, dst_type, dst, outcome FROM events
           WHERE dst_type <> 'template' ORDER BY line, src"""
    ).to_pylist()
    assert [tuple(row.values()) for row in rows] == [
        (2, "address", "203.0.113.9", "logon", "user", "oracle", "failure"),
        (3, "address", "203.0.113.9", "logon", "user", "root", "failure"),
        (4, "address", "192.0.2.17", "logon", "user", "anna", "success"),
        (4, "user", "anna", "logon", "host", "web-1", "success"),
        (6, "user", "root", "start", "task",
         "test -x /usr/sbin/anacron || run-parts /etc/cron.daily", None),
        (7, "user", "anna", "access", "user", "root", "success"),
        (7, "user", "anna", "start", "task", "/usr/bin/systemctl restart nginx", "success"),
        (8, "user", "eve", "access", "user", "root", "failure"),
        (9, "user", "root", "access", "user", "postgres", "success"),
    ]  # fmt: skip
    # Line 10 is of a user called "root from 198.51.100.1": nobody came from there.
    writers = store.sql(
        """SELECT line, src_type, src FROM events WHERE dst_type = 'template' ORDER BY line"""
    ).to_pylist()
    assert [tuple(row.values()) for row in writers][8:] == [
        (9, "service", "su"), (10, "service", "sshd"), (11, "host", "localhost"),
    ]  # fmt: skip
    assert str(store.sql("SELECT max(ts) AS t FROM events").to_pylist()[0]["t"]) == (
        "2024-01-01 00:00:30"
    )


def test_a_stack_trace_belongs_to_its_line() -> None:
    rows = of("java.log")
    text = (SAMPLES / "java.log").read_bytes()
    assert [row["line"] for row in rows] == [1, 2, 3, 9]
    trace = text[rows[2]["offset"] :][: rows[2]["length"]]
    assert trace.endswith(b"Caused by: java.io.IOException: Connection reset")
    assert rows[2]["message"] == "Request <uuid> failed"
    assert json.loads(rows[2]["attrs"])["lines"] == "6"
    names = ("provider", "pid", "message")
    assert told(rows[3], *names) == ["o.e.shop.Health", 4242, "status=<value> free=<size>"]
    assert json.loads(rows[1]["attrs"]) == {
        "level": "WARN", "context": "Cart worker 3", "guessed": "zone", "id": "order_20240502_17",
        "email": "bob@example.org", "duration": "4.2s",
    }  # fmt: skip


def test_forms_of_headers() -> None:
    names = ("ts", "host", "provider", "pid", "tid", "shape")
    found = {
        name: [told(row, *names) for row in of(name)]
        for name in ("relay.log", "web.log", "others.log")
    }
    plain = "stamp, level, component"
    home = "localhost"
    day = "2024-05-02"
    assert found["relay.log"] == [
        [f"{day} 10:14:59.003000", "fw.example.org", "kernel", None, None, "syslog, RFC 5424"],
        [f"{day} 08:15:00.120000", "mail.example.org", "postfix/smtpd", 991, None,
         "syslog, RFC 5424"],
        [f"{day} 10:15:02", "mail", "postfix/qmgr", 992, None, "syslog, RFC 3164"],
        [f"{day} 08:15:04.500000", "mail", "systemd", 1, None, "syslog, RFC 3164"],
    ]  # fmt: skip
    assert found["web.log"] == [
        [f"{day} 10:14:59", home, None, 123, 456, plain],
        [f"{day} 10:15:00.123456", home, None, 35708, 4328, plain],
        [f"{day} 10:15:01", home, None, None, None, plain],
        [f"{day} 10:15:02", home, None, 2, None, plain],
        [f"{day} 10:15:03", home, None, 1, None, plain],
        [f"{day} 10:15:04", home, None, 1, None, plain],
    ]
    node = "R02-M1-N0-C:J12-U11"
    assert found["others.log"] == [
        [f"{day} 10:14:59.811000", home, "WindowManager", 1702, 2395, plain],
        [f"{day} 10:14:59", home, "mail.exe", None, None, plain],
        [f"{day} 10:15:00.606000", home, "Step_LSC", 30002312, None, "fields between |"],
        [f"{day} 10:15:01", home, "dfs.DataNode$PacketResponder", 148, None, plain],
        [f"{day} 10:15:02", home, "executor.Executor", None, None, plain],
        [f"{day} 08:15:03", node, "KERNEL", None, None, "supercomputer"],
        [f"{day} 10:15:04", home, "CBS", None, None, plain],
        [f"{day} 10:15:05.008000", home, "nova.osapi.server", 25746, None, plain],
        [f"{day} 10:15:06.394000", home, "QuorumCnxManager$Listener", None, None, plain],
        [f"{day} 10:15:07.494902", home, None, None, None, plain],
    ]


def test_json_lines_give_their_fields() -> None:
    rows = of("objects.json")
    names = ("ts", "host", "provider", "pid", "message")
    assert [told(row, *names) for row in rows[:4]] == [
        ["2024-05-02 08:14:59.003004", "web-1", "sshd", 2040,
         "Accepted password for <user> from <ip> port <port> ssh2"],
        ["2024-05-02 08:15:00.250000", "localhost", "shop.cart", None,
         "cart <id> expired after 30m"],
        ["2024-05-02 10:15:01.041456", "localhost", None, None,
         "event_type:dns dns.rrname dns.type src_ip tags"],
        ["2024-05-02 10:15:02.237222", "localhost", None, None, "GET <path> <num>"],
    ]  # fmt: skip
    assert [json.loads(row["attrs"]) for row in rows[1:3]] == [
        {"level_": "warn", "user.name": "anna", "user.ip": "192.0.2.17", "id#2": "cart_17"},
        {"event_type": "dns", "src_ip": "192.0.2.17", "dns.type": "query",
         "dns.rrname": "www.example.org", "tags": '["a","b"]'},
    ]  # fmt: skip
    assert rows[0]["action"] == "logon"
    assert rows[4]["reason"].startswith("no valid JSON: ")


@pytest.mark.parametrize(
    ("line", "names"),
    [
        (b'a key=1 key=2 key=x ip=192.0.2.1 192.0.2.2 level=3', {
            "key": "1", "key#2": "2", "key#3": "x", "ip": "192.0.2.1", "ip#2": "192.0.2.2",
            "level#2": "3", "guessed": "zone"}),
        (b'q="\x01\\\xff" 1', {"q": "\x01\\\\xff", "num": "1", "guessed": "zone"}),
    ],
)  # fmt: skip
def test_no_two_fields_have_one_name(line: bytes, names: dict[str, str]) -> None:
    [row] = decoded(b"2024-05-02 10:14:59 " + line + b"\n")
    pairs = json.loads(row["attrs"], object_pairs_hook=list)
    assert dict(pairs) == names
    assert len(pairs) == len(names)


def test_a_header_alone_takes_the_next_line_as_message() -> None:
    rows = decoded(b"#1714637699\nls -la /srv\n#1714637701\nreboot\n")
    assert [told(row, "ts", "message") for row in rows] == [
        ["2024-05-02 08:14:59", "ls -la <path>"], ["2024-05-02 08:15:01", "reboot"],
    ]  # fmt: skip


def test_lines_without_any_time_are_kept_and_ignored(tmp_path: Path) -> None:
    log = tmp_path / "plain.log"
    log.write_bytes(b"started on port 80\n\nstopped by anna\n")
    store = Store(tmp_path / "s")
    [done] = store.ingest(log)
    assert (done.format, done.read, done.used, done.ignored, done.rejected) == ("text", 3, 0, 3, 0)
    assert store.sources[0].ignored == {"blank line": 1, "no time stamp": 2}
    rows = store.sql("SELECT line, message, ts FROM records ORDER BY line").to_pylist()
    assert [tuple(row.values()) for row in rows] == [
        (1, "started on port <port>", None), (3, "stopped by anna", None),
    ]  # fmt: skip


def test_a_record_takes_no_more_lines_than_it_may() -> None:
    many = b"".join(b"  line %06d\n" % i for i in range(RECORD // 14 + 100))
    log = b"2024-05-02 10:14:59 first\n" + many + b"2024-05-02 10:15:00 second\n  more\n"
    rows = decoded(log)
    assert rows[0]["length"] < RECORD + 20
    assert rows[1]["message"] == rows[2]["message"].replace("line", "line") == "line <num>"
    assert "ts" not in rows[1]
    assert rows[-1]["message"] == "second"
    assert sum(row["length"] + 1 for row in rows) == len(log)
    for size in (1000, 70_000):
        assert decoded(log, size=size) == rows


def test_zone_and_year_are_those_that_the_user_says() -> None:
    line = b"Jul  2 10:14:59 h app: x\n2024-07-02 10:14:59+02:00 h app[1]: x\n"
    rows = decoded(line, year=2021, zone="Europe/Berlin")
    assert [told(row, "ts")[0] for row in rows] == ["2021-07-02 08:14:59", "2024-07-02 08:14:59"]
    assert [json.loads(row.get("attrs", "{}")).get("guessed") for row in rows] == [
        "year zone",
        None,
    ]


def test_utf_16_is_rejected_and_says_why(tmp_path: Path) -> None:
    log = tmp_path / "wide.log"
    log.write_bytes("2024-05-02 10:14:59 one\r\n2024-05-02 10:15:00 two\r\n".encode("utf-16"))
    store = Store(tmp_path / "s")
    [done] = store.ingest(log)
    assert done.used == 0
    assert done.rejected
    reasons = store.sql("SELECT DISTINCT reason FROM rejects").to_pylist()
    assert reasons == [{"reason": "the file is in UTF-16; make it UTF-8"}]


@pytest.mark.parametrize(
    "head",
    [
        b"", bytes(range(256)) * 20, b"\x7fELF\x02\x01\x01\0\0\0", b"PAR1\x15\x04",
        b"%PDF-1.7\n%\xe2",
        b'<?xml version="1.0"?>\n<a/>\n', b'{\n  "a": 1\n}\n', b"[\n {\n", b'[{"a":1}]',
        b"time,user,host\n2024-05-02,anna,ws1\n2024-05-03,eve,ws2\n", b"\xc3\x28\xa0\xa1" * 200,
    ],
)  # fmt: skip
def test_what_is_no_log_of_lines_is_refused(head: bytes) -> None:
    assert formats.sniff(head, PARSERS) is None


@pytest.mark.parametrize(
    "name", sorted({p.name for p in SAMPLES.parent.iterdir() if p.is_dir()} & set(PARSERS))
)
def test_the_last_resort_takes_nothing_from_other_parsers(name: str) -> None:
    for path in sorted((SAMPLES.parent / name).iterdir()):
        if not path.is_file() or path.suffix == ".gz":
            continue
        head = path.read_bytes()[: 1 << 16]
        found = formats.sniff(head, PARSERS)
        assert found is not None
        assert found.name == name
        assert PARSERS["text"].last_resort


def test_a_table_of_long_rows_is_no_log() -> None:
    rows = "".join(f"{i},{'x' * 6000},z\n" for i in range(40))
    assert formats.sniff(("a,b,c\n" + rows).encode()[: 1 << 16], PARSERS) is None


def test_a_parser_of_ones_own_comes_before_the_last_resort() -> None:
    log = b'10:14:59 open("x") = 3\n' * 5
    assert PARSERS["strace"].sniff(log) == PARSERS["text"].sniff(log) == 0.5
    found = formats.sniff(log, PARSERS)
    assert found is not None
    assert found.name == "strace"


LINE = st.sampled_from(
    [*b"".join(p.read_bytes() for p in sorted(SAMPLES.iterdir())).splitlines(), b"", b"  at x",
     b"\xff\xfe\x00", b"{", b'{"a":1}', b"\r", b"<1>", b"<34>1 ", b"Jan  1 00:00:00"]
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(LINE, max_size=14), st.integers(1, 400), st.booleans())
def test_how_a_log_is_cut_changes_nothing(lines: list[bytes], size: int, ended: bool) -> None:
    data = b"\n".join(lines) + (b"\n" if ended else b"")
    assert decoded(data, size=size) == decoded(data)


@settings(max_examples=60, deadline=None)
@given(st.lists(LINE, min_size=1, max_size=10), st.data())
def test_a_stopped_decoder_goes_on(lines: list[bytes], data: st.DataObject) -> None:
    log = b"\n".join(lines) + b"\n"
    end = data.draw(st.integers(0, len(log)))
    first = Decoder(Options(year=2024))
    rows: list[str] = []
    begun = 0
    state: object = None
    for block in blocks(io.BytesIO(log[:end]), first, lambda chunk: None, size=300):
        if block.tail:
            begun = block.offset
            state = json.loads(json.dumps(first.state()))
            break
        rows += messages(first.decode(block.data, block.last))
    second = Decoder(Options(year=2024))
    second.restore(state)
    for block in blocks(io.BytesIO(log[begun:]), second, lambda chunk: None):
        rows += messages(second.decode(block.data, block.last))
    whole = [row["message"] for row in decoded(log) if "message" in row]
    assert rows == whole


@pytest.mark.parametrize(
    "part", [b"a ", b"[a] ", b"1 ", b"a: ", b"- ", b"<1>", b'{"a":', b"|", b"["]
)
def test_a_long_line_is_read_in_time(part: bytes) -> None:
    line = b"2024-05-02 10:14:59 INFO " + part * (300_000 // len(part))
    began = time.process_time()
    [row] = decoded(line + b"\n")
    assert row["length"] == len(line)
    [other] = decoded(part * (300_000 // len(part)))
    assert other["length"]
    assert time.process_time() - began < 5


def test_damaged_states_are_refused() -> None:
    good = Decoder(Options()).state()
    assert isinstance(good, dict)
    wrong: list[object] = [None, [], {}, good | {"clock": [1]}, good | {"clock": ["a", 0]}]
    for state in (*wrong, good | {"inside": 1}, good | {"clock": [10**9, 0]}):
        with pytest.raises(ValueError, match="no state"):
            Decoder(Options()).restore(state)


def test_bytes_of_every_record_add_up_in_mutated_logs() -> None:
    luck = random.Random(5)
    text = b"".join(p.read_bytes() for p in sorted(SAMPLES.iterdir()))
    for _ in range(25):
        data = bytearray(text)
        for _ in range(luck.randint(1, 30)):
            at = luck.randrange(len(data))
            if luck.random() < 0.5:
                data[at] = luck.randrange(256)
            else:
                del data[at : at + luck.randint(1, 40)]
        decoder = Decoder(Options(year=2024))
        found = decoder.decode(bytes(data), True)
        balanced(found)
        places = found.raw.select(["offset", "length"]).to_pylist()
        places += found.rejects.select(["offset", "length"]).to_pylist()
        places.sort(key=lambda row: row["offset"])
        end = 0
        for row in places:
            assert row["offset"] >= end
            assert not data[end : row["offset"]].strip()
            end = row["offset"] + row["length"]
        assert not data[end:].strip()
        for row in found.raw.to_pylist():
            if row["attrs"]:
                pairs = json.loads(row["attrs"], object_pairs_hook=list)
                assert len({name for name, _ in pairs}) == len(pairs)
