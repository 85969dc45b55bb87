"""Access logs of Apache and nginx: what their lines say, and which client asked for which page."""

import json
from pathlib import Path

from graphad.store import Store
from tests.parsers.test_text import SAMPLES, of


def test_access_logs_tell_clients_and_users() -> None:
    rows = of("access.log")
    assert [row["message"] for row in rows] == [
        '<ip> - - "GET <path> HTTP/<num>" <num> <num> "-" "Mozilla/<num> (X11; Linux x86_64)"',
        '<ip> - <user> "POST <path> HTTP/<num>" <num> <num> "<url>" "curl/<version>"',
        '<ipv6> - - "GET <path> HTTP/<num>" <num> <num> "-" "-"',
    ]
    assert json.loads(rows[1]["attrs"]) == {
        "ip": "203.0.113.9", "user": "admin", "path": "/login", "num": "1.1", "num#2": "401",
        "num#3": "230", "url": "https://shop.example.org/login", "version": "8.5.0",
    }  # fmt: skip


def test_a_request_is_of_a_page_by_a_client(tmp_path: Path) -> None:
    text = (SAMPLES / "access.log").read_text() + (
        'proxy - - [02/May/2024:10:15:08 +0200] "GET /a HTTP/1.1" 200 1\n'
        '192.0.2.9 - a [02/May/2024:10:15:09 +0200] "GET /a HTTP/1.1" 200 1 x" 404\n'
        '192.0.2.9 - - [02/May/2024:10:15:10 +0200] "\\x16\\x03" 400 1\n'
    )
    (tmp_path / "access.log").write_text(text)
    store = Store(tmp_path / "s")
    store.ingest(tmp_path / "access.log")
    rows = store.sql(
        """SELECT line, src_type, src, action, dst_type, dst, outcome FROM events
           WHERE dst_type <> 'template' ORDER BY line, action DESC"""
    ).to_pylist()
    assert [tuple(row.values()) for row in rows] == [
        (1, "file", "/cart", "read", "address", "192.0.2.17", "success"),
        (2, "address", "203.0.113.9", "write", "file", "/login", "failure"),
        (2, "address", "203.0.113.9", "logon", "user", "admin", "failure"),
        (3, "file", "/../../etc/passwd", "read", "address", "2001:db8::17", "failure"),
        (5, "file", "/a", "read", "address", "192.0.2.9", "success"),
        (5, "address", "192.0.2.9", "logon", "user", "a", "success"),
    ]  # fmt: skip
