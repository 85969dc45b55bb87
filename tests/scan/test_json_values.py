"""Times, numbers and strings of JSON, against plain Python."""

import re
from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.scan import timestamps
from graphad.scan.strings import map_strings


@settings(max_examples=150, deadline=None)
@given(
    st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)),
    st.sampled_from(" T"),
    st.integers(0, 9),
    st.integers(0, 999),
    st.one_of(st.sampled_from(["", "Z"]), st.integers(-1439, 1439)),
    st.booleans(),
)
def test_times_are_read_and_written_again(
    when: datetime, between: str, digits: int, nanos: int, zone: str | int, colon: bool
) -> None:
    fraction = f"{when.microsecond:06d}{nanos:03d}"[:digits]
    offset = 0
    text = when.strftime("%m-%d") + between + when.strftime("%H:%M:%S")
    text = f"{when.year:04d}-{text}" + (f".{fraction}" if digits else "")
    if isinstance(zone, int):
        offset = zone
        sign = "-" if zone < 0 else "+"
        text += f"{sign}{abs(zone) // 60:02d}{':' if colon else ''}{abs(zone) % 60:02d}"
    else:
        text += zone
    data = np.frombuffer(b"<" + text.encode() + b">", np.uint8)
    kind, us, rest = timestamps.read_time(data, 1, len(text))
    assert timestamps.write_time(kind, us, rest) == text
    exactly = when.replace(microsecond=int(fraction[:6].ljust(6, "0")), tzinfo=UTC)
    since = exactly - timedelta(minutes=offset) - datetime(1970, 1, 1, tzinfo=UTC)
    assert us == since // timedelta(microseconds=1)


@settings(max_examples=150, deadline=None)
@given(st.text("0123456789-:T Z.+x", min_size=1, max_size=30))
def test_only_times_that_can_be_written_again_are_read(text: str) -> None:
    data = np.frombuffer(text.encode(), np.uint8)
    kind, us, rest = timestamps.read_time(data, 0, len(text))
    assert kind < 0 or timestamps.write_time(kind, us, rest) == text


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(
        st.decimals(100_000_000, 9_999_999_999, places=9).map(lambda d: str(d).rstrip("0")),
        st.integers(0, 10**14).map(str),
        st.text("0123456789.e-", min_size=1, max_size=21),
    )
)
def test_numbers_since_1970(text: str) -> None:
    """Seconds and milliseconds, exactly, or not at all."""
    kind, us, rest = timestamps.read_epoch(np.frombuffer(text.encode(), np.uint8), 0, len(text))
    digits = text.partition(".")[2]
    form = re.fullmatch(r"[1-9]\d{8,9}(\.\d{1,9})?|[1-9]\d{11,12}", text)
    assert (kind >= 0) == (form is not None)
    if kind >= 0:
        assert timestamps.write_epoch(kind, us, rest) == text
        whole = text.partition(".")[0]
        scale = 3 if len(whole) > 10 else 6
        assert us == int(whole) * 10**scale + int(digits[:6].ljust(6, "0") if digits else 0)


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(
        st.text("0123456789abcdefABCDEFx-+ ", min_size=1, max_size=20), st.integers().map(str)
    )
)
def test_only_numbers_that_can_be_written_again_are_read(text: str) -> None:
    data = np.frombuffer(text.encode(), np.uint8)
    kind, value = timestamps.read_int(data, 0, len(text))
    if kind >= 0:
        assert timestamps.write_int(kind, value) == text
        assert value == int(text, 16 if text.startswith("0x") else 10)
    else:
        assert str(text) not in {str(n) for n in range(-99, 100)} | {f"0x{n:x}" for n in range(99)}


def naive_maps(data: bytes) -> tuple[set[int], set[int]]:
    stops, breaks, at = set(), set(), 0
    while at < len(data):
        byte = data[at : at + 1]
        if byte == b"\\" and at + 1 < len(data):
            escaped = data[at + 1 : at + 2]
            good = escaped in b'"\\/bfnrtu'
            if escaped == b"u":
                digits = data[at + 2 : at + 6]
                good = len(digits) == 4 and all(d in b"0123456789abcdefABCDEF" for d in digits)
            if not good:
                stops.add(at + 1)
            if escaped in b"nr":
                breaks.add(at + 1)
            at += 2
            continue
        if byte == b'"' or byte < b" ":
            stops.add(at)
        at += 1
    return stops, breaks


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from([b"\\", b'"', b"n", b"u00e9", b"u0", b"x", b"\n", b"a" * 61, b"\xe9"]),
        max_size=90,
    )
)
def test_strings_end_where_a_walk_finds_it(parts: list[bytes]) -> None:
    data = b"".join(parts)
    found = [
        {i for i in range(len(data)) if int(bits[i >> 6]) >> (i & 63) & 1}
        for bits in map_strings(np.frombuffer(data, np.uint8))
    ]
    assert tuple(found) == naive_maps(data)
