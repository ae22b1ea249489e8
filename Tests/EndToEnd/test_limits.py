"""Limits of requests and hits end to end: exactly what was promised passes, and every answer says what is left (group K)."""

import json
import secrets
import signal
import threading
import time

import pytest

from harness import Raw, assert_hit, assert_stored, chat_body, request_bytes, resident_bytes, unique, wait_until
from limit_fields import (
    assert_limited, assert_tells, at_once, error_code, get, left, limit_headers, look, metric, statuses, told,
)

BOTH = {"requests": "1000/1h", "tokens": "1000000/1h"}


# Exactly as many as promised


@pytest.mark.parametrize("loops", [1, 2])
def test_of_two_hundred_parallel_requests_on_a_limit_of_a_hundred_exactly_a_hundred_pass(start_gateway, demo, text, loops):
    gateway = start_gateway({"loops": loops})
    key = gateway.issue(limits={"requests": "100/1h"})["key"]
    answers = at_once(gateway, [request_bytes(key=key, body=chat_body(f"{text} {index}")) for index in range(200)])
    assert statuses(answers).count(200) == 100 and statuses(answers).count(429) == 100
    assert demo.calls(text) == 100
    assert left(gateway, key, "key-requests") == 0


def test_sixty_four_clients_at_twenty_times_the_rate_get_what_flows_back_and_no_more(gateway, text):
    """K1 over loopback: admitted <= burst + rate x t, and no less than that while somebody always asks."""
    rate = burst = 50
    key = gateway.issue(limits={"requests": {"rate": rate, "per": "1s", "burst": burst}})["key"]
    results, seconds, clients = [], 3.0, 64
    begun = time.monotonic()

    def ask(client):
        own, index = [], 0
        with Raw(gateway.data_address) as raw:
            while (now := time.monotonic()) - begun < seconds:
                body = chat_body(f"{text} {client} {index}", max_tokens=1)
                raw.send(request_bytes(key=key, body=body, headers=["cf-aig-skip-cache: true"]))
                own.append((now, raw.read_response()[0], time.monotonic()))
                index += 1
                time.sleep(max(0, begun + index * clients / (20 * rate) - time.monotonic()))
        results.extend(own)

    threads = [threading.Thread(target=ask, args=[client]) for client in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ended = time.monotonic()
    admitted = sum(status == 200 for _, status, _ in results)
    refused = [sent for sent, status, _ in results if status == 429]
    assert len(results) == admitted + len(refused) and len(refused) > admitted
    first_answer = min(answered for _, _, answered in results)
    assert admitted <= burst + rate * (ended - begun)
    # The last refusal found the bucket empty: all that had flowed back until then was taken.
    assert admitted >= 0.99 * (burst + rate * (max(refused) - first_answer)) - 1


def test_a_limit_of_three_a_minute_refuses_the_fourth_as_litellm_does(gateway, text):
    key = gateway.issue(limits={"requests": "3/1m"})["key"]
    for index in range(3):
        assert gateway.chat(key, f"{text} {index}").status_code == 200
    fourth = gateway.chat(key, f"{text} 4")
    assert_limited(fourth)
    assert 1 <= int(fourth.headers["retry-after"]) <= 20


# What the client sees


@pytest.mark.parametrize("wait, gives_up", [("60s", False), ("62s", True), ("1h", True)])
def test_sdks_are_told_not_to_retry_a_wait_of_more_than_a_minute(gateway, text, wait, gives_up):
    key = gateway.issue(limits={"requests": f"1/{wait}"})["key"]
    assert gateway.chat(key, text).status_code == 200
    refused = gateway.chat(key, text + " again")
    assert_limited(refused)
    assert refused.headers.get("x-should-retry") == ("false" if gives_up else None)
    assert (int(refused.headers["retry-after"]) > 60) == gives_up


def ask_openai(gateway, key, text, **fields):
    return gateway.chat(key, text, **fields)


def ask_responses(gateway, key, text, **fields):
    return gateway.post("/v1/responses", key, {"model": "demo/demo-chat", "input": text, **fields})


def ask_anthropic(gateway, key, text, **fields):
    body = {"model": "demo/demo-chat", "max_tokens": 50, "messages": [{"role": "user", "content": text}], **fields}
    return gateway.post("/v1/messages", key, body)


def ask_gemini(gateway, key, text, **fields):
    return gateway.post("/v1beta/models/demo/demo-chat:generateContent", key, {"contents": [{"parts": [{"text": text}]}], **fields})


@pytest.mark.parametrize("path, ask", [
    ("unified", ask_openai), ("responses", ask_responses), ("messages", ask_anthropic), ("gemini", ask_gemini),
    ("native", lambda gateway, key, text: gateway.chat(key, text, "demo-chat", path="/demo/v1/chat/completions")),
    ("native stream", lambda gateway, key, text: gateway.chat(key, text, "demo-chat", path="/demo/v1/chat/completions", stream=True)),
])
def test_a_refusal_has_the_dialect_s_shape(gateway, demo, text, path, ask):
    key = gateway.issue(limits={"requests": "1/20s"})["key"]
    assert ask(gateway, key, text).status_code == 200
    refused = ask(gateway, key, text + " again")
    assert refused.status_code == 429 and 1 <= int(refused.headers["retry-after"]) <= 20
    assert refused.headers["content-type"] == "application/json"
    body = refused.json()
    assert "key-requests" in body["error"]["message"] and refused.headers["weir-request-id"] in refused.text
    if path == "messages":
        assert body["type"] == "error" and body["error"]["type"] == "rate_limit_error"
    elif path == "gemini":
        assert body["error"]["code"] == 429 and body["error"]["status"] == "RESOURCE_EXHAUSTED"
    else:
        assert body["error"]["code"] == "rate_limit_exceeded" and body["error"]["type"]
    assert demo.calls(text + " again") == 0
    assert_tells(refused, ["requests"])


def test_waiting_exactly_as_long_as_retry_after_says_is_admitted(gateway):
    """K9, for every measure at once."""
    # 20 characters are 5 tokens; 15 more are answered: 20 tokens, 35 micro-USD.
    cases = {
        "requests": {"requests": "1/1s"}, "requests of a budget": {"budgets": [{"requests": 1, "per": "2s"}]},
        "tokens": {"tokens": "30/1s"}, "input tokens": {"input_tokens": "7/1s"}, "output tokens": {"output_tokens": "20/1s"},
        "cost": {"cost": "0.00005/1s"}, "tokens of a budget": {"budgets": [{"tokens": 30, "per": "2s"}]},
        "hits": {"hits": "1/1s"},
    }
    waiting = []
    for name, limits in cases.items():
        key = gateway.issue(limits=limits)["key"]
        prompt = secrets.token_hex(10)

        def ask(number, key=key, name=name, prompt=prompt):
            return gateway.chat(key, prompt if name == "hits" else f"{prompt[:-1]}{number}", max_tokens=15)

        refused = next(answer for answer in map(ask, range(4)) if answer.status_code != 200)
        assert refused.status_code == 429, (name, refused.text)
        waiting.append((time.monotonic() + int(refused.headers["retry-after"]), name, ask))
    for moment, name, ask in sorted(waiting, key=lambda entry: entry[0]):
        time.sleep(max(0, moment - time.monotonic()))
        assert ask(9).status_code == 200, name


def answers_of_every_kind(gateway, key, text):
    """A name and an answer each: all the ways in which a request of one key can end."""
    bearer = {"Authorization": f"Bearer {key}"}
    yield "miss", gateway.chat(key, text)
    yield "hit", gateway.chat(key, text)
    yield "stream", gateway.chat_stream(key, text + " stream")
    yield "stream from the cache", gateway.chat_stream(key, text + " stream")
    yield "native", gateway.chat(key, text, "demo-chat", path="/demo/v1/chat/completions")
    yield "native stream", gateway.chat_stream(key, text + " ns", "demo-chat", path="/demo/v1/chat/completions")
    yield "messages", ask_anthropic(gateway, key, text)
    yield "gemini", ask_gemini(gateway, key, text)
    yield "embeddings", gateway.post("/v1/embeddings", key, {"model": "demo/demo-embed", "input": [text]})
    yield "count", gateway.post("/v1/messages/count_tokens", key, {"model": "demo/demo-chat", "messages": [{"role": "user", "content": text}]})
    yield "models", get(gateway, key, "/v1/models")
    yield "usage", get(gateway, key, "/weir/usage")
    yield "unknown path", get(gateway, key, "/nowhere/at/all")
    yield "unknown model", gateway.chat(key, text, "nowhere/model")
    yield "forbidden model", gateway.chat(key, text, "other/demo-chat")
    yield "wrong method", get(gateway, key, "/v1/chat/completions")
    yield "no JSON", gateway.post("/v1/chat/completions", key, b"{")
    yield "wrong type", gateway.client.post("/v1/chat/completions", content=b"x", headers={**bearer, "Content-Type": "text/plain"})
    yield "only if cached", gateway.chat(key, text + " absent", headers={"Cache-Control": "only-if-cached"})
    yield "upstream 500", gateway.chat(key, text, "demo/demo-fail-500")
    yield "upstream 429", gateway.chat(key, text, "demo/demo-fail-429")
    yield "upstream reset", gateway.chat(key, text, "demo/demo-rst")
    yield "native path required", get(gateway, key, "/v1/responses/resp_1")
    yield "no steps", gateway.post("/v1/acc/gw", key, [])
    yield "a step", gateway.post("/v1/acc/gw", key, [{
        "provider": "demo", "endpoint": "chat/completions", "query": {"model": "demo-chat", "messages": [{"role": "user", "content": text + " u"}]}}])


def test_every_answer_of_a_limited_key_says_what_is_left(gateway, text):
    key = gateway.issue(limits=BOTH, models=["demo/*"])["key"]
    seen = set()
    for name, answer in answers_of_every_kind(gateway, key, text):
        seen.add(answer.status_code)
        assert limit_headers(answer.headers), name
        limits = assert_tells(answer)
        assert list(limits) == ["key-requests", "key-tokens"], name
        assert limits["key-requests"] | {"r": 0, "t": 0} == {"q": 1000, "w": 3600, "r": 0, "t": 0}
    assert seen >= {200, 400, 403, 404, 405, 415, 429, 500, 501, 502, 504}


def test_a_key_without_limits_is_told_of_none(gateway, key, text):
    for name, answer in answers_of_every_kind(gateway, key, text):
        assert not limit_headers(answer.headers), name
        assert "weir-limits" not in answer.headers, name


def test_the_tightest_limit_is_told_in_openai_s_fields(gateway, text):
    key = gateway.issue(limits={"requests": ["50/1h", "3/1h"]}, tenant_limits={"requests": "10/1h"})["key"]
    answer = gateway.chat(key, text)
    assert answer.headers["x-ratelimit-limit-requests"] == "3" and answer.headers["x-ratelimit-remaining-requests"] == "2"
    assert {name: state["r"] for name, state in told(answer).items()} == {"key-requests": 49, "key-requests-2": 2, "tenant-requests": 9}


def test_a_route_s_limit_refuses_and_tells_nobody_what_others_left(start_gateway, text):
    """K9: what is left of it says what other tenants do."""
    gateway = start_gateway({"routes": {"scarce": {"targets": ["demo/demo-chat"], "limits": {"requests": "2/1h", "tokens": "100000/1h"}}}})
    first, second = gateway.issue()["key"], gateway.issue()["key"]
    for key in (first, second):
        assert not limit_headers(gateway.chat(key, text, "scarce").headers)
    refused = gateway.chat(second, text + " more", "scarce")
    assert_limited(refused)
    assert "key-" not in refused.text and "2 requests" not in refused.text
    assert not [name for name in limit_headers(refused.headers) if name != "x-should-retry"]
    assert gateway.chat(second, text + " more", "plain").status_code == 200


# Hits


def test_hits_are_served_when_the_requests_are_used_up_and_fifty_times_as_many(gateway, demo, text):
    key = gateway.issue(limits={"requests": "1/1h"})["key"]
    assert_stored(gateway.chat(key, text))
    assert_limited(gateway.chat(key, text + " other"))
    for _ in range(50):
        assert_hit(gateway.chat(key, text))
    refused = gateway.chat(key, text)
    assert_limited(refused)
    assert "key-hits" in refused.text and text not in refused.text
    assert demo.calls(text) == 1


@pytest.mark.parametrize("stream", [False, True])
def test_the_third_hit_of_two_is_refused_and_asks_nobody(gateway, demo, text, stream):
    key = gateway.issue(limits={"hits": "2/1h"})["key"]
    assert_stored(gateway.chat(key, text, stream=stream))
    for _ in range(2):
        assert_hit(gateway.chat(key, text, stream=stream))
    refused = gateway.chat(key, text, stream=stream)
    assert_limited(refused)
    assert "cache-status" not in refused.headers and "age" not in refused.headers
    assert demo.calls(text) == 1
    # Hits alone are limited: all else is free.
    assert gateway.chat(key, text + " other").status_code == 200


def test_a_hit_uses_no_request_no_tokens_and_no_money(gateway, text):
    key = gateway.issue(limits={"requests": "10/1h", "tokens": "100000/400d", "cost": "5/400d", "hits": "10/1h"})["key"]
    assert_stored(gateway.chat(key, text))
    before = look(gateway, key)
    assert_hit(gateway.chat(key, text))
    assert_hit(gateway.chat_stream(key, text))
    assert gateway.post("/v1/embeddings", key, {"model": "demo/demo-embed", "input": [text]}).status_code == 200
    between = look(gateway, key)
    assert before["key-requests"]["r"] == 9 and between["key-requests"]["r"] == 8
    assert_hit(gateway.post("/v1/embeddings", key, {"model": "demo/demo-embed", "input": [text]}))
    after = look(gateway, key)
    assert {name: state["r"] for name, state in after.items()} == {name: state["r"] for name, state in between.items()}


def test_a_follower_pays_one_request_and_no_tokens(gateway, demo, text):
    key = gateway.issue(limits={"requests": "10/400d", "tokens": "100000/400d", "cost": "5/400d"})["key"]
    gate = unique("gate")
    request = request_bytes(key=key, body=chat_body(text, f"demo/demo-wait-{gate}"))
    raws = [Raw(gateway.data_address) for _ in range(4)]
    for raw in raws:
        raw.send(request)
    demo.wait_for_waiting(gate)
    wait_until(lambda: left(gateway, key, "key-requests") == 6, what="the arrival of all four")
    demo.release(gate)
    answers = []
    for raw in raws:
        with raw:
            answers.append(raw.read_response())
    assert statuses(answers) == [200] * 4 and demo.calls(text) == 1
    used = json.loads(answers[0][2])["usage"]["total_tokens"]
    limits = look(gateway, key)
    assert limits["key-requests"]["r"] == 6 and limits["key-tokens"]["r"] == 100000 - used


# Nested limits


def test_a_key_is_not_charged_for_what_its_tenant_refuses(gateway, text):
    """K11."""
    key = gateway.issue(limits={"requests": "10/400d"}, tenant_limits={"requests": "2/400d"})["key"]
    for index in range(5):
        answer = gateway.chat(key, f"{text} {index}")
        assert answer.status_code == (200 if index < 2 else 429)
    assert "tenant-requests" in answer.text
    limits = look(gateway, key)
    assert limits["key-requests"]["r"] == 8 and limits["tenant-requests"]["r"] == 0


def test_a_key_s_tokens_are_not_reserved_for_what_its_tenant_refuses(gateway, text):
    key = gateway.issue(limits={"tokens": "10000/400d", "cost": "1/400d"}, tenant_limits={"tokens": "100/400d"})["key"]
    assert gateway.chat(key, text, max_tokens=20).status_code == 200
    before = look(gateway, key)
    for index in range(3):
        assert_limited(gateway.chat(key, f"{text} {index}", max_tokens=90))
    after = look(gateway, key)
    assert {name: state["r"] for name, state in after.items()} == {name: state["r"] for name, state in before.items()}


def test_the_keys_of_a_tenant_share_its_limit(gateway, text):
    one = gateway.issue(tenant_limits={"requests": "3/1h"})
    two = gateway.issue(one["tenant"])
    for index in range(3):
        assert gateway.chat((one, two)[index % 2]["key"], f"{text} {index}").status_code == 200
    for made in (one, two):
        assert_limited(gateway.chat(made["key"], f"{text} more"))


def test_a_limit_for_models_counts_those_that_match_and_no_others(gateway, text):
    key = gateway.issue(limits={"requests": "100/400d"}, tenant_limits={"models": {"demo/demo-tokens-*": {"requests": "2/400d"}}})["key"]
    for index, model in enumerate(["demo-tokens-1", "demo-tokens-2"]):
        answer = gateway.chat(key, f"{text} {index}", f"demo/{model}")
        assert answer.status_code == 200 and told(answer)["tenant-requests-model"]["r"] == 1 - index
    # The native path asks the same model; the route's alias stands for another.
    for answer in (
        gateway.chat(key, text, "demo/demo-tokens-3"), gateway.chat(key, text, "demo-tokens-1", path="/demo/v1/chat/completions", n=1),
    ):
        assert_limited(answer)
        assert "tenant-requests-model" in answer.text
    for model in ("demo/demo-chat", "plain", "other/demo-tokens-1"):
        answer = gateway.chat(key, text, model)
        assert answer.status_code == 200 and "tenant-requests-model" not in told(answer)
    assert left(gateway, key, "key-requests") == 95


def test_each_metadata_value_has_its_own_bucket_and_requests_without_one_share_theirs(gateway, text):
    key = gateway.issue(tenant_limits={"requests": "100/400d", "metadata": {"user": {"requests": "2/400d"}}})["key"]

    def ask(index, metadata=None):
        headers = {"cf-aig-metadata": json.dumps(metadata)} if metadata is not None else {}
        return gateway.chat(key, f"{text} {index} {metadata}", headers=headers).status_code

    for metadata in ({"user": "ann"}, {"user": "bob"}, {"user": 7}, None):
        assert [ask(index, metadata) for index in range(3)] == [200, 200, 429], metadata
    # Another name is no user, a broken field is none at all: both fall to the shared bucket, which is empty.
    assert ask(0, {"team": "ann"}) == 429
    assert gateway.chat(key, text, headers={"cf-aig-metadata": "{"}).status_code == 429
    # 7 and "7" are one value.
    assert ask(3, {"user": "7"}) == 429
    assert left(gateway, key, "tenant-requests") == 92


def test_a_key_s_own_metadata_wins_over_the_client_s(gateway, text):
    made = gateway.issue(
        tenant_limits={"requests": "100/1h", "metadata": {"user": {"requests": "2/1h"}}}, metadata={"user": "fixed"})
    for index in range(3):
        headers = {"cf-aig-metadata": json.dumps({"user": f"other {index}"})}
        answer = gateway.chat(made["key"], f"{text} {index}", headers=headers)
        assert answer.status_code == (200 if index < 2 else 429)


def test_a_limit_on_metadata_alone_is_refused(gateway):
    """Clients choose the values: without a limit for all of them together it would be none."""
    answer = gateway.admin("POST", "/tenants", json={"id": unique("tenant"), "limits": {"metadata": {"user": {"requests": "2/1h"}}}})
    assert answer.status_code == 400 and "metadata" in answer.text


def test_a_policy_in_helicone_s_grammar_counts_by_user(gateway, text):
    key = gateway.issue(tenant_limits={"requests": "1000/1h", "policies": ["2;w=3600;u=request;s=user"]})["key"]
    for user in ("ann", "bob"):
        found = [gateway.chat(key, f"{text} {index} {user}", headers={"cf-aig-metadata": json.dumps({"user": user})}) for index in range(3)]
        assert [answer.status_code for answer in found] == [200, 200, 429]


def test_a_policy_in_a_request_header_changes_nothing(gateway, text):
    key = gateway.issue(limits={"requests": "2/1h"})["key"]
    header = {"Helicone-RateLimit-Policy": "1000;w=60", "x-ratelimit-limit-requests": "1000"}
    assert [gateway.chat(key, f"{text} {index}", headers=header).status_code for index in range(3)] == [200, 200, 429]


# Shadow mode and counters


def test_a_limit_in_shadow_mode_refuses_nothing_tells_nothing_and_counts(gateway, text):
    shadow = {"requests": {"rate": 1, "per": "1h", "shadow": True}, "tokens": {"rate": 10, "per": "1h", "shadow": True},
              "cost": {"rate": "0.000001", "per": "1h", "shadow": True}, "concurrency": {"max": 1, "shadow": True},
              "hits": {"rate": 1, "per": "1h", "shadow": True}}
    key = gateway.issue(limits=shadow)["key"]
    before = metric(gateway, "weir_limits_shadow_refusals_total")
    limited = metric(gateway, "weir_requests_limited_total")
    for index in range(4):
        answer = gateway.chat(key, f"{text} {index // 2}", max_tokens=50)
        assert answer.status_code == 200 and not limit_headers(answer.headers)
    # Without a price cost can't be counted, and nothing is refused for it.
    assert gateway.chat(key, text, "other/demo-chat").status_code == 200
    # Two requests, one hit, twice tokens, twice cost: without max_tokens only as much is assumed as the bucket holds.
    assert metric(gateway, "weir_limits_shadow_refusals_total") == before + 7
    assert metric(gateway, "weir_requests_limited_total") == limited


def test_refusals_are_counted(gateway, text):
    key = gateway.issue(limits={"requests": "1/1h"})["key"]
    before = metric(gateway, "weir_requests_limited_total")
    for index in range(4):
        gateway.chat(key, f"{text} {index}")
    assert metric(gateway, "weir_requests_limited_total") == before + 3


# Changes while it runs


def test_a_limit_changed_by_the_admin_api_holds_for_the_next_request_and_refills_nothing(gateway, text):
    """K8."""
    made = gateway.issue(limits={"requests": "10/400d"})
    asked = iter(range(1000))

    def admitted(attempts):
        return sum(gateway.chat(made["key"], f"{text} {next(asked)}").status_code == 200 for _ in range(attempts))

    def change(limits):
        answer = gateway.admin("PATCH", f"/keys/{made['id']}", json={"limits": limits})
        assert answer.status_code == 200, answer.text

    assert admitted(12) == 10
    change({"requests": "15/400d"})
    assert admitted(8) == 5
    change({"requests": "5/400d"})
    assert admitted(2) == 0
    change({"requests": "16/400d"})
    assert admitted(3) == 1
    # Neither does taking it away and giving it back.
    change(None)
    assert admitted(2) == 2
    change({"requests": "17/400d"})
    assert admitted(3) <= 1


def test_tokens_spent_stay_spent_when_the_limit_changes(gateway, text):
    made = gateway.issue(limits={"tokens": "1000/400d"})
    used = gateway.chat(made["key"], text, max_tokens=20).json()["usage"]["total_tokens"]
    for amount, expected in ((2000, 2000 - used), (used, 0), (used - 5, 0), (used + 30, 30)):
        gateway.admin("PATCH", f"/keys/{made['id']}", json={"limits": {"tokens": f"{amount}/400d"}})
        assert left(gateway, made["key"], "key-tokens") == expected


@pytest.mark.parametrize("how", ["signal", "admin"])
def test_a_limit_changed_in_the_configuration_refills_nothing(start_gateway, text, how):
    def tenancy(amount):
        return {"tenants": {"one": {"limits": {"requests": f"{amount}/400d"}}}, "keys": {"k": {"tenant": "one", "key": "env:ONE_KEY"}}}

    gateway = start_gateway(tenancy(4), wait=False)
    gateway.stop()
    gateway.environment["ONE_KEY"] = key = "wk_" + "L" * 43
    gateway.start()
    asked = iter(range(1000))

    def admitted(attempts):
        return sum(gateway.chat(key, f"{text} {next(asked)}").status_code == 200 for _ in range(attempts))

    assert admitted(6) == 4
    for amount, expected in ((6, 2), (3, 0), (7, 1)):
        gateway.config.update(tenancy(amount))
        if how == "admin":
            assert gateway.reload().status_code == 200
        else:
            before = metric(gateway, "weir_config_reloads_total")
            gateway.write_config()
            gateway.process.signal(signal.SIGHUP)
            wait_until(lambda: metric(gateway, "weir_config_reloads_total") > before, what="the reload")
        assert admitted(4) == expected, amount


def test_an_impossible_limit_is_refused_and_changes_nothing(gateway, text):
    made = gateway.issue(limits={"requests": "1/1h"})
    for limits in ({"requests": "0/1m"}, {"requests": "-1/1m"}, {"requests": "1"}, {"wishes": "1/1m"}, {"requests": "1/0s"}, {"cost": "x/1d"}):
        answer = gateway.admin("PATCH", f"/keys/{made['id']}", json={"limits": limits})
        assert answer.status_code == 400, limits
    assert gateway.chat(made["key"], text).status_code == 200
    assert_limited(gateway.chat(made["key"], text + " more"))


# One and the others


def test_a_tenant_that_used_its_limit_up_takes_nothing_from_another(gateway, text):
    """K12."""
    greedy, modest = gateway.issue(limits={"requests": "2/1h"})["key"], gateway.issue(limits={"requests": "20/400d"})["key"]
    requests = [request_bytes(key=greedy, body=chat_body(f"{text} g{index}")) for index in range(40)]
    requests[1::2] = [request_bytes(key=modest, body=chat_body(f"{text} m{index}")) for index in range(20)]
    answers = at_once(gateway, requests)
    assert statuses(answers[1::2]) == [200] * 20
    assert statuses(answers[::2]).count(200) == 2
    assert left(gateway, modest, "key-requests") == 0
    assert "m1" not in json.dumps([headers for _, headers, _ in answers[::2]])


def test_a_thousand_unknown_keys_make_no_bucket_and_disturb_nobody(start_gateway, text):
    """K10."""
    gateway = start_gateway({"limits": {"auth_failures_per_minute_max": 1000000, "requests_per_connection_max": 100000}})
    key = gateway.issue(limits={"requests": "2/1h"})["key"]
    assert gateway.chat(key, text).status_code == 200
    before = resident_bytes(gateway.process.pid)
    with Raw(gateway.data_address) as raw:
        for _ in range(1000):
            raw.send(request_bytes(key="wk_" + secrets.token_urlsafe(32), body=chat_body(text)))
            status, headers, _ = raw.read_response()
            assert status == 401 and not limit_headers(headers)
    # A bucket is up to 200 bytes, a key with its identity more; a thousand of them would show.
    assert resident_bytes(gateway.process.pid) - before < 2 << 20
    assert gateway.chat(key, text + " second").status_code == 200
    assert_limited(gateway.chat(key, text + " third"))
    assert error_code(gateway.chat("wk_" + "z" * 43, text)) == "invalid_key"


def test_the_command_line_makes_a_limited_key(gateway, text):
    key = gateway.create_key(requests="100/1m", tokens="20000/1m", cost="5/30d", concurrency=8)
    limits = told(gateway.chat(key, text))
    assert {name: (state["q"], state.get("w")) for name, state in limits.items()} == {
        "key-requests": (100, 60), "key-concurrency": (8, None), "key-tokens": (20000, 60), "key-cost": (5000000, 2592000)}
