"""What a finished request leaves behind: its row, its bodies where they are wanted, its span; and sums that agree with the counters."""

import http.server
import json
import re
import threading
import time

import pytest

from harness import Raw, chat_body, request_bytes, unique, wait_until

PRICE = {"demo": {"as_of": "2026-01-01", "models": {"*": {"input": 3, "output": 15}}}}
UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def rows(gateway, **query):
    response = gateway.admin("GET", "/logs", params={"limit": 500, **query})
    assert response.status_code == 200, response.text
    return response.json()["rows"]


def row_of(gateway, response):
    """The row of an answer, which is written within a second."""
    return row_with(gateway, response.headers["cf-aig-log-id"])


def row_with(gateway, identity):
    def look():
        found = gateway.admin("GET", f"/logs/{identity}")
        return found.json() if found.status_code == 200 else None
    return wait_until(look, 10, f"the row {identity}")


def counters(gateway):
    return gateway.admin("GET", "/stats").json()["counters"]


@pytest.fixture
def priced(start_gateway):
    return start_gateway({"prices": PRICE})


def test_a_miss_and_its_hit_have_rows_with_what_was_used_and_what_was_saved(priced, text):
    key = priced.create_key()
    miss, hit = (priced.chat(key, text, headers={"cf-aig-event-id": "my-event", "cf-aig-metadata": '{"user": "u1", "team": 3}'}) for _ in range(2))
    first, second = row_of(priced, miss), row_of(priced, hit)
    usage = miss.json()["usage"]
    assert UUID7.fullmatch(first["id"]) and first["id"] != second["id"]
    assert first["provider"] == "demo" and first["model"] == "demo-chat" and first["path"] == "/v1/chat/completions"
    assert (first["status_code"], first["success"], first["cached"], first["cache_layer"]) == (200, True, False, "miss")
    assert (first["tokens_in"], first["tokens_out"]) == (usage["prompt_tokens"], usage["completion_tokens"])
    cost = (usage["prompt_tokens"] * 3 + usage["completion_tokens"] * 15) / 1e6
    assert first["cost"] == pytest.approx(cost) and first["cost_saved"] == 0 and first["tokens_saved"] == 0
    assert first["attempts"] == 1 and [each["status"] for each in first["attempt_details"]] == [200]
    assert first["metadata"] == {"user": "u1", "team": "3"} and first["event_id"] == "my-event"
    assert first["response_size"] == len(miss.content) and first["request_size"] == len(miss.request.content)
    assert (second["cached"], second["cache_layer"], second["attempts"], second["cost"]) == (True, "exact", 0, 0)
    assert second["tokens_in"] == 0 and second["tokens_saved"] == usage["total_tokens"] and second["cost_saved"] == pytest.approx(cost)
    assert second["overhead_us"] > 0 and second["duration"] > 0 and not second["has_request"] and not second["has_response"]


def test_every_kind_of_end_has_a_row(gateway, text):
    key = gateway.create_key()
    ends = {
        "unauthenticated": gateway.chat("wk_" + "x" * 43, text),
        "refused": gateway.post("/v1/chat/completions", key, {"model": 7}),
        "rejected": gateway.chat(key, text, "demo/demo-fail-400"),
        "upstream": gateway.chat(key, text, "demo/demo-fail-500", headers={"cf-aig-max-attempts": "1"}),
    }
    for kind, response in ends.items():
        row = row_of(gateway, response)
        assert row["error_kind"] == kind and not row["success"] and row["status_code"] == response.status_code, (kind, row)
    with Raw(gateway.data_address) as raw:
        raw.send(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
        _, headers, _ = raw.read_response()
    assert row_with(gateway, headers["cf-aig-log-id"])["error_kind"] == "refused"


def test_a_client_that_leaves_has_a_row_with_what_was_used_until_then(gateway, text):
    key = gateway.create_key()
    event = unique("left")
    with Raw(gateway.data_address) as raw:
        raw.send(request_bytes(key=key, body=chat_body(text, "demo/demo-slow-stream-300", stream=True), headers=[f"cf-aig-event-id: {event}"]))
        raw.read(b"data: ")
        raw.reset()
    row = wait_until(lambda: rows(gateway, search=event), 10, "the row")[0]
    assert row["error_kind"] == "client_left" and row["attempts"] == 1 and row["tokens_in"] > 0


def test_the_sums_agree_with_the_counters_to_the_unit(priced, text):
    """Misses, hits, streams, refusals, failures, clients that leave and answers that go on without one."""
    key = priced.create_key()
    for index in range(12):
        priced.chat(key, f"{text} {index % 4}")
        priced.chat_stream(key, f"{text} stream {index % 3}")
        priced.chat(key, f"{text} {index}", "demo/demo-fail-500", headers={"cf-aig-retry-delay": "0"})
        priced.chat("wk_" + "y" * 43, text)
        with Raw(priced.data_address) as raw:
            raw.send(request_bytes(key=key, body=chat_body(f"{text} left {index}", "demo/demo-slow-stream-300", stream=True)))
            raw.read(b"data: " if index % 2 else b"HTTP/1.1 200", 5)
            raw.reset()

    def agree():
        stats = priced.admin("GET", "/stats", params={"window": "24h"}).json()
        sums, counted = stats["totals"], stats["counters"]
        return stats if (sums["requests"], sums["attempts"]) == (counted["requests"], counted["upstream_attempts"]) else None

    stats = wait_until(agree, 15, "sums and counters")
    sums, counted = stats["totals"], stats["counters"]
    assert sums["requests"] >= 60 and sums["hits"]["exact"] == counted["cache_hits"] > 0
    for mine, theirs in {"tokens_in": "tokens_input", "tokens_out": "tokens_output", "tokens_saved": "tokens_saved", "retries": "upstream_retries"}.items():
        assert sums[mine] == counted[theirs], (mine, sums[mine], counted[theirs])
    assert sums["cost"] == pytest.approx(counted["cost_nanousd"] / 1e9, abs=1e-9)
    assert sums["errors"]["unauthenticated"] == counted["authentication_failures"] == 12
    grouped = priced.admin("GET", "/stats", params={"window": "24h", "group_by": "cache"}).json()["groups"]
    assert sum(group["requests"] for group in grouped) == sums["requests"]
    series = priced.admin("GET", "/stats", params={"window": "1h", "step": "1m"}).json()["series"]
    assert sum(point["requests"] for point in series) == sums["requests"]


def test_rows_and_sums_are_there_after_a_crash(start_gateway, text):
    gateway = start_gateway()
    key = gateway.create_key()
    responses = [gateway.chat(key, f"{text} {index}") for index in range(20)]
    last = row_of(gateway, responses[-1])
    wait_until(lambda: gateway.admin("GET", "/stats").json()["totals"]["requests"] == 20, 10, "the sums")
    time.sleep(1.2)  # at most a second may be lost
    gateway.kill()
    gateway.start()
    assert [row["id"] for row in rows(gateway)] == [response.headers["cf-aig-log-id"] for response in reversed(responses)]
    assert gateway.admin("GET", "/stats").json()["totals"]["requests"] == 20
    again = row_of(gateway, gateway.chat(key, text))
    assert again["sequence"] > last["sequence"]


def test_a_tenant_says_what_it_thinks_of_its_own_answers_only(gateway, text):
    key, other = gateway.create_key(), gateway.create_key()
    row = row_of(gateway, gateway.chat(key, text))

    def say(key, identity, body):
        return gateway.post(f"/weir/feedback/{identity}", key, body)

    said = say(key, row["id"], {"feedback": -1, "score": 20})
    assert said.status_code == 200 and said.json() == {"object": "feedback", "feedback": -1, "score": 20}
    assert (row_with(gateway, row["id"])["feedback"], row_with(gateway, row["id"])["score"]) == (-1, 20)
    assert say(key, row["id"], {"feedback": None}).json()["feedback"] is None
    for body in ({"feedback": 2}, {}, {"stars": 5}, [1]):
        assert say(key, row["id"], body).status_code == 400, body
    for asked in (say(other, row["id"], {"feedback": 1}), say(key, row["id"][:-4] + "0000", {"feedback": 1})):
        assert asked.status_code == 404 and asked.json()["error"]["code"] == "log_not_found"
    assert row_with(gateway, row["id"])["feedback"] is None


# Collection


def test_bodies_are_kept_only_where_they_are_wanted(start_gateway, text):
    gateway = start_gateway({"routes": {"kept": {"targets": ["demo/demo-chat"], "events": {"payloads": True}},
                                        "unseen": {"targets": ["demo/demo-chat"], "events": {"collect": False}}},
                             "tenants": {"private": {"events": {"payloads": False}}}})
    key = gateway.create_key()
    plain = row_of(gateway, gateway.chat(key, f"{text} 1"))
    assert not plain["has_request"]
    response = gateway.chat(key, f"{text} 2", "kept")
    row = row_of(gateway, response)
    assert row["has_request"] and row["has_response"] and row["route"] == "kept"
    assert gateway.admin("GET", f"/logs/{row['id']}/request").content == response.request.content
    assert gateway.admin("GET", f"/logs/{row['id']}/response").content == response.content
    asked = gateway.chat(key, f"{text} 3", headers={"cf-aig-collect-log-payload": "true"})
    assert row_of(gateway, asked)["has_request"]
    spared = gateway.chat(key, f"{text} 4", "kept", headers={"cf-aig-collect-log-payload": "false"})
    assert not row_of(gateway, spared)["has_request"]
    private = gateway.create_key("private")
    assert not row_of(gateway, gateway.chat(private, f"{text} 5", "kept", headers={"cf-aig-collect-log-payload": "true"}))["has_request"]
    before = gateway.admin("GET", "/stats").json()["totals"]["requests"]
    hidden = [gateway.chat(key, f"{text} 6", "unseen"), gateway.chat(key, f"{text} 7", headers={"cf-aig-collect-log": "false"})]
    wait_until(lambda: gateway.admin("GET", "/stats").json()["totals"]["requests"] == before + 2, 10, "the sums")
    for response in hidden:
        assert gateway.admin("GET", f"/logs/{response.headers['cf-aig-log-id']}").status_code == 404
    shown = gateway.chat(key, f"{text} 8", "unseen", headers={"cf-aig-collect-log": "true"})
    assert row_of(gateway, shown)["route"] == "unseen"


def test_a_stream_s_body_is_kept_as_it_was_sent_and_a_long_one_is_cut(start_gateway, text):
    gateway = start_gateway({"events": {"payloads": True, "payload_bytes_max": 1000}})
    key = gateway.create_key()
    stream = gateway.chat_stream(key, text)
    row = row_of(gateway, stream)
    kept = gateway.admin("GET", f"/logs/{row['id']}/response")
    assert kept.content.startswith(b"data: ") and kept.content in stream.text.encode()
    long = gateway.chat(key, text + " " + "x" * 5000)
    row = row_of(gateway, long)
    kept = gateway.admin("GET", f"/logs/{row['id']}/request")
    assert kept.headers["weir-truncated"] == "true" and len(kept.content) <= 1000 and row["request_size"] > 5000


def test_what_is_secret_in_a_body_is_replaced_before_it_is_written(start_gateway, text):
    gateway = start_gateway({"events": {"payloads": True, "redact_patterns": ["PROJECT-[0-9]+"]}})
    key = gateway.create_key()
    secrets = ["sk-proj-abcdefghijklmnopqrstuvwxyz012345", "jane.doe@example.com", "4111 1111 1111 1111", "DE89 3704 0044 0532 0130 00", "PROJECT-4711"]
    response = gateway.chat(key, f"{text} {' and '.join(secrets)} end")
    row = row_of(gateway, response)
    kept = gateway.admin("GET", f"/logs/{row['id']}/request").text
    assert "end" in kept and not [secret for secret in secrets if secret in kept], kept
    time.sleep(0.5)
    on_disk = b"".join(path.read_bytes() for path in (gateway.data / "ring").rglob("*") if path.is_file())
    assert b"end" in on_disk and not [secret for secret in secrets if secret.encode() in on_disk]


# Traces


class Collector:
    """An OTLP collector: keeps what it is sent."""

    def __init__(self):
        self.exports, self.headers = [], []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                outer.headers.append(dict(self.headers))
                outer.exports.append((self.path, json.loads(body)))
                self.send_response(200)
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1/traces"

    @property
    def spans(self):
        return [span for _, export in self.exports for resource in export["resourceSpans"] for scope in resource["scopeSpans"] for span in scope["spans"]]


@pytest.fixture
def collector():
    collector = Collector()
    yield collector
    collector.server.shutdown()
    collector.server.server_close()


def attributes(span):
    return {each["key"]: next(iter(each["value"].values())) for each in span["attributes"]}


def test_a_request_is_a_span_with_its_attempts_below_it(start_gateway, collector, demo, text):
    gateway = start_gateway({"events": {"otlp_endpoint": collector.url}})
    key = gateway.create_key()
    trace, caller = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    response = gateway.chat(key, text, headers={"traceparent": f"00-{trace}-{caller}-01"})
    hit = gateway.chat(key, text)
    wait_until(lambda: len(collector.spans) >= 3, 10, "the spans")
    mine = [span for span in collector.spans if span["traceId"] == trace]
    server = next(span for span in mine if span["kind"] == 2)
    attempt = next(span for span in mine if span["kind"] == 3)
    assert server["parentSpanId"] == caller and attempt["parentSpanId"] == server["spanId"] and server["name"] == "chat demo-chat"
    known = attributes(server)
    assert known["gen_ai.operation.name"] == "chat" and known["gen_ai.provider.name"] == "demo"
    assert int(known["gen_ai.usage.input_tokens"]) == response.json()["usage"]["prompt_tokens"] and known["weir.cache.layer"] == "miss"
    assert int(server["startTimeUnixNano"]) <= int(attempt["startTimeUnixNano"]) <= int(attempt["endTimeUnixNano"])
    sent = dict(demo.requests(text)[0]["headers"])
    assert sent["traceparent"] == f"00-{trace}-{attempt['spanId']}-01"
    own = next(span for span in collector.spans if span["traceId"] != trace)
    assert attributes(own)["weir.cache.layer"] == "exact" and "parentSpanId" not in own
    row = row_of(gateway, response)
    assert row["trace_id"] == trace and row["span_id"] == server["spanId"]
    assert row_of(gateway, hit)["trace_id"] == own["traceId"]


def test_without_a_collector_a_caller_s_trace_is_passed_on_as_it_came(gateway, demo, text):
    key = gateway.create_key()
    field = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    response = gateway.chat(key, text, headers={"traceparent": field, "tracestate": "a=b"})
    sent = dict(demo.requests(text)[0]["headers"])
    assert sent["traceparent"] == field and sent["tracestate"] == "a=b"
    assert row_of(gateway, response)["trace_id"] == field[3:35]


def test_a_caller_that_does_not_record_is_not_recorded(start_gateway, collector, text):
    gateway = start_gateway({"events": {"otlp_endpoint": collector.url}})
    key = gateway.create_key()
    gateway.chat(key, text, headers={"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"})
    gateway.chat(key, text, headers={"traceparent": "no trace"})
    wait_until(lambda: collector.spans, 10, "the other's span")
    assert "0af7651916cd43dd8448eb211c80319c" not in {span["traceId"] for span in collector.spans}


def test_a_dead_collector_costs_requests_nothing(start_gateway, text):
    gateway = start_gateway({"events": {"otlp_endpoint": "http://127.0.0.1:9/v1/traces"}})
    key = gateway.create_key()
    for index in range(20):
        assert gateway.chat(key, f"{text} {index}").status_code == 200
    wait_until(lambda: "collector" in gateway.process.text() or "export of spans" in gateway.process.text(), 15, "a word about it")
