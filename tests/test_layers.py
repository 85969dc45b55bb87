"""Imports go one way, and starting graphad loads nothing heavy."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "graphad"
# Each may import its own layer and what stands before it. A folder stands for all in it, and the
# first word of a name for its family: incident for incident_tree.
LAYERS = [
    {"errors", "schema", "jit", "files", "database", "version"},
    {"models", "scan", "sanitize", "truth"},
    {"parse", "relations", "query", "graph", "reading", "blocks", "formats", "decoders"},
    {"detect"},
    {"detectors"},
    {"store", "findings", "incident", "incidents", "attack", "evaluate", "rawlines"},
    {
        "export",
        "report",
        "enrich",
        "nightly",
        "judge",
        "marks",
        "annotated",
        "feedback",
        "labels",
        "why",
        "workspace",
    },
    {"__init__"},
    {"cli", "__main__"},
]
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
HEAVY = {"torch", "torch_geometric", "numba", "drain3", "pandas", "networkx", "scipy"}
MODULES = sorted(file.relative_to(PACKAGE).as_posix() for file in PACKAGE.rglob("*.py"))


def layer(module: str) -> int:
    """Return the layer of a module such as graphad.store.manifest, or of a name in graphad."""
    name = (module + ".__init__").split(".")[1]
    if not (PACKAGE / name).is_dir() and not (PACKAGE / f"{name}.py").is_file():
        name = "__init__"  # what `from graphad import __version__` takes is in there
    known = next((n for n in (name, name.split("_")[0]) if n in RANK), None)
    assert known is not None, f"give {name} a layer"
    return RANK[known]


@pytest.mark.parametrize("path", MODULES)
def test_imports_go_one_way(path: str) -> None:
    own = layer("graphad." + path.removesuffix(".py").replace("/", "."))
    for node in ast.walk(ast.parse((PACKAGE / path).read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            module = node.module or ""
            names = [f"graphad.{a.name}" for a in node.names] if module == "graphad" else [module]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            if name.split(".")[0] == "graphad":
                assert layer(name) <= own, f"line {node.lineno} imports {name}"


@pytest.mark.parametrize(
    "what", ["import graphad", "from graphad.cli import main; main(['--help'])"]
)
def test_a_start_loads_nothing_heavy(what: str) -> None:
    code = f"""
import atexit, sys
atexit.register(lambda: print(*sys.modules, file=sys.stderr))
{what}
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False,
        cwd=PACKAGE.parent,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    loaded = set(done.stderr.split())
    assert "graphad" in loaded
    assert not loaded & HEAVY
