"""Headers of real logs end where those who labelled the logs say."""

import csv
import io

import numpy as np
import pytest

from graphad.decoders.strace_decode import line_ends
from graphad.scan import text_head
from graphad.scan import text_rest as rest
from tests.captures import members

TRUTH = {n: d for n, d in members("textlogs", "_2k.log").items() if "loghub" in n}


@pytest.mark.parametrize("name", sorted(TRUTH) or ["none"])
def test_headers_end_where_loghub_says(name: str) -> None:
    if not TRUTH:
        pytest.skip("the captures are not here: set GRAPHAD_DATA")
    data = TRUTH[name]
    table = members("textlogs", "_structured.csv")[name + "_structured.csv"]
    rows = list(csv.DictReader(io.StringIO(table.decode())))
    start, end = line_ends(data)
    spans = np.empty((len(start), rest.SPANS), np.int32)
    kind = np.empty(len(start), np.uint8)
    us, flags = np.empty(len(start), np.int64), np.empty(len(start), np.int64)
    text_head.heads(np.frombuffer(data + bytes(64), np.uint8), start, end, kind, us, flags, spans)
    wrong = [
        i
        for i, row in enumerate(rows)
        if data[spans[i, rest.MESSAGE] : spans[i, rest.MESSAGE + 1]].split()
        != row["Content"].encode().split()
    ]
    # In eight lines of Linux's the program's name has a blank or is "--".
    assert len(wrong) == (8 if "Linux" in name else 0)
