"""Retries, fallback and breakers (groups C and D): against scripted providers, so that the first answer can differ from the second.

One gateway serves most tests; every test has models of its own, and with them breakers and retry budgets of its own.
"""

import collections
import concurrent.futures
import json
import signal
import threading
import time

import pytest

from harness import Gateway, Raw, cache_status, chat_body, free_port, is_hit, request_bytes, stream_text, unique, wait_until
from scripted import CUT_BODY, DONE, RESET, ROLE, SILENCE, Answer, BlackHole, Provider, chat, delta, event, good_stream, status, stream

OWN_KEY, LIMITED_KEY, PLACED_KEY = ("wk_" + letter * 43 for letter in "OLP")
ROUTES = {}
AGAIN = {"delay": "0"}


def route(name, *targets, **fields):
    """Declares a route; its targets are PROVIDER, which gets a model of the route's name, or whatever stands in a configuration."""
    def entry(target):
        if isinstance(target, dict):
            return {**target, "target": f"{target['target']}/{name}"} if "target" in target else target
        return target if "/" in target else f"{target}/{name}"

    ROUTES[name] = {"targets": [entry(target) for target in targets], "retry": AGAIN, **fields}
    return name


def pair(name, **fields):
    return route(name, "a", "b", **fields)


class Lab:
    """A gateway, its providers, and what came of a request."""

    def __init__(self, folder, demo, **config):
        self.a, self.b, self.c, self.pool = Provider(), Provider(), Provider(), Provider()
        self.hole = BlackHole()
        urls = {name: getattr(self, name).url for name in ("a", "b", "c", "pool", "hole")} | {"dead": f"http://127.0.0.1:{free_port()}"}
        # The same servers under further names: a refused key is benched for all models of its provider.
        urls |= {f"{name}-{code}": urls[name] for name in "ab" for code in (401, 403)}
        urls |= config.pop("urls", {})
        self.gateway = Gateway(demo, folder, {
            "providers": {name: {
                "allow_private": True, "auth": "bearer",
                "bases": [{"dialect": "openai", "url": f"{url}/v1", "include_usage": True,
                           "operations": {"chat_completions": "/chat/completions", "embeddings": "/embeddings"}}],
                "native": [{"url": url, "versions": ["v1"]}],
            } for name, url in urls.items()},
            "provider_credentials": {**{name: "env:LAB_KEY" for name in urls}, "pool": ["env:LAB_ONE", "env:LAB_TWO"]},
            "prices": {name: {"as_of": "2026-01-01", "models": {"*": {"input": price, "output": price}}}
                       for name, price in (("a", 3), ("b", 1), ("c", 2))},
            "tenants": {
                "own": {"provider_keys": "client"}, "placed": {"limits": {"concurrency": 1}},
                "limited": {"limits": {"budgets": [{"tokens": 1000000, "per": "month"}],
                                       "models": {"a/own-place": {"concurrency": 1}, "a/own-limit": {"budgets": [{"tokens": 215, "per": "month"}]}}}},
            },
            "keys": {name: {"tenant": name, "key": f"env:{name.upper()}_KEY"} for name in ("own", "limited", "placed")},
            "breaker": {"consecutive_failures": 5, "samples_min": 20, **config.pop("breaker", {})}, **config,
        })
        self.gateway.environment.update(LAB_KEY="sk-lab-canary", LAB_ONE="sk-lab-one", LAB_TWO="sk-lab-two")
        self.gateway.environment.update(OWN_KEY=OWN_KEY, LIMITED_KEY=LIMITED_KEY, PLACED_KEY=PLACED_KEY)
        self.gateway.start()
        self.key = self.gateway.create_key()

    def stop(self):
        for each in (self.a, self.b, self.c, self.pool, self.hole):
            each.close()
        assert self.gateway.process.is_running(), self.gateway.process.text()[-3000:]
        self.gateway.stop()

    def script(self, name, **answers):
        """Writes what providers answer to a model."""
        for provider, list_of_answers in answers.items():
            getattr(self, provider).script(name, *(list_of_answers if isinstance(list_of_answers, list) else [list_of_answers]))

    def ask(self, name, text=None, headers=None, key=None, **fields):
        return self.gateway.chat(key or self.key, text or unique("prompt"), name, headers, **fields)

    def stream(self, name, text=None, headers=None, **fields):
        return self.gateway.chat_stream(self.key, text or unique("prompt"), name, headers, **fields)

    def calls(self, name, providers="ab"):
        return tuple(getattr(self, provider).count(name) for provider in providers)

    def counters(self):
        text = self.gateway.admin("GET", "/metrics").text
        return {line.split()[0]: float(line.split()[1]) for line in text.splitlines() if line and not line.startswith("#")}


@pytest.fixture(scope="module")
def lab(demo, tmp_path_factory):
    lab = Lab(tmp_path_factory.mktemp("lab"), demo, routes=ROUTES)
    yield lab
    lab.stop()


@pytest.fixture
def start_lab(demo, tmp_path):
    started = []

    def start(**config):
        started.append(Lab(tmp_path / f"lab-{len(started)}", demo, **config))
        return started[-1]

    yield start
    for lab in started:
        lab.stop()


def answered_by(response, step, provider, model=None):
    assert response.status_code == 200, response.text
    assert (response.headers["cf-aig-step"], response.headers["cf-aig-provider"]) == (str(step), provider)
    assert model is None or response.headers["cf-aig-model"] == model


def seconds(action):
    begun = time.monotonic()
    result = action()
    return time.monotonic() - begun, result


def at_once(count, action):
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        return list(pool.map(action, range(count)))


# The table

REPEATED = [408, 409, 425, 429, 500, 502, 503, 504, 529]
MOVED = [401, 403, 404]
RETURNED = [400, 402, 405, 410, 413, 415, 422, 451]
for code in REPEATED + MOVED + RETURNED:
    route(f"row-{code}", f"a-{code}" if code in (401, 403) else "a", "b")


@pytest.mark.parametrize("code", REPEATED)
def test_a_passing_failure_is_repeated_once_and_then_failed_over(lab, code):
    name = f"row-{code}"
    lab.script(name, a=status(code), b=chat("from b"))
    response = lab.ask(name)
    answered_by(response, 1, "b", name)
    assert response.json()["choices"][0]["message"]["content"] == "from b"
    assert lab.calls(name) == (2, 1)


@pytest.mark.parametrize("code", REPEATED)
def test_a_passing_failure_that_passes_is_not_seen(lab, code):
    name = f"passing-{code}"
    lab.script(name, a=[status(code), chat("from a")])
    answered_by(lab.ask(name), 0, "a", name)
    assert lab.calls(name) == (2, 0)


@pytest.mark.parametrize("code", MOVED)
def test_a_refused_key_or_a_missing_model_is_failed_over_at_once(lab, code):
    name = f"row-{code}"
    lab.script(name, a=status(code))
    answered_by(lab.ask(name), 1, "b", name)
    assert lab.calls(name) == (1, 1)


@pytest.mark.parametrize("code", RETURNED)
def test_any_other_refusal_is_the_client_s_at_once(lab, code):
    name = f"row-{code}"
    lab.script(name, a=status(code, {"error": {"message": f"a says {code}"}}))
    response = lab.ask(name)
    assert response.status_code == code and response.json() == {"error": {"message": f"a says {code}"}}
    assert response.headers["cf-aig-step"] == "0" and lab.calls(name) == (1, 0)


for code in REPEATED:
    pair(f"passing-{code}")
BROKEN = {"reset": RESET, "closed": Answer(end="close"), "cut-body": CUT_BODY, "no-http": Answer(b"SSH-2.0-x\r\n", "close")}
for kind in BROKEN:
    pair(f"broken-{kind}")


@pytest.mark.parametrize("kind", BROKEN)
def test_an_answer_that_breaks_before_its_first_byte_went_on_is_failed_over(lab, kind):
    name = f"broken-{kind}"
    lab.script(name, a=BROKEN[kind])
    answered_by(lab.ask(name), 1, "b", name)
    assert lab.calls(name) == ((1, 1) if kind == "no-http" else (2, 1))


# Targets that are not there

route("dead-first", "dead", "b")
route("dead-last", "b", "dead")
route("hole-first", "hole", "b", timeouts={"connect": "300ms"})
pair("plain-pair")


def test_a_dead_target_adds_hardly_anything(lab):
    """C1: refused connections move on at once, before the breaker knows and after."""
    before = lab.counters()
    times = sorted(seconds(lambda: answered_by(lab.ask("dead-first"), 1, "b"))[0] for _ in range(12))
    plain = sorted(seconds(lambda: answered_by(lab.ask("plain-pair"), 0, "a"))[0] for _ in range(12))
    assert times[0] - plain[0] <= 0.05 and times[6] - plain[6] <= 0.05
    after = lab.counters()
    # Five times refused; then its breaker is open, and nobody knocks.
    assert after["weir_upstream_failures_total"] - before["weir_upstream_failures_total"] == 5
    assert after["weir_upstream_retries_total"] == before["weir_upstream_retries_total"]


def test_a_dead_last_target_is_tried_twice_before_the_request_is_given_up(lab):
    lab.script("dead-last", b=status(500))
    before = lab.counters()["weir_upstream_attempts_total"]
    response = lab.ask("dead-last")
    assert response.status_code == 502 and response.json()["error"]["code"] == "upstream_refused"
    assert response.headers["cf-aig-step"] == "1"
    assert lab.counters()["weir_upstream_attempts_total"] - before == 4


def test_a_black_hole_costs_one_connect_timeout_and_then_nothing(lab):
    """C2."""
    asked = at_once(5, lambda _: seconds(lambda: lab.ask("hole-first")))
    for took, response in asked:
        answered_by(response, 1, "b")
        assert 0.29 < took < 1.5
    hole = min(seconds(lambda: answered_by(lab.ask("hole-first"), 1, "b"))[0] for _ in range(20))
    plain = min(seconds(lambda: answered_by(lab.ask("plain-pair"), 0, "a"))[0] for _ in range(20))
    assert hole - plain <= 0.005


# Time

SHORT = {"first_byte": "300ms", "first_byte_stream": "300ms", "idle": "300ms"}
pair("silent", timeouts=SHORT)
pair("silent-stream", timeouts=SHORT)
route("silent-last", "b", timeouts=SHORT)
route("silent-last-stream", "b", timeouts=SHORT)
route("own-first-byte", {"target": "a", "timeouts": {"first_byte": "200ms"}}, "b")
pair("hasty")
pair("deadline", timeouts={"first_byte": "800ms", "deadline": "1s"}, retry={"attempts": 1})


@pytest.mark.parametrize("streamed", [False, True])
def test_a_target_that_never_answers_is_left_for_the_next(lab, streamed):
    name = "silent-stream" if streamed else "silent"
    lab.script(name, a=SILENCE)
    took, response = seconds(lambda: (lab.stream if streamed else lab.ask)(name))
    assert 0.29 < took < 2
    assert (response.status_code, response.headers["cf-aig-step"]) == (200, "1")
    assert lab.calls(name) == (1, 1)


@pytest.mark.parametrize("streamed, calls", [(False, 1), (True, 2)])
def test_on_the_last_target_only_a_stream_is_repeated_after_a_timeout(lab, streamed, calls):
    """A plain answer that took too long may be done, and paid for."""
    name = "silent-last-stream" if streamed else "silent-last"
    lab.script(name, b=SILENCE)
    response = lab.ask(name, stream=streamed)
    assert response.status_code == 504 and lab.calls(name) == (0, calls)


def test_a_target_has_its_own_timeout(lab):
    lab.script("own-first-byte", a=SILENCE)
    took, response = seconds(lambda: lab.ask("own-first-byte"))
    answered_by(response, 1, "b")
    assert 0.19 < took < 1.5


def test_the_client_s_timeout_moves_on_and_blames_nobody(lab):
    lab.script("hasty", a=SILENCE)
    at_once(7, lambda _: answered_by(lab.ask("hasty", headers={"cf-aig-request-timeout": "400"}), 1, "b"))
    # A stream that begins and then says nothing is no other case.
    lab.script("hasty", a=stream(ROLE, end="hang"))
    at_once(7, lambda _: lab.stream("hasty", headers={"cf-aig-request-timeout": "400"}))
    # Fourteen failures, and the breaker did not open.
    lab.script("hasty", a=chat())
    answered_by(lab.ask("hasty"), 0, "a")


def test_attempts_share_one_deadline(lab):
    """D6."""
    lab.script("deadline", a=SILENCE, b=SILENCE)
    took, response = seconds(lambda: lab.ask("deadline"))
    assert response.status_code == 504 and 0.95 < took < 1.8


# Streams

for kind in ("stall", "error", "cut", "ended"):
    pair(f"stream-{kind}", timeouts=SHORT)
pair("stream-late-error")
pair("stream-late-cut")
pair("stream-long-preamble")
ERROR_EVENT = event({"error": {"message": "overloaded", "type": "server_error"}})
BEFORE_A_TOKEN = {
    # A stall may be the model thinking, and is not asked for twice while another target is there.
    "stall": (stream(ROLE, end="hang"), 1), "error": (stream(ERROR_EVENT), 2), "cut": (stream(ROLE, end="close"), 2),
    "ended": (stream(ROLE), 2),
}


@pytest.mark.parametrize("kind", BEFORE_A_TOKEN)
def test_a_stream_that_fails_before_its_first_token_is_failed_over(lab, kind):
    name, (answer, calls) = f"stream-{kind}", BEFORE_A_TOKEN[kind]
    lab.script(name, a=answer, b=good_stream("from b"))
    response = lab.stream(name)
    assert response.status_code == 200 and response.headers["cf-aig-step"] == "1"
    assert stream_text(response.events) == "from b" and response.events[-1] == "[DONE]"
    assert response.text.count('"role"') == 1, "something of the failed stream came through"
    assert lab.calls(name) == (calls, 1)


@pytest.mark.parametrize("kind, answer", [
    ("error", stream(ROLE, delta("half"), ERROR_EVENT)), ("cut", stream(ROLE, delta("half"), end="close")),
])
def test_nothing_is_tried_again_after_the_first_token(lab, kind, answer):
    name = f"stream-late-{kind}"
    lab.script(name, a=answer)
    response = lab.stream(name)
    assert stream_text(response.events) == "half" and "error" in response.text and "[DONE]" not in response.events
    assert response.headers["cf-aig-step"] == "0" and lab.calls(name) == (1, 0)


def test_a_stream_that_says_much_without_a_token_is_not_held_back_for_ever(lab):
    lab.script("stream-long-preamble", a=stream(ROLE, *[b": " + b"x" * 1000 + b"\n\n"] * 17, end="close"))
    response = lab.stream("stream-long-preamble")
    assert response.headers["cf-aig-step"] == "0" and "error" in response.text
    assert lab.calls("stream-long-preamble") == (1, 0)


pair("kinds")
KINDS = {
    "text": {"content": "t"}, "reasoning_content": {"reasoning_content": "hm"}, "reasoning": {"reasoning": "hm"},
    "tool": {"tool_calls": [{"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": ""}}]},
    "refusal": {"refusal": "no"},
}


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_a_model_says_first_is_passed_on_at_once(lab, kind):
    token = event({"id": "s", "object": "chat.completion.chunk", "created": 1, "model": "m",
                   "choices": [{"index": 0, "delta": KINDS[kind], "finish_reason": None}]})
    lab.script("kinds", a=stream(ROLE, token, end="hang"))
    with Raw(lab.gateway.data_address) as raw:
        raw.send(request_bytes(key=lab.key, body=chat_body(unique(), "kinds", stream=True)))
        assert b'"delta"' in raw.read(token.strip(), 3), "it was held back"


def test_a_native_stream_is_repeated_before_its_first_token_too(lab):
    model = unique("native")
    lab.a.script(model, stream(ROLE, end="close"), good_stream())
    response = lab.stream(model, path="/a/v1/chat/completions")
    assert not response.was_cut and stream_text(response.events) == "fine" and lab.a.count(model) == 2


# Waiting

pair("after-short")
pair("after-long")
route("after-alone", "a")
route("after-too-long", "a")
route("patience", "a")


def test_retry_after_is_waited_for(lab):
    lab.script("after-alone", a=[status(429, retry_after_ms="400"), chat()])
    took, response = seconds(lambda: lab.ask("after-alone"))
    answered_by(response, 0, "a")
    assert took >= 0.4 and lab.calls("after-alone", "a") == (2,)


def test_retry_after_over_the_cap_is_the_client_s_to_wait_for(lab):
    lab.script("after-too-long", a=status(503, retry_after="11"))
    took, response = seconds(lambda: lab.ask("after-too-long"))
    assert response.status_code == 503 and response.headers["retry-after"] == "11" and took < 2
    assert lab.calls("after-too-long", "a") == (1,)


def test_with_another_target_left_only_a_short_retry_after_is_waited_for(lab):
    lab.script("after-short", a=[status(429, retry_after_ms="300"), chat()])
    took, response = seconds(lambda: lab.ask("after-short"))
    answered_by(response, 0, "a")
    assert took >= 0.3
    lab.script("after-long", a=status(429, retry_after="2"))
    took, response = seconds(lambda: lab.ask("after-long"))
    answered_by(response, 1, "b")
    assert took < 1.5 and lab.calls("after-long") == (1, 1)


for name in ("header-attempts", "header-one", "stainless", "stainless-first", "envoy", "fast"):
    pair(name, retry={})


@pytest.mark.parametrize("name, headers, calls", [
    ("header-attempts", {"cf-aig-max-attempts": "4", "cf-aig-retry-delay": "0", "cf-aig-backoff": "constant"}, 4),
    ("header-one", {"cf-aig-max-attempts": "1"}, 1),
    ("stainless", {"x-stainless-retry-count": "1", "cf-aig-max-attempts": "4"}, 1),
    ("stainless-first", {"x-stainless-retry-count": "0", "cf-aig-retry-delay": "0"}, 2),
    ("envoy", {"x-envoy-attempt-count": "2"}, 1),
], ids=lambda value: value if isinstance(value, str) else "")
def test_the_request_s_own_fields_count_its_attempts(lab, name, headers, calls):
    lab.script(name, a=status(500))
    answered_by(lab.ask(name, headers=headers), 1, "b")
    assert lab.calls(name) == (calls, 1)


@pytest.mark.parametrize("headers", [
    {"cf-aig-max-attempts": "0"}, {"cf-aig-max-attempts": "x"}, {"cf-aig-backoff": "slow"}, {"cf-aig-retry-delay": "-1"},
    {"cf-aig-request-timeout": "0"},
], ids=str)
def test_a_field_that_makes_no_sense_is_refused(lab, headers):
    response = lab.ask("fast", headers=headers)
    assert response.status_code == 400 and response.json()["error"]["param"] in headers
    assert lab.calls("fast") == (0, 0)


pair("stored-500")
pair("stored-503")
route("stored-dead", "dead", "b")


@pytest.mark.parametrize("name, calls", [("stored-500", (1, 0)), ("stored-503", (2, 1)), ("stored-dead", (0, 1))])
def test_what_is_stored_at_the_provider_is_repeated_only_where_nothing_was_done(lab, name, calls):
    lab.script(name, a=status(int(name[-3:]) if name[-1].isdigit() else 500))
    response = lab.ask(name, store=True)
    assert response.status_code == (500 if name == "stored-500" else 200)
    assert lab.calls(name) == calls


# Keys

route("bench-401", "pool", retry={})
route("bench-429", "pool", retry={})
route("bench-both", "pool", retry={})
ONE, TWO = "sk-lab-one", "sk-lab-two"


def refuse(code, *keys, **fields):
    return lambda call: status(code, **fields) if call.key in keys else chat()


def test_a_refused_key_is_benched_and_the_pool_s_next_one_used(start_lab):
    lab = start_lab(routes=ROUTES)
    lab.pool.script("bench-401", refuse(401, ONE))
    for _ in range(10):
        assert lab.ask("bench-401").status_code == 200
    keys = [call.key for call in lab.pool.of("bench-401")]
    # Asked with it once, and never again.
    assert keys.count(ONE) == 1 and keys.count(TWO) == 10
    # A benched key is benched for all models of the provider.
    assert lab.ask("bench-429").status_code == 200 and lab.pool.of("bench-429")[0].key == TWO
    lab.pool.script("bench-401", refuse(401, ONE, TWO))
    response = lab.ask("bench-401")
    assert response.status_code == 502 and response.json()["error"]["code"] == "provider_credentials"


def test_a_limited_key_is_left_alone_and_the_provider_is_not(lab):
    lab.pool.script("bench-429", refuse(429, ONE, retry_after="30"))
    for _ in range(8):
        took, response = seconds(lambda: lab.ask("bench-429"))
        assert response.status_code == 200 and took < 2
    keys = [call.key for call in lab.pool.of("bench-429")]
    assert keys.count(ONE) <= 1 and keys.count(TWO) == 8


def test_a_client_s_own_bad_key_harms_nobody(lab):
    name = "own-key"
    lab.script(name, a=lambda call: status(401) if call.key == "sk-bad" else status(500) if call.key == "sk-worse" else chat())
    for own, code in [("sk-bad", 401)] * 7 + [("sk-worse", 500)] * 7:
        response = lab.gateway.chat(None, unique("prompt"), "a/" + name, {
            "cf-aig-authorization": f"Bearer {OWN_KEY}", "Authorization": f"Bearer {own}", "cf-aig-max-attempts": "1"})
        assert response.status_code == code and "scripted" in response.text
    assert lab.ask("a/" + name).status_code == 200
    assert lab.a.count(name) == 15


# When all fail

pair("all-down")
route("all-credentials", "a", "b-401")
pair("all-open")


def test_when_all_fail_the_last_answer_comes_through_as_it_is(lab):
    lab.script("all-down", a=status(500, {"a": 1}), b=status(503, {"b": "its own words"}, x_own="kept"))
    response = lab.ask("all-down")
    assert response.status_code == 503 and response.json() == {"b": "its own words"} and response.headers["x-own"] == "kept"
    assert response.headers["cf-aig-step"] == "1" and response.headers["cf-aig-provider"] == "b"
    assert not is_hit(response) and lab.calls("all-down") == (2, 2)


def test_a_last_answer_about_the_operator_s_key_is_not_the_client_s_401(lab):
    lab.script("all-credentials", a=status(500), b=status(401))
    response = lab.ask("all-credentials")
    assert response.status_code == 502 and response.json()["error"]["code"] == "provider_credentials"
    assert response.headers["cf-aig-step"] == "1"


def test_with_all_breakers_open_the_answer_is_a_fast_503(lab):
    """D2."""
    lab.script("all-open", a=status(500), b=status(500))
    for _ in range(5):
        assert lab.ask("all-open", headers={"cf-aig-max-attempts": "1"}).status_code == 500
    assert lab.calls("all-open") == (5, 5)
    times = []
    for _ in range(20):
        took, response = seconds(lambda: lab.ask("all-open"))
        times.append(took)
        assert response.status_code == 503 and response.json()["error"]["code"] == "no_target_available"
        assert 1 <= int(response.headers["retry-after"]) <= 6 and response.headers["cf-aig-step"] == "1"
    assert lab.calls("all-open") == (5, 5) and sorted(times)[10] < 0.05


for kind in ("400", "500"):
    route(f"cut-error-{kind}", "a")
route("big-error", "a")
pair("cut-error-500-first")


@pytest.mark.parametrize("code, attempts, calls", [(400, 2, 1), (500, 2, 2), (500, 1, 1)])
def test_a_refusal_that_breaks_off_is_not_passed_off_as_whole(lab, code, attempts, calls):
    name = f"cut-error-{code}"
    before = lab.a.count(name)
    lab.script(name, a=Answer(status(code).data[:-10], "close"))
    response = lab.ask(name, headers={"cf-aig-max-attempts": str(attempts)})
    assert response.status_code == 502 and response.json()["error"]["code"] == "upstream_truncated"
    assert lab.a.count(name) == before + calls


route("cut-error-kept", "a")
route("error-kept", "a")


@pytest.mark.parametrize("name", ["cut-error-kept", "error-kept"])
def test_an_answer_that_was_kept_for_a_repeat_that_came_to_nothing(lab, name):
    """The fifth failure opens the breaker, which refuses the repeat."""
    whole = status(500, {"error": "its own words"})
    lab.script(name, a=Answer(whole.data[:-5], "close") if name == "cut-error-kept" else whole)
    for _ in range(4):
        lab.ask(name, headers={"cf-aig-max-attempts": "1"})
    response = lab.ask(name, headers={"cf-aig-retry-delay": "100", "cf-aig-backoff": "constant"})
    assert lab.a.count(name) == 5
    if name == "error-kept":
        assert response.status_code == 500 and response.json() == {"error": "its own words"}
    else:
        assert response.status_code == 502 and response.json()["error"]["code"] == "upstream_truncated"
    assert lab.ask(name).status_code == 503


@pytest.mark.parametrize("attempts", [1, 2])
def test_a_long_last_answer_comes_through_whole(lab, attempts):
    """More than is kept of an answer that another attempt may follow."""
    body = {"error": {"message": "x" * 300_000}}
    lab.script("big-error", a=status(500, body))
    response = lab.ask("big-error", headers={"cf-aig-max-attempts": str(attempts)})
    assert response.status_code == 500 and response.json() == body


pair("serial")


def test_one_connection_serves_requests_that_fail_over_and_others(lab):
    with Raw(lab.gateway.data_address) as raw:
        for index in range(6):
            lab.script("serial", a=[status(500), chat()][index % 2])
            # Both at once: the second waits in the connection while the first fails over.
            for _ in range(2):
                raw.send(request_bytes(key=lab.key, body=chat_body(unique(), "serial")))
            for _ in range(2):
                code, headers, _ = raw.read_response()
                assert (code, headers["cf-aig-step"]) == (200, "10"[index % 2])


pair("leaves")


def test_nobody_is_asked_for_a_client_that_left(lab):
    lab.script("leaves", a=status(429, retry_after_ms="500"), b=chat())
    raw = Raw(lab.gateway.data_address)
    raw.send(request_bytes(key=lab.key, body=chat_body(unique(), "leaves")))
    wait_until(lambda: lab.calls("leaves")[0] == 1, what="the first attempt")
    raw.reset()
    lab.script("patience", a=[status(429, retry_after_ms="700"), chat()])
    answered_by(lab.ask("patience"), 0, "a")
    # Longer than the first one's wait has passed.
    assert lab.calls("leaves") == (1, 0)


route("told", "pool", "b")


def test_the_answer_names_the_target_that_gave_it_and_hides_that_one_s_key(lab):
    """The next target's breaker opens while the first one is waited for."""
    refusal = lambda call: status(500, {"error": {"message": f"bad key {call.key}"}})
    lab.script("told", pool=[status(503, retry_after_ms="900"), refusal], b=status(500))
    with Raw(lab.gateway.data_address) as raw:
        raw.send(request_bytes(key=lab.key, body=chat_body(unique(), "told")))
        wait_until(lambda: lab.calls("told", ["pool"]) == (1,), what="the first attempt")
        for _ in range(5):
            lab.ask("b/told", headers={"cf-aig-max-attempts": "1"})
        code, headers, content = raw.read_response()
    assert lab.calls("told", "b") == (5,)
    assert (code, headers["cf-aig-step"], headers["cf-aig-provider"]) == (500, "0", "pool")
    assert b"bad key" in content and b"sk-lab" not in content, content


# Breakers


def test_a_breaker_opens_after_five_failures_in_a_row(lab):
    model, one = unique("breaker"), {"cf-aig-max-attempts": "1"}
    lab.a.script(model, *[status(500)] * 4, chat(), status(500))
    codes = [lab.ask("a/" + model, headers=one).status_code for _ in range(11)]
    assert codes == [500] * 4 + [200] + [500] * 5 + [503] and lab.a.count(model) == 10


def test_a_half_open_breaker_lets_exactly_one_through(start_lab):
    """D8."""
    lab = start_lab(breaker={"cooldown_min": "400ms", "cooldown_max": "400ms", "jitter_percent": 0, "ramp_step": "10ms"}, loops=2)
    model, one = unique("probe"), {"cf-aig-max-attempts": "1"}
    lab.a.script(model, status(500))
    opened = [lab.ask("a/" + model, headers=one).status_code for _ in range(5)]
    assert opened == [500] * 5
    gate = threading.Event()
    lab.a.script(model, chat(wait=gate))
    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        def knock():
            return [pool.submit(lambda: lab.ask("a/" + model, headers=one).status_code) for _ in range(10)]

        futures, deadline = [], time.monotonic() + 10
        while lab.a.count(model) == 5 and time.monotonic() < deadline:
            batch = knock()
            futures += batch
            wait_until(lambda: lab.a.count(model) > 5 or all(future.done() for future in batch), what="the probe, or ten refusals")
        while_probed = knock()
        wait_until(lambda: sum(future.done() for future in while_probed) == 10, what="ten being refused while the probe is under way")
        assert lab.a.count(model) == 6, "exactly one probe"
        gate.set()
        codes = collections.Counter(future.result() for future in futures + while_probed)
    assert codes[200] == 1 and set(codes) == {200, 503}
    # It comes back in steps; here within a tenth of a second.
    wait_until(lambda: lab.ask("a/" + model, headers=one).status_code == 200, 5, "the ramp's end")


JSON_ERROR = status(200, {"error": {"message": "not today", "type": "server_error"}})
route("never-ends", "a", timeouts=SHORT)


@pytest.mark.parametrize("streamed, answer, calls", [
    (True, stream(ROLE, end="hang"), 5), (True, stream(ROLE, end="close"), 5), (True, stream(ERROR_EVENT), 5), (False, CUT_BODY, 5),
    (False, JSON_ERROR, 5),
], ids=["stall", "cut", "error-event", "cut-body", "error-in-200"])
def test_a_target_that_begins_well_and_never_ends_well_opens_its_breaker(start_lab, streamed, answer, calls):
    """C8: status 200 alone is no success."""
    lab = start_lab(routes=ROUTES)
    lab.script("never-ends", a=answer)
    at_once(5, lambda _: lab.ask("never-ends", headers={"cf-aig-max-attempts": "1"}, stream=streamed))
    assert lab.ask("never-ends").status_code == 503 and lab.calls("never-ends", "a") == (5,)


def test_a_reload_forgets_no_outage_and_takes_new_settings(start_lab):
    lab = start_lab(routes=ROUTES)
    lab.script("never-ends", a=status(500))
    for _ in range(5):
        assert lab.ask("never-ends", headers={"cf-aig-max-attempts": "1"}).status_code == 500
    lab.gateway.config["breaker"]["consecutive_failures"] = 2
    assert lab.gateway.reload().status_code == 200
    assert lab.ask("never-ends").status_code == 503
    lab.script("all-down", a=status(500), b=chat())
    for _ in range(3):
        answered_by(lab.ask("all-down", headers={"cf-aig-max-attempts": "1"}), 1, "b")
    assert lab.calls("all-down", "a") == (2,)


def test_a_request_between_its_attempts_is_finished_before_the_gateway_ends(start_lab):
    lab = start_lab(routes=ROUTES)
    lab.script("after-alone", a=[status(429, retry_after_ms="700"), chat("late")])
    with Raw(lab.gateway.data_address) as raw:
        raw.send(request_bytes(key=lab.key, body=chat_body(unique(), "after-alone")))
        wait_until(lambda: lab.calls("after-alone", "a") == (1,), what="the first attempt")
        lab.gateway.process.signal(signal.SIGTERM)
        code, _, content = raw.read_response()
    assert code == 200 and b"late" in content
    assert lab.gateway.process.wait() == 0
    lab.gateway.start()


pair("opens")


def test_behind_an_open_breaker_the_next_target_is_asked_at_once(lab):
    lab.script("opens", a=status(500))
    for _ in range(3):
        answered_by(lab.ask("opens"), 1, "b")
    count = lab.calls("opens")[0]
    assert count == 5
    for _ in range(10):
        answered_by(lab.ask("opens"), 1, "b")
    assert lab.calls("opens") == (5, 13)


# The cache

CACHED = {"ttl": "1h"}
pair("keeps-own", cache=CACHED)
pair("keeps-both", cache=CACHED, store_fallback_under_route=True)
pair("keeps-good", cache=CACHED)
for name, last in (("stale", "b"), ("stale-401", "b-403")):
    route(name, "a", last, cache={"ttl": "1s", "stale_if_error": "1m"})


def test_a_fallback_s_answer_is_kept_under_its_own_target(lab, text):
    lab.script("keeps-own", a=status(500), b=chat("from b"))
    answered_by(lab.ask("keeps-own", text), 1, "b")
    again = lab.ask("keeps-own", text)
    assert not is_hit(again), "it was kept under the target that failed"
    # Once the first target is out, the second is the one looked up.
    lab.ask("keeps-own")
    calls = lab.calls("keeps-own")
    hit = lab.ask("keeps-own", text)
    assert is_hit(hit) and hit.json()["choices"][0]["message"]["content"] == "from b" and lab.calls("keeps-own") == calls
    assert hit.headers["cf-aig-provider"] == "b" and hit.headers["cf-aig-step"] == "1"


def test_a_fallback_s_answer_is_kept_for_the_route_where_it_says_so(lab, text):
    lab.script("keeps-both", a=status(500), b=chat("from b"))
    answered_by(lab.ask("keeps-both", text), 1, "b")
    assert is_hit(lab.ask("keeps-both", text)) and lab.calls("keeps-both") == (2, 1)


@pytest.mark.parametrize("first", [status(500), CUT_BODY, status(429, retry_after_ms="1")], ids=["500", "cut", "429"])
def test_a_failed_first_attempt_is_never_stored(lab, text, first):
    lab.script("keeps-good", a=[first, chat("good")])
    assert cache_status(lab.ask("keeps-good", text))["stored"]
    hit = lab.ask("keeps-good", text)
    assert is_hit(hit) and hit.json()["choices"][0]["message"]["content"] == "good"


@pytest.mark.parametrize("name, last", [
    ("stale", status(503)), ("stale", RESET), ("stale", status(429)), ("stale-401", status(401)),
], ids=["503", "reset", "429", "401"])
def test_a_stale_answer_is_the_last_resort_of_all(lab, text, name, last):
    lab.script(name, a=chat("old"), b=chat("new"))
    first = lab.ask(name, text)
    stored = time.monotonic()
    lab.script(name, a=status(500))
    wait_until(lambda: time.monotonic() - stored > 1.05, what="the entry's age")
    # While a target answers there is no need of it.
    other = lab.ask(name, text, headers={"cf-aig-max-attempts": "1", "cache-control": "no-store"})
    answered_by(other, 1, "b-403" if name == "stale-401" else "b")
    lab.script(name, b=last)
    stale = lab.ask(name, text, headers={"cf-aig-max-attempts": "1"})
    assert stale.status_code == 200 and stale.json() == first.json() and cache_status(stale)["detail"] == "stale-if-error"
    lab.script(name, a=chat(), b=chat())
    lab.ask(name)


route("stale-open", "a", cache={"ttl": "1s", "stale_if_error": "1m"})


def test_a_stale_answer_is_served_while_no_target_may_be_asked(lab, text):
    lab.script("stale-open", a=chat("old"))
    first, stored = lab.ask("stale-open", text), time.monotonic()
    lab.script("stale-open", a=status(500))
    for _ in range(5):
        assert lab.ask("stale-open", headers={"cf-aig-max-attempts": "1"}).status_code == 500
    wait_until(lambda: time.monotonic() - stored > 1.05, what="the entry's age")
    for asked in at_once(8, lambda _: lab.ask("stale-open", text)):
        assert asked.status_code == 200 and asked.json() == first.json() and cache_status(asked)["detail"] == "stale-if-error"
    assert lab.ask("stale-open").status_code == 503 and lab.calls("stale-open", "a") == (6,)


# Flights

pair("flight", retry={"attempts": 1})


@pytest.mark.parametrize("streamed", [False, True])
def test_those_who_follow_get_the_fallback_s_answer(lab, text, streamed):
    gate = threading.Event()
    good = good_stream("from b") if streamed else chat("from b")
    before = lab.calls("flight")
    lab.script("flight", a=status(500, wait=gate), b=good)
    body = chat_body(text, "flight", stream=streamed)
    raws = []
    try:
        for _ in range(8):
            raw = Raw(lab.gateway.data_address)
            raw.send(request_bytes(key=lab.key, body=body))
            raws.append(raw)
        wait_until(lambda: lab.calls("flight")[0] == before[0] + 1, what="the leader's call")
        wait_until(lambda: json.loads(lab.gateway.client.get("/weir/usage", headers={"Authorization": f"Bearer {lab.key}"}).content)["in_flight"] <= 1)
        gate.set()
        answers = [raw.read_response() for raw in raws]
    finally:
        gate.set()
        for raw in raws:
            raw.socket.close()
    assert [code for code, _, _ in answers] == [200] * 8 and all(b"from b" in content for _, _, content in answers)
    assert {headers["cf-aig-provider"] for _, headers, _ in answers} == {"b"}
    assert lab.calls("flight") == (before[0] + 1, before[1] + 1)


route("leader", "a")


def test_a_follower_takes_over_from_a_leader_that_left_between_its_attempts(lab, text):
    lab.script("leader", a=[status(429, retry_after_ms="600"), chat("second")])
    body = chat_body(text, "leader")
    leader = Raw(lab.gateway.data_address)
    leader.send(request_bytes(key=lab.key, body=body))
    wait_until(lambda: lab.calls("leader", "a") == (1,), what="the leader's call")
    with Raw(lab.gateway.data_address) as follower:
        follower.send(request_bytes(key=lab.key, body=body))
        # It joins within the leader's wait; later it would be a leader itself, and the outcome the same.
        follower.read(b"never", 0.1)
        leader.reset()
        code, _, content = follower.read_response()
        assert code == 200 and b"second" in content and lab.calls("leader", "a") == (2,)


# Embeddings

pair("vectors", retry={"attempts": 1})


def vectors(number):
    def answer(call):
        items = call.body["input"] if isinstance(call.body["input"], list) else [call.body["input"]]
        return status(200, {"object": "list", "model": "m", "usage": {"prompt_tokens": 1, "total_tokens": 1}, "data": [
            {"object": "embedding", "index": index, "embedding": [number]} for index in range(len(items))]})
    return answer


def embedded(lab, *items):
    response = lab.gateway.post("/v1/embeddings", lab.key, {"model": "vectors", "input": list(items)})
    assert response.status_code == 200, response.text
    return [item["embedding"][0] for item in response.json()["data"]]


def test_a_fallback_s_vectors_are_never_taken_for_the_first_target_s(lab, text):
    lab.script("vectors", a=status(500), b=vectors(2))
    assert embedded(lab, text) == [2]
    lab.script("vectors", a=vectors(1))
    assert embedded(lab, text) == [1]
    assert embedded(lab, text) == [1]


def test_vectors_of_two_models_are_never_mixed_in_one_batch(lab, text):
    lab.script("vectors", a=vectors(1), b=vectors(2))
    assert embedded(lab, text) == [1]
    lab.script("vectors", a=status(500))
    assert embedded(lab, text, text + " other") == [2, 2]
    lab.script("vectors", a=vectors(1))
    assert embedded(lab, text + " other", text) == [1, 1]


# Dialects

CALLS = {
    "chat": ("/v1/chat/completions", {"messages": [{"role": "user", "content": "hi"}]}, b"[DONE]"),
    "completions": ("/v1/completions", {"prompt": "hi"}, b"[DONE]"),
    "responses": ("/v1/responses", {"input": "hi"}, b"response.completed"),
    "messages": ("/v1/messages", {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 99}, b"message_stop"),
    "gemini": ("/v1beta/models/{}:{}", {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}, b"finishReason"),
    "gemini-array": ("/v1beta/models/{}:{}", {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}, b"finishReason"),
}
for name in CALLS:
    # Where the first event holds text already, the cut comes before it.
    cut = "demo-cut-stream-1" if name in ("chat", "responses", "messages") else "demo-cut-stream-0"
    for kind, model in (("fails", "demo-fail-500"), ("cut", cut), ("stalls", "demo-hang")):
        route(f"{name}-{kind}", f"demo/{model}~{name}", "demo/demo-chat", timeouts=SHORT, cache={"enabled": False})


@pytest.mark.parametrize("kind", ["fails", "cut", "stalls"])
@pytest.mark.parametrize("dialect", CALLS)
def test_streams_of_every_dialect_fail_over_and_come_whole(lab, demo, dialect, kind):
    path, body, last = CALLS[dialect]
    name = f"{dialect}-{kind}"
    if path.startswith("/v1beta"):
        path = path.format(name, "streamGenerateContent" + ("?alt=sse" if dialect == "gemini" else ""))
    else:
        body = {**body, "model": name, "stream": True}
    response = lab.gateway.post(path, lab.key, body)
    assert response.status_code == 200 and response.headers["cf-aig-step"] == "1", response.text
    assert response.headers["cf-aig-model"] == "demo-chat" and response.content.count(last) >= 1
    if dialect == "gemini-array":
        json.loads(response.content)


# Choosing

route("weighted", {"target": "a", "weight": 3}, "b", strategy="weighted", cache={"enabled": False})
route("percent", {"target": "a", "percent": 30}, "b", strategy="percentage", key="metadata.user", cache={"enabled": False})
route("cases", {"target": "a", "when": {"metadata.plan": "pro"}}, {"target": "b", "when": {"tools": True}}, "c", strategy="conditional")
route("cheap", "a", "b", "c", strategy="cheapest")
route("nested", {"targets": ["dead/nested", "b/nested"]}, "c")
route("balanced-down", {"target": "a", "weight": 1}, {"target": "b", "weight": 1}, strategy="weighted")


def test_weights_are_shares(lab):
    for _ in range(160):
        assert lab.ask("weighted").status_code == 200
    a, b = lab.calls("weighted")
    # 120 of 160, give or take 5.5: six of those.
    assert a + b == 160 and 87 <= a <= 153


def test_a_percentage_holds_a_client_to_its_target(lab):
    chosen = {}
    for _ in range(2):
        for user in range(60):
            response = lab.ask("percent", headers={"cf-aig-metadata": json.dumps({"user": f"u{user}"})})
            chosen.setdefault(user, set()).add(response.headers["cf-aig-provider"])
    assert all(len(targets) == 1 for targets in chosen.values())
    assert 1 <= sum(targets == {"a"} for targets in chosen.values()) <= 40


def test_a_condition_decides_and_no_other_target_is_asked(lab):
    tools = {"tools": [{"type": "function", "function": {"name": "f"}}]}
    pro = {"cf-aig-metadata": json.dumps({"plan": "pro"})}
    assert lab.ask("cases", headers=pro).headers["cf-aig-provider"] == "a"
    assert lab.ask("cases", **tools).headers["cf-aig-provider"] == "b"
    assert lab.ask("cases").headers["cf-aig-provider"] == "c"
    lab.script("cases", a=status(500))
    assert lab.ask("cases", headers=pro).status_code == 500


def test_the_cheapest_is_asked_first_and_the_next_when_it_fails(lab):
    assert lab.ask("cheap").headers["cf-aig-provider"] == "b"
    lab.script("cheap", b=status(500))
    answered_by(lab.ask("cheap"), 1, "c")
    assert lab.calls("cheap", "abc") == (0, 3, 1)


def test_lists_within_lists_are_tried_in_order(lab):
    answered_by(lab.ask("nested"), 1, "b")
    lab.script("nested", b=status(500))
    answered_by(lab.ask("nested"), 2, "c")


def test_when_a_weighted_target_fails_the_other_answers(lab):
    lab.script("balanced-down", a=status(500))
    for _ in range(20):
        assert lab.ask("balanced-down").headers["cf-aig-provider"] == "b"
    assert lab.calls("balanced-down")[0] <= 10


# What fits

route("context", {"target": "a", "context": 200}, {"target": "b", "context": 2000})
route("features", {"target": "a", "tools": False, "images": False, "json": False}, "b")
pair("too-long", on_context_length=["c/too-long"])
pair("too-long-unlisted")
pair("filtered", on_content_filter=["dead/filtered", "c/filtered"])
TOO_LONG = status(400, {"error": {"message": "This model's maximum context length is 8 tokens.", "code": "context_length_exceeded"}})
FILTERED = status(400, {"error": {"message": "The response was filtered.", "code": "content_filter"}})


def test_a_target_whose_context_is_too_small_is_not_tried(lab):
    """D7."""
    answered_by(lab.ask("context", "short", max_tokens=20), 0, "a")
    answered_by(lab.ask("context", "word " * 300, max_tokens=20), 1, "b")
    assert lab.calls("context") == (1, 1)
    response = lab.ask("context", "word " * 5000)
    assert response.status_code == 400 and response.json()["error"]["code"] == "no_target_fits"
    assert lab.calls("context") == (1, 1)


@pytest.mark.parametrize("fields", [
    {"tools": [{"type": "function", "function": {"name": "f"}}]}, {"response_format": {"type": "json_object"}},
    {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]}]},
], ids=["tools", "json", "images"])
def test_a_target_without_the_feature_is_not_tried(lab, fields):
    before = lab.calls("features")
    body = {"model": "features", "messages": [{"role": "user", "content": unique()}], **fields}
    answered_by(lab.gateway.post("/v1/chat/completions", lab.key, body), 1, "b")
    assert lab.calls("features") == (before[0], before[1] + 1)


def test_a_prompt_that_does_not_fit_goes_to_the_list_for_it(lab):
    lab.script("too-long", a=TOO_LONG, c=chat("long enough"))
    response = lab.ask("too-long")
    assert response.status_code == 200 and response.headers["cf-aig-provider"] == "c"
    assert lab.calls("too-long", "abc") == (1, 0, 1)
    lab.script("too-long", c=TOO_LONG)
    response = lab.ask("too-long")
    assert response.status_code == 400 and response.json()["error"]["code"] == "context_length_exceeded"
    assert lab.calls("too-long", "abc") == (2, 0, 2), "a list is used once"
    lab.script("too-long-unlisted", a=TOO_LONG)
    assert lab.ask("too-long-unlisted").status_code == 400 and lab.calls("too-long-unlisted") == (1, 0)
    # Another 400 is nobody's business but the client's.
    lab.script("too-long", a=status(400))
    assert lab.ask("too-long").status_code == 400 and lab.calls("too-long", "abc") == (3, 0, 2)


def test_a_filtered_prompt_goes_to_the_list_for_it(lab):
    lab.script("filtered", a=FILTERED)
    assert lab.ask("filtered").headers["cf-aig-provider"] == "c"
    lab.script("filtered", a=TOO_LONG)
    assert lab.ask("filtered").status_code == 400


# Wishes

route("wishes", "a", "b", "c")
pair("wishes-off", hints=False)


@pytest.mark.parametrize("wish, order", [
    ({"provider": {"order": ["b"]}}, "ba"), ({"provider": {"order": ["c", "b"]}}, "cb"), ({"provider": {"ignore": ["a"]}}, "bc"),
    ({"provider": {"only": ["c"]}}, "c"), ({"provider": {"order": ["b"], "allow_fallbacks": False}}, "b"),
    ({"provider": {"sort": "price"}}, "bc"), ({"provider": {"max_price": {"prompt": 2.5}}}, "bc"), ({"models": ["c/wishes", "a/wishes"]}, "ca"),
], ids=str)
def test_openrouter_s_wishes_are_heeded_and_not_sent_on(lab, wish, order):
    for name in "abc":
        getattr(lab, name).script("wishes", chat())
    response = lab.ask("wishes", **wish)
    assert response.headers["cf-aig-provider"] == order[0], response.text
    body = getattr(lab, order[0]).of("wishes")[-1].body
    assert "provider" not in body and "models" not in body and body["model"] == "wishes"
    lab.script("wishes", **{order[0]: status(404)})
    response = lab.ask("wishes", **wish)
    if len(order) == 1:
        assert response.status_code == 404
    else:
        assert response.headers["cf-aig-provider"] == order[1]
    getattr(lab, order[0]).script("wishes", chat())
    lab.ask("wishes", provider={"only": [order[0]]})


def test_a_wish_never_adds_a_target(lab):
    for wish in ({"provider": {"only": ["pool"]}}, {"models": ["pool/wishes"]}):
        response = lab.ask("wishes", **wish)
        assert response.status_code == 400 and response.json()["error"]["code"] == "no_target_fits"
    assert lab.pool.count("wishes") == 0


def test_where_wishes_are_off_they_are_the_provider_s_to_read(lab):
    answered_by(lab.ask("wishes-off", provider={"order": ["b"]}), 0, "a")
    assert lab.a.of("wishes-off")[0].body["provider"] == {"order": ["b"]}


# Limits

pair("limited")
route("limited-dead", "dead", "b")
route("limited-silent", "a", "b", timeouts=SHORT)
pair("placed", retry={"attempts": 1}, timeouts=SHORT)
pair("own-limit")
pair("own-place")
USED, NO_STORE = 15, {"cache-control": "no-store, no-cache"}


def remaining(response):
    return int(response.headers["x-ratelimit-remaining-tokens"])


def used_by(lab, name, **fields):
    """What a request was charged in the end: every answer tells what is left with the same amount set aside."""
    before = remaining(lab.ask("plain-pair", "count", key=LIMITED_KEY, headers=NO_STORE, max_tokens=20))
    lab.ask(name, "count", key=LIMITED_KEY, headers=NO_STORE, max_tokens=20, **fields)
    return before - remaining(lab.ask("plain-pair", "count", key=LIMITED_KEY, headers=NO_STORE, max_tokens=20)) - USED


def test_an_attempt_is_charged_what_it_used_and_a_failed_one_nothing(lab):
    lab.script("limited", a=status(500))
    assert used_by(lab, "plain-pair") == USED
    assert used_by(lab, "limited") == USED and lab.calls("limited") == (2, 1)
    assert used_by(lab, "limited-dead") == USED
    lab.script("limited", b=status(503))
    assert used_by(lab, "limited") == 0


def test_what_was_sent_and_never_answered_may_have_been_paid_for(lab):
    lab.script("limited-silent", a=SILENCE)
    assert used_by(lab, "limited-silent") > USED


def test_a_place_is_given_back_whatever_came_of_the_attempts(lab):
    for answer in (status(500), RESET, SILENCE, chat()):
        lab.script("placed", a=answer, b=status(503))
        lab.ask("placed", key=PLACED_KEY)
        lab.script("placed", b=chat())
        assert lab.ask("placed", key=PLACED_KEY).status_code == 200
        lab.script("placed", a=chat())
        lab.ask("placed")


def test_a_place_at_a_target_is_given_back_when_another_answers(lab):
    lab.script("own-place", a=status(500))
    for _ in range(3):
        answered_by(lab.ask("own-place", key=LIMITED_KEY), 1, "b")
        lab.script("own-place", a=chat())
        answered_by(lab.ask("own-place", key=LIMITED_KEY), 0, "a")
        lab.script("own-place", a=status(500))


def test_a_target_s_own_limit_moves_on_to_the_next(lab):
    # 215 tokens for the first target's model: enough to set aside 200 once, and not after 15 were used.
    answered_by(lab.ask("own-limit", "one", key=LIMITED_KEY, max_tokens=200), 0, "a")
    answered_by(lab.ask("own-limit", "two", key=LIMITED_KEY, max_tokens=200), 1, "b")
    assert lab.calls("own-limit") == (1, 1)
    response = lab.gateway.chat(LIMITED_KEY, "six", "a/own-limit", max_tokens=200)
    assert response.status_code == 429 and response.json()["error"]["code"] == "budget_exceeded"


# Outages


def test_repeats_stay_within_the_budget(start_lab):
    """R6: an outage is not doubled by retries."""
    lab = start_lab(breaker={"consecutive_failures": 1000, "samples_min": 100000}, retry={"delay": "0"})
    model = unique("down")
    lab.a.script(model, status(500))
    assert set(at_once(20, lambda _: [lab.ask("a/" + model).status_code for _ in range(10)][-1])) == {500}
    assert 200 < lab.a.count(model) <= 200 * 1.2 + 10
