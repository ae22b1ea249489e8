"""A client that costs little: one kept-alive connection."""

import socket


class Wire:
    """One kept-alive connection. Small, because what it costs is part of what is measured."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest = b""

    def ask(self, path, body, key, more=""):
        """Status, fields in lower case, body."""
        head = (f"POST {path} HTTP/1.1\r\nhost: weir\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n{more}"
                f"content-length: {len(body)}\r\n\r\n")
        self.socket.sendall(head.encode() + body)
        return self.read()

    def read(self):
        head = self.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        if fields.get("transfer-encoding") == "chunked":
            data = b""
            while size := int(self.until(b"\r\n").split(b";")[0], 16):
                data += self.exactly(size)
                self.exactly(2)
            self.until(b"\r\n")
        else:
            data = self.exactly(int(fields.get("content-length", 0)))
        return int(head[0].split()[1]), fields, data

    def until(self, mark):
        while (place := self.rest.find(mark)) < 0:
            self.more()
        found, self.rest = self.rest[:place], self.rest[place + len(mark):]
        return found

    def exactly(self, count):
        while len(self.rest) < count:
            self.more()
        found, self.rest = self.rest[:count], self.rest[count:]
        return found

    def more(self):
        data = self.socket.recv(65536)
        if not data:
            raise RuntimeError("the gateway closed the connection")
        self.rest += data

    def close(self):
        self.socket.close()
