"""How fast entity embeddings are trained and events scored, and how well they tell events apart.

Made-up events (categorical_events): 8 types of up to 100,000 values, heavy-tailed; 16 dimensions, 3
noise values for each type, one core. Training is one epoch over all events against a plain torch
loop (whole noise events, dense Adam) on fewer of them; scoring is EntityEmbedding.score on codes
against a loop of plain Python. Both trainers are then judged on the same events by the AUC of later
events against copies with one value replaced. Rates of one core are by CPU time.
"""

import importlib.util
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks import harness
from benchmarks.categorical_events import ARITY, made, perturbed
from benchmarks.event_baselines import Independent
from benchmarks.harness import Options, Row
from graphad.models.entity_embedding import EntityEmbedding
from graphad.models.metrics import roc_auc
from graphad.models.pair_counts import PairCounts

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

DIM, NEGATIVES = 16, 3
PLAIN_EVENTS = 20_480  # for each of the plain ways
PLAIN_EPOCHS = 10
PAIRS = 20_000
COUNTED = ((0, 1), (1, 5), (5, 6))  # as many pairs of types as a fit takes of eight types
SINGLES = 20_000
TRAINING, RATIO, SCORING = 250_000.0, 8.0, 1_500_000.0  # targets; rates are of events
MEDIAN, TAIL = 8.0, 20.0  # microseconds an event


def trained(codes: Ints, seed: int, epochs: int) -> EntityEmbedding:
    """Return embeddings after so many epochs over all events, none held out."""
    model = EntityEmbedding(DIM, negatives=NEGATIVES, epochs=epochs, held=0.0, choose=False)
    model.seed = seed
    return model.fit(codes, ARITY)


def cpu(function: Callable[[], object], repeat: int = 3) -> float:
    """Return the least CPU seconds of some calls."""
    return min(harness.timed(function, 1).cpu for _ in range(repeat))


def training(codes: Ints, seed: int) -> tuple[float, float]:
    """Return seconds of an epoch, and of all that a fit does beside its epochs."""
    trained(codes[:1000], seed, 1)  # compiles
    one = harness.timed(lambda: trained(codes, seed, 1), 1).cpu
    four = harness.timed(lambda: trained(codes, seed, 4), 1).cpu
    return (four - one) / 3, one - (four - one) / 3


def plain_scores(model: EntityEmbedding, codes: Ints) -> list[float]:
    """Return scores as a plain loop has them, from lists."""
    table = model.scores
    vectors, bias, start = table.vectors.tolist(), table.bias.tolist(), table.start.tolist()
    weights, m = table.weights.tolist(), codes.shape[1]
    found = []
    for event in codes.tolist():
        ids = [start[i] + code for i, code in enumerate(event)]
        total = table.origin - sum(bias[a] for a in ids)
        for i in range(m):
            v = vectors[ids[i]]
            for j in range(i + 1, m):
                product = sum(x * y for x, y in zip(v, vectors[ids[j]], strict=True))
                total -= weights[i][j] * product
        found.append(total)
    return found


def scoring(model: EntityEmbedding, codes: Ints, seed: int) -> Iterable[Row]:
    """Time batch scoring and the plain loop, and check that they agree to the last bit."""
    few = codes[:PLAIN_EVENTS]
    began = time.process_time()
    told = plain_scores(model, few)
    plain = len(few) / (time.process_time() - began)
    if not np.array_equal(told, model.score(few)):
        raise AssertionError("the plain loop has other scores")
    rate = len(codes) / cpu(lambda: model.score(codes))
    yield Row(f"batch scoring, {len(codes):,} events", rate, "events/CPU s", plain, rate / plain,
              SCORING, rate >= SCORING, seed)  # fmt: skip
    model.pairs_, model.pair_weight_ = PairCounts.of(codes, COUNTED, ARITY), 0.25
    rate = len(codes) / cpu(lambda: model.score(codes))
    yield Row(f"batch scoring with counts of {len(model.pairs_.count):,} pairs", rate,
              "events/CPU s", target=SCORING, met=rate >= SCORING, seed=seed)  # fmt: skip


def quality(codes: Ints, later: Ints, seed: int, plain_epochs: int) -> Iterable[Row]:
    """Compare the AUC of our trainer, as users run it, with that of the plain one, and its rate."""
    usual, altered = perturbed(codes, later, PAIRS, seed)
    labels = np.repeat([False, True], [len(usual), len(altered)])

    def auc(score: Callable[[Ints], Floats]) -> float:
        found = roc_auc(np.concatenate([score(usual), score(altered)]), labels)
        return 0.0 if found is None else found

    plain = None
    if importlib.util.find_spec("torch") is None:
        print("torch is not installed: no plain trainer to compare with", file=sys.stderr)
    else:
        plain = auc(plain_trainer(codes, seed, plain_epochs).score)
    for objective in ("ranking", "all types"):
        model = EntityEmbedding(DIM, objective, NEGATIVES, seed=seed).fit(codes, ARITY)
        found = auc(model.score)
        name = f"AUC, {objective}, {len(codes):,} events, {len(model.history_)} epochs"
        yield Row(name, found, "AUC", plain, None if plain is None else found / plain, seed=seed)
    alone = auc(Independent().fit(codes, ARITY).score)
    yield Row(f"AUC, frequencies alone, {len(codes):,} events", alone, "AUC", seed=seed)


def plain_trainer(codes: Ints, seed: int, epochs: int):  # type: ignore[no-untyped-def]
    """Return the torch trainer after some epochs on one thread."""
    import torch

    from benchmarks.plain_event_torch import PlainTrainer

    torch.set_num_threads(1)
    trainer = PlainTrainer(codes, ARITY, DIM, NEGATIVES, seed)
    for _ in range(epochs):
        trainer.epoch(codes)
    return trainer


def plain_rate(codes: Ints, seed: int) -> float | None:
    """Return events per CPU second of the torch loop; None without torch."""
    if importlib.util.find_spec("torch") is None:
        return None
    trainer = plain_trainer(codes[:2048], seed, 1)  # the first steps are slow
    few = codes[:PLAIN_EVENTS]
    return len(few) / cpu(lambda: trainer.epoch(few), 2)


def single_events(codes: Ints, later: Ints, seed: int) -> Iterable[Row]:
    """Time events that come one by one as mappings of texts, and as a table, through Enricher."""
    from graphad.detectors.event import EventDetector
    from graphad.enrich import Enricher

    past, events = table(codes), table(later)
    with tempfile.TemporaryDirectory() as folder:
        EventDetector(past.column_names, seed=seed).fit(past).save(Path(folder) / "model")
        enricher = Enricher.load(Path(folder) / "model")
    told = events.slice(0, SINGLES).to_pylist()
    enricher.score(told[0])
    taken = np.empty(len(told))
    for i, event in enumerate(told):
        began = time.perf_counter_ns()
        enricher.score(event)
        taken[i] = (time.perf_counter_ns() - began) / 1e3
    for share, target in ((50, MEDIAN), (99, TAIL)):
        found = float(np.percentile(taken, share))
        yield Row(f"one event, p{share} of {len(told):,}", found, "us", target=target,
                  met=found <= target, seed=seed)  # fmt: skip
    rate = len(events) / cpu(lambda: enricher.score_batch(events))
    yield Row(f"batch of texts, {len(events):,} events", rate, "events/CPU s", seed=seed)


def table(codes: Ints) -> pa.Table:
    """Return events [n, 8] as a table of texts."""
    columns = (pc.binary_join_element_wise("value", pa.array(c).cast(pa.string()), " ")
               for c in codes.T)  # fmt: skip
    return pa.table({f"type {i}": column for i, column in enumerate(columns)})


def measure(options: Options) -> Iterable[Row]:
    """Measure training, scoring and quality."""
    size, learned = (60_000, 20_000) if options.quick else (1_000_000, 100_000)
    for seed in range(1 if options.quick else options.seeds):
        codes = made(size + size // 10, seed)
        codes, later = codes[:size], codes[size:]
        epoch, around = training(codes, seed)
        rate, plain = size / epoch, plain_rate(codes, seed)
        yield Row(f"training, {size:,} events, an epoch", rate, "events/CPU s", target=TRAINING,
                  met=rate >= TRAINING, seed=seed)  # fmt: skip
        yield Row("a fit beside its epochs", around, "CPU s", seed=seed)
        if plain is not None:
            yield harness.compare("training against torch", rate, "events/CPU s", plain,
                                  RATIO, seed=seed)  # fmt: skip
        yield from scoring(trained(codes, seed, 1), codes, seed)
        yield from quality(codes[:learned], later, seed, 2 if options.quick else PLAIN_EPOCHS)
        yield from single_events(codes[:learned], later, seed)


if __name__ == "__main__":
    harness.on_one_core("event_speed")
    sys.exit(harness.main(__doc__, measure))
