"""Providers whose certificate or name does not hold (C14, C20). The gateway runs in a mount namespace of its own, in which the system trusts a
certificate authority of the test and asks a name server of the test, so that every other cause of a failure is ruled out by a twin that works."""

import contextlib
import os
import socket
import ssl
import struct
import subprocess
import threading
import time
import warnings

import pytest

from harness import BINARY, Gateway, Process
from scripted import BlackHole, Provider, chat
from test_fallback import seconds

# glibc asks at port 53 and no other, so each of pytest's workers has an address of its own.
RESOLVER = f"127.0.0.{100 + int(os.environ.get('PYTEST_XDIST_WORKER', 'gw0')[2:])}"
TRUSTED = "/etc/ssl/certs/ca-certificates.crt"
ISOLATED = ["unshare", "--mount", "--propagation", "private"]


def can_isolate():
    return os.geteuid() == 0 and os.path.exists(TRUSTED) and subprocess.run([*ISOLATED, "true"], capture_output=True).returncode == 0


isolated = pytest.mark.skipif(not can_isolate(), reason="needs root and a mount namespace, to have certificates and names of its own")


class IsolatedGateway(Gateway):
    """A gateway for which some files of the system are others: {path: what stands there}."""

    files = {}

    def start(self, wait=True):
        self.write_config()
        self.starts += 1
        mounts = " && ".join(f"mount --bind '{here}' '{path}'" for path, here in self.files.items())
        self.process = Process(
            [*ISOLATED, "sh", "-c", f'{mounts} && exec "$@"', "sh", BINARY, "serve", "--config", self.config_file, "--data-directory", self.data],
            self.folder / f"gateway-{self.starts}.log", self.environment)
        if wait:
            self.wait_ready()
        return self


def provider(url):
    return {"allow_private": True, "auth": "bearer", "native": [{"url": url, "versions": ["v1"]}],
            "bases": [{"dialect": "openai", "url": f"{url}/v1", "operations": {"chat_completions": "/chat/completions"}}]}


def start(demo, folder, files, urls, **config):
    """A gateway with a provider and two routes for each URL: the provider alone, and the demo provider behind it."""
    gateway = IsolatedGateway(demo, folder, {
        "providers": {name: provider(url) for name, url in urls.items()},
        "provider_credentials": {name: "env:FAULTY_KEY" for name in urls},
        "routes": {route: {"targets": targets, "retry": {"attempts": 1}, "cache": {"enabled": False}} for name in urls
                   for route, targets in ((name, [f"{name}/m"]), (f"{name}-first", [f"{name}/m", "demo/demo-chat"]))},
        "timeouts": {"connect": "500ms"}, **config,
    })
    gateway.files = files
    gateway.environment["FAULTY_KEY"] = "sk-faulty-canary"
    gateway.start()
    gateway.key = gateway.create_key()
    return gateway


# Certificates


def run(*arguments, cwd):
    subprocess.run(arguments, cwd=cwd, check=True, capture_output=True)


def make_certificates(folder):
    """An authority and what it signed, for good and for ill; `self` signed itself."""
    folder.mkdir()
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "30", "-subj", "/CN=Test authority",
        cwd=folder)
    (folder / "index.txt").touch()
    (folder / "serial").write_text("01\n")
    (folder / "ca.conf").write_text("[ca]\ndefault_ca=own\n[own]\ndir=.\ndatabase=index.txt\nserial=serial\nnew_certs_dir=.\ncertificate=ca.pem\n"
                                    "private_key=ca.key\ndefault_md=sha256\npolicy=any\nunique_subject=no\ncopy_extensions=copy\n[any]\ncommonName=supplied\n")
    for name, host, begin, end in (
        ("good", "localhost", "20200101000000Z", "20991231000000Z"), ("wrong-host", "other.test", "20200101000000Z", "20991231000000Z"),
        ("expired", "localhost", "20200101000000Z", "20210101000000Z"), ("early", "localhost", "20980101000000Z", "20991231000000Z"),
    ):
        run("openssl", "req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}",
            "-addext", f"subjectAltName=DNS:{host}", cwd=folder)
        run("openssl", "ca", "-batch", "-config", "ca.conf", "-in", f"{name}.csr", "-out", f"{name}.pem", "-startdate", begin, "-enddate", end, "-notext",
            cwd=folder)
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "self.key", "-out", "self.pem", "-days", "30", "-subj", "/CN=self",
        "-addext", "subjectAltName=DNS:localhost", cwd=folder)
    return folder


class TLSServer:
    """Answers whoever trusts it. `received` is what came after the handshake: nothing, where there was none."""

    def __init__(self, folder, certificate, before=None, old=False):
        self.before, self.received, self.connections = before, [], 0
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if old:
            self.context.set_ciphers("DEFAULT@SECLEVEL=0")
            with warnings.catch_warnings(action="ignore"):
                self.context.minimum_version, self.context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
        self.context.load_cert_chain(folder / f"{certificate}.pem", folder / f"{certificate}.key")
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection):
        self.connections += 1
        connection.settimeout(20)
        with contextlib.suppress(OSError), connection:
            if self.before:
                return self.before(connection)
            with self.context.wrap_socket(connection, server_side=True) as secure:
                data = secure.recv(65536)
                self.received.append(data)
                if data:
                    secure.sendall(chat("over TLS").data)
                secure.recv(1)

    def close(self):
        self.listener.close()


def until_closed(connection):
    while connection.recv(65536):
        pass


def answer_plainly(connection):
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
    until_closed(connection)


def reset(connection):
    connection.recv(65536)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")


def break_record(connection):
    connection.recv(65536)
    connection.sendall(b"\x16\x03\x03\xff\xff" + bytes(70000))


FAULTS = {
    # name: (certificate, instead of a handshake, codes)
    "expired": ("expired", None, {"upstream_tls"}), "early": ("early", None, {"upstream_tls"}), "wrong-host": ("wrong-host", None, {"upstream_tls"}),
    "self-signed": ("self", None, {"upstream_tls"}), "old-version": ("good", None, {"upstream_tls"}), "plain": ("good", answer_plainly, {"upstream_tls"}),
    "broken-record": ("good", break_record, {"upstream_tls"}), "reset": ("good", reset, {"upstream_tls", "upstream_reset"}),
    "stalls": ("good", until_closed, {"upstream_connect_timeout"}),
}


@pytest.fixture(scope="module")
def secured(demo, tmp_path_factory):
    folder = make_certificates(tmp_path_factory.mktemp("tls") / "certificates")
    servers = {name: TLSServer(folder, certificate, before, name == "old-version") for name, (certificate, before, _) in FAULTS.items()}
    servers["good"] = TLSServer(folder, "good")
    gateway = start(demo, folder.parent / "gateway", {TRUSTED: folder / "ca.pem"}, {name: f"https://localhost:{server.port}" for name, server in servers.items()})
    gateway.servers = servers
    yield gateway
    gateway.stop()
    for server in servers.values():
        server.close()


@isolated
def test_a_certificate_that_holds_is_taken(secured, text):
    response = secured.chat(secured.key, text, "good")
    assert response.status_code == 200 and "over TLS" in response.text
    assert b"sk-faulty-canary" in secured.servers["good"].received[0]


@isolated
@pytest.mark.parametrize("name", FAULTS)
def test_nothing_is_sent_to_whom_is_not_trusted(secured, text, name):
    """C14: neither the key nor the prompt; the next target answers, and where there is none the failure has a name."""
    took, response = seconds(lambda: secured.chat(secured.key, text, f"{name}-first"))
    assert response.status_code == 200 and response.headers["cf-aig-step"] == "1", response.text
    assert took < 1.5
    alone = secured.chat(secured.key, text, name)
    assert alone.status_code == (504 if name == "stalls" else 502)
    assert alone.json()["error"]["code"] in FAULTS[name][2] and "sk-faulty" not in alone.text
    server = secured.servers[name]
    assert server.connections >= 2 and not any(server.received), server.received


# Names


class NameServer:
    """Speaks DNS as far as glibc asks: addresses by name, silence, or that there is no such name."""

    def __init__(self, names):
        self.names, self.asked = names, []
        self.datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.datagrams.bind((RESOLVER, 53))
        self.streams = socket.create_server((RESOLVER, 53))
        self.ended = False
        self.threads = [threading.Thread(target=serve, daemon=True) for serve in (self._serve_datagrams, self._serve_streams)]
        for each in (self.datagrams, self.streams):
            each.settimeout(0.1)
        for thread in self.threads:
            thread.start()

    def close(self):
        """A socket that a thread waits on keeps its port, closed or not."""
        self.ended = True
        for thread in self.threads:
            thread.join()
        self.datagrams.close()
        self.streams.close()

    def _serve_datagrams(self):
        while not self.ended:
            with contextlib.suppress(TimeoutError):
                query, peer = self.datagrams.recvfrom(4096)
                answer = self._answer(query)
                if answer:
                    # More than a datagram holds is asked for again over TCP.
                    self.datagrams.sendto(answer if len(answer) <= 512 else answer[:2] + b"\x83\x80" + answer[4:6] + bytes(6) + query[12:], peer)

    def _serve_streams(self):
        while not self.ended:
            with contextlib.suppress(TimeoutError):
                connection, _ = self.streams.accept()
                threading.Thread(target=self._serve_stream, args=[connection], daemon=True).start()

    def _serve_stream(self, connection):
        with contextlib.suppress(OSError), connection:
            while True:
                size = connection.recv(2, socket.MSG_WAITALL)
                if len(size) < 2:
                    return
                answer = self._answer(connection.recv(struct.unpack("!H", size)[0], socket.MSG_WAITALL))
                if answer:
                    connection.sendall(struct.pack("!H", len(answer)) + answer)

    def _answer(self, query):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode())
            at += 1 + query[at]
        kind = struct.unpack("!H", query[at + 1:at + 3])[0]
        question = query[12:at + 5]
        name = ".".join(labels)
        self.asked.append(name)
        found = self.names.get(name)
        if found == "silent" or found == "silent-v6" and kind == 28:
            return None
        if found is None:
            return query[:2] + b"\x81\x83" + struct.pack("!HHHH", 1, 0, 0, 0) + question
        addresses = (["127.0.0.1"] if found == "silent-v6" else found) if kind == 1 else []
        records = b"".join(b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x05\x00\x04" + socket.inet_aton(address) for address in addresses)
        return query[:2] + b"\x81\x80" + struct.pack("!HHHH", 1, len(addresses), 0, 0) + question + records


@pytest.fixture(scope="module")
def named(demo, tmp_path_factory):
    folder = tmp_path_factory.mktemp("names")
    (folder / "resolv.conf").write_text(f"nameserver {RESOLVER}\noptions timeout:20 attempts:1\n")
    (folder / "nsswitch.conf").write_text("hosts: files dns\n")
    server = Provider()
    # All of 127.0.0.0/8 is this machine.
    # glibc puts what has more bits in common with 127.0.0.1 first.
    hole, other = BlackHole("127.0.0.78", server.port), Provider("127.0.0.200", server.port)
    resolver = NameServer({
        "detour.test": ["127.0.0.78", "127.0.0.200"], "good.test": ["127.0.0.1"], "silent.test": "silent", "half.test": "silent-v6", "second.test": ["127.0.0.77", "127.0.0.200"],
        "thousand.test": [f"127.9.{number // 250}.{number % 250 + 1}" for number in range(1000)]})
    urls = {name: f"http://{name}.test:{server.port}" for name in ("good", "detour", "silent", "half", "second", "thousand", "gone")}
    gateway = start(demo, folder / "gateway", {"/etc/resolv.conf": folder / "resolv.conf", "/etc/nsswitch.conf": folder / "nsswitch.conf"}, urls)
    gateway.server, gateway.resolver = server, resolver
    yield gateway
    gateway.stop()
    for each in (server, other, resolver, hole):
        each.close()


@isolated
@pytest.mark.parametrize("name", ["good", "second", "detour"])
def test_a_name_that_resolves_is_asked(named, text, name):
    """The second of two addresses, where nobody listens at the first, or nothing ever comes back from it."""
    assert named.chat(named.key, text, name).status_code == 200 and f"{name}.test" in named.resolver.asked


@isolated
@pytest.mark.parametrize("name, codes, most", [
    ("gone", {"upstream_unresolved"}, 1), ("silent", {"upstream_connect_timeout"}, 2), ("half", {"upstream_connect_timeout"}, 2),
    # As many addresses as half a second suffices to try.
    ("thousand", {"upstream_connect_timeout", "upstream_refused"}, 2),
])
def test_a_name_that_does_not_work_is_left_for_the_next_target(named, text, name, codes, most):
    """C20."""
    took, response = seconds(lambda: named.chat(named.key, text, f"{name}-first"))
    assert response.status_code == 200 and response.headers["cf-aig-step"] == "1" and took < most, (took, response.text)
    alone = named.chat(named.key, text, name)
    code = alone.json()["error"]["code"]
    assert code in codes and alone.status_code == (504 if code.endswith("timeout") else 502)
    assert f"{name}.test" in named.resolver.asked


@isolated
def test_a_resolver_that_says_nothing_holds_up_nobody_else(named, text):
    """C20: twenty names that hang for twenty seconds each, and the loops go on; nor does the end wait for them."""
    healthy, done = [], threading.Event()

    def watch():
        while not done.is_set():
            healthy.append(seconds(lambda: named.client.get("/healthz"))[0])
            time.sleep(0.01)

    watcher = threading.Thread(target=watch)
    watcher.start()
    threads = [threading.Thread(target=lambda: named.chat(named.key, text, "silent-first")) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    done.set()
    watcher.join()
    assert sorted(healthy)[len(healthy) * 9 // 10] < 0.1 and max(healthy) < 1
    took, status = seconds(named.stop)
    assert took < 5 and status == 0
    named.start()


def test_a_name_that_nobody_has_is_left_for_the_next_target(start_gateway, text):
    """Where the gateway can't have a resolver of its own: the machine's, asked for a name that is never there (RFC 6761)."""
    gateway = start_gateway({
        "providers": {"nobody": {"url": "https://nobody.invalid/v1"}}, "provider_credentials": {"nobody": "env:DEMO_PROVIDER_KEY"},
        "routes": {"nobody": {"targets": ["nobody/m", "demo/demo-chat"], "timeouts": {"connect": "500ms"}}}})
    took, response = seconds(lambda: gateway.chat(gateway.create_key(), text, "nobody"))
    assert response.status_code == 200 and response.headers["cf-aig-step"] == "1" and took < 1.5
