"""graphad report, and hunt --report, over the demo."""

import re
import shutil
from pathlib import Path

import pytest

from graphad.report import gather, report
from graphad.workspace import open_store
from tests.cli.running import run

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "sample_logs" / "demo"


@pytest.fixture(scope="module")
def hunted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return a store in which the demo was hunted, and the report that was written with it."""
    folder = tmp_path_factory.mktemp("hunt")
    store, page = folder / "store", folder / "out.html"
    done = run("hunt", DEMO / "attack.strace.gz", "--baseline", DEMO / "quiet.strace.gz",
               "-s", store, "--report", page)  # fmt: skip
    assert re.search(rf"{re.escape(str(page))}: \d+ of \d+ findings", done.stderr)
    return store, page


def test_a_hunt_writes_what_report_writes(hunted: tuple[Path, Path], tmp_path: Path) -> None:
    store, page = hunted
    done = run("report", "-s", store, "-o", tmp_path / "a.html")
    assert done.stdout == ""
    told = re.compile(r"Made \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC")
    first, second = (told.sub("Made", path.read_text()) for path in (page, tmp_path / "a.html"))
    assert first == second
    assert page.stat().st_mode & 0o777 == 0o600


def test_it_tells_the_attack_and_what_it_rests_on(hunted: tuple[Path, Path]) -> None:
    store = open_store(hunted[0], create=False)
    facts, text = gather(store), hunted[1].read_text()
    assert facts.incidents[0].title in text
    assert "T1105 Ingress Tool Transfer" in text
    (judge,) = facts.judges
    assert judge.calibration is not None
    assert judge.findings == len(facts.findings)
    assert f"alarm at {judge.calibration.threshold:.2f}" in text
    assert judge.version.model in text
    for source in store.sources:
        assert source.path in text
        assert source.digest[:16] in text
        assert f"{source.read:,}" in text
    alerts = sum(bool(f.alert) for f in facts.findings)
    assert f"<b>{alerts}</b> alerts" in text
    assert [one.id for one in facts.incidents] == [one.id for one in store.incidents()]


def test_rejects_and_marks_are_told(hunted: tuple[Path, Path], tmp_path: Path) -> None:
    store = tmp_path / "store"
    shutil.copytree(hunted[0], store)
    (tmp_path / "bad.strace").write_text(
        '1 1772756460.1 execve("/bin/sh", ["sh"], 0x0) = 0\n' + "this is <b>no</b> call\n" * 3
    )
    opened = open_store(store, create=False)
    opened.ingest(tmp_path / "bad.strace", parser="strace")
    rejected = sum(source.rejected for source in opened.sources)
    assert rejected >= 3
    name = opened.findings()[-1].id
    opened.mark(name, "benign", "our <i>own</i> backup")
    facts = report(opened, tmp_path / "a.html", drawn=1)
    text = (tmp_path / "a.html").read_text()
    assert sum(reject.records for reject in facts.rejects) == rejected
    assert f"<b>{rejected}</b> rejected" in text
    assert "our &lt;i&gt;own&lt;/i&gt; backup" in text
    assert facts.all_incidents > len(facts.incidents) == 1


def test_nothing_is_written_over_and_no_work_is_done_first(
    hunted: tuple[Path, Path], tmp_path: Path
) -> None:
    page = tmp_path / "a.html"
    page.write_text("mine")
    done = run("report", "-s", hunted[0], "-o", page, code=1)
    assert "is there already" in done.stderr
    assert "--clobber" in done.stderr
    fresh = tmp_path / "none"
    run("hunt", DEMO / "attack.strace.gz", "-s", fresh, "--report", page, code=1)
    assert not fresh.exists()
    assert page.read_text() == "mine"
    run("hunt", DEMO / "attack.strace.gz", "-s", fresh, "--report", page, "--clobber", "-q")
    assert "Ranked, not calibrated." in page.read_text()
    run("report", "-s", hunted[0], "-o", page, "--clobber", "--no-tags", "--incidents", 0)
    assert "T1105" not in page.read_text()


def test_paths_of_logs_are_redacted_too(hunted: tuple[Path, Path], tmp_path: Path) -> None:
    page = tmp_path / "a.html"
    run("report", "-s", hunted[0], "-o", page, "--redact", "quiet|attack[.]strace", "--no-tags")
    text = page.read_text()
    assert "quiet.strace" in hunted[1].read_text()
    assert "quiet.strace" not in text
    assert "attack.strace" not in text
    assert "[redacted].strace.gz" in text


def test_a_store_that_is_none_makes_no_report(tmp_path: Path) -> None:
    run("report", "-s", tmp_path / "none", "-o", tmp_path / "a.html", code=1)
    assert list(tmp_path.iterdir()) == []
