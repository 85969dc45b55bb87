"""Templates: the same whatever the order of lines, stable over files and restarts, mergeable."""

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.models.templates import ANY, Templates, line_id, mined, mined_all

LINES = [
    "Accepted password for <user> from <ip> port <port> ssh2",
    "Accepted publickey for <user> from <ip> port <port> ssh2",
    "Failed password for <user> from <ip> port <port> ssh2",
    "session opened for user <user> by (uid=<num>)",
    "session opened for user <user> by root(uid=<num>)",
    "session closed for user <user>",
    "disk sda1 is nearly full now on <domain>",
    "disk sdb1 is nearly full now on <domain>",
    "disk sdc7 is nearly full now on <ip>",
    "",
    "<<none>",
]
WORD = st.sampled_from(
    ["open", "close", "file", "on", "<ip>", "<num>", "a1", "b2", "x=<value>", ANY]
)
SOME = st.lists(st.lists(WORD, max_size=6).map(" ".join), max_size=25)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(alphabet="a<ip>* \t\n\x1c\x85\xa0v0", max_size=20), max_size=6))
def test_lines_are_mined_alike_one_by_one_and_together(lines: list[str]) -> None:
    assert mined_all(lines) == [mined(line) for line in lines]
    long = ["a " * 500, " ".join("b" * 401), "x"]
    assert mined_all(long) == [mined(line) for line in long]


def test_lines_that_mostly_agree_are_one_template() -> None:
    found = Templates().learn(LINES)
    of = dict(zip(LINES, found.of(LINES), strict=True))
    assert of[LINES[6]] == of[LINES[7]] == of[LINES[8]]
    assert found.texts[of[LINES[6]]] == "disk <*> is nearly full now on <v>"
    assert found.shown[of[LINES[6]]] == "disk <*> is nearly full now on <v>"
    assert found.shown[of[LINES[0]]] == "Accepted <*> for <user> from <ip> port <port> ssh2"
    assert found.shown[of[LINES[2]]] == LINES[2]
    assert found.shown[of[LINES[5]]] == "session closed for user <user>"
    assert len(set(of.values())) == len(found)


def test_a_stricter_similarity_keeps_results_apart() -> None:
    found = Templates(similarity=0.95).learn(LINES)
    assert len(set(found.of(LINES[:3]))) == 3


def test_ids_are_digests_of_what_was_learned_first_and_stay() -> None:
    found = Templates().learn(LINES[6:7])
    [one] = found.ids
    assert one == line_id(mined(LINES[6])) == line_id("disk sda1 is nearly full now on <v>")
    found.learn(LINES)
    assert found.ids[found.of([LINES[7]])[0]] == one
    assert found.texts[found.ids.index(one)] == "disk <*> is nearly full now on <v>"


def test_an_unknown_line_has_an_id_of_its_own_each_time() -> None:
    found = Templates().learn(LINES)
    odd = "something else entirely happened to <user>"
    assert found.of([odd]) == [-1]
    assert found.ids_of([odd, LINES[0]]) == [line_id(mined(odd)), found.ids[found.of(LINES[:1])[0]]]
    assert found.ids_of(["something else entirely happened to <ip>"]) == found.ids_of([odd])


@settings(max_examples=150, deadline=None)
@given(SOME, st.randoms(use_true_random=False))
def test_the_order_of_lines_and_their_number_change_nothing(
    lines: list[str], luck: random.Random
) -> None:
    shuffled = [*lines, *lines[:3]]
    luck.shuffle(shuffled)
    found, other = Templates().learn(lines), Templates().learn(shuffled)
    assert found == other
    assert found.of(lines) == other.of(lines)
    assert all(n >= 0 for n in found.of(lines))


@settings(max_examples=150, deadline=None)
@given(SOME, SOME)
def test_a_restart_changes_nothing(first: list[str], second: list[str]) -> None:
    found = Templates().learn(first)
    again = Templates.restore(json.loads(json.dumps(found.dump())))
    assert again == found
    before = dict(zip(found.ids, found.texts, strict=True))
    found.learn(second)
    again.learn(second)
    assert again == found
    assert set(found.texts) == set(again.texts)
    kept = set(before) - set(found.ids)
    for one in kept:  # only a template that became another's equal gives up its id
        widened = {text for text in found.texts if _covers(text, before[one])}
        assert widened


def _covers(text: str, other: str) -> bool:
    words, said = text.split(), other.split()
    return len(words) == len(said) and all(w in (ANY, s) for w, s in zip(words, said, strict=True))


@settings(max_examples=150, deadline=None)
@given(st.lists(SOME, min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_shards_merge_in_any_order(shards: list[list[str]], luck: random.Random) -> None:
    parts = [Templates().learn(lines) for lines in shards]
    shuffled = luck.sample(parts, len(parts))
    merged, moved = Templates.merged(parts)
    other, also = Templates.merged(shuffled)
    assert merged == other
    assert moved == also
    for part in parts:
        for one, text in zip(part.ids, part.texts, strict=True):
            where = moved.get(one, one)
            assert where in merged.ids
            assert any(_covers(m, text) for m in merged.texts)
    assert len(set(merged.ids)) == len(merged.texts) == len(set(merged.texts))


def test_shards_whose_templates_are_complete_merge_to_the_whole() -> None:
    whole = Templates().learn(LINES)
    parts = [Templates().learn(LINES[:3] + LINES[6:9]), Templates().learn(LINES[3:6] + LINES[9:])]
    merged, moved = Templates.merged(parts)
    assert merged.texts == whole.texts
    assert merged.ids == whole.ids
    assert moved == {}


def test_there_is_room_for_so_many_and_no_more() -> None:
    # Of lines of many lengths each would be a template of its own.
    lines = [" ".join(["word"] * (i + 1)) for i in range(20)]
    found = Templates(most=5).learn(lines)
    assert (len(found), found.left_out) == (5, 15)
    assert found.of(lines).count(-1) == 15


@pytest.mark.parametrize(
    "state",
    [
        None, [], {}, {"version": 2}, {"version": 1, "templates": [["a", "b"]]},
        {"version": 1, "templates": [["a", "b", 3]]}, {"version": 1, "templates": []},
        {"version": 1, "templates": [], "similarity": "x", "most": 1, "left_out": 0},
        {"version": 1, "templates": [["a", "b", "b"], ["a", "c", "c"]], "similarity": 0.7,
         "most": 9, "left_out": 0},
    ],
)  # fmt: skip
def test_a_damaged_state_is_refused(state: object) -> None:
    with pytest.raises(ValueError, match=r"templates|the same"):
        Templates.restore(state)
