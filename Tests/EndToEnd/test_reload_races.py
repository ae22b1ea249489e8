"""A request under way keeps the configuration and the keys it began with, whatever is published meanwhile (M4, M10)."""

import json

from harness import Raw, chat_body, request_bytes, unique


def begin(gateway, key, body):
    """A request whose head is in and whose body is not."""
    raw = Raw(gateway.data_address)
    request = request_bytes(key=key, body=body)
    raw.send(request[: -len(body)])
    # Another request on each loop, so that the head was read by the time this returns.
    for _ in range(8):
        with Raw(gateway.data_address) as other:
            other.send(request_bytes("GET", "/v1/models", key))
            other.read_response()
    return raw


def test_a_key_revoked_while_anothers_body_arrives(start_gateway, text):
    """The table of keys shrinks: an index into the old one must not be used in the new one."""
    gateway = start_gateway()
    others = [gateway.create_key(tenant=unique("gone")) for _ in range(3)]
    key = gateway.create_key()
    body = chat_body(text)
    with begin(gateway, key, body) as raw:
        for record in gateway.admin("GET", "/keys").json()["keys"]:
            if record["tenant"].startswith("gone"):
                assert gateway.admin("DELETE", f"/tenants/{record['tenant']}").status_code == 200
        raw.send(body)
        status, headers, answer = raw.read_response()
        assert status == 200, answer
    assert len(others) == 3
    assert gateway.client.get("/healthz").status_code == 200


def test_a_provider_added_while_a_body_arrives(start_gateway, demo, text):
    """Indexes of providers move: the request still goes to the one it named, with that one's key."""
    gateway = start_gateway()
    key = gateway.create_key()
    body = chat_body(text, "demo-chat")
    raw = Raw(gateway.data_address)
    with raw:
        request = request_bytes(path="/other/v1/chat/completions", key=key, body=body)
        raw.send(request[: -len(body)])
        for _ in range(8):
            with Raw(gateway.data_address) as probe:
                probe.send(request_bytes("GET", "/v1/models", key))
                probe.read_response()
        for name in ("aaa", "bbb", "nnn"):
            gateway.config["providers"][name] = json.loads(json.dumps(gateway.config["providers"]["other"]))
        assert gateway.reload().status_code == 200
        raw.send(body)
        status, headers, answer = raw.read_response()
        assert status == 200, answer
        assert headers["cf-aig-provider"] == "other"
