"""The other parsers: h11, and llhttp by way of httptools. Each returns what it made of a stream of bytes, in one form."""

from dataclasses import dataclass, field

import h11
import httptools


@dataclass
class Request:
    """One request as far as it was read. Names are in lower case, values without the blanks around them."""

    method: bytes = b""
    target: bytes = b""
    http10: bool = False
    fields: list = field(default_factory=list)
    body: bytes = b""
    complete: bool = False


@dataclass
class Reading:
    """All requests of a stream; `error` is why the rest was refused, `stopped` that the parser looks at no more."""

    requests: list = field(default_factory=list)
    error: str | None = None
    stopped: bool = False


def canonical(name, value):
    name, value = bytes(name).lower(), bytes(value).strip(b" \t")
    # h11 hands out its own spelling of this one.
    return (name, value.lower() if name == b"transfer-encoding" else value)


def read_h11(data):
    """h11 as a server that answers each request with 404 (a 200 would open the tunnel of a CONNECT)."""
    reading = Reading()
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
    if not data:  # which h11 takes for the end of the connection
        return reading
    try:
        connection.receive_data(data)
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                return reading
            if event is h11.PAUSED:
                reading.stopped = True
                return reading
            if isinstance(event, h11.Request):
                fields = [canonical(name, value) for name, value in event.headers.raw_items()]
                reading.requests.append(Request(event.method, event.target, event.http_version == b"1.0", fields))
            elif isinstance(event, h11.Data):
                reading.requests[-1].body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                reading.requests[-1].complete = True
                connection.send(h11.Response(status_code=404, headers=[("content-length", "0")]))
                connection.send(h11.EndOfMessage())
                if connection.our_state is not h11.DONE:
                    reading.stopped = True
                    return reading
                connection.start_next_cycle()
    except h11.RemoteProtocolError as error:
        # An empty line before a request: RFC 9112 section 2.2 asks servers to skip it, h11 does not.
        if "no request line received" in str(error):
            reading.stopped = True
        else:
            reading.error = str(error)
    return reading


class _Callbacks:
    def __init__(self):
        self.reading = Reading()
        self.current = Request()
        self.parser = httptools.HttpRequestParser(self)

    def on_message_begin(self):
        # llhttp announces a message at its first byte; it counts here from the end of its head.
        self.current = Request()

    def on_url(self, url):
        self.current.target += url

    def on_header(self, name, value):
        self.current.fields.append(canonical(name, value if value is not None else b""))

    def on_headers_complete(self):
        self.current.method = self.parser.get_method()
        self.current.http10 = self.parser.get_http_version() == "1.0"
        self.reading.requests.append(self.current)

    def on_body(self, body):
        self.current.body += body

    def on_message_complete(self):
        # Trailers come as headers; they are not part of the head.
        self.current.complete = True


def read_llhttp(data):
    """llhttp with every leniency off, as httptools sets it up."""
    callbacks = _Callbacks()
    heads = {}

    def on_headers_complete(original=callbacks.on_headers_complete):
        original()
        heads[id(callbacks.current)] = list(callbacks.current.fields)

    callbacks.on_headers_complete = on_headers_complete
    callbacks.parser = httptools.HttpRequestParser(callbacks)
    try:
        callbacks.parser.feed_data(data)
    except httptools.HttpParserUpgrade:
        callbacks.reading.stopped = True
    except httptools.HttpParserError as error:
        callbacks.reading.error = str(error)
        # Where llhttp is stricter than the RFC and we are not. It obeys `Proxy-Connection: close`, which RFC 9112 appendix C.2.2 has servers
        # ignore; and it refuses Content-Length and Transfer-Encoding in a trailer section, which RFC 9110 section 6.5.1 has them ignore.
        current = callbacks.current
        closed = current.complete and (b"proxy-connection", b"close") in [(name, value.lower()) for name, value in current.fields]
        in_trailers = id(current) in heads and not current.complete
        if closed or (in_trailers and "can't be present with" in str(error)):
            callbacks.reading.stopped = True
    for request in callbacks.reading.requests:
        request.fields = heads[id(request)]
    return callbacks.reading
