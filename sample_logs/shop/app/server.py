"""The shop's web server, written for the demo. /report hands what a visitor says to a shell."""

import os
import socket
from urllib.parse import unquote_plus


def orders(body: str) -> str:
    with open("data/orders.csv", "a") as file:
        file.write(body.replace("&", ",") + "\n")
    return "thank you\n"


def receipt() -> str:
    out = (os.POSIX_SPAWN_OPEN, 1, "tmp/receipt", os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o644)
    child = os.posix_spawn(
        "/usr/bin/cksum", ["cksum", "data/orders.csv"], os.environ, file_actions=[out]
    )
    os.waitpid(child, 0)
    with open("tmp/receipt") as file:
        return file.read()


def report(month: str) -> str:
    os.system(f"grep -c '{month}' data/orders.csv > tmp/report")  # the hole
    with open("tmp/report") as file:
        return file.read()


def answer(request: str) -> str:
    path, _, query = request.split(" ")[1].partition("?")
    value = unquote_plus(query.partition("=")[2])
    if path == "/order":
        return orders(request.rpartition("\r\n")[2])
    if path == "/receipt":
        return receipt()
    if path == "/report":
        return report(value)
    with open("data/items.csv" if path == "/items" else "data/index.html") as file:
        return file.read()


def main() -> None:
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("127.0.0.1", 8080))
    server.listen()
    while True:
        visitor, _ = server.accept()
        request = visitor.recv(65536).decode()
        if request:
            page = answer(request)
            with open("log/access.log", "a") as log:
                log.write(request.partition("\r\n")[0] + "\n")
            head = f"HTTP/1.0 200 OK\r\nContent-Length: {len(page)}\r\n\r\n"
            visitor.sendall((head + page).encode())
        visitor.close()


main()
