"""What makes two requests one entry, and how a request steers the cache in each dialect of control."""

import json
import time

import pytest

from harness import assert_hit, assert_stored, cache_status, is_hit, reason, unique

BASE = {
    "model": "demo/demo-chat",
    "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}],
    "temperature": 0.5,
    "max_tokens": 100,
}


def body(text, **changes):
    made = json.loads(json.dumps(BASE))
    made["messages"][1]["content"] = text
    for name, value in changes.items():
        if value is None:
            made.pop(name, None)
        else:
            made[name] = value
    return made


def post(gateway, key, value, headers=None):
    return gateway.post("/v1/chat/completions", key, value, headers)


def test_a_repeat_is_a_hit_with_its_age_and_the_rest_of_its_life(gateway, key, text):
    first = post(gateway, key, body(text))
    assert_stored(first)
    second = post(gateway, key, body(text))
    assert_hit(second)
    assert 3590 <= int(cache_status(second)["ttl"]) <= 3600 and int(second.headers["age"]) <= 10
    assert second.content == first.content and second.headers["content-type"] == first.headers["content-type"]
    assert second.headers["weir-request-id"] != first.headers["weir-request-id"]
    assert "upstream" not in second.headers["server-timing"]


def test_reordered_top_level_and_message_keys_are_the_same_request(gateway, key, text):
    value = body(text)
    assert_stored(post(gateway, key, value))
    reordered = {name: value[name] for name in reversed(list(value))}
    reordered["messages"] = [dict(reversed(list(message.items()))) for message in value["messages"]]
    assert_hit(post(gateway, key, reordered))


def test_whitespace_and_escapes_are_the_same_request(gateway, key, text):
    value = body(f"{text} grüße/✓")
    assert_stored(post(gateway, key, json.dumps(value, ensure_ascii=False).encode()))
    assert_hit(post(gateway, key, json.dumps(value, ensure_ascii=True, indent=3).encode()))
    assert_hit(post(gateway, key, json.dumps(value).replace("/", "\\/").encode()))


@pytest.mark.parametrize("stream", [True, False])
def test_stream_and_stream_options_are_not_part_of_the_key(gateway, key, text, stream):
    assert_stored(post(gateway, key, body(text)))
    assert_hit(post(gateway, key, body(text, stream=stream)))
    if stream:
        assert_hit(post(gateway, key, body(text, stream=True, stream_options={"include_usage": True})))


def test_an_explicit_stream_false_is_cached_like_an_absent_one(gateway, key, text):
    assert_stored(post(gateway, key, body(text, stream=False)))
    assert_hit(post(gateway, key, body(text)))


@pytest.mark.parametrize("change", [
    {"temperature": 0.6}, {"temperature": None}, {"temperature": 0.50}, {"max_tokens": 101}, {"top_p": 0.9}, {"seed": 1}, {"user": "u"},
    {"stop": ["x"]}, {"logprobs": True}, {"response_format": {"type": "json_object"}}, {"unknown_field": 1}, {"metadata": {"a": "b"}},
    {"model": "demo/demo-reasoning"}, {"model": "other/demo-chat"}, {"presence_penalty": 0}, {"tool_choice": "none"},
    {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"a": 1, "b": 2}}}]},
    {"messages": [{"role": "user", "content": "Hello"}]}, {"reasoning_effort": "low"}, {"verbosity": "low"},
], ids=lambda change: json.dumps(change)[:40])
def test_every_field_is_in_the_key(gateway, key, text, change):
    assert_stored(post(gateway, key, body(text)))
    changed = post(gateway, key, body(text, **change))
    same = change == {"temperature": 0.50}
    assert is_hit(changed) is same, f"{change}: {changed.headers['cache-status']}"


def test_key_order_under_tools_and_numbers_as_written_matter(gateway, key, text):
    def with_tools(parameters):
        return body(text, tools=[{"type": "function", "function": {"name": "f", "parameters": parameters}}])

    assert_stored(post(gateway, key, with_tools({"a": 1, "b": 2})))
    assert_hit(post(gateway, key, with_tools({"a": 1, "b": 2})))
    assert_stored(post(gateway, key, with_tools({"b": 2, "a": 1})))
    raw = json.dumps(body(text + "n", temperature=1)).encode()
    assert_stored(post(gateway, key, raw))
    assert_stored(post(gateway, key, raw.replace(b'"temperature": 1', b'"temperature": 1.0')))


def test_letter_case_and_split_of_texts_matter(gateway, key, text):
    assert_stored(post(gateway, key, body(text + " ab")))
    assert_stored(post(gateway, key, body(text + " Ab")))
    two = lambda a, b: {"model": "demo/demo-chat", "messages": [{"role": "user", "content": a}, {"role": "user", "content": b}]}
    assert_stored(post(gateway, key, two(text + "a", "bc")))
    assert_stored(post(gateway, key, two(text + "ab", "c")))


def test_another_tenant_misses_and_another_key_of_the_tenant_hits(gateway, text):
    tenant = unique("tenant")
    first, second, other = gateway.create_key(tenant), gateway.create_key(tenant), gateway.create_key()
    assert_stored(post(gateway, first, body(text)))
    assert_hit(post(gateway, second, body(text)))
    assert_stored(post(gateway, other, body(text, user=tenant, metadata={"tenant": tenant})))
    assert_stored(post(gateway, other, body(text), {"x-tenant": tenant}))


def test_unified_native_and_cloudflare_paths_share_an_entry(gateway, key, text):
    native = body(text, model="demo-chat")
    assert_stored(post(gateway, key, body(text)))
    for path in ("/demo/v1/chat/completions", "/demo/chat/completions", "/v1/acc/gw/demo/v1/chat/completions", "/v1/acc/gw/demo/chat/completions"):
        assert_hit(gateway.post(path, key, native))
    assert_hit(gateway.post("/v1/acc/gw/compat/chat/completions", key, body(text)))


def test_a_duplicate_key_is_refused(gateway, key):
    raw = b'{"model":"demo/demo-chat","model":"demo/demo-reasoning","messages":[{"role":"user","content":"x"}]}'
    response = post(gateway, key, raw)
    assert response.status_code == 400 and response.json()["error"]["code"]


# Controls

NEITHER = [
    {"cf-aig-skip-cache": "true"}, {"cf-skip-cache": "true"}, {"cf-aig-cache-ttl": "0"}, {"cf-cache-ttl": "0"}, {"Cache-Control": "no-store"},
    {"Helicone-Cache-Enabled": "false"},
]


@pytest.mark.parametrize("headers", NEITHER, ids=str)
def test_neither_read_nor_written(gateway, key, text, headers):
    response = post(gateway, key, body(text), headers)
    assert cache_status(response)["fwd"] == "bypass" and cache_status(response)["detail"] and not is_hit(response)
    assert_stored(post(gateway, key, body(text)))  # so the first was not written
    response = post(gateway, key, body(text), headers)
    assert cache_status(response)["fwd"] == "bypass"  # and this one not read


@pytest.mark.parametrize("headers", [{"Cache-Control": "no-cache"}, {"x-portkey-cache-force-refresh": "true"}], ids=str)
def test_a_refresh_skips_the_read_and_stores(gateway, key, text, headers):
    first = post(gateway, key, body(text))
    second = post(gateway, key, body(text), headers)
    assert second.headers["cache-status"] == "weir; fwd=request; stored"
    assert second.json()["id"] != first.json()["id"]
    third = post(gateway, key, body(text))
    assert_hit(third)
    assert third.json()["id"] == second.json()["id"]


@pytest.mark.parametrize("headers", [
    {"x-portkey-cache-force-refresh": "false"}, {"cf-aig-skip-cache": "false"}, {"cf-skip-cache": "false"}, {"Helicone-Cache-Enabled": "true"},
], ids=str)
def test_a_control_set_to_false_controls_nothing(gateway, key, text, headers):
    assert_stored(post(gateway, key, body(text)))
    assert_hit(post(gateway, key, body(text), headers))


def test_only_if_cached_is_504_without_an_entry_and_asks_nobody(gateway, demo, key, text):
    response = post(gateway, key, body(text), {"Cache-Control": "only-if-cached"})
    assert response.status_code == 504 and demo.calls(text) == 0
    post(gateway, key, body(text))
    assert_hit(post(gateway, key, body(text), {"Cache-Control": "only-if-cached"}))


def test_max_age_accepts_no_older_entry(gateway, key, text):
    first = post(gateway, key, body(text))
    assert_hit(post(gateway, key, body(text), {"Cache-Control": "max-age=60"}))
    time.sleep(2.1)  # the age is in whole seconds
    second = post(gateway, key, body(text), {"Cache-Control": "max-age=1"})
    assert not is_hit(second) and second.json()["id"] != first.json()["id"]


@pytest.mark.parametrize("headers, low, high", [
    ({"cf-aig-cache-ttl": "60"}, 50, 60), ({"cf-cache-ttl": "60"}, 50, 60), ({"cf-aig-cache-ttl": "99999999"}, 2_591_990, 2_592_000),
], ids=str)
def test_a_ttl_is_taken_within_bounds(gateway, key, text, headers, low, high):
    assert_stored(post(gateway, key, body(text), headers))
    hit = post(gateway, key, body(text))
    assert_hit(hit)
    assert low <= int(cache_status(hit)["ttl"]) <= high


def test_an_entry_ends_with_its_time_and_hits_do_not_prolong_it(gateway, key, text):
    assert_stored(post(gateway, key, body(text), {"cf-aig-cache-ttl": "2"}))
    time.sleep(1.2)
    hit = post(gateway, key, body(text))
    assert_hit(hit)
    assert int(cache_status(hit)["ttl"]) <= 1
    time.sleep(1)
    assert not is_hit(post(gateway, key, body(text)))


@pytest.mark.parametrize("header", ["weir-cache-namespace", "x-portkey-cache-namespace", "Helicone-Cache-Seed"])
def test_a_namespace_separates_entries(gateway, key, text, header):
    assert_stored(post(gateway, key, body(text)))
    assert_stored(post(gateway, key, body(text), {header: "a"}))
    assert_stored(post(gateway, key, body(text), {header: "b"}))
    assert_hit(post(gateway, key, body(text), {header: "a"}))
    assert_hit(post(gateway, key, body(text)))


def test_a_cache_key_of_one_s_own_replaces_the_body_only(gateway, key, text):
    own = {"cf-aig-cache-key": text}
    first = post(gateway, key, body(text), own)
    assert_stored(first)
    other = post(gateway, key, body(text + " different"), own)
    assert_hit(other)
    assert other.content == first.content
    assert_stored(post(gateway, key, body(text, model="demo/demo-reasoning"), own))  # the target is still in the key
    assert_stored(post(gateway, gateway.create_key(), body(text), own))  # and the tenant
    assert_stored(post(gateway, key, body(text)))  # and it is no way to the plain entry
    assert post(gateway, key, body(text), {"cf-aig-cache-key": "k" * 256}).status_code == 200
    assert post(gateway, key, body(text), {"cf-aig-cache-key": "k" * 257}).status_code == 400


@pytest.mark.parametrize("control, effect", [
    ({"no-store": True}, "bypass"), ({"no-cache": True}, "request"), ({"ttl": 60}, "miss"), ({"s-maxage": 60}, "hit"), ({"namespace": "n"}, "miss"),
], ids=str)
def test_litellm_s_cache_field_is_understood_and_removed(gateway, demo, key, text, control, effect):
    if effect in ("request", "hit"):
        post(gateway, key, body(text))
    response = post(gateway, key, body(text, cache=control))
    assert response.status_code == 200
    status = cache_status(response)
    assert status.get("fwd", "hit") == effect
    if effect != "hit":
        assert b'"cache"' not in demo.requests(text)[-1]["body"]
    if effect == "miss":
        assert_hit(post(gateway, key, body(text, cache=control)))


def test_gateway_headers_never_reach_the_provider(gateway, demo, key, text):
    headers = {
        "cf-aig-cache-ttl": "60", "weir-cache-tags": "a,b", "weir-cache-namespace": "n", "cf-aig-metadata": '{"user":"u"}', "cf-aig-event-id": "e",
        "x-portkey-cache-namespace": "n", "Helicone-Cache-Seed": "n", "cf-aig-custom-cost": '{"per_token_in":1}',
    }
    assert post(gateway, key, body(text), headers).status_code == 200
    names = {name.lower() for name, _ in demo.requests(text)[0]["headers"]}
    assert not [name for name in names if name.startswith(("cf-", "weir-", "x-portkey", "helicone"))]


# What is not stored


@pytest.mark.parametrize("change, why", [({"n": 2}, "multiple-choices"), ({"store": True}, "stateful")], ids=str)
def test_what_is_known_before_has_its_reason_in_the_header(gateway, key, text, change, why):
    for _ in range(2):
        response = post(gateway, key, body(text, **change))
        assert response.status_code == 200
        if why == "multiple-choices":
            assert reason(response) == why


@pytest.mark.parametrize("model", ["demo-length", "demo-content-filter", "demo-fail-500", "demo-fail-429", "demo-fail-400", "demo-error-in-200", "demo-html"])
def test_what_did_not_end_well_is_not_stored(gateway, demo, key, text, model):
    for count in (1, 2):
        response = post(gateway, key, body(text, model=f"demo/{model}"), {"cf-aig-max-attempts": "1"})
        assert not is_hit(response)
        assert demo.calls(text) == count


def test_an_answer_over_the_entry_cap_streams_through_unstored(gateway, key, text):
    for _ in range(2):
        response = post(gateway, key, body(text, model="demo/demo-big-300000", max_tokens=None))
        assert response.status_code == 200 and len(response.json()["choices"][0]["message"]["content"]) == 300_000
        assert not is_hit(response)
    small = body(text, model="demo/demo-big-200000", max_tokens=None)
    assert_stored(post(gateway, key, small))
    assert_hit(post(gateway, key, small))


def test_a_route_with_the_cache_off_bypasses(gateway, key, text):
    for _ in range(2):
        response = post(gateway, key, body(text, model="uncached"))
        assert response.headers["cache-status"] == "weir; fwd=bypass; detail=off"


def test_a_route_s_ttl_applies(gateway, key, text):
    assert_stored(post(gateway, key, body(text, model="brief")))
    time.sleep(1.1)
    assert not is_hit(post(gateway, key, body(text, model="brief")))


def test_a_stored_500_is_never_shown_again(gateway, key, text):
    """X1: a JSON 500, then 200, to one prompt."""
    failing = body(text, model="demo/demo-fail-once-500")
    headers = {"cf-aig-max-attempts": "1"}
    assert post(gateway, key, failing, headers).status_code == 500
    assert post(gateway, key, failing, headers).status_code == 200
    hit = post(gateway, key, failing, headers)
    assert_hit(hit)
