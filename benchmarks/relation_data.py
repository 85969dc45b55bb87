"""Labelled logs as relations, each split by time into training, calibration and test.

Lines of attacks are left out of the training, never out of the test. A session is a window of its
own: its lines are its events, each with the one before it as a value, so that relations are pairs
of events that follow each other. Planted relations are known events with known values of the right
type that never occurred together.
"""

import csv
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from graphad.models.relations import Relations

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

TRAIN = 0.5  # share of the lines, or sessions, or of the time
CALIBRATE = 0.2  # of the training part, its end
SECOND = 1_000_000
DAY = 86_400 * SECOND
PLANTED = 0.02  # of the lines of the test
FEW = 0.05  # values without a better type count if they are fewer than this share of the lines

Line = tuple[int, str, list[tuple[str, str]], bool]


@dataclass(frozen=True)
class RelationSet:
    """One log: relations, which of them [R] are of an attack, windows of `step_us`.

    part [L]: 0 training, 1 calibration, 2 test; phase [R]: of the attack, "" if it has none;
    by: "edge" where relations are judged, "window" where only sessions have labels.
    """

    name: str
    relations: Relations
    attack: Bools
    part: Ints
    step_us: int
    by: str
    phase: npt.NDArray[np.str_] | None = None


def made(name: str, lines: list[Line], part: Ints, step_us: int, by: str = "edge") -> RelationSet:
    """Return lines (time, event, values, whether of an attack), in order of time, as a set."""
    events: dict[str, int] = {}
    nodes: dict[tuple[str, str], int] = {}
    of_event = [events.setdefault(event, len(events)) for _, event, _, _ in lines]
    rows = [
        (n, nodes.setdefault(node, len(nodes)))
        for n, (_, _, of, _) in enumerate(lines)
        for node in dict.fromkeys(of)
    ]
    line, node = np.array(rows, np.int64).reshape(-1, 2).T
    ts = np.array([ts for ts, _, _, _ in lines], np.int64)
    relations = Relations(ts, np.array(of_event, np.int64), line, node, list(events), list(nodes))
    attack = np.array([bad for *_, bad in lines])[line]
    return RelationSet(name, relations, attack, part, step_us, by)


def parts(lines: int, train: float = TRAIN) -> Ints:
    """Return the part of each line, split by their number."""
    cuts = [round(lines * train * (1 - CALIBRATE)), round(lines * train)]
    return np.searchsorted(cuts, np.arange(lines), "right")


def sessions(name: str, quiet: list[list[str]], test: list[tuple[list[str], bool]]) -> RelationSet:
    """Return sessions, quiet ones to learn from first; each second is one session."""
    cut = round(len(quiet) * (1 - CALIBRATE))
    lines: list[Line] = []
    part = []
    whole = [(events, False) for events in quiet] + test
    for number, (events, bad) in enumerate(whole):
        before = "start"
        for place, event in enumerate(events):
            lines.append(
                (number * SECOND + min(place, SECOND - 1), event, [("after", before)], bad)
            )
            part.append(int(number >= cut) + int(number >= len(quiet)))
            before = event
    return made(name, lines, np.array(part, np.int64), SECOND, "window")


def hdfs_sessions(folder: Path) -> RelationSet:
    """Return the blocks of the first 100,000 HDFS lines, in the order of the file."""
    with (folder / "hdfs_100k_sessions.csv").open(encoding="utf-8", newline="") as file:
        rows = [
            (row["templates"].split("\x1f"), row["label"] == "1") for row in csv.DictReader(file)
        ]
    cut = round(len(rows) * TRAIN)
    return sessions("HDFS sessions", [one for one, bad in rows[:cut] if not bad], rows[cut:])


def hdfs_lines(folder: Path, templates: Path) -> RelationSet:
    """Return 20,000 HDFS lines with component and addresses; labels are those of their blocks."""
    with (folder / "hdfs_100k_sessions.csv").open(encoding="utf-8", newline="") as file:
        bad = {row["block_id"] for row in csv.DictReader(file) if row["label"] == "1"}
    with templates.open(encoding="utf-8", newline="") as file:
        known = [(row["EventId"], _pattern(row["EventTemplate"])) for row in csv.DictReader(file)]
    lines: list[Line] = []
    for text in (folder / "HDFS_20000.log").read_text().splitlines():
        day, time, _, level, rest = text.split(" ", 4)
        component, _, message = rest.partition(": ")
        event = next((name for name, pattern in known if pattern.fullmatch(message)), "other")
        ts = round(datetime.strptime(f"{day} {time}+0000", "%y%m%d %H%M%S%z").timestamp()) * SECOND
        values = [("component", component), ("level", level)]
        values += [("ip", ip) for ip in re.findall(r"\b\d+\.\d+\.\d+\.\d+\b", message)]
        block = re.search(r"blk_-?\d+", message)
        lines.append((ts, event, values, block is not None and block[0] in bad))
    lines.sort(key=lambda line: line[0])
    return made("HDFS lines", lines, parts(len(lines)), SECOND)


def ait(path: Path) -> RelationSet:
    """Return the alerts of a scenario with host and address; attacks are its phases by time."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: int(row["time"]))
    lines: list[Line] = [
        (
            int(row["time"]) * SECOND, row["name"], [("host", row["host"]), ("ip", row["ip"])],
            row["time_label"] != "false_positive",
        )
        for row in rows
    ]  # fmt: skip
    ts = np.array([line[0] for line in lines])
    long = ts[-1] - ts[0]
    cuts = [ts[0] + long * TRAIN * (1 - CALIBRATE), ts[0] + long * TRAIN]
    found = made(
        f"AIT {path.name.partition('_')[0]}",
        lines,
        np.searchsorted(cuts, ts, "right"),
        300 * SECOND,
    )
    phase = np.array(
        ["" if not bad else row["time_label"] for row, (*_, bad) in zip(rows, lines, strict=True)]
    )
    return RelationSet(**{**found.__dict__, "phase": phase[found.relations.line]})


def bgl(folder: Path) -> RelationSet:
    """Return the 2,000 lines of BGL with node, rack, component, type and level."""
    with (folder / "BGL" / "BGL_2k.log_structured.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    lines: list[Line] = [
        (
            int(row["Timestamp"]) * SECOND, row["EventTemplate"],
            [("component", row["Component"]), ("type", row["Type"]), ("level", row["Level"]),
             ("node", row["Node"]), ("rack", row["Node"].partition("-")[0])],
            row["Label"] != "-",
        )
        for row in rows
    ]  # fmt: skip
    return made("BGL 2k", lines, parts(len(lines)), DAY)


def of_sequences(folder: Path, name: str) -> RelationSet:
    """Return OpenStack or Hadoop sequences; half of the normal ones are learned from."""
    home = folder / "log-sequences" / f"{name.lower()}_loghub"

    def read(kind: str) -> list[list[str]]:
        text = (home / f"{name.lower()}_{kind}").read_text().splitlines()
        return [line.partition(",")[2].split() for line in text if "," in line]

    normal = read("train") + read("test_normal")
    cut = round(len(normal) * TRAIN)
    test = [(one, False) for one in normal[cut:]] + [(one, True) for one in read("test_abnormal")]
    return sessions(f"{name} sequences", normal[:cut], test)


_COLUMNS = ("Component", "Level", "Node", "Process", "Type")
_IP = re.compile(r"/?\d+\.\d+\.\d+\.\d+(:\d+)?")


def planted(folder: Path, name: str, seed: int) -> RelationSet:
    """Return a log of 2,000 lines, into whose test part relations are planted."""
    with (folder / name / f"{name}_2k.log_structured.csv").open(
        encoding="utf-8", newline=""
    ) as file:
        rows = list(csv.DictReader(file))
    patterns = {row["EventTemplate"]: _pattern(row["EventTemplate"]) for row in rows}
    lines: list[Line] = []
    for number, row in enumerate(rows):
        values = [(c.lower(), row[c]) for c in _COLUMNS if row.get(c)]
        found = patterns[row["EventTemplate"]].fullmatch(row["Content"])
        for value in found.groups() if found else ():
            if _IP.fullmatch(value):
                values.append(("ip", value.strip("/").partition(":")[0]))
            elif value and not re.fullmatch(r"[\W\d]*", value):
                values.append(("value", value))
        lines.append((number * SECOND, row["EventTemplate"], values, False))
    distinct = {v for _, _, of, _ in lines for v in of if v[0] == "value"}
    if len(distinct) > FEW * len(lines):
        lines = [(ts, e, [v for v in of if v[0] != "value"], bad) for ts, e, of, bad in lines]
    plain = made(f"{name} 2k, planted", lines, parts(len(lines)), 20 * SECOND)
    return with_planted(plain, seed)


def with_planted(plain: RelationSet, seed: int) -> RelationSet:
    """Return a set with some relations of the test replaced by ones that never occurred."""
    random, r = np.random.default_rng([seed, 7]), plain.relations
    learned = plain.part[r.line] < 2
    events = np.unique(r.of_event[learned])
    kinds = np.array([kind for kind, _ in r.nodes])
    seen = set(zip(r.of_event.tolist(), r.node.tolist(), strict=True))
    node, attack = r.node.copy(), np.zeros(len(r), bool)
    open_ = np.flatnonzero(~learned & np.isin(r.of_event, events))
    wanted = round((plain.part == 2).sum() * PLANTED)
    touched: set[int] = set()
    for at in random.permutation(open_):
        event, line = int(r.of_event[at]), int(r.line[at])
        alike = r.node[learned & (kinds[r.node] == kinds[r.node[at]])]
        free = [v for v in alike.tolist() if (event, v) not in seen]
        if line in touched or not free:
            continue
        node[at] = free[random.integers(len(free))]
        attack[at] = True
        touched.add(line)
        if len(touched) == wanted:
            break
    changed = Relations(r.ts, r.event, r.line, node, r.events, r.nodes)
    return RelationSet(plain.name, changed, attack, plain.part, plain.step_us, "edge")


def _pattern(template: str) -> re.Pattern[str]:
    pieces = [re.escape(piece) for piece in template.split("<*>")]
    return re.compile("(.*?)".join(pieces), re.DOTALL)


PLANTED_LOGS = (
    "Apache",
    "Hadoop",
    "Linux",
    "OpenSSH",
    "OpenStack",
    "Spark",
    "Windows",
    "Zookeeper",
)


def sets(home: Callable[[str], Path | None], quick: bool) -> Iterator[RelationSet | str]:
    """Return all sets; of one that is absent, its name. home: unpacks a capture.

    A quick run has one of each small kind.
    """
    text, sequences, hdfs, alerts = map(home, ("textlogs", "log-sequences", "hdfs", "ait-ads"))
    logs = text / "textlogs" / "loghub-2k" if text else None
    absent = {"textlogs": text, "log-sequences": sequences, "hdfs": hdfs, "ait-ads": alerts}
    yield from (name for name, folder in absent.items() if folder is None)
    if alerts and not quick:
        for path in sorted((alerts / "ait-ads").glob("*_alerts.txt")):
            yield ait(path)
    if sequences:
        for name in ("OpenStack",) if quick else ("OpenStack", "Hadoop"):
            yield of_sequences(sequences, name)
    if hdfs and not quick:
        yield hdfs_sessions(hdfs / "hdfs")
        if logs:
            yield hdfs_lines(hdfs / "hdfs", logs / "HDFS" / "HDFS_templates.csv")
    if logs:
        yield bgl(logs)
        for name in PLANTED_LOGS[:1] if quick else PLANTED_LOGS:
            yield planted(logs, name, 0)
