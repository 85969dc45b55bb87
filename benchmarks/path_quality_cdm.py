"""Part of path_quality: CADETS's buildinject trace, one backdoored build among ordinary ones.

The steps are those of the trace's README: a linker's object file is sent to the server by scp, and
sudo cp puts it among the system's. Pre-attack builds are the baseline, or there is none and the
trace is judged against itself. An edge is the attack's if a process that names the file in its
command line is an end of it; a finding is a hit if at least half of its edges are.
"""

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from benchmarks import captures
from benchmarks.harness import Options, Row
from benchmarks.path_quality_demo import MODES, Rarity, first, judged, launches
from graphad.evaluate import read_truth
from graphad.findings import Finding
from graphad.models import metrics
from graphad.truth import Truth
from graphad.workspace import Workspace

FILE = "crt1.o"
STEPS = {
    "upload": ("scp", "write", f"/home/bob/{FILE}"),
    "sudo runs cp": ("sudo", "launch", "cp"),
    "cp reads it": (f"/home/bob/{FILE}", "read", "cp"),
    "cp replaces the system's": ("cp", "write", f"/usr/lib/{FILE}"),
}


def split(trace: Path, folder: Path) -> tuple[Path, Path]:
    """Write what came before the connection that brought the file, and the rest."""
    lines = trace.read_bytes().splitlines(keepends=True)
    sent = next(n for n, line in enumerate(lines) if b"scp -t" in line)
    begun = next(n for n in range(sent, -1, -1) if b"aue_accept:" in lines[n])
    before, after = folder / "before.json", folder / "after.json"
    before.write_bytes(b"".join(lines[:begun]))
    after.write_bytes(b"[" + b"".join(lines[begun:]).lstrip(b", "))
    return before, after


def truth_of(store: Workspace, folder: Path) -> Truth:
    """Return the lines of the attack's edges, and check that each step is one."""
    edges = store.sql(
        """SELECT o.path, r.line, e.action, s.label AS src, d.label AS dst,
                  concat_ws(' ', s.detail, d.detail) AS commands
           FROM edges e JOIN entities s ON s.id = src JOIN entities d ON d.id = dst
           JOIN records r USING (source, record) JOIN sources o USING (source)"""
    ).to_pylist()
    for step, (src, action, dst) in STEPS.items():
        if not any(
            e["action"] == action and e["src"].endswith(src) and e["dst"].endswith(dst)
            for e in edges
        ):
            raise ValueError(f"no edge is the step {step!r}")
    path = folder / "truth.csv"
    rows = [f'"{e["path"]}",{e["line"]},attack' for e in edges if FILE in e["commands"]]
    path.write_text("\n".join(["source,line,label", *rows]) + "\n")
    return read_truth(path)


def measure(options: Options) -> Iterable[Row]:
    """Hunt through the trace in each mode, with and without the builds before the attack."""
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        unpacked = captures.unpack("cdm-streamspot", home)
        if unpacked is None:
            return
        trace = next(unpacked.rglob("buildinject.json"))
        before, after = split(trace, home)
        for seed in range(1 if options.quick else options.seeds):
            for mode in MODES:
                for how, logs, quiet in (
                    ("itself", [trace], []),
                    ("builds before", [after], [before]),
                ):
                    store = Workspace(home / f"{mode}.{how}.{seed}")
                    store.ingest([*quiet, *logs])
                    truth = truth_of(store, home)
                    settings = {"mode": mode, "seed": seed}
                    found = store.hunt(logs, quiet, top=1000, settings=settings).findings
                    yield from rows(
                        store, truth, found, [str(p) for p in quiet or logs], how, mode, seed
                    )


def rows(
    store: Workspace,
    truth: Truth,
    findings: Sequence[Finding],
    quiet: list[str],
    how: str,
    mode: str,
    seed: int,
) -> Iterable[Row]:
    """Return where the attack stands among the incidents, and its processes among all."""
    numbers = {source.path: source.source for source in store.sources}
    scored = [n for path, n in numbers.items() if path not in quiet] or list(numbers.values())
    launched = launches(store, store.graph(sources=scored), truth)
    plain = Rarity(launches(store, store.graph(sources=[numbers[p] for p in quiet]), truth).pairs)
    held = judged(findings, truth, launched.ids)
    name = f"buildinject against {how}, {mode}"
    yield Row(
        f"{name}: first true incident",
        first(held.true_any) or 0,
        f"rank of {len(held.best)}, 0 is none",
        seed=seed,
    )
    ours = np.maximum(held.scores, -1e300)
    theirs = np.array([plain.bits(pair) for pair in launched.pairs])
    both = [metrics.average_precision(scores, launched.attack) or 0.0 for scores in (ours, theirs)]
    what = f"{int(launched.attack.sum())} of {len(launched.ids)} processes"
    yield Row(
        f"{name}: processes, AP",
        both[0],
        what,
        both[1],
        both[0] / both[1] if both[1] else None,
        seed=seed,
    )
