"""What the first bytes of a table or of JSON name, to recognise a format by."""

import re

_BOM = b"\xef\xbb\xbf"
_NAME = re.compile(rb'"([A-Za-z_@.]\w*)\\?"\s*:')


def columns(head: bytes) -> set[bytes]:
    """Return the names in a table's first line, none if it is no line of names.

    >>> sorted(columns(b'Time,"Src IP",Dst\\n1,2,3\\n'))
    [b'Dst', b'Src IP', b'Time']
    """
    line = head.removeprefix(_BOM).partition(b"\n")[0].rstrip(b"\r")
    if len(line) > 1 << 14 or line[:1] in (b"{", b"["):
        return set()
    delimiter = max((b",", b";", b"\t"), key=line.count)
    names = {name.strip().strip(b'"') for name in line.split(delimiter)}
    return names if len(names) > 2 else set()


def keys(head: bytes) -> set[bytes]:
    """Return the names of the fields of JSON, none if it is none."""
    if head.removeprefix(_BOM).lstrip()[:1] not in (b"{", b"["):
        return set()
    return set(_NAME.findall(head))
