"""What text lines tell for certain: each that its component wrote it, some a logon or more.

A rule reads the whole message or nothing. So a user called "root from 192.0.2.1" makes no logon
from there: a message in which anything is left over, or there twice, is a line like any other.

Sources: OpenSSH's auth_log(); the manual pages of sudo, su, cron and vsftpd; Apache's log formats
"common" and "combined", which nginx has too.
"""

import re
from typing import NamedTuple

from graphad.decoders.network_ends import from_source
from graphad.relations import Claim, End, Relations

_IP = r"(?P<src_ip>[0-9A-Fa-f]*[.:][0-9A-Fa-f.:]+)"


class Rule(NamedTuple):
    """Messages of some components, by a pattern whose groups are columns of schema.RECORDS."""

    action: str
    provider: str  # pattern of the component
    begins: tuple[str, ...]  # what the masked message begins with, or has in it after one "*"
    message: str
    outcome: str | None = None


RULES = (
        Rule(
            "logon", r"sshd(-session)?(\(\w+\))?", ("Accepted ",),
            rf"Accepted (?P<logon_type>[\w/-]+) for (?P<target_user>\S+) from {_IP} "
            r"port (?P<src_port>\d+)(?: +ssh2?(?:: .*)?)?", "success",
        ),
        Rule(
            "logon", r"sshd(-session)?(\(\w+\))?", ("Failed ",),
            rf"Failed (?P<logon_type>[\w/-]+) for (?:(?:invalid|illegal) user )?"
            rf"(?P<target_user>\S+) from {_IP} port (?P<src_port>\d+)(?: +ssh2?(?:: .*)?)?",
            "failure",
        ),
        Rule(
            "logon", r"vsftpd|", ("OK LOGIN: ",), rf'OK LOGIN: Client "{_IP}"(?:, .*)?', "success"
        ),
        Rule(
            "logon", r"vsftpd|", ("FAIL LOGIN: ",), rf'FAIL LOGIN: Client "{_IP}"(?:, .*)?',
            "failure",
        ),
        Rule(
            "command", r"sudo", ("* COMMAND=",),
            r" *(?P<user>\S+) : (?P<refused>[^;=]* ; )?(?:TTY=[^;]* ; )?"
            r"(?:PWD=(?P<cwd>[^;]*) ; )?USER=(?P<target_user>[^ ;]+) ; "
            r"(?:[A-Z]+=[^;]* ; )*COMMAND=(?P<script>.+)",
        ),
        Rule(
            "switch", r"su(\(\w+\))?", ("(to ",),
            r"\(to (?P<target_user>\S+)\) (?P<user>\S+) on \S+", "success",
        ),
        Rule(
            "switch", r"su(\(\w+\))?", ("Successful su for ",),
            r"Successful su for (?P<target_user>\S+) by (?P<user>\S+)", "success",
        ),
        Rule(
            "switch", r"su(\(\w+\))?", ("FAILED su for ", "FAILED SU (to "),
            r"FAILED (?:su for (?P<target_user>\S+) by|SU \(to (?P<other>\S+)\)) "
            r"(?P<user>\S+)(?: on \S+)?", "failure",
        ),
        Rule(
            "request", r"", ("* HTTP/",),
            rf'{_IP} \S+ (?P<user>\S+) "(?P<method>[A-Za-z]+) (?P<file_path>\S+) HTTP/[\d.]+" '
            r"(?P<result>\d{3}) (?:\d+|-)(?: .*)?",
        ),
        Rule(
            "job", r"(?i)(?:/usr/sbin/)?crond?(\(\w+\))?", ("*) CMD (",),
            r"\((?P<user>[^()\s]+)\) CMD \((?P<script>.*)\)",
        ),
)  # fmt: skip
_PROVIDERS = [re.compile(rule.provider) for rule in RULES]
_MESSAGES = [re.compile(rule.message, re.DOTALL) for rule in RULES]
COLUMNS = (
    "action", "outcome", "user", "target_user", "src_ip", "src_port", "logon_type", "cwd", "script",
    "file_path", "result",
)  # fmt: skip


def candidate(provider: str, masked: str) -> int:
    """Return the rule that may read messages of a component with this masked text, -1 if none."""
    for i, rule in enumerate(RULES):
        if any(
            start[1:] in masked if start[0] == "*" else masked.startswith(start)
            for start in rule.begins
        ) and _PROVIDERS[i].fullmatch(provider):
            return i
    return -1


def told(rule: int, message: str, context: str) -> dict[str, str] | None:
    """Return the columns that a message fills by a rule; None if it has another form."""
    found = _MESSAGES[rule].fullmatch(message.rstrip())
    if found is None:
        return None
    said = {name: value for name, value in found.groupdict().items() if value is not None}
    said["action"] = RULES[rule].action
    outcome = RULES[rule].outcome
    if said["action"] == "command":
        outcome = "failure" if said.pop("refused", None) else "success"
    if said["action"] == "request":
        reads = said.pop("method").upper() in ("GET", "HEAD", "OPTIONS", "PROPFIND", "TRACE")
        said["action"] = "request" if reads else "request that writes"
        outcome = "failure" if said["result"] >= "400" else "success"
        if said["user"] == "-":
            del said["user"]
    if "other" in said:
        said["target_user"] = said.pop("other")
    if outcome:
        said["outcome"] = outcome
    if said["action"] == "logon" and "target_user" not in said:
        if not context:
            return None
        said["target_user"] = context
    return said


_ENDS = {
    "component": End("service", "provider"),
    "host": End("host", "host"),
    "template": End("template", "code", "left(message, 1000)"),
    "address": End("address", "src_ip"),
    "account": End("user", "target_user"),
    "user": End("user", '"user"'),
    "task": End("task", "script"),
    "page": End("file", "split_part(file_path, '?', 1)"),
}
_MORE: dict[str, list[tuple[str, str, str]]] = {
    "line": [],
    "logon": [("address", "logon", "account"), ("account", "logon", "host")],
    "refused": [("address", "logon", "account")],
    "command": [("user", "start", "task"), ("user", "access", "account")],
    "refused command": [("user", "access", "account")],
    "switch": [("user", "access", "account")],
    "job": [("user", "start", "task")],
    "request": [("page", "read", "address"), ("address", "logon", "user")],
    "request that writes": [("address", "write", "page"), ("address", "logon", "user")],
}
RELATIONS = Relations(
    kind="""CASE action
        WHEN 'logon' THEN CASE outcome WHEN 'success' THEN 'logon' ELSE 'refused' END
        WHEN 'command' THEN CASE outcome WHEN 'success' THEN 'command' ELSE 'refused command' END
        ELSE coalesce(action, 'line') END
        || CASE WHEN provider IS NULL THEN ' of a host' ELSE '' END""",
    ends=_ENDS,
    edges={
        kind + ending: [(writer, "write", "template"), *more]
        for kind, more in _MORE.items()
        for ending, writer in (("", "component"), (" of a host", "host"))
    },
    outcome="outcome",
    claims=[
        Claim(
            "caller",
            _ENDS["address"],
            from_source(),
            ("logon", "refused", "logon of a host", "refused of a host"),
            each=True,
        ),
    ],
)
IGNORE = """CASE WHEN ts IS NULL THEN 'no time stamp' END"""
