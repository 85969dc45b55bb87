"""The JSON scanner against json.loads: the same records accepted, and every value given back."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.decoders.json_decoder import JsonDecoder, spans_lines
from graphad.decoders.json_rebuild import rebuild
from graphad.decoders.windows_decode import windows_decoder
from graphad.parse import Decoded, Options
from graphad.scan.json_values import REASONS

SAMPLES = Path(__file__).parents[2] / "sample_logs" / "windows"
LINES = [
    line
    for name in ("flat.json", "winlogbeat.json", "xml.json")
    for line in (SAMPLES / name).read_bytes().removeprefix(b"\xef\xbb\xbf").splitlines()
]
DECODER = windows_decoder(Options())
DECODER.cut(b"{}\n", False)  # a record a line


def decode(data: bytes, decoder: JsonDecoder = DECODER) -> Decoded:
    done = decoder.decode(data, True)
    assert done.read == len(done.raw) + len(done.rejects) + sum(done.ignored.values())
    return done


def fresh(data: bytes) -> Decoded:
    decoder = windows_decoder(Options())
    assert decoder.cut(data, True) == len(data)
    return decode(data, decoder)


def no_constant(text: str) -> object:
    raise ValueError(text)


def oracle(line: bytes) -> dict[str, Any] | None:
    try:
        text = line.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
        value = json.loads(text, parse_constant=no_constant)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def exact(line: bytes) -> bool:
    """Say whether a value can be compared: no byte of it is only shown as an escape."""
    try:
        json.dumps(json.loads(line.decode().removeprefix("\ufeff")), ensure_ascii=False).encode()
    except UnicodeError:
        return False
    return True


FRAGMENTS = [
    b'"',
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"\\u00e9",
    b"\\ud83d\\ude00",
    b"\\udc00",
    b"\\u12",
    b"\xff",
    b"\xc3\xa9",
    b"\xed\xa0\x80",
    b"\x00",
    b"\x1f",
    b"\t",
    b"\r",
    b" ",
    b"-0",
    b"1e5",
    b"01",
    b"1.",
    b"0.5",
    b"true",
    b"nul",
    b"NaN",
    b'""',
    b"{}",
    b"[]",
    b'"a":1,',
    b'"EventID":[1,{"b":null}],',
    b'"x.y[0]":"\\\\",',
    b"\xef\xbb\xbf",
    b'{"@Name":"UtcTime","#text":"7"},',
    b"12345678901234567890",
    b'"TimeCreated":1588205199.8243707,',
]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    line = bytearray(draw(st.sampled_from(LINES)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(line)))
        line[at : at + draw(st.sampled_from([0, 0, 1, 2, 40]))] = draw(st.sampled_from(FRAGMENTS))
    return bytes(line)


@settings(max_examples=100, deadline=None)
@given(mutated())
def test_a_line_is_taken_if_json_loads_takes_it(line: bytes) -> None:
    done = decode(LINES[0] + b"\n" + line + b"\n" + LINES[1])
    wanted = oracle(line)
    rows = done.raw.to_pylist()
    assert rebuild(rows[0]) == json.loads(LINES[0])
    assert rebuild(rows[-1]) == json.loads(LINES[1])
    if len(rows) == 3:
        assert wanted is not None
        if exact(line):
            assert rebuild(rows[1]) == wanted
    elif not done.ignored:
        [reject] = done.rejects.to_pylist()
        assert wanted is None or "repeated" in reject["reason"]
        assert (reject["record"], reject["line"]) == (1, 1)
        assert reject["reason"] in REASONS.values()


KEYS = st.sampled_from(
    [
        "EventID",
        "UtcTime",
        "Hostname",
        "host",
        "name",
        "winlog",
        "event_data",
        "Event",
        "System",
        "EventData",
        "Data",
        "ProcessId",
        "Image",
        "Keywords",
        "a.b",
        "c[0]",
        "d\\",
        "",
        ".",
        "é",
        'e"f',
        "@Name",
        "#text",
        "Message",
        "TimeCreated",
        "LogonId",
        "created",
    ]
)
TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    st.sampled_from(
        [
            "2026-03-02 09:14:05.101",
            "2026-03-02T09:14:05.1234567Z",
            "2026-03-02T09:14:05+01:30",
            "0x1F",
            "0x1f",
            "0",
            "-7",
            "007",
            "{42c2e005-e3dd}",
            "2026-02-30 00:00:00",
            "a" * 70,
            "\\" * 65,
        ]
    ),
)
VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
        TEXTS,
        st.just(131_883_571_822_010_007),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(KEYS, inner, max_size=4),
        st.lists(st.builds(lambda k, v: {"@Name": k, "#text": v}, KEYS, inner), max_size=4),
    ),
    max_leaves=16,
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.dictionaries(KEYS, VALUES, max_size=9), min_size=1, max_size=4), st.booleans())
def test_any_object_is_given_back(objects: list[dict[str, Any]], pretty: bool) -> None:
    text = "\n".join(
        json.dumps(o, ensure_ascii=i % 2 == 0, separators=(", ", " : ") if pretty else (",", ":"))
        for i, o in enumerate(objects)
    )
    assert [rebuild(row) for row in decode(text.encode()).raw.to_pylist()] == objects
    array = json.dumps(objects, indent=1 if pretty else None).encode()
    assert [rebuild(row) for row in fresh(array).raw.to_pylist()] == objects


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(TEXTS, TEXTS, TEXTS), min_size=1, max_size=8),
    st.sampled_from(["\r\n", "\n", "\r\n\r\n\t"]),
    st.sampled_from([": ", ":\t\t", ":", " = "]),
)
def test_messages_are_given_back(
    fields: list[tuple[str, str, str]], end: str, between: str
) -> None:
    records = []
    for image, user, other in fields:
        shown = [f"Image{between}{image}", f"User Name{between}{user.upper()}", "{odd} }{", other]
        logon = f"Logon{between}0x{'C6' + 'a' * len(user)}".upper().replace("0X", "0x")
        records.append(
            {
                "EventID": 1,
                "Image": image,
                "User": user,
                "LogonId": "0xc6" + "a" * len(user),
                "Message": end.join(["Process Create:", *shown, logon]),
            }
        )
    text = "\n".join(map(json.dumps, records)).encode()
    assert [rebuild(row) for row in decode(text).raw.to_pylist()] == records


def test_messages_of_one_form_share_a_template() -> None:
    lines = [
        json.dumps(
            {
                "EventID": 7,
                "Image": f"C:\\{i}.exe",
                "LogonId": f"0xa{i:x}",
                "Message": f"Loaded:\r\nImage: C:\\{i}.exe\r\nLogon ID:\t\t0xA{i:X}",
            }
        )
        for i in range(1, 50)
    ]
    message = decode("\n".join(lines).encode()).raw["message"]
    assert message.unique().to_pylist() == ["Loaded:\r\nImage: {Image}\r\nLogon ID:\t\t{LogonId!X}"]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from([*LINES, b"", b"  ", b"junk", b"[1]", b'{"EventID":']), max_size=12),
    st.lists(st.integers(1, 4000), max_size=30),
)
def test_blocks_give_what_the_whole_gives(lines: list[bytes], sizes: list[int]) -> None:
    check_blocks(b"\n".join([LINES[0], *lines]), sizes)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 900), max_size=60), st.booleans(), st.booleans())
def test_blocks_of_an_array_give_what_the_whole_gives(
    sizes: list[int], pretty: bool, cut_off: bool
) -> None:
    records = [json.loads(line) for line in LINES] + [{"EventID": 1, "Image": '{[\\"}]'}]
    data = json.dumps(records, indent=2 if pretty else None).encode()
    check_blocks(b"\xef\xbb\xbf" + (data[:-9] if cut_off else data), sizes)


def check_blocks(data: bytes, sizes: list[int]) -> None:
    whole = fresh(data)
    decoder = windows_decoder(Options())
    held, at, taken, line, record = b"", 0, 0, 0, 0
    rows: list[dict[str, Any]] = []
    rejects: list[dict[str, Any]] = []
    for size in [70_000, *sizes, len(data) + 1]:  # enough to tell how the records are framed
        held += data[taken : taken + size]
        taken = min(len(data), taken + size)
        end = decoder.cut(held, taken == len(data))
        if not end:
            continue
        done = decode(held[:end], decoder)
        for found, kept in ((done.raw, rows), (done.rejects, rejects)):
            for row in found.to_pylist():
                row["offset"] += at
                row["line"] += line
                row["record"] += record
                kept.append(row)
        at, line, record = at + end, line + held[:end].count(b"\n"), record + done.read
        held = held[end:]
    wanted = whole.raw.to_pylist()
    assert len(rows) == len(wanted)
    for row, other in zip(rows, wanted, strict=True):
        assert {k: v for k, v in row.items() if v is not None} == {
            k: v for k, v in other.items() if v is not None
        }
        assert json.loads(data[row["offset"] : row["offset"] + row["length"]]) == rebuild(row)
        assert data[: row["offset"]].count(b"\n") == row["line"]
    assert rejects == whole.rejects.to_pylist()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"not json", "not JSON"),
        (b'{"a":1', "the JSON ends too early"),
        (b"[1, 2]", "JSON, but not an object"),
        (b'{"a":' * 70 + b"1" + b"}" * 70, "JSON nested deeper than 64"),
        (b'{"a":1} x', "not JSON"),
        (b'{"winlog":{"a":1},"winlog":{"b":2}}', "a key that holds an object is repeated"),
        (b'{"a":' + b"1" * 5000 + b"}", "a number of more than 4000 characters"),
        (b"\x00\xff", "not JSON"),
    ],
)
def test_a_faulty_line_is_one_reject(line: bytes, reason: str) -> None:
    done = decode(LINES[0] + b"\r\n" + line + b"\r\n\r\n" + LINES[1] + b"\r\n")
    assert len(done.raw) == 2
    assert done.ignored == {"blank line": 1}
    [reject] = done.rejects.to_pylist()
    assert reject == {
        "record": 1,
        "offset": len(LINES[0]) + 2,
        "length": len(line),
        "line": 1,
        "reason": reason,
    }


def test_the_last_of_equal_keys_counts_and_the_others_are_kept() -> None:
    [row] = decode(b'{"EventID":1,"EventID":2,"x":3,"x":4}').raw.to_pylist()
    assert row["code"] == "2"
    assert rebuild(row) == {"EventID": 2, "x": 4}
    assert '"EventID":1' in row["attrs"]


def test_what_is_no_text_is_shown_as_an_escape() -> None:
    [row] = decode(b'{"EventID":1,"Image":"a\xffb\\udc00","x":"\xff"}').raw.to_pylist()
    assert row["exe"] == "a\\xffb\\udc00"
    assert json.loads(row["attrs"]) == {"x": "\ufffd"}


def test_of_two_fields_for_a_column_the_first_gets_it_and_equal_ones_share_it() -> None:
    line = b'{"host":{"name":"b"},"computer_name":"a","ProcessId":"7","SourceProcessId":"7"}'
    [row] = decode(line).raw.to_pylist()
    assert (row["host"], row["pid"]) == ("a", 7)
    assert json.loads(row["attrs"]) == {"host.name": "b"}
    assert rebuild(row) == json.loads(line)


def test_memory_grows_with_what_a_block_holds() -> None:
    records = [
        {"EventID": i, "Image": f"{i:x}" * 9, f"key{i}": "v" * (i % 97)} for i in range(40_000)
    ]
    records.append({"EventID": 1, "Message": "{" * 3_000_000, "big": "x" * 2_000_000})
    done = decode("\n".join(map(json.dumps, records)).encode())
    assert done.raw["exe"].to_pylist()[:-1] == [r["Image"] for r in records[:-1]]
    last = done.raw.slice(len(done.raw) - 1).to_pylist()[0]
    assert rebuild(last) == records[-1]
    short = b"\n".join(b'{"EventID":%d}' % i for i in range(20_000))  # more rows than was guessed
    assert decode(b'{"x":"%s"}\n' % (b"y" * 2_000_000) + short).raw.num_rows == 20_001


def test_orders_of_keys_do_not_make_ever_more_shapes() -> None:
    names = ["Image", "User", "Hashes", "Channel", "Hostname", "Company", "Product", "Details"]
    turn = np.random.default_rng(1)
    lines = [json.dumps({str(n): "v" for n in turn.permutation(names)}) for _ in range(4000)]
    done = decode("\n".join(lines).encode())
    assert len(done.raw["shape"].unique()) < 600
    assert all(rebuild(row) == dict.fromkeys(names, "v") for row in done.raw.to_pylist())


@pytest.mark.parametrize(
    ("head", "multi"),
    [
        (b'{"a": 1}\n{"a": 2}\n', False),
        (b'[{"a": 1}]', True),
        (b"\xef\xbb\xbf [\r\n {", True),
        (b"[]", True),
        (b"[2026-01-01] started\n", False),
        (b'{"a": \n{"a": 2}\n', False),
        (b'{\n "a": 1\n}', True),
        (b'{"a": 1}{"a": 2}', True),
        (b"", False),
        (b"plain text", False),
    ],
)
def test_framing_is_told_from_the_first_bytes(head: bytes, multi: bool) -> None:
    assert spans_lines(head, True) == multi
