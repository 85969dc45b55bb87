"""Values that their surroundings or a list tell: domain names, users, units, numbered names."""

import numpy as np
import numpy.typing as npt

from graphad.scan.lean import inlined, lean
from graphad.scan.text_values import (
    BLANK,
    DIGIT,
    LETTER,
    LONGEST,
    NAME,
    closed,
    has,
    lower,
    run_end,
)
from graphad.scan.words import U64, Bytes

# Last labels of domain names, without those that are words of English or suffixes of files. Names
# of packages in Java begin with them and do not end so.
ZONES = (
    "com net org edu gov mil info biz arpa local lan localdomain internal corp intra home "
    "de fr uk nl pl ru cn jp kr tw br mx ar au ca ch se dk cz hu ro gr tr ua eu hk sg vn th "
    "ir il es pt sk si bg rs lt lv ee nz za cl tv cc io ai dev app cloud online xyz"
).split()
_PLAIN = ("for", "from", "by", "on", "at", "via", "ssh2", "port", "in", "with", "has", "was")
# What may follow "user" and be no user's name.
_NO_USERS = (
    "unknown not is name id has was with and or agent authentication process space mode "
    "account accounts from by for on to in at of data does logged who must can may request"
).split()
_SIZES = "b kb mb gb tb pb kib mib gib tib bytes byte kbytes kbyte kbps mbps".split()
_DURATIONS = (
    "ns us ms s sec secs second seconds min mins minute minutes h hr hrs hour hours d day days"
).split()


def _packed(words: list[str] | tuple[str, ...]) -> npt.NDArray[np.uint64]:
    """Return words of up to 16 letters as pairs of whole numbers."""
    found = np.zeros((len(words), 2), np.uint64)
    for i, word in enumerate(words):
        text = word.encode()
        found[i, 0] = int.from_bytes(text[:8], "little")
        found[i, 1] = int.from_bytes(text[8:16], "little")
    return found


ZONE, FOLLOWS, NO_USER, SIZE, DURATION = (
    _packed(words) for words in (ZONES, _PLAIN, _NO_USERS, _SIZES, _DURATIONS)
)


@lean
def _among(data: Bytes, a: int, b: int, words: npt.NDArray[np.uint64]) -> bool:
    """Say whether some bytes are one of packed words, in small letters or capitals."""
    if b - a < 1 or b - a > 16:
        return False
    low, high = U64(0), U64(0)
    for i in range(a, b):
        c = U64(lower(data, i))
        if i - a < 8:
            low |= c << U64(8 * (i - a))
        else:
            high |= c << U64(8 * (i - a - 8))
    for i in range(len(words)):  # noqa: SIM110 (a compiled loop)
        if words[i, 0] == low and words[i, 1] == high:
            return True
    return False


@lean
def domain_end(data: Bytes, a: int, b: int) -> int:
    """Labels with dots between them of which the last is in ZONES."""
    at, dot = a, -1
    while at < b:
        if data[at] == 46:
            if at + 1 >= b or not has(data, at + 1, DIGIT | LETTER):
                break
            dot = at
        elif not (has(data, at, DIGIT | LETTER) or (data[at] == 45 and at > a)):
            break
        at += 1
        if at - a > LONGEST:
            return -1
    if dot <= a or not closed(data, at, b) or not _among(data, dot + 1, at, ZONE):
        return -1
    return at


@lean
def unit_kind(data: Bytes, a: int, b: int) -> tuple[int, int]:
    """Return where a unit right behind a number ends, and 1 for a size, 2 for a duration."""
    at = run_end(data, a, b, LETTER)
    if at == a or not closed(data, at, b):
        return -1, 0
    if _among(data, a, at, DURATION):
        return at, 2
    if _among(data, a, at, SIZE):
        return at, 1
    return -1, 0


@inlined
def _token_end(data: Bytes, a: int, b: int) -> int:
    """Return where a user's name ends: at a blank, a quote, a bracket, a comma or a semicolon."""
    while a < b and not has(data, a, BLANK):
        c = data[a]
        if c == 34 or c == 39 or c == 40 or c == 41 or c == 44 or c == 59 or c == 91 or c == 93:
            break
        a += 1
    return a


@lean
def user_end(data: Bytes, a: int, b: int, after_for: bool) -> int:
    """The word after "user", or between "for" and "from"."""
    end = _token_end(data, a, b)
    while end > a and (data[end - 1] == 46 or data[end - 1] == 58):
        end -= 1
    if end == a or end - a > 64 or data[a] == 60 or _among(data, a, end, NO_USER):
        return -1
    past = run_end(data, end, b, BLANK)
    word = run_end(data, past, b, NAME)
    if after_for:
        if end - a == 7 and lower(data, a) == 105 and lower(data, a + 6) == 100:  # invalid
            return -1
        if end - a == 4 and lower(data, a) == 117 and lower(data, a + 3) == 114:  # user
            return -1
        from_ = word - past == 4 and lower(data, past) == 102 and lower(data, past + 3) == 109
        return end if from_ and past > end else -1
    if past == b:
        return end
    if past == end:  # a quote or a bracket
        return end
    if has(data, past, DIGIT) or data[past] == 91 or data[past] == 40:
        return end
    return end if _among(data, past, word, FOLLOWS) else -1


@lean
def numbered_end(data: Bytes, a: int, b: int) -> int:
    """A name with numbers behind underscores: blk_-123, attempt_1445144423722_0020_m_000001_0."""
    at, found = a, False
    while at < b and has(data, at, NAME):
        if data[at] == 95:
            past = at + 1
            if past < b and data[past] == 45:
                past += 1
            end = run_end(data, past, b, DIGIT)
            if end > past and (closed(data, end, b) or data[end] == 95):
                found = True
                at = end
                continue
        at += 1
    if not found:
        return -1
    plain = at - a == 6 and data[a] == 120 and data[a + 1] == 56 and data[a + 4] == 54
    return -1 if plain else at  # x86_64
