"""StreamSpot's graphs: an edge a line, of many graphs, fields apart by tabs.

Either six fields, types as letters, or eight with the names of CDM (`EVENT_READ`). There are no
times: record n stands n milliseconds after 1970 began, which keeps the order. Each graph is a host
of its own, for its ids mean nothing elsewhere.

Source: the notes of StreamSpot's data and of its translation from CDM.
"""

import re
from typing import Any

from graphad.decoders.told import IGNORE, MAPPING, REJECT, Edge, Thing, Told
from graphad.decoders.told_decode import LineStoryDecoder
from graphad.decoders.told_kernel import Kernel
from graphad.parse import Decoder, Options, Parser

_LETTERS = re.compile(rb"(?m)^\d+\t[a-h]\t\d+\t[a-h]\t[A-Za-z]\t\d+\r?$")
_NAMES = re.compile(rb"(?m)^[^\t\n]*\t[^\t\n]*\tSUBJECT_\w+\t[^\n]*\t\w+\tEVENT_\w+\t\d+\r?$")
_TYPES = {
    "a": "process", "b": "process", "c": "file", "d": "memory", "f": "file", "g": "file",
    "h": "file", "OBJECT_FILE": "file", "OBJECT_SOCK": "socket", "OBJECT_MEM": "memory",
    "OBJECT_SRCSINK": "pipe", "OBJECT_REGISTRY": "registry",
}  # fmt: skip
_STREAMS = {"f": "stdin", "g": "stdout", "h": "stderr"}
_CALLS = {
    "i": "ACCEPT", "j": "CHECK_FILE_ATTRIBUTES", "k": "BIND", "l": "MODIFY_FILE_ATTRIBUTES",
    "m": "FORK", "n": "CLOSE", "o": "CONNECT", "p": "EXECUTE", "q": "CHECK_FILE_ATTRIBUTES",
    "r": "TRUNCATE", "s": "OTHER", "t": "MMAP", "u": "OPEN", "v": "READ", "w": "RECV",
    "x": "RECVFROM", "y": "RECVMSG", "z": "SEND", "A": "SENDMSG", "B": "SENDTO",
    "C": "CHECK_FILE_ATTRIBUTES", "D": "TRUNCATE", "E": "UNLINK", "F": "WAIT", "G": "WRITE",
    "H": "WRITE",
}  # fmt: skip
_NETWORK = frozenset(
    ["ACCEPT", "BIND", "CONNECT", "RECV", "RECVFROM", "RECVMSG", "SEND", "SENDMSG", "SENDTO"]
)


class StreamSpot:
    """Reads lines and counts them."""

    def __init__(self) -> None:
        self.count = 0

    def read(self, line: str) -> Told:
        """Return what a line says."""
        self.count += 1
        fields = line.split("\t")
        told = Told(self.count * 1000)
        if len(fields) == 6:
            source, source_type, target, target_type, call, graph = fields
            kind = _CALLS.get(call, "OTHER")
            actor = Thing("process", source, f"process {source_type}")
            label = _STREAMS.get(target_type)
        elif len(fields) == 8:
            source, name, source_type, target, label, target_type, kind, graph = fields
            kind = kind.removeprefix("EVENT_")
            actor = Thing("process", source, name or None)
            label = label.removeprefix("file://") or None
        else:
            told.reason = "neither six nor eight fields"
            return told
        if not graph.isdecimal() or not source or not target:
            told.reason = "a field is empty or no number"
            return told
        told.host = f"graph {graph}"
        told.fields = {"action": kind, "exe": actor.label, "process_guid": source}
        type_ = _TYPES.get(target_type)
        if target_type.startswith("SUBJECT_"):
            type_ = "process"
        elif kind in _NETWORK and type_ in (None, "file"):
            type_ = "socket"
        if type_ in (None, "memory"):
            told.rule = "memory, or an object of no known type"
            return told
        if type_ == "process":
            thing = Thing("process", target, label or f"process {target_type}")
        else:
            key = f"{told.host}|{target}" if type_ == "socket" else target
            thing = Thing(type_, key, label or f"{type_} {target_type}")
        found = self._edges(kind, source, actor, thing)
        if isinstance(found, str):
            told.rule = found
        else:
            told.edges = found
        return told

    def _edges(self, kind: str, source: str, actor: Thing, thing: Thing) -> list[Edge] | str:
        if kind in ("FORK", "CLONE") or (kind == "EXECUTE" and thing.type == "process"):
            return [(actor, "exec" if kind == "EXECUTE" else "fork", thing)]
        if kind == "EXECUTE":
            return [(thing, "exec", actor)]
        if kind == "RENAME":
            return [(actor, "rename", thing)]
        kernel = Kernel()  # nothing of one line is needed for the next
        found = kernel.event(kind, source, thing)
        if isinstance(found, str):
            return found
        return [
            (actor if src.key == source and src.type == "process" else src, action,
             actor if dst.key == source and dst.type == "process" else dst)
            for src, action, dst in found
        ]  # fmt: skip

    def state(self) -> Any:
        """Return how many lines there were."""
        return [self.count]

    def restore(self, state: Any) -> None:
        """Go on counting."""
        [count] = state
        if type(count) is not int:
            raise ValueError("no state of StreamSpot")
        self.count = count


def sniff(head: bytes) -> float:
    """Return the share of lines that are edges of StreamSpot."""
    lines = max(1, head.count(b"\n"))
    return min(1.0, max(len(_LETTERS.findall(head)), len(_NAMES.findall(head))) / lines)


def decoder(options: Options) -> Decoder:
    """Return a decoder."""
    return LineStoryDecoder(StreamSpot(), options)


parser = Parser(
    name="streamspot",
    about="StreamSpot's graphs as tab-separated edges",
    yields="process, file, socket, pipe: fork, exec, load, read, write, create, delete, "
    "rename, link, chmod, connect, accept, send, receive, bind",
    sniff=sniff,
    decoder=decoder,
    mapping=MAPPING,
    ignore=IGNORE,
    reject=REJECT,
)
