"""The compiled search does what drain3 does with every line, and finds what a plain loop finds."""

import random

import numpy as np
import pytest
from drain3.drain import Drain
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.models.template_search import Search
from graphad.models.templates import ANY, Templates, mined
from graphad.scan import text_split

WORD = st.sampled_from(["open", "close", "file", "on", "<v>", "a1", "b2", "é", "x=<v>", ANY])
LINE = st.lists(WORD, max_size=6).map(" ".join)
ODD = st.lists(
    st.sampled_from(["<ip>", "<user>", "<<", "<", ">", "<a-b>", "to", "é", " ", "<none>"]),
    max_size=5,
).map("".join)


def by_drain3(lines: list[str], similarity: float) -> set[str]:
    """Return the templates after lines were told one by one, in the order of their texts."""
    miner = Drain(sim_th=similarity)
    for text in sorted(set(map(mined, lines))):
        miner.add_log_message(text)
    return {cluster.get_template() for cluster in miner.clusters}


@settings(max_examples=400, deadline=None)
@given(st.lists(LINE, max_size=30), st.sampled_from([0.3, 0.5, 0.7, 1.0]))
def test_templates_are_those_of_drain3(lines: list[str], similarity: float) -> None:
    found = Templates(similarity=similarity).learn(lines)
    assert set(found.texts) == by_drain3(lines, similarity)


@pytest.mark.parametrize("seed", range(5))
def test_templates_are_those_of_drain3_where_its_tree_is_full(seed: int) -> None:
    luck = random.Random(seed)
    words = [f"{luck.choice('abcdef')}{luck.choice(['', '7'])}w{i}" for i in range(300)]
    lines = [
        " ".join([luck.choice(words), *luck.choices(["is", "was", "up", "at", *words[:4]], k=3)])
        for _ in range(3000)
    ]  # over 100 first words: later ones share a list
    assert set(Templates().learn(lines).texts) == by_drain3(lines, 0.7)


@settings(max_examples=200, deadline=None)
@given(st.lists(LINE, max_size=20), st.lists(LINE, min_size=70, max_size=90))
def test_lines_are_found_alike_one_by_one_and_together(known: list[str], lines: list[str]) -> None:
    found = Templates(similarity=0.5).learn(known)
    fresh = Templates.restore(found.dump())
    assert fresh.of(lines) == [fresh._match(mined(line)) for line in lines]


@settings(max_examples=200, deadline=None)
@given(st.lists(LINE, max_size=20))
def test_equal_words_have_equal_numbers(texts: list[str]) -> None:
    found = text_split.split(texts)
    told = [word for text in texts for word in text.split()]
    number = {word: n for n, word in enumerate(dict.fromkeys(told))}
    assert found.words.tolist() == [number[word] for word in told]
    assert np.diff(found.ends).tolist() == [len(text.split()) for text in texts]
    assert found.distinct == len(number)


def test_more_words_than_there_was_room_for() -> None:
    texts = [f"w{i} {'long' * 5}{i % 5000}" for i in range(9000)]
    found = text_split.split(texts)
    assert found.distinct == 9000 + 5000
    assert len(set(found.words[::2].tolist())) == 9000


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(ODD, st.integers(-1, 2)), max_size=15))
def test_of_lines_with_the_same_masks_the_first_tells(rows: list[tuple[str, int]]) -> None:
    marks = [0, 1, 2]
    texts = [text for text, _ in rows]
    owner = np.array([of for _, of in rows], np.int64)
    seen, wanted = set(), []
    for n, (text, of) in enumerate(rows):
        if of < 0 or marks[of] == 0:
            continue
        names = tuple(names_in(text))
        alike = "<<" not in text and len(names) == marks[of]
        if alike and (of, names) in seen:
            continue
        if alike:
            seen.add((of, names))
        wanted.append(n)
    assert text_split.telling(texts, owner, np.array(marks, np.int64)).tolist() == wanted


def names_in(text: str) -> list[str]:
    """Return the names of a text's masks, by a plain search."""
    names = []
    for at, letter in enumerate(text):
        end = text.find(">", at)
        name = text[at + 1 : end]
        if letter == "<" and end > 0 and name.isascii() and name.isalnum() and name == name.lower():
            names.append(name)
    return names


def test_a_template_no_line_would_look_for_is_passed_over() -> None:
    search = Search(["open the file", "close"])
    search.put(search.words_of(0), False)
    search.put(search.words_of(0)[::-1].copy(), False)  # "file the open"
    search.put(np.full(9, search.any, np.int32), True)
    assert search.covering(0).tolist() == [0, -1]
    assert search.changing(0, 0.7) == (1, -1)
