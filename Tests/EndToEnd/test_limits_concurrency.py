"""Limits of requests at once: N hold, one more is refused, and whatever ends a request gives its place back (K7, X13)."""


import pytest

from harness import Raw, chat_body, free_port, request_bytes, unique, wait_until
from limit_fields import assert_limited, at_once, left, look, statuses, told

PLACES = 3


@pytest.fixture
def limited(gateway):
    return gateway.issue(limits={"concurrency": PLACES})["key"]


@pytest.fixture
def gate(demo):
    name = unique("gate")
    yield name
    demo.release(name)


def start(gateway, key, text, model, path="/v1/chat/completions", **fields):
    raw = Raw(gateway.data_address)
    raw.send(request_bytes(path=path, key=key, body=chat_body(text, model, **fields)))
    return raw


def in_use(gateway, key):
    return PLACES - left(gateway, key, "key-concurrency")


def assert_all_places_are_free(gateway, demo, key):
    """None is in use, and as many as promised can be taken, no more."""
    wait_until(lambda: in_use(gateway, key) == 0, 5, f"{PLACES} free places; in use are {in_use(gateway, key)},")
    gate = unique("gate")
    raws = [start(gateway, key, f"{gate} {index}", f"demo/demo-wait-{gate}") for index in range(PLACES)]
    demo.wait_for_waiting(gate, PLACES)
    assert_limited(gateway.chat(key, gate + " more"), "concurrency_limit_exceeded")
    demo.release(gate)
    assert [raw.read_response()[0] for raw in raws] == [200] * PLACES
    for raw in raws:
        raw.socket.close()
    wait_until(lambda: in_use(gateway, key) == 0, 5, "free places")


def test_one_more_than_allowed_is_refused_until_one_has_ended(gateway, demo, limited, text, gate):
    model = f"demo/demo-wait-stream-{gate}"
    raws = [start(gateway, limited, f"{text} {index}", model, stream=True) for index in range(PLACES)]
    for raw in raws:
        assert b"data: " in raw.read(b"data: ", 5)
    assert in_use(gateway, limited) == PLACES
    refused = gateway.chat(limited, text + " more")
    assert_limited(refused, "concurrency_limit_exceeded")
    assert refused.headers["retry-after"] == "1" and told(refused)["key-concurrency"] == {"q": PLACES, "qu": "concurrent-requests", "r": 0}
    assert demo.calls(text + " more") == 0
    demo.release(gate)
    for raw in raws:
        with raw:
            assert b"[DONE]" in raw.read(b"[DONE]", 5)
    wait_until(lambda: gateway.chat(limited, text + " after").status_code == 200, 3, "a free place")


def test_a_serial_client_with_one_place_is_never_refused(gateway, text):
    key = gateway.issue(limits={"concurrency": 1})["key"]
    for index in range(30):
        assert gateway.chat(key, f"{text} {index}").status_code == 200
        assert gateway.chat_stream(key, f"{text} s{index}").status_code == 200


def test_of_many_at_once_exactly_as_many_as_allowed_are_taken(gateway, demo, limited, text, gate):
    raws = [start(gateway, limited, f"{text} {index}", f"demo/demo-wait-{gate}") for index in range(40)]
    demo.wait_for_waiting(gate, PLACES)
    wait_until(lambda: sum(b"429" in raw.read(b"\r\n", 0.01) for raw in raws) == 40 - PLACES, 10, "the refusals")
    assert demo.calls(text) == PLACES
    demo.release(gate)
    found = [raw.read_response()[0] for raw in raws]
    assert sorted(found) == [200] * PLACES + [429] * (40 - PLACES)


def test_a_hit_takes_no_place(gateway, demo, limited, text, gate):
    assert gateway.chat(limited, text).status_code == 200
    raws = [start(gateway, limited, f"{text} {index}", f"demo/demo-wait-{gate}") for index in range(PLACES)]
    demo.wait_for_waiting(gate, PLACES)
    assert gateway.chat(limited, text).headers["cf-aig-cache-status"] == "HIT"
    demo.release(gate)
    assert [raw.read_response()[0] for raw in raws] == [200] * PLACES


def test_followers_take_no_place(gateway, demo, text, gate):
    """They wait for somebody else's call."""
    key = gateway.issue(limits={"concurrency": 1, "requests": "100/400d"})["key"]
    leader = start(gateway, key, text, f"demo/demo-wait-{gate}")
    demo.wait_for_waiting(gate)
    # Whoever comes while the place is taken is refused before it could follow.
    assert_limited(gateway.chat(key, text, f"demo/demo-wait-{gate}"), "concurrency_limit_exceeded")
    demo.release(gate)
    assert leader.read_response()[0] == 200


# Clients that leave


def leave_while_the_body_is_sent(gateway, demo, key, text):
    request = request_bytes(key=key, body=chat_body(text + "x" * 5000, "demo/demo-hang"))
    for cut in (len(request) - 1, len(request) // 2, 150):
        raw = Raw(gateway.data_address)
        raw.send(request[:cut])
        yield raw


def leave_waiting_for_the_head(gateway, demo, key, text):
    for index in range(PLACES):
        yield start(gateway, key, f"{text} {index}", "demo/demo-hang")
    wait_until(lambda: demo.calls(text) == PLACES, what="the calls' arrival")


def leave_in_the_middle_of_a_stream(gateway, demo, key, text):
    raws = [start(gateway, key, f"{text} {index}", "demo/demo-stall-stream", stream=True) for index in range(PLACES)]
    for raw in raws:
        assert b"data: " in raw.read(b"data: ", 5)
    return raws


def leave_in_the_middle_of_a_native_stream(gateway, demo, key, text):
    path = "/demo/v1/chat/completions"
    raws = [start(gateway, key, f"{text} {index}", "demo-stall-stream", path, stream=True) for index in range(PLACES)]
    for raw in raws:
        assert b"data: " in raw.read(b"data: ", 5)
    return raws


def leave_as_followers_of_one_flight(gateway, demo, key, text):
    raws = []
    for _ in range(PLACES):
        raws.append(start(gateway, key, text, "demo/demo-hang"))
        wait_until(lambda: demo.calls(text) == 1, what="the leader's call")
    # The leader holds one place, its followers none: they may come one after the other.
    wait_until(lambda: in_use(gateway, key) == 1, 3, "followers without places")
    return raws


def leave_the_leader_first(gateway, demo, key, text):
    raws = leave_as_followers_of_one_flight(gateway, demo, key, text)
    raws[0].reset()
    wait_until(lambda: demo.states(text).get("running", 0) <= 1, 5, "the take-over")
    return raws[1:]


def leave_with_an_answer_unread(gateway, demo, key, text):
    for index in range(PLACES):
        raw = Raw(gateway.data_address, receive_buffer=4096)
        raw.send(request_bytes(key=key, body=chat_body(f"{text} {index}", "demo/demo-big-3000000", stream=True)))
        raw.read(b"data: ", 5)
        yield raw


def leave_pipelined(gateway, demo, key, text):
    raw = Raw(gateway.data_address)
    raw.send(request_bytes(key=key, body=chat_body(text, "demo/demo-hang")) + request_bytes(key=key, body=chat_body(text + " 2")) * 3)
    wait_until(lambda: demo.calls(text) == 1, what="the call's arrival")
    return [raw]


@pytest.mark.parametrize("phase", [
    leave_while_the_body_is_sent, leave_waiting_for_the_head, leave_in_the_middle_of_a_stream, leave_in_the_middle_of_a_native_stream,
    leave_as_followers_of_one_flight, leave_the_leader_first, leave_with_an_answer_unread, leave_pipelined,
], ids=lambda phase: phase.__name__)
@pytest.mark.parametrize("how", ["close", "reset"])
def test_clients_that_leave_in_any_phase_leave_no_place_taken(gateway, demo, limited, text, phase, how):
    for raw in list(phase(gateway, demo, limited, text)):
        raw.reset() if how == "reset" else raw.socket.close()
    assert_all_places_are_free(gateway, demo, limited)


@pytest.mark.parametrize("how", ["close", "reset"])
def test_clients_that_leave_in_the_middle_of_an_upload_leave_no_place_taken(gateway, demo, text, how):
    made = gateway.issue(limits={"concurrency": PLACES}, tenant_fields={"paths": ["/v1/files*"]})
    head = ["Content-Type: application/octet-stream", "Content-Length: 1000000"]
    raws = []
    for _ in range(PLACES):
        raws.append(Raw(gateway.data_address))
        raws[-1].send(request_bytes(path="/demo/v1/files", key=made["key"], headers=head, length=False).replace(b"Content-Type: application/json\r\n", b"") + b"x" * 5000)
    wait_until(lambda: in_use(gateway, made["key"]) == PLACES, 3, "uploads under way")
    for raw in raws:
        raw.reset() if how == "reset" else raw.socket.close()
    assert_all_places_are_free(gateway, demo, made["key"])


def test_clients_that_leave_the_queue_leave_no_place_taken(start_gateway, demo, text):
    """They hold their own places while they wait for one of the gateway's."""
    gateway = start_gateway({"overload": {"in_flight_per_tenant_max": 1, "queue_wait": "20s", "hits_reserve_percent": 0}})
    made = gateway.issue()
    other = gateway.issue(made["tenant"], limits={"concurrency": PLACES})["key"]
    holder = start(gateway, made["key"], text, f"demo/demo-wait-{text}")
    demo.wait_for_waiting(text)
    raws = [start(gateway, other, f"{text} {index}", "demo/demo-chat") for index in range(PLACES)]
    wait_until(lambda: in_use(gateway, other) == PLACES, 3, "three that wait")
    assert_limited(gateway.chat(other, text + " more"), "concurrency_limit_exceeded")
    for raw in raws[1:]:
        raw.reset()
    wait_until(lambda: in_use(gateway, other) == 1, 3, "two places")
    demo.release(text)
    assert holder.read_response()[0] == 200 and raws[0].read_response()[0] == 200
    wait_until(lambda: in_use(gateway, other) == 0, 3, "all places")


# Providers that fail


@pytest.mark.parametrize("model", [
    "demo-rst", "demo-fail-500", "demo-fail-429", "demo-cut-body", "demo-cut-chunked", "demo-cut-stream-0", "demo-rst-stream-0",
    "demo-cut-stream", "demo-rst-stream", "demo-redirect", "demo-huge-headers", "demo-error-event", "demo-html", "demo-hang",
])
@pytest.mark.parametrize("stream", [False, True])
def test_a_provider_that_fails_leaves_no_place_taken(gateway, demo, limited, text, model, stream):
    headers = ["cf-aig-request-timeout: 150", "Connection: close"]
    raws = [Raw(gateway.data_address) for _ in range(PLACES)]
    for index, raw in enumerate(raws):
        raw.send(request_bytes(key=limited, body=chat_body(f"{text} {index}", f"demo/{model}", stream=stream), headers=headers))
    for raw in raws:
        with raw:
            assert raw.read(None, 5) and raw.is_closed
    assert_all_places_are_free(gateway, demo, limited)


def test_a_provider_that_refuses_connections_leaves_no_place_taken(start_gateway, demo, text):
    gateway = start_gateway({"providers": {"nobody": {"url": f"http://127.0.0.1:{free_port()}/v1", "allow_private": True, "local": True}}})
    key = gateway.issue(limits={"concurrency": PLACES})["key"]
    answers = at_once(gateway, [request_bytes(key=key, body=chat_body(f"{text} {index}", "nobody/model")) for index in range(PLACES)])
    assert statuses(answers) == [502] * PLACES
    assert_all_places_are_free(gateway, demo, key)


def test_what_another_limit_refuses_takes_no_place(gateway, demo, text):
    key = gateway.issue(limits={"concurrency": PLACES, "tokens": "1000/400d", "cost": "1/400d", "models": {"demo/demo-length": {"requests": "1/400d"}}})["key"]
    for index in range(5):
        gateway.chat(key, f"{text} {index}", "demo/demo-length", max_tokens=10)
        assert gateway.chat(key, f"{text} {index}", max_tokens=5000).status_code == 400
        assert gateway.chat(key, f"{text} {index}", "other/demo-chat").status_code == 400
        assert gateway.chat(key, f"{text} {index}", headers={"Cache-Control": "only-if-cached"}).status_code == 504
    assert in_use(gateway, key) == 0
    assert_all_places_are_free(gateway, demo, key)


def test_fewer_places_than_are_taken_admit_nobody_until_enough_are_back(gateway, demo, text, gate):
    """K8."""
    made = gateway.issue(limits={"concurrency": PLACES})
    raws = [start(gateway, made["key"], f"{text} {index}", f"demo/demo-wait-{gate}") for index in range(PLACES)]
    demo.wait_for_waiting(gate, PLACES)
    change = {"limits": {"concurrency": 1}}
    assert gateway.admin("PATCH", f"/keys/{made['id']}", json=change).status_code == 200
    raws[0].reset()
    wait_until(lambda: demo.states(text).get("aborted") == 1, 5, "the cancellation")
    assert_limited(gateway.chat(made["key"], text + " more"), "concurrency_limit_exceeded")
    demo.release(gate)
    assert [raw.read_response()[0] for raw in raws[1:]] == [200] * (PLACES - 1)
    wait_until(lambda: look(gateway, made["key"])["key-concurrency"]["r"] == 1, 3, "the one place")
    assert gateway.chat(made["key"], text + " more").status_code == 200


@pytest.mark.parametrize("waiters", [0, 10], ids=["shed", "expired"])
def test_a_request_that_found_the_house_full_costs_no_request(start_gateway, demo, text, gate, waiters):
    """Nothing was begun for it."""
    overload = {"in_flight_per_tenant_max": 1, "queue_max": waiters, "queue_wait": "200ms", "hits_reserve_percent": 0}
    gateway = start_gateway({"overload": overload})
    key = gateway.issue(limits={"requests": "10/400d", "tokens": "10000/400d", "concurrency": 5})["key"]
    holder = start(gateway, key, text, f"demo/demo-wait-{gate}")
    demo.wait_for_waiting(gate)
    for index in range(3):
        answer = gateway.chat(key, f"{text} {index}")
        assert answer.status_code == 503 and answer.json()["error"]["code"] == "overloaded", answer.text
    found = told(answer)
    assert (found["key-requests"]["r"], found["key-concurrency"]["r"]) == (9, 4)
    demo.release(gate)
    assert holder.read_response(10)[0] == 200
    assert gateway.chat(key, text + " after").status_code == 200
    assert left(gateway, key, "key-requests") == 8
