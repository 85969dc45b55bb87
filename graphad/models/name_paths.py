r"""Paths made canonical: Windows, POSIX and registry, one spelling for what is one thing.

A path is its folder and its last component. Few folders hold most files, so folders are remembered
(a bounded number of them), and only last components are looked at each time.
"""

import re
from functools import lru_cache

from graphad.models.name_masks import file_name, mask, mask_parts

_FOLDERS = 8192  # remembered; each at most MAX_RAW characters long

PLAIN, HOME, TEMPORARY, PROC, NUMBERED, SERVER = range(6)  # what a folder makes of what it holds

_SHARED = frozenset(
    ("public", "default", "default user", "all users", "shared", "<user>", "", ".", "..")
)
# Each step takes a prefix away or ends in %drive%, so the loop in `_windows_prefix` ends.
_PREFIX = re.compile(
    r"(?P<unc>\\\\\?\\unc\\|\\\?\?\\unc\\|\\device\\(?:mup|lanmanredirector)\\(?:;[^\\]*\\)?)"
    r"|(?P<none>\\\\\?\\globalroot(?=\\)|\\\\\?\\|\\\?\?\\|\\\\\.\\(?=[a-z]:\\))"
    r"|(?P<pipe>\\\\\.\\pipe\\)"
    r"|(?P<drive>[a-z]:\\|\\device\\harddiskvolume[0-9]{1,4}\\|%systemdrive%\\)"
    r"|(?P<windows>\\systemroot\\|%systemroot%\\|%windir%\\)"
)
_BECOMES = {
    "unc": "\\\\",
    "none": "",
    "pipe": "\\device\\namedpipe\\",
    "drive": "%drive%\\",
    "windows": "%drive%\\windows\\",
}
_WINDOWS_HOME = re.compile(
    r"(?<![^\\])((?:%drive%|[a-z]\$|harddiskvolumeshadowcopy<n>)"
    r"\\(?:users|documents and settings)\\)(?!(?:public|default|default user|all users)\\)[^\\]+"
)
_POSIX_HOME = re.compile(r"^((?:/var|/export)?/home/|/Users/)(?!Shared/)[^/]+")
_TEMPORARY = re.compile(r"\\(?:temp|tmp|inetcache|temporary internet files)\\")
_POSIX_TEMPORARY = re.compile(r"^(?:/private)?(?:/tmp/|/var/tmp/|/dev/shm/|/var/folders/)")
_PROC = re.compile(r"/(?:proc|task|fd|fdinfo|map_files|ns)/$")
_PROC_NUMBER = re.compile(r"(?<=/)[0-9]++(?=/)")
_SHADOW = re.compile(r"(?<=harddiskvolumeshadowcopy)[0-9]++")
_NUMBERED = ("/dev/pts/", "/run/user/")
_DECIMAL = re.compile("[0-9]+")
_PROGRAM = re.compile(r"\.(?:exe|dll|sys|com|bat|cmd|ps1|scr|vbs|msi|lnk|cpl|ocx)$", re.IGNORECASE)


def _windows_prefix(folder: str) -> str:
    while match := _PREFIX.match(folder):
        folder = _BECOMES[match.lastgroup or ""] + folder[match.end() :]
    return folder


def _below(text: str, start: int, separator: str) -> str:
    """Return `text`, each component from `start` on masked as one below a temporary folder."""
    parts = [file_name(part, True) for part in text[start:].split(separator)]
    return mask(text[:start]) + separator.join(parts)


@lru_cache(_FOLDERS)
def _windows_folder(folder: str) -> tuple[str, int]:
    """Return a Windows folder, its last backslash included, and what it makes of its content."""
    text = _windows_prefix(folder.replace("/", "\\").lower())
    text = _SHADOW.sub("<n>", text)
    server = ""
    if text.startswith("\\\\"):  # the server keeps its name or address
        end = text.find("\\", 2)
        if end < 0 or end == 2:
            return text, SERVER
        server, text = text[: end + 1], text[end + 1 :]
    text = _WINDOWS_HOME.sub(r"\1<user>", text)
    if text.endswith(("\\users\\", "\\documents and settings\\")) and _WINDOWS_HOME.match(
        text + "x"
    ):
        return server + mask_parts(text, "\\"), HOME
    if found := _TEMPORARY.search(text):
        return server + _below(text, found.end(), "\\"), TEMPORARY
    return server + mask_parts(text, "\\"), PLAIN


@lru_cache(_FOLDERS)
def _posix_folder(folder: str) -> tuple[str, int]:
    """Return a POSIX folder, its last slash included, and what it makes of its content."""
    text = folder
    while "//" in text:
        text = text.replace("//", "/")
    if text in _NUMBERED:
        return text, NUMBERED
    if text.startswith("/proc/"):
        text = _PROC_NUMBER.sub(lambda m: "<pid>" if m.start() == 6 else "<n>", text)
        return mask(text), PROC if text == "/proc/" else NUMBERED if _PROC.search(text) else PLAIN
    if text.startswith(_NUMBERED):
        text = _PROC_NUMBER.sub("<n>", text, count=1)
    home = _POSIX_HOME.match(text)
    if home:
        text = home[1] + "<user>" + text[home.end() :]
    elif _POSIX_HOME.match(text + "x"):
        return text, HOME
    if found := _POSIX_TEMPORARY.match(text):
        return _below(text, found.end(), "/"), TEMPORARY
    return mask_parts(text, "/"), PLAIN


def _last(name: str, inside: int) -> str:
    if inside == PLAIN:
        return file_name(name)
    if inside == TEMPORARY:
        return file_name(name, True)
    if inside == HOME:
        return name if name.lower() in _SHARED else "<user>"
    if inside != SERVER and _DECIMAL.fullmatch(name):
        return "<pid>" if inside == PROC else "<n>"
    return name if inside == SERVER else file_name(name)


def is_windows(label: str) -> bool:
    """Return whether a path is written the Windows way: with a backslash or a drive letter."""
    return (label[:1] != "/" and "\\" in label) or label[1:3] == ":/"


def windows(label: str) -> str:
    r"""Return a canonical Windows path, case folded.

    >>> windows(r"\Device\HarddiskVolume2\Users\Bob\AppData\Local\Temp\5gcbnfh4\x.dll")
    '%drive%\\users\\<user>\\appdata\\local\\temp\\<tmp>\\x.dll'
    """
    at = max(label.rfind("\\"), label.rfind("/")) + 1
    folder, inside = _windows_folder(label[:at])
    return folder + _last(label[at:].lower(), inside)


_GIT_OBJECTS = re.compile(r"(?<=\.git/objects/)[0-9a-f]{2}(?=/|$)")  # git's 256 folders of objects
_GIT_TEMPORARY = re.compile(r"(?<=/tmp_obj_)[0-9A-Za-z]{6}$")


def posix(label: str) -> str:
    """Return a canonical POSIX path; case is kept.

    >>> posix("/home/bob/.cache/pip"), posix("/proc/42/task/43"), posix("/tmp/tmpab12cd/x")
    ('/home/<user>/.cache/pip', '/proc/<pid>/task/<n>', '/tmp/<tmp>/x')
    """
    if ".git/objects/" in label:
        label = _GIT_TEMPORARY.sub("<tmp>", _GIT_OBJECTS.sub("<hex>", label))
    at = label.rfind("/") + 1
    folder, inside = _posix_folder(label[:at])
    return folder + _last(label[at:], inside)


def path(label: str) -> str:
    """Return a canonical path of either kind; a bare Windows program's name is folded too."""
    if is_windows(label):
        return windows(label)
    if "/" in label:
        return posix(label)
    return file_name(label.lower() if _PROGRAM.search(label) else label)


_HIVE = re.compile(
    r"\\registry\\user\\|\\registry\\machine\\|hkey_local_machine\\|hkey_users\\"
    r"|hkey_current_user(?:\\|$)|hkcu(?:\\|$)|hkey_classes_root\\"
)
_HIVES = {
    "\\registry\\user\\": "hku\\",
    "\\registry\\machine\\": "hklm\\",
    "hkey_local_machine\\": "hklm\\",
    "hkey_users\\": "hku\\",
    "hkey_current_user\\": "hku\\<sid>\\",
    "hkey_current_user": "hku\\<sid>",
    "hkcu\\": "hku\\<sid>\\",
    "hkcu": "hku\\<sid>",
    "hkey_classes_root\\": "hkcr\\",
}
_CONTROL_SET = re.compile(r"(?<=\\)controlset[0-9]{3}(?=\\)")
_VOLUME = re.compile(r"\\device\\harddiskvolume[0-9]{1,4}(?=\\)")
PER_USER = re.compile(r"_(?=[a-f]*+[0-9])[0-9a-f]{4,8}$")  # a logon session's copy of a service


@lru_cache(_FOLDERS)
def _key(folder: str) -> str:
    """Return a registry key, its last backslash included."""
    text = folder.lower()
    if match := _HIVE.match(text):
        text = _HIVES[match[0]] + text[match.end() :]
    if "controlset" in text:
        text = _CONTROL_SET.sub("currentcontrolset", text)
    if "\\harddiskvolume" in text:
        text = _VOLUME.sub("%drive%", text)
    if "\\users\\" in text:
        text = _WINDOWS_HOME.sub(r"\1<user>", text)
    if "\\services\\" in text:
        text = "\\".join([PER_USER.sub("_<luid>", part) for part in text.split("\\")])
    return mask_parts(text, "\\")


def registry(label: str) -> str:
    r"""Return a canonical registry key or value, case folded; HKCU is the user's hive in HKU.

    >>> registry(r"HKU\S-1-5-21-1-2-3-1001_Classes\CLSID"), registry(r"HKCU\Environment")
    ('hku\\<sid>_classes\\clsid', 'hku\\<sid>\\environment')
    """
    at = label.rfind("\\") + 1
    key, name = _key(label[:at]), label[at:].lower()
    if not at:
        return _HIVES.get(name, mask(name))
    if "_" in name and key.endswith("\\services\\"):
        name = PER_USER.sub("_<luid>", name)
    return key + mask(name)
