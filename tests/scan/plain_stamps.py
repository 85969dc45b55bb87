"""Time stamps written plainly: one regular expression for each way to write one."""

import re
from datetime import UTC, datetime, timedelta

NO_ZONE, NO_YEAR, ORDER_GUESSED, ISO, T_BETWEEN, SYSLOG, ACCESS, EPOCH = (
    1, 2, 4, 16, 32, 64, 128, 256,
)  # fmt: skip
MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
ZONES = {
    "UTC": 0, "GMT": 0, "WET": 0, "CET": 1, "CEST": 2, "EET": 2, "EEST": 3, "MSK": 3, "JST": 9,
    "AEST": 10, "AEDT": 11, "NZST": 12, "EST": -5, "EDT": -4, "CDT": -5, "MST": -7, "MDT": -6,
    "PST": -8, "PDT": -7, "BST": None, "CST": None, "IST": None,
}  # fmt: skip
END = r"(?![A-Za-z0-9_\x80-\xff])"
CLOCK = (
    r"(?P<H>\d\d?+)[:.](?P<M>(?<=:)\d\d?+|\d\d)[:.](?P<S>(?<=:)\d\d?+|\d\d)(?!\d)(?P<f>[.,:]\d{1,9}(?!\d))?+"
    r"(?P<ampm> ?[AaPp][Mm]" + END + r")?+"
)  # fmt: skip
ZONE = (
    r"(?P<zone>Z" + END + r"|(?: ?[+-]\d\d:\d\d(?!\d))|(?: ?[+-]\d{4}" + END + r")|(?:[+-]\d\d"
    + END + r")| (?:" + "|".join(sorted(ZONES, key=len, reverse=True)) + r")" + END + r")?+"
)  # fmt: skip
M = "(?P<mon>" + "|".join(MONTHS) + ")"
FORMS = [
    (r"(?P<Y>\d{4})(?P<s>[-/.])(?P<m>\d\d?+)(?P=s)(?P<d>\d\d?+)T", ISO | T_BETWEEN),
    (r"(?P<Y>\d{4})(?P<s>[-/.])(?P<m>\d\d?+)(?P=s)(?P<d>\d\d?+)(?:, |[ :_-] {0,2}+)", ISO),
    (r"(?P<Y>\d{4})(?P<m>\d\d)(?P<d>\d\d)[- T]", 0),
    (r"(?P<d>\d\d?+)/" + M + r"/(?P<Y>\d{4})[: ]", ACCESS),
    (r"(?P<d>\d\d?+)(?P<s>[-.])" + M + r"(?P=s)(?P<Y>\d{4})[: ]", 0),
]


def _zone_minutes(text: str | None) -> int | None:
    """Return minutes east; None if that is not said."""
    if text is None:
        return None
    text = text.strip()
    if text == "Z":
        return 0
    if text in ZONES:
        hours = ZONES[text]
        return None if hours is None else hours * 60
    digits = re.sub(r"\D", "", text).ljust(4, "0")
    minutes = int(digits[:2]) * 60 + int(digits[2:])
    return -minutes if text[0] == "-" else minutes


def read(text: str) -> tuple[datetime, int] | None:
    """Return time and flags of the ISO, compact, access or bind stamp that begins a text."""
    if re.match(r"\d{10}(?!\d)|\d{13}(?!\d)|\d{16}", text):
        return None  # tested by themselves
    for pattern, flags in FORMS:
        found = re.match(pattern + CLOCK + ZONE, text, re.IGNORECASE)
        if not found:
            continue
        said = found.groupdict()
        if not said["zone"] and not re.compile(END).match(text, found.end()):
            return None
        if said["zone"] and said["zone"].strip().isalpha() and not said["zone"].strip().isupper():
            return None
        month = int(said["m"]) if said.get("m") else MONTHS.index(said["mon"].lower()) + 1
        try:
            moment = datetime(
                int(said["Y"]), month, int(said["d"]), int(said["H"]), int(said["M"]),
                min(int(said["S"]), 59), int((said["f"] or ".0")[1:7].ljust(6, "0")), tzinfo=UTC,
            )  # fmt: skip
        except ValueError:
            return None
        if int(said["S"]) > 60 or not 1970 <= moment.year <= 2261:
            return None
        if said["ampm"]:
            if not 1 <= moment.hour <= 12:  # not said of a clock of twelve hours
                return (moment, flags | NO_ZONE) if said["ampm"][0] == " " else None
            late = said["ampm"].strip()[0] in "pP"
            moment = moment.replace(hour=moment.hour % 12 + (12 if late else 0))
        minutes = _zone_minutes(said["zone"])
        if minutes is None:
            return moment, flags | NO_ZONE
        return moment - timedelta(minutes=minutes), flags
    return None
