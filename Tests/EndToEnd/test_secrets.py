"""Canaries: no key, prompt or answer in a log, a file or an error (S4), and no provider's key at another's door (P9)."""

import json

from harness import OTHER_PROVIDER_KEY, PROVIDER_KEY, unique


def everything_written(gateway):
    """(place, bytes) of all that the gateway wrote: logs, stores, what the admin port tells."""
    for file in sorted(gateway.folder.rglob("*")):
        if file.is_file() and file.name not in ("demo.key", "admin.token", "weir.yaml"):
            yield str(file), file.read_bytes()
    for path in ("/keys", "/tenants", "/stats", "/metrics", "/logs", "/"):
        response = gateway.admin("GET", path)
        yield f"GET {path}", response.content + json.dumps(dict(response.headers)).encode()


def test_no_secret_reaches_any_sink(start_gateway, demo):
    gateway = start_gateway({"log": {"level": "trace", "format": "json"}})
    marks = {name: unique(f"canary-{name}") for name in ("prompt", "header", "query", "model", "badkey", "clientkey", "metadata")}
    key = gateway.create_key()
    answers = []

    def keep(response):
        answers.append(response.content + json.dumps(dict(response.headers)).encode())
        return response

    def ask(model, headers=None, **fields):
        return keep(gateway.chat(key, marks["prompt"], model, headers=headers, **fields))

    for model in ("demo-chat", "demo-fail-500", "demo-fail-401", "demo-echo-key", "demo-cut-body", "demo-rst", "demo-redirect", "demo-error-in-200"):
        ask(f"demo/{model}", {"X-Custom": marks["header"], "cf-aig-max-attempts": "1"})
        keep(gateway.chat_stream(key, marks["prompt"], f"demo/{model}", {"cf-aig-max-attempts": "1"}))
    keep(gateway.post(f"/demo/v1/chat/completions?secret={marks['query']}", key, {"model": "demo-chat", "messages": []}))
    ask(f"demo/{marks['model']}")
    ask(f"{marks['model']}/x")
    keep(gateway.chat(f"wk_{marks['badkey']}", "x"))
    ask("demo/demo-chat", {"cf-aig-authorization": f"Bearer {key}", "Authorization": f"Bearer sk-{marks['clientkey']}"})
    keep(gateway.post("/v1/chat/completions", key, b'{"model": "demo/demo-chat", "x": "' + marks["prompt"].encode() + b'" oops}'))
    ask("demo/demo-chat", {"cf-aig-metadata": json.dumps({"user": marks["metadata"]})})
    gateway.stop()
    gateway.start()

    # The answers and prompts of clients may stand in the cache's own file and nowhere else.
    for place, data in everything_written(gateway):
        for name, secret in (("provider key", PROVIDER_KEY), ("virtual key", key), ("bad key", marks["badkey"]), ("client key", marks["clientkey"])):
            assert secret.encode() not in data, f"{name} in {place}"
        if "/cache/" not in place:
            for name in ("prompt", "header", "query"):
                assert marks[name].encode() not in data, f"{name} in {place}"
    for answer in answers:
        for secret in (PROVIDER_KEY, key, marks["badkey"], marks["clientkey"]):
            assert secret.encode() not in answer


def test_a_provider_that_echoes_our_key_does_not_tell_the_client(gateway, key, text):
    """Q8."""
    for path, model in (("/v1/chat/completions", "demo/demo-echo-key"), ("/demo/v1/chat/completions", "demo-echo-key")):
        response = gateway.chat(key, text, model, path=path)
        assert response.status_code == 400
        assert PROVIDER_KEY not in response.text and key not in response.text


def test_each_provider_gets_its_own_key_only(gateway, demo, text):
    tenant_key = gateway.create_key()
    for index in range(60):
        provider = ("demo", "other")[index % 2]
        gateway.chat(tenant_key, f"{text} {provider} {index}", f"{provider}/demo-chat")
    for request in demo.requests(text):
        wanted, other = (PROVIDER_KEY, OTHER_PROVIDER_KEY) if b"demo " in request["body"].split(text.encode())[1][:6] else (OTHER_PROVIDER_KEY, PROVIDER_KEY)
        headers = json.dumps(request["headers"])
        assert wanted in headers and other not in headers and tenant_key not in headers


def test_logs_are_one_json_object_a_line_and_escape_what_clients_send(gateway, key):
    """Q4."""
    gateway.chat(key, "x", 'demo/a"}\n{"injected":true}\x1b[31m')
    gateway.client.get("/x%0a%7b%22injected%22%3atrue%7d", headers={"Authorization": f"Bearer {key}", "User-Agent": 'a"} {"b'})
    lines = [line for line in gateway.process.text().splitlines() if line.strip()]
    assert len(lines) > 2
    for line in lines:
        value = json.loads(line)
        assert isinstance(value, dict) and "injected" not in value and "\x1b" not in line
