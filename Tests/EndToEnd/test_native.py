"""Native passthrough: method, path, query and body unchanged both ways."""

import gzip
import json

import httpx
import pytest

from harness import Raw, assert_hit, chat_body, is_hit, request_bytes, unique


def raw_exchange(address, request):
    with Raw(address) as raw:
        raw.send(request)
        return raw.read_response()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path, model, fields", [
    ("/v1/chat/completions", "demo-chat", {}), ("/v1/responses", "demo-chat", {}), ("/v1/messages", "demo-chat", {"max_tokens": 50}),
    ("/v1/completions", "demo-chat", {}), ("/v1/chat/completions", "demo-sse-odd", {}),
])
def test_the_answer_is_the_provider_s_byte_for_byte(gateway, demo, key, text, path, model, fields, stream):
    value = {"model": model, "stream": stream, "messages": [{"role": "user", "content": text}], "input": text, "prompt": text, **fields}
    body = json.dumps(value, indent=2).encode() + b" \n"
    header = [f"X-Demo-Id: {unique()}"]
    direct = raw_exchange(("127.0.0.1", demo.port), request_bytes(path=path, key="x", body=body, headers=header))
    through = raw_exchange(gateway.data_address, request_bytes(path="/demo" + path, key=key, body=body, headers=header))
    assert through[0] == direct[0] == 200
    assert through[2] == direct[2]
    assert through[1]["content-type"] == direct[1]["content-type"]


def test_the_provider_gets_body_path_and_query_as_they_were_sent(gateway, demo, key, text):
    body = b'{ "messages":[{"content":"' + text.encode() + b'\\u00e9 \xc3\xa9","role":"user"}],\t"model" : "demo-chat","x":1.50 }'
    response = gateway.client.post(
        "/demo/v1/chat/completions?b=2&a=%7E1&&c", content=body, headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"})
    assert response.status_code == 200
    seen = demo.requests(text)[0]
    assert seen["body"] == body and seen["target"] == "/v1/chat/completions?b=2&a=%7E1&&c" and seen["method"] == "POST"


def test_the_version_prefix_is_added_only_when_it_lacks(gateway, demo, key, text):
    for path in ("/demo/chat/completions", "/demo/v1/chat/completions"):
        gateway.chat(key, text + path, "demo-chat", path=path)
    gateway.post("/demo/v1beta/models/demo-chat:generateContent", key, {"contents": [{"parts": [{"text": text}]}]})
    assert [request["target"] for request in demo.requests(text)] == [
        "/v1/chat/completions", "/v1/chat/completions", "/v1beta/models/demo-chat:generateContent"]


def test_headers_change_only_as_the_contract_says(gateway, demo, key, text):
    response = gateway.chat(key, text, "demo-chat", path="/demo/v1/chat/completions", headers={
        "X-Custom": "kept", "User-Agent": "app/1", "Connection": "x-drop, keep-alive", "X-Drop": "1", "Cookie": "a=b",
        "X-Forwarded-For": "1.2.3.4", "X-Real-IP": "1.2.3.4", "Forwarded": "for=1.2.3.4", "OpenAI-Organization": "org",
        "OpenAI-Project": "p", "TE": "trailers", "Proxy-Authorization": "x",
    })
    assert response.status_code == 200
    seen = {name.lower(): value for name, value in demo.requests(text)[0]["headers"]}
    assert seen["x-custom"] == "kept" and seen["user-agent"] == "app/1" and seen["host"] == f"127.0.0.1:{demo.port}"
    for gone in ("x-drop", "cookie", "te", "proxy-authorization", "x-real-ip", "forwarded", "cf-aig-authorization"):
        assert gone not in seen, gone
    assert seen.get("x-forwarded-for") != "1.2.3.4"
    assert key not in json.dumps(seen)


def test_cookies_and_hop_by_hop_fields_of_the_provider_stop_here(gateway, key, text):
    response = gateway.chat(key, text, "demo-set-cookie", path="/demo/v1/chat/completions")
    assert response.status_code == 200
    assert "set-cookie" not in response.headers and "x-hop" not in response.headers


def test_a_gzipped_request_body_goes_through_unread_and_uncached(gateway, demo, key, text):
    body = gzip.compress(chat_body(text, "demo-chat"))
    response = gateway.client.post(
        "/demo/v1/chat/completions", content=body,
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json", "Content-Encoding": "gzip"})
    # A body that must be scanned can't be encoded: 415, and nothing went upstream.
    assert response.status_code == 415 and response.json()["error"]["code"]
    assert demo.calls(text) == 0


@pytest.mark.parametrize("status", [400, 404, 422, 429, 500, 503])
def test_a_provider_s_error_is_its_own_body(gateway, demo, key, text, status):
    body = chat_body(text, f"demo-fail-{status}")
    direct = httpx.post(f"{demo.url}/v1/chat/completions", content=body, trust_env=False)
    through = gateway.post("/demo/v1/chat/completions", key, body, {"cf-aig-max-attempts": "1"})
    assert (through.status_code, through.content) == (direct.status_code, direct.content)


def test_retry_after_of_the_provider_is_passed_on(gateway, key, text):
    response = gateway.chat(key, text, "demo/demo-fail-429-after-7", headers={"cf-aig-max-attempts": "1"})
    assert response.status_code == 429 and response.headers["retry-after"] == "7"


def test_an_unlisted_operation_needs_a_grant(gateway, demo, key, text):
    response = gateway.post("/demo/v1/files", key, {"text": text})
    assert response.status_code == 403 and response.json()["error"]["code"] == "path_not_allowed"
    assert demo.calls(text) == 0


def test_moderations_are_forwarded_and_not_cached(gateway, demo, key, text):
    for _ in range(2):
        response = gateway.post("/demo/v1/moderations", key, {"model": "demo-chat", "input": text})
        assert response.json()["results"][0]["flagged"] is False
        assert not is_hit(response)
    assert demo.calls(text) == 2


def test_count_and_models_go_through(gateway, key, text):
    counted = gateway.post("/demo/v1beta/models/demo-chat:countTokens", key, {"contents": [{"parts": [{"text": text}]}]})
    assert counted.json() == {"totalTokens": (len(text) + 3) // 4}
    listed = gateway.client.get("/demo/v1/models", headers={"Authorization": f"Bearer {key}"})
    assert listed.json()["data"][0]["id"] == "demo-chat"


def test_a_large_body_and_a_large_answer_pass_whole(gateway, demo, key, text):
    big = text + "x" * 3_000_000
    response = gateway.chat(key, big, "demo-big-5000000", path="/demo/v1/chat/completions")
    assert len(response.json()["choices"][0]["message"]["content"]) == 5_000_000
    assert not is_hit(gateway.chat(key, big, "demo-big-5000000", path="/demo/v1/chat/completions"))


def test_chunked_requests_are_as_good_as_counted_ones(gateway, key, text):
    body = chat_body(text)
    head = request_bytes(key=key, headers=["Transfer-Encoding: chunked", "Content-Type: application/json"], length=False)
    pieces = b"".join(b"%x;ext=1\r\n%s\r\n" % (len(body[i:i + 7]), body[i:i + 7]) for i in range(0, len(body), 7)) + b"0\r\nTrailer: x\r\n\r\n"
    status, headers, answer = raw_exchange(gateway.data_address, head + pieces)
    assert status == 200 and text.encode() in answer
    assert_hit(gateway.post("/v1/chat/completions", key, body))
