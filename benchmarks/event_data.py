"""Tables of categorical events with their truth, for event_quality.

KDD99, ADRepository, LANL, AIT-ADS; events of the store's own are in event_captures.
A set that is absent is named on stderr and left out.
"""

import csv
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.csv

from benchmarks import captures
from graphad.graph import Ints, Texts

# Columns of KDD99 that name something: its symbolic ones, and the flags that its description calls
# continuous (root_shell, su_attempted). The other 32 are counts, bytes, seconds and rates.
KDD99 = {
    1: "protocol_type", 2: "service", 3: "flag", 6: "land", 11: "logged_in", 13: "root_shell",
    14: "su_attempted", 20: "is_host_login", 21: "is_guest_login",
}  # fmt: skip
LANL = (
    "src_user", "dst_user", "src_pc", "dst_pc", "auth_type", "logon_type", "orientation", "success",
)  # fmt: skip
QUICK = ("u2r", "solar-flare", "cmc", "chess", "AIT russellmitchell")
SCENARIOS = ("russellmitchell", "santos", "shaw")
_ATTRIBUTE = re.compile(r"@attribute\s+('(?:[^'\\]|\\.)*'|\"[^\"]*\"|\S+)\s+\S", re.IGNORECASE)


class Arff(NamedTuple):
    """One set of ADRepository: if its rows are in time order, which class is an anomaly."""

    name: str
    timed: bool
    anomaly: str | None


# Only u2r (root taken on a host) and solar-flare (a flare that came) label something that went
# wrong. The others' class is one kind among normal ones: a customer who said yes, an active
# compound, a position won in no move, ten children or more. Their rows are events like any other.
# Only bank is in time order.
ADREPOSITORY = {
    "kddcup99-corrected-u2rvsnormal-nominal-cleaned": Arff("u2r", False, "1"),
    "solar-flare_FvsAll-cleaned": Arff("solar-flare", False, "1"),
    "bank-additional-ful-nominal": Arff("bank", True, None),
    "AID362red_train_allpossiblenominal": Arff("AID362", False, None),
    "chess_krkopt_zerovsall": Arff("chess", False, None),
    "cmc-nominal": Arff("cmc", False, None),
}


@dataclass(frozen=True)
class Table:
    """Events [N] as named columns of texts, in time order if `timed`.

    order [N] is UTC seconds or the row's number, never falling. label [N] is the attack that caused
    the event, "" for none; None where nobody says. phase [N] is the attack under way at that time.
    `clock` names the columns that say when, not what.

    Raises: ValueError: there is no column, lengths differ, or the order falls.
    """

    name: str
    columns: dict[str, Texts]
    order: Ints
    timed: bool
    label: Texts | None = None
    phase: Texts | None = None
    clock: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        given = [*self.columns.values(), *(x for x in (self.label, self.phase) if x is not None)]
        if not self.columns or any(len(column) != len(self.order) for column in given):
            raise ValueError(f"{self.name}: columns must be there and of one length")
        if (np.diff(self.order) < 0).any():
            raise ValueError(f"{self.name}: events must be in order")

    def __len__(self) -> int:
        """Return the number of events."""
        return len(self.order)


def read_csv(path: Path, header: bool = True) -> dict[str, Texts]:
    """Return a table's columns as texts; without a header they are f0, f1, ...

    Raises: pyarrow.ArrowInvalid: rows differ in length, or a text isn't UTF-8.
    """
    reading = pyarrow.csv.ReadOptions(autogenerate_column_names=not header)
    head = pyarrow.csv.open_csv(path, read_options=reading).schema.names
    texts = pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(head, pa.string()))
    read = pyarrow.csv.read_csv(path, read_options=reading, convert_options=texts)
    return {name: read[name].to_numpy() for name in head}


def read_arff(path: Path) -> dict[str, Texts]:
    """Return the columns of a dense ARFF file of nominal attributes.

    Raises: ValueError: a row has more or fewer values than there are attributes, or is sparse.
    """
    names: list[str] = []
    rows: list[list[str]] = []
    with path.open(encoding="utf-8", errors="backslashreplace") as file:
        for number, line in enumerate(file, 1):
            text = line.strip()
            found = _ATTRIBUTE.match(text)
            if found:
                names.append(found[1].strip("'\""))
            elif text and not text.startswith(("%", "@")):
                row = next(
                    csv.reader([text], quotechar="'", skipinitialspace=True, escapechar="\\")
                )
                if len(row) != len(names) or text.startswith("{"):
                    raise ValueError(
                        f"{path.name}, line {number}: {len(row)} values for {len(names)} attributes"
                    )
                rows.append([value.strip() for value in row])
    if not rows or len(set(names)) != len(names):
        raise ValueError(f"{path.name}: no rows, or an attribute twice")
    return dict(zip(names, np.array(rows, object).T, strict=True))


def kdd99(folder: Path) -> Iterator[Table]:
    """Yield the connections of KDD99's 10 %, in the file's order, labelled by attack."""
    [path] = folder.rglob("kddcup.data_10_percent.gz")
    read = read_csv(path, header=False)
    label = np.array([x.removesuffix(".").replace("normal", "") for x in read["f41"]], object)
    columns = {name: read[f"f{number}"] for number, name in KDD99.items()}
    yield Table("KDD99", columns, np.arange(len(label)), True, label)


def adrepository(folder: Path) -> Iterator[Table]:
    """Yield the nominal sets of ADRepository, labelled where the label is an anomaly."""
    for path in sorted(folder.rglob("*.arff")):
        known = ADREPOSITORY[path.stem]
        columns = read_arff(path)
        classes = columns.pop(list(columns)[-1])
        label = None
        if known.anomaly is not None:
            label = np.where(classes == known.anomaly, known.name, "").astype(object)
        yield Table(known.name, columns, np.arange(len(classes)), known.timed, label)


def lanl(folder: Path) -> Iterator[Table]:
    """Yield the authentication events that begin LANL's days 0 and 1; the red team is in none."""
    days = [read_csv(path) for path in sorted(folder.rglob("lanl_auth_day*.csv"))]
    columns = {name: np.concatenate([day[name] for day in days]) for name in LANL}
    order = np.concatenate([day["line"] for day in days]).astype(np.int64)
    yield Table("LANL", columns, order, True)


def ait_ads(folder: Path) -> Iterator[Table]:
    """Yield the alerts of each scenario: their name, host and UTC hour of day.

    Address and host are one-to-one and `short` follows from `name`, so they are left out.
    """
    for scenario in SCENARIOS:
        [path] = folder.rglob(f"{scenario}_alerts.txt")
        read = read_csv(path)
        time = read["time"].astype(np.int64)
        order = np.argsort(time, kind="stable")  # the three detectors' alerts lie one after another
        read = {name: column[order] for name, column in read.items()}
        time = time[order]
        hour = (time // 3600 % 24).astype(str).astype(object)
        columns = {"name": read["name"], "host": read["host"], "hour": hour}
        label = np.where(read["event_label"] == "-", "", read["event_label"]).astype(object)
        yield Table(f"AIT {scenario}", columns, time, True, label, read["time_label"], ("hour",))


_SETS: dict[str, tuple[Callable[[Path], Iterator[Table]], ...]] = {
    "categorical": (kdd99, adrepository, lanl),
    "ait-ads": (ait_ads,),
}
_SLOW = (kdd99, lanl)


def load(folder: Path, quick: bool = False) -> Iterator[Table]:
    """Yield all tables, unpacked below `folder`; of a quick run the small ones only."""
    for name, readers in _SETS.items():
        home = captures.unpack(name, folder)
        if home is None:
            print(f"{name} is absent; set GRAPHAD_DATA.", file=sys.stderr)
            continue
        for reader in readers:
            if not (quick and reader in _SLOW):
                yield from (table for table in reader(home) if not quick or table.name in QUICK)
