"""Stores for tests of reports: findings made up, hostile ones among them, kept as others are."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from graphad.findings import Doubt, Finding
from graphad.incidents import grouped, settle
from graphad.schema import SEVERITIES
from graphad.store import kept
from graphad.workspace import Workspace, open_store
from tests.nasty import CORPUS
from tests.sample_findings import finding


def plenty(count: int, host: str = "ws1.corp.example") -> list[Finding]:
    """Return findings as a hunt gives them: a few large incidents, many of one finding."""
    found = []
    for i in range(count):
        group = i // 50 if i % 2 else i
        shell, at = f"/usr/bin/shell-{group}", 600.0 * (i % 997)
        one = finding(
            f"{i:05d}",
            ("/usr/sbin/sshd", "launch", shell, 2.0, at, 3 * i),
            (shell, "write", f"file /tmp/{i:05d}/payload.bin", 9.0 + i % 7, at + 1, 3 * i + 1),
            (f"file /tmp/{i:05d}/payload.bin", "exec", f"/tmp/{i}", 11.0, at + 2, 3 * i + 2),
            host=host if i % 3 else f"srv{i % 20}",
            z=1.0 + (i * 7919) % 1000 / 100.0,
        )
        for proof in one.evidence:
            proof.text = f"type=SYSCALL msg=audit({i}): exe={shell} key=x " * 8
        one.severity = SEVERITIES[min(int(one.z / 2.2), 4)]
        one.alert, one.p_value = one.z >= 8, 10**-one.z
        found.append(one)
    return found


def hostile() -> list[Finding]:
    """Return a finding for each hostile text, which is everywhere that a log can put it."""
    found = []
    for i, text in enumerate(CORPUS):
        text = text.encode("utf-8", "backslashreplace").decode()  # a store holds Unicode
        one = finding(
            f"nasty{i:03d}", (f"file {text}", "exec", "sh", 5.0, float(i), 2 * i),
            ("sh", "connect", f"socket {text}", 7.0, i + 0.5, 2 * i + 1), host="h",
        )  # fmt: skip
        one.host = one.title = one.detector = text
        one.kind, one.doubts = "launch", [Doubt(text, text, 9.0, [(text, 0.9)], 100)]
        for entity in one.entities:
            entity.name = entity.key = entity.detail = text
        for edge in one.edges:
            edge.host, edge.action, edge.terms = text, text, {text: 4.0, "plain": 2.0}
        one.terms = {text: 8.0, "plain": 4.0}
        for proof in one.evidence:
            proof.source, proof.text = f"/var/log/{text}", text
        found.append(one)
    return found


def stored(path: Path, found: Sequence[Finding]) -> Workspace:
    """Return a store that keeps findings, which were made without a log."""
    store = open_store(path)
    with store._changing() as change:
        known = settle(grouped(found), {}, [], change.number + 1)
        kept.save(path, change, sorted(found, key=lambda f: (-f.z, f.id)), known)
    return store


def copied(found: Sequence[Finding]) -> list[Finding]:
    """Return findings that share nothing with the given ones."""
    return msgspec.json.decode(msgspec.json.encode(list(found)), type=list[Finding])
