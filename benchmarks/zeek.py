"""How fast Zeek's logs become rows and a store, against plain loops over the same lines.

An invented conn.log of all 21 columns, TSV and JSON. One plain loop splits lines and makes columns
of 12 cells, without their types; the other does what we do: all cells by their types, those without
a column as JSON. Rates are per second of CPU.
"""

import json
import random
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa

from benchmarks import harness
from benchmarks.harness import Options, Row
from benchmarks.ingest import stored
from graphad.decoders.zeek_fields import FIELDS
from graphad.parse import Options as Said

_FIELDS = (
    "ts:time uid:string id.orig_h:addr id.orig_p:port id.resp_h:addr id.resp_p:port proto:enum "
    "service:string duration:interval orig_bytes:count resp_bytes:count conn_state:string "
    "local_orig:bool local_resp:bool missed_bytes:count history:string orig_pkts:count "
    "orig_ip_bytes:count resp_pkts:count resp_ip_bytes:count tunnel_parents:set[string]"
)
NAMES, TYPES = zip(*(field.split(":") for field in _FIELDS.split()), strict=True)
COLUMNS = {path.replace("\\", ""): column for path, column in FIELDS}
NUMBERS = {"count", "port", "interval"}
TARGET = 10  # times the plain loop over 12 columns


def generate(folder: Path, lines: int) -> tuple[Path, Path]:
    """Write the same connections as TSV and as JSON."""
    luck = random.Random(1)
    tsv, other = folder / "conn.log", folder / "conn.json"
    now = 1_772_445_600.0
    with tsv.open("w") as out, other.open("w") as objects:
        out.write("#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n")
        out.write("#path\tconn\n#fields\t" + "\t".join(NAMES) + "\n#types\t" + "\t".join(TYPES))
        for _ in range(lines):
            now += luck.expovariate(500)
            sent, got = luck.randrange(100), luck.randrange(100)
            cells = [
                f"{now:.6f}", f"C{luck.getrandbits(80):018x}",
                f"10.0.{luck.randrange(4)}.{luck.randrange(250)}", luck.randrange(32768, 61000),
                f"10.1.{luck.randrange(2)}.{luck.randrange(99)}", luck.choice([53, 80, 443, 445]),
                luck.choice(["tcp", "tcp", "udp"]), luck.choice(["http", "ssl", "dns", "-"]),
                f"{luck.expovariate(2):.6f}", sent * 90, got * 400,
                luck.choice(["SF", "SF", "SF", "S0", "RSTO"]), "T", "F", 0,
                luck.choice(["ShADadFf", "Dd", "S"]), sent, sent * 130, got, got * 440, "(empty)",
            ]  # fmt: skip
            out.write("\n" + "\t".join(map(str, cells)))
            record = {
                n: plain_value(str(c), t) for n, t, c in zip(NAMES, TYPES, cells, strict=True)
            }
            objects.write(json.dumps({"_path": "conn"} | record, separators=(",", ":")) + "\n")
        out.write("\n")
    return tsv, other


def plain_value(cell: str, kind: str) -> Any:
    """Return what a cell says."""
    if cell == "-":
        return None
    if kind in NUMBERS:
        return float(cell) if "." in cell else int(cell)
    if kind == "time":
        return float(cell)
    if kind == "bool":
        return cell == "T"
    if kind.startswith("set"):
        return [] if cell == "(empty)" else cell.split(",")
    return cell


def split(path: Path) -> int:
    """Make columns of the first 12 cells of each line; return how many lines there are."""
    columns: list[list[str]] = [[] for _ in range(12)]
    with path.open() as file:
        for line in file:
            if line.startswith("#"):
                continue
            for column, cell in zip(columns, line.rstrip("\n").split("\t"), strict=False):
                column.append(cell)
    pa.table({name: pa.array(column) for name, column in zip(NAMES, columns, strict=False)})
    return len(columns[0])


def plain(path: Path) -> int:
    """Make the columns that we make, the plain way; return how many lines there are."""
    columns: dict[str, list[Any]] = {COLUMNS[n]: [] for n in NAMES if n in COLUMNS}
    columns["attrs"] = []
    count = 0
    with path.open() as file:
        for line in file:
            if line.startswith("#"):
                continue
            count += 1
            rest = {}
            for name, kind, cell in zip(NAMES, TYPES, line.rstrip("\n").split("\t"), strict=True):
                value = plain_value(cell, kind)
                if name in COLUMNS:
                    columns[COLUMNS[name]].append(value)
                elif value is not None:
                    rest[name] = value
            columns["attrs"].append(json.dumps(rest))
    pa.table({name: pa.array(values) for name, values in columns.items()})
    return count


def decoded(path: Path) -> int:
    """Decode a log in one block and one thread; return how many records it has."""
    from graphad.decoders.zeek_decode import ZeekDecoder

    decoder = ZeekDecoder(Said())
    data = path.read_bytes()
    decoder.cut(data, True)
    return len(decoder.decode(data, True).raw["record"])


def measure(options: Options) -> Iterable[Row]:
    """Measure the plain loops, decoding, and ingest of the same log."""
    lines = 50_000 if options.quick else 300_000
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        tsv, other = generate(scratch, lines)
        rates = {}
        for what, function in (("split", split), ("plain", plain)):
            rates[what] = lines / harness.timed(lambda f=function: f(tsv)).cpu  # type: ignore[misc]
        yield Row("plain split of 12 cells", rates["split"], "records/cpu-s")
        yield Row("plain parser of all cells", rates["plain"], "records/cpu-s")
        for form, log in (("TSV", tsv), ("JSON", other)):
            assert decoded(log) == lines  # and compiles what is compiled
            mine = lines / harness.timed(lambda path=log: decoded(path)).cpu  # type: ignore[misc]
            unit = "records/cpu-s"
            yield Row(f"Zeek {form} to rows", mine, unit, rates["plain"], mine / rates["plain"])
            if form == "TSV":
                yield harness.compare(
                    "Zeek TSV to rows, against the split", mine, unit, rates["split"], TARGET
                )
        stored("zeek", tsv, scratch, "warm.store")
        done, peak = stored("zeek", tsv, scratch, "zeek.store")
        assert done["read"] == done["used"] + done["ignored"] + done["rejected"]
        yield Row("Zeek TSV into the store", lines / done["seconds"], "records/s")
        yield Row("Zeek TSV into the store: peak memory", peak, "MB")


if __name__ == "__main__":
    sys.exit(harness.main(__doc__, measure))
