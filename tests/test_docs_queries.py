"""docs/queries.md says what is so: its table, and the examples that it shows."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from graphad.cli import main
from graphad.cli.queries import listed

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "queries.md").read_text(encoding="utf-8")
TABLE = "\n".join(
    ["| query | parameters | what it answers |", "| --- | --- | --- |"]
    + [f"| `{row['name']}` | `{row['parameters']}` | {row['help']} |" for row in listed([])]
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("docs") / "store"
    log = ROOT / "sample_logs" / "demo" / "attack.strace.gz"
    done = CliRunner().invoke(main, ["ingest", "-q", "-s", str(path), str(log)])
    assert done.exit_code == 0, done.output
    return path


def examples() -> list[tuple[str, list[str]]]:
    """Return the commands that are shown with what they print."""
    found: list[tuple[str, list[str]]] = []
    lines = iter(PAGE.splitlines())
    shown = False
    for line in lines:
        if line.startswith("    $ graphad "):
            found.append((line[len("    $ graphad ") :], []))
            shown = True
        elif shown and (line.startswith("    ") or not line):
            found[-1][1].append(line[4:])
        else:
            shown = False
    return [(command, "\n".join(out).strip("\n").split("\n")) for command, out in found]


def test_the_table_has_every_query_as_its_header_tells_it() -> None:
    shown = PAGE.partition("<!-- queries -->\n")[2].partition("\n<!-- end -->")[0]
    assert shown == TABLE


@pytest.mark.parametrize(("command", "out"), examples())
def test_examples_print_what_is_shown(store: Path, command: str, out: list[str]) -> None:
    done = CliRunner().invoke(main, shlex.split(command), env={"GRAPHAD_STORE": str(store)})
    assert done.exit_code == 0, done.output
    # Ids differ from store to store, and a long line is not shown to its end.
    pattern = r"\n".join(re.escape(line).replace("…", ".*") for line in out)
    assert re.fullmatch(pattern, done.stdout.rstrip("\n")), done.stdout


def test_there_are_examples() -> None:
    assert len(examples()) >= 5
