"""How soon attacks are found, and PATE of findings, by hand and against slow ways."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad import evaluate_time as time
from graphad.evaluate import Judged, Report, evaluate
from graphad.evaluate_moments import Moments, of_truth
from graphad.models.pate import Timeline
from graphad.truth import Truth, read_truth

S = 1_000_000  # microseconds


def stamp(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).isoformat()


def windows(tmp_path: Path, *rows: tuple[str, int, int]) -> Truth:
    """Return a truth of (host, first second, second after)."""
    file = tmp_path / "truth.csv"
    lines = [f"{host},{stamp(start)},{stamp(after)}" for host, start, after in rows]
    file.write_text("\n".join(["host,start,end", *lines]) + "\n")
    return read_truth(file)


def found(
    start: int, end: int, score: float = 1.0, alert: bool | None = True, host: str = "web",
    name: str = "f", lines: Sequence[int] = (),
) -> Judged:  # fmt: skip
    edges = [("attack.log", line, None) for line in lines]
    return Judged(name, score, alert, host, start * S, end * S, edges)


def figures(report: Report, *names: str) -> list[tuple[float | None, float | None, float | None]]:
    return [(report[name].value, report[name].part, report[name].whole) for name in names]


def test_time_to_detect_by_hand(tmp_path: Path) -> None:
    known = windows(
        tmp_path, ("web", 100, 200), ("web", 1000, 2000), ("db", 100, 5000), ("db", 9000, 9100)
    )
    report = evaluate(
        [
            found(150, 190, name="late"),
            found(90, 130, name="soon"),
            found(0, 100, alert=False, name="no alert"),
            found(1900, 2600, name="long"),
            found(100, 110, host="other"),
            found(50, 100, host="db", name="at once"),
        ],
        known,
    )
    told = [(one.begin, one.seconds, one.finding, one.reason) for one in report.detections]
    assert told == [
        (100 * S, 0.0, "at once", ""),
        (100 * S, 30.0, "soon", ""),
        (1000 * S, 1600.0, "long", ""),
        (9000 * S, None, None, "nothing hits it"),
    ]
    assert figures(
        report, "seconds_to_first_alert", "seconds_to_detect_median", "seconds_to_detect_p90",
        "seconds_to_detect_median_of_all", "detected_within_1m", "detected_within_1h",
        "detected_within_1d",
    ) == [
        (0.0, 3, 4), (30.0, 3, 4), (1600.0, 3, 4), (30.0, 3, 4), (0.5, 2, 4), (0.75, 3, 4),
        (0.75, 3, 4),
    ]  # fmt: skip


def test_a_missed_attack_is_in_no_mean(tmp_path: Path) -> None:
    known = windows(tmp_path, ("web", 100, 200), ("web", 1000, 2000), ("web", 5000, 5001))
    report = evaluate([found(100, 130)], known)
    assert figures(
        report, "seconds_to_detect_median", "seconds_to_detect_median_of_all", "detected_within_1d"
    ) == [(30.0, 1, 3), (None, 1, 3), (1 / 3, 1, 3)]
    nothing = evaluate([], known)
    assert figures(
        nothing, "seconds_to_first_alert", "seconds_to_detect_median", "detected_within_1m", "pate"
    ) == [(None, 0, 3), (None, 0, 3), (0.0, 0, 3), (0.0, 22, 0)]


def test_without_calibration_all_findings_count(tmp_path: Path) -> None:
    known = windows(tmp_path, ("web", 100, 200))
    report = evaluate([found(100, 130, alert=None)], known)
    assert report["seconds_to_detect_median"].value == 30.0
    assert "none being calibrated" in report["seconds_to_detect_median"].meaning
    assert report["pate_f1"].value is None
    assert report["severity_gamma"].value is None


LINES = "source,line,label\nattack.log,1,shell\nattack.log,2,shell\nattack.log,3,theft\n"


def test_lines_need_times_from_a_store(tmp_path: Path) -> None:
    file = tmp_path / "truth.csv"
    file.write_text(LINES)
    known = read_truth(file)
    alert = found(0, 130, lines=[2, 3])
    without = evaluate([alert], known)
    assert {one.reason for one in without.detections} == {time.UNTIMED}
    assert {one.finding for one in without.detections} == {"f"}
    for name in ("seconds_to_detect_median", "detected_within_1m", "pate"):
        assert without[name].value is None
        assert without[name].meaning == time.UNTIMED
    # Of line 3 the store has no time.
    moments = Moments(
        np.array([1, 0]), np.array([120, 100]) * S, np.array([120, 100]) * S, ["web"] * 2, True
    )
    timed = evaluate([alert], known, moments=moments)
    assert [(one.attack, one.seconds, one.finding) for one in timed.detections] == [
        ("shell", 30.0, "f"), ("theft", None, "f"),
    ]  # fmt: skip
    assert timed.detections[1].reason == "no record of it in the store has a time"
    assert figures(timed, "seconds_to_detect_median", "detected_within_1m") == [
        (30.0, 1, 1), (1.0, 1, 1),
    ]  # fmt: skip


def test_pate_of_windows_by_hand(tmp_path: Path) -> None:
    known = windows(tmp_path, ("web", 600, 900), ("db", 0, 60))
    report = evaluate(
        [found(600, 899, 2.0), found(0, 59, 1.0, False, host="db")],
        known, step_s=60, buffer_s=0,
    )  # fmt: skip
    # The alert is 5 of 6 steps, all of them true; the last one comes at recall 5 / 6.
    assert figures(report, "pate", "pate_step") == [(1.0, 6, 6), (1.0, 6, 6)]
    assert report["pate_f1"].value == pytest.approx(2 * 5 / 6 / (1 + 5 / 6))
    elsewhere = evaluate([found(600, 899, host="db")], known, buffer_s=0)
    assert elsewhere["pate"].value == 0.0


def test_sooner_and_nearer_is_better(tmp_path: Path) -> None:
    known = windows(tmp_path, ("web", 36_000, 39_600))
    values = [
        evaluate([found(start, start + 600)], known)["pate_step"].value or 0.0
        for start in (36_000, 39_600, 41_000, 50_000)
    ]
    assert values == sorted(values, reverse=True)
    assert values[0] > values[1] > values[2] > values[3] == 0.0


def lines_of(findings: list[Judged], moments: Moments) -> dict[str, Timeline]:
    hosts = sorted({h for h in moments.host if h is not None} | {one.host for one in findings})
    return dict(zip(hosts, time.timelines(findings, moments, 10 * S, 30 * S), strict=True))


def covered(pairs: Sequence[Sequence[int]]) -> set[int]:
    return {x for first, last in pairs for x in range(first, last + 1)}


second = st.integers(-300, 300)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(second, st.sampled_from(["a", "b"])), min_size=1, max_size=8),
    st.lists(st.tuples(second, st.integers(0, 90), st.sampled_from(["a", "c"])), max_size=5),
)
def test_timelines_are_steps_of_each_host(
    events: list[tuple[int, str]], claims: list[tuple[int, int, str]]
) -> None:
    stamps = np.array([at * S + 7 for at, _ in events])
    moments = Moments(np.arange(len(events)), stamps, stamps, [h for _, h in events], True)
    findings = [found(at, at + length, host=host) for at, length, host in claims]
    lines = lines_of(findings, moments)
    for host, one in lines.items():
        mine = sorted(at for at, where in events if where == host)
        expected = {at // 10 for at in mine}
        for at, after in pairwise(mine):
            if after - at <= 30:
                expected |= set(range(at // 10, after // 10 + 1))
        assert covered(one.attacks.tolist()) == expected
        assert sorted(map(tuple, one.spans.tolist())) == sorted(
            (at // 10, (at + length) // 10) for at, length, where in claims if where == host
        )


def test_a_finding_claims_its_events_and_short_gaps() -> None:
    told = Judged("f", 1.0, None, "a", 0, 500 * S, times=[500 * S, 0, 31 * S, 61 * S, 500 * S])
    assert time.claimed(told, 30 * S).tolist() == [
        [0, 0], [31 * S, 61 * S], [500 * S, 500 * S],
    ]  # fmt: skip
    assert time.claimed(told, 0).shape == (4, 2)
    assert time.claimed(found(5, 9), 0).tolist() == [[5 * S, 9 * S]]
    at = np.array([0])
    moments = Moments(at, at, at, ["a"], True)
    [line] = time.timelines([told, found(7, 8, 3.0, host="a")], moments, S, 30 * S)
    assert line.spans.tolist() == [[0, 0], [31, 61], [500, 500], [7, 8]]
    assert line.scores.tolist() == [1.0, 1.0, 1.0, 3.0]


def test_windows_on_all_hosts(tmp_path: Path) -> None:
    both = of_truth(windows(tmp_path, ("", 0, 50), ("a", 100, 150)))
    assert both is not None
    lines = lines_of([found(0, 5, host="c")], both)
    assert covered(lines["a"].attacks.tolist()) == {0, 1, 2, 3, 4, 10, 11, 12, 13, 14}
    assert covered(lines["c"].attacks.tolist()) == {0, 1, 2, 3, 4}
    everywhere = of_truth(windows(tmp_path, ("", 0, 50)))
    assert everywhere is not None
    [one] = time.timelines([found(0, 5, host="a"), found(9, 9, host="b")], everywhere, S, 0)
    assert (len(one.attacks), len(one.spans)) == (1, 2)


@pytest.mark.parametrize(
    ("step", "buffer", "words"),
    [(0.0, 0.0, "step"), (1e-9, 0.0, "step"), (float("nan"), 0.0, "step"),
     (1e10, 0.0, "step"), (1.0, -1.0, "buffer"), (1.0, float("nan"), "buffer")],
)  # fmt: skip
def test_wrong_steps_are_refused(tmp_path: Path, step: float, buffer: float, words: str) -> None:
    known = windows(tmp_path, ("web", 0, 50))
    with pytest.raises(ValueError, match=words):
        evaluate([], known, step_s=step, buffer_s=buffer)


def test_any_year_and_the_smallest_step(tmp_path: Path) -> None:
    file = tmp_path / "truth.csv"
    file.write_text("host,start,end\n,0001-01-01,9999-12-31T23:59:59Z\n")
    report = evaluate([found(0, 5)], read_truth(file), step_s=1e-6, buffer_s=9e9)
    assert 0.0 < (report["pate"].value or 0.0) < 1e-3


def test_the_example_of_the_docs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (Path(__file__).parents[1] / "docs" / "evaluate.md").read_text()
    [code] = [part.split("```")[0] for part in page.split("```python\n")[1:]]
    monkeypatch.chdir(tmp_path)
    exec(code, {})
    assert capsys.readouterr().out == "300.0 1.0\n"
    names = {m.name for m in evaluate([], windows(tmp_path, ("web", 0, 1))).metrics}
    for name in names - {"seconds_to_detect_p90", "detected_within_1h", "detected_within_1d"}:
        if name.startswith(("seconds", "detected", "pate")):
            assert f"`{name}`" in page
