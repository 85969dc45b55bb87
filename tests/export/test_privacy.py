"""Nothing that was to be taken out is in any byte that leaves, however it is written."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from graphad.cli import main
from graphad.cli.export import GRAPHS
from graphad.cli.leaving import FORMS
from graphad.errors import GraphadError
from graphad.export import graph_forms
from graphad.export.privacy import Privacy, named
from graphad.export.subgraph import Subgraph, around, of_finding, of_incident, of_window
from graphad.workspace import Workspace
from tests.export.planted import HOST, SECRET, SHORT, USER, forms

KEY = b"0123456789abcdef0123456789abcdef"
NAMES = (SECRET, USER, SHORT, HOST)


def run(*arguments: object, code: int = 0) -> bytes:
    result = CliRunner().invoke(main, [str(a) for a in arguments])
    assert result.exit_code == code, result.output
    return result.stdout_bytes + result.stderr_bytes if code else result.stdout_bytes


def leaks(data: bytes) -> list[str]:
    """Return which planted words are in some bytes, in any form or letter case."""
    low = data.lower()
    return [word for word in NAMES if any(form in low for form in forms(word))]


@pytest.fixture(scope="module")
def rule(planted: Workspace, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return the options that take everything out, which a user would give."""
    key = tmp_path_factory.mktemp("key") / "key"
    key.write_bytes(KEY)
    return ["-s", str(planted.path), "--redact", SECRET, "--pseudonymize", "user,host",
            "--key-file", str(key)]  # fmt: skip


def test_they_are_there_without_the_options(planted: Workspace) -> None:
    data = run("export", "findings", "-s", planted.path, "-f", "ndjson")
    assert leaks(data) == list(NAMES)


@pytest.mark.parametrize("form", FORMS)
def test_findings(planted: Workspace, rule: list[str], form: str, tmp_path: Path) -> None:
    made = tmp_path / "made"
    run("export", "findings", *rule, "-f", form, "-o", made)
    data = made.read_bytes()
    if form == "parquet":
        import pyarrow.parquet as pq

        data = str(pq.read_table(made).to_pylist()).encode() + data
    assert len(data) > 10_000
    assert not leaks(data)


@pytest.mark.parametrize("command", ["findings", "paths", "incidents"])
@pytest.mark.parametrize("form", ["table", "json", "csv"])
def test_lists(rule: list[str], command: str, form: str) -> None:
    data = run(command, *rule, "--top", 400, "-f", form)
    assert len(data) > 5_000
    assert not leaks(data)


def test_explain_and_show(planted: Workspace, rule: list[str]) -> None:
    whole = b""
    best = {finding.unit: finding for finding in reversed(planted.findings())}
    for one in best.values():
        whole += run("explain", *rule, "-f", "table", one.id)
    whole += run("show", *rule, "-f", "table", "--all", one.incident)
    whole += run("show", *rule, "-f", "json", one.incident)
    assert b"[redacted]" in whole
    assert not leaks(whole)


@pytest.fixture(scope="module")
def drawn(planted: Workspace, rule: list[str]) -> list[Subgraph]:
    """Return graphs of every kind as they may leave."""
    private = Privacy.of([SECRET], ["user", "host"], Path(rule[-1]), planted)
    found = planted.findings()
    by_id = {one.id: one for one in found}
    whole = [
        of_incident(private.incident(one, [by_id[name] for name in one.findings]))
        for one in planted.incidents()[:20]
    ]
    around_it = around(planted, "psexec.exe").private(private)
    window = of_window(planted, host=HOST).private(private)
    return [*whole, *map(of_finding, private.findings(found[:20])), around_it, window]


@pytest.mark.parametrize("form", GRAPHS)
def test_graphs(drawn: list[Subgraph], form: str) -> None:
    data = "".join(map(graph_forms.GRAPHS[form], drawn)).encode()
    assert b"psexec" in data
    assert not leaks(data)


def test_graphs_of_the_command(rule: list[str]) -> None:
    for asked in (["--around", "psexec.exe"], ["--host", HOST]):
        data = run("export", "graph", *rule, *asked, "-f", "jgf")
        assert b"psexec" in data
        assert not leaks(data)


def test_ids_are_stable_and_lead_back(planted: Workspace, rule: list[str], tmp_path: Path) -> None:
    first = run("findings", *rule, "-f", "csv")
    assert first == run("findings", *rule, "-f", "csv")
    private = Privacy.of([], ["host"], Path(rule[-1]), planted)
    one = planted.findings()[0]
    told = private.id(one.id)
    assert told != one.id
    assert told.partition("-")[0] == one.detector
    assert run("explain", *rule, told) == run("explain", *rule, one.id)
    assert named(private, told, [one.id]) == one.id
    other = tmp_path / "other"
    other.write_bytes(KEY[::-1])
    assert Privacy.of([], ["host"], other, planted).id(one.id) != told


def test_findings_stay_what_they_are(planted: Workspace, rule: list[str]) -> None:
    private = Privacy.of([SECRET], ["user", "host"], Path(rule[-1]), planted)
    before = planted.findings()
    after = private.findings(before)
    assert [f.score for f in after] == [f.score for f in before]
    assert [f.start for f in after] == [f.start for f in before]
    assert [len(f.edges) for f in after] == [len(f.edges) for f in before]
    assert [sum(f.terms.values()) for f in after] == pytest.approx(
        [sum(f.terms.values()) for f in before]
    )
    # Who shared an incident still does, and who shared a host too.
    pairs = {(a.incident, b.incident) for a, b in zip(before, after, strict=True)}
    assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})
    hosts = {(a.host, b.host) for a, b in zip(before, after, strict=True)}
    assert len(hosts) == len({a for a, _ in hosts}) == len({b for _, b in hosts})
    assert all(b.startswith("host-") for _, b in hosts)


def test_nothing_asked_changes_nothing(planted: Workspace) -> None:
    nothing = Privacy.of()
    assert not nothing
    found = planted.findings()
    assert nothing.findings(found) == found
    assert nothing.id("path-1") == "path-1"


def test_options_that_are_wrong(planted: Workspace, rule: list[str], tmp_path: Path) -> None:
    store = ["-s", str(planted.path)]
    assert b"go together" in run("findings", *store, "--pseudonymize", "user", code=1)
    assert b"no pattern" in run("findings", *store, "--redact", "(", code=1)
    assert b"no pattern" in run("findings", *store, "--redact", r"(a)\1", code=1)
    assert b"everywhere" in run("findings", *store, "--redact", "x*", code=1)
    short = tmp_path / "short"
    short.write_bytes(b"123456789012345")
    asked = ["findings", *store, "--pseudonymize", "user", "--key-file"]
    assert b"holds 15 bytes" in run(*asked, short, code=1)
    assert b"cannot be given" in run(
        "findings", *store, "--pseudonymize", "shoes", "--key-file", rule[-1], code=1
    )
    with pytest.raises(GraphadError, match="cannot be given"):
        Privacy.of([], [" "], Path(rule[-1]))


def test_tables_of_anybody(planted: Workspace, rule: list[str]) -> None:
    private = Privacy.of([SECRET], ["user", "host"], Path(rule[-1]), planted)
    made = planted.sql("SELECT *, [dst, dst_detail] AS pair FROM events")
    told = private.table(made)
    assert told.schema.equals(made.schema)
    assert told.num_rows == made.num_rows
    assert told["action"].equals(made["action"])
    assert not leaks(str(told.to_pylist()).encode())
    assert leaks(str(made.to_pylist()).encode())
    assert Privacy().table(made) is made
