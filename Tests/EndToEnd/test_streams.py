"""Streams: forwarded as they come, recorded while they flow, replayed in the form that was asked for."""

import time

import httpx
import pytest

from harness import (Raw, assert_hit, assert_stored, cache_status, chat_body, is_hit, parse_events, reason, request_bytes, stream_text, unique)


def test_a_stream_answers_a_plain_call(gateway, key, text):
    streamed = gateway.chat_stream(key, text, stream_options={"include_usage": True})
    assert_stored(streamed)
    plain = gateway.chat(key, text)
    assert_hit(plain)
    assert plain.headers["content-type"].startswith("application/json")
    value = plain.json()
    assert value["object"] == "chat.completion" and value["id"] == streamed.events[0]["id"]
    assert value["choices"][0]["message"]["content"] == stream_text(streamed.events)
    assert value["choices"][0]["finish_reason"] == "stop"
    assert value["usage"] == streamed.events[-2]["usage"]


def test_a_plain_answer_answers_a_stream(gateway, key, text):
    plain = gateway.chat(key, text).json()
    streamed = gateway.chat_stream(key, text)
    assert_hit(streamed)
    assert streamed.headers["content-type"].startswith("text/event-stream")
    assert streamed.events[-1] == "[DONE]"
    assert stream_text(streamed.events) == plain["choices"][0]["message"]["content"]
    assert streamed.events[0]["object"] == "chat.completion.chunk" and streamed.events[0]["id"] == plain["id"]
    assert [event["choices"][0]["finish_reason"] for event in streamed.events[:-1] if event["choices"]][-1] == "stop"


@pytest.mark.parametrize("recorded_with_usage", [True, False])
def test_the_usage_chunk_appears_only_when_asked(gateway, demo, key, text, recorded_with_usage):
    options = {"stream_options": {"include_usage": True}}
    first = gateway.chat_stream(key, text, **(options if recorded_with_usage else {}))
    assert_stored(first)
    # The gateway asks for usage in any case, and hides what the client did not ask for.
    assert b"include_usage" in demo.requests(text)[0]["body"]
    for asks in (True, False):
        replay = gateway.chat_stream(key, text, **(options if asks else {}))
        assert_hit(replay)
        assert ("prompt_tokens" in replay.text) is asks
    assert ("prompt_tokens" in first.text) is recorded_with_usage
    if not recorded_with_usage:
        assert all(event["choices"] for event in first.events[:-1])


def test_a_native_stream_without_usage_answers_only_streams_that_do_not_ask(gateway, key, text):
    path = "/demo/v1/chat/completions"
    assert_stored(gateway.chat_stream(key, text, "demo-chat", path=path))
    assert_hit(gateway.chat_stream(key, text, "demo-chat", path=path))
    asking = gateway.chat_stream(key, text, "demo-chat", path=path, stream_options={"include_usage": True})
    assert not is_hit(asking) and asking.events[-2]["usage"]["prompt_tokens"] > 0


def test_a_native_plain_call_after_a_stream_without_usage_says_why_it_misses(gateway, key, text):
    path = "/demo/v1/chat/completions"
    gateway.chat_stream(key, text, "demo-chat", path=path)
    plain = gateway.chat(key, text, "demo-chat", path=path)
    assert not is_hit(plain) and plain.json()["usage"]["prompt_tokens"] > 0
    assert cache_status(plain)["fwd"] == "miss"


def test_a_hit_is_streamed_at_once(gateway, key, text):
    gateway.chat_stream(key, text, "demo/demo-slow-stream-20")
    begun = time.monotonic()
    replay = gateway.chat_stream(key, text, "demo/demo-slow-stream-20")
    assert_hit(replay)
    assert time.monotonic() - begun < 0.15


def test_events_arrive_as_the_provider_sends_them(gateway, key, text):
    arrivals = []
    with gateway.client.stream(
        "POST", "/v1/chat/completions", content=chat_body(text, "demo/demo-slow-stream-50", stream=True),
        headers={"Authorization": f"Bearer {key}"},
    ) as response:
        for _ in response.iter_lines():
            arrivals.append(time.monotonic())
    distinct = sorted({round(moment, 2) for moment in arrivals})
    assert len(distinct) >= 5, "the stream was buffered"
    assert arrivals[-1] - arrivals[0] > 0.2


def test_the_first_bytes_of_a_miss_are_not_held_back_by_the_cache(gateway, demo, key, text):
    """X5: time to first token with the cache on."""
    name = unique("w")
    with gateway.client.stream(
        "POST", "/v1/chat/completions", content=chat_body(text, f"demo/demo-wait-stream-{name}", stream=True),
        headers={"Authorization": f"Bearer {key}"},
    ) as response:
        lines = response.iter_lines()
        assert next(lines).startswith("data: ")
        demo.release(name)
        rest = list(lines)
    assert "data: [DONE]" in rest


def test_odd_but_legal_framing_is_understood_and_passed_on(gateway, key, text):
    native = gateway.chat_stream(key, text, "demo-sse-odd", path="/demo/v1/chat/completions")
    assert native.events[-1] == "[DONE]" and ": odd\r\n" in native.text  # byte for byte
    unified = gateway.chat_stream(key, text + "u", "demo/demo-sse-odd")
    assert text in stream_text(unified.events) and unified.events[-1] == "[DONE]"
    again = gateway.chat(key, text + "u", "demo/demo-sse-odd")
    assert_hit(again)
    assert again.json()["choices"][0]["message"]["content"] == stream_text(unified.events)


def test_no_comment_or_heartbeat_is_added(gateway, key, text):
    response = gateway.chat_stream(key, text, "demo/demo-slow-stream-20")
    assert not [line for line in response.text.splitlines() if line.startswith(":")]


def test_small_chunks_are_not_delayed_by_nagle(gateway, key, text):
    """X14: with delayed ACKs each of the events would cost 40 ms."""
    begun = time.monotonic()
    response = gateway.chat_stream(key, text + " " + "word " * 60, "demo/demo-slow-stream-1")
    events = len(response.events)
    assert events > 10 and time.monotonic() - begun < events * 0.02


NOT_STORED = [
    "demo-cut-stream", "demo-rst-stream", "demo-no-done", "demo-error-event", "demo-length", "demo-content-filter", "demo-cut-chunked",
]


@pytest.mark.parametrize("model", NOT_STORED)
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses", "/v1/messages", "gemini"])
def test_a_stream_that_did_not_end_cleanly_is_never_stored(gateway, demo, key, text, model, path):
    def ask():
        if path == "gemini":
            url = f"/v1beta/models/demo/{model}:streamGenerateContent?alt=sse"
            body = {"contents": [{"role": "user", "parts": [{"text": text}]}]}
        else:
            url, body = path, {"model": f"demo/{model}", "stream": True}
            body |= {"input": text} if path.endswith("responses") else {"messages": [{"role": "user", "content": text}]}
            if path.endswith("messages"):
                body["max_tokens"] = 100
        try:
            return gateway.post(url, key, body, {"cf-aig-max-attempts": "1"})
        except httpx.TransportError:
            return None

    first, second = ask(), ask()
    assert demo.calls(text) == 2
    for response in (first, second):
        if response is not None:
            assert not is_hit(response)


@pytest.mark.parametrize("model", ["demo-cut-stream-5", "demo-rst-stream-5", "demo-no-done"])  # five events: after the first token
def test_a_broken_unified_stream_ends_in_an_error_event_and_no_forged_end(gateway, key, text, model):
    """C5, C6, C7: the error is told, and neither [DONE] nor a last chunk is made up."""
    def read(path, body):
        with Raw(gateway.data_address) as raw:
            raw.send(request_bytes(path=path, key=key, body=body))
            data = raw.read()
        assert raw.is_closed and data.startswith(b"HTTP/1.1 200") and not data.endswith(b"0\r\n\r\n")
        return data

    data = read("/v1/chat/completions", chat_body(text, f"demo/{model}", stream=True))
    assert b'"upstream_error"' in data and b"[DONE]" not in data
    data = read("/v1/messages", chat_body(text, f"demo/{model}", stream=True, max_tokens=99))
    assert b"event: error" in data and b'"type":"error"' in data.replace(b": ", b":") and b"message_stop" not in data


def test_a_cut_native_stream_is_passed_on_as_a_cut(gateway, key, text):
    with Raw(gateway.data_address) as raw:
        raw.send(request_bytes(path="/demo/v1/chat/completions", key=key, body=chat_body(text, "demo-cut-stream", stream=True)))
        data = raw.read()
    assert raw.is_closed
    assert data.count(b"data: ") == 3 and b"[DONE]" not in data and b"error" not in data
    assert not data.endswith(b"0\r\n\r\n"), "the gateway forged an orderly end"


def test_an_event_over_the_limit_ends_the_stream(gateway, key, text):
    assert "[DONE]" not in gateway.chat_stream(key, text, "demo/demo-big-event-3000000").events
    assert gateway.chat_stream(key, text, "demo/demo-big-event-100000").events[-1] == "[DONE]"


def test_usage_that_makes_no_sense_does_no_harm(gateway, key, text):
    for model in ("demo/demo-usage-absurd", "demo/demo-usage-missing"):
        assert gateway.chat(key, text, model).status_code == 200
        assert gateway.chat_stream(key, text + "s", model).events[-1] == "[DONE]"


def test_an_encoded_answer_passes_through_unstored(gateway, key, text):
    for _ in range(2):
        response = gateway.chat(key, text, "demo/demo-gzip")
        assert text in response.json()["choices"][0]["message"]["content"]  # httpx undoes the encoding
        assert not is_hit(response)


def test_identity_is_asked_of_the_provider_unless_the_client_forbids_it(gateway, demo, key, text):
    response = gateway.chat(key, text, headers={"Accept-Encoding": "gzip, br"})
    assert_stored(response)
    asked = dict((name.lower(), value) for name, value in demo.requests(text)[0]["headers"])
    assert asked["accept-encoding"] == "identity"
    assert "content-encoding" not in response.headers
    other = gateway.chat(key, text + "g", headers={"Accept-Encoding": "gzip, identity;q=0"})
    assert other.headers["content-encoding"] == "gzip"
    assert reason(other) == "content-encoding"
    assert not is_hit(gateway.chat(key, text + "g"))
