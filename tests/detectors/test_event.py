"""The event detector: columns to codes, scores explained to the bit, models that load as saved."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from graphad.detectors.event import EventDetector
from graphad.detectors.event_columns import (
    Column,
    clock_columns,
    codes_of,
    microseconds_of,
    text_of,
)
from graphad.enrich import Enricher
from graphad.errors import ModelError, NotFitted, SchemaError

COLUMNS = ["user", "program", "ip", "size"]


def office(n: int, seed: int, hours: int = 24) -> pa.Table:
    """Return events of clerks and developers, who share nothing but the addresses."""
    generator = np.random.default_rng(seed)
    developer = generator.random(n) < 0.5
    who, what = generator.integers(0, 15, n), np.minimum(generator.zipf(1.6, n), 20)
    return pa.table(
        {
            "ts": 1_790_000_000 + np.arange(n) * 60.0,
            "user": [f"{'dev' if d else 'clerk'}{w}" for d, w in zip(developer, who, strict=True)],
            "program": [
                f"{'gcc' if d else 'word'}{w}" for d, w in zip(developer, what, strict=True)
            ],
            "ip": pa.array(
                [f"10.0.0.{i}" for i in generator.integers(1, 4, n)]
            ).dictionary_encode(),
            "size": generator.normal(0, 1, n),
        }
    )


def rows(*events: dict[str, Any]) -> pa.Table:
    usual = {
        "ts": 1_791_000_000.0,
        "user": "dev1",
        "program": "gcc1",
        "ip": "10.0.0.1",
        "size": 0.0,
    }
    return pa.Table.from_pylist([usual | event for event in events])


@pytest.fixture(scope="module")
def fitted() -> EventDetector:
    return EventDetector(columns=COLUMNS, time="ts").fit(office(12_000, 0))


ODD = rows({}, {"user": "clerk1"}, {"program": "nc"}, {"ip": None, "size": None}, {"size": 99.0})


def test_a_user_with_the_others_program_stands_out_and_is_named(fitted: EventDetector) -> None:
    score = fitted.score(ODD).score
    assert score[1] > score[0] + 6
    told = fitted.explain(ODD, 1)
    assert told.culprit.column in ("user", "program")
    doubt = next(d for d in told.doubts if d.column == "user")
    assert doubt.value == "clerk1"
    assert all(word.startswith("dev") for word, _ in doubt.likely)
    assert doubt.bits > 8


def test_terms_add_up_to_the_score_exactly(fitted: EventDetector) -> None:
    score = fitted.score(ODD).score
    for row in range(len(ODD)):
        told = fitted.explain(ODD, row)
        assert sum(told.terms.values()) == told.score == score[row]
        assert set(told.terms) == {"origin", *COLUMNS, "hour"}
        assert [d.bits for d in told.doubts] == sorted((d.bits for d in told.doubts), reverse=True)


def test_half_of_what_was_learned_on_scores_above_zero(fitted: EventDetector) -> None:
    score = fitted.score(office(12_000, 0)).score
    assert 0.4 < (score > 0).mean() < 0.6


def test_what_is_seen_for_the_first_time_is_told_apart(fitted: EventDetector) -> None:
    scored = fitted.score(ODD)
    assert scored.first[:, 1].tolist() == [False, False, True, False, False]
    assert scored.novelty[0] == 0.0
    assert scored.novelty[2] > 8  # a new program is a rare thing here
    assert fitted.explain(ODD, 2).doubts[0].first_seen


def test_a_missing_value_is_a_value() -> None:
    past = pa.table({"a": ["x", None] * 50, "b": ["p", "q"] * 50})
    detector = EventDetector(columns=["a", "b"]).fit(past)
    scored = detector.score(pa.table({"a": [None, None], "b": ["q", "p"]}))
    assert not scored.first.any()
    assert scored.score[1] > scored.score[0]


def test_hours_count_only_if_training_is_long_enough(fitted: EventDetector) -> None:
    assert [c.name for c in fitted.columns_] == [*COLUMNS, "hour"]  # 8 days
    brief = EventDetector(columns=COLUMNS, time="ts").fit(office(500, 0))
    assert [c.name for c in brief.columns_] == COLUMNS


def test_order_of_rows_does_not_matter_where_times_are_given() -> None:
    past = office(1_000, 2)
    mixed = past.take(pa.array(np.random.default_rng(0).permutation(1_000)))
    one, other = (EventDetector(columns=COLUMNS, time="ts").fit(t) for t in (past, mixed))
    assert one.score(past).score.tolist() == other.score(past).score.tolist()


def test_moving_the_clock_by_whole_days_changes_nothing() -> None:
    past = office(1_000, 2)
    later = past.set_column(0, "ts", pa.array(past["ts"].to_numpy() + 7 * 86_400))
    one, other = (EventDetector(columns=COLUMNS, time="ts").fit(t) for t in (past, later))
    assert one.score(past).score.tolist() == other.score(later).score.tolist()


def test_a_loaded_model_and_an_enricher_score_the_same(
    fitted: EventDetector, tmp_path: Path
) -> None:
    fitted.save(tmp_path / "m")
    wanted = fitted.score(ODD).score.tolist()
    loaded = EventDetector.load(tmp_path / "m")
    assert loaded.score(ODD).score.tolist() == wanted
    assert loaded.explain(ODD, 1) == fitted.explain(ODD, 1)
    loaded.save(tmp_path / "again")
    for name in ("manifest.json", "tensors.safetensors"):
        assert (tmp_path / "m" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
    enricher = Enricher.load(tmp_path / "m")
    assert enricher.score_batch(ODD).tolist() == wanted
    assert enricher.score_batch(ODD.to_pylist()).tolist() == wanted
    assert enricher.score(ODD.to_pylist()[2]).first_seen == ("program",)


def desks(n: int, seed: int) -> pa.Table:
    """Return events of 300 users who each sit at two of 400 desks, dealt at random, and noise."""
    deal, pick = np.random.default_rng(9), np.random.default_rng(seed)
    desk = deal.integers(0, 400, (300, 2))
    user = pick.integers(0, 300, n)
    at = desk[user, pick.integers(0, 2, n)]
    noise = np.minimum(pick.zipf(1.5, (n, 2)), 30)
    columns = {"user": user, "desk": at, "port": noise[:, 0], "kind": noise[:, 1]}
    return pa.table({name: pa.array(x).cast(pa.string()) for name, x in columns.items()})


@pytest.fixture(scope="module")
def counted() -> EventDetector:
    found = EventDetector(columns=["user", "desk", "port", "kind"]).fit(desks(6_000, 0))
    assert [0, 1] in found.model_.pairs_.types.tolist()
    return found


def test_counts_of_pairs_are_in_all_that_is_told(counted: EventDetector, tmp_path: Path) -> None:
    some = desks(300, 1)
    score = counted.score(some).score
    counted.save(tmp_path / "m")
    loaded, enricher = EventDetector.load(tmp_path / "m"), Enricher.load(tmp_path / "m")
    assert loaded.score(some).score.tolist() == score.tolist()
    assert enricher.score_batch(some).tolist() == score.tolist()
    assert [enricher.score(event).score for event in some.to_pylist()] == score.tolist()
    loaded.save(tmp_path / "again")
    for name in ("manifest.json", "tensors.safetensors"):
        assert (tmp_path / "m" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
    # A pair belongs half to each of its columns, counts as well as embeddings.
    single, pairs = counted.scores.parts(codes_of(counted.columns_, words(counted, some))[0])
    alone = counted.model_.embedded.parts(codes_of(counted.columns_, words(counted, some))[0])[1]
    assert np.abs(pairs - alone).max() > 0.1
    for row in range(50):
        told = counted.explain(some, row)
        assert sum(told.terms.values()) == told.score == score[row]
        halves = [pairs[row, (counted.scores.places == i).any(axis=1)].sum() / 2 for i in range(4)]
        assert [told.terms[c] for c in counted.columns] == (single[row] + halves).tolist()
        assert loaded.explain(some, row) == told


def words(detector: EventDetector, events: pa.Table) -> list[pa.Array]:
    return [c.words(events[c.name].combine_chunks()) for c in detector.columns_]


def test_counts_of_pairs_grow_by_a_day(counted: EventDetector, tmp_path: Path) -> None:
    counted.save(tmp_path / "m")
    detector = EventDetector.load(tmp_path / "m").update(desks(200, 2))
    assert [int(n.sum()) for *_, n in detector.model_.pairs_] == [6_200] * len(
        counted.model_.pairs_
    )
    detector.save(tmp_path / "next")
    some = desks(100, 3)
    wanted = detector.score(some).score.tolist()
    assert Enricher.load(tmp_path / "next").score_batch(some).tolist() == wanted


def test_counts_that_do_not_fit_the_events_are_refused(
    counted: EventDetector, tmp_path: Path
) -> None:
    counted.save(tmp_path / "m")
    detector = EventDetector.load(tmp_path / "m")
    pairs = detector.model_.pairs_
    detector.model_.pairs_ = replace(pairs, count=pairs.count + 1)
    detector.save(tmp_path / "wrong")
    for load in (EventDetector.load, Enricher.load):
        with pytest.raises(ModelError, match="damaged"):
            load(tmp_path / "wrong")


@pytest.mark.parametrize("weight", [7.0, -1.0, float("nan"), "much", None])
def test_a_weight_of_pairs_without_sense_is_refused(
    counted: EventDetector, tmp_path: Path, weight: object
) -> None:
    counted.save(tmp_path / "m")
    path = tmp_path / "m" / "manifest.json"
    told = json.loads(path.read_text())
    told["settings"]["model"]["learned"]["pair_weight"] = weight
    path.write_text(json.dumps(told))
    for load in (EventDetector.load, Enricher.load):
        with pytest.raises(ModelError, match="damaged"):
            load(tmp_path / "m")


def test_damaged_and_foreign_models_are_refused(fitted: EventDetector, tmp_path: Path) -> None:
    fitted.save(tmp_path / "m")
    path = tmp_path / "m" / "tensors.safetensors"
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(bytes(data))
    for load in (EventDetector.load, Enricher.load):
        with pytest.raises(ModelError, match="damaged"):
            load(tmp_path / "m")
        with pytest.raises(ModelError, match="no model"):
            load(tmp_path / "none")


def test_a_new_day_is_learned(tmp_path: Path) -> None:
    detector = EventDetector(columns=COLUMNS, time="ts").fit(office(4_000, 0))
    event = rows({"user": "dev99"})
    assert detector.score(event).first[0, 0]
    day = office(600, 5)
    users = [
        "dev99" if i % 20 == 0 and "dev" in u else u for i, u in enumerate(day["user"].to_pylist())
    ]
    detector.update(day.set_column(1, "user", pa.array(users)))
    assert not detector.score(event).first.any()
    assert (
        detector.score(rows({"user": "dev99", "program": "word1"})).score[0]
        > (detector.score(event).score[0])
    )
    detector.save(tmp_path / "m")
    assert EventDetector.load(tmp_path / "m").score(event).score == detector.score(event).score


def test_what_cannot_be_done_is_said() -> None:
    with pytest.raises(NotFitted):
        EventDetector(columns=["a"]).score(pa.table({"a": ["x"]}))
    with pytest.raises(SchemaError, match="no column b"):
        EventDetector(columns=["b"]).fit(pa.table({"a": ["x"]}))
    with pytest.raises(SchemaError, match="No columns"):
        EventDetector().fit(pa.table({"a": ["x"]}))
    with pytest.raises(SchemaError, match="no event"):
        EventDetector(columns=["a"]).fit(pa.table({"a": pa.array([], pa.string())}))


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("2026-11-22T10:00:00Z", 1795341600), ("2026-11-22 11:00:00+01:00", 1795341600),
        (1795341600, 1795341600), (1795341600000, 1795341600), (1795341600000000, 1795341600),
        ("1795341600", 1795341600), (datetime(2026, 11, 22, 10, tzinfo=UTC), 1795341600),
        (datetime(2026, 11, 22, 10), 1795341600), ("noon", None), (None, None), (True, None),
        (float("nan"), None), (1e300, None), (10**400, None), ("", None),
    ],
)  # fmt: skip
def test_times_are_read_as_people_write_them(value: object, seconds: int | None) -> None:
    assert microseconds_of(value) == (None if seconds is None else seconds * 1_000_000)


HOSTILE = [
    "\x00",
    "a" * 100_000,
    "\ud800",
    "=cmd()",
    "\x1b[2J",
    "nan",
    10**400,
    {"a": 1},
    [1],
    b"x",
]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_any_value_is_just_a_value(fitted: EventDetector, hostile: object, tmp_path: Path) -> None:
    fitted.save(tmp_path / "m")
    event = {"ts": hostile, "user": hostile, "program": hostile, "ip": hostile, "size": hostile}
    scored = Enricher.load(tmp_path / "m").score(event)
    assert np.isfinite(scored.score)
    assert {"user", "program", "ip"} <= set(scored.first_seen)


def test_numbers_are_cut_into_quantiles_of_equal_size() -> None:
    values = pa.array(np.random.default_rng(0).exponential(1.0, 3_200))
    column = Column.fit("n", values, 5, True)
    codes, new = column.encode(values)
    assert not new.any()
    assert np.bincount(codes)[1:].tolist() == pytest.approx([200] * 16, abs=2)
    assert column.word(float("inf")) == column.word("x") == ""


def test_rare_words_share_a_code_until_they_are_not_rare() -> None:
    column = Column.fit("w", pa.array(["a"] * 9 + ["b"] * 2), 5, False)
    assert column.encode(pa.array(["a", "b", "c"]))[0].tolist() == [1, 0, 0]
    assert column.encode(pa.array(["a", "b", "c"]))[1].tolist() == [False, False, True]
    column.count(pa.array(["b"] * 3), 5)
    assert column.encode(pa.array(["a", "b"]))[0].tolist() == [1, 2]


def test_one_value_has_one_word_whatever_its_type() -> None:
    assert text_of(80) == text_of(80.0) == text_of("80") == "80"
    ints, texts = pa.array([80, 80, None]), pa.array(["80", "80", None])
    one, other = (Column.fit("p", a, 1, False) for a in (ints, texts))
    assert one.codes == other.codes


def test_columns_called_like_other_terms_still_add_up(tmp_path: Path) -> None:
    names = ["origin", "hour", "mark", "first seen", "origin_"]
    table = office(3_000, 0).append_column("extra", office(3_000, 1)["user"])
    renamed = table.rename_columns(["ts", *names])
    detector = EventDetector(columns=names, time="ts", numbers=["first seen"]).fit(renamed)
    for told in detector.explain_all(renamed.slice(0, 20)):
        assert len(told.terms) == len(detector.columns_) + 1
        assert sum(told.terms.values()) == told.score


def test_a_column_that_never_varies_is_no_culprit_until_it_does() -> None:
    table = office(3_000, 0)
    same = table.append_column("site", pa.array(["a"] * len(table)))
    one = EventDetector(columns=["user", "program"], time="ts").fit(table)
    two = EventDetector(columns=["user", "program", "site"], time="ts").fit(same)
    told = two.explain(same, 0)
    assert all(doubt.bits == 0.0 for doubt in told.doubts if doubt.column == "site")
    assert two.explain(same, 0).doubts[-1].likely == [("a", 1.0)]
    other = same.slice(0, 1).set_column(4 + 1, "site", pa.array(["b"]))
    assert two.score(other).first[0].tolist()[2]
    assert one.columns_[0].arity == two.columns_[0].arity
    both = pa.concat_tables([same.slice(0, 500), same.slice(0, 500).set_column(
        5, "site", pa.array(["b"] * 500))])  # fmt: skip
    two.update(both)
    assert two.columns_[2].arity == 3
    assert not two.score(other).first[0].tolist()[2]


def test_a_missing_value_is_never_a_new_one(tmp_path: Path) -> None:
    detector = EventDetector(columns=["user", "program"], time="ts").fit(office(3_000, 0))
    gone = rows({"user": None, "program": "nc"}).select(["ts", "user", "program"])
    assert detector.score(gone).first.tolist() == [[False, True]]
    detector.save(tmp_path / "m")
    told = Enricher.load(tmp_path / "m").score({"program": "nc"})
    assert told.first_seen == ("program",)
    with pytest.raises(TypeError, match="mapping"):
        Enricher.load(tmp_path / "m").score(["nc"])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no row 9"):
        detector.explain(gone, 9)
    with pytest.raises(SchemaError, match="holds no numbers"):
        EventDetector(columns=["user"], numbers=["user"]).fit(office(300, 0))


def test_the_clock_counts_where_enough_of_it_was_seen() -> None:
    hour, day = 3_600_000_000, 86_400_000_000
    steady: list[int | None] = [i * hour for i in range(24 * 15)]
    assert clock_columns(steady) == ("hour", "weekday")
    assert clock_columns(steady[: 24 * 4]) == ("hour",)
    assert clock_columns(steady[: 24 * 2]) == ()
    captures: list[int | None] = [w * 7 * day + i * hour for w in range(9) for i in range(3)]
    assert clock_columns(captures) == ()
    office_hours: list[int | None] = [d * day + h * hour for d in range(20) for h in range(9, 17)]
    assert clock_columns(office_hours) == ("hour", "weekday")
    assert clock_columns([None, None]) == clock_columns([]) == ()
