"""Budgets and slow buckets outlive the process, say when they run out, and stay honest when they can't be recorded (issue: spending is durable)."""

import json
import queue
import resource
import signal
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from harness import unique, wait_until
from limit_fields import assert_limited, left, look, metric, told

LIMITS = {
    "requests": "100/400d", "tokens": "100000/400d", "cost": "5/400d",
    "budgets": [{"requests": 50, "per": "400d"}, {"tokens": 50000, "per": "month"}, {"cost": 2, "per": "day"}],
}


def remaining(gateway, key):
    """What is left of each limit; the calendar's end may come at any time of the day."""
    return {name: state["r"] for name, state in look(gateway, key).items()}


def spend(gateway, key, text, count=5):
    for index in range(count):
        assert gateway.chat(key, f"{text} {index}", max_tokens=20).status_code == 200


def recorded():
    """Spending is recorded once a second: a full interval and the writer's own time."""
    time.sleep(1.3)


def test_what_was_spent_survives_a_restart_to_the_last_token(start_gateway, text):
    gateway = start_gateway()
    key = gateway.issue(limits=LIMITS, tenant_limits={"tokens": "90000/400d", "metadata": {"user": {"tokens": "800/400d"}}})["key"]
    spend(gateway, key, text)
    header = {"cf-aig-metadata": json.dumps({"user": "ann"})}
    before = told(gateway.chat(key, text + " ann", headers=header, max_tokens=20))
    left_before = remaining(gateway, key)
    assert left_before["key-requests"] == 94 and left_before["key-tokens"] < 100000 and left_before["key-cost"] < 5_000_000
    # No waiting: an orderly stop records what the last second brought.
    assert gateway.stop() == 0
    gateway.start()
    assert remaining(gateway, key) == left_before
    after = told(gateway.chat(key, text + " ann", headers=header, max_tokens=20))
    assert after["tenant-tokens-metadata"]["r"] <= before["tenant-tokens-metadata"]["r"]


def test_a_kill_forgets_no_more_than_the_last_second(start_gateway, text):
    gateway = start_gateway()
    key = gateway.issue(limits=LIMITS)["key"]
    spend(gateway, key, text)
    old = remaining(gateway, key)
    recorded()
    spend(gateway, key, text + " late", 2)
    new = remaining(gateway, key)
    gateway.kill()
    gateway.start()
    found = remaining(gateway, key)
    assert all(new[name] <= found[name] <= old[name] for name in old), (new, found, old)


def test_what_is_under_way_at_a_kill_counts_as_spent(start_gateway, demo, text):
    """It can only have been spent (decision 011)."""
    gateway = start_gateway()
    key = gateway.issue(limits={"tokens": "1000/400d"})["key"]

    def ask():
        try:
            gateway.chat(key, text, f"demo/demo-wait-{text}", max_tokens=400)
        except Exception:
            pass  # The gateway is killed under it.

    asking = threading.Thread(target=ask)
    asking.start()
    demo.wait_for_waiting(text)
    recorded()
    gateway.process.signal(signal.SIGKILL)
    gateway.process.wait()
    asking.join()
    gateway.drop_client()
    demo.release(text)
    gateway.start()
    assert left(gateway, key, "key-tokens") <= 600


def test_ten_restarts_refill_nothing(start_gateway, text):
    gateway = start_gateway()
    key = gateway.issue(limits={"requests": "3/400d", "budgets": [{"requests": 4, "per": "400d"}]})["key"]
    admitted = 0
    for index in range(5):
        admitted += gateway.chat(key, f"{text} {index}").status_code == 200
        gateway.stop()
        gateway.start()
    assert admitted == 3
    assert_limited(gateway.chat(key, text + " more"))


def test_a_limit_changed_while_the_gateway_is_down_refills_nothing(start_gateway, text):
    gateway = start_gateway()
    made = gateway.issue(limits={"requests": "5/400d"})
    spend(gateway, made["key"], text, 5)
    gateway.stop()
    gateway.weir("keys", "change", made["id"], "--requests", "7/400d")
    gateway.start()
    assert [gateway.chat(made["key"], f"{text} again {index}").status_code for index in range(3)] == [200, 200, 429]


@pytest.mark.parametrize("per", ["hour", "day", "month", "24h"])
def test_a_spent_budget_is_refused_by_its_own_code(gateway, text, per):
    key = gateway.issue(limits={"budgets": [{"tokens": 100, "per": per}]})["key"]
    assert gateway.chat(key, text, "demo/demo-tokens-95").status_code == 200
    refused = gateway.chat(key, text + " more", max_tokens=10)
    assert_limited(refused, "budget_exceeded")
    limits = told(refused)["key-tokens"]
    assert limits["r"] == 0 and limits["q"] == 100
    ends = int(refused.headers["retry-after"])
    assert 1 <= ends <= {"hour": 3600, "day": 86400, "month": 31 * 86400, "24h": 86400 * 11 // 10 + 1}[per]
    now = time.gmtime()
    if per == "hour":
        assert abs(ends - (3600 - now.tm_min * 60 - now.tm_sec)) <= 2
    if per == "day":
        assert abs(ends - (86400 - now.tm_hour * 3600 - now.tm_min * 60 - now.tm_sec)) <= 2
    assert refused.headers.get("x-should-retry") == ("false" if ends > 60 else None)


def test_a_budget_in_money_stops_when_it_is_spent(gateway, text):
    key = gateway.issue(limits={"budgets": [{"cost": "0.0001", "per": "month"}]})["key"]
    spent = 0
    while (answer := gateway.chat(key, f"{text} {spent}", max_tokens=15)).status_code == 200:
        usage = answer.json()["usage"]
        spent += usage["prompt_tokens"] + 2 * usage["completion_tokens"]
        assert spent <= 100
    assert_limited(answer, "budget_exceeded")
    assert left(gateway, key, "key-cost") == 100 - spent


# Alerts


class Webhook:
    """Remembers what it was sent; answers with the statuses given, then 200."""

    def __init__(self, statuses=()):
        self.got, outer = queue.Queue(), self
        self.statuses = list(statuses)

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.got.put((dict(self.headers), json.loads(body)))
                self.send_response(outer.statuses.pop(0) if outer.statuses else 200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/alerts?token=in-the-url"
        threading.Thread(target=self.server.serve_forever, args=[0.05], daemon=True).start()

    def all(self, count, seconds=4.0):
        """So many alerts, and those that come within another round of the recorder."""
        found = [self.got.get(timeout=seconds) for _ in range(count)]
        time.sleep(1.2)
        while not self.got.empty():
            found.append(self.got.get())
        return found


@pytest.fixture
def webhook():
    hook = Webhook()
    yield hook
    hook.server.shutdown()
    hook.server.server_close()


@pytest.fixture
def alerting(start_gateway, webhook):
    gateway = start_gateway({"metering": {"alert_webhook": webhook.url, "alert_webhook_secret": "env:HOOK_SECRET"}}, wait=False)
    gateway.stop()
    gateway.environment["HOOK_SECRET"] = "hook-canary-77aa51"
    return gateway.start()


def test_each_threshold_is_announced_once_with_the_bearer(alerting, webhook, text):
    made = alerting.issue(limits={"budgets": [{"requests": 10, "per": "month", "alert_at": [50, 80, 100]}]})
    before = metric(alerting, "weir_budget_alerts_total")

    def ask(count):
        for _ in range(count):
            alerting.chat(made["key"], unique(text))

    ask(4)
    time.sleep(1.2)
    assert webhook.got.empty()
    ask(1)
    first = webhook.all(1)
    ask(3)
    second = webhook.all(1)
    ask(5)
    third = webhook.all(1)
    assert [[alert["percent"] for _, alert in found] for found in (first, second, third)] == [[50], [80], [100]]
    headers, alert = first[0]
    assert headers["Authorization"] == "Bearer hook-canary-77aa51" and headers["Content-Type"].startswith("application/json")
    assert alert["type"] == "budget_alert" and alert["scope"] == "key" and alert["id"] == made["id"] and alert["measure"] == "requests"
    assert alert["spent"] == 5 and alert["amount"] == 10 and alert["window_ends"].endswith("Z")
    assert metric(alerting, "weir_budget_alerts_total") == before + 3
    # A restart announces nothing again.
    alerting.stop()
    alerting.start()
    alerting.chat(made["key"], unique(text))
    time.sleep(1.5)
    assert webhook.got.empty()
    log = "".join(path.read_text() for path in alerting.folder.glob("*.log"))
    assert "budget" in log and "hook-canary" not in log and "in-the-url" not in log


def test_thresholds_of_money_are_announced_in_dollars(alerting, webhook, text):
    made = alerting.issue(tenant_limits={"budgets": [{"cost": "0.001", "per": "day", "alert_at": [10]}]})
    assert alerting.chat(made["key"], text, "demo/demo-tokens-100").status_code == 200
    (_, alert), = webhook.all(1)
    assert alert["scope"] == "tenant" and alert["id"] == made["tenant"] and alert["percent"] == 10
    assert alert["amount"] == "0.001" and alert["spent"] == f"0.000{5 + 200:03}"


def test_a_webhook_that_fails_is_tried_again_and_disturbs_nobody(alerting, webhook, text):
    webhook.statuses = [500]
    made = alerting.issue(limits={"budgets": [{"requests": 1, "per": "day", "alert_at": [100]}]})
    alerting.chat(made["key"], text)
    assert alerting.chat(alerting.issue()["key"], text).status_code == 200
    found = [webhook.got.get(timeout=10) for _ in range(2)]
    assert found[0][1] == found[1][1]


# When it can't be recorded


def test_spending_that_can_t_be_recorded_is_said_in_every_answer_and_kept(start_gateway, text):
    """X9: visible in metric and header, never a silent absence."""
    gateway = start_gateway()
    key, unlimited = gateway.issue(limits={"requests": "20/400d", "tokens": "100000/400d"})["key"], gateway.issue()["key"]
    spend(gateway, key, text, 3)
    recorded()
    assert "weir-limits" not in gateway.chat(key, text + " fine").headers
    # No file of the process may be written any more, as on a full disk.
    limits = resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    headers = {"cf-aig-skip-cache": "true"}
    assert gateway.chat(key, text + " more", headers=headers).status_code == 200
    try:
        wait_until(lambda: gateway.chat(key, text, headers={"Cache-Control": "only-if-cached"}).headers.get("weir-limits") == "unrecorded", 10, "the header")
        assert metric(gateway, "weir_spending_write_failures_total") >= 1
        assert "weir-limits" not in gateway.chat(unlimited, text, headers=headers).headers
        # Counting goes on.
        before = remaining(gateway, key)
        assert gateway.chat(key, text + " counted", headers=headers).status_code == 200
        assert remaining(gateway, key)["key-requests"] == before["key-requests"] - 1
    finally:
        resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, limits)
    wait_until(lambda: "weir-limits" not in gateway.client.get("/v1/models", headers={"Authorization": f"Bearer {key}"}).headers, 20, "recording again")
    spent = remaining(gateway, key)
    recorded()
    gateway.kill()
    gateway.start()
    assert remaining(gateway, key) == spent
