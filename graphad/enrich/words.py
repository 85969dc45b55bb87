"""How the columns of each kind of events follow from fields of one raw event.

The same words that `detectors.event_kinds` reads off a store's graph: a test compares them.
"""

from collections.abc import Callable, Mapping, Sequence

from graphad.detectors.event_words import (
    address,
    area,
    base,
    extension,
    folder,
    port,
    protocol,
    zone,
)
from graphad.models.names import canonical, command_shape

Word = Callable[[str], str]
# Fields of which the first one that says something counts, and the word that it becomes.
Column = tuple[tuple[str, ...], Word]

# Where the domain of an account is, if the account's own field doesn't hold it.
DOMAINS = {"user": "user_domain", "target_user": "target_domain"}
REMOTE = "remote"  # field made of address and port
CONSTANT = "="  # begins a field that the mapping's rule tells, such as =action
LONGEST = 8192  # characters of a value that count; what a log says may be longer


def _named(kind: str, word: Word = str) -> Word:
    return lambda raw: word(canonical(kind, raw))


_HOST: dict[str, Column] = {"host": (("host",), str)}
_USER: dict[str, Column] = {"user": (("user",), _named("user"))}
_BY_PROGRAM: dict[str, Column] = _USER | {
    "program": (("exe",), _named("process", base)),
    "program_folder": (("exe",), _named("process", folder)),
}
_ACTION: dict[str, Column] = {"action": (("=action",), str)}
_FILE: dict[str, Column] = {
    "folder": (("file_path",), _named("file", folder)),
    "extension": (("file_path",), _named("file", extension)),
    "file": (("file_path",), _named("file", base)),
}

# What an event must say to be of a kind, and its columns.
KINDS: Mapping[str, tuple[Sequence[str], dict[str, Column]]] = {
    "launch": (("exe",), _USER | {
        "parent": (("parent_exe",), _named("process", base)),
        "parent_folder": (("parent_exe",), _named("process", folder)),
        "program": (("exe",), _named("process", base)),
        "program_folder": (("exe",), _named("process", folder)),
        "command": (("command_line",), command_shape),
    }),
    "access": (("exe", "target_exe"), _BY_PROGRAM | _ACTION | {
        "target": (("target_exe",), _named("process", base)),
        "rights": (("access",), str.lower),
    }),
    "load": (("exe", "file_path"), _BY_PROGRAM | _FILE),
    "file": (("exe", "file_path"), _BY_PROGRAM | _ACTION | _FILE),
    "registry": (("exe", "registry_path"), _BY_PROGRAM | _ACTION | {
        "area": (("registry_path",), _named("registry", area)),
        "key": (("registry_path",), _named("registry")),
    }),
    "network": (("exe", REMOTE), _BY_PROGRAM | _ACTION | {
        "protocol": (("protocol",), protocol),
        "address": ((REMOTE,), _named("socket", address)),
        "port": ((REMOTE,), _named("socket", port)),
    }),
    "domain": (("exe", "domain"), _BY_PROGRAM | {
        "zone": (("domain",), _named("domain", zone)),
        "domain": (("domain",), _named("domain")),
    }),
    "pipe": (("exe", "pipe"), _BY_PROGRAM | _ACTION | {
        "pipe": (("pipe",), _named("pipe")),
    }),
    "logon": (("target_user",), _HOST | {
        "account": (("target_user", "user"), _named("user")),
        "source": (("src_ip", "src_host"), str.lower),
        "logon_type": (("logon_type",), str.lower),
        "outcome": (("outcome",), str.lower),
    }),
    "service": (("service",), _HOST | _BY_PROGRAM | _ACTION | {
        "type": (("=type",), str),
        "service": (("service",), _named("service")),
    }),
    "share": (("src_ip", "file_path"), _HOST | _USER | _ACTION | _FILE | {
        "source": (("src_ip",), _named("address")),
    }),
}  # fmt: skip


def account(domain: str, name: str) -> str:
    """Return an account with its domain, "" if it has none or the name says it already.

    >>> account("CORP", "bob"), account("CORP", "LAB" + chr(92) + "eve"), account("-", "bob")
    ('CORP\\\\bob', '', '')
    """
    if not name or domain in ("", "-") or "\\" in name or "@" in name:
        return ""
    return f"{domain}\\{name}"


def remote(ip: str, number: str) -> str:
    """Return an address and a port as the key of a socket.

    >>> remote("10.0.0.7", "443"), remote("fe80::1", "80")
    ('10.0.0.7:443', '[fe80::1]:80')
    """
    return f"[{ip}]:{number}" if ":" in ip else f"{ip}:{number}"
