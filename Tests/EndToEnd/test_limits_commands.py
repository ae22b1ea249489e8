"""How limits are shown, and tried on recorded traffic: the admin port, GET /weir/usage, `weir limits show` and `weir limits simulate`."""

import json

import httpx
import pytest

from harness import ROOT, unique, wait_until

PRICES = {"prices_file": str(ROOT / "config" / "prices.yaml")}


def limits_of(listed):
    return {limit["name"]: limit for limit in listed["limits"]}


def key_id(gateway, tenant):
    return next(key["id"] for key in gateway.keys() if key["tenant"] == tenant)


def rows(gateway, tenant, count):
    """The log lines of a tenant's requests, once there are so many."""

    def found():
        lines = [json.loads(line) for line in gateway.process.text().splitlines() if line.startswith("{")]
        mine = [line for line in lines if line.get("tenant") == tenant and line["message"].startswith("Request ")]
        return mine if len(mine) >= count else None

    return wait_until(found, what=f"{count} log lines of {tenant}")


def recording(gateway, tenant, count):
    rows(gateway, tenant, count)
    return gateway.process.log


@pytest.fixture
def tenant():
    return unique("tenant")


@pytest.fixture
def simulate(gateway, tmp_path):
    """Replays lines (text or objects) and returns the report."""

    def run(lines, *arguments, config=None):
        file = tmp_path / "events.jsonl"
        file.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
        chosen = tmp_path / "other.yaml"
        chosen.write_text(json.dumps({"version": 1, "providers_file": gateway.config["providers_file"], **(config or {})}))
        result = gateway.command("limits", "simulate", "--config", chosen, "--log", file, "--json", *arguments)
        assert result.status == 0, result.err
        return json.loads(result.out)

    return run


def row(second, tenant="acme", **fields):
    return {"created_at": f"2026-03-01T12:00:{second:02d}.000Z", "duration": 0, "tenant": tenant, "provider": "demo", "status_code": 200, **fields}


# Showing


def test_show_tells_what_is_left_spent_and_refused(start_gateway, tenant, text):
    gateway = start_gateway(PRICES)
    key = gateway.create_key(tenant, requests="2/1h", tokens="5000/1h", budget="1/day", concurrency=3)
    assert [gateway.chat(key, f"{text} {index}", max_tokens=20).status_code for index in range(3)] == [200, 200, 429]
    shown = json.loads(gateway.weir("limits", "show", tenant, "--json"))
    assert (shown["scope"], shown["id"], shown["limits"]) == ("tenant", tenant, [])
    [of_key] = shown["keys"]
    limits = limits_of(of_key)
    requests, tokens, cost = limits["key-requests"], limits["key-tokens"], limits["key-cost"]
    assert (requests["remaining"], requests["spent"], requests["refused"], requests["per"]) == (0, 2, 1, "1h")
    assert 3590 <= requests["reset_seconds"] <= 3600
    assert tokens["remaining"] + tokens["spent"] == 5000 and tokens["outstanding"] == 0 and 0 < tokens["spent"] < 100
    assert cost["unit"] == "USD" and cost["amount"] == "1.00" and float(cost["spent"]) > 0 and cost["resets_at"].endswith("T00:00:00Z")
    assert limits["key-concurrency"]["remaining"] == 3 and limits["key-concurrency"]["per"] is None
    table = gateway.weir("limits", "show", tenant)
    line = next(line for line in table.splitlines() if "2 requests per 1h" in line)
    assert line.split()[:3] == ["key", of_key["id"], "key-requests"] and line.rstrip().endswith(" 1")
    assert gateway.weir("limits", "show", tenant, "--key", of_key["id"]).count("\n") == len(of_key["limits"]) + 1
    assert gateway.weir_unchecked("limits", "show", tenant, "--key", "key_nobody").status == 5
    assert gateway.weir_unchecked("limits", "show", unique()).status == 5


def test_a_key_of_another_tenant_is_not_shown_under_this_one(gateway, tenant):
    gateway.create_key(tenant, requests="2/1h")
    gateway.create_key(other := unique("tenant"), requests="2/1h")
    assert gateway.weir_unchecked("limits", "show", tenant, "--key", key_id(gateway, other)).status == 5


def test_without_a_gateway_show_tells_what_was_recorded(start_gateway, tenant, text):
    gateway = start_gateway(PRICES)
    key = gateway.create_key(tenant, requests="3/1d", budget="1/month")
    assert gateway.chat(key, text).status_code == 200
    before = limits_of(json.loads(gateway.weir("limits", "show", tenant, "--json"))["keys"][0])
    gateway.stop()
    after = limits_of(json.loads(gateway.weir("limits", "show", tenant, "--json"))["keys"][0])
    assert after["key-requests"]["remaining"] == before["key-requests"]["remaining"] == 2
    assert after["key-cost"]["spent"] == before["key-cost"]["spent"] != "0.00"


def test_the_admin_port_shows_limits_to_readers_and_only_of_what_there_is(start_gateway, tenant):
    gateway = start_gateway({"routes": {"narrow": {"targets": ["demo/demo-chat"], "limits": {"requests": "7/1m"}}}})
    gateway.create_key(tenant, tokens="100/1m")
    headers = {"Authorization": f"Bearer {(gateway.data / 'read.token').read_text().strip()}"}
    get = lambda path: httpx.get(gateway.admin_url + path, headers=headers, trust_env=False)
    assert get(f"/tenants/{tenant}/limits").json()["keys"][0]["limits"][0]["name"] == "key-tokens"
    key = key_id(gateway, tenant)
    assert get(f"/keys/{key}/limits").json()["limits"][0]["amount"] == 100
    assert limits_of(get("/routes/narrow/limits").json())["route-requests"]["remaining"] == 7
    for path, code in (("tenants", "tenant_not_found"), ("keys", "key_not_found"), ("routes", "route_not_found")):
        answer = get(f"/{path}/nobody/limits")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, code)
    assert httpx.get(gateway.admin_url + f"/tenants/{tenant}/limits", trust_env=False).status_code == 401


def test_a_client_sees_its_own_limits_and_no_other_keys(start_gateway, tenant, text):
    limits = {"requests": "9/1m", "metadata": {"user": {"requests": "5/1m"}}, "models": {"demo-*": {"tokens": "400/1m"}}}
    routes = {"narrow": {"targets": ["demo/demo-chat"], "limits": {"requests": "7/1m"}}}
    gateway = start_gateway({"tenants": {tenant: {"limits": limits}}, "routes": routes})
    mine, other = gateway.create_key(tenant, requests="3/1m"), gateway.create_key(tenant, requests="4/1m")
    assert gateway.chat(other, text, model="narrow", headers={"cf-aig-metadata": '{"user": "someone-else"}'}).status_code == 200
    assert gateway.chat(mine, text + " too", model="narrow").status_code == 200
    usage = gateway.client.get("/weir/usage", headers={"Authorization": f"Bearer {mine}"}).json()
    assert [(entry["scope"], entry["id"] == tenant) for entry in usage["limits"]] == [("key", False), ("tenant", True)]
    assert limits_of(usage["limits"][0])["key-requests"]["remaining"] == 2
    of_tenant = limits_of(usage["limits"][1])
    assert of_tenant["tenant-requests"]["remaining"] == 7
    assert of_tenant["tenant-tokens-model"]["selector"] == {"model": "demo-*"}
    assert "someone-else" not in json.dumps(usage) and "route" not in json.dumps(usage)
    # The operator sees the values.
    assert "someone-else" in gateway.weir("limits", "show", tenant)


# Recording


def test_the_log_has_what_a_replay_needs_and_nothing_of_the_content(start_gateway, tenant, text):
    gateway = start_gateway(PRICES)
    limits = {"requests": "100/1m", "metadata": {"user": {"requests": "5/1m"}}}
    key = gateway.create_key(tenant, limits=json.dumps(limits))
    headers = {"cf-aig-metadata": json.dumps({"user": "u1", "secret": "not-declared"})}
    for _ in range(2):
        assert gateway.chat(key, text, max_tokens=50, headers=headers).status_code == 200
    miss, hit = rows(gateway, tenant, 2)
    assert miss["key_id"] == key_id(gateway, tenant) and len(miss["id"]) == 36
    assert (miss["provider"], miss["model"], miss["status_code"], miss["success"]) == ("demo", "demo-chat", "200", "true")
    assert (miss["cached"], hit["cached"]) == ("false", "true")
    assert miss["cache_status"] == "weir; fwd=miss; stored" and hit["cache_status"].startswith("weir; hit")
    assert int(miss["tokens_reserved"]) == int(miss["tokens_in_reserved"]) + 50
    assert int(miss["tokens_in"]) > 0 and int(miss["tokens_out"]) > 0 and 0 < float(miss["cost"]) < float(miss["cost_reserved"])
    assert "tokens_in" not in hit and "tokens_reserved" not in hit
    assert float(miss["duration"]) > 0 and miss["created_at"] <= miss["time"]
    assert json.loads(miss["metadata"]) == {"user": "u1"}
    for line in (miss, hit):
        assert text not in json.dumps(line) and key not in json.dumps(line) and "not-declared" not in json.dumps(line)


def test_a_recording_replayed_against_its_own_limits_refuses_what_was_refused(gateway, tenant, text, simulate):
    key = gateway.create_key(tenant, requests="4/1h", tokens="400/1h")
    statuses = [gateway.chat(key, f"{text} {index}", max_tokens=50).status_code for index in range(7)]
    assert statuses == [200] * 4 + [429] * 3
    assert gateway.chat(key, f"{text} 0", max_tokens=50).status_code == 200  # a hit
    lines = recording(gateway, tenant, 8).read_text().splitlines()
    same = simulate(lines, "--tenant", tenant, "--requests", "4/1h", "--tokens", "400/1h")
    assert (same["requests"], same["hits"], same["refused"], same["refused_then"]) == (8, 1, 3, 3)
    by_name = {limit["name"]: limit for limit in same["limits"]}
    assert by_name["tenant-requests"]["enough"] == 7
    assert by_name["tenant-tokens"]["met"] == 4
    wider = simulate(lines, "--tenant", tenant, "--requests", "7/1h")
    assert (wider["refused"], wider["refused_then"]) == (0, 3)


def test_exported_rows_tell_what_was_refused_as_the_log_does(gateway, tenant, text, simulate):
    """They name the code otherwise: every refusal counted as a call that used nothing."""
    key = gateway.create_key(tenant, requests="4/1h")
    statuses = [gateway.chat(key, f"{text} {index}", max_tokens=50).status_code for index in range(7)]
    assert statuses == [200] * 4 + [429] * 3
    log = recording(gateway, tenant, 7).read_text().splitlines()

    def exported():
        lines = gateway.weir("logs", "--tenant", tenant, "--json").splitlines()
        return lines if len(lines) == 7 else None

    lines = wait_until(exported, what="seven rows")
    arguments = ["--tenant", tenant, "--requests", "7/1h", "--tokens", "100000/400d"]
    reports = [simulate(lines, *arguments), simulate(log, *arguments)]
    assert [(report["requests"], report["refused"], report["refused_then"]) for report in reports] == [(7, 0, 3)] * 2
    # Those that were refused are taken to use what the others did.
    served = simulate([line for line in lines if json.loads(line)["status_code"] == 200], *arguments)
    all_seven, four = [{limit["name"]: limit["enough"] for limit in report["limits"]}["tenant-tokens"] for report in (reports[0], served)]
    assert all_seven > 1.5 * four


def test_a_request_that_no_target_was_up_for_meets_no_limit(simulate):
    """It is charged nothing: an outage replayed looked like too narrow a limit."""
    outage = {"status_code": 503, "code": "no_target_available"}
    found = simulate([row(0, tokens_in=1), row(1, **outage), row(2, **outage), row(3, attempts=2, **outage)], "--requests", "2/1h")
    assert (found["requests"], found["refused"]) == (2, 0)


def test_stored_replays_against_the_limits_that_commands_gave(gateway, tenant, text):
    key = gateway.create_key(tenant, requests="2/1h")
    for index in range(3):
        gateway.chat(key, f"{text} {index}")
    log = recording(gateway, tenant, 3)
    run = lambda *more: json.loads(gateway.weir("limits", "simulate", "--log", log, "--tenant", tenant, "--json", *more))
    assert run()["refused"] == 0
    assert run("--stored")["refused"] == 1


# Replaying


def test_limits_come_from_the_named_configuration(simulate):
    config = {"tenants": {"acme": {"limits": {"requests": "1/1h", "models": {"big*": {"tokens": "100/1h"}}}}}}
    # What tokens refuse costs no request.
    traffic = [row(0, model="big-1", tokens_in=90, tokens_out=20), row(1, model="small"), row(2), row(3, tenant="other")]
    report = simulate(traffic, config=config)
    assert [(limit["name"], limit["refused"]) for limit in report["limits"] if limit["refused"]] == [("tenant-requests", 1), ("tenant-tokens-model", 1)]
    assert [(tenant["tenant"], tenant["refused"], tenant["limited"]) for tenant in report["tenants"]] == [("acme", 2, True), ("other", 0, False)]
    big = next(limit for limit in report["limits"] if limit["name"] == "tenant-tokens-model")
    assert (big["refused_for_good"], big["enough"], big["retry_after_seconds_max"]) == (1, 110, None)


def test_values_may_be_texts_or_numbers_and_unknown_fields_are_ignored(simulate):
    numbers = [row(0, tokens_in=10, tokens_out=5, cost=0.25, cached=False), row(1, cached=True), row(2, tokens_in=1e2, cost=1e-9)]
    texts = [{name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in line.items()} for line in numbers]
    for line in texts:
        line["what_is_this"] = {"nested": [1, 2]}
    options = ["--tokens", "1000/1h", "--cost", "1/1h", "--requests", "10/1h"]
    assert simulate(numbers, *options) == simulate(texts, *options)
    enough = {limit["name"]: limit["enough"] for limit in simulate(numbers, *options)["limits"]}
    assert enough["tenant-tokens"] == 115 and enough["tenant-cost"].startswith("0.25") and enough["tenant-hits"] == 1


def test_lines_that_are_no_requests_are_counted_and_change_nothing(simulate):
    noise = [
        "not json", "[1]", '{"no": "time"}', "x" * 300_000, '{"created_at": "yesterday", "tenant": "acme"}', "",
        {"message": "Ready", "level": "notice"}, row(0, code="invalid_json", status_code=400), row(0, tenant=""),
        {**row(0), "provider": None}, {**row(0), "created_at": None, "message": "Request finished"},
    ]
    report = simulate([*noise, row(1)], "--requests", "1/1h")
    assert (report["requests"], report["refused"], report["unreadable_lines"], report["other_lines"]) == (1, 0, 5, 5)


def test_requests_are_replayed_by_their_starts_whatever_the_order_of_the_lines(simulate):
    # The first to begin is the last to end, and holds the only place until then.
    traffic = [row(10, duration=1000), row(20, duration=1000), row(30, duration=1000), row(5, duration=60000)]
    for lines in (traffic, traffic[::-1]):
        report = simulate(lines, "--concurrency", "1")
        assert report["refused"] == 3 and report["first"] == "2026-03-01T12:00:05Z"


def test_a_recording_comes_by_standard_input_too(gateway, tmp_path):
    lines = "".join(json.dumps(row(second)) + "\n" for second in range(5))
    result = gateway.command("limits", "simulate", "--config", gateway.config_file, "--log", "-", "--requests", "3/1h", stdin=lines)
    assert result.status == 0, result.err
    assert "5 requests of 1 tenant, 2026-03-01T12:00:00Z to 2026-03-01T12:00:04Z" in result.out
    assert "would have refused 2 (40.0%)" in result.out and "burst 5" in result.out


def test_a_replay_names_what_is_wrong_with_its_arguments(gateway, tmp_path):
    run = lambda *arguments: gateway.command("limits", "simulate", "--config", gateway.config_file, *arguments)
    missing = run("--log", tmp_path / "none")
    assert missing.status == 1 and "No such file" in missing.err
    (tmp_path / "empty").write_text("")
    wrong = run("--log", tmp_path / "empty", "--requests", "many")
    assert wrong.status == 64 and "many" in wrong.err
    empty = run("--log", tmp_path / "empty")
    assert empty.status == 0 and "log.level debug" in empty.err
