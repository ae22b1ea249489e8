"""The dashboard's files and sessions, without a browser: headers, cookies, roles, and that the page refers to nothing outside."""

import datetime
import re

import httpx
import pytest

from harness import ROOT

SOURCES = ROOT / "Sources" / "Admin" / "Dashboard"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
FILES = sorted(file.name for file in SOURCES.iterdir() if file.suffix in (".html", ".css", ".js", ".svg"))
GUARD = {"weir-dashboard": "1"}


@pytest.fixture
def visitor(gateway):
    """A browser's manners without a browser: keeps cookies, sends no token."""
    with httpx.Client(base_url=gateway.admin_url, trust_env=False, timeout=10) as client:
        yield client


def sign_in(client, token):
    return client.post("/session", json={"token": token}, headers=GUARD)


def read_token(gateway):
    return (gateway.data / "read.token").read_text().strip()


# The page


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_the_page_is_served_as_it_is_in_the_sources(visitor, name):
    path = "/" if name == "index.html" else f"/{name}"
    response = visitor.get(path)
    assert response.status_code == 200
    assert response.content == (SOURCES / name).read_bytes()
    assert response.headers["content-type"] == {
        "html": "text/html; charset=utf-8", "css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml",
    }[name.rpartition(".")[2]]
    assert response.headers["content-security-policy"] == POLICY
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "no-referrer"
    assert response.headers["cache-control"] == "no-cache"
    known = visitor.get(path, headers={"If-None-Match": response.headers["etag"]})
    assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", response.headers["etag"])
    head = visitor.head(path)
    assert (head.status_code, head.content) == (200, b"")


def test_the_page_holds_nothing_inline_and_names_no_other_origin():
    """What the browser's policy would stop must not be there in the first place."""
    html = (SOURCES / "index.html").read_text()
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", html)
    for name in FILES:
        text = (SOURCES / name).read_text()
        assert set(re.findall(r"\b(?:https?:)?//[\w.-]+\.\w+[^\s'\"]*", re.sub(r"(?m)^\s*(//|/?\*).*$", "", text))) <= {"http://www.w3.org/2000/svg"}, name
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\b|new Function|srcdoc|@import|url\(", text.replace("there is no innerHTML", "")), name
        if name.endswith(".js"):
            assert len(text.splitlines()) < 400, name


def test_every_module_that_is_imported_is_served(visitor):
    seen, waiting = set(), ["main.js"]
    while waiting:
        name = waiting.pop()
        seen.add(name)
        response = visitor.get(f"/{name}")
        assert response.status_code == 200, name
        waiting += [found for found in re.findall(r"from '\./([\w.-]+)'", response.text) if found not in seen]
    assert seen | {"theme.js"} == {name for name in FILES if name.endswith(".js")}, "a module that nothing imports"


def test_the_page_itself_tells_nothing(gateway, visitor):
    """It is served to anyone, so it must hold no data; everything that holds some asks who is there."""
    for path in ["/stats", "/tenants", "/keys", "/cache/stats", "/session", "/metrics"]:
        assert visitor.get(path).status_code == 401, path
    assert gateway.admin_token not in visitor.get("/").text


# Sessions


def test_a_session_opens_with_a_cookie_that_no_script_reads_and_no_other_site_sends(gateway, visitor):
    response = sign_in(visitor, gateway.admin_token)
    assert (response.status_code, response.content) == (204, b"")
    name, *attributes = response.headers["set-cookie"].split("; ")
    assert re.fullmatch(r"weir_session=[0-9a-f]{64}", name)
    assert set(attributes) == {"Max-Age=43200", "Path=/", "HttpOnly", "SameSite=Strict"}
    assert gateway.admin_token not in response.headers["set-cookie"]
    session = visitor.get("/session").json()
    assert session["role"] == "admin"
    left = datetime.datetime.fromisoformat(session["expires_at"]) - datetime.datetime.now(datetime.UTC)
    assert datetime.timedelta(hours=11, minutes=59) < left <= datetime.timedelta(hours=12)


def test_two_sessions_have_different_secrets(gateway, visitor):
    cookies = {sign_in(visitor, gateway.admin_token).headers["set-cookie"] for _ in range(3)}
    assert len(cookies) == 3


def test_a_change_under_a_session_needs_the_dashboards_header(gateway, visitor):
    sign_in(visitor, gateway.admin_token)
    for headers in [{}, {"weir-dashboard": "0"}, {"weir-dashboard": ""}]:
        refused = visitor.post("/cache/purge", json={"tenant": "nobody"}, headers=headers)
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "dashboard_header_required"), headers
    assert visitor.post("/cache/purge", json={"tenant": "nobody"}, headers=GUARD).status_code == 200
    assert visitor.get("/session").status_code == 200, "the refusals ended the session"


def test_a_bearer_token_needs_no_dashboards_header(gateway):
    assert gateway.admin("POST", "/cache/purge", json={"tenant": "nobody"}).status_code == 200


def test_the_read_role_reads_and_changes_nothing(gateway, visitor):
    assert sign_in(visitor, read_token(gateway)).status_code == 204
    assert visitor.get("/session").json()["role"] == "read"
    assert visitor.get("/tenants").status_code == 200
    for method, path, body in [
        ("POST", "/cache/purge", {"all": True}), ("POST", "/tenants", {"id": "x"}), ("POST", "/keys", {"tenant": "x"}), ("DELETE", "/tenants/x", None), ("POST", "/config/reload", None),
    ]:
        refused = visitor.request(method, path, json=body, headers=GUARD)
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "admin_role_required"), path


def test_signing_out_ends_the_session_and_not_only_the_cookie(gateway, visitor):
    sign_in(visitor, gateway.admin_token)
    secret = visitor.cookies["weir_session"]
    other = httpx.Client(base_url=gateway.admin_url, trust_env=False)
    with other:
        sign_in(other, gateway.admin_token)
        left = visitor.delete("/session", headers=GUARD)
        assert left.status_code == 204
        assert left.headers["set-cookie"].startswith("weir_session=; Max-Age=0;")
        assert visitor.get("/session").status_code == 401
        kept = httpx.get(gateway.admin_url + "/session", headers={"Cookie": f"weir_session={secret}"}, trust_env=False)
        assert kept.status_code == 401, "the secret still opens"
        assert other.get("/session").status_code == 200, "another's session was ended"


def test_a_cookie_beside_a_bearer_token_does_not_widen_it(gateway, visitor):
    sign_in(visitor, gateway.admin_token)
    mixed = visitor.get("/tenants", headers={"Authorization": "Bearer wrong"})
    assert mixed.status_code == 401, "a wrong token fell back to the cookie"


@pytest.mark.parametrize("headers", [
    {"Origin": "http://evil.example"}, {"Origin": "null"}, {"Host": "evil.example"}, {"Origin": "http://127.0.0.1:1"},
])
def test_a_page_of_elsewhere_can_not_use_a_session(gateway, visitor, headers):
    sign_in(visitor, gateway.admin_token)
    assert visitor.get("/tenants", headers=headers).status_code == 403
    assert visitor.post("/session", json={"token": gateway.admin_token}, headers={**GUARD, **headers}).status_code == 403


@pytest.mark.parametrize("site", ["same-site", "cross-site"])
def test_another_port_of_this_host_is_not_the_dashboard(gateway, visitor, site):
    """Cookies know no ports: a page of 127.0.0.1:3000 is the same site, and Strict lets its requests carry ours."""
    sign_in(visitor, gateway.admin_token)
    assert visitor.get("/tenants", headers={"Sec-Fetch-Site": site}).status_code == 401
    assert visitor.get("/tenants", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 200


@pytest.mark.parametrize("cookie", ["weir_session=", "weir_session=" + "0" * 64, "weir_session=" + "0" * 63, "weir_session=\"x\"", "weir_session=" + "a" * 4000, "weir_session"])
def test_a_cookie_that_was_never_given_out_is_nobody(gateway, cookie):
    response = httpx.get(gateway.admin_url + "/session", headers={"Cookie": cookie}, trust_env=False)
    assert (response.status_code, response.json()["error"]["code"]) == (401, "admin_token_required")


def test_wrong_tokens_are_told_to_wait_and_behind_tls_the_cookie_is_secure_and_a_restart_ends_all(start_gateway):
    gateway = start_gateway({"admin": {"behind_tls_proxy": True}})
    with httpx.Client(base_url=gateway.admin_url, trust_env=False) as client:
        codes = [sign_in(client, "wrong").status_code for _ in range(12)]
        assert codes == [401] * 10 + [429] * 2
        refused = sign_in(client, "wrong")
        assert (refused.json()["error"]["code"], refused.headers["retry-after"]) == ("too_many_failed_tokens", "60")
        opened = sign_in(client, gateway.admin_token)
        assert opened.status_code == 204, "a good token is not slowed"
        assert opened.headers["set-cookie"].endswith("; Secure")
    cookie = opened.headers["set-cookie"].split(";")[0]
    ask = lambda: httpx.get(gateway.admin_url + "/session", headers={"Cookie": cookie}, trust_env=False).status_code  # noqa: E731
    assert ask() == 200
    gateway.stop()
    gateway.start()
    assert ask() == 401
