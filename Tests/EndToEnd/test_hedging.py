"""Hedging: a second target is asked beside a slow first one. Whoever answers first wins, the other is hung up on and nothing is counted twice."""

import json
import threading
import time

import pytest

from harness import Raw, chat_body, request_bytes, stream_text, unique, wait_until
from scripted import ROLE, SILENCE, chat, delta, good_stream, status, stream
from test_fallback import LIMITED_KEY, NO_STORE, USED, Lab, answered_by, at_once, embedded, remaining, seconds, vectors

# The delay is the 95th percentile of a hundred answers of a few milliseconds, and at least this.
DELAY = 0.08
HEDGE = {"quantile": 0.95, "delay_min": f"{DELAY * 1000:.0f}ms", "delay_max": "2s"}
WARM = 100
SLOW_STREAM = stream(ROLE, end="hang")


def pair(name, *targets, **fields):
    return {"targets": [f"{target}/{name}" for target in targets or "ab"], "hedge": HEDGE, "retry": {"delay": "0"}, **fields}


ROUTES = {name: pair(name) for name in (
    "cold", "slow", "stream", "half-stream", "both-slow", "first-wins", "hedge-fails", "first-fails", "followers", "stored", "retrying", "charged",
    "row", "own-limit", "patient", "leaves")}
ROUTES["off"] = {"targets": ["a/off", "b/off"]}
ROUTES["vectors"] = pair("vectors", cache={"ttl": "1h"})
ROUTES["three"] = pair("three", *"abc")


@pytest.fixture(scope="module")
def lab(demo, tmp_path_factory):
    lab = Lab(tmp_path_factory.mktemp("hedging"), demo, routes=ROUTES, tenants={
        "own": {"provider_keys": "client"}, "placed": {},
        "limited": {"limits": {"budgets": [{"tokens": 1000000, "per": "month"}], "models": {"b/own-limit": {"requests": "1/1h"}}}}})
    yield lab
    lab.stop()


def warm(lab, name, **fields):
    """As many answers as it takes for a percentile to mean something."""
    lab.script(name, a=good_stream() if fields.get("stream") else chat("from a"))
    at_once(8, lambda _: [lab.ask(name, **fields) for _ in range(WARM // 8 + 1)])


def used(lab, action):
    """Tokens that the limited tenant was charged for what `action` asked."""
    before = remaining(lab.ask("off", "count", key=LIMITED_KEY, headers=NO_STORE, max_tokens=20))
    action()
    return before - remaining(lab.ask("off", "count", key=LIMITED_KEY, headers=NO_STORE, max_tokens=20)) - USED


def hedges(lab):
    return lab.counters()["weir_upstream_hedges_total"]


def test_a_slow_first_target_is_overtaken_and_hung_up_on(lab):
    warm(lab, "slow")
    before = lab.counters()
    lab.script("slow", a=SILENCE, b=chat("from b"))
    took, response = seconds(lambda: lab.ask("slow"))
    answered_by(response, 1, "b", "slow")
    assert response.json()["choices"][0]["message"]["content"] == "from b"
    assert DELAY <= took < 1.5
    wait_until(lambda: lab.a.was_left("slow") == 1, 2, "the loser's connection being closed")
    assert lab.b.count("slow") == 1
    after = lab.counters()
    assert {name: after[f"weir_upstream_{name}_total"] - before[f"weir_upstream_{name}_total"]
            for name in ("hedges", "attempts", "retries", "fallbacks", "failures")} == {
        "hedges": 1, "attempts": 2, "retries": 0, "fallbacks": 0, "failures": 0}


def test_nobody_is_asked_twice_without_the_operator_s_word(lab):
    before = hedges(lab)
    at_once(8, lambda _: [lab.ask("off") for _ in range(WARM // 8 + 1)])
    gate = threading.Event()
    lab.script("off", a=chat(wait=gate))
    threading.Timer(3 * DELAY, gate.set).start()
    answered_by(lab.ask("off"), 0, "a")
    assert lab.calls("off")[1] == 0 and hedges(lab) == before
    lab.script("off", a=chat())


def test_nobody_is_asked_twice_before_a_percentile_means_something(lab):
    for _ in range(20):
        lab.ask("cold")
    gate = threading.Event()
    lab.script("cold", a=chat(wait=gate))
    threading.Timer(3 * DELAY, gate.set).start()
    answered_by(lab.ask("cold"), 0, "a")
    assert lab.calls("cold") == (21, 0)


def test_an_answer_within_the_delay_is_asked_for_once(lab):
    warm(lab, "patient")
    before, count = hedges(lab), lab.a.count("patient")
    for _ in range(20):
        answered_by(lab.ask("patient"), 0, "a")
    assert lab.calls("patient") == (count + 20, 0) and hedges(lab) == before


def test_the_first_target_may_still_win(lab):
    warm(lab, "first-wins")
    gate = threading.Event()
    lab.script("first-wins", a=chat("late", wait=gate), b=SILENCE)
    threading.Timer(3 * DELAY, gate.set).start()
    response = lab.ask("first-wins")
    answered_by(response, 0, "a", "first-wins")
    assert response.json()["choices"][0]["message"]["content"] == "late"
    wait_until(lambda: lab.b.was_left("first-wins") == 1, 10, "the hedge being given up")


@pytest.mark.parametrize("name, answer", [("stream", SILENCE), ("half-stream", SLOW_STREAM)])
def test_a_stream_without_its_first_token_is_overtaken(lab, name, answer):
    """A head alone is no answer: some providers send it at once, and think then."""
    warm(lab, name, stream=True)
    lab.script(name, a=answer, b=good_stream("from b"))
    took, response = seconds(lambda: lab.stream(name))
    assert response.status_code == 200 and response.headers["cf-aig-step"] == "1" and not response.was_cut
    assert stream_text(response.events) == "from b" and response.text.count('"role"') == 1 and response.events[-1] == "[DONE]"
    assert DELAY <= took < 1.5
    wait_until(lambda: lab.a.was_left(name) == 1, 2, "the loser's connection being closed")


def test_a_stream_that_has_begun_is_not_overtaken(lab):
    warm(lab, "leaves", stream=True)
    lab.script("leaves", a=stream(ROLE, delta("token"), end="hang"), b=good_stream("from b"))
    with Raw(lab.gateway.data_address) as raw:
        raw.send(request_bytes(key=lab.key, body=chat_body(unique(), "leaves", stream=True)))
        assert b"token" in raw.read(b"token", 5)
        raw.read(b"from b", 3 * DELAY)
        assert b"from b" not in raw.received and lab.b.count("leaves") == 0
    wait_until(lambda: lab.a.was_left("leaves") == 1, 2, "the call being given up with the client")


def test_a_client_that_leaves_ends_both(lab):
    name = "both-slow"
    warm(lab, name)
    lab.script(name, a=SILENCE, b=SILENCE)
    with Raw(lab.gateway.data_address) as raw:
        raw.send(request_bytes(key=lab.key, body=chat_body(unique(), name)))
        wait_until(lambda: lab.b.count(name) == 1, 3, "the hedge")
    wait_until(lambda: (lab.a.was_left(name), lab.b.was_left(name)) == (1, 1), 3, "both calls being given up")


def test_a_hedge_that_fails_leaves_the_first_alone(lab):
    warm(lab, "hedge-fails")
    gate = threading.Event()
    lab.script("hedge-fails", a=chat("late", wait=gate), b=status(500))
    threading.Timer(4 * DELAY, gate.set).start()
    answered_by(lab.ask("hedge-fails"), 0, "a", "hedge-fails")
    assert lab.b.count("hedge-fails") == 1, "the first was still under way: no reason to repeat the second"


def test_a_first_target_that_fails_leaves_the_hedge_alone(lab):
    warm(lab, "first-fails")
    count, first, second = lab.a.count("first-fails"), threading.Event(), threading.Event()
    lab.script("first-fails", a=status(500, wait=first), b=chat("from b", wait=second))
    threading.Timer(3 * DELAY, first.set).start()
    threading.Timer(5 * DELAY, second.set).start()
    answered_by(lab.ask("first-fails"), 1, "b", "first-fails")
    assert (lab.a.count("first-fails") - count, lab.b.count("first-fails")) == (1, 1)


def test_when_first_and_hedge_fail_the_third_is_asked(lab):
    warm(lab, "three")
    first = threading.Event()
    lab.script("three", a=status(500, wait=first), b=status(404), c=chat("from c"))
    threading.Timer(3 * DELAY, first.set).start()
    response = lab.ask("three", headers={"cf-aig-max-attempts": "1"})
    answered_by(response, 2, "c", "three")


@pytest.mark.parametrize("name, fields, headers", [
    ("stored", {"store": True}, {}), ("retrying", {}, {"x-stainless-retry-count": "1"}),
])
def test_what_must_not_be_done_twice_is_not(lab, name, fields, headers):
    warm(lab, name)
    gate = threading.Event()
    lab.script(name, a=chat(wait=gate))
    threading.Timer(3 * DELAY, gate.set).start()
    answered_by(lab.ask(name, headers=headers, **fields), 0, "a")
    assert lab.b.count(name) == 0


def test_those_who_follow_get_the_winner_s_answer_and_ask_nobody(lab, text):
    warm(lab, "followers")
    count = lab.a.count("followers")
    lab.script("followers", a=SILENCE, b=chat("from b"))
    for response in at_once(6, lambda _: lab.ask("followers", text)):
        assert response.status_code == 200 and response.json()["choices"][0]["message"]["content"] == "from b"
    assert (lab.a.count("followers") - count, lab.b.count("followers")) == (1, 1)


def test_hedges_are_paid_from_the_budget_for_repeats(lab):
    """R6: where all have become slow, asking everything twice would make them slower."""
    warm(lab, "cold")
    before, attempts = hedges(lab), lab.counters()["weir_upstream_attempts_total"]
    requests = 60
    lab.script("cold", a=lambda _: time.sleep(0.15) or chat(), b=lambda _: time.sleep(0.15) or chat())
    assert {response.status_code for response in at_once(requests, lambda _: lab.ask("cold"))} == {200}
    asked = hedges(lab) - before
    # A fifth of the requests of the last ten seconds, those of the warming included.
    assert 1 <= asked <= (requests + WARM + 30) / 5
    assert lab.counters()["weir_upstream_attempts_total"] - attempts == requests + asked


def test_the_loser_costs_its_input_and_the_winner_what_it_used(lab):
    warm(lab, "charged")
    ask = lambda: answered_by(lab.ask("charged", "count", key=LIMITED_KEY, headers=NO_STORE, max_tokens=20), 0, "a")
    assert used(lab, ask) == USED
    lab.script("charged", a=SILENCE, b=chat())
    overtaken = lambda: answered_by(lab.ask("charged", "count", key=LIMITED_KEY, headers=NO_STORE, max_tokens=20), 1, "b")
    # Six characters of a prompt and a handful of JSON; never the 20 tokens set aside for an answer.
    assert USED < used(lab, overtaken) < USED + 20
    lab.script("charged", a=chat())
    assert used(lab, ask) == USED, "something stays set aside"


def test_one_row_tells_of_both(lab):
    warm(lab, "row")
    lab.script("row", a=SILENCE, b=chat())
    response = lab.ask("row")
    answered_by(response, 1, "b")

    def rows():
        lines = [json.loads(line) for line in lab.gateway.process.text().splitlines() if line.startswith("{")]
        return [line for line in lines if line.get("id") == response.headers["weir-request-id"]]

    row, = wait_until(rows, what="the row")
    assert (row["attempts"], row["provider"], row["step"], row["status_code"]) == ("2", "b", "1", "200")
    assert row["failed_attempts"].startswith("a outrun ") and row["failed_attempts"].endswith("ms"), row


def test_a_hedge_that_its_target_s_limit_forbids_changes_nothing(lab):
    """The second target's limit has one request an hour. The answer is the first one's, and says so."""
    name = "own-limit"
    warm(lab, name)
    gates = [threading.Event() for _ in range(2)]
    lab.script(name, a=chat("late", wait=gates[0]), b=chat("from b"))
    answered_by(lab.ask(name, key=LIMITED_KEY), 1, "b")
    gates[0].set()
    lab.script(name, a=chat("late", wait=gates[1]), b=chat("from b"))
    threading.Timer(4 * DELAY, gates[1].set).start()
    response = lab.ask(name, key=LIMITED_KEY)
    answered_by(response, 0, "a", name)
    assert response.json()["choices"][0]["message"]["content"] == "late" and lab.b.count(name) == 1


def test_the_rest_of_a_batch_is_not_hedged(lab, text):
    """What is in the cache are the first target's vectors, and those of two models are never mixed."""
    lab.script("vectors", a=vectors(1), b=vectors(2))
    at_once(8, lambda worker: [embedded(lab, unique()) for _ in range(WARM // 8 + 1)])
    assert embedded(lab, text) == [1]
    lab.script("vectors", a=lambda call: time.sleep(3 * DELAY) or vectors(1)(call))
    assert embedded(lab, text, text + " other") == [1, 1]
    assert lab.b.count("vectors") == 0
    # A batch of which nothing is known is hedged like anything else, and whole.
    lab.script("vectors", a=SILENCE)
    assert embedded(lab, text + " third", text + " fourth") == [2, 2]
