"""Cloudflare's universal endpoint: an array of native calls, each tried when the one before failed."""

import json
import threading
import time

import pytest

from harness import (
    OTHER_PROVIDER_KEY, PROVIDER_KEY, Gateway, Raw, Stream, assert_hit, assert_stored, cache_status, free_port, is_hit, parse_events, reason,
    request_bytes, stream_text, unique, wait_until,
)
from test_upstream_faults import GOOD_BODY, Scripted, head

PATH = "/v1/acc/gw"


@pytest.fixture(scope="module")
def universal(demo, tmp_path_factory):
    """A gateway with a provider that nobody listens for, some whose keys may be benched, and one tenant for each policy of provider keys. Its
    breakers stay shut, so that no test sees what another has broken."""
    keys = {name: f"wk_{name * 43}"[:46] for name in ("own", "either", "granted")}
    nobody = f"http://127.0.0.1:{free_port()}"
    dead = {
        "allow_private": True, "local": True, "auth": "bearer",
        "bases": [{"dialect": "openai", "url": f"{nobody}/v1", "operations": {"chat_completions": "/chat/completions"}}],
        "native": [{"url": nobody, "versions": ["v1"]}],
    }
    sick = {
        f"sick{status}": {
            "allow_private": True, "auth": "bearer",
            "bases": [{"dialect": "openai", "url": f"{demo.url}/v1", "operations": {"chat_completions": "/chat/completions"}}],
            "native": [{"url": demo.url, "versions": ["v1"]}],
        }
        for status in (401, 403, 429)
    }
    gateway = Gateway(demo, tmp_path_factory.mktemp("universal"), {
        "providers": {"dead": dead, **sick},
        "provider_credentials": {name: "env:DEMO_PROVIDER_KEY" for name in sick},
        "breaker": {"consecutive_failures": 1000, "samples_min": 100_000},
        "tenants": {"own": {"provider_keys": "client"}, "either": {"provider_keys": "either"}, "granted": {}},
        "keys": {name: {"tenant": name, "key": f"env:KEY_{name.upper()}"} for name in keys},
    })
    gateway.environment.update({f"KEY_{name.upper()}": value for name, value in keys.items()})
    gateway.policy_keys = keys
    gateway.start()
    yield gateway
    gateway.stop()


@pytest.fixture
def key(universal):
    return universal.create_key()


def messages(text):
    return [{"role": "user", "content": text}]


def step(text, model="demo-chat", provider="demo", endpoint="chat/completions", headers=None, config=None, query=None, **fields):
    made = {"provider": provider, "endpoint": endpoint, "headers": headers or {}, "query": query or {"model": model, "messages": messages(text), **fields}}
    return {**made, "config": config} if config is not None else made


def anthropic(text, model="demo-chat", **fields):
    return step(text, endpoint="v1/messages", query={"model": model, "max_tokens": 50, "messages": messages(text), **fields},
                headers={"anthropic-version": "2023-06-01"})


def gemini(text, model="demo-chat", method="generateContent", **fields):
    return step(text, endpoint=f"v1beta/models/{model}:{method}", query={"contents": [{"role": "user", "parts": [{"text": text}]}]}, **fields)


ONCE = {"maxAttempts": 1}


def failing(text, status=500, config=ONCE, **fields):
    """A step that fails; a refused or limited key is benched, so those are another provider's."""
    fields.setdefault("provider", f"sick{status}" if status in (401, 403, 429) else "demo")
    return step(text, f"demo-fail-{status}", config=config, **fields)


def ask(gateway, key, *steps, headers=None, path=PATH):
    return gateway.post(path, key, list(steps), headers)


def seen_headers(request):
    return {name.lower(): value for name, value in request["headers"]}


# One step


def test_one_step_is_its_native_call(universal, demo, key, text):
    answer = ask(universal, key, step(text))
    assert answer.status_code == 200 and answer.json()["choices"][0]["message"]["content"]
    assert answer.headers["cf-aig-step"] == "0" and answer.headers["cf-aig-provider"] == "demo" and answer.headers["cf-aig-model"] == "demo-chat"
    assert demo.requests(text)[0]["target"] == "/v1/chat/completions"


def test_the_provider_gets_the_query_byte_for_byte(universal, demo, key, text):
    query = '{ "messages":[{"content":"' + text + '\\u00e9 é","role":"user"}],\t"model" : "demo-chat","x":1.50, "y":[ ] }'
    body = '[ {"config":{}, "query" :' + query + ' , "endpoint":"chat/completions?b=2&a=%7E1", "provider":"demo"} ]'
    assert universal.post(PATH, key, body.encode()).status_code == 200
    request, = demo.requests(text)
    assert request["body"] == query.encode() and request["target"] == "/v1/chat/completions?b=2&a=%7E1" and request["method"] == "POST"


def test_only_a_step_s_own_fields_go_upstream(universal, demo, key, text):
    own = {
        "x-step": "kept", "content-length": "5", "host": "evil", "transfer-encoding": "chunked", "connection": "x-drop", "x-drop": "1",
        "cookie": "a=b", "cf-aig-metadata": "{}", "cf-aig-authorization": f"Bearer {key}", "authorization": f"Bearer {key}",
        "accept-encoding": "gzip", "User-Agent": "step/1",
    }
    answer = ask(universal, key, step(text, headers=own), headers={"x-envelope": "1", "user-agent": "app/1", "cf-aig-request-timeout": "9000"})
    assert answer.status_code == 200, answer.text
    seen = seen_headers(demo.requests(text)[0])
    assert seen["x-step"] == "kept" and seen["host"] == f"127.0.0.1:{demo.port}" and seen["user-agent"] == "step/1"
    assert seen["authorization"] == f"Bearer {PROVIDER_KEY}" and seen["content-type"] == "application/json"
    assert seen["accept-encoding"] == "identity" and int(seen["content-length"]) == len(demo.requests(text)[0]["body"])
    for gone in ("x-envelope", "cookie", "x-drop", "transfer-encoding"):
        assert gone not in seen, gone
    assert not [name for name in seen if name.startswith("cf-aig")] and key not in json.dumps(seen)


@pytest.mark.parametrize("make, told", [
    (lambda text: step(text, stream=True), "chat.completion.chunk"), (lambda text: anthropic(text, stream=True), "message_start"),
    (lambda text: gemini(text, method="streamGenerateContent?alt=sse"), "candidates"),
])
def test_a_stream_of_every_dialect_passes_whole(universal, key, text, make, told):
    answer = ask(universal, key, make(text))
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/event-stream")
    assert told in answer.text and len(parse_events(answer.text)) > 2


# Fallback


@pytest.mark.parametrize("status", [408, 409, 429, 500, 503, 529, 401, 403, 404])
def test_a_step_that_fails_is_followed_by_the_next(universal, demo, key, text, status):
    answer = ask(universal, key, failing(text + " one", status), step(text + " two", "demo-next"))
    assert answer.status_code == 200, answer.text
    assert answer.headers["cf-aig-step"] == "1" and answer.headers["cf-aig-model"] == "demo-next"
    assert demo.states(text + " two") and demo.calls(text + " one") == 1


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_step_that_is_wrong_in_itself_ends_the_request(universal, demo, key, text, status):
    answer = ask(universal, key, failing(text + " one", status), step(text + " two"))
    assert answer.status_code == status and answer.headers["cf-aig-step"] == "0"
    assert demo.calls(text + " two") == 0


def test_nobody_listening_moves_on_at_once(universal, key, text):
    begun = time.monotonic()
    answer = ask(universal, key, step(text, provider="dead"), step(text))
    assert answer.status_code == 200 and answer.headers["cf-aig-step"] == "1" and answer.headers["cf-aig-provider"] == "demo"
    assert time.monotonic() - begun < 1


@pytest.mark.parametrize("place", ["config", "headers", "request"])
def test_a_step_that_takes_too_long_is_left(universal, demo, key, text, place):
    slow = step(text + " one", "demo-hang", config={"requestTimeout": 300} if place == "config" else None,
                headers={"cf-aig-request-timeout": "300"} if place == "headers" else None)
    begun = time.monotonic()
    answer = ask(universal, key, slow, step(text + " two"), headers={"cf-aig-request-timeout": "300"} if place == "request" else None)
    assert answer.status_code == 200 and answer.headers["cf-aig-step"] == "1"
    assert 0.3 <= time.monotonic() - begun < 3 and demo.calls(text + " one") == 1


@pytest.mark.parametrize("model", ["demo-rst", "demo-cut-stream-0", "demo-rst-stream-0"])
def test_a_stream_that_breaks_before_its_first_token_moves_on(universal, key, text, model):
    answer = ask(universal, key, step(text, model, stream=True, config=ONCE), step(text, stream=True))
    assert answer.status_code == 200 and answer.headers["cf-aig-step"] == "1"
    assert stream_text(parse_events(answer.text)) and answer.text.rstrip().endswith("[DONE]")


def test_a_stream_that_has_begun_is_cut_and_not_begun_anew(universal, demo, key, text):
    body = [step(text + " one", "demo-cut-stream-3", stream=True), step(text + " two", stream=True)]
    with universal.client.stream("POST", PATH, content=json.dumps(body), headers={"Authorization": f"Bearer {key}"}) as response:
        stream = Stream(response)
    assert stream.was_cut and stream.headers["cf-aig-step"] == "0" and demo.calls(text + " two") == 0


def test_steps_of_three_dialects_each_answer_in_their_own(universal, key, text):
    steps = [step(text, config=ONCE), anthropic(text), gemini(text)]
    shapes = ["choices", "stop_reason", "candidates"]
    for winner in range(3):
        broken = [failing(f"{text} {winner}", 500 + winner) for _ in range(winner)]
        answer = ask(universal, key, *broken, steps[winner])
        assert answer.status_code == 200, answer.text
        assert answer.headers["cf-aig-step"] == str(winner) and shapes[winner] in answer.json()


def test_a_stream_may_be_followed_by_a_plain_step_and_the_reverse(universal, key, text):
    plain = ask(universal, key, failing(text, 502, stream=True), anthropic(text))
    assert plain.json()["type"] == "message" and plain.headers["content-type"].startswith("application/json")
    stream = ask(universal, key, failing(text, 504), anthropic(text, stream=True))
    assert stream.headers["content-type"].startswith("text/event-stream") and "message_stop" in stream.text
    odd = ask(universal, key, gemini(text, "demo-fail-500", "streamGenerateContent", config=ONCE), step(text + " odd"))
    assert odd.json()["choices"]


def test_when_all_fail_the_last_answer_is_told(universal, key, text):
    first = failing(text, 500)
    answer = ask(universal, key, first, anthropic(text, "demo-fail-503"), headers={"cf-aig-max-attempts": "1"})
    assert answer.status_code == 503 and answer.headers["cf-aig-step"] == "1" and "fails with 503" in answer.text
    dead = ask(universal, key, failing(text, 500), step(text, "demo-other", provider="dead"), headers={"cf-aig-max-attempts": "1"})
    assert dead.status_code == 502 and dead.headers["cf-aig-step"] == "1" and dead.json()["error"]["code"] == "upstream_refused"
    credentials = ask(universal, key, failing(text, 500), failing(text, 401))
    assert credentials.status_code == 502 and credentials.json()["error"]["code"] == "provider_credentials"


def test_at_most_five_steps_are_tried(universal, demo, key, text):
    answer = ask(universal, key, *[failing(f"{text} {number}", 505 + number) for number in range(5)], step(text + " last"))
    assert answer.status_code == 509 and answer.headers["cf-aig-step"] == "4" and demo.calls(text) == 5


def test_a_step_under_an_open_breaker_is_not_asked(start_gateway, demo, text):
    gateway = start_gateway({"breaker": {"consecutive_failures": 2, "cooldown_min": "60s"}})
    key = gateway.create_key()
    for number in range(4):
        answer = ask(gateway, key, failing(f"{text} one {number}", 507), step(f"{text} two {number}"))
        assert answer.status_code == 200 and answer.headers["cf-aig-step"] == "1"
    assert demo.calls(text + " one") == 2 and demo.calls(text + " two") == 4
    nobody = ask(gateway, key, failing(text + " one", 507))
    assert nobody.status_code == 503 and int(nobody.headers["retry-after"]) > 0 and demo.calls(text + " one") == 2


# Attempts of each step


def test_each_step_has_its_own_number_of_attempts(universal, demo, key, text):
    quick = {"retryDelay": 0}
    answer = ask(
        universal, key, failing(text + " one", 510, {"maxAttempts": 1}), failing(text + " two", 500, {"maxAttempts": 3, **quick}),
        failing(text + " three", 502, None), step(text + " four"), headers={"cf-aig-max-attempts": "2", "cf-aig-retry-delay": "0"})
    assert answer.headers["cf-aig-step"] == "3"
    assert [demo.calls(f"{text} {name}") for name in ("one", "two", "three", "four")] == [1, 3, 2, 1]


def test_a_later_step_waits_by_its_own_delay(universal, demo, key, text):
    begun = time.monotonic()
    slow = {"maxAttempts": 2, "retryDelay": 5000, "backoff": "constant"}
    answer = ask(universal, key, failing(text, 511), step(text + " two", "demo-fail-once-500", config={"maxAttempts": 2, "retryDelay": 0}))
    assert answer.status_code == 200 and demo.calls(text + " two") == 2
    assert time.monotonic() - begun < 1
    assert ask(universal, key, step(text, config=slow)).status_code == 200


@pytest.mark.parametrize("config, param", [
    ({"maxAttempts": 0}, "maxAttempts"), ({"maxAttempts": "many"}, "maxAttempts"), ({"requestTimeout": 0}, "requestTimeout"),
    ({"retryDelay": -1}, "retryDelay"), ({"backoff": "wild"}, "backoff"),
])
def test_a_config_that_means_nothing_is_400_and_names_it(universal, demo, key, text, config, param):
    answer = ask(universal, key, step(text), step(text, config=config))
    assert answer.status_code == 400 and answer.json()["error"]["param"] == f"steps[1].config.{param}"
    assert demo.calls(text) == 0


# Cache


def test_native_call_and_step_share_an_entry_both_ways(universal, demo, key, text):
    assert_stored(universal.chat(key, text, "demo-chat", path="/demo/v1/chat/completions"))
    assert_hit(ask(universal, key, step(text)))
    assert_stored(ask(universal, key, step(text + " other")))
    assert_hit(universal.chat(key, text + " other", "demo-chat", path="/demo/chat/completions"))
    assert_hit(universal.chat(key, text + " other", "demo/demo-chat"))
    header = {"anthropic-version": "2023-06-01"}
    body = {"model": "demo-chat", "max_tokens": 50, "messages": messages(text)}
    assert_stored(universal.post("/demo/v1/messages?x=1", key, body, header))
    assert_hit(ask(universal, key, anthropic(text)))
    assert demo.calls(text) == 3


def test_a_later_step_s_answer_is_kept_under_its_own_target(universal, demo, key, text):
    assert_stored(ask(universal, key, failing(text, 500), step(text, "demo-second")))
    native = universal.chat(key, text, "demo-second", path="/demo/v1/chat/completions")
    assert_hit(native)
    # And is found there before the provider is asked again.
    again = ask(universal, key, failing(text, 500), step(text, "demo-second"))
    assert_hit(again)
    assert again.headers["cf-aig-step"] == "1" and demo.calls('"demo-second"') == 1
    first = universal.chat(key, text, "demo-fail-500", path="/demo/v1/chat/completions", headers={"cf-aig-max-attempts": "1"})
    assert first.status_code == 500


def test_a_hit_of_a_later_step_leaves_the_connection_in_order(universal, key, text):
    body = json.dumps([failing(text, 500), step(text)]).encode()
    assert universal.post(PATH, key, body).status_code == 200
    with Raw(universal.data_address) as raw:
        raw.send(request_bytes(path=PATH, key=key, body=body) * 3)
        answers = [raw.read_response() for _ in range(3)]
    assert [(status, headers["cf-aig-cache-status"], headers["cf-aig-step"]) for status, headers, _ in answers] == [(200, "HIT", "1")] * 3
    assert len({answer for _, _, answer in answers}) == 1


@pytest.mark.parametrize("how", [
    {"headers": {"cf-aig-cache-ttl": "0"}}, {"headers": {"cf-aig-skip-cache": "true"}}, {"config": {"skipCache": True}}, {"config": {"cacheTtl": 0}},
])
def test_a_step_can_do_without_the_cache(universal, demo, key, text, how):
    for _ in range(2):
        answer = ask(universal, key, step(text, **how))
        assert not is_hit(answer) and reason(answer) in ("ttl-zero", "skip-requested")
    assert demo.calls(text) == 2


def test_a_step_s_wish_wins_over_the_request_s(universal, key, text):
    off = {"cf-aig-skip-cache": "true"}
    for _ in range(2):
        last = ask(universal, key, step(text, headers={"cf-aig-skip-cache": "false"}), headers=off)
    assert_hit(last)
    assert not is_hit(ask(universal, key, step(text), headers=off))
    longer = ask(universal, key, step(text + " ttl", config={"cacheTtl": 1000}), headers={"cf-aig-cache-ttl": "100"})
    assert_stored(longer)
    assert 900 < int(cache_status(ask(universal, key, step(text + " ttl")))["ttl"]) <= 1000


def test_what_one_step_wants_of_the_cache_is_not_the_next_one_s(universal, demo, key, text):
    uncached = failing(text, 500, headers={"cf-aig-skip-cache": "true"})
    assert_stored(ask(universal, key, uncached, step(text)))
    assert_hit(ask(universal, key, uncached, step(text)))
    reverse = ask(universal, key, failing(text, 502), step(text + " b", headers={"cf-aig-cache-ttl": "0"}))
    assert reason(reverse) == "ttl-zero"
    assert_stored(universal.chat(key, text + " b", "demo-chat", path="/demo/v1/chat/completions"))


def test_the_same_request_many_times_at_once_asks_once(universal, demo, key, text):
    name = unique("w")
    body = [step(text, f"demo-wait-{name}"), step(text + " two")]
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(ask(universal, key, *body))) for _ in range(6)]
    for thread in threads:
        thread.start()
    demo.wait_for_waiting(name)
    time.sleep(0.3)
    demo.release(name)
    for thread in threads:
        thread.join()
    assert [answer.status_code for answer in answers] == [200] * 6 and demo.calls(text) == 1


def test_whoever_has_other_steps_never_gets_their_answers(universal, demo, key, text):
    """Requests that begin alike at the same moment, and go on differently when the first step fails."""
    def steps(number):
        other = anthropic(f"{text} number {number}") if number % 2 else step(f"{text} number {number}")
        return [step(text + " first", "demo-slow-300ms", config={"requestTimeout": 200, "maxAttempts": 1}), other]

    answers = {}
    threads = [threading.Thread(target=lambda number=number: answers.update({number: ask(universal, key, *steps(number))})) for number in range(6)]
    for thread in threads:
        thread.start()
    native = universal.chat(key, text + " first", "demo-slow-300ms", path="/demo/v1/chat/completions")
    for thread in threads:
        thread.join()
    assert native.status_code == 200 and native.json()["choices"]
    for number, answer in answers.items():
        assert answer.status_code == 200 and answer.headers["cf-aig-step"] == "1", answer.text
        assert ("stop_reason" in answer.json()) == bool(number % 2) and f"number {number}" in answer.text


def test_followers_of_a_step_that_fails_get_their_own_next_step(universal, demo, key, text):
    body = [step(text, "demo-hang", config={"requestTimeout": 400, "maxAttempts": 1}), anthropic(text + " two")]
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(ask(universal, key, *body))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [(answer.status_code, answer.headers["cf-aig-step"]) for answer in answers] == [(200, "1")] * 4
    assert all(answer.json()["type"] == "message" for answer in answers)


# Keys and permissions


def test_every_step_must_be_allowed(universal, demo, text):
    limited = universal.create_key(models="demo/demo-chat")
    assert ask(universal, limited, step(text + " ok")).status_code == 200
    for steps in ([step(text, "demo-reasoning")], [step(text), step(text, "demo-reasoning")], [step(text), gemini(text, "demo-reasoning")]):
        answer = ask(universal, limited, *steps)
        assert answer.status_code == 403 and answer.json()["error"]["param"].startswith(f"steps[{len(steps) - 1}]"), answer.text
    assert demo.calls(text) == 1


def test_a_step_s_account_objects_are_the_operator_s(universal, demo, key, text):
    stored = step(text, endpoint="responses", query={"model": "demo-chat", "input": text, "previous_response_id": "resp_1"})
    answer = ask(universal, key, step(text), stored)
    assert answer.status_code == 403 and answer.json()["error"]["code"] == "account_object_not_allowed" and demo.calls(text) == 0


def test_the_configured_key_of_each_provider_goes_to_it_alone(universal, demo, key, text):
    headers = {"authorization": "Bearer sk-the-clients-own"}
    first = step(text + " one", "demo-fail-512", config=ONCE, headers=headers)
    assert ask(universal, key, first, step(text + " two", provider="other", headers=headers)).status_code == 200
    assert [seen_headers(demo.requests(f"{text} {name}")[0])["authorization"] for name in ("one", "two")] == [
        f"Bearer {PROVIDER_KEY}", f"Bearer {OTHER_PROVIDER_KEY}"]


def test_a_step_s_own_provider_key_goes_to_its_provider_alone(universal, demo, text):
    virtual = universal.policy_keys["own"]
    first = step(text + " one", "demo-fail-513", config=ONCE, headers={"Authorization": "Bearer sk-one"})
    second = step(text + " two", endpoint="v1/messages", headers={"x-api-key": "sk-two", "api-key": "ignored"},
                  query={"model": "demo-chat", "max_tokens": 9, "messages": messages(text + " two")})
    answer = universal.post(PATH, None, [first, second], {"cf-aig-authorization": f"Bearer {virtual}", "Authorization": "Bearer sk-envelope"})
    assert answer.status_code == 200, answer.text
    one, two = (seen_headers(demo.requests(f"{text} {name}")[0]) for name in ("one", "two"))
    assert one["authorization"] == "Bearer sk-one" and "x-api-key" not in one
    assert two["x-api-key"] == "sk-two" and "authorization" not in two and "api-key" not in two
    assert "sk-envelope" not in json.dumps([one, two]) and virtual not in json.dumps([one, two])


def test_a_step_s_own_key_shares_entries_with_the_native_call_under_that_key(universal, text):
    virtual = {"cf-aig-authorization": f"Bearer {universal.policy_keys['own']}"}
    own = {"Authorization": "Bearer sk-mine"}
    assert_stored(universal.post(PATH, None, [step(text, headers=own)], virtual))
    assert_hit(universal.chat(None, text, "demo-chat", path="/demo/v1/chat/completions", headers={**virtual, **own}))
    assert not is_hit(universal.post(PATH, None, [step(text, headers={"Authorization": "Bearer sk-another"})], virtual))


def test_a_step_without_a_key_of_its_own_is_refused_where_one_is_needed(universal, demo, text):
    virtual = universal.policy_keys["own"]
    steps = [step(text, headers={"Authorization": "Bearer sk-mine"}), step(text)]
    answer = universal.post(PATH, None, steps, {"cf-aig-authorization": f"Bearer {virtual}", "Authorization": "Bearer sk-mine"})
    assert answer.status_code == 401 and answer.json()["error"]["code"] == "provider_key_required"
    assert answer.json()["error"]["param"].startswith("steps[1]") and demo.calls(text) == 0


def test_either_takes_each_step_s_key_or_the_operator_s(universal, demo, text):
    virtual = {"cf-aig-authorization": f"Bearer {universal.policy_keys['either']}"}
    steps = [step(text + " one", "demo-fail-514", config=ONCE), step(text + " two", headers={"Authorization": "Bearer sk-mine"})]
    assert universal.post(PATH, None, steps, virtual).status_code == 200
    assert [seen_headers(demo.requests(f"{text} {name}")[0])["authorization"] for name in ("one", "two")] == [
        f"Bearer {PROVIDER_KEY}", "Bearer sk-mine"]
    # The client's own 401 is the client's to see, whatever key the step before went by.
    steps = [step(text, "demo-fail-515", config=ONCE), step(text, "demo-fail-401", provider="sick403", headers={"Authorization": "Bearer sk-mine"})]
    answer = universal.post(PATH, None, steps, virtual)
    assert answer.status_code == 401 and "fails with 401" in answer.text and answer.headers["cf-aig-step"] == "1"


# Limits


def states(response):
    """What `RateLimit` says is left, by policy."""
    return {part.split(";")[0].strip().strip('"'): int(part.split("r=")[1].split(";")[0]) for part in response.headers["ratelimit"].split(",")}


def test_a_request_of_many_steps_is_one_request_of_the_key_and_one_of_each_model(universal, demo, text):
    key = universal.issue(limits={"requests": "10/400d"}, tenant_limits={"models": {
        "demo/demo-counted": {"requests": "2/400d"}, "demo/demo-fail-516": {"requests": "100/400d"}}})["key"]
    first = ask(universal, key, failing(text + " 1", 516), step(text + " 1 two", "demo-counted"))
    assert first.status_code == 200 and states(first)["key-requests"] == 9
    second = ask(universal, key, failing(text + " 2", 516), step(text + " 2 two", "demo-counted"))
    assert second.status_code == 200 and states(second)["key-requests"] == 8
    # The limit of the step's model holds for a step like for a native call: it is left out, and the one after it asked.
    third = ask(universal, key, failing(text + " 3", 516), step(text + " 3 two", "demo-counted"), step(text + " 3 three"))
    assert third.status_code == 200 and third.headers["cf-aig-step"] == "2" and states(third)["key-requests"] == 7
    assert universal.chat(key, text + " native", "demo-counted", path="/demo/v1/chat/completions").status_code == 429
    assert demo.calls(text + " 3 two") == 0


def test_the_last_step_s_own_limit_leaves_the_answer_of_the_step_before(universal, demo, text):
    key = universal.issue(tenant_limits={"models": {"demo/demo-counted": {"requests": "1/400d"}}})["key"]
    assert ask(universal, key, step(text + " 0", "demo-counted")).status_code == 200
    answer = ask(universal, key, failing(text + " 1", 517), step(text + " 2", "demo-counted"))
    assert answer.status_code == 517 and answer.headers["cf-aig-step"] == "0" and answer.headers["cf-aig-model"] == "demo-fail-517"
    assert demo.calls(text + " 2") == 0


def test_a_key_without_requests_left_is_429_before_any_step(universal, demo, text):
    key = universal.issue(limits={"requests": "1/400d"})["key"]
    assert ask(universal, key, step(text + " 1")).status_code == 200
    answer = ask(universal, key, step(text + " 2"), step(text + " 3"))
    assert answer.status_code == 429 and answer.json()["error"]["code"] == "rate_limit_exceeded" and int(answer.headers["retry-after"]) > 0
    assert demo.calls(text) == 1
    assert_hit(ask(universal, key, step(text + " 1")))


def test_tokens_of_every_step_are_charged(universal, text):
    key = universal.issue(limits={"tokens": "100000/400d"})["key"]
    answer = ask(universal, key, failing(text, 518), step(text, "demo-tokens-40"))
    used = answer.json()["usage"]["total_tokens"]
    wait_until(lambda: 100000 - states(ask(universal, key, step(text, "demo-tokens-40")))["key-tokens"] == used, what="the tokens' charge")


def test_a_step_s_metadata_counts_before_the_request_s(universal, text):
    key = universal.issue(tenant_limits={"requests": "100/400d", "metadata": {"user": {"requests": "1/400d"}}})["key"]
    u1, u2 = ({"cf-aig-metadata": json.dumps({"user": name})} for name in ("u1", "u2"))
    assert ask(universal, key, step(text + " 1"), headers=u1).status_code == 200
    assert ask(universal, key, step(text + " 2"), headers=u1).status_code == 429
    assert ask(universal, key, step(text + " 3", headers=u2), headers=u1).status_code == 200
    assert ask(universal, key, step(text + " 4", headers=u2)).status_code == 429


def test_a_step_s_own_limit_holds_where_the_first_step_has_none(universal, text):
    key = universal.issue(tenant_limits={"models": {"demo/demo-counted": {"requests": "1/400d"}}})["key"]
    for number, winner in ((0, "1"), (1, "2")):
        answer = ask(universal, key, failing(f"{text} {number}", 519), step(f"{text} {number} b", "demo-counted"), step(f"{text} {number} c"))
        assert answer.status_code == 200 and answer.headers["cf-aig-step"] == winner


# Stale entries


def test_a_stale_entry_stands_in_when_every_step_has_failed(start_gateway, demo, text):
    good = head(b"200 OK", b"Content-Type: application/json", b"Content-Length: %d" % len(GOOD_BODY)) + GOOD_BODY
    provider = Scripted(good, head(b"503 Gone", b"Content-Length: 2") + b"{}")
    gateway = start_gateway({
        "cache": {"ttl": "1s", "stale_if_error": "60s"},
        "providers": {"demo": {"url": f"http://127.0.0.1:{provider.port}"}},
    })
    key = gateway.create_key()
    steps = [step(text, config=ONCE), failing(text, 518, provider="other")]
    first = ask(gateway, key, *steps)
    assert_stored(first)
    time.sleep(1.2)
    stale = ask(gateway, key, *steps)
    assert stale.status_code == 200 and stale.content == first.content and len(provider.received) == 2 and demo.calls(text) == 1
    assert cache_status(stale)["detail"] == "stale-if-error" and stale.headers["cf-aig-step"] == "0"
    assert stale.headers["cf-aig-provider"] == "demo"
    assert ask(gateway, key, *steps[:1], failing(text + " client", 400, provider="other")).status_code == 400
    provider.close()


# The envelope


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_other_methods_are_405_and_name_post(universal, key, method):
    answer = universal.client.request(method, PATH, headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 405 and answer.headers["allow"] == "POST"


def test_no_key_is_401_before_the_body_is_read(universal, demo, text):
    assert ask(universal, None, step(text)).status_code == 401
    assert universal.post(PATH, None, b"nonsense").status_code == 401 and demo.calls(text) == 0


@pytest.mark.parametrize("body, code, param", [
    (b"", "invalid_json", "steps"), (b"[", "invalid_json", "steps"), (b"[]", "invalid_field", "steps"), (b"{}", "invalid_field", "steps"),
    (b"[1]", "invalid_field", "steps[0]"), (b'[{}]', "invalid_field", "steps[0].provider"), (b"\xff", "invalid_json", "steps"),
    (b'[{"provider":"demo","endpoint":"chat/completions"}]', "invalid_field", "steps[0].query"),
    (b'[{"provider":"demo","endpoint":"../x","query":{}}]', "invalid_field", "steps[0].endpoint"),
    (b'[{"provider":"demo","endpoint":"http://evil/","query":{}}]', "invalid_field", "steps[0].endpoint"),
    (b'[{"provider":"demo","endpoint":"chat/completions","query":{"a":1,"a":2}}]', "duplicate_key", "steps[0]"),
    (b'[{"provider":"demo","endpoint":"chat/completions","query":{},"query":{}}]', "invalid_field", "steps[0].query"),
    (b'[{"provider":"demo","endpoint":"chat/completions","headers":{"a\\nb":"1"},"query":{}}]', "invalid_field", "steps[0].headers"),
    (b'[{"provider":"demo","endpoint":"chat/completions","headers":{"a":"1\\r\\nb: 2"},"query":{}}]', "invalid_field", "steps[0].headers.a"),
])
def test_what_is_no_list_of_steps_is_400_in_openai_s_shape(universal, key, body, code, param):
    answer = universal.post(PATH, key, body)
    error = answer.json()["error"]
    assert answer.status_code == 400 and error["code"] == code and error["param"].startswith(param), answer.text
    assert error["type"] and error["message"]


def test_a_second_step_that_is_wrong_is_refused_before_the_first_is_asked(universal, demo, key, text):
    wrong = [
        (404, "unknown_provider", step(text, provider="nowhere")), (400, "invalid_field", step(text, endpoint="models")),
        (403, "path_not_allowed", step(text, endpoint="v1/files", query={"a": text})), (400, "invalid_json", None),
    ]
    for status, code, other in wrong:
        if other is None:
            answer = universal.post(PATH, key, json.dumps([step(text)])[:-1].encode() + b',{"provider":"demo",]')
        else:
            answer = ask(universal, key, anthropic(text), other)
        assert (answer.status_code in (status, 400), answer.json()["error"]["code"] in (code, "invalid_field")) == (True, True), answer.text
        assert "steps" in answer.json()["error"]["param"]
    assert demo.calls(text) == 0


def test_content_type_and_coding_are_as_for_any_json(universal, demo, key, text):
    body = json.dumps([step(text)]).encode()
    head = {"Authorization": f"Bearer {key}"}
    assert universal.client.post(PATH, content=body, headers={**head, "Content-Type": "text/plain"}).status_code == 415
    assert universal.client.post(PATH, content=body, headers={**head, "Content-Encoding": "gzip"}).status_code == 415
    assert demo.calls(text) == 0
    for kind in ("application/json; charset=utf-8", None):
        assert universal.client.post(PATH, content=body, headers={**head, **({"Content-Type": kind} if kind else {})}).status_code == 200


def test_32_mib_pass_and_one_byte_more_is_413(universal, demo, key, text):
    empty = json.dumps([step(text)]).encode()
    limit = 32 * 1024 * 1024
    fits = empty.replace(text.encode(), text.encode() + b"x" * (limit - len(empty)))
    assert len(fits) == limit and universal.post(PATH, key, fits, {"cf-aig-skip-cache": "true"}).status_code == 200
    assert universal.post(PATH, key, fits + b" ").status_code == 413
    with Raw(universal.data_address) as raw:
        raw.send(request_bytes(path=PATH, key=key, length=False, headers=["Content-Type: application/json", f"Content-Length: {limit + 1}"]))
        assert raw.read_response()[0] == 413


def test_twenty_steps_pass_and_one_more_is_400(universal, key, text):
    assert ask(universal, key, *[step(text)] * 20).status_code == 200
    answer = ask(universal, key, *[step(text)] * 21)
    assert answer.status_code == 400 and answer.json()["error"]["param"] == "steps"


def test_only_configured_accounts_and_gateways_are_served(start_gateway, text):
    gateway = start_gateway({"accounts": ["acme"], "gateways": ["prod"]})
    key = gateway.create_key()
    assert ask(gateway, key, step(text), path="/v1/acme/prod").status_code == 200
    for path in ("/v1/acme/test", "/v1/another/prod"):
        answer = ask(gateway, key, step(text), path=path)
        assert answer.status_code == 404 and answer.json()["error"]["code"] == "unknown_account"


def test_what_cloudflare_s_sdk_sends_is_understood(universal, demo, key, text):
    """ai-gateway-provider for Vercel's AI SDK: the fetch call of each model, its headers as they were, the gateway's key beside them."""
    def call(provider, endpoint, query, **headers):
        return {"provider": provider, "endpoint": endpoint, "query": query,
                "headers": {"content-type": "application/json", "content-length": "9", **headers}}

    steps = [
        call("demo", "v1/chat/completions", {"model": "demo-fail-520", "messages": messages(text)}, authorization="Bearer unused"),
        call("demo", "v1/messages", {"model": "demo-chat", "max_tokens": 4096, "system": [{"type": "text", "text": "s"}],
                                     "messages": [{"role": "user", "content": [{"type": "text", "text": text}]}]},
             **{"anthropic-version": "2023-06-01", "x-api-key": "unused"}),
    ]
    answer = universal.client.post(PATH, json=steps, headers={
        "cf-aig-authorization": f"Bearer {key}", "cf-aig-cache-ttl": "60", "cf-aig-metadata": '{"user":"u"}', "cf-aig-collect-log": "true",
        "cf-aig-max-attempts": "2", "cf-aig-retry-delay": "1", "cf-aig-backoff": "linear", "cf-aig-event-id": "e-1"})
    assert answer.status_code == 200 and answer.headers["cf-aig-step"] == "1" and answer.json()["content"]
    assert answer.headers["cf-aig-event-id"] == "e-1" and answer.headers["cf-aig-log-id"] and "unused" not in str(demo.requests(text))


def test_requests_of_other_kinds_may_follow_on_the_connection(universal, key, text):
    """Nothing of a universal request is left for the next one."""
    for _ in range(2):
        assert ask(universal, key, failing(text, 521), anthropic(text, stream=True)).status_code == 200
        assert universal.chat(key, text).json()["choices"]
        assert universal.post("/demo/v1/chat/completions?x=1", key, {"model": "demo-chat", "messages": messages(text)}).headers["cf-aig-step"] == "0"
        assert ask(universal, key, step(text, "demo-reasoning")).headers["cf-aig-model"] == "demo-reasoning"
        assert universal.client.get("/v1/models", headers={"Authorization": f"Bearer {key}"}).json()["data"]
