"""Trials with real labels: attacks of KDD99, anomalies of ADRepository, attack steps of AIT-ADS."""

import numpy as np

from benchmarks.event_data import Table
from benchmarks.event_protocol import Bools, Cell, Trial, known, plain_codes, split
from graphad.graph import Ints, Texts

_HOUR = 3600
# AIT's exfiltration over DNS runs before the first attack, so training would hold it: alerts that
# it caused are neither learned nor tested.
_LEFT_OUT = "dnsteal"


def once(codes: Ints, label: Texts, period: Ints | None = None) -> Ints:
    """Return the first row of each distinct event and label, of each period if those are given."""
    _, names = np.unique(label.astype(str), return_inverse=True)
    parts = [codes, names.reshape(-1, 1)]
    if period is not None:
        parts.append(period.reshape(-1, 1))
    _, first = np.unique(np.concatenate(parts, axis=1), axis=0, return_index=True)
    return np.sort(first)


def labelled(table: Table, seed: int) -> Trial:
    """Return the trial of a labelled table: train on what is normal in the first two thirds of it.

    The rest is tested, every row; in time order, if that is known, also each distinct event with
    its label once, as floods of one event outnumber all others.

    Raises: ValueError: the table has no labels.
    """
    if table.label is None:
        raise ValueError(f"{table.name} has no labels")
    plain, abnormal = plain_codes(table), table.label != ""
    early, late = split(table, np.arange(len(table)), seed)
    [train, test], arity = known(plain[early[~abnormal[early]]], plain[late])
    bad = abnormal[late]
    cells = [Cell("labels, every event", test, bad)]
    if table.timed:
        first = once(plain[late], bad.astype(object))
        cells.append(Cell("labels, distinct events", test[first], bad[first]))
    return Trial(table.name, train, arity, cells)


def attack_steps(table: Table) -> Trial:
    """Return the trial of an AIT-ADS scenario: train on all before the first attack, test the rest.

    An event with its label counts once a clock hour, or once: the first time, whatever the hour of
    day. Judged are all attack steps together; each by itself, against the same normal events, is
    shown.

    Raises: ValueError: the table has no labels, or no attack.
    """
    if table.label is None or not (table.label != "").any():
        raise ValueError(f"{table.name} has no attacks")
    plain, label, time = plain_codes(table), table.label, table.order
    attack: Bools = (label != "") & (label != _LEFT_OUT)
    first = time[attack].min()
    early = (time < first) & (label == "")
    late = np.flatnonzero((time >= first) & (label != _LEFT_OUT))
    [train, test], arity = known(plain[early], plain[late])
    label, time = label[late], time[late]
    what = [i for i, name in enumerate(table.columns) if name not in table.clock]
    cells = []
    for name, period in (("each hour", time // _HOUR), ("once", None)):
        rows = once(plain[late][:, what], label, period)
        steps = label[rows]
        cells.append(Cell(f"labels {name}", test[rows], steps != ""))
        for step in sorted(set(steps) - {""}):
            some = rows[(steps == "") | (steps == step)]
            cells.append(
                Cell(f"labels {name}, {step}", test[some], label[some] == step, judged=False)
            )
    return Trial(table.name, train, arity, cells)
