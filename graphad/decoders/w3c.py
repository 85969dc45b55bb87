"""W3C extended logs: what their # lines say of those below. IIS writes so, and Windows' firewall.

Source: W3C, Extended Log File Format (WD-logfile-960323); Microsoft's documentation of IIS.
"""

import re
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from graphad.decoders.delimited import CLOCK, MOMENT, TEXT, Header
from graphad.parse import Options

_DATE = re.compile(r"#Date: *(\d{4}-\d\d-\d\d)")


class W3cLayout:
    """The header of a W3C log, which may come again with other fields."""

    mark: ClassVar[int] = ord("#")

    def __init__(self) -> None:
        self.said: dict[str, str] = {}

    def read(self, line: str) -> None:
        """Take in a header's line."""
        name, _, value = line.partition(":")
        if name.lower() == "#fields":
            self.said["fields"] = value.strip()
        elif name.lower() == "#time format":
            self.said["format"] = value.strip().lower()
        elif (date := _DATE.match(line)) is not None:
            self.said["date"] = date[1]

    def header(self, first: str) -> Header | str:
        """Return the header of what follows. Times are UTC if no line says that they are local."""
        names = self.said.get("fields", "").split()
        if not names:
            return "no #Fields line before it"
        kinds = [TEXT] * len(names)
        when = "local_time" if self.said.get("format") == "local" else "ts"
        date = self.said.get("date", "")
        for i, name in enumerate(names):
            if name == "date" and names[i + 1 : i + 2] == ["time"]:
                names[i : i + 2], kinds[i : i + 2] = [when], [MOMENT]
                break
            if name == "time" and date:
                names[i], kinds[i] = when, CLOCK
                break
        separator = "\t" if "\t" in first else " "
        return Header(tuple(names), tuple(kinds), ord(separator), date=date)

    def state(self) -> object:
        """Return what was said so far."""
        return self.said

    def restore(self, state: object) -> None:
        """Go on with that. Raises: ValueError: it is none."""
        if not isinstance(state, dict) or not all(isinstance(v, str) for v in state.values()):
            raise ValueError("no state of a W3C log")
        self.said = {str(k): v for k, v in state.items()}


def in_utc(raw: pa.Table, options: Options) -> pa.Table:
    """Return rows with the time that the host's clock read, in UTC, by the zone the user named."""
    if "local_time" not in raw.column_names:
        return raw
    local = raw["local_time"]
    if options.timezone != "UTC":
        zoned = pc.assume_timezone(
            local, options.timezone, ambiguous="earliest", nonexistent="earliest"
        )
        local = zoned.cast(pa.int64()).cast(pa.timestamp("us"))
    at = raw.schema.get_field_index("ts")
    if at < 0:
        return raw.append_column("ts", local)
    return raw.set_column(at, "ts", pc.coalesce(raw["ts"], local))
