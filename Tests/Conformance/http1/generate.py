"""Seeded requests: plain ones that every parser must read alike, and odd ones near the places where parsers differ."""

METHODS = [b"GET", b"POST", b"PUT", b"PATCH", b"DELETE", b"HEAD", b"OPTIONS"]
NAME_BYTES = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
VALUE_BYTES = bytes(range(0x20, 0x7F)) + b"\t" + bytes(range(0x80, 0x100))
PATH_BYTES = b"abcXYZ019-._~!$&'()*+,;=:@/"
# Names that mean something to one parser or the other are kept out of random names.
KNOWN = {b"host", b"content-length", b"transfer-encoding", b"connection", b"upgrade", b"expect", b"proxy-connection", b"te", b"trailer"}

ODD_TARGETS = [
    b"*", b"/a b", b"/a#b", b"/%zz", b"/\xc3\xa9", b"/a\\b", b"//", b"", b"a:80", b"http://a/", b"http://gateway/x", b"http://gateway",
    b"http://u@gateway/", b"https://gateway:443/?q", b"/\x00", b"/?a|b", b"/{x}", b"/[x]", b'/"', b"/a?b#c", b"http:/x", b"ftp://gateway/",
]
ODD_HOSTS = [
    b"", b"a b", b"u@a", b"a/b", b"a:", b"a:0", b"a:x", b"a,b", b"[::1]", b"[::1]:80", b"a:65536", b"\xffa", b"a_b", b"gateway:80", b"%61",
]
ODD_LINES = [
    b"Content-Length: 5, 5", b"Content-Length: +5", b"Content-Length: 0x5", b"Content-Length:", b"Content-Length: 05", b"Content-Length: 5 5",
    b"Content-Length: -1", b"Content-Length: 5\t", b"Content-Length : 5", b"Content-Length: 18446744073709551617", b"content-length: 0",
    b"Transfer-Encoding: chunked", b"Transfer-Encoding: Chunked", b"Transfer-Encoding: chunked\t", b"Transfer-Encoding: chunked ",
    b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding: identity",
    b"Transfer-Encoding: xchunked", b"Transfer-Encoding: chunked, identity", b"Transfer-Encoding:\x0bchunked", b"Transfer-Encoding: chunked,",
    b"Transfer-Encoding : chunked", b"Transfer-Encoding\t: chunked", b"Transfer-Encoding: chunked ;q=1", b'Transfer-Encoding: "chunked"',
    b"Connection: close", b"Connection: keep-alive", b"Connection: Upgrade", b"Connection: content-length", b"Connection: x, close",
    b"Connection: te", b"Connection: a b", b"Upgrade: h2c", b"Upgrade: websocket", b"Expect: 100-continue", b"Expect: 200-ok",
    b" folded", b"\tfolded: x", b"X", b": x", b"X : y", b"X\x00: y", b"X: \x00", b"X: \x7f", b"X: \x01", b"X:\xa0y", b"X\xe9: y", b"X(: y",
    b"Host: other", b"X: a\rb", b"X: a\nb", b"Proxy-Connection: close", b"X: " + b"v" * 300, b"X:", b"X: \t ", b'X: "a, b"',
]
ODD_CHUNKS = [
    b"0x3\r\nabc\r\n", b"3 \r\nabc\r\n", b" 3\r\nabc\r\n", b"+3\r\nabc\r\n", b"3\nabc\r\n", b"3\r\nabc\n", b"3\r\nabcd\r\n", b"3;x=y\r\nabc\r\n",
    b'3;x="y;z"\r\nabc\r\n', b"3;\r\nabc\r\n", b"3;a\nb\r\nabc\r\n", b"3;a\rb\r\nabc\r\n", b"3 ;x\r\nabc\r\n", b"00000000000000003\r\nabc\r\n",
    b"0000000000000003\r\nabc\r\n", b"ffffffffffffffff\r\nabc\r\n", b"10000000000000003\r\nabc\r\n", b"\r\nabc\r\n", b";x\r\nabc\r\n", b"G\r\n",
    b"3\r\nab", b"3;\x00\r\nabc\r\n", b"3;\xe9\r\nabc\r\n", b"1_0\r\nabc\r\n", b"3\r\r\nabc\r\n", b"A\r\n0123456789\r\n", b"3;a=\tb\r\nabc\r\n",
    b'3;a="\\"";b\r\nabc\r\n', b"3;a=\r\nabc\r\n", b"3;=b\r\nabc\r\n", b'3;a="b\r\nabc\r\n', b'3;a="b"c\r\nabc\r\n', b'3;a="\t"\r\nabc\r\n',
    b"3; a=b\r\nabc\r\n", b"3;a =b\r\nabc\r\n", b"3;a=b \r\nabc\r\n", b"3;a;;b\r\nabc\r\n", b'3;"a"\r\nabc\r\n', b"3;a=(\r\nabc\r\n",
]
ODD_ENDS = [
    b"0\r\n\r\n", b"0;x\r\n\r\n", b"000\r\n\r\n", b"0\r\nX: y\r\n\r\n", b"0\r\nContent-Length: 9\r\n\r\n", b"0\n\r\n", b"0\r\n\n", b"0\r\nX: y\n\r\n",
    b"0\r\n folded\r\n\r\n", b"0\r\nX : y\r\n\r\n", b"0\r\nX\r\n\r\n", b"0\r\n\rX", b"0 \r\n\r\n", b"", b"0\r\nX: \x00\r\n\r\n", b"0\r\n",
]
TOKENS = [b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b",", b";", b"0", b"\x0b", b"\xff", b"%", b"chunked", b"HTTP/1.0", b"\r\n\r\n"]


def name(random):
    while True:
        made = bytes(random.choices(NAME_BYTES, k=random.randint(1, 20)))
        if made.lower() not in KNOWN:
            return made


def value(random):
    return bytes(random.choices(VALUE_BYTES, k=random.choice([0, 1, 5, 20, 60]))).strip(b" \t")


def body(random):
    return bytes(random.choices(range(256), k=random.choice([0, 1, 3, 20, 300])))


def chunked(random, data):
    out = b""
    while data:
        size = random.randint(1, len(data))
        digits = b"%x" % size if random.random() < 0.5 else b"%04X" % size
        out += digits + random.choice([b"", b"", b";a", b";a=b", b';a="b c"']) + b"\r\n" + data[:size] + b"\r\n"
        data = data[size:]
    return out + b"0\r\n" + random.choice([b"", b"", b"X-Trailer: v\r\n", b"A: b\r\nC:\r\n"]) + b"\r\n"


def plain(random):
    """A request that nobody can misread, and what it says: (bytes, method, target, fields, body)."""
    method = random.choice(METHODS)
    target = b"/" + bytes(random.choices(PATH_BYTES, k=random.choice([0, 3, 30])))
    if random.random() < 0.3:
        target += b"%2F?" + bytes(random.choices(PATH_BYTES + b"?%", k=random.choice([0, 3, 30])))
    host = random.choice([b"gateway", b"127.0.0.1:8787", b"[::1]:8787", b"Gateway.Example"])
    fields = [(name(random), value(random)) for _ in range(random.randint(0, 8))]
    if random.random() < 0.2:
        fields.append((b"Connection", random.choice([b"keep-alive", b"Keep-Alive", b"te", b"x-hop, keep-alive"])))
    data = b""
    wire = b""
    framing = random.randrange(3)
    if framing == 1:
        wire = data = body(random)
        fields.append((b"Content-Length", b"%d" % len(data)))
    elif framing == 2:
        data = body(random)
        wire = chunked(random, data)
        fields.append((b"Transfer-Encoding", random.choice([b"chunked", b"Chunked"])))
    fields.insert(random.randint(0, len(fields)), (b"Host", host))
    blanks = lambda n: b"" if n == b"Transfer-Encoding" else random.choice([b"", b"", b" ", b"\t "])  # noqa: E731
    lines = [n + b":" + random.choice([b"", b" ", b"  ", b"\t"]) + v + blanks(n) for n, v in fields]
    head = method + b" " + target + b" HTTP/1.1\r\n" + b"".join(line + b"\r\n" for line in lines) + b"\r\n"
    return head + wire, method, target, fields, data


def odd(random):
    """A request with some of its parts taken from the lists above."""
    def pick(usual, odd, share=0.15):
        return random.choice(odd) if random.random() < share else usual

    method = pick(random.choice(METHODS), [b"get", b"FOO", b"CONNECT", b"TRACE", b"PROPFIND", b"", b"G ET", b"PRI"], 0.05)
    version = pick(b"HTTP/1.1", [b"HTTP/1.0", b"HTTP/1.0", b"HTTP/1.2", b"HTTP/2.0", b"http/1.1", b"HTTP/1.1 ", b"HTTP/11", b""], 0.15)
    end = lambda: pick(b"\r\n", [b"\n", b"\r", b"\r\r\n", b"\n\r\n"], 0.01)  # noqa: E731
    out = pick(b"", [b"\r\n", b"\r\n\r\n", b"\n", b" "], 0.05)
    out += method + pick(b" ", [b"  ", b"\t", b""], 0.01) + pick(b"/x", ODD_TARGETS) + b" " + version + end()
    lines = [b"Host: " + pick(b"gateway", ODD_HOSTS)] if random.random() < 0.95 else []
    lines += [name(random) + b": " + value(random) for _ in range(random.randint(0, 2))]
    lines += random.choices(ODD_LINES, k=random.choice([0, 0, 1, 1, 2]))
    data = b""
    framing = random.randrange(3)
    if framing == 1:
        data = body(random)
        lines.append(b"Content-Length: %d" % (len(data) + pick(0, [-1, 1, 10], 0.05)))
    elif framing == 2:
        lines.append(b"Transfer-Encoding: chunked")
        data = pick(b"", [chunked(random, body(random)).rpartition(b"0\r\n")[0]], 0.5)
        data += b"".join(random.choices(ODD_CHUNKS, k=random.choice([0, 1, 1, 2]))) + random.choice(ODD_ENDS)
    random.shuffle(lines)
    return out + b"".join(line + end() for line in lines) + end() + data


def mutate(random, data):
    """The request with a few bytes changed, taken out, doubled or put in."""
    out = bytearray(data)
    for _ in range(random.randint(1, 3)):
        at = random.randint(0, len(out))
        choice = random.randrange(4)
        if choice == 0:
            out[at : at + 1] = bytes([random.randrange(256)])
        elif choice == 1:
            del out[at : at + random.randint(1, 4)]
        elif choice == 2:
            out[at:at] = out[at : at + random.randint(1, 16)]
        else:
            out[at:at] = random.choice(TOKENS)
    return bytes(out)


def streams(random, count):
    """`count` streams of one to three requests, some cut short."""
    for _ in range(count):
        parts = []
        for _ in range(random.choice([1, 1, 1, 2, 3])):
            part = plain(random)[0] if random.random() < 0.4 else odd(random)
            parts.append(mutate(random, part) if random.random() < 0.3 else part)
        data = b"".join(parts)
        yield data[: random.randint(0, len(data))] if random.random() < 0.1 else data
