"""What was left of groups C and D: providers that drip, flap and fail by halves, and what a client's own retries add.

Certificates and names are in test_names_and_certificates.py."""

import concurrent.futures
import contextlib
import json
import random
import socket
import threading
import time

import pytest

from harness import Raw, cache_status, chat_body, is_hit, request_bytes, resident_bytes, stream_text, unique, wait_until
from scripted import ROLE, SILENCE, chat, delta, good_stream, head, status, stream
from test_fallback import Lab, answered_by, at_once, seconds

SHORT = {"connect": "300ms", "first_byte": "400ms", "first_byte_stream": "400ms", "idle": "400ms", "deadline": "30s"}
ROUTES = {}


def route(name, *targets, **fields):
    ROUTES[name] = {"targets": [target if "/" in target else f"{target}/{name}" for target in targets or "ab"], "retry": {"delay": "0"}, **fields}
    return name


class Listener:
    """A server that does with each connection what `serve(connection)` does."""

    def __init__(self, serve, address="127.0.0.1"):
        self.serve, self.accepted = serve, 0
        self.socket = socket.create_server((address, 0), backlog=64)
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.socket.accept()
                self.accepted += 1
                threading.Thread(target=self._run, args=[connection], daemon=True).start()

    def _run(self, connection):
        with contextlib.suppress(OSError), connection:
            connection.settimeout(20)
            self.serve(connection)

    def close(self):
        self.socket.close()


def reset_at_once(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")


def say_nothing(connection):
    while connection.recv(65536):
        pass


def say(data, every=0.0):
    """The bytes as an answer to whatever comes; with `every` one by one, that many seconds apart."""
    def serve(connection):
        connection.recv(65536)
        for piece in ([data[index:index + 1] for index in range(len(data))] if every else [data]):
            connection.sendall(piece)
            time.sleep(every)
        connection.settimeout(1)
        connection.recv(1)
    return serve


GARBAGE = random.Random(4).randbytes(100_000)
SERVERS = {
    "reset-on-accept": reset_at_once, "accepted-and-silent": say_nothing, "garbage": say(GARBAGE),
    "garbage-behind-a-status": say(b"HTTP/1.1 200 OK\r\n" + GARBAGE), "drips-its-head": say(chat().data, 0.1),
    "says-hello-first": lambda connection: (connection.sendall(b"220 smtp ready\r\n"), say_nothing(connection)),
    "drips-its-body": lambda connection: (connection.recv(65536), connection.sendall(chat().data[:-40]), [
        (connection.sendall(bytes([byte])), time.sleep(0.2)) for byte in chat().data[-40:]]),
    "drips-a-comment": lambda connection: (
        connection.recv(65536), connection.sendall(head(200, {"content-type": "text/event-stream", "transfer-encoding": "chunked"})), [
            (connection.sendall(b"1\r\n:\r\n"), time.sleep(0.2)) for _ in range(40)]),
}
for name in SERVERS:
    route(name, f"{name}/m", "b", timeouts={**SHORT, "deadline": "2s"} if name.startswith("drips") else SHORT)
    route(f"{name}-alone", f"{name}/m", timeouts={**SHORT, "deadline": "2s"} if name.startswith("drips") else SHORT)


@pytest.fixture(scope="module")
def lab(demo, tmp_path_factory):
    listeners = {name: Listener(serve) for name, serve in SERVERS.items()}
    urls = {name: f"http://127.0.0.1:{listener.port}" for name, listener in listeners.items()}
    lab = Lab(tmp_path_factory.mktemp("faults"), demo, routes=ROUTES, urls=urls)
    lab.listeners = listeners
    yield lab
    lab.stop()
    for listener in listeners.values():
        listener.close()


@pytest.fixture
def start_lab(demo, tmp_path):
    started = []

    def start(**config):
        started.append(Lab(tmp_path / f"lab-{len(started)}", demo, **config))
        return started[-1]

    yield start
    for lab in started:
        lab.stop()


# C: servers that are none


TIMES = {"accepted-and-silent": (0.4, 2), "drips-its-head": (0.4, 2), "drips-its-body": (1.9, 4)}
CODES = {
    # A reset may come before the gateway has noticed that the connection stood.
    "reset-on-accept": (502, "upstream_reset", "upstream_refused"), "accepted-and-silent": (504, "upstream_timeout"), "garbage": (502, "upstream_protocol"),
    "garbage-behind-a-status": (502, "upstream_protocol"), "drips-its-head": (504, "upstream_timeout"),
    "says-hello-first": (502, "upstream_protocol"), "drips-its-body": (504, "upstream_total_timeout"),
}


@pytest.mark.parametrize("name", [name for name in SERVERS if name not in ("drips-its-body", "drips-a-comment")])
def test_a_server_that_is_none_is_left_for_the_next(lab, name):
    """C1, C3, C15: when its time is over where it says nothing, at once where it says nonsense."""
    took, response = seconds(lambda: lab.ask(name, headers={"cf-aig-max-attempts": "1"}))
    answered_by(response, 1, "b", name)
    least, most = TIMES.get(name, (0, 1))
    assert least <= took <= most, took


@pytest.mark.parametrize("name", CODES)
def test_a_server_that_is_none_and_the_only_one_is_a_failure_with_a_name(lab, name):
    took, response = seconds(lambda: lab.ask(f"{name}-alone", headers={"cf-aig-max-attempts": "1"}))
    code, *names = CODES[name]
    assert response.status_code == code and response.json()["error"]["code"] in names and not is_hit(response)
    least, most = TIMES.get(name, (0, 1))
    assert least <= took <= most, took


def test_a_stream_that_drips_without_an_event_ends_with_the_deadline(lab):
    """Each byte is progress, and no byte an answer."""
    took, response = seconds(lambda: lab.stream("drips-a-comment-alone", headers={"cf-aig-max-attempts": "1"}))
    assert response.status_code == 504 and 1.9 <= took <= 4


route("rst")


@pytest.mark.parametrize("events, end", [(0, "reset"), (1, "reset"), (100, "reset"), (1, "keep"), (100, "close")])
def test_a_stream_that_breaks_after_some_events(lab, text, events, end):
    """C6, C7: before the first one another target answers; after it the client is told, nothing is kept, and it counts as a failure. An end
    without `[DONE]` or a finish reason is a break too."""
    before = lab.counters()["weir_upstream_failures_total"]
    calls = lab.calls("rst")
    lab.script("rst", a=stream(ROLE, *[delta(f"{number} ") for number in range(events)], end=end), b=good_stream("from b"))
    for _ in range(2):
        response = lab.stream("rst", text, headers={"cf-aig-max-attempts": "1"})
        if events == 0:
            assert stream_text(response.events) == "from b" and response.headers["cf-aig-step"] == "1"
        else:
            # What a reset overtakes is lost in the kernel.
            assert "".join(f"{number} " for number in range(events)).startswith(stream_text(response.events))
            assert response.status_code in (200, 502) and "[DONE]" not in response.events and "error" in response.text
        assert not is_hit(response)
    assert lab.counters()["weir_upstream_failures_total"] - before == 2
    assert lab.calls("rst")[0] == calls[0] + 2
    lab.script("rst", a=chat())
    answered_by(lab.ask("rst"), 0, "a")


route("long-line")


def test_an_event_of_fifty_megabytes_is_cut_at_one(lab):
    """C10."""
    before = resident_bytes(lab.gateway.process.pid)
    piece = b"x" * 1_000_000
    lab.script("long-line", a=stream(ROLE, delta("begun"), b'data: {"choices":[{"index":0,"delta":{"content":"', *[piece] * 50))
    response = lab.stream("long-line")
    assert "[DONE]" not in response.events and len(response.content) < 4_000_000
    assert "upstream_event_too_large" in response.text[-2000:], response.text[-300:]
    assert resident_bytes(lab.gateway.process.pid) - before < 24_000_000


# C2


DEAF = {"hole-deaf": {"targets": ["hole/m", "b/m"], "timeouts": {"connect": "100ms"}, "cache": {"enabled": False}},
        "other-deaf": {"targets": ["hole/m", "c/m"], "timeouts": {"connect": "100ms"}, "cache": {"enabled": False}}}


@pytest.mark.parametrize("how", ["times-out", "is-left"])
def test_a_connection_that_never_came_about_deafens_nobody(start_lab, how):
    """libcurl closes it without a word. Its number goes to the next client, whose bytes must not be given to whom it belonged to."""
    lab = start_lab(routes=DEAF, loops=1, breaker={"consecutive_failures": 1000})
    assert lab.ask("b/m").status_code == 200
    for _ in range(5):
        if how == "times-out":
            # The second target's connection stands already: what is opened next is a client's.
            answered_by(lab.ask("hole-deaf"), 1, "b")
        else:
            with Raw(lab.gateway.data_address) as leaving:
                leaving.send(request_bytes(key=lab.key, body=chat_body(unique(), "hole-deaf")))
                leaving.read(b"never", 0.05)
                leaving.reset()
            lab.ask("b/m")
        with contextlib.ExitStack() as stack:
            raws = [stack.enter_context(Raw(lab.gateway.data_address)) for _ in range(4)]
            for raw in raws:
                raw.send(request_bytes("GET", "/healthz"))
            for raw in raws:
                assert raw.read(b"ok\n", 3).endswith(b"ok\n"), "a client was not heard"
    # Nor may the next target's new connection be taken for it.
    answered_by(lab.ask("other-deaf"), 1, "c")


RETRY_AFTER = {
    # value: (attempts on the first target, whether the second is asked)
    "0": (2, False), "1": (2, False), "5": (1, True), "3600": (1, True), "Wed, 21 Oct 2037 07:28:00 GMT": (1, True), "soon": (2, False), "-5": (2, False),
    "Wed, 21 Oct 2015 07:28:00 GMT": (2, False), "99999999999999999999": (1, True),
}
for number in range(len(RETRY_AFTER)):
    route(f"after-{number}")


@pytest.mark.parametrize("number, value", list(enumerate(RETRY_AFTER)), ids=str)
def test_what_retry_after_may_say(lab, number, value):
    """C11: a second is waited for, more is somebody else's turn, and what is none is none."""
    name, (attempts, moves) = f"after-{number}", RETRY_AFTER[value]
    lab.script(name, a=[status(429, retry_after=value), chat()])
    took, response = seconds(lambda: lab.ask(name))
    answered_by(response, int(moves), "b" if moves else "a")
    assert lab.calls(name) == (attempts, int(moves)) and took < (2.5 if value == "1" else 1)


route("limited-hour")


def test_an_hour_s_limit_is_the_model_s_alone_and_believed_for_a_minute(lab):
    """C11: other models of the provider are asked, this one as a last resort."""
    lab.script("limited-hour", a=status(429, retry_after="3600"))
    answered_by(lab.ask("limited-hour"), 1, "b")
    answered_by(lab.ask("limited-hour"), 1, "b")
    assert lab.calls("limited-hour") == (1, 2)
    assert lab.ask("a/another-model").headers["cf-aig-provider"] == "a"
    target = next(each for each in json.loads(lab.gateway.admin("GET", "/stats").text)["targets"]
                  if (each["provider"], each["model"]) == ("a", "limited-hour"))
    assert 50 < target["keys"][0]["limited_seconds"] <= 60, target
    lab.script("limited-hour", a=chat(), b=status(404))
    answered_by(lab.ask("limited-hour"), 0, "a")


route("slower", timeouts={**SHORT, "first_byte": "500ms"}, cache={"enabled": False})


def test_answers_slower_each_time_end_when_their_time_is_over_and_hold_up_nobody(lab):
    """C19."""
    lab.script("slower", a=lambda call: time.sleep(float(call.body["messages"][0]["content"])) or chat())
    waits = [0.1 * step for step in range(1, 10)]
    healthy, done = [], threading.Event()

    def watch():
        while not done.is_set():
            healthy.append(seconds(lambda: lab.gateway.client.get("/healthz"))[0])
            time.sleep(0.01)

    watcher = threading.Thread(target=watch)
    watcher.start()
    with concurrent.futures.ThreadPoolExecutor(len(waits)) as pool:
        found = list(pool.map(lambda wait: seconds(lambda: lab.ask("slower", f"{wait:.1f}")), waits))
    done.set()
    watcher.join()
    for wait, (took, response) in zip(waits, found):
        # At half a second either may be first.
        if wait < 0.45:
            answered_by(response, 0, "a")
        elif wait > 0.55:
            answered_by(response, 1, "b")
        assert min(wait, 0.5) - 0.01 <= took <= min(wait, 0.5) + 0.5, (wait, took)
    assert sorted(healthy)[len(healthy) * 9 // 10] < 0.1


# D: load


class Traffic:
    """Requests at a steady rate from 16 clients, each on a connection of its own."""

    def __init__(self, lab, name, rate, seconds, **headers):
        self.answers = []
        self.lab, self.name, self.rate, self.end, self.headers = lab, name, rate, time.monotonic() + seconds, headers
        self.start = time.monotonic()
        self.threads = [threading.Thread(target=self._run, args=[number]) for number in range(16)]
        for thread in self.threads:
            thread.start()

    def _run(self, number):
        due, count = self.start + number / self.rate, 0
        fields = [f"{name.replace('_', '-')}: {value}" for name, value in self.headers.items()]
        with Raw(self.lab.gateway.data_address) as raw:
            while due < self.end:
                time.sleep(max(0, due - time.monotonic()))
                began = time.monotonic()
                raw.send(request_bytes(key=self.lab.key, body=chat_body(f"{self.name} {number} {count} {self.start}", self.name), headers=fields))
                code, headers, _ = raw.read_response(20)
                self.answers.append((began - self.start, time.monotonic() - began, code, headers.get("cf-aig-provider")))
                due, count = due + 16 / self.rate, count + 1

    def join(self):
        for thread in self.threads:
            thread.join(40)
        return self.answers

    def share(self, provider, begin=0, end=1e9):
        within = [who for at, _, _, who in self.answers if begin <= at < end]
        return sum(who == provider for who in within) / max(1, len(within))


def half(seed):
    """Fails every other time, by chance."""
    chance, lock = random.Random(seed), threading.Lock()

    def answer(_):
        with lock:
            return status(503) if chance.random() < 0.5 else chat()
    return answer


def breaker(lab, name, provider="a"):
    for target in json.loads(lab.gateway.admin("GET", "/stats").text)["targets"]:
        if (target["provider"], target["model"]) == (provider, name):
            return target["keys"][0]["breaker"], target["keys"][0]["openings"]
    return "closed", 0


STEADY = {"cache": {"enabled": False}}
# They measure shares under a steady load, and would be each other's noise.
alone = pytest.mark.xdist_group("load")


@alone
def test_half_of_the_answers_fail_and_no_request_does(start_lab):
    """D4, R6: the second target answers what the first does not, and the first becomes the last resort."""
    lab = start_lab(routes={"half": {"targets": ["a/half", "b/half"], **STEADY}}, breaker={"consecutive_failures": 50})
    lab.script("half", a=half(1))
    answers = Traffic(lab, "half", 200, 5).join()
    assert len(answers) >= 300 and {code for _, _, code, _ in answers} == {200}
    first, second = lab.calls("half")
    assert first + second <= 1.2 * len(answers), (first, second, len(answers))
    assert breaker(lab, "half")[1] >= 1 and first <= 0.3 * len(answers)


@alone
def test_half_of_the_only_target_s_answers_fail_and_repeats_stay_a_fifth(start_lab):
    """D4: success is what half a chance and a fifth of repeats make of it; a breaker for a failing share never takes the last target out."""
    lab = start_lab(routes={"half": {"targets": ["a/half"], "retry": {"delay": "1ms"}, **STEADY}}, breaker={"consecutive_failures": 50})
    lab.script("half", a=half(2))
    answers = Traffic(lab, "half", 200, 5).join()
    share = sum(code == 200 for _, _, code, _ in answers) / len(answers)
    attempts = lab.a.count("half")
    assert attempts <= 1.2 * len(answers) + 2, (attempts, len(answers))
    # Each attempt succeeds with one half: 0.5 x attempts, five standard deviations to each side.
    expected, deviation = 0.5 * attempts / len(answers), (0.25 * attempts) ** 0.5 / len(answers)
    assert abs(share - expected) <= 5 * deviation and share >= 0.52, (share, expected)
    assert {code for _, _, code, _ in answers} == {200, 503}


def test_clients_that_retry_on_their_own_do_not_multiply_ours(start_lab):
    """D12: three tries of the client's are three, not nine."""
    lab = start_lab(routes={"down": {"targets": ["a/down"], "retry": {"attempts": 3, "delay": "0"}, **STEADY}}, breaker={"consecutive_failures": 1000})
    lab.script("down", a=status(503))
    for request in range(3):
        for attempt in range(3):
            assert lab.ask("down", f"{request}", headers={"x-stainless-retry-count": str(attempt)}).status_code == 503
    # Three for each first try, one for each of the others.
    assert lab.a.count("down") == 3 * (3 + 1 + 1)


@pytest.mark.parametrize("field", [
    "x-stainless-retry-count: 1", "X-Retry-Count: 2", "x-retry-attempt: 1", "retry-count: 1", "Retry-Attempt: 1", "grpc-previous-rpc-attempts: 1",
    "x-envoy-attempt-count: 2", "amz-sdk-request: attempt=2; max=3",
])
def test_a_retry_by_any_name_is_asked_once(lab, field):
    name, _, value = field.partition(": ")
    model = unique("retried")
    lab.a.script(model, status(500))
    assert lab.ask(f"a/{model}", headers={name: value}).status_code == 500 and lab.a.count(model) == 1


@pytest.mark.parametrize("field", ["x-retry-count: 0", "x-envoy-attempt-count: 1", "amz-sdk-request: attempt=1; max=3", "x-retry-count: many", "retry-after: 5"])
def test_a_first_try_by_any_name_is_repeated(lab, field):
    name, _, value = field.partition(": ")
    model = unique("first")
    lab.a.script(model, status(500), chat())
    assert lab.ask(f"a/{model}", headers={name: value, "cf-aig-retry-delay": "0"}).status_code == 200 and lab.a.count(model) == 2


@alone
def test_a_flapping_target_is_left_alone_for_longer_each_time(start_lab):
    """D3: half a second up, half a second down, and no request fails."""
    lab = start_lab(routes={"flaps": {"targets": ["a/flaps", "b/flaps"], **STEADY}},
                    breaker={"cooldown_min": "200ms", "cooldown_max": "1600ms", "ramp_step": "20ms"})
    asked, start = [], time.monotonic()

    def flap(_):
        at = time.monotonic() - start
        is_up = int(at * 2) % 2 == 0
        asked.append((at, is_up))
        return chat() if is_up else status(503)

    lab.script("flaps", a=flap)
    answers = Traffic(lab, "flaps", 200, 6).join()
    assert {code for _, _, code, _ in answers} == {200}
    _, openings = breaker(lab, "flaps")
    down = sum(not is_up for _, is_up in asked)
    # Six half seconds down, in which it would be asked six hundred times. Each time its breaker opens after five failures and what the other
    # clients had under way; its time out doubles to over a second.
    assert 2 <= openings <= 12 and down <= 6 * (5 + 15), (openings, down)
    first, second = lab.calls("flaps")
    assert first + second <= 1.1 * len(answers)


@alone
def test_a_target_that_recovers_gets_its_traffic_back_in_steps(start_lab):
    """D10: no stampede."""
    lab = start_lab(routes={"back": {"targets": ["a/back", "b/back"], **STEADY}},
                    breaker={"cooldown_min": "500ms", "cooldown_max": "500ms", "jitter_percent": 0, "ramp_step": "300ms"})
    lab.script("back", a=status(503))
    traffic = Traffic(lab, "back", 200, 5)
    wait_until(lambda: breaker(lab, "back")[1] >= 1, 3, "the breaker opening")
    lab.script("back", a=chat())
    back = wait_until(lambda: breaker(lab, "back")[0] == "ramping" and time.monotonic() - traffic.start, 3, "the probe's success")
    answers = traffic.join()
    assert {code for _, _, code, _ in answers} == {200}
    shares = [traffic.share("a", back + 0.3 * step, back + 0.3 * (step + 1)) for step in range(10)]
    early, middle, late = sum(shares[:3]) / 3, sum(shares[4:7]) / 3, sum(shares[8:]) / 2
    assert early < 0.45 and early < middle < late and late > 0.75, shares
    assert traffic.share("a", back + 3.4) == 1, shares


@alone
def test_those_who_ask_while_all_is_down_are_told_at_once(start_lab):
    """D2: 200 requests a second, all breakers open."""
    lab = start_lab(routes={"down": {"targets": ["a/down", "b/down"], **STEADY}})
    lab.script("down", a=status(503), b=status(503))
    for _ in range(5):
        lab.ask("down", headers={"cf-aig-max-attempts": "1"})
    assert lab.calls("down") == (5, 5)
    traffic = Traffic(lab, "down", 200, 2)
    answers = traffic.join()
    assert {code for _, _, code, _ in answers} == {503} and lab.calls("down") == (5, 5)
    waits = sorted(took for _, took, _, _ in answers)
    assert waits[len(waits) * 9 // 10] < 0.05


# Followers


route("follow", "a/follow", "b/another", timeouts={**SHORT, "first_byte": "600ms"})


def test_who_follows_waits_for_the_second_target_as_the_leader_does(lab, text):
    """The first says nothing for as long as it may, the second takes its time: no longer than the request would have waited on its own."""
    lab.script("follow", a=SILENCE)
    lab.script("another", b=lambda _: time.sleep(0.55) or chat("from b"))
    for response in at_once(8, lambda _: lab.ask("follow", text)):
        # And it says whose answer it got.
        answered_by(response, 1, "b", "another")
    assert (lab.a.count("follow"), lab.b.count("another")) == (1, 1)


# D13


route("both", store_fallback_under_route=True, cache={"ttl": "1h"})


@pytest.mark.parametrize("streamed", [False, True])
def test_an_answer_kept_for_the_route_names_who_gave_it(lab, text, streamed):
    lab.script("both", a=status(404), b=good_stream("from b") if streamed else chat("from b"))
    first = lab.ask("both", text, stream=streamed)
    answered_by(first, 1, "b", "both")
    assert cache_status(first)["stored"]
    hit = lab.ask("both", text, stream=streamed)
    assert is_hit(hit) and "from b" in hit.text
    answered_by(hit, 1, "b", "both")
    # It is there under its own target too.
    assert is_hit(lab.ask("both", text, stream=streamed, provider={"order": ["b"]}))
    # And not for those who ask the first target by name.
    lab.script("both", a=chat("from a"))
    own = lab.ask("a/both", text)
    assert not is_hit(own) and "from a" in own.text
