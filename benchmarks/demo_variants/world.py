"""What surrounds the recorded shop, none of it traced: suppliers, visitors and the attacker's side.

Everything listens on loopback. An attacker's login comes from a port of its own, so that the
recorder can tell its session from the administrator's.
"""

import hashlib
import io
import itertools
import shutil
import socket
import subprocess
import tarfile
import tempfile
import threading
import time
from functools import partial
from pathlib import Path

from sample_logs import record
from sample_logs.record import ENVIRONMENT, SHOP

SUPPLY_PORT, UPLOAD_PORT, LOGIN_PORT, DROP_PORT = 8091, 8081, 2222, 4445
UDP_PORT, SYSLOG_PORT = 5353, 5140
PASSWORD, KEY = "correct horse", "shop-admin-key-1"
_ATTACKERS_PORTS = itertools.count(61001)  # kernels give out ports up to 60999

pages: dict[str, bytes] = {"/rates.csv": b"EUR,1\nCHF,0.94\n"}
stolen: list[bytes] = []  # what reached the attacker
typed: list[bytes] = []  # what the attacker types into the next reverse shell


def serve() -> None:
    """Start all servers that are not the shop's."""
    for port in (record.RATES_PORT, SUPPLY_PORT, record.TOOL_PORT, DROP_PORT):
        record.serve(port, partial(_web, keep=port == DROP_PORT))
    record.serve(record.C2_PORT, _controller)
    for port, keep in ((UDP_PORT, True), (SYSLOG_PORT, False)):
        _datagrams(port, keep)


def _web(caller: socket.socket, keep: bool) -> None:
    """Answer one request; keep its body if it is the attacker's server."""
    request = b""
    while b"\r\n\r\n" not in request and (part := caller.recv(65536)):
        request += part
    head, _, body = request.partition(b"\r\n\r\n")
    wanted = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    length = int(wanted[0].partition(b":")[2]) if wanted else 0
    while len(body) < length and (part := caller.recv(65536)):
        body += part
    if keep:
        stolen.append(body)
    page = pages.get([*head.decode().split(" "), "", ""][1], b"ok\n")
    caller.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % len(page) + page)


def _controller(caller: socket.socket) -> None:
    """Type what is to be typed into a reverse shell, then keep all that comes."""
    caller.settimeout(20)
    found = b""
    try:
        if typed:
            caller.sendall(typed.pop(0))
        while part := caller.recv(65536):
            found += part
    except OSError:  # it hung up in the midst
        pass
    stolen.append(found)


def _datagrams(port: int, keep: bool) -> None:
    server = socket.socket(type=socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", port))

    def loop() -> None:
        while True:
            text = server.recv(65536)
            if keep:
                stolen.append(text)

    threading.Thread(target=loop, daemon=True).start()


def build() -> None:
    """Make the shop of the variants: record.py's, a login server and one of pictures."""
    record.build()
    shutil.copytree(Path(__file__).parent / "shop", SHOP, dirs_exist_ok=True)
    for folder in ("data/pictures", "home/admin/.ssh", "home/admin/.cache"):
        (SHOP / folder).mkdir(parents=True)
    digest = hashlib.sha256(PASSWORD.encode()).hexdigest()
    (SHOP / "etc/users").write_text(f"admin {digest}\n")
    (SHOP / "home/admin/.ssh/authorized_keys").write_text(f"{KEY}\n")
    _git(f"git clone -q --bare site {SHOP}/upstream", SHOP)
    publish("cp release.txt ../data/release.txt\n")
    _git(f"git clone -q upstream {SHOP}/release", SHOP)
    _git("git config core.hooksPath hooks", SHOP / "release")
    package("cp tmp/pictures/chair.txt data/pictures/chair.txt\n")


def publish(check: str) -> None:
    """Commit a release upstream, whose hook after a merge runs the script `check`."""
    with tempfile.TemporaryDirectory() as folder:
        _git(f"git clone -q {SHOP}/upstream {folder}/work", SHOP)
        work = Path(folder) / "work"
        (work / "hooks").mkdir(exist_ok=True)
        for name, text in (("post-merge", "#!/bin/sh\nsh hooks/check\n"), ("check", check)):
            (work / "hooks" / name).write_text(text)
            (work / "hooks" / name).chmod(0o755)
        with (work / "release.txt").open("a") as file:
            file.write("one more release\n")
        for command in ("git add .", "git commit -q -m release", "git push -q origin HEAD"):
            _git(command, work)


def package(setup: str) -> None:
    """Offer a package whose install.sh runs the script `setup`."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        for name, text in (
            ("chair.txt", "a chair\n"),
            ("install.sh", "ls tmp/pictures\nsh tmp/pictures/setup\n"),
            ("setup", setup),
        ):
            info = tarfile.TarInfo(name)
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    pages["/pictures.tar"] = raw.getvalue()


def _git(command: str, folder: Path) -> None:
    subprocess.run(command.split(), cwd=folder, env=ENVIRONMENT, check=True)


def login(script: str, credential: str = f"password {PASSWORD}", attacker: bool = False) -> None:
    """Log in to the shop and type a script.

    Raises: RuntimeError: the shop let nobody in.
    """
    with _connected(LOGIN_PORT, next(_ATTACKERS_PORTS) if attacker else 0) as visitor:
        visitor.sendall(f"{credential}\n{script}echo bye\nexit\n".encode())
        found = b""
        while part := visitor.recv(65536):
            found += part
    if attacker:
        stolen.append(found)
    if b"bye" not in found:
        raise RuntimeError(f"The login failed: {found!r}")


def picture(name: str, content: bytes | None = None) -> bytes:
    """Fetch a picture from the shop, or upload it; return the answer."""
    with _connected(UPLOAD_PORT) as visitor:
        request = f"{'GET' if content is None else 'PUT'} /{name} HTTP/1.0\r\n\r\n"
        visitor.sendall(request.encode() + (content or b""))
        return visitor.recv(65536)


def _connected(port: int, mine: int = 0) -> socket.socket:
    """Return a connection to a server that may still be starting."""
    for _ in range(200):
        visitor = socket.socket()
        visitor.settimeout(60)
        if mine:
            visitor.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            visitor.bind(("127.0.0.1", mine))
        try:
            visitor.connect(("127.0.0.1", port))
        except ConnectionRefusedError:
            visitor.close()
            time.sleep(0.05)
        else:
            return visitor
    raise RuntimeError(f"Nothing listens on port {port}.")
