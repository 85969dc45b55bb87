"""What varies in a name from run to run, found by one compiled pass, and masked.

Every pattern is linear: runs are possessive, and none begins inside a run it refused. A mask such
as `<hex>` counts as a letter for what stands beside it, so masking twice is masking once.
"""

import re
from functools import lru_cache
from hashlib import blake2b

MAX_NAME = 400  # characters of a canonical name, at most
MAX_RAW = 4096  # what lies beyond goes into the digest only
_KEPT = 380

_LEFT = r"(?<![0-9A-Za-z<>])"
_RIGHT = r"(?![0-9A-Za-z<>])"
_DATE = (
    r"(?:19|20)\d\d([-_.]?)(?:0[1-9]|1[0-2])\g<sep>(?:0[1-9]|[12]\d|3[01])"
    r"(?:[T _.-]?[0-2]\d[-_:.h]?[0-5]\d(?:[-_:.]?[0-5]\d)?(?:[.,]\d{1,9})?Z?)?"
).replace("([-_.]?)", "(?P<sep>[-_.]?)").replace(r"\g<sep>", "(?P=sep)")  # fmt: skip

_DIGIT = re.compile("[0-9]")  # nothing is masked by `mask` but for a digit

# What a name needs to have for any of the masks below; most names have none of it.
NEEDED = re.compile(r"[0-9](?:[0-9]{3}|[.:][0-9])|[0-9a-fA-F]{8}|\.so\.[0-9]|[sS]-1-[0-9]|0x")

_MASKS = re.compile(
    rf"(?P<guid>{_LEFT}[0-9a-fA-F]{{8}}(?:[-_][0-9a-fA-F]{{4}}){{3}}[-_][0-9a-fA-F]{{12}}{_RIGHT})"
    rf"|(?P<sid>{_LEFT}[sS]-1-(?:5-21|5-5|12-1)(?:-[0-9]++)++)"
    rf"|(?P<keep>{_LEFT}[sS]-1-[0-9]++(?:-[0-9]++)*+)"
    rf"|(?P<date>{_LEFT}{_DATE}{_RIGHT})"
    rf"|(?P<time>{_LEFT}[0-2][0-9]:[0-5][0-9]:[0-5][0-9](?:\.[0-9]{{1,9}})?{_RIGHT})"
    r"|(?P<lib>(?<=\.so)(?:\.[0-9]++)++)"
    r"|(?P<ver>(?<![0-9<>])[0-9]++(?:\.[0-9]++)++(?:[-+~_][0-9]++(?![0-9A-Za-z<>]))*+"
    rf"(?:[-.]?(?:rc|alpha|beta|dev|post)[0-9]{{0,3}}|[a-y][0-9]?)?{_RIGHT}(?!\.<))"
    rf"|(?P<hex>{_LEFT}(?:0x[0-9a-fA-F]++|(?=[a-fA-F]*+[0-9])[0-9a-fA-F]{{8,}}+){_RIGHT})"
    r"|(?P<num>[0-9]{4,}+)"
)
_AS = {
    "guid": "<guid>",
    "sid": "<sid>",
    "date": "<date>",
    "time": "<time>",
    "lib": ".<ver>",
    "ver": "<ver>",
    "hex": "<hex>",
    "num": "<num>",
}


def _masked(match: re.Match[str]) -> str:
    return _AS.get(match.lastgroup or "", "") or match[0]


def mask(text: str) -> str:
    """Return `text` with GUIDs, user SIDs, dates, versions, hex runs and long numbers masked.

    >>> mask("app-1.2.3 20240131 deadbeef01 S-1-5-18 job4711")
    'app-<ver> <date> <hex> S-1-5-18 job<num>'
    """
    return _MASKS.sub(_masked, text) if NEEDED.search(text) else text


_part = lru_cache(16384)(mask)


def mask_parts(text: str, separator: str) -> str:
    """Return `mask(text)` of a path; its components are remembered, for they come again."""
    if not _DIGIT.search(text):
        return text
    return separator.join(map(_part, text.split(separator)))


def is_cut(text: str) -> bool:
    """Return whether `text` ends with the mark that `cut` leaves."""
    return text[-18:-13] == "<cut:" and text[-1] == ">" and len(text) <= MAX_NAME


def cut(text: str, whole: str) -> str:
    """Return `text`, or its first 380 characters and a digest of `whole`, so that others differ."""
    digest = blake2b(whole.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()
    return f"{text[:_KEPT]}<cut:{digest}>"


# Words that programs draw by lot for what they keep in a temporary folder: tmp and six or more,
# eight characters with a digit before a letter, digits on both sides of a letter, and case that
# changes back and forth.
_RANDOM = re.compile(
    rf"{_LEFT}(?:[tT][mM][pP][-._]?[0-9A-Za-z_]{{6,12}}|(?=[0-9A-Za-z]{{6,12}}{_RIGHT})(?:"
    r"(?=[0-9A-Za-z]{0,6}[0-9][A-Za-z])[0-9A-Za-z]{8}"
    r"|[0-9A-Za-z]{0,10}?[0-9][A-Za-z]{1,10}[0-9][0-9A-Za-z]{0,10}"
    rf"|[0-9A-Za-z]{{0,10}}?[a-z][A-Z][0-9A-Za-z]{{0,10}}?[a-z0-9][A-Z][0-9A-Za-z]{{0,10}})){_RIGHT}"
)
# Names whose form alone says what they are, wherever they lie.
_FORMED = re.compile(
    r"^(?:(?P<swap>\..*\.sw[a-p]|#.*#)|(?P<lock>\.~lock\..*#|\.#.*))$"
    r"|(?P<df>^~df)[0-9a-f]++|(?P<policy>^__psscriptpolicytest_)[0-9a-z]++\.[0-9a-z]++(?=\.)"
    r"|(?P<prefetch>-)[0-9a-f]{8}(?=\.pf$)",
    re.IGNORECASE | re.DOTALL,
)
_SED = re.compile(r"sed(?=[0-9A-Za-z]*[0-9A-Z])[0-9A-Za-z]{6}")  # where sed -i writes
_ROTATED = re.compile(r"(?<=[A-Za-z>])\.[0-9]{1,3}(?=(?:\.(?:gz|bz2|xz|zst|old))?$)")
_FORM_BEGINS = frozenset(".#~_")
_BRACKETED = re.compile(r"\[[0-9]++\]$")  # pipe:[7], socket:[4711]
_POINT_DIGIT = re.compile(r"\.[0-9]")


def _formed(match: re.Match[str]) -> str:
    kind = match.lastgroup or ""
    if kind in ("swap", "lock"):
        return f"<{kind}>"
    return f"{match[kind]}{'<hex>' if kind == 'prefetch' else '<tmp>'}"


def file_name(text: str, temporary: bool = False) -> str:
    """Return the last component of a path, masked; `temporary` says it lies below such a folder.

    >>> file_name("~DF3A2F.tmp"), file_name("auth.log.2.gz"), file_name("CMD.EXE-4A81B364.pf")
    ('<tmp>.tmp', 'auth.log.<n>.gz', 'CMD.EXE-<hex>.pf')
    >>> file_name("qu22daba.cmdline", True), file_name("payload.exe", True)
    ('<tmp>.cmdline', 'payload.exe')
    """
    digit = _DIGIT.search(text)
    if digit and text[-4:].lower() == ".tmp":
        return "<tmp>.tmp"
    if text[:3] == "sed" and _SED.fullmatch(text):
        return "sed<tmp>"
    if text[:1] in _FORM_BEGINS or text[-3:].lower() == ".pf":
        text = _FORMED.sub(_formed, text)
    if temporary:
        text = _RANDOM.sub("<tmp>", text)
    if not digit:
        return text
    if text[-1] == "]":
        text = _BRACKETED.sub("[<num>]", text)
    if NEEDED.search(text):
        text = _MASKS.sub(_masked, text)
    return _ROTATED.sub(".<n>", text) if _POINT_DIGIT.search(text) else text
