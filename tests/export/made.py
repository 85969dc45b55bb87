"""Findings made up for tests of exporters: one of each detector, and hostile ones."""

from collections.abc import Iterator, Sequence

from graphad.findings import Doubt, Edge, Entity, Evidence, Finding, Marked
from tests.nasty import CORPUS

T = "2026-03-02T10:00:0{}.000000Z"


def one(unit: str, entities: Sequence[Entity], edges: Sequence[Edge], **more: object) -> Finding:
    """Return a finding of a unit; its score is the sum of its edges' terms unless it is given."""
    bits = sum(sum(edge.terms.values()) for edge in edges)
    told: dict[str, object] = {
        "id": f"{unit}-0123456789", "detector": unit, "unit": unit, "score": bits, "z": 3.5,
        "p_value": 0.01, "severity": "high", "alert": True, "host": "ws1.corp.example",
        "start": edges[0].ts, "end": edges[-1].ts, "count": 2, "title": f"odd {unit}",
        "entities": list(entities), "edges": list(edges), "terms": {"odd": bits},
        "evidence": [Evidence("a.log", i + 1, i + 1, f"line {i}", 1) for i in range(len(edges))],
        "model": f"{unit}-model", "incident": "incident-0123456789", "rank": 1,
    }  # fmt: skip
    return Finding(**(told | more))  # type: ignore[arg-type]


WORD = Entity("01", "process", "word", "C:\\Office\\winword.exe", "winword.exe offer.docm")
SHELL = Entity("02", "process", "powershell", "C:\\Windows\\powershell.exe", "powershell -enc x")
FILE = Entity("03", "file", "f", "C:\\Users\\bob\\x.exe")
KEY = Entity("04", "registry", "run", "HKLM\\Software\\Run\\x")
PEER = Entity("05", "socket", "203.0.113.7:443", "203.0.113.7:443")
NAME = Entity("06", "domain", "evil.example", "evil.example")
USER = Entity("07", "user", "corp\\bob", "CORP\\bob")
SESSION = Entity("08", "session", "0x<n>", "0x77")
SERVICE = Entity("09", "service", "svc", "svc")
TASK = Entity("0a", "task", "t", "\\Backup")
HOST = Entity("0b", "host", "srv1", "srv1.corp.example")
PIPE = Entity("0c", "pipe", "\\p", "\\\\.\\pipe\\p")
MODULE = Entity("0d", "module", "x.dll", "C:\\Temp\\x.dll")
TEMPLATE = Entity("0e", "template", "Accepted <*>", "Accepted <*>")
CALLER = Entity("0f", "address", "2001:db8::7", "2001:db8::7")
EVERY = (
    WORD, SHELL, FILE, KEY, PEER, NAME, USER, SESSION, SERVICE, TASK, HOST, PIPE, MODULE, TEMPLATE,
    CALLER,
)  # fmt: skip


def edge(src: int, dst: int, action: str, second: int = 0, bits: float = 4.0) -> Edge:
    """Return an event, some seconds past the hour."""
    return Edge(src, dst, action, T.format(second), {"odd": bits}, "ws1.corp.example")


PATH = one(
    "path", [WORD, SHELL, FILE, SHELL, PEER],
    [edge(0, 1, "launch", 0, 9.0), edge(1, 2, "write", 1), edge(2, 3, "read", 2),
     edge(3, 4, "connect", 3)],
    title="winword.exe → powershell.exe → x.exe → powershell.exe → 203.0.113.7:443",
)  # fmt: skip
EVENT = one(
    "event", [WORD, SHELL], [edge(0, 1, "launch", 4)], severity=None, alert=None, p_value=None,
    kind="launch", doubts=[Doubt("user", "CORP\\bob", 10.0, [("CORP\\eve", 0.5)], 5000)],
    marks=[Marked("m1", "benign", "known tool")],
)  # fmt: skip
WINDOW = one(
    "window", EVERY,
    [edge(1, i, "access" if i < 14 else "connect", 5) for i in range(2, 15)]
    + [edge(14, 7, "logon", 6), edge(4, 1, "accept", 6)],
    kind="host", measure="bits a label", terms={"x": 1.5, "others": 0.5}, score=2.0,
)  # fmt: skip
RELATION = one(
    "relation", [SERVICE, TEMPLATE], [edge(0, 1, "write", 7)], severity="critical",
    kind="with user", doubts=[Doubt("user", "eve", 12.0, [("bob", 0.9)], 100, True)],
)  # fmt: skip
ALL = (PATH, EVENT, WINDOW, RELATION)


def hostile() -> Iterator[tuple[str, Finding]]:
    """Yield each nasty string and a finding that has it in every text a log can reach."""
    kinds = ("process", "file", "socket", "user", "domain", "registry", "host", "session")
    for i, text in enumerate(CORPUS):
        entities = [Entity(f"{n:02x}", kind, text, text, text) for n, kind in enumerate(kinds)]
        made = one("path", entities, [edge(0, n, "launch") for n in range(len(kinds))])
        made.id, made.host = f"path-{i:010}", text
        made.title = text
        for proof in made.evidence:
            proof.source, proof.text = f"{text}.log", text
        for event in made.edges:
            event.host = text
        made.doubts = [Doubt("user", text, 9.0, [(text, 0.5)])]
        made.marks = [Marked("m1", "benign", text)]
        made.kind = "launch"
        yield text, made
