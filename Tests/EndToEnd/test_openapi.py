"""docs/openapi.yaml against a running gateway: schemathesis makes requests from it, right ones and wrong ones, and judges every answer by it."""

import re

import hypothesis
import pytest
import schemathesis
import yaml
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance, ignored_auth, negative_data_rejection, response_headers_conformance, response_schema_conformance,
    status_code_conformance,
)

from harness import ROOT, unique

FILE = ROOT / "docs" / "openapi.yaml"
DESCRIPTION = yaml.safe_load(FILE.read_text())
schema = schemathesis.openapi.from_path(FILE)
schema.config.generation.update(modes=list(schemathesis.GenerationMode))
CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance, response_schema_conformance,
    negative_data_rejection, ignored_auth,
]


@pytest.fixture(scope="session")
def admin_gateway(demo, tmp_path_factory):
    """A gateway of its own: these tests purge and delete whatever there is."""
    from harness import Gateway

    gateway = Gateway(demo, tmp_path_factory.mktemp("openapi")).start()
    key = gateway.create_key()
    for number in range(5):
        gateway.chat(key, unique(), model="demo/demo-error-500" if number == 4 else "demo/demo-chat")
    yield gateway
    gateway.stop()


# The tail never ends; it has tests of its own.
@schema.exclude(path="/logs/tail").parametrize()
@hypothesis.settings(
    max_examples=8, derandomize=True, deadline=None, database=None, phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
    suppress_health_check=list(hypothesis.HealthCheck),
)
def test_answers_are_as_described(admin_gateway, case):
    headers = {"Authorization": f"Bearer {admin_gateway.admin_token}"} if case.operation.definition.raw.get("security") != [] else {}
    case.call_and_validate(base_url=admin_gateway.admin_url, headers=headers, checks=CHECKS, timeout=20)
    assert admin_gateway.process.is_running()


OPERATIONS = [
    (method, path, operation)
    for path, methods in DESCRIPTION["paths"].items()
    for method, operation in methods.items()
    if method != "parameters"
]


@pytest.mark.parametrize("method, path, operation", OPERATIONS, ids=[f"{method} {path}" for method, path, _ in OPERATIONS])
def test_a_role_is_enough_or_it_is_not(admin_gateway, method, path, operation):
    """O8, O10: what the file says a role may do, and nothing else."""
    path = re.sub(r"\{.*?\}", "nobody", path)
    read = {"Authorization": f"Bearer {(admin_gateway.data / 'read.token').read_text().strip()}"}
    if path == "/logs/tail":
        path += "?nonsense=1"  # refused, but only for who may ask
    anonymous = admin_gateway.admin(method.upper(), path, headers={"Authorization": ""})
    reader = admin_gateway.admin(method.upper(), path, headers=read)
    match operation["x-role"]:
        case "anyone":
            assert anonymous.status_code not in (401, 403) or path == "/session"
        case "read":
            assert anonymous.status_code == 401 and reader.status_code not in (401, 403)
        case "admin":
            assert anonymous.status_code == 401 and reader.status_code == 403


@pytest.mark.parametrize("path", ["/tenants", "/routes", "/logs", "/stats", "/cache/entries", "/cache/stats", "/metrics", "/nowhere"])
def test_a_method_that_is_not_there_is_405(admin_gateway, path):
    answer = admin_gateway.admin("PUT", path)
    assert answer.status_code == (404 if path == "/nowhere" else 405)
