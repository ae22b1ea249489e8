"""/metrics as Prometheus reads it: its own tools check the text, the rules and the dashboard, and Debian's Prometheus scrapes a gateway."""

import json
import re
import subprocess
import time

import httpx
import pytest
import yaml

from harness import ROOT, Process, free_port, unique, wait_until

PAGE = (ROOT / "docs" / "metrics.md").read_text()
DOCUMENTED = dict(re.findall(r"^\| `([a-z0-9_]+)` \| (counter|gauge|histogram) \|", PAGE, re.M))
DASHBOARD = json.loads((ROOT / "config" / "grafana-dashboard.json").read_text())

# One worker unpacks Prometheus and starts it.
pytestmark = pytest.mark.xdist_group("prometheus")


@pytest.fixture(scope="session")
def tools():
    """The folder of `prometheus` and `promtool`."""
    found = subprocess.run([ROOT / "scripts" / "fetch-prometheus"], capture_output=True, text=True, timeout=180)
    assert found.returncode == 0, found.stderr
    return found.stdout.strip()


def promtool(tools, *arguments, stdin=None):
    done = subprocess.run([f"{tools}/promtool", *map(str, arguments)], input=stdin, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def busy(demo, tmp_path_factory):
    """A gateway whose every kind of sample has been counted."""
    from harness import Gateway

    gateway = Gateway(demo, tmp_path_factory.mktemp("metrics"), {"events": {"metric_labels": ["model", "tenant"]}}).start()
    key, text = gateway.create_key("acme"), unique()
    for _ in range(2):
        assert gateway.chat(key, text).status_code == 200
        gateway.chat_stream(key, text + " stream")
    gateway.chat(key, text, 'demo/demo-"}\n\\weir_evil{x="1')
    gateway.chat(key, text, "demo/demo-fail-500", headers={"cf-aig-max-attempts": "1"})
    gateway.chat("wk_" + "x" * 43, text)
    gateway.post("/v1/embeddings", key, {"model": "demo/demo-embedding", "input": text})
    wait_until(lambda: "gen_ai_server_time_to_first_token" in scrape(gateway), what="the stream's sample")
    yield gateway
    gateway.stop()


def scrape(gateway, **headers):
    answer = gateway.admin("GET", "/metrics", headers=headers)
    assert answer.status_code == 200
    return answer.text


def samples(text, name):
    return {labels: float(value) for labels, value in re.findall(rf"^{name}(?:\{{(.*)\}})? (\S+)$", text, re.M)}


def test_promtool_has_nothing_to_say_about_the_metrics(tools, busy):
    assert promtool(tools, "check", "metrics", stdin=scrape(busy)).strip() == ""


def test_every_metric_is_documented_with_its_type(busy):
    told = dict(re.findall(r"^# TYPE (\S+) (\S+)$", scrape(busy), re.M))
    assert told.items() <= DOCUMENTED.items()
    # What nobody counted is not told, but all that this gateway did was.
    assert set(DOCUMENTED) - set(told) == set()


def test_both_formats_tell_the_same_samples(busy):
    plain, open_metrics = scrape(busy), scrape(busy, Accept="application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
    moving = re.compile(r"^(process_|weir_client_|weir_connections)")
    lines = lambda text: [line.rsplit(" ", 1)[0] for line in text.splitlines() if not line.startswith("#") and not moving.match(line)]
    assert lines(plain) == lines(open_metrics)
    assert open_metrics.endswith("# EOF\n") and "# EOF" not in plain
    assert "# TYPE weir_requests counter" in open_metrics and "# UNIT weir_request_duration_seconds seconds" in open_metrics


def test_histograms_count_each_request_once(busy):
    text = scrape(busy)
    total = sum(samples(text, "weir_requests_total").values())
    assert sum(samples(text, "weir_request_duration_seconds_count").values()) == total
    assert sum(value for labels, value in samples(text, "weir_request_duration_seconds_bucket").items() if 'le="+Inf"' in labels) == total
    for labels in {re.sub(r'le="[^"]*"', "", labels) for labels in samples(text, "weir_request_duration_seconds_bucket")}:
        rising = [value for each, value in samples(text, "weir_request_duration_seconds_bucket").items() if re.sub(r'le="[^"]*"', "", each) == labels]
        assert rising == sorted(rising)


def test_names_from_outside_are_labels_only_where_asked_for_and_inert(busy, gateway):
    text = scrape(busy)
    assert samples(text, "weir_tenant_requests_total")['tenant="acme"'] > 0
    hostile = [labels for labels in samples(text, "weir_model_requests_total") if "weir_evil" in labels]
    assert hostile and r'\"}\n\\weir_evil{x=\"1' in hostile[0]
    assert not re.search(r"^weir_evil", text, re.M)
    assert "weir_model_" not in scrape(gateway) and "weir_tenant_" not in scrape(gateway)


def test_a_scrape_needs_a_token_and_the_read_one_is_enough(busy):
    assert httpx.get(busy.admin_url + "/metrics", trust_env=False).status_code == 401
    token = (busy.data / "read.token").read_text().strip()
    assert busy.admin("GET", "/metrics", headers={"Authorization": f"Bearer {token}"}).status_code == 200


# Rules and dashboard


def test_the_alert_rules_fire_when_they_should_and_not_otherwise(tools):
    promtool(tools, "check", "rules", ROOT / "config" / "alerts.yaml")
    promtool(tools, "check", "config", "--syntax-only", ROOT / "config" / "prometheus.yaml")
    assert "SUCCESS" in promtool(tools, "test", "rules", ROOT / "Tests" / "EndToEnd" / "alerts.test.yaml")


def test_every_alert_has_a_test_and_says_what_to_do():
    rules = [rule for group in yaml.safe_load((ROOT / "config" / "alerts.yaml").read_text())["groups"] for rule in group["rules"]]
    tests = yaml.safe_load((ROOT / "Tests" / "EndToEnd" / "alerts.test.yaml").read_text())["tests"]
    fired = {case["alertname"]: bool(case["exp_alerts"]) for test in tests for case in test["alert_rule_test"] if case["exp_alerts"]}
    quiet = {case["alertname"] for test in tests for case in test["alert_rule_test"] if not case["exp_alerts"]}
    names = {rule["alert"] for rule in rules}
    assert names == set(fired) == quiet
    for rule in rules:
        assert rule["labels"]["severity"] in ("page", "ticket") and {"summary", "description"} <= rule["annotations"].keys()


def metrics_in(expression):
    names = re.findall(r"\b((?:weir|gen_ai|process)_[a-z0-9_]+)\b(?=\{|\[|\s|$|\))", re.sub(r'"[^"]*"|by \([^)]*\)', "", expression))
    return {re.sub(r"_(bucket|count|sum)$", "", name) if re.sub(r"_(bucket|count|sum)$", "", name) in DOCUMENTED else name for name in names}


def expressions():
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"]
    for annotation in DASHBOARD["annotations"]["list"]:
        yield annotation["name"], annotation["expr"]


def test_rules_and_dashboard_name_only_metrics_that_there_are():
    rules = [rule["expr"] for group in yaml.safe_load((ROOT / "config" / "alerts.yaml").read_text())["groups"] for rule in group["rules"]]
    named = set().union(*(metrics_in(expression) for expression in rules), *(metrics_in(expression) for _, expression in expressions()))
    assert len(named) > 30 and named <= set(DOCUMENTED)


def test_the_dashboards_expressions_are_promql(tools, tmp_path):
    rules = []
    for number, (_, expression) in enumerate(expressions()):
        expression = expression.replace("$__rate_interval", "5m").replace("$instance", ".*")
        assert "$" not in expression
        rules.append({"record": f"panel:{number}", "expr": expression})
    file = tmp_path / "dashboard.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    promtool(tools, "check", "rules", file)


def test_the_dashboards_panels_do_not_overlap_and_have_descriptions():
    taken = {}
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert taken.setdefault((x, y), panel["title"]) == panel["title"]
        assert panel["type"] == "row" or (panel["description"] and panel["targets"])
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


# A real Prometheus


class Prometheus:
    """Debian's, on a port of its own, with the shipped files but for addresses, times and the token's place."""

    def __init__(self, tools, folder, gateway):
        self.url = f"http://127.0.0.1:{free_port()}"
        config = yaml.safe_load((ROOT / "config" / "prometheus.yaml").read_text())
        config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        job = config["scrape_configs"][0]
        job["authorization"]["credentials_file"] = str(gateway.data / "read.token")
        job["static_configs"] = [{"targets": ["{}:{}".format(*gateway.admin_address)]}]
        rules = yaml.safe_load((ROOT / "config" / "alerts.yaml").read_text())
        for group in rules["groups"]:
            for rule in group["rules"]:
                rule.pop("for", None)
        (folder / "alerts.yaml").write_text(yaml.safe_dump(rules))
        (folder / "prometheus.yaml").write_text(yaml.safe_dump(config))
        self.process = Process(
            [f"{tools}/prometheus", f"--config.file={folder}/prometheus.yaml", f"--storage.tsdb.path={folder}/data",
             f"--web.listen-address={self.url.removeprefix('http://')}"],
            folder / "prometheus.log")

    def get(self, path, **query):
        with httpx.Client(trust_env=False, timeout=10) as client:
            return client.get(self.url + path, params=query).json()["data"]

    def answers(self):
        assert self.process.is_running(), self.process.text()[-2000:]
        try:
            return httpx.get(self.url + "/-/ready", trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    def value(self, query):
        found = self.get("/api/v1/query", query=query)["result"]
        return float(found[0]["value"][1]) if found else None

    def firing(self):
        return {alert["labels"]["alertname"] for alert in self.get("/api/v1/alerts")["alerts"] if alert["state"] == "firing"}


@pytest.fixture(scope="module")
def prometheus(tools, busy, tmp_path_factory):
    prometheus = Prometheus(tools, tmp_path_factory.mktemp("prometheus"), busy)
    wait_until(prometheus.answers, 30, "Prometheus")
    yield prometheus
    prometheus.process.stop()


def test_prometheus_scrapes_the_gateway_and_has_its_numbers(prometheus, busy):
    wait_until(lambda: prometheus.value('up{job="weir"}') == 1, 20, "a scrape")
    target = prometheus.get("/api/v1/targets")["activeTargets"][0]
    assert target["health"] == "up" and target["lastError"] == ""
    counted = samples(scrape(busy), "weir_requests_total")[""]
    wait_until(lambda: prometheus.value("weir_requests_total") == counted, 10, "the same count")
    kind = prometheus.get("/api/v1/metadata", metric="weir_request_duration_seconds")["weir_request_duration_seconds"][0]
    assert kind["type"] == "histogram" and kind["unit"] == "seconds"
    assert prometheus.value("sum(weir_request_duration_seconds_count)") == counted
    assert prometheus.value("histogram_quantile(0.5, sum by (le) (weir_request_duration_seconds_bucket))") > 0
    assert prometheus.value('gen_ai_client_token_usage_count{gen_ai_operation_name="chat", gen_ai_token_type="output"}') > 0


def test_prometheus_evaluates_the_rules_without_an_error_and_some_fire(prometheus, busy):
    wait_until(lambda: prometheus.value("weir_build_info") == 1, 20, "a scrape")
    broken = busy.config["routes"]
    busy.config_file.write_text("version: [")
    assert busy.admin("POST", "/config/reload").status_code == 422
    busy.config["routes"] = broken
    busy.write_config()
    wait_until(lambda: "WeirConfigurationRefused" in prometheus.firing(), 20, "the alert")
    assert not prometheus.firing() & {"WeirDown", "WeirNotReady", "WeirCacheDown", "WeirLogDown", "WeirSheds", "WeirBreakerOpen", "WeirLogDrops"}
    for group in prometheus.get("/api/v1/rules")["groups"]:
        for rule in group["rules"]:
            assert rule["health"] == "ok", rule


@pytest.mark.long
def test_prometheus_sees_a_gateway_that_died(tools, start_gateway, tmp_path):
    gateway = start_gateway()
    prometheus = Prometheus(tools, tmp_path, gateway)
    try:
        wait_until(prometheus.answers, 30, "Prometheus")
        wait_until(lambda: prometheus.value('up{job="weir"}') == 1, 20, "a scrape")
        gateway.kill()
        wait_until(lambda: "WeirDown" in prometheus.firing(), 20, "the alert")
    finally:
        prometheus.process.stop()


def test_scrapes_cost_little(busy):
    """100 scrapes a second may cost 2 % of a core's throughput: a scrape has 200 µs, told here from the process's own CPU time."""
    with httpx.Client(base_url=busy.admin_url, headers={"Authorization": f"Bearer {busy.admin_token}"}, trust_env=False) as client:
        client.get("/metrics")
        before = samples(scrape(busy), "process_cpu_seconds_total")[""]
        started = time.monotonic()
        for _ in range(100):
            assert client.get("/metrics").status_code == 200
        took = time.monotonic() - started
        cost = samples(scrape(busy), "process_cpu_seconds_total")[""] - before
    # A debug build takes ten times as long as a release; this guards against the order of magnitude.
    assert cost / 100 < 0.02 and took < 20, (cost, took)
