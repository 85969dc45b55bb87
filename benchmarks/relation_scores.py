"""The models of relation_quality: each learns from a set's training part and scores it all."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from benchmarks.relation_data import RelationSet
from benchmarks.relation_judging import Judged, edges_of, judge, judge_windows
from graphad.models.count_nearest import CountNearest
from graphad.models.event_counts import EventCounts
from graphad.models.relation_counts import Form, RelationCounts
from graphad.models.relation_network import RelationNetwork
from graphad.models.relation_ranks import rank_average
from graphad.models.relations import Relations
from graphad.models.session_residual import SessionResidual
from graphad.models.tails import Tail
from graphad.models.text_vectors import TextVectors

Floats = npt.NDArray[np.float64]

_LEAST = 1e-3  # slope of the tail of the network's logits


def training(given: RelationSet) -> Relations:
    """Return the lines that are learned from: of the training part, none of an attack."""
    r = given.relations
    keep = given.part == 0
    keep[r.line[given.attack]] = False
    return r.take(keep)


def unseen_template(given: RelationSet) -> Floats:
    """Return whether the event of each relation [R] was never seen."""
    model, r = RelationCounts("unseen").fit(training(given)), given.relations
    return model.score_events(r.events)[r.of_event]


def counted(form: Form, *, events: bool = False) -> Callable[[RelationSet], Floats]:
    """Return what gives the bits of relations [R]; a new event has its own instead.

    events: known events add their own bits, too.
    """

    def scores(given: RelationSet) -> Floats:
        model, r = RelationCounts(form).fit(training(given)), given.relations
        own = model.score_events(r.events)
        fresh = ~np.isin(r.events, model.events)
        found: Floats = model.score(r).bits + np.where(fresh | events, own, 0.0)[r.of_event]
        return found

    return scores


def nearest(idf: bool, new_events: bool) -> Callable[[RelationSet], Judged]:
    """Return the judge of the distance of windows to the nearest ones of quiet time."""

    def judged(given: RelationSet) -> Judged:
        counts, number = EventCounts.of_windows(given.relations, given.step_us)
        quiet, _ = EventCounts.of_windows(training(given), given.step_us)
        model = CountNearest(idf, new_events).fit(quiet)
        return judge_windows(given, number, model.score(counts))

    return judged


def residual(given: RelationSet) -> Judged:
    """Judge windows by what of their events' texts is outside of quiet directions (SemPCA)."""
    counts, number = EventCounts.of_windows(given.relations, given.step_us)
    quiet, _ = EventCounts.of_windows(training(given), given.step_us)
    texts = TextVectors().fit([given.relations.events[e] for e in np.unique(quiet.event)])
    vectors = texts.vectors(given.relations.events)
    model = SessionResidual.fit(summed(quiet, vectors))
    return judge_windows(given, number, model.score(summed(counts, vectors)))


def summed(counts: EventCounts, vectors: Floats) -> Floats:
    """Return the sum of the vectors of the events of each window [W, D]."""
    found = np.zeros((len(counts), vectors.shape[1]))
    np.add.at(found, counts.window, vectors[counts.event] * counts.count[:, None])
    return found


SURPRISAL = counted("surprisal")
# Of relations, and of windows alone; none of them draws by chance.
RELATIONS: dict[str, Callable[[RelationSet], Floats]] = {
    "unseen template": unseen_template,
    "unseen relation": counted("unseen"),
    "surprisal": SURPRISAL,
    "counts": counted("counts"),
    "counts and event": counted("counts", events=True),
}
WINDOWS = {
    "count nearest": nearest(False, False),
    "count nearest, idf": nearest(True, False),
    "new event and count nearest": nearest(False, True),
    "new event and count nearest, idf": nearest(True, True),
    "residual of texts": residual,
}
RANDOM = ("network", "paper", "rank average")


def ranked(given: RelationSet, *scores: Floats) -> Floats:
    """Return the rank average [R] of the scores of two models, among the calibration's edges."""
    _, at = edges_of(given)
    quiet = np.flatnonzero(given.part[given.relations.line] == 1)
    quiet = quiet[np.unique(at[quiet], return_index=True)[1]]
    tails = [Tail.fit(one[quiet], _LEAST) for one in scores]
    return rank_average(tails, scores)


def seeded(given: RelationSet, seed: int, settings: dict[str, int]) -> dict[str, Judged]:
    """Return what RANDOM models of one seed are worth."""
    windows = {"step_us": given.step_us, "length_us": given.step_us, "seed": seed} | settings
    r, learned = given.relations, training(given)
    network = RelationNetwork(**windows).fit(learned).score(r)  # type: ignore[arg-type]
    paper = RelationNetwork.paper(**windows).fit(learned).score(r)
    both = ranked(given, network, SURPRISAL(given))
    return {
        name: judge(given, scores)
        for name, scores in zip(RANDOM, (network, paper, both), strict=True)
    }


def judged_all(given: RelationSet, seeds: int, settings: dict[str, int]) -> dict[str, list[Judged]]:
    """Return what each model is worth on a set, for each seed; of plain ones for one."""
    found = {name: [judge(given, scores(given))] for name, scores in RELATIONS.items()}
    found |= {name: [judge_of(given)] for name, judge_of in WINDOWS.items()}
    for seed in range(seeds):
        for name, one in seeded(given, seed, settings).items():
            found.setdefault(name, []).append(one)
    return found
