"""The quick plain parser that the benchmark compares with says what ours says, where it says it."""

from pathlib import Path

import pyarrow as pa
import pytest

from benchmarks import auditd, split_auditd
from graphad.decoders.auditd_decode import Decoder
from graphad.parse import Options

# It names kinds as they come, and doesn't quote words of command lines for a shell.
_OTHERWISE = {"code", "command_line"}


@pytest.mark.parametrize("seed", range(3))
def test_the_same_columns(tmp_path: Path, seed: int) -> None:
    log = tmp_path / "audit.log"
    auditd.generate(log, 500, seed)
    ours = Decoder(Options()).decode(log.read_bytes(), True).raw.sort_by("event_number")
    theirs = split_auditd.parse(log.read_text(encoding="ascii"))
    order = sorted(range(500), key=theirs["event_number"].__getitem__)
    assert ours.num_rows == 500
    for name in split_auditd.NAMES:
        found = ours["ts"].cast(pa.int64()) if name == "ts" else ours[name]
        said = [theirs[name][i] for i in order]
        if name == "code":
            assert [set(one.split()) for one in said] == [
                set(one.split()) for one in found.to_pylist()
            ]
        elif name not in _OTHERWISE:
            assert said == found.to_pylist(), name
    assert all(theirs["command_line"][i] for i in order if theirs["syscall"][i])
