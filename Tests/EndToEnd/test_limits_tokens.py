"""Tokens and money end to end: reserved before the call, settled by what the answer reports, on every surface (K6, X11, X12)."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from harness import Raw, assert_stored, chat_body, free_port, parse_events, request_bytes, stream_text, wait_until
from limit_fields import assert_limited, error_code, left, look, metric, told

# Nothing noticeable flows back: 100,000 tokens in 400 days are one in six minutes.
TOKENS, MONEY = 100_000, 5_000_000  # money in micro-USD, as RateLimit tells it
SLOW = {"tokens": f"{TOKENS}/400d", "cost": "5/400d"}
INPUT_PRICE, OUTPUT_PRICE = 1, 2  # micro-USD a token: config/prices.yaml, demo


def quarter(characters):
    return -(-characters // 4)


def demo_tokens(*texts):
    """The demo provider's idea of tokens: four characters, each text rounded up."""
    return sum(quarter(len(text)) for text in texts)


@pytest.fixture
def limited(gateway):
    return gateway.issue(limits=SLOW)["key"]


def used(gateway, key):
    """Tokens and micro-USD, as soon as they are settled: a plain native answer is out a moment before it is."""
    limits = look(gateway, key)
    return TOKENS - limits["key-tokens"]["r"], MONEY - limits["key-cost"]["r"]


def assert_used(gateway, key, inputs, outputs):
    expected = (inputs + outputs, INPUT_PRICE * inputs + OUTPUT_PRICE * outputs)
    wait_until(lambda: used(gateway, key) == expected, 3, f"{expected} tokens and micro-USD, now {used(gateway, key)},")


# Settled by the answer's usage


def openai_usage(body):
    usage = json.loads(body)["usage"]
    return usage["prompt_tokens"], usage.get("completion_tokens", 0)


def responses_usage(body):
    usage = json.loads(body)["usage"]
    return usage["input_tokens"], usage["output_tokens"]


def gemini_usage(body):
    usage = json.loads(body)["usageMetadata"]
    return usage["promptTokenCount"], usage.get("candidatesTokenCount", 0)


PLAIN = {
    "chat": ("/v1/chat/completions", {"messages": True}, openai_usage), "completions": ("/v1/completions", {"prompt": True}, openai_usage),
    "responses": ("/v1/responses", {"input": True}, responses_usage), "embeddings": ("/v1/embeddings", {"input": True}, openai_usage),
    "messages": ("/v1/messages", {"messages": True, "max_tokens": 70}, responses_usage),
    "gemini": ("/v1beta/models/{model}:generateContent", {"contents": True}, gemini_usage),
}


def request_of(surface, shape, text, **fields):
    """Path and body of one of PLAIN, on the unified surface or the provider's own path."""
    path, members, usage = PLAIN[shape]
    model = "demo-embed" if shape == "embeddings" else "demo-chat"
    body = {"model": model if surface == "native" else f"demo/{model}", **members, **fields}
    forms = {"messages": [{"role": "user", "content": text}], "prompt": text, "input": text, "contents": [{"parts": [{"text": text}]}]}
    for name, form in forms.items():
        if body.get(name) is True:
            body[name] = form
    prefix = "/demo" if surface == "native" else ""
    path = prefix + path.format(model=body["model"])
    if shape == "gemini":
        del body["model"]
    return path, body, usage


@pytest.mark.parametrize("surface", ["unified", "native"])
@pytest.mark.parametrize("shape", PLAIN)
def test_what_the_answer_reports_is_what_is_charged(gateway, limited, text, surface, shape):
    path, body, usage = request_of(surface, shape, text)
    answer = gateway.post(path, limited, body)
    assert answer.status_code == 200, answer.text
    inputs, outputs = usage(answer.content)
    assert inputs >= demo_tokens(text) and (outputs > 0 or shape == "embeddings")
    assert_used(gateway, limited, inputs, outputs)


@pytest.mark.parametrize("surface", ["unified", "native"])
@pytest.mark.parametrize("shape", ["responses", "messages", "gemini"])
def test_streams_that_report_usage_by_themselves_are_charged_it(gateway, limited, text, surface, shape):
    path, body, usage = request_of(surface, shape, text)
    plain_usage = usage(gateway.post(path, gateway.issue()["key"], body).content)
    if shape == "gemini":
        path = path.replace("generateContent", "streamGenerateContent") + "?alt=sse"
    else:
        body["stream"] = True
    before = metric(gateway, "weir_usage_estimated_total")
    answer = gateway.post(path, limited, body)
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/event-stream")
    assert_used(gateway, limited, *plain_usage)
    assert metric(gateway, "weir_usage_estimated_total") == before


@pytest.mark.parametrize("shape", ["chat", "completions"])
@pytest.mark.parametrize("asked", [False, True])
def test_a_unified_stream_is_asked_for_its_usage_and_the_client_sees_it_only_if_it_asked(gateway, demo, limited, text, shape, asked):
    options = {"stream_options": {"include_usage": True}} if asked else {}
    path, body, _ = request_of("unified", shape, text, stream=True, max_tokens=300, **options)
    before = metric(gateway, "weir_usage_estimated_total")
    answer = gateway.post(path, limited, body)
    events = parse_events(answer.text)
    assert events[-1] == "[DONE]"
    reports = [event["usage"] for event in events if isinstance(event, dict) and event.get("usage")]
    assert len(reports) == asked
    assert all(event["choices"] for event in events if isinstance(event, dict)) != asked
    sent = json.loads(demo.requests(text)[0]["body"])
    assert sent["stream_options"]["include_usage"] is True
    said = stream_text(events) if shape == "chat" else "".join(event["choices"][0]["text"] for event in events[:-1] if event["choices"])
    inputs, outputs = demo_tokens(text), demo_tokens(said)
    if asked:
        assert (reports[0]["prompt_tokens"], reports[0]["completion_tokens"]) == (inputs, outputs)
    assert_used(gateway, limited, inputs, outputs)
    assert metric(gateway, "weir_usage_estimated_total") == before


def test_a_native_stream_without_usage_is_charged_by_its_characters(gateway, limited, text):
    messages = [{"role": "system", "content": "12345"}, {"role": "user", "content": "1"}, {"role": "user", "content": text}]
    before = metric(gateway, "weir_usage_estimated_total")
    answer = gateway.post("/demo/v1/chat/completions", limited, {"model": "demo-chat", "messages": messages, "stream": True})
    said = stream_text(parse_events(answer.text))
    assert said and "prompt_tokens" not in answer.text
    # The whole input is rounded up once, where the demo provider rounds each text.
    assert quarter(6 + len(text)) < demo_tokens("12345", "1", text)
    assert_used(gateway, limited, quarter(6 + len(text)), quarter(len(said)))
    wait_until(lambda: metric(gateway, "weir_usage_estimated_total") == before + 1, 3, "the count of estimates")


def test_a_native_stream_s_bytes_are_the_provider_s_own_under_a_limit(gateway, demo, limited, text):
    body = chat_body(text, "demo-chat", stream=True)
    header = ["X-Demo-Id: fixed-id"]
    answers = []
    for address, path in ((("127.0.0.1", demo.port), "/v1"), (gateway.data_address, "/demo/v1")):
        with Raw(address) as raw:
            raw.send(request_bytes(path=path + "/chat/completions", key=limited, body=body, headers=header))
            answers.append(raw.read_response()[2])
    assert answers[0] == answers[1] and b"[DONE]" in answers[0] and b"usage" not in answers[0]
    assert [request["body"] for request in demo.requests(text)] == [body, body]


def test_a_plain_answer_without_usage_is_charged_the_estimate(gateway, limited, text):
    before = metric(gateway, "weir_usage_estimated_total")
    assert gateway.chat(limited, text, "demo/demo-usage-missing", max_tokens=40).status_code == 200
    assert_used(gateway, limited, demo_tokens(text), 40)
    assert metric(gateway, "weir_usage_estimated_total") == before + 1
    # And without max_tokens the configured default, of 256.
    assert gateway.chat(limited, text, "demo/demo-usage-missing").status_code == 200
    assert_used(gateway, limited, 2 * demo_tokens(text), 40 + 256)


@pytest.mark.parametrize("surface", ["unified", "native"])
def test_a_client_that_forbids_identity_does_not_get_its_output_for_nothing(gateway, limited, text, surface):
    """An encoded answer can't be read: it is metered by the estimate."""
    path, body, _ = request_of(surface, "chat", text, max_tokens=60)
    answer = gateway.post(path, limited, body, {"Accept-Encoding": "gzip, identity;q=0"})
    assert answer.headers["content-encoding"] == "gzip"
    assert_used(gateway, limited, demo_tokens(text), 60)


@pytest.mark.parametrize("model", ["demo-cut-stream", "demo-rst-stream", "demo-error-event"])
def test_a_stream_cut_short_is_charged_its_input_and_what_was_seen(gateway, limited, text, model):
    answer = gateway.chat_stream(limited, text, f"demo/{model}", max_tokens=500)
    said = stream_text(answer.events)
    assert said and "[DONE]" not in answer.events
    assert_used(gateway, limited, demo_tokens(text), quarter(len(said)))


def test_use_beyond_the_reserve_becomes_debt_and_is_counted(gateway, text):
    made = gateway.issue(limits={"tokens": "300/400d"})
    before = metric(gateway, "weir_usage_underestimated_total")
    # 256 were assumed, 500 came.
    assert gateway.chat(made["key"], text, "demo/demo-tokens-500").status_code == 200
    assert metric(gateway, "weir_usage_underestimated_total") == before + 1
    assert left(gateway, made["key"], "key-tokens") == 0
    refused = gateway.chat(made["key"], text + " next", max_tokens=1)
    assert_limited(refused)
    # Debt is paid back first, at 300 in 400 days.
    assert int(refused.headers["retry-after"]) > 205 * 400 * 86400 // 300
    gateway.admin("PATCH", f"/keys/{made['id']}", json={"limits": {"tokens": f"{500 + demo_tokens(text) + 300}/400d"}})
    assert left(gateway, made["key"], "key-tokens") == 300


def test_embeddings_in_part_from_the_cache_are_charged_for_what_was_fetched(gateway, demo, limited, text):
    """X10, X11."""
    def ask(items):
        answer = gateway.post("/v1/embeddings", limited, {"model": "demo/demo-embed", "input": items})
        assert answer.status_code == 200, answer.text

    ask([text + " one", text + " two"])
    assert_used(gateway, limited, demo_tokens(text + " one", text + " two"), 0)
    ask([text + " one", text + " three", text + " two"])
    assert_used(gateway, limited, demo_tokens(text + " one", text + " two", text + " three"), 0)


# Reserved before the call


def test_what_is_under_way_is_set_aside_and_given_back_when_it_ends(gateway, demo, text):
    key = gateway.issue(limits={"tokens": "1000/400d"})["key"]
    estimate = demo_tokens(text) + 500
    with Raw(gateway.data_address) as raw:
        raw.send(request_bytes(key=key, body=chat_body(text, f"demo/demo-wait-{text}", max_tokens=500)))
        demo.wait_for_waiting(text)
        assert left(gateway, key, "key-tokens") == 1000 - estimate
        assert_limited(gateway.chat(key, text + " 2", max_tokens=500))
        demo.release(text)
        status, _, body = raw.read_response()
    assert status == 200
    assert left(gateway, key, "key-tokens") == 1000 - json.loads(body)["usage"]["total_tokens"]
    assert gateway.chat(key, text + " 3", max_tokens=500).status_code == 200


def test_a_token_limit_never_refuses_what_its_estimate_fits_and_refuses_one_more(gateway, text):
    """As LiteLLM's users expect: characters / 4 + max_tokens decides."""
    key = gateway.issue(limits={"tokens": "400/400d"})["key"]
    for index in range(6):
        prompt = f"{text} {index}" + "x" * index
        room = left(gateway, key, "key-tokens") - quarter(len(prompt))
        assert_limited(gateway.chat(key, prompt, max_tokens=room + 1)) if index else None
        answer = gateway.chat(key, prompt, max_tokens=room)
        assert answer.status_code == 200, (index, room, answer.text)


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
def test_every_name_of_the_output_limit_counts(gateway, text, field):
    key = gateway.issue(limits={"tokens": "400/400d"})["key"]
    answer = gateway.chat(key, text, **{field: 401})
    assert answer.status_code == 400 and error_code(answer) == "request_exceeds_limit"
    assert gateway.chat(key, text, **{field: 300}).status_code == 200


def test_the_call_after_the_usage_reached_the_limit_is_refused_at_the_latest(gateway, text):
    key = gateway.issue(limits={"tokens": "100/400d"})["key"]
    assert gateway.chat(key, text, "demo/demo-tokens-95").status_code == 200
    assert left(gateway, key, "key-tokens") == 0
    assert_limited(gateway.chat(key, text + " next", max_tokens=1))


@pytest.mark.parametrize("shape, shown", [("chat", "request_exceeds_limit"), ("messages", "invalid_request_error"), ("gemini", "INVALID_ARGUMENT")])
def test_a_request_larger_than_its_limit_ever_holds_is_a_400_and_not_a_429(gateway, demo, text, shape, shown):
    """K5."""
    key = gateway.issue(limits={"tokens": "100/1h"})["key"]
    fits = 100 - demo_tokens(text + "x")

    def ask(prompt, amount):
        limit = {"generationConfig": {"maxOutputTokens": amount}} if shape == "gemini" else {"max_tokens": amount}
        path, body, _ = request_of("unified", shape, prompt, **limit)
        return gateway.post(path, key, body)

    refused = ask(text + "x", fits + 1)
    error = refused.json()["error"]
    assert refused.status_code == 400 and "retry-after" not in refused.headers
    assert shown in (error.get("code"), error.get("type"), error.get("status")) and "key-tokens" in error["message"]
    assert demo.calls(text) == 0 and left(gateway, key, "key-tokens") == 100
    assert ask(text + "y", fits).status_code == 200


def test_without_an_output_limit_the_assumed_one_is_cut_to_what_the_bucket_holds(gateway, text):
    key = gateway.issue(limits={"tokens": "100/400d", "output_tokens": "60/400d", "cost": "0.0001/400d"})["key"]
    assert gateway.chat(key, text).status_code == 200
    too_long = gateway.chat(gateway.issue(limits={"tokens": "100/400d"})["key"], "x" * 401)
    assert too_long.status_code == 400 and error_code(too_long) == "request_exceeds_limit"
    assert gateway.chat(gateway.issue(limits={"tokens": "100/400d"})["key"], "x" * 400).status_code == 200


def test_several_choices_are_reserved_and_charged_as_such(gateway, limited, text):
    answer = gateway.chat(limited, text, n=3, max_tokens=100)
    inputs, outputs = openai_usage(answer.content)
    assert_used(gateway, limited, inputs, outputs)
    key = gateway.issue(limits={"tokens": "400/400d"})["key"]
    assert gateway.chat(key, text, n=4, max_tokens=100).status_code == 400
    assert gateway.chat(key, text, n=3, max_tokens=100).status_code == 200


def test_counting_tokens_and_listing_models_use_none(gateway, limited, text):
    body = {"model": "demo/demo-chat", "messages": [{"role": "user", "content": text}]}
    assert gateway.post("/v1/messages/count_tokens", limited, body).status_code == 200
    assert used(gateway, limited) == (0, 0)


# Money


def test_a_model_without_a_price_is_refused_under_a_limit_of_cost_only(gateway, demo, text):
    key = gateway.issue(limits={"cost": "5/30d"})["key"]
    refused = gateway.chat(key, text, "other/demo-chat")
    assert refused.status_code == 400 and error_code(refused) == "unpriced_model"
    assert demo.calls(text) == 0
    unlimited, by_tokens = gateway.issue()["key"], gateway.issue(limits={"tokens": "10000/1h"})["key"]
    before = metric(gateway, "weir_requests_unpriced_total")
    for other in (unlimited, by_tokens):
        assert gateway.chat(other, text, "other/demo-chat").status_code == 200
    assert metric(gateway, "weir_requests_unpriced_total") == before + 2


def test_a_route_s_fixed_price_is_charged_where_none_is_known(start_gateway, text):
    gateway = start_gateway({"routes": {
        "fixed": {"targets": ["other/demo-chat"], "price_per_request": 0.25},
        "fixed-fails": {"targets": ["other/demo-fail-500"], "price_per_request": 0.25},
        "known": {"targets": ["demo/demo-chat"], "price_per_request": 0.25},
    }})
    key = gateway.issue(limits={"cost": "1/400d"})["key"]
    assert gateway.chat(key, text, "fixed").status_code == 200
    assert left(gateway, key, "key-cost") == 750_000
    assert gateway.chat(key, text + " 1", "fixed-fails").status_code == 500
    assert left(gateway, key, "key-cost") == 750_000
    for index in (2, 3, 4):
        assert gateway.chat(key, f"{text} {index}", "fixed").status_code == 200
    refused = gateway.chat(key, text + " 5", "fixed")
    assert_limited(refused, "budget_exceeded")
    known = gateway.issue(limits={"cost": "1/400d"})["key"]
    answer = gateway.chat(known, text, "known")
    inputs, outputs = openai_usage(answer.content)
    assert left(gateway, known, "key-cost") == 1_000_000 - inputs - 2 * outputs


@pytest.mark.parametrize("model", ["demo-fail-500", "demo-fail-429", "demo-fail-400", "demo-fail-401"])
@pytest.mark.parametrize("stream", [False, True])
def test_what_the_provider_refused_costs_nothing(gateway, limited, text, model, stream):
    assert gateway.chat(limited, text, f"demo/{model}", stream=stream).status_code >= 400
    assert_used(gateway, limited, 0, 0)


def test_what_never_reached_the_provider_costs_nothing(start_gateway, text):
    gateway = start_gateway({
        "providers": {"nobody": {"url": f"http://127.0.0.1:{free_port()}/v1", "allow_private": True, "local": True}},
        "prices": {"nobody": {"models": {"*": {"input": 1, "output": 2}}}},
    })
    key = gateway.issue(limits=SLOW)["key"]
    answer = gateway.chat(key, text, "nobody/model")
    assert answer.status_code == 502 and error_code(answer) == "upstream_refused"
    assert_used(gateway, key, 0, 0)


@pytest.mark.parametrize("model", ["demo-rst", "demo-hang"])
def test_a_call_that_was_sent_and_not_answered_costs_its_input(gateway, limited, text, model):
    answer = gateway.chat(limited, text, f"demo/{model}", max_tokens=50, headers={"cf-aig-request-timeout": "200", "cf-aig-max-attempts": "1"})
    assert answer.status_code in (502, 504)
    assert_used(gateway, limited, demo_tokens(text), 0)


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_early_still_pays_for_what_was_begun(gateway, demo, limited, text, stream):
    model = "demo-stall-stream" if stream else "demo-hang"
    with Raw(gateway.data_address) as raw:
        raw.send(request_bytes(key=limited, body=chat_body(text, f"demo/{model}", stream=stream, max_tokens=500)))
        wait_until(lambda: demo.calls(text) == 1, what="the call's arrival")
        if stream:
            raw.read(b"data: ", 5)
            wait_until(lambda: raw.received.count(b"data: ") >= 2 or raw.read(b"\x00", 0.05) is None, 5, "two events")
            seen = stream_text(parse_events(raw.received.split(b"\r\n\r\n", 1)[1].decode()))
        raw.reset()
    wait_until(lambda: demo.states(text) == {"aborted": 1}, 5, "the cancellation")
    assert_used(gateway, limited, demo_tokens(text), quarter(len(seen)) if stream else 0)


def test_a_client_s_own_cost_is_not_believed(gateway, limited, text):
    header = {"cf-aig-custom-cost": json.dumps({"per_token_in": 0, "per_token_out": 0})}
    answer = gateway.chat(limited, text, headers=header)
    assert_used(gateway, limited, *openai_usage(answer.content))
    unpriced = gateway.chat(limited, text, "other/demo-chat", headers=header)
    assert unpriced.status_code == 400 and error_code(unpriced) == "unpriced_model"


def test_a_tenant_that_may_set_its_cost_is_charged_it(gateway, text):
    key = gateway.issue(limits={"cost": "5/400d"}, tenant_fields={"custom_cost": True})["key"]
    header = {"cf-aig-custom-cost": json.dumps({"per_token_in": 0.001, "per_token_out": 0.002})}
    answer = gateway.chat(key, text, "other/demo-chat", headers=header)
    inputs, outputs = openai_usage(answer.content)
    assert left(gateway, key, "key-cost") == MONEY - 1000 * inputs - 2000 * outputs
    for broken in ("{", "[]", '{"per_token_in": -1}', '{"per_token_out": 1e30}', '{"per_token_in": "x"}'):
        refused = gateway.chat(key, text + " 2", "other/demo-chat", headers={"cf-aig-custom-cost": broken})
        assert refused.status_code == 400 and error_code(refused) == "unpriced_model", broken


# What providers report


class Scripted:
    """A provider that answers every chat with the usage it was given."""

    def __init__(self):
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                answer = json.dumps({
                    "id": "x", "object": "chat.completion", "created": 1, "model": "m", "usage": outer.usage,
                    "choices": [{"index": 0, "message": {"role": "assistant", "content": "four"}, "finish_reason": "stop"}],
                }).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self.usage = {}
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"
        threading.Thread(target=self.server.serve_forever, args=[0.05], daemon=True).start()


@pytest.fixture
def scripted():
    provider = Scripted()
    yield provider
    provider.server.shutdown()
    provider.server.server_close()


def test_cached_prompt_tokens_cost_what_the_provider_asks_and_reasoning_is_output(start_gateway, scripted, text):
    """X12."""
    price = {"input": 10, "cached_input": 1, "output": 100}
    providers = {name: {"url": scripted.url, "allow_private": True, "local": True} for name in ("counts", "ignores")}
    gateway = start_gateway({
        "providers": providers,
        "prices": {"counts": {"models": {"*": price}}, "ignores": {"cached_input_counts": False, "models": {"*": price}}},
    })
    scripted.usage = {
        "prompt_tokens": 1000, "completion_tokens": 50, "total_tokens": 1050,
        "prompt_tokens_details": {"cached_tokens": 600}, "completion_tokens_details": {"reasoning_tokens": 30},
    }
    for name, tokens in (("counts", 1050), ("ignores", 450)):
        key = gateway.issue(limits=SLOW)["key"]
        assert gateway.chat(key, text, f"{name}/m").status_code == 200
        assert used(gateway, key) == (tokens, 400 * 10 + 600 * 1 + 50 * 100)


@pytest.mark.parametrize("usage, tokens", [
    ({"prompt_tokens": -5, "completion_tokens": -7, "total_tokens": -12}, None),
    ({"prompt_tokens": 10**18, "completion_tokens": 10**18, "total_tokens": 2 * 10**18}, TOKENS),
    ({"prompt_tokens": 10**30, "completion_tokens": 1}, TOKENS),
    ({"prompt_tokens": "many", "completion_tokens": None}, None),
    ({"prompt_tokens": 1.5e300, "completion_tokens": [1]}, None),
    ("none", None), (None, None), ([], None),
])
def test_an_absurd_report_neither_refills_nor_breaks_a_limit(start_gateway, scripted, text, usage, tokens):
    gateway = start_gateway({
        "providers": {"scripted": {"url": scripted.url, "allow_private": True, "local": True}},
        "prices": {"scripted": {"models": {"*": {"input": 1, "output": 2}}}},
    })
    key = gateway.issue(limits=SLOW)["key"]
    scripted.usage = usage
    before = metric(gateway, "weir_usage_suspect_total") + metric(gateway, "weir_usage_estimated_total")
    assert gateway.chat(key, text, "scripted/m", max_tokens=100).status_code == 200
    spent, money = used(gateway, key)
    # Never free: what can't be believed is charged by the estimate at least.
    assert 0 < spent <= TOKENS and 0 < money <= MONEY
    if tokens is not None:
        assert spent == tokens
    else:
        assert spent > 0
    assert metric(gateway, "weir_usage_suspect_total") + metric(gateway, "weir_usage_estimated_total") > before
    second = gateway.chat(key, text + " 2", "scripted/m", max_tokens=100)
    assert second.status_code == (429 if spent == TOKENS else 200)


def test_what_tokens_refuse_costs_no_request(gateway, text):
    key = gateway.issue(limits={"requests": "2/400d", "tokens": "100/400d"})["key"]
    for _ in range(3):
        refused = gateway.chat(key, text, max_tokens=1000)
        assert refused.status_code == 400 and error_code(refused) == "request_exceeds_limit"
        assert refused.headers["x-ratelimit-remaining-requests"] == "2"
    assert gateway.chat(key, text, max_tokens=10).status_code == 200
