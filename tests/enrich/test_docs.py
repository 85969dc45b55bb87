"""What docs/enrich.md shows is run."""

import csv
import io
import json
import re
import subprocess
import sys
from pathlib import Path

from graphad.enrich import Enricher, Judged
from tests.enrich.conftest import Made
from tests.enrich.events import events, flat, lines, odd

ROOT = Path(__file__).parent.parent.parent
DOC = (ROOT / "docs" / "enrich.md").read_text()
SCRIPT, LOOKUP = re.findall(r"```python\n(.*?)```", DOC, re.DOTALL)


def run(code: str, given: bytes, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], input=given, capture_output=True, cwd=folder, check=False,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def test_the_script_prints_what_is_odd(made: Made, tmp_path: Path) -> None:
    assert len(SCRIPT.strip().splitlines()) <= 11
    (tmp_path / "graphad-store").symlink_to(made.store)
    code = SCRIPT.replace('("high", "critical")', '("low", "medium", "high", "critical")')
    assert code != SCRIPT
    shown = run(code, b"\n".join(lines([*events(30, seed=4), odd()])), tmp_path)
    assert "program evil.exe was never seen before" in shown.splitlines()[-1]


def test_the_lookup_fills_its_columns(made: Made, tmp_path: Path, enricher: Enricher) -> None:
    (tmp_path / "graphad-store").symlink_to(made.store)
    names = ["EventCode", "User", "Image", "ParentImage", "CommandLine"]
    told = ["graphad_score", "graphad_z", "graphad_level", "graphad_reason"]
    text = io.StringIO()
    writer = csv.DictWriter(text, [*names, *told])
    writer.writeheader()
    event = flat(odd())
    writer.writerow({"EventCode": 1} | {name: event[name] for name in names[1:]})
    writer.writerow({"EventCode": 9999})
    first, other = csv.DictReader(io.StringIO(run(LOOKUP, text.getvalue().encode(), tmp_path)))
    wanted = enricher.judge(event)
    assert (float(first["graphad_score"]), float(first["graphad_z"])) == (wanted.score, wanted.z)
    assert first["graphad_level"] == wanted.level
    assert first["graphad_reason"] == "; ".join(wanted.reason)
    assert other["graphad_score"] == ""


def test_the_mapping_maps(made: Made, tmp_path: Path, enricher: Enricher) -> None:
    (mapping,) = re.findall(r"```toml\n(.*?)```", DOC, re.DOTALL)
    (tmp_path / "mine.toml").write_text(mapping)
    one = odd()
    event = {
        "type": "ProcessCreated", "agent": {"host": one["host"]},
        "payload": {
            "account": one["user"],
            "process": {"path": one["exe"], "args": one["command_line"],
                        "parent": {"path": one["parent_exe"]}},
        },
    }  # fmt: skip
    mine = Enricher.load(made.model, fields=tmp_path / "mine.toml")
    assert mine.judge(event) == enricher.judge(flat(one))


def test_all_members_are_told_of() -> None:
    rows = re.findall(r"^\| (`[^|]*`) \|", DOC, re.MULTILINE)
    told = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert told == {*Judged.__struct_fields__, "was"}
    (shown,) = re.findall(r'"graphad":(\{"kind".*?\})\}\n', DOC, re.DOTALL)
    assert set(json.loads(shown)) <= told
