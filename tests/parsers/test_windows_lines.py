"""What stands behind a name in a line of a script's context, however long that is."""

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from graphad import database
from graphad.decoders.windows_ends import _line
from graphad.store.expressions import ask

_WORD = st.text(st.sampled_from("ab =\r\n\té"), max_size=6)


@given(st.lists(st.lists(st.one_of(st.just("Name="), _WORD), max_size=6).map("".join), min_size=1))
def test_it_ends_with_the_line(texts: list[str]) -> None:
    connection = database.connect(config=database.SHUT)
    told = pa.table({"context": pa.array([None, *texts], pa.string())})
    found = ask(connection, f"SELECT {_line('context', 'Name=')} AS v FROM given", told)
    wanted = []
    for text in texts:
        rest = text.split("Name=")[1] if "Name=" in text else ""
        wanted.append(rest.replace("\r", "\n").partition("\n")[0] or None)
    assert found["v"].to_pylist() == [None, *wanted]
