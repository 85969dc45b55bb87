"""Envelopes: what is inside, at its place, however the bytes are cut into blocks."""

import json
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from graphad.decoders.json_envelope import Envelope, EnvelopeDecoder, last_end
from graphad.parse import Options

ODD = st.text(alphabet='a"\\{}[]:, \nRecords', max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | ODD,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ODD, inner, max_size=3),
    max_leaves=8,
)
RECORDS = st.lists(st.fixed_dictionaries({"code": ODD, "x": VALUES}), min_size=1, max_size=4)
FORMS = st.sampled_from([None, 1]), st.sampled_from(["", "\n", " \r\n"])


def slow(text: str) -> list[Any]:
    """Return the records of envelopes one behind the other, by json alone."""
    found, at = [], 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        one, at = json.JSONDecoder().raw_decode(text, at)
        found += one["Records"]
    return found


def decoded(text: bytes, size: int) -> tuple[list[tuple[int, bytes]], int]:
    """Return (place and bytes of each record, rejects), the bytes arriving `size` at once."""
    decoder = EnvelopeDecoder([("code", "code")], Options(), lambda raw, _: raw, ["Records"])
    found: list[tuple[int, bytes]] = []
    rejected = start = 0
    for end in [*range(size, len(text), size), len(text)]:
        whole = decoder.cut(text[start:end], False)
        if whole:
            result = decoder.decode(text[start : start + whole], False)
            for row in result.raw.select(["offset", "length"]).to_pylist():
                at = start + row["offset"]
                found.append((at, text[at : at + row["length"]]))
            rejected += len(result.rejects)
            start += whole
    result = decoder.decode(text[start:], True)
    return found, rejected + len(result.rejects) + len(result.raw)


@settings(max_examples=60, deadline=None)
@given(st.lists(RECORDS, min_size=1, max_size=3), *FORMS, st.integers(90, 400), st.booleans())
@example([[{"code": "]}{", "x": {"Records": [{}]}}], [{"code": "a", "x": 1}]], None, "", 90, True)
def test_every_record_is_found_at_its_place(
    envelopes: list[list[Any]], indent: int | None, between: str, size: int, more: bool
) -> None:
    around = {"kind": "List", "meta": {"n": 1, "t": "]}"}} if more else {}
    behind = {"next": "a=", "of": {}} if more else {}
    text = between.join(
        json.dumps({**around, "Records": records, **behind}, indent=indent) for records in envelopes
    )
    found, lost = decoded(text.encode(), size)
    assert [json.loads(record) for _, record in found] == slow(text)
    assert lost == 0


def test_records_of_a_block_keep_their_line() -> None:
    text = b'{"kind": "x",\n "Records": [\n  {"code": "a"},\n  {"code": "b"}\n ]\n}\n'
    decoder = EnvelopeDecoder([("code", "code")], Options(), lambda raw, _: raw, ["Records"])
    rows = decoder.decode(text, True).raw.to_pylist()
    assert [(row["line"], row["code"]) for row in rows] == [(2, "a"), (3, "b")]


def test_what_is_no_envelope_stays() -> None:
    envelope = Envelope(["Records"])
    for text in (b'{"a": {"Records": [1]}}', b'{"Records": 7}', b'[{"a": 1}]', b"", b"]"):
        assert bytes(envelope.opened(text)) == text
    assert last_end(b'{"a": 1') == 0


def test_hostile_heads_take_no_time() -> None:
    envelope = Envelope(["Records"])
    for text in (b'{"a":"b",' * 200_000, b'{"Records":[' * 100_000, b"]},{" * 300_000):
        envelope.begins(text)
        envelope.opened(text)
