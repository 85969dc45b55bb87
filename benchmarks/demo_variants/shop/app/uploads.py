"""The shop's server of pictures, written for the demo. An upload's name may lead anywhere."""

import socket


def main() -> None:
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("127.0.0.1", 8081))
    server.listen()
    while True:
        visitor, _ = server.accept()
        head, _, body = visitor.recv(65536).partition(b"\r\n\r\n")
        if head:
            method, path = head.decode().split(" ")[:2]
            name = "data/pictures" + path  # the hole
            page = b"thank you\n"
            try:
                if method == "PUT":
                    with open(name, "wb") as file:
                        file.write(body)
                else:
                    with open(name, "rb") as file:
                        page = file.read()
            except OSError:
                page = b"no such picture\n"
            visitor.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % len(page) + page)
        visitor.close()


main()
