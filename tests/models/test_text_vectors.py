"""Vectors of texts: the definition done slowly, what is alike, what damage does."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphad.errors import ModelError, NotFitted
from graphad.models import text_vectors
from graphad.models.text_vectors import TextVectors, _counts

Floats = npt.NDArray[np.float64]

TEXTS = [
    "Accepted password for <USER> from <IP> port <PORT> ssh2",
    "Accepted publickey for <USER> from <IP> port <PORT> ssh2",
    "Failed password for <USER> from <IP> port <PORT> ssh2",
    "session opened for user <USER>",
    "session closed for user <USER>",
    "kernel: eth0 link is down",
]


def slow(texts: list[str], width: int) -> Floats:
    """Return the vectors of the texts of a fit by a dense singular value decomposition."""
    counts = [_counts(text) for text in texts]
    buckets = sorted({b for one in counts for b in one})
    x = np.array([[1 + np.log(one[b]) if b in one else 0.0 for b in buckets] for one in counts])
    x *= np.log((1 + len(texts)) / (1 + (x > 0).sum(axis=0))) + 1
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    u, s, _ = np.linalg.svd(x, full_matrices=False)
    z: Floats = (u * s)[:, :width]
    long = np.linalg.norm(z, axis=1, keepdims=True)
    found: Floats = np.where(long > 1e-6, z / np.maximum(long, 1e-6), 0.0)
    return found


# The sparse way, for many texts, gives one direction less than there are texts.
@pytest.mark.parametrize(("width", "dense"), [(2, 1500), (3, 1500), (6, 1500), (2, 2), (3, 2)])
def test_vectors_are_those_of_the_definition(
    monkeypatch: pytest.MonkeyPatch, width: int, dense: int
) -> None:
    monkeypatch.setattr(text_vectors, "_DENSE", dense)
    found = TextVectors(width).fit(TEXTS).vectors(TEXTS)
    told = slow(TEXTS, width)
    # Directions have no sign, so what is compared is how vectors lie to each other.
    np.testing.assert_allclose(found @ found.T, told @ told.T, atol=1e-5)


def test_the_same_message_with_another_word_is_nearest() -> None:
    found = TextVectors().fit(TEXTS).vectors(TEXTS)
    near = found @ found.T - 2 * np.eye(len(TEXTS))
    assert near.argmax(axis=1)[[1, 2, 3, 4]].tolist() == [0, 0, 4, 3]


def test_same_texts_and_seed_give_the_same_bytes() -> None:
    first, again = TextVectors(4).fit(TEXTS), TextVectors(4).fit(TEXTS[::-1] * 2)
    for name, array in first.dump()[1].items():
        assert array.tobytes() == again.dump()[1][name].tobytes()


def test_what_was_never_seen_is_zero() -> None:
    model = TextVectors(4).fit(TEXTS)
    found = model.vectors(["", "qqqq", TEXTS[0], "\udcff\x00"])
    assert (found[[0, 1, 3]] == 0).all()
    assert np.linalg.norm(found[2]) == pytest.approx(1.0)
    assert model.vectors([]).shape == (0, 4)
    assert (TextVectors(4).fit([]).vectors(["a b c"]) == 0).all()
    with pytest.raises(NotFitted):
        TextVectors().vectors(["a"])
    with pytest.raises(ValueError, match="width"):
        TextVectors(0)


@given(st.lists(st.text(max_size=30), max_size=6), st.lists(st.text(max_size=30), max_size=4))
def test_any_text_has_a_vector_of_length_one_or_zero(fit: list[str], texts: list[str]) -> None:
    model = TextVectors(3).fit(fit)
    found = model.vectors(texts)
    long = np.linalg.norm(found, axis=1)
    assert ((np.abs(long - 1) < 1e-9) | (long == 0)).all()
    again = TextVectors.restore(*model.dump())
    np.testing.assert_array_equal(again.vectors(texts), found)


def test_damage_is_told() -> None:
    told, arrays = TextVectors(4).fit(TEXTS).dump()
    bad = [arrays | {"turn": arrays["turn"][:, 1:]}, arrays | {"weight": arrays["weight"] * np.nan}]
    bad += [arrays | {"buckets": arrays["buckets"][::-1]}, arrays | {"turn": arrays["weight"]}]
    bad += [arrays | {"buckets": arrays["buckets"][1:]}, {"turn": arrays["turn"]}]
    for one in bad:
        with pytest.raises(ModelError, match="damaged"):
            TextVectors.restore(told, one)
    for settings in ({"width": "x"}, {"depth": 3}, {"width": 5}):
        with pytest.raises(ModelError, match="damaged"):
            TextVectors.restore(settings, arrays)
