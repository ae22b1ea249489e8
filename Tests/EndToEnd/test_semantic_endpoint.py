"""The semantic cache with vectors from an embeddings endpoint instead of a model in the process. Whatever the endpoint does, requests are answered as
if there were no semantic cache, and the reason has a name."""

import http.server
import json
import math
import re
import threading
import time
import zlib

import httpx
import pytest

from harness import free_port, merged, wait_until
from test_semantic import Oracle, ask, configuration, is_similar, said, semantic

DIMENSIONS = 64
STOP = {"how", "can", "do", "i", "my", "the", "what", "is", "way", "to", "please", "tell", "me", "could", "would"}


def vector(text, dimensions=DIMENSIONS):
    """Words in buckets, filler words with less weight: paraphrases that share their words of meaning are near."""
    sums = [0.0] * dimensions
    for word in re.findall(r"[a-z0-9]+", text.lower()):
        hashed = zlib.crc32(word.encode())
        sums[hashed % dimensions] += (0.1 if word in STOP else 1.0) * (1 if hashed & 0x10000 else -1)
    length = math.sqrt(sum(value * value for value in sums)) or 1
    return [value / length for value in sums]


class Endpoint:
    """An OpenAI-style embeddings server. `answer` takes a text and returns a status and a body, or drops the connection with `None`."""

    def __init__(self):
        endpoint = self
        self.reset()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                endpoint.requests.append((self.path, dict(self.headers), body))
                time.sleep(endpoint.delay)
                answer = endpoint.answer(body["input"])
                if answer is None:
                    self.close_connection = True
                    return
                status, data = answer
                data = data if isinstance(data, bytes) else json.dumps(data).encode()
                try:
                    self.send_response(status)
                    self.send_header("content-type", "application/json")
                    self.send_header("content-length", str(len(data) + endpoint.missing))
                    self.end_headers()
                    self.wfile.write(data)
                except OSError:
                    self.close_connection = True
                if endpoint.missing:
                    self.close_connection = True

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = "http://127.0.0.1:%d/v1/embeddings" % self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def reset(self):
        self.requests = []
        self.delay = 0
        self.missing = 0
        self.answer = self.whole

    @staticmethod
    def whole(text, values=None, model="embedder-1"):
        return 200, {"object": "list", "model": model, "usage": {"prompt_tokens": 5, "total_tokens": 5},
                     "data": [{"object": "embedding", "index": 0, "embedding": vector(text) if values is None else values}]}

    @property
    def texts(self):
        return [body["input"] for _, _, body in self.requests]

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def endpoint():
    endpoint = Endpoint()
    yield endpoint
    endpoint.stop()


@pytest.fixture(scope="module")
def oracle():
    oracle = Oracle()
    yield oracle
    oracle.stop()


@pytest.fixture
def near(demo, oracle, endpoint, start_gateway, tmp_path):
    return start_gateway(remote(oracle, endpoint.url, tmp_path))


def remote(oracle, url, folder, **extra):
    return configuration(oracle, semantic={
        "models_directory": str(folder / "no-models"), "endpoint_url": url, "endpoint_model": "embedder", "endpoint_dimensions": DIMENSIONS,
        "budget": "2s", **extra})


def settle(gateway):
    """Waits until what was answered can be found, if it ever will: first its vector, then the judge."""
    wait_until(lambda: semantic(gateway)["embedder"]["waiting"] == 0 and semantic(gateway)["judge"]["waiting"] == 0, 30, "the judge")


def has_failed(gateway, reason):
    return wait_until(lambda: f"reason={reason}" in gateway.process.text() or f'"{reason}"' in gateway.process.text(), 10, reason)


def test_a_paraphrase_hits_and_others_do_not(near, endpoint, oracle):
    key = near.create_key()
    state = semantic(near)
    assert state["state"] != "off"
    assert "embedder endpoint 64" in json.dumps(state)
    first = ask(near, key, "How can I change my account password?")
    settle(near)
    second = ask(near, key, "How do I change my account password?")
    assert is_similar(second) and said(second) == said(first)
    assert endpoint.texts == ["How can I change my account password?", "How do I change my account password?"]
    for question in ("How do I change my delivery address?", "How do I change my account password 4711?", "How do I not change my account password?"):
        other = ask(near, key, question)
        assert not is_similar(other) and said(other) == Oracle.answer(question)
    assert not is_similar(ask(near, near.create_key(), "How could I change my account password?")), "another tenant"


def test_what_is_asked_of_the_endpoint(demo, oracle, endpoint, start_gateway, tmp_path):
    (tmp_path / "key").write_text("embedding-canary")
    (tmp_path / "key").chmod(0o600)
    gateway = start_gateway(remote(oracle, endpoint.url + "?v=1", tmp_path, endpoint_key=f"file:{tmp_path / 'key'}"))
    key = gateway.create_key()
    text = 'How can I change my "account" password\n\u00e9\U0001f600?'
    ask(gateway, key, text)
    settle(gateway)
    path, headers, body = endpoint.requests[0]
    assert path == "/v1/embeddings?v=1"
    assert body == {"model": "embedder", "input": text}
    assert headers["Authorization"] == "Bearer embedding-canary" and headers["Content-Type"] == "application/json"
    assert "canary" not in gateway.process.text() and "canary" not in json.dumps(semantic(gateway))


def test_a_text_is_embedded_once(near, endpoint):
    key = near.create_key()
    ask(near, key, "How can I change my time zone?")
    settle(near)
    ask(near, key, "How can I change my time zone?", max_tokens=7)
    settle(near)
    assert endpoint.texts == ["How can I change my time zone?"]


FAULTS = {
    "endpoint-status": lambda text: (503, b'{"error":{"message":"busy"}}'),
    "endpoint-not-json": lambda text: (200, b"<html>ready soon</html>"),
    "endpoint-answer-malformed": lambda text: (200, {"object": "list"}),
    "endpoint-item-count": lambda text: (200, {**Endpoint.whole(text)[1], "data": Endpoint.whole(text)[1]["data"] * 2}),
    "endpoint-dimensions": lambda text: Endpoint.whole(text, vector(text, 128)),
    "endpoint-not-finite": lambda text: Endpoint.whole(text, [1e300] + vector(text)[1:]),
    "endpoint-zero-vector": lambda text: Endpoint.whole(text, [0.0] * DIMENSIONS),
    "endpoint-model-changed": lambda text: Endpoint.whole(text, model="embedder-2"),
    "endpoint-answer-too-large": lambda text: (200, b" " * 200_000 + json.dumps(Endpoint.whole(text)[1]).encode()),
    "endpoint-unreachable": lambda text: None,
}
# What names the same: JSON has no NaN, and no item is as bad as two.
MORE_FAULTS = [
    ("endpoint-not-json", lambda text: (200, json.dumps(Endpoint.whole(text, [float("nan")] * DIMENSIONS)[1]).encode())),
    ("endpoint-item-count", lambda text: (200, {**Endpoint.whole(text)[1], "data": []})),
    ("endpoint-status", lambda text: (302, b"")),
]


@pytest.mark.parametrize("reason, fault", [*FAULTS.items(), *MORE_FAULTS], ids=lambda value: value if isinstance(value, str) else "")
def test_a_fault_is_a_miss_with_a_name_and_is_over_when_it_is_over(near, endpoint, reason, fault):
    key = near.create_key()
    first = ask(near, key, "How can I change my credit card?")
    settle(near)
    endpoint.answer = fault
    for way in ("How do I change my credit card?", "How could I change my credit card?"):
        answer = ask(near, key, way)
        assert not is_similar(answer) and said(answer) == said(first)
    settle(near)
    has_failed(near, reason)
    assert semantic(near)["endpoint_failures"][reason] >= 1
    endpoint.reset()
    assert is_similar(ask(near, key, "How would I change my credit card?"))


def test_an_answer_that_breaks_off_is_a_miss(near, endpoint):
    key = near.create_key()
    ask(near, key, "How can I change my credit card?")
    settle(near)
    endpoint.missing = 10
    assert not is_similar(ask(near, key, "How do I change my credit card?"))
    has_failed(near, "endpoint-broken-off")


def test_an_endpoint_that_hangs_costs_no_more_than_the_budget(demo, oracle, endpoint, start_gateway, tmp_path):
    gateway = start_gateway(remote(oracle, endpoint.url, tmp_path, budget="300ms"))
    key = gateway.create_key()
    ask(gateway, key, "How can I change my gift voucher?")
    settle(gateway)
    endpoint.delay = 2
    began = time.monotonic()
    answer = ask(gateway, key, "How do I change my gift voucher?")
    assert not is_similar(answer) and time.monotonic() - began < 1.8
    has_failed(gateway, "endpoint-timeout")
    # The vector is fetched again for the index, with nobody waiting.
    wait_until(lambda: endpoint.texts.count("How do I change my gift voucher?") == 2, 10, "the second call")
    settle(gateway)
    endpoint.reset()
    assert is_similar(ask(gateway, key, "How would I change my gift voucher?"))


def test_an_endpoint_that_is_not_there_harms_nobody(demo, oracle, start_gateway, tmp_path):
    gateway = start_gateway(remote(oracle, f"http://127.0.0.1:{free_port()}/v1/embeddings", tmp_path))
    key = gateway.create_key()
    for way in ("How can I change my order history?", "How do I change my order history?"):
        answer = ask(gateway, key, way)
        assert not is_similar(answer) and said(answer) == Oracle.answer("order history")
    settle(gateway)
    has_failed(gateway, "endpoint-unreachable")


def test_more_questions_than_may_be_under_way_are_misses(demo, oracle, endpoint, start_gateway, tmp_path):
    gateway = start_gateway({**remote(oracle, endpoint.url, tmp_path, queue_max=1), "loops": 1})
    key = gateway.create_key()
    ask(gateway, key, "How can I change my company name?")
    settle(gateway)
    endpoint.delay = 1
    answers = []
    threads = [threading.Thread(target=lambda way=way: answers.append(ask(gateway, key, way.format("company name"))))
               for way in ("How do I change my {}?", "How could I change my {}?", "How would I change my {}?")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(is_similar(answer) for answer in answers) == 1 and len(answers) == 3
    has_failed(gateway, "endpoint-busy")


def test_a_client_that_leaves_while_its_vector_is_made_harms_nobody(near, endpoint):
    key = near.create_key()
    ask(near, key, "How can I change my phone number?")
    settle(near)
    endpoint.delay = 0.3
    for number in range(10):
        with pytest.raises(httpx.TimeoutException):
            httpx.post(f"{near.url}/v1/chat/completions", headers={"authorization": f"Bearer {key}"}, timeout=0.05,
                       json={"model": "near", "messages": [{"role": "user", "content": f"How can I change my phone number {number} please?"}]})
    assert is_similar(ask(near, key, "How do I change my phone number?"))
    settle(near)


def test_vectors_survive_a_restart_and_no_change_of_the_model_does(demo, oracle, endpoint, start_gateway, tmp_path):
    gateway = start_gateway(remote(oracle, endpoint.url, tmp_path))
    key = gateway.create_key()
    ask(gateway, key, "How can I change my loyalty points?")
    settle(gateway)
    gateway.stop()
    gateway.start()
    wait_until(lambda: semantic(gateway)["state"] == "ready", 20, "warm vectors")
    assert is_similar(ask(gateway, key, "How do I change my loyalty points?"))
    # Another model behind the same name, across a restart: the stored vectors are still the first one's.
    gateway.stop()
    endpoint.answer = lambda text: Endpoint.whole(text, model="embedder-2")
    gateway.start()
    wait_until(lambda: semantic(gateway)["state"] == "ready", 20, "warm vectors")
    assert not is_similar(ask(gateway, key, "How could I change my loyalty points?"))
    has_failed(gateway, "endpoint-model-changed")


def test_another_configured_model_begins_anew(demo, oracle, endpoint, start_gateway, tmp_path):
    gateway = start_gateway(remote(oracle, endpoint.url, tmp_path))
    key = gateway.create_key()
    ask(gateway, key, "How can I change my return parcel?")
    settle(gateway)
    gateway.stop()
    gateway.config = merged(gateway.config, remote(oracle, endpoint.url, tmp_path, endpoint_model="other"))
    endpoint.answer = lambda text: Endpoint.whole(text, model="other-1")
    gateway.start()
    wait_until(lambda: semantic(gateway)["state"] == "ready", 20, "warm vectors")
    assert not is_similar(ask(gateway, key, "How do I change my return parcel?"))
    settle(gateway)
    assert is_similar(ask(gateway, key, "How could I change my return parcel?"))


def test_an_installed_gate_spares_the_endpoint(demo, oracle, endpoint, models, start_gateway, tmp_path):
    gateway = start_gateway(remote(oracle, endpoint.url, tmp_path, models_directory=str(models)))
    key = gateway.create_key()
    ask(gateway, key, "How can I change my weekly newsletter?")
    settle(gateway)
    assert is_similar(ask(gateway, key, "How do I change my weekly newsletter?"))
    endpoint.delay = 1.5
    began = time.monotonic()
    assert not is_similar(ask(gateway, key, "Which mountains in Peru are the highest ones?"))
    assert time.monotonic() - began < 1.4, "the gate keeps it from waiting"
    settle(gateway)
