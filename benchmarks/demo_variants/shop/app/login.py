"""The shop's login server, written for the demo: a password or a key, then lines for a shell."""

import hashlib
import os
import socket

HOME = "/srv/shop/home/admin"


def allowed(kind: str, word: str) -> bool:
    if kind == "password":
        with open("etc/users") as file:
            return hashlib.sha256(word.encode()).hexdigest() in file.read()
    with open(f"{HOME}/.ssh/authorized_keys") as file:
        return word in file.read().split()


def line(visitor: socket.socket) -> str:
    found = b""
    while not found.endswith(b"\n") and (byte := visitor.recv(1)):
        found += byte
    return found.decode().strip()


def main() -> None:
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("127.0.0.1", 2222))
    server.listen()
    while True:
        visitor, _ = server.accept()
        kind, _, word = line(visitor).partition(" ")
        good = allowed(kind, word)
        with open("log/logins", "a") as log:
            log.write(f"{kind} {'accepted' if good else 'failed'}\n")
        if good:
            ends = [(os.POSIX_SPAWN_DUP2, visitor.fileno(), n) for n in range(3)]
            child = os.posix_spawn(
                "/usr/bin/bash", ["-bash", "--login"], os.environ | {"HOME": HOME},
                file_actions=ends,
            )  # fmt: skip
            os.waitpid(child, 0)
        visitor.close()


main()
