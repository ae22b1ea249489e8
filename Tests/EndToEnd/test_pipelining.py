"""Requests that wait behind one another on a connection (A13), and what a closing answer does to them."""

import pytest

from harness import Raw, chat_body, request_bytes, unique


@pytest.fixture
def gate(demo):
    name = unique("gate")
    yield name
    demo.release(name)


def test_a_closing_request_between_waiting_ones_ends_only_its_connection(gateway, demo, key, text, gate):
    """The first answer takes a while; the second closes the connection; the third is never executed."""
    with Raw(gateway.data_address) as raw:
        raw.send(request_bytes(key=key, body=chat_body(text, f"demo/demo-wait-{gate}")))
        demo.wait_for_waiting(gate)
        raw.send(
            request_bytes("GET", "/healthz", headers=["Connection: close"]) + request_bytes(key=key, body=chat_body(text + "-third"))
        )
        demo.release(gate)
        assert raw.read_response()[0] == 200
        assert raw.read_response()[0] == 200
        assert raw.closes_within(3)
    assert demo.calls(text + "-third") == 0


def test_the_last_request_of_a_connection_among_waiting_ones(start_gateway, demo, text, gate):
    gateway = start_gateway({"limits": {"requests_per_connection_max": 2}})
    key = gateway.create_key()
    with Raw(gateway.data_address) as raw:
        raw.send(request_bytes(key=key, body=chat_body(text, f"demo/demo-wait-{gate}")))
        demo.wait_for_waiting(gate)
        raw.send(request_bytes("GET", "/v1/models", key) * 3)
        demo.release(gate)
        assert raw.read_response()[0] == 200
        status, headers, _ = raw.read_response()
        assert (status, headers["connection"]) == (200, "close")
        assert raw.closes_within(3)
    assert gateway.client.get("/healthz").status_code == 200
