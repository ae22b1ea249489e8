"""The model that is asked whether two answers say the same: what it says becomes the label, and what goes wrong with it harms no request."""

import re
import threading
import time

import pytest

from harness import Gateway, merged, unique, wait_until
from test_semantic import Oracle, ask, configuration, is_similar, said, semantic, settle


class Judge(Oracle):
    """Answers users' questions in words that differ from question to question, and the judge's as a test wants it."""

    def __init__(self):
        super().__init__()
        self.word = "same"
        self.asked = []
        self.hanging = threading.Event()

    def answer(self, text):
        if not text.startswith("<<< question "):
            # The same in other words, as far as anybody can tell: neither numbers nor names, and a negation in one of them.
            return ("Go to the page of your account and enter a new one there." if "How can I" in text
                    else "You will not need any help: it is changed below the settings, in the second list from the top.")
        self.asked.append(text)
        if self.word == "hang":
            self.hanging.wait(30)
        return self.word


@pytest.fixture
def judge():
    judge = Judge()
    yield judge
    judge.hanging.set()
    judge.stop()


@pytest.fixture
def start(demo, judge, models, tmp_path):
    """Starts a gateway whose judge is a model of the same provider. The key's limits are the judge's budget."""
    gateways = []

    def start(limits=None, **fields):
        key = tmp_path / "judge.key"
        key.write_text("wk_" + "A" * 43)
        gateway = Gateway(demo, tmp_path / "gateway", merged(configuration(judge), {"semantic": {
            "models_directory": str(models), "judge_model": "judge", "judge_key": f"file:{key}", **fields},
            "routes": {"judge": {"targets": ["oracle/judge"]}, "asked": {
                "targets": ["oracle/m"], "semantic": {"enabled": True, "max_error": "5%", "audit_rate": 0, "audit_rate_low": 0}}}}))
        gateways.append(gateway)
        gateway.start()
        key.write_text(gateway.issue(tenant=unique("judge"), limits=limits)["key"])
        assert gateway.reload().status_code == 200
        return gateway

    yield start
    for gateway in gateways:
        gateway.stop()


SUBJECT = "account password"


def two_wordings(gateway, key):
    """Asks twice for the same in other words, so that the second answer is judged against the first."""
    first = ask(gateway, key, f"How can I change my {SUBJECT}?", model="asked")
    settle(gateway)
    second = ask(gateway, key, f"How do I change my {SUBJECT}?", model="asked")
    assert not is_similar(second) and said(first) != said(second)
    return said(first), said(second)


def repeated(gateway, key):
    """The second question once more, but for a sign at its end: its alias answers it, if it is one."""
    return ask(gateway, key, f"How do I change my {SUBJECT}!", model="asked")


def verdicts(gateway):
    state = semantic(gateway)["judge"]
    return {name: state[name] for name in ("equal", "different", "unsure")}


def test_the_judge_says_same_and_the_question_becomes_an_alias(start, judge):
    gateway = start()
    key = gateway.create_key()
    first, _ = two_wordings(gateway, key)
    settle(gateway)
    assert verdicts(gateway) == {"equal": 1, "different": 0, "unsure": 0}
    model = semantic(gateway)["judge_model"]
    assert model["asked"] == model["same"] == 1 and sum(model.values()) == 2
    again = repeated(gateway, key)
    assert is_similar(again) and said(again) == first
    (prompt,) = judge.asked
    mark = re.match(r"<<< question ([0-9a-f]{16})\n", prompt).group(1)
    assert prompt.count(mark) == 6 and f"How do I change my {SUBJECT}?" in prompt
    # It went through the gateway as anybody's request: it is in the log, and it was never matched itself.
    rows = lambda: [row for row in gateway.admin("GET", "/logs").json()["rows"] if row["model"] == "judge"]
    assert len(wait_until(rows, 10, "the judge's row")) == 1
    assert all(scope["scope"].startswith("judge") is False for scope in semantic(gateway)["scopes"])


@pytest.mark.parametrize("word, verdict", [
    ("different", "different"), ("I think that they are the same.", "unsure"), ("", "unsure"), ("same different", "unsure")])
def test_whatever_else_the_judge_says_is_no_alias(start, judge, word, verdict):
    judge.word = word
    gateway = start()
    key = gateway.create_key()
    two_wordings(gateway, key)
    settle(gateway)
    assert verdicts(gateway) == {"equal": 0, "different": 0, "unsure": 0, verdict: 1}
    model = semantic(gateway)["judge_model"]
    assert model["asked"] == len(judge.asked) >= 1
    assert model["different" if verdict == "different" else "unclear"] == model["asked"]
    assert not is_similar(repeated(gateway, key))
    scope = next(scope for scope in semantic(gateway)["scopes"] if scope["labels"] > 0)
    assert scope["served"] == 0


def test_a_judge_that_hangs_is_given_up_and_nobody_waits_for_it(start, judge):
    judge.word = "hang"
    gateway = start(judge_timeout="2s")
    key = gateway.create_key()
    two_wordings(gateway, key)
    wait_until(lambda: judge.asked, 10, "the judge's question")
    begun = time.monotonic()
    # Others are answered and judged meanwhile.
    other = gateway.create_key()
    ask(gateway, other, "How can I change my time zone?", model="near")
    wait_until(lambda: semantic(gateway)["judge"]["waiting"] == 1, 10, "the others")
    assert is_similar(ask(gateway, other, "How could I change my time zone?", model="near"))
    assert time.monotonic() - begun < 2, "somebody waited for the judge"
    wait_until(lambda: verdicts(gateway)["unsure"] == 1, 10, "the end of the judge's time")
    assert verdicts(gateway) == {"equal": 0, "different": 0, "unsure": 1}
    assert gateway.process.text().count("The judge's model can't be asked") == 1
    assert semantic(gateway)["judge_model"]["failed"] == 1


@pytest.mark.parametrize("limits", [{"budgets": [{"cost": 0.000001, "per": "month"}]}, {"budgets": [{"tokens": 1, "per": "month"}]}],
                         ids=["cost", "tokens"])
def test_a_judge_without_budget_leaves_answers_unsure(start, judge, limits):
    gateway = start(limits=limits)
    key = gateway.create_key()
    two_wordings(gateway, key)
    settle(gateway)
    assert verdicts(gateway) == {"equal": 0, "different": 0, "unsure": 1}
    assert judge.asked == []
    assert not is_similar(repeated(gateway, key))


def test_a_judge_whose_key_or_model_is_unknown_leaves_answers_unsure(start, judge):
    gateway = start(judge_model="nobody")
    key = gateway.create_key()
    two_wordings(gateway, key)
    settle(gateway)
    assert verdicts(gateway) == {"equal": 0, "different": 0, "unsure": 1}
    # A reload mends it, without a restart.
    gateway.config["semantic"]["judge_model"] = "judge"
    assert gateway.reload().status_code == 200
    two_wordings(gateway, gateway.create_key())
    settle(gateway)
    assert verdicts(gateway) == {"equal": 1, "different": 0, "unsure": 1}


def test_past_its_rate_the_judge_is_not_asked(start, judge):
    gateway = start(judge_per_minute_max=1)
    for _ in range(3):
        two_wordings(gateway, gateway.create_key())
        settle(gateway)
    assert verdicts(gateway) == {"equal": 1, "different": 0, "unsure": 2}


def test_a_gateway_that_ends_while_its_judge_thinks_ends_in_time(start, judge):
    judge.word = "hang"
    gateway = start()
    two_wordings(gateway, gateway.create_key())
    wait_until(lambda: judge.asked, 10, "the judge's question")
    judge.hanging.set()
    begun = time.monotonic()
    assert gateway.stop() == 0
    assert time.monotonic() - begun < 10
