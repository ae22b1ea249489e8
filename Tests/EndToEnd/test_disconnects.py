"""Clients that leave, in every phase (group E, B9, X13): the provider's call ends with them, and nothing stays behind."""

import time

import pytest

from harness import Raw, assert_hit, chat_body, descriptors, request_bytes, stream_text, unique, wait_until


def start(gateway, key, body, path="/v1/chat/completions"):
    raw = Raw(gateway.data_address)
    raw.send(request_bytes(path=path, key=key, body=body))
    return raw


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("model, stream", [
    ("demo-hang", False), ("demo-hang", True), ("demo-stall-stream", True), ("demo-slow-stream-100", True),
])
def test_the_upstream_is_cancelled_when_the_client_leaves(gateway, demo, key, text, how, model, stream):
    raw = start(gateway, key, chat_body(text + " word" * 40, f"demo/{model}", stream=stream))
    wait_until(lambda: demo.calls(text) == 1, what="the call's arrival")
    if stream and model != "demo-hang":
        raw.read(b"data: ", 5)
    begun = time.monotonic()
    raw.reset() if how == "reset" else raw.socket.close()
    wait_until(lambda: demo.states(text) == {"aborted": 1}, 5, "the cancellation")
    assert time.monotonic() - begun < 0.4  # 100 ms and the polling


def test_leaving_before_the_body_is_whole_asks_nobody(gateway, demo, key, text):
    request = request_bytes(key=key, body=chat_body(text))
    for cut in (1, 40, len(request) - 1):
        with Raw(gateway.data_address) as raw:
            raw.send(request[:cut])
            time.sleep(0.02)
            raw.reset()
    time.sleep(0.1)
    assert demo.calls(text) == 0


def test_a_stream_left_in_the_middle_is_not_stored(gateway, demo, key, text):
    name = unique("w")
    raw = start(gateway, key, chat_body(text, f"demo/demo-wait-stream-{name}", stream=True))
    raw.read(b"data: ", 5)
    raw.reset()
    wait_until(lambda: demo.states(text) == {"aborted": 1}, 5, "the cancellation")
    demo.release(name)
    again = gateway.chat_stream(key, text, f"demo/demo-wait-stream-{name}")
    assert again.events[-1] == "[DONE]" and demo.calls(text) == 2


def test_two_hundred_clients_that_leave_at_once_leave_nothing_behind(gateway, demo, key, text):
    """E1."""
    gateway.chat(key, text + " warm")
    before = descriptors(gateway.process.pid)
    raws = [start(gateway, key, chat_body(f"{text} {index}", "demo/demo-stall-stream", stream=True)) for index in range(200)]
    for raw in raws:
        raw.read(b"data: ", 10)
    for raw in raws:
        raw.reset()
    wait_until(lambda: demo.states(text).get("running", 0) == 0, 5, "all cancellations")
    wait_until(lambda: descriptors(gateway.process.pid) <= before + 10, 5, "descriptors back to the baseline")
    assert gateway.chat(key, text + " after").status_code == 200


def test_a_place_among_the_running_requests_comes_back(start_gateway, demo, text):
    """X13: in every phase. The tenant may have one request in flight."""
    gateway = start_gateway({
        "tenants": {"one": {"in_flight_max": 1}}, "keys": {"k": {"tenant": "one", "key": "env:ONE_KEY"}},
        "overload": {"queue_max": 0},
    }, wait=False)
    gateway.stop()
    gateway.environment["ONE_KEY"] = key = "wk_" + "O" * 43
    gateway.start()
    for model in ("demo-hang", "demo-stall-stream", "demo-cut-stream", "demo-rst", "demo-fail-500", "demo-chat"):
        raw = start(gateway, key, chat_body(f"{text} {model}", f"demo/{model}", stream=True))
        wait_until(lambda: demo.calls(f"{text} {model}") >= 1, 5, f"the arrival of {model}")
        if model == "demo-hang":
            refused = gateway.chat(key, text + " second")
            assert refused.status_code in (429, 503) and refused.headers["retry-after"]
        raw.reset()
        # A leaving client and the next request may meet on different loops: the place is back a moment later.
        wait_until(lambda: "weir_requests_in_flight 0" in gateway.admin("GET", "/metrics").text, what="the place's return")
        wait_until(lambda: gateway.chat(key, f"{text} after {model}").status_code == 200, 3, f"the place after {model}")
        wait_until(lambda: "weir_requests_in_flight 0" in gateway.admin("GET", "/metrics").text, what="the place's return")


def test_a_leaving_client_disturbs_no_other_on_the_same_loop(gateway, demo, key, text):
    name = unique("w")
    stays = start(gateway, key, chat_body(text + " stays", f"demo/demo-wait-stream-{name}", stream=True))
    leaves = [start(gateway, key, chat_body(f"{text} leaves {index}", "demo/demo-stall-stream", stream=True)) for index in range(10)]
    for raw in leaves:
        raw.read(b"data: ", 5)
        raw.reset()
    demo.release(name)
    assert b"[DONE]" in stays.read(b"[DONE]", 5)


def test_a_pipelining_client_that_leaves_cancels_what_runs(gateway, demo, key, text):
    with Raw(gateway.data_address) as raw:
        raw.send(request_bytes(key=key, body=chat_body(text, "demo/demo-hang")) + request_bytes("GET", "/v1/models", key) * 5)
        wait_until(lambda: demo.calls(text) == 1, what="the call's arrival")
        raw.reset()
    wait_until(lambda: demo.states(text) == {"aborted": 1}, 5, "the cancellation")


def test_a_finished_stream_read_to_the_end_and_closed_is_stored(gateway, key, text):
    raw = start(gateway, key, chat_body(text, stream=True))
    assert b"[DONE]" in raw.read(b"[DONE]", 5)
    raw.socket.close()
    again = gateway.chat_stream(key, text)
    assert_hit(again)
    assert text in stream_text(again.events)
