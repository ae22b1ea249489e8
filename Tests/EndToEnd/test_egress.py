"""The client never chooses where the gateway connects to (group P)."""

import json
import pathlib
import re

import pytest

from harness import free_port, is_hit

ONE_TRY = {"cf-aig-max-attempts": "1"}


@pytest.mark.parametrize("field", ["api_base", "base_url", "custom_host", "provider_url", "azure_endpoint", "endpoint"])
def test_a_host_in_the_body_is_only_data(gateway, demo, key, text, field):
    response = gateway.chat(key, text, **{field: "http://127.0.0.1:1/v1"})
    assert response.status_code in (200, 400)
    if response.status_code == 200:
        assert demo.calls(text) == 1


@pytest.mark.parametrize("header", ["x-portkey-custom-host", "x-custom-host", "x-base-url", "X-Forwarded-Host", "Helicone-Target-Url", "cf-aig-base-url"])
def test_a_host_in_a_header_is_only_data(gateway, demo, key, text, header):
    response = gateway.chat(key, text, headers={header: "http://127.0.0.1:1"})
    assert response.status_code in (200, 400)
    if response.status_code == 200:
        assert demo.calls(text) == 1


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/demo/v1/chat/completions"])
def test_a_redirect_is_never_followed(gateway, demo, key, text, path):
    """C13."""
    model = "demo-redirect" if path.startswith("/demo") else "demo/demo-redirect"
    response = gateway.chat(key, text, model, headers=ONE_TRY, path=path)
    assert response.status_code == 502 and "location" not in response.headers and not is_hit(response)
    assert not [request for request in demo.requests("/demo/redirected") if request["target"] == "/demo/redirected"]


PRIVATE = [
    "127.0.0.1", "169.254.169.254", "10.0.0.1", "192.168.1.1", "172.16.0.1", "[::1]", "[fd00::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "0x7f000001",
    "2130706433", "0177.0.0.1", "127.1", "localhost", "0.0.0.0", "[::]", "[fe80::1]", "100.64.0.1", "[64:ff9b::7f00:1]",
]


@pytest.mark.parametrize("host", PRIVATE)
def test_a_private_address_needs_the_operator_s_word(start_gateway, demo, text, host):
    """P2: refused when the file is read, or when the connection is made."""
    provider = {"url": f"http://{host}:{demo.port}/v1"}
    gateway = start_gateway({"providers": {"sly": provider}}, wait=False)
    try:
        status = gateway.process.wait(2)
        assert status == 2
        return
    except Exception as error:
        if "TimeoutExpired" not in type(error).__name__:
            raise
    gateway.wait_ready()
    response = gateway.chat(gateway.create_key(), text, "sly/demo-chat", headers=ONE_TRY)
    assert response.status_code in (502, 503) and demo.calls(text) == 0


@pytest.mark.parametrize("url", ["file:///etc/passwd", "gopher://127.0.0.1/", "ftp://127.0.0.1/", "dict://127.0.0.1/", "unix:///x", "http://a b/", "https://user:pw@host/v1", "//host/v1"])
def test_only_http_urls_are_taken(start_gateway, url):
    gateway = start_gateway({"providers": {"sly": {"url": url, "allow_private": True}}}, wait=False)
    assert gateway.process.wait(15) == 2


def test_a_public_name_over_plain_http_is_refused(start_gateway):
    gateway = start_gateway({"providers": {"sly": {"url": "http://example.com/v1"}}}, wait=False)
    assert gateway.process.wait(15) == 2 and "http" in gateway.process.text()


def test_proxy_variables_and_netrc_are_ignored(start_gateway, demo, text, tmp_path):
    """P8."""
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login canary password netrc-canary\n")
    gateway = start_gateway(wait=False)
    gateway.stop()
    proxy = f"http://127.0.0.1:{free_port()}"
    gateway.environment.update(http_proxy=proxy, https_proxy=proxy, HTTP_PROXY=proxy, ALL_PROXY=proxy, HOME=str(tmp_path))
    gateway.start()
    assert gateway.chat(gateway.create_key(), text).status_code == 200
    assert "netrc-canary" not in json.dumps(demo.requests(text)[0]["headers"])
    assert "Basic" not in json.dumps(demo.requests(text)[0]["headers"])


def test_urls_in_messages_are_never_fetched(gateway, demo, key, text):
    """P6."""
    image = f"{demo.url}/demo/redirected?{text}"
    response = gateway.post("/v1/chat/completions", key, {
        "model": "demo/demo-chat",
        "messages": [{"role": "user", "content": [{"type": "text", "text": text}, {"type": "image_url", "image_url": {"url": image}}]}]})
    assert response.status_code == 200
    assert [request["target"] for request in demo.requests(text)] == ["/v1/chat/completions"]


@pytest.mark.parametrize("value", ["a\rb", "a\nX-Evil: 1", "a\r\n\r\nGET / HTTP/1.1"])
def test_line_breaks_never_reach_the_provider_s_head(gateway, demo, key, text, value):
    """P7."""
    gateway.chat(key, text, f"demo/demo-chat{value}")
    for request in demo.requests(text):
        assert "x-evil" not in [name.lower() for name, _ in request["headers"]]
    escaped = value.replace("\r", "%0d").replace("\n", "%0a").replace(" ", "%20")
    response = gateway.post(f"/demo/v1/models/demo-chat{escaped}:countTokens", key, {"contents": [{"parts": [{"text": text}]}]})
    assert response.status_code in (200, 400, 403, 404)
    for request in demo.requests(text):
        assert not re.search(r"[\r\n]", request["target"])


def test_the_gateway_starts_no_other_program(gateway):
    children = pathlib.Path(f"/proc/{gateway.process.pid}/task/{gateway.process.pid}/children")
    if children.exists():
        assert children.read_text().split() == []
