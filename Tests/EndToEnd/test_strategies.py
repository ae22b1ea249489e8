"""Which target is asked first: every strategy of a route, the pool of a provider's keys, health probes, and the wishes a client may have."""

import collections
import json
import time

import pytest

from harness import unique, wait_until
from scripted import chat, good_stream, status
from test_fallback import ONE, TWO, Lab, at_once, refuse

PASSING = {"cache": {"enabled": False}, "retry": {"delay": "0"}}


def route(name, strategy, *targets, **fields):
    def entry(target):
        if isinstance(target, str):
            return target if "/" in target else f"{target}/{name}"
        if "targets" in target:
            return {**target, "targets": [entry(each) for each in target["targets"]]}
        return {**target, "target": entry(target["target"])}

    return {"strategy": strategy, "targets": [entry(target) for target in targets], **PASSING, **fields}


def to(target, **fields):
    return {"target": target, **fields}


ROUTES = {
    "quickest": route("quickest", "lowest_latency", *"abc"),
    "quickest-fails": route("quickest-fails", "lowest_latency", *"ab"),
    "cheapest": route("cheapest", "cheapest", *"abc"),
    "cheapest-output": route("cheapest-output", "cheapest", "dear-output/cheapest-output", "dear-input/cheapest-output"),
    "drawn": route("drawn", "percentage", to("a", percent=25), "b", key="metadata.user"),
    "canary": route("canary", "percentage", to("a", percent=2.5), "b", key="metadata.user"),
    "sticky": route("sticky", "percentage", to("a", percent=40), to("b", percent=30), "c", key="metadata.user"),
    "none": route("none", "percentage", to("a", percent=0), "b", key="metadata.user"),
    "by-metadata": route("by-metadata", "conditional", to("a", when={"metadata.plan": ["pro", "team"]}),
                         to("b", when={"metadata.plan": {"not": "free"}, "metadata.region": {"exists": True}}), "c"),
    "by-fields": route("by-fields", "conditional", to("a", when={"any": [{"tools": True}, {"images": True}]}),
                       to("b", when={"size": ["medium", "large", "huge"]}), to("c", when={"stream": True}),
                       to("pool", when={"not": {"json": True}})),
    "only-cases": route("only-cases", "conditional", to("a", when={"tools": True})),
    "nested": route("nested", "conditional",
                    {"when": {"metadata.plan": "pro"}, "targets": ["a", {"strategy": "weighted", "targets": [to("b", weight=3), to("c", weight=1)]}]},
                    {"strategy": "cheapest", "targets": ["a", "b"]}),
    "inner": route("inner", "weighted", "b", "c"),
    "outer": {"targets": ["a/outer", "inner"], **PASSING},
    "pool": route("pool", "fallback", "pool"),
    "pool-limited": route("pool-limited", "fallback", "pool"),
    "wishes": route("wishes", "fallback", *"abc"),
}
PRICES = {"dear-output": {"input": 1, "output": 50}, "dear-input": {"input": 10, "output": 2}}


@pytest.fixture(scope="module")
def lab(demo, tmp_path_factory):
    lab = Lab(tmp_path_factory.mktemp("strategies"), demo, routes={name: body for name, body in ROUTES.items() if name != "cheapest-output"})
    # The prices of two more providers, at the servers of two others.
    config = lab.gateway.config
    for name, other in (("dear-output", "a"), ("dear-input", "b")):
        config["providers"][name] = config["providers"][other]
        config["provider_credentials"][name] = config["provider_credentials"][other]
        config["prices"][name] = {"as_of": "2026-01-01", "models": {"*": PRICES[name]}}
    config["routes"]["cheapest-output"] = ROUTES["cheapest-output"]
    assert lab.gateway.reload().status_code == 200
    yield lab
    lab.stop()


@pytest.fixture
def start_lab(demo, tmp_path):
    started = []

    def start(**config):
        started.append(Lab(tmp_path / f"lab-{len(started)}", demo, **config))
        return started[-1]

    yield start
    for lab in started:
        lab.stop()


def who(lab, name, user=None, metadata=None, **fields):
    """The provider that answered."""
    metadata = metadata or ({"user": user} if user else None)
    response = lab.ask(name, headers={"cf-aig-metadata": json.dumps(metadata)} if metadata else None, **fields)
    assert response.status_code == 200, response.text
    return response.headers["cf-aig-provider"]


def shares(lab, name, count, **fields):
    return collections.Counter(answer for answers in at_once(4, lambda _: [who(lab, name, **fields) for _ in range(count // 4)]) for answer in answers)


def after(seconds):
    return lambda _: time.sleep(seconds) or chat()


# Latency


def test_the_quicker_target_gets_most_and_loses_it_when_it_slows(lab):
    lab.script("quickest", a=after(0.002), b=after(0.06), c=after(0.12))
    found = shares(lab, "quickest", 120)
    # Two are drawn and the better one asked: the slowest only while nothing is known, or where the others are busy, as they are on a busy machine.
    assert found["a"] >= 54 and found["a"] > found["b"] > 0 and found["c"] <= 36, found
    lab.script("quickest", a=after(0.25))
    # A slow answer counts at once: each of the four clients meets it once, perhaps twice.
    found = shares(lab, "quickest", 60)
    assert found["a"] <= 20, found


def test_failing_quickly_is_no_way_to_win(lab):
    lab.script("quickest-fails", a=status(500), b=after(0.03))
    answers = [lab.ask("quickest-fails", headers={"cf-aig-max-attempts": "1"}) for _ in range(30)]
    assert {answer.headers["cf-aig-provider"] for answer in answers} == {"b"}
    assert lab.calls("quickest-fails")[0] <= 5


@pytest.mark.long
def test_of_three_the_one_far_slower_than_the_others_becomes_a_last_resort(start_lab):
    """Looked at every ten seconds; of two nobody can say which is the odd one."""
    three = {"slowest": {"strategy": "weighted", "targets": [f"{each}/slowest" for each in "abc"], **PASSING},
             "two": {"strategy": "weighted", "targets": ["a/two", "b/two"], **PASSING}}
    lab = start_lab(routes=three)
    for name in three:
        lab.script(name, a=after(0.7))

    def ejected():
        at_once(6, lambda index: lab.ask("slowest" if index < 3 else "two"))
        targets = json.loads(lab.gateway.admin("GET", "/stats").text)["targets"]
        return [target for target in targets if target["ejected"] == "latency"]

    out = wait_until(ejected, 25, "the slow target's ejection")
    assert [(target["provider"], target["model"]) for target in out] == [("a", "slowest")]
    count = lab.a.count("slowest")
    assert "a" not in {who(lab, "slowest") for _ in range(20)} and lab.a.count("slowest") == count
    # Better a slow answer than none.
    lab.script("slowest", b=status(404), c=status(404))
    assert who(lab, "slowest") == "a"


def test_a_provider_whose_probe_fails_is_asked_last_and_comes_back(start_lab):
    lab = start_lab(routes={"probed": {"targets": ["a/probed", "b/probed"], **PASSING}})
    assert who(lab, "probed") == "a"
    lab.gateway.config["providers"]["a"]["health"] = {"path": "/health", "interval": "1s", "timeout": "500ms"}
    lab.a.script(None, status(503))
    assert lab.gateway.reload().status_code == 200
    wait_until(lambda: who(lab, "probed") == "b", 8, "the probes being believed")
    lab.script("probed", b=status(404))
    assert who(lab, "probed") == "a", "a last resort is asked when nothing else is left"
    lab.script("probed", b=chat())
    lab.a.script(None, status(401))
    wait_until(lambda: who(lab, "probed") == "a", 8, "the first target's return")
    probes = [call for call in lab.a.calls if call.path == "/health"]
    assert probes and not any("authorization" in call.headers for call in probes)


# Price


def test_the_cheapest_is_asked_and_the_order_of_the_others_is_by_price_too(lab):
    for failing, expected in (("", "b"), ("b", "c"), ("bc", "a")):
        lab.script("cheapest", **{each: status(404) if each in failing else chat() for each in "abc"})
        assert who(lab, "cheapest") == expected


def test_cheap_is_judged_by_what_the_request_will_use(lab):
    """Much prompt and a short answer, or the reverse."""
    assert who(lab, "cheapest-output", text="word " * 2000, max_tokens=10) == "dear-output"
    assert who(lab, "cheapest-output", text="short", max_tokens=4000) == "dear-input"


# Shares


@pytest.mark.parametrize("name, percent", [("drawn", 25), ("canary", 2.5)])
def test_a_share_is_its_percentage_of_the_requests(lab, name, percent):
    """400 draws; five standard deviations to each side."""
    found = shares(lab, name, 400)
    mean, deviation = 4 * percent, (400 * percent / 100 * (1 - percent / 100)) ** 0.5
    assert set(found) <= {"a", "b"} and mean - 5 * deviation <= found["a"] <= mean + 5 * deviation, found


def test_a_share_is_its_percentage_of_the_users(lab):
    found = collections.Counter(who(lab, "sticky", user=f"user-{number}") for number in range(200))
    assert 45 <= found["a"] <= 115 and 27 <= found["b"] <= 93 and 27 <= found["c"] <= 93, found


def test_no_share_is_nobody_until_nobody_else_is_there(lab):
    assert set(shares(lab, "none", 40)) == {"b"}
    lab.script("none", b=status(404))
    assert who(lab, "none") == "a"


def test_a_user_keeps_the_target_in_another_process(lab, start_lab):
    users = [f"user-{number}" for number in range(30)]
    other = start_lab(routes={"sticky": ROUTES["sticky"]})
    assert [who(lab, "sticky", user=user) for user in users] == [who(other, "sticky", user=user) for user in users]


# Conditions


@pytest.mark.parametrize("metadata, expected", [
    ({"plan": "pro"}, "a"), ({"plan": "team"}, "a"), ({"plan": "other", "region": "eu"}, "b"), ({"region": "eu"}, "b"), ({"plan": "other"}, "c"),
    ({"plan": "free", "region": "eu"}, "c"), ({"plan": "Pro"}, "c"), (None, "c"),
], ids=str)
def test_metadata_decides(lab, metadata, expected):
    assert who(lab, "by-metadata", metadata=metadata) == expected


IMAGE = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]}]
TOOLS = {"tools": [{"type": "function", "function": {"name": "f"}}]}


@pytest.mark.parametrize("fields, expected", [
    (TOOLS, "a"), ({"messages": IMAGE}, "a"), ({"messages": [{"role": "user", "content": "word " * 5000}]}, "b"), ({"stream": True}, "c"),
    ({**TOOLS, "stream": True}, "a"), ({}, "pool"),
], ids=lambda value: ",".join(value) if isinstance(value, dict) else value)
def test_what_the_request_asks_for_decides(lab, fields, expected):
    body = {"model": "by-fields", "messages": [{"role": "user", "content": unique()}], **fields}
    response = lab.gateway.post("/v1/chat/completions", lab.key, body)
    assert response.status_code == 200 and response.headers["cf-aig-provider"] == expected


@pytest.mark.parametrize("name, fields", [("only-cases", {}), ("by-fields", {"response_format": {"type": "json_object"}})])
def test_where_no_condition_holds_nobody_is_asked(lab, name, fields):
    response = lab.ask(name, **fields)
    assert response.status_code == 400 and response.json()["error"]["code"] == "no_target_fits", response.text


# Lists in lists


def test_strategies_within_strategies_each_choose_their_own(lab):
    pro = {"plan": "pro"}
    assert who(lab, "nested") == "b" and who(lab, "nested", metadata=pro) == "a"
    lab.script("nested", a=status(404))
    found = shares(lab, "nested", 80, metadata=pro)
    # 60 of 80 by weight, five standard deviations to each side.
    assert set(found) == {"b", "c"} and 40 <= found["b"] <= 79, found
    lab.script("nested", b=status(404))
    assert who(lab, "nested", metadata=pro) == "c"
    response = lab.ask("nested")
    assert response.status_code == 404, "the other branch is for nobody else"


def test_a_route_within_a_route_is_tried_like_a_target(lab):
    assert who(lab, "outer") == "a"
    lab.script("outer", a=status(404))
    assert set(shares(lab, "outer", 40)) == {"b", "c"}


# Keys


def test_the_keys_of_a_pool_take_turns(lab):
    for _ in range(20):
        assert lab.ask("pool").status_code == 200
    found = collections.Counter(call.key for call in lab.pool.of("pool"))
    assert set(found) == {ONE, TWO} and max(found.values()) <= 12, found


@pytest.mark.parametrize("code", [401, 403])
def test_a_refused_key_is_benched_for_the_provider_and_shown(start_lab, code):
    lab = start_lab(routes={"pool": ROUTES["pool"], "pool-limited": ROUTES["pool-limited"]})
    lab.pool.script("pool", refuse(code, ONE))
    for _ in range(6):
        assert lab.ask("pool").status_code == 200
    assert collections.Counter(call.key for call in lab.pool.of("pool"))[ONE] == 1
    assert all(lab.ask("pool-limited").status_code == 200 for _ in range(4))
    assert {call.key for call in lab.pool.of("pool-limited")} == {TWO}
    target = next(each for each in json.loads(lab.gateway.admin("GET", "/stats").text)["targets"] if each["model"] == "pool")
    assert sorted(key["benched_seconds"] > 0 for key in target["keys"]) == [False, True], target
    assert ONE not in lab.gateway.admin("GET", "/stats").text


def test_a_limited_key_comes_back_when_its_time_is_over(lab):
    lab.pool.script("pool-limited", lambda call: status(429, retry_after="1") if call.key == ONE else chat())
    while lab.pool.count("pool-limited") < 3:
        assert lab.ask("pool-limited").status_code == 200
    asked = [call.key for call in lab.pool.of("pool-limited")]
    assert asked.count(ONE) == 1
    lab.pool.script("pool-limited", chat())

    def is_back():
        assert lab.ask("pool-limited").status_code == 200
        return lab.pool.of("pool-limited")[-1].key == ONE

    wait_until(is_back, 4, "the key's return")


def test_when_all_keys_are_limited_one_is_asked_all_the_same(start_lab):
    """Limits are soft: nobody knows better than the provider when they end."""
    lab = start_lab(routes={"pool": ROUTES["pool"]})
    lab.pool.script("pool", status(429, retry_after="30"))
    for _ in range(3):
        assert lab.ask("pool").status_code == 429
    lab.pool.script("pool", chat())
    assert lab.ask("pool").status_code == 200


# Wishes


@pytest.mark.parametrize("wish, expected", [
    ({"provider": {"sort": "latency"}}, "c"), ({"provider": {"sort": "throughput"}}, "c"), ({"provider": {"sort": "price"}}, "b"),
    ({"provider": {"order": ["nobody", "c"]}}, "c"), ({"provider": {"order": ["c"], "ignore": ["c"]}}, "a"),
    ({"provider": {"max_price": {"completion": 1.5}}}, "b"), ({"provider": {"max_price": {"prompt": 2.5, "completion": 2.5}, "order": ["a", "c"]}}, "c"),
    ({"models": ["b/wishes"]}, "b"), ({"models": ["nobody/x", "c/wishes"], "provider": {"order": ["a"]}}, "c"),
    ({"provider": {"only": ["a", "b"], "sort": "price"}}, "b"),
], ids=str)
def test_a_wish_reorders_and_narrows(lab, wish, expected):
    if "sort" in wish.get("provider", {}):
        lab.script("wishes", a=after(0.08), b=after(0.05), c=after(0.001))
        for each in "abc":
            assert who(lab, "wishes", provider={"only": [each]}) == each
    assert who(lab, "wishes", **wish) == expected


def test_wishes_hold_for_streams_and_never_reach_the_provider(lab):
    lab.script("wishes", c=good_stream())
    response = lab.stream("wishes", provider={"order": ["c"]}, models=["c/wishes", "a/wishes"])
    assert response.headers["cf-aig-provider"] == "c" and not response.was_cut
    assert not {"provider", "models"} & set(lab.c.of("wishes")[-1].body)
    lab.script("wishes", c=chat())


@pytest.mark.parametrize("wish", [
    {"provider": {"only": ["nobody"]}}, {"provider": {"ignore": ["a", "b", "c"]}}, {"provider": {"max_price": {"prompt": 0.1}}},
    {"models": ["nobody/x"]},
], ids=str)
def test_a_wish_that_leaves_nobody_is_told_so(lab, wish):
    before = lab.calls("wishes", "abc")
    response = lab.ask("wishes", **wish)
    assert response.status_code == 400 and response.json()["error"]["code"] == "no_target_fits", response.text
    assert lab.calls("wishes", "abc") == before
