"""Patterns and pseudonyms against slow oracles, and texts that hide what they hold."""

import base64
import re
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from graphad.errors import GraphadError
from graphad.export.pseudonyms import COMMON, Pseudonyms
from graphad.export.redact import MARK, Redactor, runs, unescaped
from graphad.rawlines import CUT
from tests.nasty import CORPUS

KEY = b"k" * 32
TEXTS = st.text("ab1 -=", max_size=30)


def naive(text: str, patterns: list[str]) -> str:
    """Return a text without what matches, by Python's own regular expressions, place by place."""
    hit = [False] * len(text)
    edges: set[int] = set()
    for pattern in patterns:
        for match in re.finditer(pattern, text, re.IGNORECASE):
            for i in range(*match.span()):
                hit[i] = True
            edges |= {match.start()}
    made, at = "", 0
    while at < len(text):
        if hit[at]:
            made += MARK
            while at < len(text) and hit[at]:
                at += 1
        else:
            made += text[at]
            at += 1
    return made


@given(
    st.lists(TEXTS, max_size=4),
    st.lists(
        st.sampled_from(["a", "ab", "b+", "a=b", "[ab]1", "1 ", "a|b1", "A.", "-", r"\d+"]),
        min_size=1,
        max_size=3,
    ),
)
@settings(max_examples=80, deadline=None)
@example(["aab"], ["a", "ab"])
@example(["a=ba=b"], ["a=", "=b"])
def test_patterns_are_taken_out_as_a_slow_way_does(texts: list[str], patterns: list[str]) -> None:
    assert Redactor(patterns)(texts) == [naive(text, patterns) for text in texts]


def test_one_pattern_does_not_save_what_another_takes() -> None:
    both = Redactor(["password=", r"password=\S+"])
    assert both(["x password=hunter2 y"]) == [f"x {MARK} y"]


HIDDEN = [
    "SECRETWORD", "secretword", "SecretWord", "x=SECRETWORD;y",
    "S\\u0045CRETWORD", "\\x53ECRETWORD", "SECRET%57ORD", "SECRETW\\117RD",
    b"SECRETWORD".hex(), b"SECRETWORD".hex().upper() + "00",
    "proctitle=" + b"sh\0-c\0SECRETWORD".hex().upper(),
    base64.b64encode(b"the SECRETWORD").decode(),
    "-enc " + base64.b64encode("use SECRETWORD now".encode("utf-16-le")).decode(),
    base64.urlsafe_b64encode(b"\xff\xfb SECRETWORD??").decode(),
    base64.b64encode(b"some SECRETWORD in here").decode().rstrip("="),
    base64.b64encode(b"p=SECRET%57ORD!!").decode(),
]  # fmt: skip


@pytest.mark.parametrize("text", HIDDEN)
def test_ways_to_write_a_secret(text: str) -> None:
    [made] = Redactor(["SECRETWORD"])([f"before {text} after"])
    assert MARK in made
    assert made.startswith("before ")
    assert made.endswith(" after")
    assert "secretw" not in unescaped(made).lower()
    assert not [run for run in runs(made) if "SECRET" in run.decoded.upper()]


def test_what_does_not_match_stays_to_the_letter() -> None:
    texts = [text for text in CORPUS if not any(0xD800 <= ord(c) < 0xE000 for c in text)]
    texts += ["deadbeefdeadbeefdeadbeef", "C:\\u0041bc\\x41", "%41%42", "QUJDREVGR0hJSktMTU5P"]
    assert Redactor(["not in there"])(texts) == texts
    assert Pseudonyms(KEY, ["user"])(texts) == texts


def test_a_beginning_that_a_cut_left_goes_too() -> None:
    redact = Redactor(["hunter2swordfish"])
    whole = "p=hunter2swordfish"
    assert redact([whole, "a title of hunter2sw…: rare"])[1] == f"a title of {MARK}…: rare"
    assert redact([whole, "path/hunter2<cut:0123456789ab>"])[1] == f"path/{MARK}<cut:0123456789ab>"
    line = "x" * (CUT - 8) + "hunter2s"
    assert redact([whole, line])[1] == "x" * (CUT - 8) + MARK
    assert redact([whole, "hunter2sw is short"])[1] == "hunter2sw is short"  # not cut


def test_a_pattern_costs_no_more_than_its_text() -> None:
    begin = time.process_time()
    Redactor(["^(a+)+$", "(a|aa)+b", "(.*)(.*)(.*)x"])(["a" * 50_000])
    assert time.process_time() - begin < 2.0  # Python's re takes years


@pytest.mark.parametrize("pattern", ["(", "a{2000}", "(?=x)", r"(a)\1", "x*", "", "\udcff"])
def test_patterns_that_are_none(pattern: str) -> None:
    with pytest.raises(GraphadError):
        Redactor([pattern])


def oracle(text: str, names: dict[str, str]) -> str:
    """Return a text with whole names replaced, the longest first, from left to right."""
    at, made = 0, ""
    while at < len(text):
        for name in sorted(names, key=len, reverse=True):
            end = at + len(name)
            before = text[at - 1 : at].isalnum()
            if text[at:end].lower() == name and not before and not text[end : end + 1].isalnum():
                made += names[name]
                at = end
                break
        else:
            made += text[at]
            at += 1
    return made


@given(st.text("abz.-_ /", max_size=25))
@settings(max_examples=150, deadline=None)
@example("ab.zz/ab-b ab_b")
def test_names_are_replaced_as_a_slow_way_does(text: str) -> None:
    names = Pseudonyms(KEY, ["user"])
    words = ["ab", "ab-b", "zz", "a.zz", "b.a_b"]
    names.learn("user", words)
    assert names([text]) == [oracle(text, {word: names.name("user", word) for word in words})]


def test_names_in_all_their_forms() -> None:
    names = Pseudonyms(KEY, ["user", "host"])
    names.learn("user", ["CORP\\Jürgen.Kahl", "zoe@corp.example", "NT AUTHORITY\\SYSTEM", "x"])
    names.learn("host", ["WS1.corp.example"])
    who, host = names.name("user", "jürgen.kahl"), names.name("host", "ws1")
    texts = [
        "C:\\Users\\jürgen.kahl\\x", "user=CORP\\\\JÜRGEN.KAHL;", "J\\u00fcrgen.Kahl on ws1",
        "zoe@corp.example", "\\\\WS1\\c$", "ws1.corp.example:445", "ws12", "NT AUTHORITY\\SYSTEM",
        "x y z", "acct=" + "CORP\\jürgen.kahl".encode().hex().upper(),
    ]  # fmt: skip
    made = names(texts)
    assert made[0] == f"C:\\Users\\{who}\\x"
    assert made[1] == f"user={names.name('host', 'corp')}\\\\{who};"
    assert made[2] == f"{who} on {host}"
    assert "zoe" not in made[3]
    assert "corp" not in made[3]
    assert made[4] == f"\\\\{host}\\c$"
    assert made[5].startswith(f"{host}.net-")
    assert made[5].endswith(":445")
    assert made[6:9] == texts[6:9]
    assert made[9] == f"acct={MARK}"
    assert names.field("user", "x") == names.name("user", "x")
    assert (
        names.field("user", "CORP\\x") == f"{names.name('host', 'corp')}\\{names.name('user', 'x')}"
    )
    assert names.field("host", "localhost") == "localhost"


def test_names_are_stable_and_need_the_key() -> None:
    one, other = Pseudonyms(KEY, ["user"]), Pseudonyms(KEY[1:] + b"x", ["user"])
    assert one.name("user", "Bob") == one.name("user", "bob") == Pseudonyms(KEY, ["host"]).name(
        "user", "BOB"
    )  # fmt: skip
    assert one.name("user", "bob") != other.name("user", "bob")
    assert one.name("user", "bob") != one.name("host", "bob")
    assert len({one.name("user", f"u{i}") for i in range(5000)}) == 5000
    for name in COMMON:
        assert one.name("user", name.upper()) == name.upper()


def test_only_the_kinds_that_were_asked_for() -> None:
    names = Pseudonyms(KEY, ["host"])
    names.learn("user", ["bob"])
    names.learn("host", ["ws1"])
    assert names(["bob on ws1"])[0].startswith("bob on host-")
