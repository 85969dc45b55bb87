"""What the arguments of a call, as strace prints them, say: strings, paths, addresses, commands."""

import re
import shlex
from functools import lru_cache

STRING = rb'"((?>[^"\\]++|\\.)*+)"(\.\.\.)?'
NAMED = rb"(?<=\w)<(?>/(?:[^<>]|<[^<>]*+>)*+|(?!/)(?:->|[^<>]|<[^<>]*+>)*+)>"
_FLAT = re.compile(rb'(?>"(?>[^"\\]++|\\.)*+"|' + NAMED + rb'|[^,"<]++|<)++', re.DOTALL)
_STRING = re.compile(STRING, re.DOTALL)
_ARGV = re.compile(rb'\[((?:"(?>[^"\\]++|\\.)*+"|[., ])*+)\]', re.DOTALL)
_WORD = re.compile(STRING + rb"|(\.\.\.)", re.DOTALL)
_PAIR = re.compile(rb"\[(\d+)(" + NAMED + rb")?, (\d+)(" + NAMED + rb")?\]")
_INET = re.compile(rb'sin_port=htons\((\d+)\), sin_addr=inet_addr\("([^"\\]*)"\)')
_INET6 = re.compile(rb'sin6_port=htons\((\d+)\).{0,60}?inet_pton\(AF_INET6, "([^"\\]*)"')
_UNIX = re.compile(rb'sun_path=(@?)"((?>[^"\\]++|\\.)*+)"', re.DOTALL)
_ESCAPE = re.compile(rb"\\(x[0-9a-fA-F]{2}|[0-7]{1,3}|.)", re.DOTALL)
_LETTERS = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"v": b"\v", b"f": b"\f", b"a": b"\a"}
_FD = re.compile(rb"(AT_FDCWD|\d{1,9})(?:<(.*)>(?:\(deleted\))?)?", re.DOTALL)


def unescape(text: bytes) -> str:
    r"""Return what strace escaped as C does, -x and -xx included.

    >>> unescape(rb"a\x20b\40c\n\"")
    'a b c\n"'
    """
    if b"\\" in text:
        text = _ESCAPE.sub(_byte, text)
    return text.decode("utf-8", "backslashreplace")


def _byte(found: re.Match[bytes]) -> bytes:
    code = found[1]
    if code[:1] == b"x" and len(code) == 3:
        return bytes([int(code[1:], 16)])
    if code[:1].isdigit():
        return bytes([int(code, 8) & 0xFF]) if code[0] < 56 else code
    return _LETTERS.get(code, code)


@lru_cache(maxsize=1 << 14)
def flat(args: bytes) -> tuple[bytes, ...]:
    """Return the arguments that stand before the first bracket's comma, split at commas.

    >>> flat(b'AT_FDCWD</a,b>, "x, y", O_RDONLY')
    (b'AT_FDCWD</a,b>', b'"x, y"', b'O_RDONLY')
    """
    return tuple(part.strip(b" ") for part in _FLAT.findall(args))


def string(arg: bytes) -> str | None:
    """Return the text of an argument that is a string; None if it is another or cut short."""
    found = _STRING.fullmatch(arg)
    return unescape(found[1]) if found and not found[2] else None


def descriptor(arg: bytes) -> tuple[int, bytes] | None:
    """Return a descriptor's number, -100 for AT_FDCWD, and the name that strace gave it.

    >>> descriptor(b"3</etc/passwd>")
    (3, b'/etc/passwd')
    """
    found = _FD.fullmatch(arg)
    if found is None:
        return (-100, b"") if arg == b"-100" else None
    return -100 if found[1] == b"AT_FDCWD" else int(found[1]), found[2] or b""


def pair(args: bytes) -> tuple[tuple[int, bytes], tuple[int, bytes]] | None:
    """Return the two descriptors that pipe or socketpair made, with their names."""
    found = _PAIR.search(args)
    if found is None:
        return None
    one, two = found[2] or b"", found[4] or b""
    return (int(found[1]), one[1:-1]), (int(found[3]), two[1:-1])


def command_line(args: bytes) -> str:
    r"""Return the command line of execve's arguments, quoted for a shell.

    What strace cut off, it and this mark with three dots.

    >>> command_line(rb'"/bin/sh", ["sh", "-c", "echo a"...], 0x7ffe /* 9 vars */')
    "sh -c 'echo a...'"
    """
    found = _ARGV.search(args)
    if found is None:
        return ""
    words = []
    for text, cut, dots in _WORD.findall(found[1]):
        words.append("..." if dots else shlex.quote(unescape(text) + ("..." if cut else "")))
    return " ".join(words)


def address(args: bytes) -> str | None:
    r"""Return the socket address among the arguments, as ip:port or unix:path; None without one.

    >>> address(rb'3, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("10.0.0.7")}, 16')
    '10.0.0.7:80'
    """
    found = _INET.search(args)
    if found:
        return f"{found[2].decode('latin-1')}:{int(found[1])}"
    found = _INET6.search(args)
    if found:
        ip = found[2].decode("latin-1")
        return f"{ip[7:]}:{int(found[1])}" if _mapped(ip) else f"[{ip}]:{int(found[1])}"
    found = _UNIX.search(args)
    if found:
        return f"unix:{found[1].decode()}{unescape(found[2])}"
    return None


def _mapped(ip: str) -> bool:
    return ip.startswith("::ffff:") and "." in ip


def peer(name: bytes) -> str | None:
    """Return the address a socket's name holds, the far end's if it has one; None without one.

    >>> peer(b"TCP:[10.0.0.1:5000->10.0.0.7:443]"), peer(b"TCP:[5512]")
    ('10.0.0.7:443', None)
    """
    kind, _, inside = name.partition(b":[")
    text = unescape(inside[:-1])
    if kind.startswith(b"UNIX"):
        numbers, _, path = text.partition(",")
        if path:
            return "unix:" + path.strip(' "').replace('@"', "@")
        ends = sorted(numbers.split("->"))
        return f"unix:[{'-'.join(ends)}]" if len(ends) == 2 else None
    far = text.rpartition("->")[2]
    ip, _, port = far.rpartition(":")
    if not ip or not port.isdigit():
        return None
    bare = ip.strip("[]")
    return f"{bare[7:]}:{port}" if _mapped(bare) else far
