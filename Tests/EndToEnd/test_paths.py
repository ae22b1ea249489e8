"""What each path means, and what the wrong one says."""

import json

import pytest

from harness import Raw, request_bytes

MESSAGES = [{"role": "user", "content": "x"}]


def test_health_and_readiness_need_no_key_and_say_nothing_else(gateway):
    for path in ("/healthz", "/readyz"):
        response = gateway.client.get(path)
        assert response.status_code == 200 and "cache-status" not in response.headers


@pytest.mark.parametrize("path", ["/", "/favicon.ico", "/v2/chat/completions", "/nowhere/v1/chat/completions", "/v1/acc/gw/nowhere/v1/x", "/weir", "/compat"])
def test_an_unknown_path_is_404_with_a_hint(gateway, key, path):
    response = gateway.post(path, key, {"model": "m"})
    assert response.status_code == 404
    assert response.json()["error"]["code"] and response.json()["error"]["message"]


@pytest.mark.parametrize("path", ["/v1/v1/chat/completions", "/v1/v1/models", "/v1/v1/messages", "/v1beta/v1beta/models/x:generateContent"])
def test_a_doubled_prefix_names_the_right_base(gateway, key, path):
    response = gateway.post(path, key, {"model": "m"})
    assert response.status_code == 404 and "base" in response.text.lower()


@pytest.mark.parametrize("method, path", [
    ("GET", "/v1/responses/resp_1"), ("DELETE", "/v1/responses/resp_1"), ("POST", "/v1/responses/resp_1/cancel"), ("POST", "/v1/messages/batches"),
    ("GET", "/v1/messages/batches/b"), ("POST", "/v1/files"), ("GET", "/v1/files"), ("POST", "/v1/batches"),
])
def test_stateful_calls_of_the_unified_surface_are_501_and_name_the_native_path(gateway, key, method, path):
    response = gateway.client.request(method, path, headers={"Authorization": f"Bearer {key}"}, content=b"{}" if method == "POST" else None)
    assert response.status_code == 501 and "/{provider}/" in response.text.replace("openai", "{provider}").replace("anthropic", "{provider}")


@pytest.mark.parametrize("method, path", [
    ("GET", "/v1/chat/completions"), ("DELETE", "/v1/models"), ("PUT", "/v1/embeddings"), ("POST", "/healthz"), ("GET", "/v1/messages"),
])
def test_a_wrong_method_is_405(gateway, key, method, path):
    response = gateway.client.request(method, path, headers={"Authorization": f"Bearer {key}"})
    assert response.status_code == 405 and response.headers["allow"]


@pytest.mark.parametrize("account", ["chat", "responses", "completions", "embeddings", "models", "messages", "files", "batches", "moderations", "audio", "images"])
def test_reserved_words_are_no_account(gateway, key, account):
    response = gateway.post(f"/v1/{account}/gw/demo/v1/chat/completions", key, {"model": "demo-chat", "messages": MESSAGES})
    assert response.status_code in (404, 405, 501)


@pytest.mark.parametrize("path", [
    "/demo/../admin", "/demo/v1/../../keys", "/demo/%2e%2e/keys", "/demo//v1/chat/completions", "/demo/v1/chat/completions;x=1", "/demo/v1/%2e%2e/files",
    "//demo/v1/chat/completions", "/./demo/v1/chat/completions", "/demo/v1/chat%2fcompletions",
])
def test_path_tricks_reach_nothing_they_should_not(gateway, demo, key, text, path):
    body = json.dumps({"model": "demo-chat", "messages": [{"role": "user", "content": text}]}).encode()
    with Raw(gateway.data_address) as raw:
        raw.send(request_bytes(path=path, key=key, body=body))
        status = raw.read_response()[0]
    assert status in (400, 403, 404), status
    assert demo.calls(text) == 0


@pytest.mark.parametrize("path", ["/keys", "/tenants", "/stats", "/logs", "/metrics", "/cache/purge", "/config/reload"])
def test_the_admin_api_is_not_on_the_data_port(gateway, path):
    headers = {"Authorization": f"Bearer {gateway.admin_token}"}
    assert gateway.client.get(path, headers=headers).status_code in (401, 404)
    assert gateway.client.post(path, headers=headers).status_code in (401, 404)


@pytest.mark.parametrize("method, path", [
    ("GET", "/keys"), ("POST", "/keys"), ("GET", "/tenants"), ("POST", "/cache/purge"), ("POST", "/config/reload"), ("GET", "/%6beys"), ("GET", "//keys"),
    ("GET", "/keys;a"), ("GET", "/./keys"),
])
def test_the_admin_port_wants_its_own_token(gateway, key, method, path):
    import httpx

    for headers in ({}, {"Authorization": f"Bearer {key}"}, {"Authorization": "Bearer x"}, {"Host": "evil.example"}):
        response = httpx.request(method, gateway.admin_url + path, headers=headers, trust_env=False)
        assert response.status_code in (400, 401, 403, 404, 421), (headers, response.status_code)
        assert "wk_" not in response.text


def test_an_unsupported_dialect_names_the_path_that_works(gateway, key):
    response = gateway.post("/v1/messages", key, {"model": "other/demo-chat", "max_tokens": 9, "messages": MESSAGES})
    assert response.status_code == 501 and "dialect_not_supported" in response.text


@pytest.mark.parametrize("model", ["demo-chat", "", "demo/", "/demo-chat", "nowhere/x", "demo", "no-such-alias"])
def test_a_model_that_names_no_target_is_a_clear_error(gateway, key, model):
    response = gateway.chat(key, "x", model)
    assert response.status_code in (400, 404)
    assert response.json()["error"]["param"] == "model" or response.json()["error"]["code"]


def test_universal_and_custom_slugs(gateway, key, text):
    response = gateway.chat(key, text, "demo-chat", path="/v1/acc/gw/custom-demo/v1/chat/completions")
    assert response.status_code == 200 and text in response.text


@pytest.mark.parametrize("origin", ["https://evil.example"])
def test_a_browser_from_elsewhere_gets_no_cors(gateway, key, origin):
    response = gateway.client.options("/v1/chat/completions", headers={"Origin": origin, "Access-Control-Request-Method": "POST"})
    assert "access-control-allow-origin" not in response.headers
