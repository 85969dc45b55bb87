"""What of the OTRF captures is the attacker's, by the attacker's console.

Each capture's metadata holds what the attacker saw. A process is the attacker's if its command line
is one typed there (or shares most of its telling words), if the console names its process id (an
agent that is talked to, a tool that tells its own), if its program is a file the consoles of the
lab name and Windows doesn't ship, if it talks to a server whose address the consoles fetch from, or
if such a process launched it. A service, task or file is if the console names it and it is in no
capture whose console doesn't. That is weak truth: what the console doesn't show is missing.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from graphad.graph import Graph
from graphad.schema import id_text
from graphad.store import Store

_VIEW = re.compile(r"adversary_view:(.*?)(?:\nreferences|\n  \w+:|\Z)", re.DOTALL)
_LINK = re.compile(r"link: \S+/atomic/windows/(\S+host/\S+\.zip)")
_CAPTURE = re.compile(r"atomic/windows/(\S+?\.zip)")
_PROMPT = re.compile(
    r"^\s*(?:\(\w+[^)]*\)\s*>|PS(?: [A-Za-z]:\\[^>]*)?\s*>|[A-Za-z]:\\[^>]*>|\w+\s*>|\[\S+\]\s*>)"
    r"\s*(.*)$"
)
_OWN = re.compile(  # commands to the attacker's own console
    r"^(agents|interact|usemodule|set|info|execute|back|options|listeners|usestager|upload|download"
    r"|exit|sessions|use|main|help|run|exploit|show|scriptimport|unset|launcher|rename|sleep)\b",
    re.IGNORECASE,
)
_PREFIX = re.compile(r"^(shell|scriptcmd|shellcmd|powershell|assembly|mimikatz)\s+", re.IGNORECASE)
_WORD = re.compile(r"[A-Za-z0-9_.:$\\/-]{4,}")
_FILE = re.compile(r"[\w.-]+\.(?:exe|dll|ps1|bat|vbs|hta|sct|xsl|cpl|chm|inf|xll)\b", re.IGNORECASE)
_SHIPPED = re.compile(r"[a-z]:\\(windows|program files)", re.IGNORECASE)
_SERVER = re.compile(r"https?://(\d{1,3}(?:\.\d{1,3}){3})\b")
_TOKEN = re.compile(r"[^\s\"'\\/,;=()<>|]+")
_NAMED = frozenset({"service", "task", "file", "module"})
_SHORTEST = 5  # letters of a name that is no common word by chance
_PID = re.compile(r"PID[: ]+(\d+)")
_AGENT = r"^\s*{}\s+ps\s+\S+\s+\S+\s+\S+\s+\S+\s+(\d+)\s"


@dataclass(frozen=True)
class Labels:
    """What is the attacker's by capture, and how it was told.

    capture [E] of each event; entities: their indices by capture; by_command: captures in which
    a typed command was found as a process.
    """

    capture: list[str]
    entities: dict[str, set[int]]
    by_command: set[str]

    @property
    def told(self) -> set[str]:
        """Return the captures of which anything is told."""
        return {capture for capture, found in self.entities.items() if found}


def capture_of(path: str) -> str:
    """Return the capture that a source's path lies in, "" if in none."""
    match = _CAPTURE.search(path)
    return match[1] if match else ""


def views(folder: Path) -> dict[str, str]:
    """Return what the attacker saw, by capture."""
    found: dict[str, str] = {}
    for path in sorted(folder.rglob("_metadata/*.yaml")):
        text = path.read_text(errors="replace")
        view = _VIEW.search(text)
        for capture in _LINK.findall(text):
            found[capture] = found.get(capture, "") + "\n" + (view[1] if view else "")
    return found


def commands(view: str) -> list[str]:
    """Return what was typed to a computer: lines after a prompt, or all if there is no prompt.

    >>> commands("(Empire: X) > agents\\n(Empire: X) > shell net user\\noutput")
    ['net user']
    """
    lines = [(line, _PROMPT.match(line)) for line in view.split("\n")]
    prompted = any(match for _, match in lines)
    found = []
    for line, match in lines:
        typed = match[1].strip() if match else "" if prompted else line.strip()
        typed = _PREFIX.sub("", typed)
        if typed and not _OWN.match(typed):
            found.append(typed)
    return found


def is_same(typed: str, command_line: str) -> bool:
    """Return whether a command line is what was typed: it holds it, or most telling words of it."""
    typed, line = " ".join(typed.lower().split()), " ".join(command_line.lower().split())
    if len(typed) >= 8 and typed in line:
        return True
    ours, theirs = _words(typed), _words(line)
    return len(ours) >= 2 and len(ours & theirs) >= 0.6 * len(ours)


def _words(text: str) -> set[str]:
    words = (word.strip(".-:/\\").rpartition("\\")[2] for word in _WORD.findall(text))
    return {word for word in words if len(word) >= 4}


def _pids(view: str) -> set[int]:
    found = {int(pid) for pid in _PID.findall(view)}
    for agent in re.findall(r"interact (\S+)", view):
        found |= {int(pid) for pid in re.findall(_AGENT.format(re.escape(agent)), view, re.M)}
    return found


def attackers(labels: Labels, graph: Graph) -> dict[str, set[str]]:
    """Return by capture the ids of the attacker's entities, as findings have them; "" has none."""
    found = {name: {id_text(graph.ids[n]) for n in of} for name, of in labels.entities.items()}
    return found | {"": set()}


def label(store: Store, graph: Graph, folder: Path) -> Labels:
    """Return what is the attacker's of a graph of all captures below `folder`."""
    captures = {source.source: capture_of(source.path) for source in store.sources}
    capture = [captures[int(s)] for s in graph.source]
    seen = views(folder)
    dropped = {name.lower() for view in seen.values() for name in _FILE.findall(view)}
    connection = store.connect()
    try:
        rows = connection.execute("SELECT source, record, pid FROM records WHERE pid > 0")
        pid_of = {(source, record): pid for source, record, pid in rows.fetchall()}
    finally:
        connection.close()
    is_process = graph.types == "process"
    servers = {address for view in seen.values() for address in _SERVER.findall(view)}
    entities: dict[str, set[int]] = {}
    by_command: set[str] = set()
    where = np.array(capture, object)
    named = _named(graph, where, seen)
    for name in sorted(set(capture)):
        events = np.flatnonzero(where == name)
        ends = {int(n) for n in (*graph.src[events], *graph.dst[events]) if is_process[n]}
        typed = commands(seen.get(name, ""))
        found = {
            n for n in ends
            if any(is_same(command, graph.details[n] or "") for command in typed)
        }  # fmt: skip
        if found:
            by_command.add(name)
        found |= {n for n in ends if _is_dropped(graph.labels[n], dropped)}
        pids = _pids(seen.get(name, ""))
        found |= {
            int(graph.src[e]) for e in events
            if graph.action[e] == "connect" and is_process[graph.src[e]]
            and graph.labels[graph.dst[e]].rpartition(":")[0] in servers
        }  # fmt: skip
        for e in events:
            if pid_of.get((int(graph.source[e]), int(graph.record[e]))) in pids:
                actor = graph.dst[e] if graph.action[e] == "launch" else graph.src[e]
                if is_process[actor]:
                    found.add(int(actor))
        entities[name] = _descended(graph, events, found) | named.get(name, set())
    return Labels(capture, entities, by_command)


def _named(
    graph: Graph, where: npt.NDArray[np.object_], views: dict[str, str]
) -> dict[str, set[int]]:
    """Return the services, tasks and files that consoles name, by the capture they are in."""
    words = {
        capture: {word.strip(".:-").lower() for word in _TOKEN.findall(view)}
        for capture, view in views.items()
    }
    called: dict[str, dict[str, set[int]]] = {}
    for name in sorted(set(where)):
        events = np.flatnonzero(where == name)
        for n in {int(n) for n in (*graph.src[events], *graph.dst[events])}:
            if graph.types[n] in _NAMED:
                last = re.split(r"[\\/]", graph.labels[n].lower())[-1]
                called.setdefault(last, {}).setdefault(name, set()).add(n)
    found: dict[str, set[int]] = {}
    for last, mine in called.items():
        if len(last) < _SHORTEST or not all(last in words.get(name, ()) for name in mine):
            continue
        for name, members in mine.items():
            # Of folders and the like a console names many: what is a file has an extension.
            found.setdefault(name, set()).update(
                n for n in members if "." in last or graph.types[n] in ("service", "task")
            )
    return found


def _is_dropped(label: str, dropped: set[str]) -> bool:
    return label.rpartition("\\")[2].lower() in dropped and not _SHIPPED.match(label)


def _descended(graph: Graph, events: Iterable[int], found: set[int]) -> set[int]:
    """Return processes and, as time goes on, those they launched."""
    for e in events:
        if graph.action[e] == "launch" and int(graph.src[e]) in found:
            found.add(int(graph.dst[e]))
    return found
