"""Hours drawn from a large day: of every host, the same again; all of them are the whole day."""

import pytest

from graphad.graph import HOUR
from graphad.judge import quiet_reference
from graphad.nightly import drift, sample
from graphad.nightly.state import Night
from graphad.workspace import Workspace
from tests.nightly import days

EVERY = {f"h{n}": list(range(24)) for n in range(50)} | {"seldom": [7]}


def test_each_host_gives_as_many_hours_and_the_same_again() -> None:
    drawn = sample.draw(EVERY, "2026-11-22")
    assert drawn is not None
    count = {host: sum(h == host for h, _ in drawn.hours) for host in EVERY}
    assert count == dict.fromkeys(EVERY, 4) | {"seldom": 1}
    assert len(set(drawn.hours)) == len(drawn.hours) == 201
    assert all(hour in EVERY[host] for host, hour in drawn.hours)
    assert (drawn.of, len(drawn.crossing)) == (1201, 4)
    assert sample.draw(dict(reversed(EVERY.items())), "2026-11-22") == drawn
    assert sample.draw(EVERY, "2026-11-23") != drawn


def test_a_small_day_is_taken_whole() -> None:
    assert sample.draw({"a": list(range(24))}, "x") is None
    assert sample.draw({}, "x") is None


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, str]:
    """Return a store of a quiet day, one like it, one with a host that moved, and its model."""
    folder = tmp_path_factory.mktemp("sample")
    made = Workspace(folder / "store")
    logs = [log for number in range(3) for log in days.write(folder, number)]
    odd = [
        line.replace("/var/", "/new/") if " beta " in line else line
        for line in days.lines(3) + days.lines(3, ("beta",), an_hour=60)
    ]
    (folder / "odd.log").write_text("\n".join(sorted(odd)) + "\n")
    made.ingest([*logs, folder / "odd.log"], parser=days.parser)
    path = {"span_s": 3600.0, "max_length": 3}
    return made, made.fit(end=days.day(2), settings=path, budget=10.0)


@pytest.mark.parametrize("detector", ["path", "event"])
def test_all_hours_drawn_are_the_whole_day(store: tuple[Workspace, str], detector: str) -> None:
    folder, model = store
    if detector == "event":
        model = folder.fit(end=days.day(2), detector="event")
    night = Night(days.day(2).isoformat())
    every = sample.active(folder, night.begin, night.end)
    assert every == {host: every[host] for host in days.HOSTS}
    assert all(sorted(hours) == list(range(night.begin // HOUR, night.end // HOUR))
               for hours in every.values())  # fmt: skip
    pairs = [(host, hour) for host, hours in sorted(every.items()) for hour in sorted(hours)]
    drawn = sample.Drawn(pairs, sorted(every["beta"]), len(pairs))
    found = folder.model(model)[0]
    whole = folder.graph(night.begin, night.end, fields=found.fields)
    wanted = quiet_reference(found, [whole])[0]
    assert len(wanted) > 10
    assert sorted(sample.maxima(found, folder, drawn)) == pytest.approx(sorted(wanted))
    some = sample.Drawn(pairs[:5], [], len(pairs))
    graph = folder.graph(night.begin, night.end, hours=some.hours)
    assert set(zip(graph.host.tolist(), (graph.ts // HOUR).tolist(), strict=True)) == {*pairs[:5]}


def test_a_host_that_moved_is_named_from_a_sample(
    store: tuple[Workspace, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, model = store
    monkeypatch.setattr(sample, "SIZE", 36)
    monkeypatch.setattr(sample, "WHOLE", 40)
    told = drift.compared(folder, Night(days.day(3).isoformat()), model)
    assert told["sample"] == {"hours": 36, "of": 72}
    assert told == drift.compared(folder, Night(days.day(3).isoformat()), model)
    said = drift.warnings("path", told)
    assert any("shares of hosts" in text and "beta" in text for text in said)
    same = drift.compared(folder, Night(days.day(2).isoformat()), model)
    assert drift.warnings("path", same) == []
