"""The compiled masks say what the plain ones say, whatever the text and however it is cut."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import plain_masks
from graphad.scan import text_distinct
from graphad.scan.text_mask import MOST, ROOM, TYPES
from tests.captures import members
from tests.nasty import CORPUS

WORDS = [
    "user", "for", "port", "from", "invalid", "root", "anna.b", "by", "192.0.2.7", "1.2.3.4.5",
    "256.1.1.1", "2001:db8::17", "fe80::1%eth0", "::1", "0:0:0:0:0:0:0:1", "1:2:3:4:5:6:7:8:9",
    "94:b4:0f:ff:9a:b0", "00-1B-44-11-3A-B7", "aa:bb:cc:dd:ee:ff:00:11", "12:34:56", "1:02:03.5Z",
    "10:15:00+0200", "2024-05-02", "2024/5/2", "2024-05-02T10:15:00Z", "2024-05-02-10", "0x7fed",
    "deadbeef1", "4f9d195c", "cafe", "6f9619ff-8b86-d011-b42d-00cf4fc964ff", "blk_-388", "blk_12",
    "order_20240502_17", "rdd_42_x", "x86_64", "jk2_init()", "v6.1.7601", "v2", "1.5e-05", "10ms",
    "12KB", "3rd", "64bit", "-3", "+7", "a-3", "C:\\x\\y.dll", "\\SystemRoot\\a", "\\\\srv\\share",
    "/usr/bin/x:", "/a/b.c:12", "~/x", "/192.0.2.7:80", "and/or", "https://x.example/a?b=1,",
    "hdfs://n1:9000/x)", "a@b", "a.b@example.org", "Object@1b2c3d4", "x@y.", "ns.example.com",
    "220-135-1.hinet.net", "org.apache.hadoop.Foo", "uid=0", "tty=ssh", "rhost=192.0.2.7:22",
    'k="one"', 'k="two words"', "k=", "k==v", "url=http://a/b", "a.b=c&d=/e", "<none>",
    "<*>", "<ip>", "<Info>", "[preauth]", "(uid=0)", '"GET', "HTTP/1.1\"", "ünï", "name@ünï", "%x%",
    "_a_1", "a_1b",
]  # fmt: skip
GLUE = [*" :=,;()[]\"'/.-_@\t", "  ", ""]
TEXT = st.lists(st.tuples(st.sampled_from(WORDS), st.sampled_from(GLUE)), max_size=12).map(
    lambda parts: "".join(word + glue for word, glue in parts).encode()
)
LETTERS = st.text(alphabet='af0179:.-/\\_@="<>%v T xuserfo', max_size=40).map(str.encode)


def compiled(texts: list[bytes]) -> list[tuple[bytes, list[tuple[str, bytes, bytes]]]]:
    ends = np.cumsum([0, *map(len, texts)]).astype(np.int64)
    data = b"".join(texts)
    found = text_distinct.mask(np.frombuffer(data, np.uint8), ends[:-1], ends[1:])
    distinct = found.texts()
    rows = []
    for i, which in enumerate(found.which.tolist()):
        values = found.values[found.offsets[i] : found.offsets[i + 1]].tolist()
        rows.append(
            (distinct[which], [(TYPES[kind], data[a:b], data[k:e]) for a, b, kind, k, e in values])
        )
    return rows


@settings(max_examples=400, deadline=None)
@given(st.lists(TEXT | LETTERS, min_size=1, max_size=4))
def test_the_scanner_masks_as_regular_expressions_do(texts: list[bytes]) -> None:
    assert compiled(texts) == [plain_masks.mask(text) for text in texts]


def test_it_masks_hostile_texts_alike() -> None:
    texts = [text.replace("\n", " ").encode("utf-8", "backslashreplace") for text in CORPUS]
    found = compiled(texts)
    for text, (masked, values) in zip(texts, found, strict=True):
        plain, told = plain_masks.mask(text)
        assert (masked, values) == (plain, told[:MOST])


CAPTURES = sorted(n for n in members("textlogs", ".log") if "loghub" in n or "plaso" in n)[:40]


@pytest.mark.parametrize("name", CAPTURES or ["none"])
def test_it_masks_captures_alike(name: str) -> None:
    if not CAPTURES:
        pytest.skip("the captures are not here: set GRAPHAD_DATA")
    lines = members("textlogs", ".log")[name].splitlines()[:150]
    assert compiled(lines) == [(m, v[:MOST]) for m, v in map(plain_masks.mask, lines)]


@settings(max_examples=100, deadline=None)
@given(st.lists(TEXT, min_size=2, max_size=30), st.data())
def test_equal_masked_texts_are_one_however_they_are_cut(
    texts: list[bytes], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(texts)))
    whole = compiled(texts)
    assert whole == compiled(texts[:cut]) + compiled(texts[cut:])
    ends = np.cumsum([0, *map(len, texts)]).astype(np.int64)
    buffer = np.frombuffer(b"".join(texts), np.uint8)
    found = text_distinct.mask(buffer, ends[:-1], ends[1:], values=False)
    distinct = found.texts()
    assert len(set(distinct)) == len(distinct)
    assert [distinct[i] for i in found.which] == [masked for masked, _ in whole]
    assert [int(i) for i in found.first] == [
        found.which.tolist().index(i) for i in range(len(distinct))
    ]


def test_many_distinct_texts_grow_every_table() -> None:
    texts = [f"word{'abcdefghij'[i % 10] * (i % 37)} x{'klm'[i % 3]}y{chr(97 + i % 26)} "
             f"{'q' * (i // 900)} {i} 10.0.0.{i % 250}".encode() for i in range(9000)]  # fmt: skip
    assert compiled(texts) == [plain_masks.mask(text) for text in texts]


@given(TEXT | LETTERS)
@settings(max_examples=200, deadline=None)
def test_no_mask_adds_or_takes_a_word(text: bytes) -> None:
    [(masked, _)] = compiled([text])
    assert len(masked.split()) == len(text.split())
    assert len(masked) <= ROOM * max(1, len(text))


@pytest.mark.parametrize(
    "part",
    [b"a.", b"a-", b"a@", b"1.", b"1:", b"aa:", b"aa-", b"::", b"x=", b'x="', b"/a", b"\\a",
     b"user ", b"a_1_", b"<a", b"[", b"http://"],
)  # fmt: skip
def test_a_long_line_takes_time_by_its_length_alone(part: bytes) -> None:
    text = part * (400_000 // len(part))
    began = time.process_time()
    [(masked, _)] = compiled([text + b" end"])
    assert masked.split()[-1] in (b"end", b"<user>")
    assert time.process_time() - began < 3


def test_names_have_a_longest() -> None:
    label = b"a" * 50
    for count in (4, 5, 6):
        name = b".".join([label] * count) + b".org"
        text = b"at " + name + b" for " + name[:60] + b"@" + name + b" " + b"-".join([b"ab"] * 70)
        assert compiled([text]) == [plain_masks.mask(text)]


def test_no_value_is_told_past_the_most() -> None:
    [(masked, values)] = compiled([b"1 " * (MOST + 50)])
    assert masked == b"<num> " * (MOST + 50)
    assert len(values) == MOST
