"""Screens of molecules against cancer cell lines, as SDF V2000 text, made an anomaly task.

The counts line says how many atoms and bonds there are; then one line an atom, its element the
fourth word; one line a bond, two atoms from 1 in columns of three; the class is in the field
"value". Files are balanced; how rare active molecules were in the whole screen is told here.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks import captures
from benchmarks.graph_families import Family
from graphad.models.graph_batch import GraphBatch

PACKED = "nci-cell-lines"
# File, and the share of active molecules in the whole screen (our notes on RQGNN, section 6).
SCREENS = {"MCF-7": ("83", 0.0826), "SW-620": ("81", 0.0595), "SN12C": ("145", 0.0489)}
LEAST = 0.0  # of the field "value" above which a molecule is active

Molecule = tuple[list[str], list[tuple[int, int]], bool]


def load(name: str) -> Family | None:
    """Return all molecules of a screen, half of them active; None where it is absent."""
    number, _ = SCREENS[name]
    with tempfile.TemporaryDirectory() as folder:
        unpacked = captures.unpack(PACKED, Path(folder))
        if unpacked is None:
            return None
        text = next(unpacked.rglob(f"{number}-balance.sdf")).read_text(encoding="latin-1")
    return family(list(read(text)))


def read(text: str) -> Iterator[Molecule]:
    """Yield elements, bonds from 0 and whether it is active, of each molecule.

    Raises: ValueError: a molecule is not as told above.
    """
    for record in text.split("$$$$"):
        lines = record.strip("\r\n").splitlines() if record.strip() else []
        if not lines:
            continue
        head = next((n for n, line in enumerate(lines) if line.rstrip().endswith("V2000")), None)
        if head is None:
            raise ValueError("A molecule has no counts line.")
        atoms, bonds = int(lines[head][:3]), int(lines[head][3:6])
        first = head + 1 + atoms
        elements = [line.split()[3] for line in lines[head + 1 : first]]
        pairs = [(int(x[:3]) - 1, int(x[3:6]) - 1) for x in lines[first : first + bonds]]
        at = [n for n, line in enumerate(lines) if line.startswith(">") and "<value>" in line]
        if len(at) != 1 or len(elements) != atoms or len(pairs) != bonds:
            raise ValueError("A molecule lacks atoms, bonds or its class.")
        yield elements, pairs, float(lines[at[0] + 1]) > LEAST


def family(molecules: list[Molecule]) -> Family:
    """Return molecules as graphs whose nodes are of the kinds of elements."""
    names = sorted({element for elements, _, _ in molecules for element in elements})
    number = {name: n for n, name in enumerate(names)}
    kinds = np.array([number[e] for elements, _, _ in molecules for e in elements], np.int64)
    sizes = np.array([len(elements) for elements, _, _ in molecules])
    before = np.cumsum(sizes) - sizes
    ends = [
        (u + at, v + at)
        for (_, pairs, _), at in zip(molecules, before.tolist(), strict=True)
        for u, v in pairs
    ]
    src, dst = np.array(ends, np.int64).reshape(-1, 2).T
    batch = GraphBatch.of(sizes, src, dst, np.eye(len(names))[kinds])
    return Family(batch, kinds, np.array([active for _, _, active in molecules], bool))
