"""The masks of text written plainly: regular expressions, one place after another."""

import re

from graphad.scan.text_words import _DURATIONS, _NO_USERS, _PLAIN, _SIZES, ZONES

LONGEST = 253
W = rb"[A-Za-z0-9_\x80-\xff]"
END = rb"(?![A-Za-z0-9_\x80-\xff])"
BLANK = rb" \t\r\v\f"
STOP = BLANK + rb"\"'<>)\]},;|`"
OPENING = set(b" \t\r\v\f\"'=([{,:;`>|")
OCTET = rb"(?:25[0-5]|2[0-4]\d|1\d\d|0\d\d|\d\d|\d)"
IP = rb"%s(?:\.%s){3}(?!\d)" % (OCTET, OCTET) + END + rb"(?!\.\d)"
UUID = rb"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}" + END
CLOCK = (
    rb"\d\d?+:\d\d(?!\d):\d\d(?!\d)(?:[.,]\d++)?+(?:Z|[+-]\d{4}(?!\d)|[+-]\d\d:\d\d(?!\d))?+" + END
    + rb"(?!:)"
)  # fmt: skip
DATE = rb"\d{4}([-/.])\d\d?+\1\d\d?+(?!\d)"
HEX0X = rb"0[xX][0-9A-Fa-f]++" + END
NUMBER = rb"\d++(?:\.\d++)*+"
PATH = (
    rb"(?:~?/[A-Za-z0-9_\x80-\xff.-]|\\\\?[A-Za-z?.]|[A-Za-z]:\\)"
)  # fmt: skip


def _full(pattern: bytes, text: bytes, at: int) -> int:
    found = re.compile(pattern, re.DOTALL).match(text, at)
    return found.end() if found else -1


def _hex(text: bytes, at: int, least: int) -> int:
    end = _full(HEX0X, text, at)
    if end > 0:
        return end
    found = re.compile(rb"[0-9A-Fa-f]+" + END).match(text, at)
    if not found or len(found[0]) < least:
        return -1
    digits = sum(48 <= c <= 57 for c in found[0])
    return found.end() if 0 < digits < len(found[0]) else -1


def _pairs(text: bytes, at: int) -> tuple[int, int]:
    for separator in (rb":", rb"-"):
        found = re.compile(
            rb"[0-9A-Fa-f]{2}(?:%s[0-9A-Fa-f]{2}){5,}" % separator + END + rb"(?!%s)" % separator
        ).match(text, at)
        if found and found.end() < len(text) and text[found.end()] in b":-":
            other = text[found.end() : found.end() + 3]
            if re.fullmatch(rb"[:-][0-9A-Fa-f]{2}", other):
                return -1, 0
        if found and found[0].count(separator) > 63:
            return -1, 0
        if found:
            return found.end(), found[0].count(separator) + 1
    return -1, 0


def _ipv6(text: bytes, at: int) -> int:
    run = re.compile(rb"[0-9A-Fa-f:]+").match(text, at)
    if not run:
        return -1
    found = run[0]
    if found.endswith(b":") and not found.endswith(b"::"):
        found = found[:-1]
    end = at + len(found)
    if re.compile(W).match(text, end) or not re.search(rb"\d", found):
        return -1
    if found.count(b"::") > 1 or b":::" in found or (found[:1] == b":" and found[:2] != b"::"):
        return -1
    groups = [g for g in found.split(b":") if g]
    if any(len(g) > 4 for g in groups):
        return -1
    if b"::" in found:
        return end if 1 <= len(groups) <= 7 else -1
    return end if len(groups) == 8 else -1


def _url(text: bytes, at: int) -> int:
    found = re.compile(rb"[A-Za-z0-9+.-]{1,16}://([^%s\"'<>`]+)" % BLANK).match(text, at)
    if not found:
        return -1
    body = found[1].rstrip(b".,;:)]}")
    return found.start(1) + len(body) if body else -1


def _path(text: bytes, at: int) -> int:
    if not re.compile(PATH, re.DOTALL).match(text, at):
        return -1
    head = text[at : at + 1]
    if head == b"/" and _full(IP, text, at + 1) > 0:
        return -1
    if head == b"~" and _full(IP, text, at + 2) > 0:
        return -1
    end = at + (3 if head.isalpha() else 1)
    found = re.compile(rb"(?:[^%s:]|:(?![%s\d])(?!\Z))*" % (STOP, BLANK)).match(text, end)
    assert found
    end = found.end()
    while end > at + 2 and text[end - 1 : end] in (b".", b":"):
        end -= 1
    return end


def _domain(text: bytes, at: int) -> int:
    found = re.compile(rb"[A-Za-z0-9](?:[A-Za-z0-9-]|\.(?=[A-Za-z0-9]))*").match(text, at)
    if not found or len(found[0]) > LONGEST or b"." not in found[0]:
        return -1
    if re.compile(W).match(text, found.end()):
        return -1
    return found.end() if found[0].rsplit(b".", 1)[1].lower().decode() in ZONES else -1


def _account(text: bytes, at: int) -> tuple[int, bool]:
    found = re.compile(rb"[A-Za-z0-9_\x80-\xff.%+-]+@(?=[A-Za-z0-9])").match(text, at)
    if not found:
        return -1, False
    start = found.end()
    if len(found[0]) - 1 > LONGEST:
        return -1, False
    if _hex(text, start, 5) > 0 or _full(NUMBER, text, start) > 0:
        return -1, False
    host = re.compile(rb"(?:[A-Za-z0-9-]|\.(?=[A-Za-z0-9]))+").match(text, start)
    assert host
    if len(host[0]) > LONGEST or re.compile(W).match(text, host.end()):
        return -1, False
    last = host[0].rsplit(b".", 1)
    return host.end(), len(last) == 2 and len(last[0]) > 0 and len(last[1]) > 1 and last[
        1
    ].isalpha()


def _number(text: bytes, at: int) -> tuple[int, int]:
    found = re.compile(NUMBER).match(text, at)
    if not found:
        return -1, 0
    end, dots = found.end(), found[0].count(b".")
    if dots < 2:
        more = re.compile(rb"[eE][+-]?\d+" + END).match(text, end)
        end = more.end() if more else end
    return end, dots


def _digit_first(text: bytes, at: int) -> tuple[int, str]:
    if (end := _full(IP, text, at)) > 0:
        return end, "ip"
    if (end := _full(rb"\d+(?=[%s]|\Z)" % BLANK, text, at)) > 0:
        return end, "num"
    if (end := _full(UUID, text, at)) > 0:
        return end, "uuid"
    end, count = _pairs(text, at)
    if end > 0:
        return end, "mac" if count == 6 else "hex"
    if (end := _ipv6(text, at)) > 0:
        return end, "ipv6"
    if (end := _full(CLOCK, text, at)) > 0:
        return end, "time"
    end = _full(DATE, text, at)
    if end > 0:
        if text[end : end + 1] == b"T":
            end = _full(CLOCK, text, end + 1)
        elif re.compile(W).match(text, end) or re.compile(
            re.escape(text[at + 4 : at + 5]) + rb"\d"
        ).match(text, end):
            end = -1
        if end > 0:
            return end, "time"
    if (end := _domain(text, at)) > 0:
        return end, "domain"
    if (end := _hex(text, at, 8)) > 0:
        return end, "hex"
    end, dots = _number(text, at)
    if not re.compile(W).match(text, end):
        return end, "version" if dots > 1 else "num"
    unit = re.compile(rb"[A-Za-z]+" + END).match(text, end)
    if dots < 2 and unit:
        word = unit[0].lower().decode()
        if word in _DURATIONS:
            return unit.end(), "duration"
        if word in _SIZES:
            return unit.end(), "size"
    return -1, ""


def _letter_first(text: bytes, at: int) -> tuple[int, str]:
    if text[at : at + 1] in b"vV" and text[at + 1 : at + 2].isdigit():
        end, dots = _number(text, at + 1)
        if dots and not re.compile(W).match(text, end):
            return end, "version"
    word = _full(W + rb"+", text, at)
    after = text[word : word + 1]
    tries: list[tuple[str, int]] = []
    if after == b":":
        tries = [("url", _url(text, at)), ("path", _path(text, at) if word == at + 1 else -1)]
    elif after and after in b"-.+@%":
        uuid = _full(UUID, text, at) if after == b"-" else -1
        tries = [("uuid", uuid)]
    end, count = _pairs(text, at) if after and after in b":-" else (-1, 0)
    tries.append(("mac" if count == 6 else "hex", end))
    if after == b":":
        tries.append(("ipv6", _ipv6(text, at)))
    elif after and after in b"-.+@%":
        end, mail = _account(text, at)
        tries += [
            ("url", _url(text, at)), ("email" if mail else "account", end),
            ("domain", _domain(text, at)),
        ]  # fmt: skip
    tries.append(("hex", _hex(text, at, 8)))
    numbered = re.compile(W + rb"*?_-?\d+(?:_|" + END + rb")").match(text, at)
    if numbered:
        end = _numbered_end(text, at)
        plain = end - at == 6 and text[at : at + 2] == b"x8" and text[at + 4 : at + 5] == b"6"
        if not plain:
            block = end - at > 4 and text[at : at + 2] == b"bl" and text[at + 3 : at + 4] == b"_"
            tries.append(("block" if block else "id", end))
    for kind, end in tries:
        if end > 0:
            return end, kind
    return -1, ""


def _numbered_end(text: bytes, at: int) -> int:
    part = re.compile(rb"_-?\d+(?=_|" + END + rb")|" + W)
    while found := part.match(text, at):
        at = found.end()
    return at


def value_at(text: bytes, at: int, start: int) -> tuple[int, str]:
    c = text[at : at + 1]
    before = text[at - 1 : at] if at > start else b""
    if before and re.match(W, before):
        return -1, ""
    opens = not before or before[0] in OPENING
    if before == b"@" and (end := _hex(text, at, 5)) > 0 and c in b"0123456789abcdefABCDEF":
        return end, "hex"
    if c.isdigit():
        return _digit_first(text, at)
    if c.isalpha():
        return _letter_first(text, at)
    if c in b"+-" and opens and text[at + 1 : at + 2].isdigit():
        end, dots = _number(text, at + 1)
        if dots < 2 and not re.compile(W).match(text, end) and text[end : end + 1] != b"-":
            return end, "num"
    elif c in b"/\\~" and opens:
        if (end := _path(text, at)) > 0:
            return end, "path"
    elif c == b":" and opens and (end := _ipv6(text, at)) > 0:
        return end, "ipv6"
    return -1, ""


def _user(text: bytes, at: int, after_for: bool) -> int:
    found = re.compile(rb"[^%s\"'(),;\[\]]*" % BLANK).match(text, at)
    assert found
    name = found[0].rstrip(b".:")
    end = at + len(name)
    if not 0 < len(name) <= 64 or name[:1] == b"<" or name.lower().decode("latin-1") in _NO_USERS:
        return -1
    rest = text[end:].lstrip(BLANK.decode("unicode_escape").encode())
    gap = len(text) - end - len(rest)
    word = re.match(W + rb"*", rest)
    assert word
    follows = word[0].lower().decode("latin-1")
    if after_for:
        if len(name) == 7 and name[:1] in b"iI" and name[-1:] in b"dD":
            return -1
        if len(name) == 4 and name[:1] in b"uU" and name[-1:] in b"rR":
            return -1
        like = len(follows) == 4 and follows[0] == "f" and follows[3] == "m"
        return end if like and gap else -1
    if not rest or not gap:
        return end
    if rest[:1].isdigit() or rest[:1] in b"[(":
        return end
    return end if follows in _PLAIN else -1


def _told(word: bytes) -> int:
    return {b"user": 1, b"for": 2, b"port": 3}.get(word.lower(), 0)


def mask(text: bytes) -> tuple[bytes, list[tuple[str, bytes, bytes]]]:
    """Return the masked text and (type, value, key) of each value."""
    out, values, at, before = b"", [], 0, 0
    while at < len(text):
        c = text[at : at + 1]
        fresh = at == 0 or not re.match(W, text[at - 1 : at])
        if not fresh or c in BLANK.decode("unicode_escape").encode():
            out, at = out + c, at + 1
            continue
        opens = at == 0 or text[at - 1] in OPENING
        if before in (1, 2) and re.match(W, c) and opens:
            end = _user(text, at, before == 2)
            if end > 0:
                values.append(("user", text[at:end], b""))
                out, at, before = out + b"<user>", end, 0
                continue
        key = re.compile(rb"[A-Za-z][A-Za-z0-9_.-]{0,39}+(?==(?![=~]))").match(text, at)
        if key and (opens or text[at - 1 : at] in b"&?"):
            out += key[0] + b"="
            start, end, kind = _value(text, key.end() + 1)
            if end > start:
                out += b'"' if start > key.end() + 1 else b""
                values.append((kind, text[start:end], key[0]))
                out += b"<%s>" % kind.encode()
            at = max(end, key.end() + 1)
            before = 0
            continue
        end, kind = value_at(text, at, 0)
        if end > 0:
            kind = "port" if before == 3 and kind == "num" else kind
            values.append((kind, text[at:end], b""))
            out, at, before = out + b"<%s>" % kind.encode(), end, 0
            port = re.compile(rb":(\d{1,5})(?!\d)" + END).match(text, at)
            if kind in ("ip", "domain", "ipv6") and port:
                values.append(("port", port[1], b""))
                out, at = out + b":<port>", port.end()
            continue
        if re.compile(rb"<[a-z*]").match(text, at):
            out += b"<"
        word = re.compile(W + rb"+").match(text, at)
        if word:
            before = _told(word[0])
            out, at = out + word[0], word.end()
        else:
            before = before if before == 1 and c in b":\"'" else 0
            out, at = out + c, at + 1
    return out, values


def _value(text: bytes, at: int) -> tuple[int, int, str]:
    if at >= len(text):
        return at, at, "value"
    if text[at : at + 1] == b'"':
        end = text.find(b'"', at + 1)
        inside = text[at + 1 : end] if end > 0 else b""
        if end < 0 or not inside or re.search(rb"[%s]" % BLANK, inside):
            return at, at, "value"
        found, kind = value_at(text, at + 1, at + 1)
        return at + 1, end, kind if found == end else "value"
    found, kind = value_at(text, at, at)
    if found > 0:
        return at, found, kind
    if not re.compile(W + rb"|[-./]").match(text, at):
        return at, at, "value"
    match = re.compile(rb"[^%s&(]*" % STOP).match(text, at)
    assert match
    return at, match.end(), "value"
