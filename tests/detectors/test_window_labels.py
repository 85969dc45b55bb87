"""The window detector with known attacks: learns from them, or leaves them out, and says so."""

from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from graphad.detectors.window import WindowDetector, attacked
from graphad.detectors.window_models import LABELLED, Training
from graphad.detectors.window_units import units
from graphad.errors import GraphadError
from graphad.graph import Graph
from tests.detectors.event_graphs import HOUR, START, graph, office
from tests.detectors.test_window import DAY, NOON, TODAY, burst

Bools = npt.NDArray[np.bool_]


def attacks(found: Graph) -> Bools:
    """Return the events that the planted tool had part in."""
    tool = np.flatnonzero(found.names == "/tmp/x")
    made: Bools = np.isin(found.src, tool) | np.isin(found.dst, tool)
    return made


@cache
def past(bursts: int) -> Graph:
    """Return six days with some bursts in them, none twice in an hour."""
    more = [e for i in range(bursts) for e in burst(START + (5 + 11 * i) * HOUR + 7)]
    return graph([*office(6, 0), *more])


@cache
def fitted(model: str) -> WindowDetector:
    pytest.importorskip({"wl": "sklearn", "rayleigh": "torch"}[model])
    made = WindowDetector(model=model)  # type: ignore[arg-type]
    return made.fit([past(8)], attacks)


@pytest.mark.parametrize("model", ["wl", "rayleigh"])
def test_what_was_labelled_is_found_again_and_told(model: str, tmp_path: Path) -> None:
    detector = fitted(model)
    assert detector.regime.startswith(f"supervised, {model}: labelled attacks: 8 of ")
    paths = detector.score(TODAY)
    assert paths.stories is not None
    assert paths.stories[0].words == (str(NOON), "3600")
    assert paths.stories[0].measure == {"wl": "of the trees", "rayleigh": "log-odds"}[model]
    assert paths.z[0] > paths.z[1] + 0.5
    assert attacks(TODAY)[paths.events[0][paths.events[0] >= 0]].mean() >= 0.5
    for score, story, terms in zip(paths.score, paths.stories, paths.terms, strict=True):
        assert sum(dict(story.parts).values()) == pytest.approx(score, abs=1e-9)
        assert terms.sum() == pytest.approx(score, abs=1e-9)
    detector.save(tmp_path / "a")
    again = WindowDetector.load(tmp_path / "a")
    np.testing.assert_array_equal(again.score(TODAY).score, paths.score)
    assert again.regime == detector.regime
    again.save(tmp_path / "b")
    for name in ("manifest.json", "tensors.safetensors"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.parametrize("model", ["wl", "rayleigh"])
def test_parts_of_the_window_give_the_same_model(model: str, tmp_path: Path) -> None:
    cut = START + 3 * DAY
    whole = past(8)
    parts = [whole.subset(whole.ts < cut).used(), whole.subset(whole.ts >= cut).used()]
    detector = fitted(model)
    again = WindowDetector(model=model).fit(parts, attacks)  # type: ignore[arg-type]
    assert again.score(TODAY).score == pytest.approx(detector.score(TODAY).score)


def test_few_labels_are_left_out_of_what_is_quiet() -> None:
    few = past(LABELLED - 1)
    detector = WindowDetector().fit([few], attacks)
    assert "one-class, wl: labelled attacks: 4 of" in detector.regime
    assert "left out" in detector.regime
    clean = WindowDetector().fit([detector.calm(few, attacks(few))])
    assert detector.learned == clean.learned
    np.testing.assert_array_equal(detector.score(TODAY).score, clean.score(TODAY).score)
    learned = WindowDetector().fit([few])  # as quiet ones they are not odd
    assert learned.score(TODAY).z[0] < detector.score(TODAY).z[0]


def test_of_what_is_kept_for_calibration_only_attacks_are_learned() -> None:
    pytest.importorskip("sklearn")
    cut = START + DAY
    whole = past(8)
    first, second = (whole.subset(chosen).used() for chosen in (whole.ts < cut, whole.ts >= cut))
    here, there = (attacked(units(g), attacks(g)) for g in (first, second))
    assert 0 < here.sum() < LABELLED <= there.sum() + here.sum()
    detector = WindowDetector().fit([first], attacks, later=lambda: [second])
    count = (~here).sum() + 8
    assert detector.regime == f"supervised, wl: labelled attacks: 8 of {count} units"
    assert detector.learned == {"host units": int((~here).sum())}
    paths = detector.score(TODAY)
    assert paths.stories is not None
    assert paths.stories[0].words == (str(NOON), "3600")


def test_calm_leaves_out_whole_units() -> None:
    few = past(3)
    detector = WindowDetector()
    rest = detector.calm(few, attacks(few))
    bad = attacked(units(few), attacks(few))
    assert bad.sum() == 3
    assert len(units(rest)) == len(units(few)) - 3
    assert len(rest) == len(few) - sum(len(units(few).events(int(u))) for u in np.flatnonzero(bad))
    none = detector.calm(few, np.zeros(len(few), bool))
    assert len(none) == len(few)


def test_the_published_method_learns_from_labels() -> None:
    pytest.importorskip("torch")
    detector = WindowDetector(mode="paper").fit([past(8)], attacks)
    assert detector.regime.startswith("supervised, rayleigh: ")
    assert detector.judge.kind == "rayleigh as published"
    with pytest.raises(GraphadError, match="4 of"):
        WindowDetector(mode="paper").fit([past(LABELLED - 1)], attacks)


def test_training_says_how_far_it_is(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    words: list[str] = []
    training = Training(tmp_path / "state", words.append)
    WindowDetector(model="rayleigh").fit([past(8)], attacks, training)
    assert words[0].startswith("training: epoch 1 of ")
    assert not list(tmp_path.iterdir())
