"""ProvMark: which edges that a system call adds, as SPADE and CamFlow saw it, our graph has.

A benchmark graph is what a call adds to a program that does nothing else; its edges have the ids of
those in the foreground graph, which is whole. Times and ids are masked in both.
"""

import io
import tarfile
from collections import defaultdict
from pathlib import Path

import pytest

from graphad.decoders.spade_text import FactsDecoder
from graphad.parse import Options
from tests import captures

# Actions of the edges that calls add; those of the first calls are left out by rules, or there are
# none: the tool saw nothing of them.
SPADE = {
    "": "close open openat setgid setregid setresuid setreuid setuid",
    "chmod": "chmod fchmod fchmodat",
    "create": "creat",
    "create link": "link linkat symlink symlinkat",
    "delete": "unlink unlinkat",
    "exec load read": "execve",
    "fork": "clone fork vfork",
    "read": "pread read",
    "rename": "rename renameat",
    "write": "ftruncate pwrite truncate write",
}
CAMFLOW = {
    "": "close creat kill mknod mknodat open openat pipe pipe2 symlink",
    "chmod": "chmod chown fchmod fchmodat fchown fchownat ftruncate truncate",
    "create": "link linkat rename renameat",
    "delete": "unlink unlinkat",
    "exec fork load read write": "fork",
    "exec fork read": "execve",
    "exec write": "symlinkat",
    "fork": "clone setgid setregid setresgid setresuid setreuid setuid vfork",
    "read": "pread read",
    "read write": "tee",
    "write": "pwrite write",
}


def graphs(tool: str) -> dict[str, list[tuple[bytes, bytes]]]:
    """Return pairs of foreground and benchmark facts by call."""
    packed = captures.unpacked("provmark-spade-strace", f"/sampleResult/{tool}.tar.gz")
    found: dict[str, dict[str, dict[str, bytes]]] = defaultdict(lambda: defaultdict(dict))
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        for member in archive:
            path = Path(member.name)
            kind, _, mark = path.stem.partition("-")
            inner = archive.extractfile(member) if path.suffix == ".clingo" else None
            if inner is not None:
                found[path.parent.name][mark][kind] = inner.read()
    return {
        call: [
            (one["foreground"], one["benchmark"])
            for one in marks.values()
            if {"foreground", "benchmark"} <= set(one)
        ]
        for call, marks in found.items()
    }


def added(foreground: bytes, benchmark: bytes) -> tuple[set[str], set[str]]:
    """Return the actions of the edges a call adds, and the rules that left out others of them."""
    raw = FactsDecoder(Options()).decode(foreground, True).raw
    lines = foreground.split(b"\n")
    edges, rules = raw["_edges"].to_pylist(), raw["_rule"].to_pylist()
    told = {
        lines[line].partition(b"(")[2].partition(b",")[0]: (edges[row], rules[row])
        for row, line in enumerate(raw["line"].to_pylist())
        if lines[line].startswith(b"e")
    }
    facts = [line for line in benchmark.split(b"\n") if line[:1] == b"e"]
    own = [line.partition(b"(")[2].partition(b",")[0] for line in facts]
    actions = {edge["action"] for name in own for edge in told[name][0]}
    return actions, {told[name][1] for name in own if not told[name][0]}


@pytest.mark.parametrize(("tool", "expected"), [("spadev3", SPADE), ("camflow", CAMFLOW)])
def test_edges_that_calls_add_are_found(tool: str, expected: dict[str, str]) -> None:
    found: dict[str, set[str]] = {}
    for call, pairs in graphs(tool).items():
        for pair in pairs:
            actions, rules = added(*pair)
            found.setdefault(call, set()).update(actions)
            assert None not in rules  # nothing is left out without a rule
    by_call = {
        call: set(told.split()) for told, calls in expected.items() for call in calls.split()
    }
    assert found == by_call
