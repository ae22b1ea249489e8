"""N identical misses, one upstream call (group H). Interleavings are chosen with barriers in the demo provider."""

import threading

import pytest

from harness import Raw, assert_hit, cache_status, chat_body, is_hit, parse_events, request_bytes, stream_text, unique, wait_until


class Many:
    """The same request by many clients at once."""

    def __init__(self, gateway, keys, body, path="/v1/chat/completions"):
        self.raws = []
        for key in keys:
            raw = Raw(gateway.data_address)
            raw.send(request_bytes(path=path, key=key, body=body))
            self.raws.append(raw)

    def responses(self):
        found = [None] * len(self.raws)

        def read(index):
            with self.raws[index] as raw:
                found[index] = raw.read_response(20)

        threads = [threading.Thread(target=read, args=[index]) for index in range(len(self.raws))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return found


@pytest.fixture
def gate(demo):
    name = unique("gate")
    yield name
    demo.release(name)


def collapsed(responses):
    return sum("collapsed" in headers["cache-status"] for _, headers, _ in responses)


@pytest.mark.parametrize("stream", [False, True])
def test_identical_misses_make_one_call(gateway, demo, key, text, gate, stream):
    """H1."""
    model = f"demo/demo-wait-stream-{gate}" if stream else f"demo/demo-wait-{gate}"
    many = Many(gateway, [key] * 100, chat_body(text, model, stream=stream))
    demo.wait_for_waiting(gate)
    wait_for_arrivals(gateway, key)
    demo.release(gate)
    responses = many.responses()
    assert [status for status, _, _ in responses] == [200] * 100
    assert len({body for _, _, body in responses}) == 1
    assert demo.calls(text) == 1
    assert collapsed(responses) == 99


def wait_for_arrivals(gateway, key):
    """Requests sent before this one, on other connections, have been read by the time it returns (a loop serves in order)."""
    for _ in range(8):
        with Raw(gateway.data_address) as raw:
            raw.send(request_bytes("GET", "/v1/models", key))
            raw.read_response()


def test_a_thousand_identical_misses_make_one_call(gateway, demo, key, text, gate):
    many = Many(gateway, [key] * 1000, chat_body(text, f"demo/demo-wait-{gate}"))
    demo.wait_for_waiting(gate)
    wait_for_arrivals(gateway, key)
    demo.release(gate)
    assert [status for status, _, _ in many.responses()] == [200] * 1000
    assert demo.calls(text) == 1


def test_tenants_never_share_a_flight(gateway, demo, text, gate):
    """H3."""
    keys = [gateway.create_key() for _ in range(5)]
    many = Many(gateway, keys * 4, chat_body(text, f"demo/demo-wait-{gate}"))
    demo.wait_for_waiting(gate, 5)
    wait_for_arrivals(gateway, keys[0])
    assert demo.calls(text) == 5
    demo.release(gate)
    assert [status for status, _, _ in many.responses()] == [200] * 20
    assert demo.calls(text) == 5


@pytest.mark.parametrize("headers", [{"Cache-Control": "no-cache"}, {"Cache-Control": "no-store"}, {"cf-aig-skip-cache": "true"}], ids=str)
def test_requests_that_want_a_fresh_answer_share_no_flight(gateway, demo, key, text, gate, headers):
    body = chat_body(text, f"demo/demo-wait-{gate}")
    raws = []
    for _ in range(3):
        raw = Raw(gateway.data_address)
        raw.send(request_bytes(key=key, body=body, headers=[f"{name}: {value}" for name, value in headers.items()]))
        raws.append(raw)
    demo.wait_for_waiting(gate, 3)
    demo.release(gate)
    for raw in raws:
        assert raw.read_response()[0] == 200


def test_a_stream_never_follows_a_plain_flight_and_the_reverse_may(gateway, demo, key, text, gate):
    plain = Many(gateway, [key], chat_body(text, f"demo/demo-wait-{gate}"))
    demo.wait_for_waiting(gate, 1)
    stream = Many(gateway, [key], chat_body(text, f"demo/demo-wait-{gate}", stream=True))
    demo.wait_for_waiting(gate, 2)
    follower = Many(gateway, [key], chat_body(text, f"demo/demo-wait-{gate}"))
    wait_for_arrivals(gateway, key)
    demo.release(gate)
    answers = [many.responses()[0] for many in (plain, stream, follower)]
    assert [status for status, _, _ in answers] == [200] * 3
    assert answers[1][1]["content-type"].startswith("text/event-stream")
    assert demo.calls(text) == 2


def test_a_plain_request_may_follow_a_stream(gateway, demo, key, text, gate):
    stream = Many(gateway, [key], chat_body(text, f"demo/demo-wait-stream-{gate}", stream=True))
    demo.wait_for_waiting(gate, 1)
    plain = Many(gateway, [key], chat_body(text, f"demo/demo-wait-stream-{gate}"))
    wait_for_arrivals(gateway, key)
    demo.release(gate)
    _, _, events = stream.responses()[0]
    status, headers, body = plain.responses()[0]
    assert status == 200 and headers["content-type"].startswith("application/json")
    assert text.encode() in body and text in stream_text(parse_events(events.decode()))


def test_a_late_follower_gets_the_stream_from_its_beginning(gateway, demo, key, text, gate):
    body = chat_body(text, f"demo/demo-wait-stream-{gate}", stream=True)
    with Raw(gateway.data_address) as leader, Raw(gateway.data_address) as follower:
        leader.send(request_bytes(key=key, body=body))
        leader.read(b"data: ", 5)
        follower.send(request_bytes(key=key, body=body))
        # What the leader has had already comes at once.
        assert b"data: " in follower.read(b"data: ", 5)
        assert demo.calls(text) == 1
        demo.release(gate)
        assert leader.read_response()[2] == follower.read_response()[2]


@pytest.mark.parametrize("model", ["demo-fail-once-503", "demo-fail-once-500"])
def test_when_the_leader_fails_one_follower_takes_over(gateway, demo, key, text, model):
    """H2: one further call, not N."""
    many = Many(gateway, [key] * 30, chat_body(text, f"demo/{model}"))
    responses = many.responses()
    assert sum(status == 200 for status, _, _ in responses) >= 29
    assert demo.calls(text) <= 3


def test_when_everything_fails_followers_do_not_queue_up_one_by_one(gateway, demo, key, text):
    many = Many(gateway, [key] * 30, chat_body(text, "demo/demo-fail-400"))
    assert {status for status, _, _ in many.responses()} == {400}


@pytest.mark.parametrize("stream", [False, True])
def test_when_the_leader_leaves_the_followers_still_get_their_answer(gateway, demo, key, text, gate, stream):
    """E3."""
    model = f"demo/demo-wait-stream-{gate}" if stream else f"demo/demo-wait-{gate}"
    body = chat_body(text, model, stream=stream)
    leader = Raw(gateway.data_address)
    leader.send(request_bytes(key=key, body=body))
    demo.wait_for_waiting(gate)
    followers = Many(gateway, [key] * 5, body)
    wait_for_arrivals(gateway, key)
    leader.reset()
    wait_for_arrivals(gateway, key)
    demo.release(gate)
    responses = followers.responses()
    assert [status for status, _, _ in responses] == [200] * 5
    for _, _, body in responses:
        assert text in (stream_text(parse_events(body.decode())) if stream else body.decode())
    assert demo.calls(text) <= 2


def test_when_all_leave_the_call_is_cancelled(gateway, demo, key, text, gate):
    many = Many(gateway, [key] * 5, chat_body(text, f"demo/demo-wait-{gate}"))
    demo.wait_for_waiting(gate)
    wait_for_arrivals(gateway, key)
    for raw in many.raws:
        raw.reset()
    wait_until(lambda: demo.states(text) == {"aborted": 1}, 5, "the cancellation")


def test_an_answer_that_can_t_be_stored_does_not_serialise_the_waiters(gateway, demo, key, text):
    """H4, the Varnish trap: the second round goes its own way, in parallel."""
    body = chat_body(text, "demo/demo-length")
    Many(gateway, [key] * 3, body).responses()
    slow = chat_body(text + " slow", "demo/demo-slow-300ms", tools=[{"type": "function", "function": {"name": "f"}}])
    import time

    begun = time.monotonic()
    responses = Many(gateway, [key] * 10, slow.replace(b"slow\"", b"slow call the tool\"")).responses()
    assert {status for status, _, _ in responses} == {200}
    assert time.monotonic() - begun < 2.0, "waiters went one by one"


def test_after_the_flight_the_next_request_is_a_hit(gateway, demo, key, text, gate):
    many = Many(gateway, [key] * 10, chat_body(text, f"demo/demo-wait-{gate}"))
    demo.wait_for_waiting(gate)
    demo.release(gate)
    many.responses()
    response = gateway.chat(key, text, f"demo/demo-wait-{gate}")
    assert_hit(response)
    assert cache_status(response)["hit"] and is_hit(response) and demo.calls(text) == 1
