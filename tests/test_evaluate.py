"""Truth files, what counts as a hit, and the figures of a small evaluation by hand."""

import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.errors import ParseError
from graphad.evaluate import DAY, Judged, evaluate
from graphad.truth import Truth, read_truth

HOUR = DAY // 24


def truth(tmp_path: Path, text: str | bytes) -> Truth:
    file = tmp_path / "truth.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_truth(file)


def at(
    *lines: int, score: float = 1.0, alert: bool | None = None, path: str = "/logs/demo/attack.log"
) -> Judged:
    """Return a finding with edges on these lines; its records are numbered ten higher."""
    edges = [(path, line, line + 10) for line in lines]
    return Judged("f", score, alert, "web", 0, HOUR, edges)


def hit(finding: Judged, known: Truth) -> bool:
    return evaluate([finding], known).hits == 1


def test_a_hit_is_at_least_half_attack(tmp_path: Path) -> None:
    known = truth(
        tmp_path, "source,line,label\nattack.log,1,a\nattack.log,2,a\nattack.log,9,benign\n"
    )
    assert hit(at(1), known)
    assert hit(at(1, 5), known)
    assert hit(at(1, 1, 2, 5, 6, 7), known)
    assert not hit(at(1, 5, 6), known)
    assert not hit(at(9), known)
    assert not hit(at(), known)


def test_records_are_not_lines(tmp_path: Path) -> None:
    known = truth(tmp_path, "label,record,source\na,11,attack.log\n")
    assert hit(at(1), known)
    assert not hit(at(11), known)
    unknown = Judged("f", 1.0, None, "web", 0, 1, [("attack.log", 11, None)])
    assert not hit(unknown, known)


@pytest.mark.parametrize(
    ("source", "same"),
    [
        ("attack.log", True),
        ("demo/attack.log", True),
        ("./demo/attack.log", True),
        ("/logs/demo/attack.log", True),
        ("/elsewhere/logs/demo/attack.log", True),
        ("other/attack.log", False),
        ("ttack.log", False),
        ("attack.log/x", False),
    ],
)
def test_sources_match_by_their_last_names(tmp_path: Path, source: str, same: bool) -> None:
    known = truth(tmp_path, f"source,line,label\n{source},1,a\n")
    report = evaluate([at(1)], known)
    assert report.hits == same
    assert (report.unmatched_sources == ()) == same


def test_windows_are_half_open_and_on_their_host(tmp_path: Path) -> None:
    text = "host,start,end\nweb,1970-01-01T01:00:00Z,1970-01-01T03:00:00+01:00\n"
    known = truth(tmp_path, text)  # [1 h, 2 h)

    def found(start: int, end: int, host: str = "web") -> bool:
        return hit(Judged("f", 1.0, None, host, start, end), known)

    assert found(0, HOUR)
    assert found(HOUR, HOUR)
    assert found(2 * HOUR - 1, 9 * HOUR)
    assert not found(0, HOUR - 1)
    assert not found(2 * HOUR, 3 * HOUR)
    assert not found(HOUR, HOUR, host="db")
    anywhere = truth(tmp_path, "host,start,end,label\n,1970-01-01T01:00,1970-01-01T02:00,x\n")
    assert hit(Judged("f", 1.0, None, "db", HOUR, HOUR), anywhere)


def test_entities(tmp_path: Path) -> None:
    known = truth(tmp_path, 'entity,label\n/tmp/x,1\n203.0.113.7:443,1\n"/a,b",0\n')
    finding = Judged("f", 1.0, None, "web", 0, 1, (), ["/tmp/x", "bash"])
    assert hit(finding, known)
    assert not hit(Judged("f", 1.0, None, "web", 0, 1, (), ["/tmp/x", "bash", "/a,b"]), known)
    detection = evaluate([finding], known)["detection_rate"]
    assert (detection.part, detection.whole) == (1, 2)


def test_figures_by_hand(tmp_path: Path) -> None:
    known = truth(
        tmp_path,
        "source,line,label\nattack.log,1,shell\nattack.log,2,shell\nattack.log,3,theft\n"
        "attack.log,4,exit\nquiet.log,1,benign\n",
    )
    report = evaluate(
        [
            at(50, score=9.0, alert=True),  # a false alarm
            at(1, score=8.0, alert=True),
            at(3, score=7.0, alert=False),  # found, but too low
            at(51, score=6.0, alert=False),
            at(52, score=5.0, alert=False),
        ],
        known,
        days=0.5,
        at=(2, 10),
    )
    assert (report.findings, report.hits, report.alerts, report.attacks) == (5, 2, 2, 3)
    assert report.unmatched_sources == ()
    figures = {m.name: (m.value, m.part, m.whole) for m in report.metrics}
    expected = {
        "detection_rate": (1 / 3, 1, 3),
        "detection_rate_ranked": (2 / 3, 2, 3),
        "coverage": (1 / 4, 1, 4),
        "average_precision": (pytest.approx((1 / 2 + 2 / 3) / 2), 2, 5),
        "roc_auc": (pytest.approx(4 / 6), 2, 5),
        "reads_to_first_hit": (2, 2, 5),
        "precision_at_2": (0.5, 1, 2),
        "precision_at_10": (None, None, 10),
        "precision": (0.5, 1, 2),
        "mcc": (pytest.approx((1 * 2 - 1 * 1) / (2 * 2 * 3 * 3) ** 0.5), 3, 5),
        "false_alarms_per_day": (2.0, 1, 0.5),
    }
    assert {name: figures[name] for name in expected} == expected
    assert json.loads(json.dumps(report.to_dict()))["metrics"] == report.rows()


def test_an_incident_is_what_its_best_alert_is(tmp_path: Path) -> None:
    known = truth(tmp_path, "source,line,label\nattack.log,1,a\nattack.log,2,a\n")
    told = [
        (1, 9.0, True, "one"), (50, 8.0, True, "one"), (51, 7.0, True, "two"),
        (2, 6.0, True, "two"), (52, 5.0, True, ""), (53, 4.0, True, ""), (54, 3.0, False, "three"),
    ]  # fmt: skip
    report = evaluate(
        [
            replace(at(line, score=score, alert=alert), id=f"f{line}", incident=incident)
            for line, score, alert, incident in told
        ],
        known,
        days=2,
    )
    figures = {m.name: (m.value, m.part, m.whole) for m in report.metrics}
    expected = {
        "precision_of_incidents": (1 / 4, 1, 4),
        "false_incidents_per_day": (1.5, 3, 2),
        "false_alarms_per_day": (2.0, 4, 2),
    }
    assert {name: figures[name] for name in expected} == expected
    none = evaluate([at(1, alert=False)], known, days=2)
    assert [none[name].value for name in ("precision_of_incidents", "false_incidents_per_day")] == [
        None,
        0.0,
    ]


def test_without_calibration_nothing_is_said_about_alarms(tmp_path: Path) -> None:
    known = truth(tmp_path, "source,line,label\nattack.log,1,a\n")
    report = evaluate([at(1), at(2)], known, days=1)
    assert report.alerts is None
    assert report["mcc"].value is report["false_alarms_per_day"].value is None
    assert report["false_incidents_per_day"].value is None
    assert report["detection_rate"].value == 1.0
    assert "none being calibrated" in report["detection_rate"].meaning
    assert evaluate([at(1, alert=True)], known)["false_alarms_per_day"].value is None  # of what?


def test_no_findings_and_no_attacks(tmp_path: Path) -> None:
    known = truth(tmp_path, "source,line,label\nattack.log,1,a\n")
    nothing = evaluate([], known, days=1)
    assert nothing["detection_rate"].value == 0.0
    assert nothing["average_precision"].value is None
    assert nothing.unmatched_sources == ("attack.log",)
    quiet = truth(tmp_path, "source,line,label\nattack.log,1,benign\n")
    assert evaluate([at(1)], quiet)["detection_rate"].value is None
    with pytest.raises(KeyError):
        nothing["recall"]
    with pytest.raises(ValueError, match="days"):
        evaluate([], known, days=0)
    with pytest.raises(ValueError, match="NaN"):
        evaluate([at(1, score=float("nan"))], known)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"\xff", "not UTF-8 at byte 0"),
        (b"source,label\n", r":1: has the columns source,label, not source,line,label"),
        (b"source,line,label,label\n", ":1: has the columns"),
        (b"source,line,label\na,1\n", ":2: has 2 fields where the header has 3"),
        (b"source,line,label\n\na,0,x\n", ":3: has the line '0'"),
        (b"source,line,label\na,-1,x\n", "no number from 1"),
        (b"source,record,label\na,1e3,x\n", "has the record '1e3'"),
        (b"source,line,label\na,1,\n", ":2: has an empty label"),
        (b"source,line,label\na,1,x\na,1,y\n", ":3: is labelled 'y', and 'x' before"),
        (b"host,start,end\nw,2024-01-02,2024-01-01\n", "end that is not after"),
        (b"host,start,end\nw,soon,2024-01-01\n", ":2: Invalid isoformat"),
        (b'entity,label\n"a,1\n', r":2: unexpected end of data"),
    ],
)
def test_wrong_truth_says_where(tmp_path: Path, text: bytes, words: str) -> None:
    with pytest.raises(ParseError, match=words):
        truth(tmp_path, text)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ParseError, match="No such file"):
        read_truth(tmp_path / "none.csv")


def test_a_byte_order_mark_and_crlf_are_fine(tmp_path: Path) -> None:
    assert truth(tmp_path, b"\xef\xbb\xbfentity,label\r\nx,1\r\n").units == ["x"]


HEADERS = [b"source,line,label\n", b"entity,label\n", b"host,start,end\n", b""]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(HEADERS), st.binary(max_size=40))
def test_any_bytes_are_truth_or_an_error_of_ours(
    tmp_path_factory: pytest.TempPathFactory, header: bytes, text: bytes
) -> None:
    file = tmp_path_factory.getbasetemp() / "any.csv"
    file.write_bytes(header + text)
    with suppress(ParseError):
        known = read_truth(file)
        assert len(known.attacks) <= len(known.units)
