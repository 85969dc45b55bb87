"""Sysinternals Process Monitor's events, from its tables and its XML.

A process is its id, and a number from the second on that has this id. Times are the host's clock;
without the optional column with the date, days count from 1970-01-01 (or the year that was given).

Source: Process Monitor 3's help, its operations and their details.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from xml.parsers import expat
from zoneinfo import ZoneInfo

import pyarrow as pa

from graphad.decoders.told import (
    LAST,
    UNNAMED,
    Thing,
    Told,
    cells,
    forget,
    number,
    rows,
    socket,
    text,
)
from graphad.decoders.told_claims import Claim, connection
from graphad.decoders.told_claims import end as end_of
from graphad.decoders.told_decode import LineStoryDecoder
from graphad.parse import PLACE, Decoded, Options

_ACTIONS = {
    "ReadFile": "read", "WriteFile": "write", "Load Image": "load",
    "SetBasicInformationFile": "chmod", "SetSecurityFile": "chmod", "SetEAFile": "chmod",
    "SetEndOfFileInformationFile": "write", "RegQueryValue": "read", "RegSetValue": "write",
    "RegDeleteValue": "delete", "RegDeleteKey": "delete", "RegSetKeySecurity": "write",
    "RegLoadKey": "read", "TCP Connect": "connect", "TCP Accept": "accept", "TCP Send": "send",
    "UDP Send": "send", "TCP Receive": "receive", "UDP Receive": "receive",
    "TCP TCPCopy": "receive", "TCP Reconnect": "connect",
}  # fmt: skip
_OPENED = "opened; reads and writes say what flowed"
_ASKED = "attributes asked for"
_INTO = {"read", "load", "receive", "accept"}
_RULES = (
    (("CloseFile", "RegCloseKey", "RegOpenKey", "RegCreateKey", "CreateFile"), _OPENED),
    (("Query", "RegQuery", "RegEnum", "NotifyChange"), _ASKED),
    (("Thread ", "Process Exit", "Process Statistics"), "thread, or process ended"),
    (("Process Profiling", "System Statistics", "Debug Output", "Thread Profiling"), "statistics"),
)
_PID = re.compile(r"(?:^|, )PID: (\d+)")
_COMMAND = re.compile(
    r"(?:^|, )Command line: (.*?)(?:, Current directory: |, Environment: |$)", re.DOTALL
)
_NEW_NAME = re.compile(r"(?:^|, )FileName: (.+)$", re.DOTALL)
_CLOCK = re.compile(r"(\d{1,2}):(\d\d):(\d\d)(?:[.,](\d{1,7}))?\s*([AP]M)?", re.IGNORECASE)
_DATE = re.compile(r"(\d{1,4})[./-](\d{1,2})[./-](\d{1,4})")
_DAY = 86_400_000_000


class Procmon:
    """Reads events and remembers which processes there are."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.births: dict[str, list[Any]] = {}  # by pid: how often it was given, command, announced
        self.days, self.clock = 0, 0  # without dates: days gone by, and the last time of day
        self.header: list[str] = []

    def read(self, line: str) -> Told:
        """Return what a line of a table says."""
        values = cells(line)
        if values is None:
            return Told(reason="no line of a table")
        names = [value.strip() for value in values]
        if "Operation" in names and "PID" in names:
            self.header = names
            return Told(rule="names of the columns")
        if len(values) != len(self.header):
            return Told(reason="another number of columns than the header")
        return self.event(dict(zip(self.header, values, strict=True)))

    def event(self, said: dict[str, str]) -> Told:
        """Return what an event says; `said` by the names of the table's columns."""
        operation, pid = said.get("Operation", ""), number(said.get("PID"))
        if not operation or pid is None:
            return Told(reason="no operation or process id")
        exe = text(said.get("Image Path")) or text(said.get("Process Name")) or UNNAMED
        path, detail = text(said.get("Path")), said.get("Detail", "")
        told = Told(self._time(said), self.options.host)
        told.fields = {
            "action": operation, "pid": pid, "exe": exe, "result": text(said.get("Result")),
            "args": text(detail), "command_line": text(said.get("Command Line")),
            "user": text(said.get("User")), "tid": number(said.get("TID")),
            "parent_pid": number(said.get("Parent PID")), "provider": text(said.get("Event Class")),
        }  # fmt: skip
        actor = self._process(str(pid), exe, text(said.get("Command Line")))
        if said.get("Result", "SUCCESS") not in ("SUCCESS", ""):
            told.rule = "the operation failed"
        elif operation == "Process Create":
            self._created(told, actor, path, detail)
        elif operation == "Process Start":
            self._started(told, str(pid), exe, detail)
        else:
            self._other(told, operation, actor, path, detail)
        return told

    def _process(self, pid: str, exe: str, command: str | None = None) -> Thing:
        known = self.births.get(pid)
        if known is None:
            known = self.births[pid] = [1, command, False]
            forget(self.births)
        key = f"pid:{pid}" if known[0] == 1 else f"{pid}#{known[0]}"
        return Thing("process", key, exe, known[1] or command)

    def _born(self, pid: str, command: str | None, announced: bool) -> None:
        known = self.births.get(pid)
        self.births[pid] = [known[0] + 1 if known else 1, command, announced]
        forget(self.births)

    def _created(self, told: Told, parent: Thing, path: str | None, detail: str) -> None:
        pid, command = _PID.search(detail), _COMMAND.search(detail)
        if pid is None or path is None:
            told.rule = "an end of its edge is not known"
            return
        self._born(pid[1], command[1] if command else None, True)
        child = self._process(pid[1], path)
        told.fields |= {"target_pid": number(pid[1]), "target_exe": path}
        program = Thing("file", path.lower(), path)
        told.edges = [(parent, "launch", child), (program, "exec", child)]
        what = "pid birth" if child.key.startswith("pid:") else "birth"
        told.claims = [Claim(what, child, pid[1])]

    def _started(self, told: Told, pid: str, exe: str, detail: str) -> None:
        known = self.births[pid]
        if known[2]:
            known[2] = False
            told.rule = "process started; who created it said so"
            return
        command = _COMMAND.search(detail)
        if known[1] is None or command is None or known[1] != command[1]:
            self._born(pid, command[1] if command else None, False)
        program = Thing("file", exe.lower(), exe)
        told.edges = [(program, "exec", self._process(pid, exe))]

    def _other(
        self, told: Told, operation: str, actor: Thing, path: str | None, detail: str
    ) -> None:
        action = _ACTIONS.get(operation)
        created = "OpenResult: Created" in detail or "REG_CREATED_NEW_KEY" in detail
        if operation in ("CreateFile", "RegCreateKey") and created:
            action = "create"
        elif operation == "CreateFile" and re.search(
            "OpenResult: (Overwritten|Superseded)", detail
        ):
            action = "write"
        elif operation.startswith("SetDispositionInformation") and "Delete: True" in detail:
            action = "delete"
        elif operation.startswith("SetRenameInformation"):
            self._renamed(told, actor, path, detail)
            return
        if action is None or path is None:
            found = (rule for starts, rule in _RULES if operation.startswith(starts))
            told.rule = next(found, "no relation in this operation")
            return
        thing = self._object(operation, path, told)
        if thing is None:
            told.rule = "an end of its edge is not known"
        elif action in _INTO:
            told.edges = [(thing, action, actor)]
        else:
            told.edges = [(actor, action, thing)]

    def _object(self, operation: str, path: str, told: Told) -> Thing | None:
        if operation.startswith("Reg"):
            told.fields["registry_path"] = path
            return Thing("registry", path.lower(), path)
        if operation.startswith(("TCP", "UDP")):
            near, _, far = path.partition(" -> ")
            told.fields["protocol"] = operation[:3].lower()
            ends = []
            for side, its in (("src", near), ("dst", far)):
                address, _, port = its.strip().rpartition(":")
                told.fields[f"{side}_ip"], told.fields[f"{side}_port"] = address, number(port)
                ends.append(end_of(address.strip("[]"), port))
            found = socket(address.strip("[]"), port, self.options.host or "unknown")
            if found is None or found.type != "socket":
                return None
            action = _ACTIONS.get(operation)
            if action in ("connect", "accept"):
                told.claims = connection(action, found, *ends[:: -1 if action == "accept" else 1])
            return found
        told.fields["file_path"] = path
        return Thing("file", path.lower(), path)

    def _renamed(self, told: Told, actor: Thing, path: str | None, detail: str) -> None:
        name = _NEW_NAME.search(detail)
        if path is None or name is None:
            told.rule = "an end of its edge is not known"
            return
        told.fields |= {"file_path": path, "new_path": name[1]}
        new = Thing("file", name[1].lower(), name[1])
        told.edges = [(Thing("file", path.lower(), path), "rename", new), (actor, "rename", new)]

    def _time(self, said: dict[str, str]) -> int | None:
        """Return when it happened: the date's day, and the finer of the two clocks."""
        date = said.get("Date & Time", "")
        clock = _CLOCK.search(said.get("Time of Day", "")) or _CLOCK.search(date)
        if clock is None:
            return None
        hour = int(clock[1])
        if clock[5]:
            hour = hour % 12 + (12 if clock[5].upper() == "PM" else 0)
        fraction = int((clock[4] or "0").ljust(7, "0")) // 10
        within = ((hour * 60 + int(clock[2])) * 60 + int(clock[3])) * 1_000_000 + fraction
        day = _day(date)
        if day is None:
            if self.clock - within > _DAY // 2:
                self.days += 1
            self.clock = within
            day = datetime(self.options.year or 1970, 1, 1) + timedelta(days=self.days)
        try:
            moment = day + timedelta(microseconds=within)
            zoned = moment.replace(tzinfo=ZoneInfo(self.options.timezone)).astimezone(UTC)
        except (OverflowError, ValueError):
            return None
        found = (zoned - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
        return found if 0 < found <= LAST else None

    def state(self) -> Any:
        """Return all it remembers."""
        return [self.births, self.days, self.clock, self.header]

    def restore(self, state: Any) -> None:
        """Remember that."""
        self.births, self.days, self.clock, self.header = state
        if any(len(one) != 3 for one in self.births.values()) or type(self.days) is not int:
            raise ValueError("no state of Process Monitor")


def _day(date: str) -> datetime | None:
    """Return the day of a date: year first, day before month after dots, else month first.

    >>> _day("10/20/2021 10:05:49 PM"), _day("20.10.2021"), _day("10:05")
    (datetime.datetime(2021, 10, 20, 0, 0), datetime.datetime(2021, 10, 20, 0, 0), None)
    """
    found = _DATE.search(date)
    if found is None:
        return None
    a, b, c = (int(part) for part in found.groups())
    year, month, day = (a, b, c) if len(found[1]) == 4 else (c, a, b)
    if len(found[1]) != 4 and ("." in found[0] or month > 12):
        month, day = day, month
    try:
        return datetime(year, month, day)
    except ValueError:
        return None


_TAGS = (b"event", b"process")
_BETWEEN = re.compile(
    rb"(?:\s|\xef\xbb\xbf|<\?xml[^<>]*\?>|</?(?:procmon|processlist|eventlist)>)*"
)
_ENDS = (b"</event>", b"</process>")
NAMES = {"Date___Time": "Date & Time"}
MAX_FIELDS = 200_000


class _Fields:
    """What stands directly in an element, by tag; deeper elements are left out."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}
        self.depth = self.count = 0
        self.tag, self.parts = "", list[str]()

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        self.count += 1
        if self.count > MAX_FIELDS or self.depth > 16:
            raise ValueError("too many elements, or too deep")
        if self.depth == 2:
            self.tag, self.parts = tag, []

    def data(self, more: str) -> None:
        if self.depth == 2:
            self.parts.append(more)

    def end(self, tag: str) -> None:
        if self.depth == 2:
            name = NAMES.get(self.tag, self.tag.replace("_", " "))
            self.found[name] = "".join(self.parts)
        self.depth -= 1


def elements(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield (start, end, tag) of each whole element of an event or process, in order.

    Looks at each byte a few times at most, whatever is left open.

    >>> list(elements(b"<event>1</event> <event> <process>2</process>"))
    [(0, 16, b'event'), (25, 45, b'process')]
    """
    starts = {tag: data.find(b"<" + tag + b">") for tag in _TAGS}
    while any(start >= 0 for start in starts.values()):
        start, tag = min((start, tag) for tag, start in starts.items() if start >= 0)
        close = b"</" + tag + b">"
        end = data.find(close, start)
        if end < 0:
            starts[tag] = -1
            continue
        end += len(close)
        yield start, end, tag
        for other, at in starts.items():
            if 0 <= at < end:
                starts[other] = data.find(b"<" + other + b">", end)


def _refuse(*_: Any) -> None:
    raise ValueError("declares a document type or an entity")


def element(data: bytes) -> dict[str, str]:
    """Return the texts of an element's children, by tag.

    Raises: ValueError if it is not well formed, declares anything, or is too deep.
    """
    fields = _Fields()
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartElementHandler = fields.start
    parser.EndElementHandler = fields.end
    parser.CharacterDataHandler = fields.data
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise ValueError(f"not well formed: {expat.ErrorString(error.code)}") from error
    return fields.found


class XmlDecoder(LineStoryDecoder):
    """Decodes XML: each element of an event or process is a record, and so is what is between."""

    lines: ClassVar[bool] = True

    def __init__(self, world: Procmon, options: Options) -> None:
        super().__init__(world, options)
        self.procmon = world

    def cut(self, data: bytes | bytearray | memoryview, last: bool) -> int:
        """Return where the last whole element ends."""
        if last:
            return len(data)
        whole = bytes(data)
        return max((0, *(whole.rfind(end) + len(end) for end in _ENDS if end in whole)))

    def decode(self, data: bytes | memoryview, last: bool) -> Decoded:
        """Return a row for each element, and for whatever else stands between two."""
        whole = bytes(data)
        places: dict[str, list[int]] = {name: [] for name in PLACE.names}
        told: list[Told] = []
        at = line = counted = 0

        def add(start: int, end: int, one: Told) -> None:
            nonlocal line, counted
            line += whole.count(b"\n", counted, start)
            counted = start
            for name, value in zip(PLACE.names, (len(told), start, end - start, line), strict=True):
                places[name].append(value)
            told.append(one)

        for start, end, tag in elements(whole):
            self._between(whole, at, start, add)
            add(start, end, self._element(whole[start:end], tag))
            at = end
        self._between(whole, at, len(whole), add)
        return Decoded(len(told), rows(pa.table(places, schema=PLACE), told, self.options))

    def _between(self, whole: bytes, start: int, end: int, add: Any) -> None:
        if not _BETWEEN.fullmatch(whole, start, end):
            while start < end and whole[start : start + 1].isspace():
                start += 1
            add(start, end, Told(reason="neither an event nor a process"))

    def _element(self, data: bytes, tag: bytes) -> Told:
        try:
            said = element(data)
        except ValueError as error:
            return Told(reason=str(error))
        if tag == b"process":
            exe = text(said.get("ImagePath")) or text(said.get("ProcessName"))
            fields = {"exe": exe, "pid": number(said.get("ProcessId"))}
            fields["command_line"] = text(said.get("CommandLine"))
            return Told(host=self.options.host, rule="describes a process", fields=fields)
        return self.procmon.event(said)
