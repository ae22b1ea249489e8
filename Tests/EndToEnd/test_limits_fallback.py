"""Limits where a request has more than one target: each target's own limits decide about that target, and about nothing else."""

import time

import pytest

from harness import unique
from limit_fields import assert_limited, error_code, metric
from test_events import row_of

ROUTES = {
    "narrow-first": {"targets": ["demo/demo-tokens-5", "demo/demo-chat"]},
    "narrow-last": {"targets": ["demo/demo-fail-500", "demo/demo-tokens-5"]},
    "unpriced-first": {"targets": ["other/demo-chat", "demo/demo-chat"]},
    "both-narrow": {"targets": ["demo/demo-tokens-5", "demo/demo-tokens-6"]},
    "stale": {"targets": ["demo/demo-tokens-5"], "cache": {"ttl": "1s", "stale_while_revalidate": "1m"}},
}


@pytest.fixture
def routed(start_gateway):
    return start_gateway({"routes": ROUTES})


def limits_of(gateway, tenant):
    """What was used of each limit, by name."""
    answer = gateway.admin("GET", f"/tenants/{tenant}/limits")
    assert answer.status_code == 200, answer.text
    return {limit["name"]: (limit["spent"], limit["outstanding"]) for limit in answer.json()["limits"]}


@pytest.mark.parametrize("tokens", ["50/400d", "150/400d"], ids=["never", "not-now"])
def test_what_one_target_s_limit_refuses_is_an_ordinary_miss_of_the_next(routed, text, tokens):
    """It was told as no miss, not as stored, and counted as a refusal."""
    made = routed.issue(tenant_limits={"models": {"demo-tokens-*": {"tokens": tokens}}})
    if tokens == "150/400d":
        assert routed.chat(made["key"], text + " before", "demo/demo-tokens-95", max_tokens=95).status_code == 200
    before = metric(routed, "weir_requests_limited_total")
    answer = routed.chat(made["key"], text, "narrow-first", max_tokens=100)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cf-aig-model"] == "demo-chat" and answer.headers["cf-aig-step"] == "1"
    assert answer.headers["cache-status"] == "weir; fwd=miss; stored" and answer.headers["cf-aig-cache-status"] == "MISS"
    assert metric(routed, "weir_requests_limited_total") == before
    row = row_of(routed, answer)
    assert row["cache_layer"] == "miss" and row["status_code"] == 200


def test_a_model_without_a_price_is_left_for_one_that_has_one(routed, demo, text):
    key = routed.issue(limits={"cost": "5/30d"})["key"]
    answer = routed.chat(key, text, "unpriced-first", max_tokens=10)
    assert answer.status_code == 200 and answer.headers["cf-aig-provider"] == "demo", answer.text
    assert demo.calls(text) == 1


def test_a_failure_is_told_and_not_the_next_target_s_limit(routed, text):
    """The client was told that its request is too large, where the first target had failed."""
    key = routed.issue(tenant_limits={"models": {"demo-tokens-*": {"tokens": "10/400d"}}})["key"]
    answer = routed.chat(key, text, "narrow-last", max_tokens=50)
    assert answer.status_code == 500, answer.text
    assert answer.headers["cf-aig-model"] == "demo-fail-500" and answer.headers["cf-aig-step"] == "0"


def test_of_several_targets_limits_the_one_is_told_that_waiting_helps(routed, text):
    limits = {"models": {"demo-tokens-5": {"tokens": "100/1h"}, "demo-tokens-6": {"tokens": "10/1h"}}}
    key = routed.issue(tenant_limits=limits)["key"]
    assert routed.chat(key, text, "demo/demo-tokens-5", max_tokens=80).status_code == 200
    assert_limited(routed.chat(key, text + " again", "both-narrow", max_tokens=90))
    too_large = routed.chat(key, text + " more", "both-narrow", max_tokens=200)
    assert too_large.status_code == 400 and error_code(too_large) == "request_exceeds_limit"


def test_a_target_that_is_not_asked_is_charged_no_request_and_holds_no_place(routed, text):
    narrow = {"requests": "10/400d", "concurrency": 3, "tokens": "50/400d"}
    made = routed.issue(tenant_limits={"requests": "100/400d", "models": {"demo-tokens-*": narrow}})
    for index, route in enumerate(["narrow-first", "narrow-last", "narrow-first"]):
        routed.chat(made["key"], f"{text} {index}", route, max_tokens=100)
    used = limits_of(routed, made["tenant"])
    assert used["tenant-requests"] == (3, 0)
    assert used["tenant-requests-model"] == (0, 0) and used["tenant-concurrency-model"] == (0, 0)
    assert used["tenant-tokens-model"] == (0, 0)
    # Where it is asked, it is charged.
    assert routed.chat(made["key"], text, "narrow-first", max_tokens=5).headers["cf-aig-model"] == "demo-tokens-5"
    assert limits_of(routed, made["tenant"])["tenant-requests-model"] == (1, 0)


def test_a_stale_answer_whose_refresh_no_tokens_are_left_for_is_a_stale_hit(routed, demo, text):
    """It was counted as a refusal, and as nothing that the cache had."""
    made = routed.issue(limits={"tokens": "40/400d"})
    assert routed.chat(made["key"], text, "stale", max_tokens=20).status_code == 200
    assert routed.chat(made["key"], unique("other"), "demo/demo-tokens-20", max_tokens=20).status_code == 200
    time.sleep(1.2)
    refused, stale = metric(routed, "weir_requests_limited_total"), metric(routed, "weir_cache_stale_hits_total")
    answer = routed.chat(made["key"], text, "stale", max_tokens=20)
    assert answer.status_code == 200 and "stale-while-revalidate" in answer.headers["cache-status"]
    assert demo.calls(text) == 1
    assert (metric(routed, "weir_requests_limited_total"), metric(routed, "weir_cache_stale_hits_total")) == (refused, stale + 1)
    assert row_of(routed, answer)["cache_layer"] == "stale"
