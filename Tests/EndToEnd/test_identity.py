"""Who may call, and as whom: keys in every header, limits of a key, changes that act at once (group O)."""

import time

import httpx
import pytest

from harness import PROVIDER_KEY, Raw, assert_stored, chat_body, request_bytes, unique, wait_until

CHAT = "/v1/chat/completions"


def ask(gateway, headers, text=None, path=CHAT):
    return gateway.client.post(path, content=chat_body(text or unique()), headers={"Content-Type": "application/json", **headers})


@pytest.mark.parametrize("name, form", [
    ("Authorization", "Bearer {}"), ("authorization", "bearer {}"), ("x-api-key", "{}"), ("api-key", "{}"), ("x-goog-api-key", "{}"),
    ("cf-aig-authorization", "Bearer {}"),
])
def test_a_key_is_taken_from_every_header_that_sdks_use(gateway, key, name, form):
    assert ask(gateway, {name: form.format(key)}).status_code == 200


def refusals():
    good = "wk_" + "A" * 43
    return {
        "missing": {}, "empty": {"Authorization": ""}, "scheme only": {"Authorization": "Bearer"}, "wrong scheme": {"Authorization": f"Basic {good}"},
        "unknown": {"Authorization": f"Bearer {good}"}, "short": {"Authorization": "Bearer wk_"}, "long": {"Authorization": "Bearer wk_" + "a" * 4000},
        "foreign key": {"Authorization": "Bearer sk-1234567890"}, "quotes": {"Authorization": f'Bearer "{good}"'}, "in x-api-key": {"x-api-key": good},
        "two words": {"Authorization": f"Bearer {good} {good}"},
    }


@pytest.mark.parametrize("headers", refusals().values(), ids=refusals().keys())
def test_no_good_key_is_401_in_the_dialect_s_shape_and_asks_nobody(gateway, demo, text, headers):
    response = ask(gateway, headers, text)
    assert response.status_code == 401
    assert response.json()["error"]["type"] and response.json()["error"]["code"] and response.json()["error"]["message"]
    assert demo.calls(text) == 0
    google = gateway.client.post("/v1beta/models/demo/demo-chat:generateContent", content=b"{}", headers=headers)
    assert google.status_code == 401 and google.json()["error"]["status"] == "UNAUTHENTICATED"
    anthropic = gateway.client.post("/v1/messages", content=b"{}", headers=headers)
    assert anthropic.status_code == 401 and anthropic.json()["type"] == "error"


def test_all_unknown_keys_get_the_same_body(gateway):
    def body(headers):
        value = ask(gateway, headers).json()["error"]
        return {name: value[name] for name in ("type", "code")}

    assert body({"Authorization": "Bearer wk_" + "A" * 43}) == body({"Authorization": "Bearer wk_" + "B" * 43})


def test_a_key_with_one_character_changed_anywhere_is_refused(gateway, key):
    for place in range(3, len(key), 5):
        changed = key[:place] + ("A" if key[place] != "A" else "B") + key[place + 1:]
        assert ask(gateway, {"Authorization": f"Bearer {changed}"}).status_code == 401
    assert ask(gateway, {"Authorization": f"Bearer {key[:-1]}"}).status_code == 401
    assert ask(gateway, {"Authorization": f"Bearer {key}x"}).status_code == 401


def test_two_different_keys_are_401_and_the_same_key_twice_is_fine(gateway, key):
    other = gateway.create_key()
    assert ask(gateway, {"Authorization": f"Bearer {key}", "x-api-key": other}).status_code == 401
    assert ask(gateway, {"Authorization": f"Bearer {key}", "x-api-key": key}).status_code == 200


def test_two_authorization_headers_are_refused(gateway, key):
    with Raw(gateway.data_address) as raw:
        raw.send(request_bytes(key=key, body=chat_body("x"), headers=["Authorization: Bearer wk_" + "A" * 43]))
        assert raw.read_response()[0] in (400, 401)


def test_a_non_ascii_or_huge_key_is_refused_quickly(gateway):
    for value in (b"Bearer wk_\xff\xfe", b"Bearer wk_" + b"\xc3\xa9" * 20):
        with Raw(gateway.data_address) as raw:
            raw.send(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nAuthorization: " + value + b"\r\n\r\n")
            assert raw.read_response()[0] in (400, 401)


def test_a_provider_key_of_the_sdk_is_dropped(gateway, demo, key, text):
    assert ask(gateway, {"cf-aig-authorization": f"Bearer {key}", "Authorization": "Bearer sk-the-clients-own"}, text).status_code == 200
    seen = {name.lower(): value for name, value in demo.requests(text)[0]["headers"]}
    assert seen["authorization"] == f"Bearer {PROVIDER_KEY}"
    assert "sk-the-clients-own" not in str(seen)


def test_401_comes_before_404_and_404_names_only_what_the_key_may_use(gateway, text):
    assert gateway.client.post("/nowhere/v1/chat/completions", content=b"{}").status_code == 401
    limited = gateway.create_key(models="demo/demo-chat")
    response = gateway.chat(limited, text, "nowhere/none")
    assert response.status_code == 404 and "demo-reasoning" not in response.text


def test_a_model_that_is_not_allowed_is_403_on_every_path(gateway, demo, text):
    """O14: a guard skipped because one path had another name."""
    limited = gateway.create_key(models="demo/demo-chat")
    assert gateway.chat(limited, text + " ok").status_code == 200
    bad = "demo-reasoning"
    message = [{"role": "user", "content": text}]
    content = {"contents": [{"parts": [{"text": text}]}]}
    calls = [
        ("/v1/chat/completions", {"model": f"demo/{bad}", "messages": message}),
        ("/v1/chat/completions", {"model": f"demo/{bad}", "messages": message, "stream": True}),
        ("/v1/completions", {"model": f"demo/{bad}", "prompt": text}), ("/v1/responses", {"model": f"demo/{bad}", "input": text}),
        ("/v1/embeddings", {"model": f"demo/{bad}", "input": text}),
        ("/v1/messages", {"model": f"demo/{bad}", "max_tokens": 9, "messages": message}),
        ("/v1/messages/count_tokens", {"model": f"demo/{bad}", "messages": message}),
        (f"/v1beta/models/demo/{bad}:generateContent", content), (f"/v1/models/demo%2F{bad}:streamGenerateContent?alt=sse", content),
        ("/demo/v1/chat/completions", {"model": bad, "messages": message}), ("/demo/v1/messages", {"model": bad, "max_tokens": 9, "messages": message}),
        (f"/demo/v1beta/models/{bad}:generateContent", content), ("/v1/acc/gw/demo/v1/responses", {"model": bad, "input": text}),
        ("/v1/acc/gw/compat/chat/completions", {"model": f"demo/{bad}", "messages": message}),
    ]
    for path, body in calls:
        response = gateway.post(path, limited, body)
        assert response.status_code == 403, f"{path}: {response.status_code}"
    assert demo.calls(text) == 1
    listed = gateway.client.get("/v1/models", headers={"Authorization": f"Bearer {limited}"}).json()["data"]
    assert {model["id"] for model in listed} <= {"demo/demo-chat", "plain", "tools", "uncached", "brief"}


def test_a_fallback_route_does_not_open_a_forbidden_model(gateway, text):
    limited = gateway.create_key(models="demo/demo-reasoning")
    assert gateway.chat(limited, text, "plain").status_code in (403, 404)


def test_an_expired_key_is_401(gateway):
    assert ask(gateway, {"Authorization": f"Bearer {gateway.create_key(expires='30d')}"}).status_code == 200
    short = gateway.create_key(expires="1s")
    wait_until(lambda: ask(gateway, {"Authorization": f"Bearer {short}"}).status_code == 401, 5, "expiry")


def test_an_address_that_is_not_allowed_is_refused(gateway):
    assert ask(gateway, {"Authorization": f"Bearer {gateway.create_key(allow_ip='127.0.0.0/8')}"}).status_code == 200
    response = ask(gateway, {"Authorization": f"Bearer {gateway.create_key(allow_ip='10.0.0.0/8')}", "X-Forwarded-For": "10.1.2.3"})
    assert response.status_code in (401, 403) and response.json()["error"]["code"]


def key_id(gateway, tenant):
    return next(entry["id"] for entry in gateway.keys() if entry["tenant"] == tenant)


def test_a_revoked_key_is_refused_within_a_second_and_running_streams_go_on_or_end(gateway, demo, text):
    tenant, name = unique("tenant"), unique("w")
    key = gateway.create_key(tenant)
    with gateway.client.stream(
        "POST", CHAT, content=chat_body(text, f"demo/demo-wait-stream-{name}", stream=True), headers={"Authorization": f"Bearer {key}"}
    ) as response:
        assert response.status_code == 200
        gateway.weir("keys", "revoke", key_id(gateway, tenant))
        begun = time.monotonic()
        # Every loop must know: fresh connections spread over them.
        for _ in range(12):
            with httpx.Client(base_url=gateway.url, trust_env=False) as fresh:
                while fresh.post(CHAT, content=chat_body("x"), headers={"Authorization": f"Bearer {key}"}).status_code != 401:
                    assert time.monotonic() - begun < 1.0, "a revoked key still works"
        demo.release(name)
        response.read()


def test_a_rotated_key_works_at_once_and_the_old_one_no_longer(gateway):
    tenant = unique("tenant")
    old = gateway.create_key(tenant)
    new = gateway.weir("keys", "rotate", key_id(gateway, tenant)).strip()
    assert new.startswith("wk_") and new != old
    for _ in range(8):
        with httpx.Client(base_url=gateway.url, trust_env=False) as fresh:
            assert fresh.post(CHAT, content=chat_body("x"), headers={"Authorization": f"Bearer {new}"}).status_code == 200
    wait_until(lambda: ask(gateway, {"Authorization": f"Bearer {old}"}).status_code == 401, 1.5, "the old key's end")


def test_a_new_key_works_on_every_loop_when_create_returns(gateway):
    for _ in range(3):
        key = gateway.create_key()
        for _ in range(6):
            with httpx.Client(base_url=gateway.url, trust_env=False) as fresh:
                assert fresh.get("/v1/models", headers={"Authorization": f"Bearer {key}"}).status_code == 200


def test_a_tenant_deleted_and_made_again_sees_nothing_old(gateway, text):
    tenant = unique("tenant")
    assert_stored(gateway.chat(gateway.create_key(tenant), text))
    gateway.weir("tenants", "delete", tenant)
    assert_stored(gateway.chat(gateway.create_key(tenant), text))


def test_keys_stand_in_no_file_and_no_list(gateway):
    tenant = unique("tenant")
    key = gateway.create_key(tenant)
    listed = gateway.weir("keys", "list") + gateway.weir("keys", "list", "--json")
    assert tenant in listed and key not in listed and key[3:20] not in listed
    for file in gateway.data.rglob("*"):
        if file.is_file() and file.name != "demo.key":
            assert key.encode() not in file.read_bytes(), file


@pytest.fixture(scope="module")
def policies(demo, tmp_path_factory):
    """Tenants of the configuration, one for each policy of provider credentials."""
    from harness import Gateway

    keys = {name: f"wk_{name * 43}"[:46] for name in ("own", "either")}
    gateway = Gateway(demo, tmp_path_factory.mktemp("policies"), {
        "tenants": {"own": {"provider_keys": "client"}, "either": {"provider_keys": "either"}},
        "keys": {name: {"tenant": name, "key": f"env:KEY_{name.upper()}"} for name in keys},
    })
    gateway.environment.update({f"KEY_{name.upper()}": value for name, value in keys.items()})
    gateway.policy_keys = keys
    gateway.start()
    yield gateway
    gateway.stop()


def sent_key(demo, text):
    return [{name.lower(): value for name, value in request["headers"]}.get("authorization") for request in demo.requests(text)]


def test_the_client_s_own_provider_key_goes_to_the_named_provider(policies, demo, text):
    headers = {"cf-aig-authorization": f"Bearer {policies.policy_keys['own']}", "Authorization": "Bearer sk-mine"}
    assert ask(policies, headers, text).status_code == 200
    assert sent_key(demo, text) == ["Bearer sk-mine"]


def test_without_a_provider_key_a_client_key_tenant_is_refused(policies, demo, text):
    response = ask(policies, {"cf-aig-authorization": f"Bearer {policies.policy_keys['own']}"}, text)
    assert response.status_code in (400, 401) and response.json()["error"]["code"] and demo.calls(text) == 0


def test_either_takes_the_client_s_key_and_else_the_operator_s(policies, demo, text):
    virtual = {"cf-aig-authorization": f"Bearer {policies.policy_keys['either']}"}
    assert ask(policies, {**virtual, "Authorization": "Bearer sk-mine"}, text).status_code == 200
    assert ask(policies, virtual, text + " 2").status_code == 200
    assert sent_key(demo, text) == ["Bearer sk-mine", f"Bearer {PROVIDER_KEY}"]


def test_another_client_credential_is_another_cache_scope(policies, demo, text):
    virtual = {"cf-aig-authorization": f"Bearer {policies.policy_keys['own']}"}
    assert_stored(ask(policies, {**virtual, "Authorization": "Bearer sk-one"}, text))
    assert_stored(ask(policies, {**virtual, "Authorization": "Bearer sk-two"}, text))
    assert demo.calls(text) == 2


def test_a_client_s_own_401_is_shown_to_it(policies, text):
    virtual = {"cf-aig-authorization": f"Bearer {policies.policy_keys['own']}", "Authorization": "Bearer sk-mine"}
    response = policies.client.post(CHAT, content=chat_body(text, "demo/demo-fail-401"), headers=virtual)
    assert response.status_code == 401 and "fails with 401" in response.text


def test_keys_of_the_configuration_are_read_only(policies):
    listed = policies.keys()
    entry = next(entry for entry in listed if entry["tenant"] == "own")
    result = policies.weir_unchecked("keys", "revoke", entry["id"])
    assert result.status != 0 and "managed" in result.err


def test_prefix_and_host_tricks_change_nobody(gateway, key, text):
    """X15."""
    for headers in ({"Host": "127.0.0.1:8788"}, {"X-Forwarded-Host": "admin"}, {"X-Original-URL": "/keys"}, {"X-Rewrite-URL": "/keys"}):
        response = ask(gateway, {"Authorization": f"Bearer {key}", **headers}, text)
        assert response.status_code == 200 and text in response.text
