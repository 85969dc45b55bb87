r"""Canonical entity names: what statistics are learned on, so that they carry over from day to day.

What varies from run to run, host to host and user to user is masked; what a thing is stays. The
rules, each with an example, are in docs/names.md, which the tests run.

    canonical("process", r"\Device\HarddiskVolume2\Windows\System32\cmd.exe")
    canonical("process", r"C:\Windows\System32\cmd.exe")    both %drive%\windows\system32\cmd.exe

A name is at most 400 characters long, naming it again changes nothing, and no text raises. What
can't be shown (NUL, escapes) stays as it is: that is for the sinks, see sanitize.py.
"""

import re
from collections.abc import Callable, Iterable
from ipaddress import IPv6Address

from graphad.models.command_shape import command_shape
from graphad.models.name_masks import MAX_NAME, MAX_RAW, cut, is_cut, mask
from graphad.models.name_paths import PER_USER, path, posix, registry

__all__ = ["canonical", "canonical_many", "command_shape"]

_LINK_LOCAL = "fe80::<id>"
_EPHEMERAL = "32768"  # first port Linux lends out; Windows lends from 49152


def _ipv6(text: str) -> str:
    """Return an IPv6 address in its shortest form, an IPv4 one mapped into it as IPv4, or "".

    Of a link-local address the interface's part is drawn anew by each machine, and is masked.
    """
    bare = text[1:-1] if text[:1] == "[" and text[-1] == "]" else text
    if bare == _LINK_LOCAL:
        return bare
    try:
        parsed = IPv6Address(bare)
    except ValueError:
        return ""
    return _LINK_LOCAL if parsed.is_link_local else str(parsed.ipv4_mapped or parsed)


def _address(label: str) -> str:
    text = label.lower()
    return (":" in text and _ipv6(text)) or text


def _port(port: str) -> str:
    ephemeral = len(port) == 5 and port.isascii() and port.isdecimal() and port >= _EPHEMERAL
    return "*" if ephemeral else port.lower()


_KERNEL = re.compile(r"[a-z_]+:\[[0-9]++\]")


def _socket(label: str) -> str:
    if label[:5] == "unix:":
        return "unix:" + path(label[5:])
    if label[:1] == "@":
        return "@" + posix(label[1:])
    host, colon, port = label.rpartition(":")
    if not colon:  # an address alone, or a kernel's name
        return label if label.replace(".", "").isdecimal() else mask(label.lower())
    if _KERNEL.fullmatch(label):  # socket:[4711]
        return f"{host}:[<num>]"
    if ":" not in host:
        return f"{host.lower()}:{_port(port)}"
    if not port or label[-1] == "]" or (host[-1] == ":" and host[-2:] != "::"):
        host, port = label, ""  # an address alone
    host = host.lower()
    address = _ipv6(host)
    if ":" in address:
        address = f"[{address}]"
    return f"{address or host}:{_port(port)}" if port else address or host


_DOMAIN_SID = re.compile(r"^s-1-(?:5-21|12-1)(?:-[0-9]++)*-([0-9]++)$")
_SESSION_ACCOUNT = re.compile(r"(^|\\)(dwm|umfd)-[0-9]++$")
_SESSION_SID = re.compile(r"^(s-1-5-(?:90|96)-0)-[0-9]++$")
_LOGON_SID = re.compile(r"^s-1-5-5(?:-[0-9]++)+$")


def _user(label: str) -> str:
    """Return an account, folded; of a domain SID the RID stays, else all accounts were one."""
    text = label.lower()
    if text[:4] == "s-1-":
        text = _DOMAIN_SID.sub(r"<sid>-\1", text)
        text = _LOGON_SID.sub("<sid>", text)
        return _SESSION_SID.sub(r"\1-<n>", text)
    return _SESSION_ACCOUNT.sub(r"\1\2-<n>", text)


_LEFT, _RIGHT = r"(?<![0-9A-Za-z<>])", r"(?![0-9A-Za-z<>])"
_GUID = rf"{_LEFT}[0-9a-f]{{8}}(?:-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}{_RIGHT}"
_HOST_MASKS = re.compile(
    rf"(?P<guid>{_GUID})|(?P<hex>{_LEFT}(?=[a-f]*+[0-9])[0-9a-f]{{8,}}+{_RIGHT})"
)
_LABEL_MASKS = re.compile(_HOST_MASKS.pattern + "|(?P<num>[0-9]{4,}+)")


def _host(label: str) -> str:
    text = label.lower().rstrip(".")
    return _HOST_MASKS.sub(lambda m: f"<{m.lastgroup}>", text)


def _domain(label: str) -> str:
    """Return a domain name; the last two labels, which somebody registered, stay as they are."""
    text = label.lower().rstrip(".")
    at = text.rfind(".", 0, max(text.rfind("."), 0))
    if at < 0:
        return text
    return _LABEL_MASKS.sub(lambda m: f"<{m.lastgroup}>", text[:at]) + text[at:]


_PIPE_PREFIX = re.compile(r"^(?:\\\\\.\\pipe\\|\\device\\namedpipe\\|\\\?\?\\pipe\\)+")
_PIPE_NUMBER = re.compile(
    r"(?<=\.)[0-9]++(?=\.)|(?<=-)(?=[a-f]*+[0-9])[0-9a-f]++(?=-)|(?<=\[)[0-9]++(?=\])"
)


def _pipe(label: str) -> str:
    if label[:1] == "/":
        return posix(label)
    text = _PIPE_PREFIX.sub(r"\\", label.lower().replace("&lt;", "<").replace("&gt;", ">"))
    # GUIDs first: their middle parts stand between hyphens too.
    text = _LABEL_MASKS.sub(lambda m: m[0] if m.lastgroup == "num" else f"<{m.lastgroup}>", text)
    return mask(_PIPE_NUMBER.sub("<n>", text))


def _service(label: str) -> str:
    return mask(PER_USER.sub("_<luid>", label.lower()))


def _task(label: str) -> str:
    return mask(label.lower())


_WELL_KNOWN_LOGON = frozenset(("0x3e3", "0x3e4", "0x3e5", "0x3e6", "0x3e7"))
_RUN = re.compile("[0-9]++")


def _session(label: str) -> str:
    text = label.lower()
    if text in _WELL_KNOWN_LOGON:
        return text
    return _RUN.sub("<n>", mask(text))


def _template(label: str) -> str:
    return label


_RULES: dict[str, Callable[[str], str]] = {
    "process": path,
    "file": path,
    "module": path,
    "socket": _socket,
    "address": _address,
    "user": _user,
    "host": _host,
    "registry": registry,
    "pipe": _pipe,
    "domain": _domain,
    "service": _service,
    "task": _task,
    "session": _session,
    "template": _template,
}


def canonical(entity_type: str, label: str) -> str:
    r"""Return the canonical name of what a log calls `label`.

    `entity_type` is one of schema.ENTITY_TYPES; another type's labels are masked like a task's,
    their case kept. Returns at most 400 characters; canonical(t, canonical(t, x)) is
    canonical(t, x). Nothing is raised.

    >>> canonical("process", r"C:\Users\bob\AppData\Local\Temp\setup.exe")
    '%drive%\\users\\<user>\\appdata\\local\\temp\\setup.exe'
    >>> canonical("socket", "10.0.0.7:443"), canonical("socket", "10.0.0.7:50123")
    ('10.0.0.7:443', '10.0.0.7:*')
    """
    rule = _RULES.get(entity_type, mask)
    if len(label) > MAX_RAW:
        return cut(rule(label[:MAX_RAW]), label)
    if is_cut(label):
        return label
    name = rule(label)
    return name if len(name) <= MAX_NAME else cut(name, name)


def canonical_many(types: Iterable[str], labels: Iterable[str]) -> list[str]:
    r"""Return the canonical names of pairs, in their order; give each distinct pair once.

    Shape: types [N], labels [N]; returns [N].

    >>> canonical_many(["user", "host"], ["CORP\\Bob", "WEB01.corp.example."])
    ['corp\\bob', 'web01.corp.example']
    """
    rules = _RULES
    names = []
    for entity_type, label in zip(types, labels, strict=True):
        # Short labels can't need cutting: no mask lengthens a name fourfold.
        if len(label) <= MAX_NAME // 4 and label[-1:] != ">" and entity_type in rules:
            names.append(rules[entity_type](label))
        else:
            names.append(canonical(entity_type, label))
    return names
