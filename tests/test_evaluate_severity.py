"""What findings of each severity hold of the attack, and whether that rises."""

from pathlib import Path

import pytest

from graphad.evaluate import Judged, evaluate
from graphad.schema import SEVERITIES
from graphad.truth import Truth, read_truth


@pytest.fixture
def known(tmp_path: Path) -> Truth:
    file = tmp_path / "truth.csv"
    file.write_text("entity,label\na,1\nb,1\nc,1\n")
    return read_truth(file)


def found(severity: str | None, entity: str, incident: str = "", name: str = "f") -> Judged:
    alert = None if severity is None else severity != "informational"
    return Judged(name, 1.0, alert, "h", 0, 1, (), [entity], severity, incident)


def test_levels_and_gamma_by_hand(known: Truth) -> None:
    report = evaluate(
        [
            found("critical", "a", "i1"), found("critical", "b", "i1"),
            found("critical", "x", "i2"),
            found("low", "a", "i3"), found("low", "y", name="g"), found("low", "z", name="h"),
            found("informational", "z", name="k"),
        ],
        known,
    )  # fmt: skip
    told = {
        one.severity: (one.findings, one.incidents, one.hits, one.units, one.attacks)
        for one in report.severities
    }
    assert list(told) == list(reversed(SEVERITIES))
    assert told == {
        "critical": (3, 2, 2, 2, 2), "high": (0, 0, 0, 0, 0), "medium": (0, 0, 0, 0, 0),
        "low": (3, 3, 1, 1, 1), "informational": (1, 1, 0, 0, 0),
    }  # fmt: skip
    shares = [one.share for one in report.severities]
    assert shares == [2 / 3, None, None, 1 / 3, 0.0]
    # Hits: critical twice, low once. Above: 2 * 3 + 1 * 1; below: the critical miss over one hit.
    gamma = report["severity_gamma"]
    assert (gamma.value, gamma.part, gamma.whole) == (6 / 8, 7, 8)
    low, high = (report[f"severity_gamma_{end}"] for end in ("low", "high"))
    assert low.value is not None
    assert high.value is not None
    assert low.value < 6 / 8 <= high.value
    assert "6 incidents, 1000 draws, seed 0" in low.meaning


def test_only_graded_findings_count(known: Truth) -> None:
    graded = [found("high", "a"), found("low", "x")]
    alone = evaluate(graded, known)
    more = evaluate([*graded, found(None, "b"), found(None, "x")], known)
    assert alone.severities == more.severities
    assert alone["severity_gamma"] == more["severity_gamma"]
    assert alone["severity_gamma"].value == 1.0


def test_no_order_to_be_seen(known: Truth) -> None:
    same = evaluate([found("high", "a"), found("high", "x")], known)
    assert (same["severity_gamma"].value, same["severity_gamma"].whole) == (None, 0)
    assert same["severity_gamma_low"].value is None
    none = evaluate([found(None, "a")], known)
    assert none.severities == ()
    assert none["severity_gamma"].meaning == "nothing is calibrated"
    assert evaluate([], known).severities == ()


def test_an_unknown_severity_is_refused(known: Truth) -> None:
    with pytest.raises(ValueError, match="no severity 'dire'"):
        evaluate([found("dire", "a")], known)
