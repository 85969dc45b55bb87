"""auditd: whole rows, the plain parser as oracle, order, and logs that grow."""

import json
import random
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.decoders.auditd_decode import Decoder
from graphad.decoders.auditd_kinds import NAMES
from graphad.decoders.auditd_syscalls import ARCHES, ERRORS
from graphad.parse import Decoded, Options
from graphad.scan.auditd_lines import EVENT_LINES, EVENTS
from tests.parsers.auditd_rows import Row, decode, differences, moved, said

SAMPLES = Path(__file__).parents[2] / "sample_logs/auditd"
RAW, ENRICHED = ((SAMPLES / f"{name}.log").read_bytes() for name in ("raw", "enriched"))
LINES = [line for line in (RAW + ENRICHED).split(b"\n") if line]


def accounted(data: bytes) -> None:
    done = decode(data)
    assert done.read == done.raw.num_rows + done.rejects.num_rows + sum(done.ignored.values())
    numbers = done.raw["record"].to_pylist() + done.rejects["record"].to_pylist()
    assert len(set(numbers)) == len(numbers)
    assert all(0 <= number < done.read for number in numbers)
    starts, lengths = (done.raw[name].to_pylist() for name in ("offset", "length"))
    spans = sorted(zip(starts, lengths, strict=True))
    assert all(a + n < b for (a, n), (b, _) in pairwise(spans))


@pytest.mark.parametrize("data", [RAW, ENRICHED, b"", b"\n", RAW[:-1], RAW.replace(b"\n", b"\r\n")])
def test_samples_as_the_plain_parser_reads_them(data: bytes) -> None:
    assert differences(data) == []
    accounted(data)


CHANGES = st.lists(
    st.tuples(
        st.floats(0, 1), st.integers(0, 4),
        st.binary(max_size=4) | st.sampled_from(
            [b'"', b"'", b"=", b" ", b"\x1d", b"\n", b"{", b"}", b"(", b")", b",", b"A0", b"old ",
             b"\x00", b"msg='", b" pid=7", b"\xc3", b"\\", b"node=", b"EXECVE", b"PATH"]
        ),
    ),
    max_size=25,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(LINES), max_size=14), CHANGES)
def test_changed_lines_are_read_as_the_plain_parser_reads_them(
    lines: list[bytes], changes: list[tuple[float, int, bytes]]
) -> None:
    data = bytearray(b"\n".join(lines) + b"\n")
    for place, what, text in changes:
        at = int(place * len(data))
        if what == 0:
            del data[at : at + 1 + len(text)]
        elif what == 1:
            data[at : at + len(text)] = text
        elif what == 2:
            data[at:at] = data[max(0, at - 40) : at]
        else:
            data[at:at] = text
    assert differences(bytes(data)) == []
    accounted(bytes(data))


@settings(max_examples=50, deadline=None)
@given(st.randoms(use_true_random=False))
def test_lines_may_come_in_any_order(luck: random.Random) -> None:
    """Shuffled as a whole, a log says the same of each event; who was which process may differ."""
    lifetimes = ("process_guid", "parent_guid", "target_guid", "parent_exe", "target_exe",
                 "target_pid")  # fmt: skip

    def events(data: bytes) -> list[str]:
        rows = [said(row) for row in decode(data).raw.to_pylist()]
        return sorted(
            str({name: row[name] for name in sorted(row) if name not in lifetimes}) for row in rows
        )

    lines = list(LINES)
    luck.shuffle(lines)
    assert events(b"\n".join(lines)) == events(b"\n".join(LINES))


def grown(data: bytes, ends: Sequence[int], step: int) -> tuple[list[Row], list[Row]]:
    """Return rows and rejects of a log read in parts, as ingest reads one that grows.

    What a part's last call gives is only kept of the last part.
    """
    kept: tuple[list[Row], list[Row]] = ([], [])
    state: object = None
    at = records = line = 0

    def keep(done: Decoded) -> None:
        kept[0].extend(moved(done.raw, records, at, line))
        kept[1].extend(moved(done.rejects, records, at, line))

    parts = [*ends, len(data)]
    for number, end in enumerate(parts):
        decoder = Decoder(Options())
        if state is not None:
            decoder.restore(json.loads(json.dumps(state)))
        while size := decoder.cut(data[at : min(end, at + step)], False) or (
            data.find(b"\n", at, end) + 1 - at if data.find(b"\n", at, end) >= 0 else 0
        ):
            done = decoder.decode(data[at : at + size], False)
            keep(done)
            records += done.read
            line += data.count(b"\n", at, at + size)
            at += size
        state = decoder.state()
        done = decoder.decode(data[at:end], True)
        if number == len(parts) - 1:
            keep(done)
    return kept


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(0, len(RAW + ENRICHED)), max_size=4),
    st.integers(100, 30_000), st.booleans(),
)  # fmt: skip
def test_a_log_that_grows_gives_the_same_records(ends: list[int], step: int, many: bool) -> None:
    data = RAW + ENRICHED
    if many:  # so that events are completed before the end
        data += b"".join(
            b'type=CWD msg=audit(1772446000.000:%d): cwd="/"\n' % i for i in range(EVENTS + 20)
        )
    whole = decode(data)
    expected = whole.raw.to_pylist(), whole.rejects.to_pylist()
    assert grown(data, sorted(ends), step) == expected


@pytest.mark.parametrize(
    "state",
    [None, [], {}, {"lines": "a\n", "places": [], "processes": {"processes": [], "names": {}}},
     {"lines": "", "places": [], "processes": {"processes": [[1]], "names": {}}},
     {"lines": "", "places": [["x", 1, 2]], "processes": {"processes": [], "names": {}}},
     {"lines": "", "places": [], "processes": {"processes": [], "names": {"1": "/bin/sh"}}}],
)  # fmt: skip
def test_a_damaged_state_is_refused(state: object) -> None:
    with pytest.raises(ValueError, match="state"):
        Decoder(Options()).restore(state)


def test_whole_rows() -> None:
    rows = decode(RAW).raw.to_pylist()
    nothing = dict.fromkeys(rows[0])
    assert rows[6] == nothing | {
        "record": 9, "offset": 1391, "length": 1000, "line": 7,
        "ts": datetime(2026, 3, 2, 10, 0, 0, 24000), "event_number": 407, "host": "localhost",
        "code": "SYSCALL EXECVE CWD PATH PROCTITLE", "outcome": "yes", "result": "0",
        "syscall": "execve", "pid": 820, "parent_pid": 817, "exe": "/usr/bin/curl",
        "command_line": "curl -o tool http://203.0.113.9/t", "cwd": "/home/ada",
        "file_path": "/usr/bin/curl", "user": "1001", "user_sid": "1001", "login_user": "1001",
        "logon_id": "7", "args": "a0=55d0c8a010 a1=55d0c8b020 a2=55d0c8c030 a3=8",
        "process_guid": "820:1772445600020000:1", "parent_guid": "817:1772445600020000",
        "parent_exe": "/usr/bin/bash",
        "attrs": rows[6]["attrs"],
    }  # fmt: skip
    attrs = json.loads(rows[6]["attrs"])
    assert list(attrs) == ["SYSCALL", "PATH", "PROCTITLE"]
    assert attrs["SYSCALL"] == {
        "arch": "c000003e", "items": "2", "gid": "1001", "euid": "1001", "suid": "1001",
        "fsuid": "1001", "egid": "1001", "sgid": "1001", "fsgid": "1001", "tty": "pts0",
        "comm": "curl", "key": "programs",
    }  # fmt: skip
    assert attrs["PATH"][1]["name"] == "/lib64/ld-linux-x86-64.so.2"
    assert rows[1] == nothing | {
        "record": 4, "offset": 232, "length": 216, "line": 1,
        "ts": datetime(2026, 3, 2, 10, 0, 0, 5000), "event_number": 402, "host": "localhost",
        "code": "USER_LOGIN", "action": "login", "outcome": "failed", "pid": 811,
        "exe": "/usr/sbin/sshd", "user": "0", "user_sid": "0", "login_user": "4294967295",
        "logon_id": "4294967295", "target_user": "(unknown user)", "src_ip": "198.51.100.23",
        "process_guid": "811:1772445600001000",
        "attrs": '{"USER_LOGIN":{"msg":{"acct":"28756E6B6E6F776E207573657229","hostname":"?",'
        '"terminal":"sshd"}}}',
    }  # fmt: skip


def test_interleaved_lines_say_where_they_are() -> None:
    rows = decode(RAW).raw.to_pylist()
    for row in rows[7:9]:
        attrs = json.loads(row["attrs"])
        text = [RAW[row["offset"] :][: row["length"]]]
        text += [RAW[row["offset"] + start :][:length] for start, length in attrs["lines"]]
        found = b"\n".join(text).split(b"\n")
        assert all(b":%d):" % row["event_number"] in line for line in found)
        assert len(found) == RAW.count(b":%d):" % row["event_number"])


def test_a_line_that_comes_too_late_is_an_event_of_its_own() -> None:
    def line(number: int) -> bytes:
        return b'type=CWD msg=audit(1772446000.000:%d): cwd="/%d"\n' % (number, number)

    data = line(0) + b"".join(line(i) for i in range(1, EVENTS + 1)) + line(0)
    done = decode(data)
    assert done.raw.num_rows == EVENTS + 2
    assert done.raw["event_number"].to_pylist() == [*range(EVENTS + 1), 0]
    early = decode(data.replace(line(1), b""))
    assert early.raw.num_rows == EVENTS
    assert differences(data) == []


def test_an_event_without_end_is_cut() -> None:
    line = b'type=PATH msg=audit(1772446000.000:1): item=0 name="/x" nametype=NORMAL\n'
    done = decode(line * (EVENT_LINES + 5))
    assert [len(json.loads(attrs)["PATH"]) for attrs in done.raw["attrs"].to_pylist()] == [
        EVENT_LINES, 5,
    ]  # fmt: skip
    assert done.raw["length"].to_pylist() == [len(line) * n - 1 for n in (EVENT_LINES, 5)]


def test_hosts() -> None:
    assert set(decode(ENRICHED).raw["host"].to_pylist()) == {
        "web1.example.net", "db1.example.net", "web2.example.net", "localhost",
    }  # fmt: skip
    assert set(decode(RAW, "shop").raw["host"].to_pylist()) == {"shop"}


@pytest.mark.parametrize(
    ("arch", "calls"),
    [(0xC000003E, {0: "read", 2: "open", 56: "clone", 59: "execve", 257: "openat", 435: "clone3"}),
     (0x40000003, {5: "open", 11: "execve", 102: "socketcall", 120: "clone", 295: "openat"}),
     (0xC00000B7, {56: "openat", 79: "newfstatat", 203: "connect", 220: "clone", 221: "execve"}),
     (0x40000028, {5: "open", 11: "execve", 190: "vfork", 283: "connect", 322: "openat"})],
)  # fmt: skip
def test_system_calls(arch: int, calls: dict[int, str]) -> None:
    assert {number: ARCHES[arch].get(number) for number in calls} == calls


def test_names_of_errors_and_kinds() -> None:
    assert [ERRORS[n] for n in (1, 2, 11, 13, 115, 512)] == [
        "EPERM", "ENOENT", "EAGAIN", "EACCES", "EINPROGRESS", "ERESTARTSYS",
    ]  # fmt: skip
    some = {1006: "LOGIN", 1100: "USER_AUTH", 1112: "USER_LOGIN", 1123: "USER_CMD",
            1130: "SERVICE_START", 1300: "SYSCALL", 1306: "SOCKADDR", 1309: "EXECVE",
            1318: "OBJ_PID", 1320: "EOE", 1327: "PROCTITLE", 1330: "KERN_MODULE", 1337: "OPENAT2",
            1400: "AVC", 1702: "ANOM_LINK", 2404: "CRYPTO_KEY_USER"}  # fmt: skip
    assert {number: NAMES[number] for number in some} == some
