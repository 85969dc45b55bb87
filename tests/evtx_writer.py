"""Writes small EVTX logs, so that tests can have any they need: clean, damaged, in odd orders.

Records are plain binary XML: elements, attributes and text, without templates.

Source: Windows XML Event Log (EVTX), format as described by the libevtx project.
"""

import struct
import zlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple, TypeAlias

CHUNK_BYTES = 65536
FIRST = 512
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)


class Element(NamedTuple):
    """An element: its name, attributes, and text or elements in it."""

    name: str
    attributes: Mapping[str, str] = {}
    content: "str | Sequence[Element]" = ""


Data: TypeAlias = Mapping[str, str] | Sequence[str] | Element


class Event(NamedTuple):
    """A record to write: its number, time (RFC 3339, UTC) and XML."""

    number: int
    time: str
    xml: Element


def event(
    number: int, code: int, data: Data, *, channel: str = "Security",
    provider: str = "Microsoft-Windows-Security-Auditing", host: str = "ws-07.corp.example",
    time: str = "2026-03-02T09:14:05.101000Z", pid: int = 640, sid: str = "",
) -> Event:  # fmt: skip
    """Return an event as Windows logs it. data: by name, unnamed texts, or UserData's element."""
    if isinstance(data, Element):
        told = Element("UserData", {}, [data])
    elif isinstance(data, Mapping):
        named = [Element("Data", {"Name": name}, text) for name, text in data.items()]
        told = Element("EventData", {}, named)
    else:
        told = Element("EventData", {}, [Element("Data", {}, text) for text in data])
    system = [
        Element("Provider", {"Name": provider}),
        Element("EventID", {}, str(code)),
        Element("TimeCreated", {"SystemTime": time}),
        Element("EventRecordID", {}, str(number)),
        Element("Execution", {"ProcessID": str(pid), "ThreadID": "44"}),
        Element("Channel", {}, channel),
        Element("Computer", {}, host),
        Element("Security", {"UserID": sid} if sid else {}),
    ]
    space = {"xmlns": "http://schemas.microsoft.com/win/2004/08/events/event"}
    return Event(number, time, Element("Event", space, [Element("System", {}, system), told]))


def log(*chunks: Sequence[Event], flags: int = 0) -> bytes:
    """Return an EVTX log of chunks of events."""
    return header(len(chunks), flags) + b"".join(map(chunk, chunks))


def nested(number: int, levels: int, uses: int, leaf: str = "leaf") -> bytes:
    """Return a chunk of one record: templates in each other's values, each used so many times."""
    writer = Writer(FIRST + 24, {})
    writer.data = b"\x0f\x01\x01\x00\x0c\x01" + struct.pack("<I", 1)
    template = writer.at + len(writer.data) + 4
    writer.data += struct.pack("<II16sI", template, 0, b"template", 0)
    begun = len(writer.data)
    writer.data += b"\x0f\x01\x01\x00" + struct.pack("<BHI", 0x01, 0xFFFF, 0)
    writer.element_name("A")
    writer.data += b"\x02" + uses * struct.pack("<BHB", 0x0D, 0, 0x21) + b"\x04\0"
    writer.size(begun)
    value, kind = leaf.encode("utf-16-le"), 0x01
    for level in range(levels):
        described = struct.pack("<IHBB", 1, len(value), kind, 0) + value + b"\0"
        if level < levels - 1:
            named = b"\x0f\x01\x01\x00\x0c\x01" + struct.pack("<II", 1, template)
            value, kind = named + described, 0x21
    size = -(-(24 + len(writer.data) + len(described) + 4) // 8) * 8
    body = struct.pack("<4sIQQ", b"**\0\0", size, number, 0) + writer.data + described
    return _framed(body.ljust(size - 4, b"\0") + struct.pack("<I", size), FIRST, number, number)


def header(chunks: int, flags: int = 0) -> bytes:
    """Return a file's header of 4 KiB."""
    made = struct.pack("<8sQQQIHHHH", b"ElfFile\0", 0, chunks - 1, 1, 128, 1, 3, 4096, chunks)
    made = made.ljust(120, b"\0")
    return (made + struct.pack("<II", flags, zlib.crc32(made))).ljust(4096, b"\0")


def chunk(events: Sequence[Event]) -> bytes:
    """Return a chunk of 64 KiB. Raises: ValueError if the events do not fit."""
    body, last, names = b"", FIRST, dict[str, int]()
    for one in events:
        last = FIRST + len(body)
        body += record(one, last, names)
    first, end = (events[0].number, events[-1].number) if events else (1, 2**64 - 1)
    return _framed(body, last, first, end)


def _framed(body: bytes, last: int, first: int, end: int) -> bytes:
    """Return a chunk of records, the last of which begins at `last`."""
    free = FIRST + len(body)
    if free > CHUNK_BYTES:
        raise ValueError("too many events for a chunk")
    made = struct.pack(
        "<8sQQQQIIII", b"ElfChnk\0", first, end, first, end, 128, last, free, zlib.crc32(body)
    ).ljust(FIRST, b"\0")
    made = made[:124] + struct.pack("<I", zlib.crc32(made[128:], zlib.crc32(made[:120])))
    return (made.ljust(FIRST, b"\0") + body).ljust(CHUNK_BYTES, b"\0")


def record(one: Event, at: int, names: dict[str, int]) -> bytes:
    """Return a record that begins at a place of its chunk; `names`: where names stand in it."""
    xml = Writer(at + 24, names)
    xml.data += b"\x0f\x01\x01\x00"
    xml.element(one.xml)
    xml.data += b"\0"
    size = -(-(24 + len(xml.data) + 4) // 8) * 8
    since = datetime.fromisoformat(one.time) - _EPOCH
    ticks = (since.days * 86400 + since.seconds) * 10_000_000 + since.microseconds * 10
    body = struct.pack("<4sIQQ", b"**\0\0", size, one.number, ticks) + xml.data
    return body.ljust(size - 4, b"\0") + struct.pack("<I", size)


class Writer:
    """Writes binary XML that begins at a place of its chunk."""

    def __init__(self, at: int, names: dict[str, int]) -> None:
        self.at, self.names, self.data = at, names, b""

    def element(self, element: Element) -> None:
        """Write an element and all in it."""
        start = len(self.data)
        self.data += struct.pack("<BI", 0x41 if element.attributes else 0x01, 0)
        self.element_name(element.name)
        if element.attributes:
            self.data += bytes(4)
            begun = len(self.data)
            for i, (name, value) in enumerate(element.attributes.items(), 1):
                self.data += b"\x46" if i < len(element.attributes) else b"\x06"
                self.element_name(name)
                self._text(value)
            self.size(begun)
        if not element.content:
            self.data += b"\x03"
        else:
            self.data += b"\x02"
            if isinstance(element.content, str):
                self._text(element.content)
            else:
                for inner in element.content:
                    self.element(inner)
            self.data += b"\x04"
        self.size(start + 5)

    def size(self, begun: int) -> None:
        """Write how long what began there is, in the 4 bytes before it."""
        size = struct.pack("<I", len(self.data) - begun)
        self.data = self.data[: begun - 4] + size + self.data[begun:]

    def element_name(self, name: str) -> None:
        known = self.names.get(name)
        here = self.at + len(self.data) + 4
        self.data += struct.pack("<I", here if known is None else known)
        if known is None:
            self.names[name] = here
            hashed = 0
            for letter in name:
                hashed = hashed * 65599 + ord(letter) & 0xFFFFFFFF
            text = name.encode("utf-16-le")
            self.data += struct.pack("<IHH", 0, hashed & 0xFFFF, len(text) // 2) + text + b"\0\0"

    def _text(self, text: str) -> None:
        data = text.encode("utf-16-le", "surrogatepass")
        self.data += struct.pack("<BBH", 0x05, 0x01, len(data) // 2) + data
