"""The `weir` commands: what goes to standard output, exit statuses, with and without a running gateway."""

import json
import re
import subprocess

import pytest

from harness import BINARY, ROOT, clean_environment, unique, wait_until


def run(*arguments, cwd=None):
    return subprocess.run([str(BINARY), *arguments], capture_output=True, text=True, timeout=30, env=clean_environment(), cwd=cwd)


@pytest.mark.parametrize("arguments", [[], ["serve"], ["check-config"], ["keys"], ["keys", "create"], ["keys", "change"], ["tenants"], ["cache"],
                                       ["cache", "purge"], ["store", "check"], ["demo-provider"], ["version"]], ids=" ".join)
def test_every_command_has_help(arguments):
    result = run(*arguments, "--help")
    assert result.returncode == 0 and "USAGE" in result.stdout.upper()


@pytest.mark.parametrize("arguments", [["nonsense"], ["serve", "--nonsense"], ["keys", "create", "--tenant"], ["keys", "nonsense"], ["demo-provider", "--listen", "x"]], ids=" ".join)
def test_a_wrong_command_line_is_an_error_on_standard_error(arguments, tmp_path):
    result = run(*arguments, cwd=tmp_path)
    assert result.returncode != 0 and result.stderr and not result.stdout


def test_version_tells_the_commit():
    result = run("version")
    assert result.returncode == 0
    described = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, cwd=ROOT)
    assert re.search(r"[0-9a-f]{7,}|unknown", result.stdout)
    if described.returncode == 0 and "unknown" not in result.stdout:
        assert re.search(r"\b[0-9a-f]{12}(-dirty)?\b", result.stdout)


def test_the_shipped_configuration_is_good():
    result = run("check-config", "--config", str(ROOT / "config" / "weir.yaml"))
    assert result.returncode == 0, result.stderr


def bad_examples():
    return sorted((ROOT / "config" / "bad").glob("*.yaml"))


@pytest.mark.parametrize("file", bad_examples(), ids=lambda file: file.stem)
def test_each_broken_example_is_refused_with_file_and_line(file):
    result = run("check-config", "--config", str(file))
    assert result.returncode == 2
    assert re.search(rf"{re.escape(file.name)}:\d+", result.stderr + result.stdout)


def test_create_prints_only_the_key_and_makes_the_tenant(gateway):
    tenant = unique("tenant")
    result = gateway.weir_unchecked("keys", "create", "--tenant", tenant, "--name", "laptop")
    assert result.status == 0
    assert re.fullmatch(r"wk_[A-Za-z0-9_-]{43}\n", result.out)
    assert result.out.strip() not in result.err
    assert tenant in gateway.weir("tenants", "list")
    entry = next(entry for entry in gateway.keys() if entry["tenant"] == tenant)
    assert entry["label"] == "laptop"


@pytest.mark.parametrize("arguments", [["--expires", "soon"], ["--allow-ip", "300.1.1.1/8"], ["--tenant", "bad name!"], ["--models", ""]], ids=str)
def test_a_bad_option_is_refused_and_makes_nothing(gateway, arguments):
    before = len(gateway.keys())
    options = arguments if "--tenant" in arguments else ["--tenant", unique("t"), *arguments]
    result = gateway.weir_unchecked("keys", "create", *options)
    assert result.status != 0 and result.out == "" and result.err
    assert len(gateway.keys()) == before


def test_keys_are_changed(gateway, text):
    tenant = unique("tenant")
    key = gateway.create_key(tenant)
    entry = next(entry["id"] for entry in gateway.keys() if entry["tenant"] == tenant)
    assert gateway.chat(key, text, "demo/demo-reasoning").status_code == 200
    gateway.weir("keys", "change", entry, "--models", "demo/demo-chat")
    wait_until(lambda: gateway.chat(key, text, "demo/demo-reasoning").status_code == 403, 1.5, "the change")
    assert gateway.chat(key, text).status_code == 200


def test_an_unknown_key_or_tenant_is_an_error(gateway):
    for arguments in (["keys", "revoke", "no-such-key"], ["keys", "rotate", "no-such-key"], ["tenants", "delete", unique("nobody")]):
        result = gateway.weir_unchecked(*arguments)
        assert result.status != 0 and result.err


def test_commands_work_on_the_store_when_no_gateway_runs(start_gateway, text):
    gateway = start_gateway()
    gateway.stop()
    key = gateway.create_key("offline")
    assert "offline" in gateway.weir("tenants", "list")
    gateway.weir("store", "check")
    gateway.weir("store", "check", "keys")
    gateway.weir("cache", "stats")
    gateway.start()
    assert gateway.chat(key, text).status_code == 200
    gateway.stop()
    entry = next(entry["id"] for entry in gateway.keys() if entry["tenant"] == "offline")
    gateway.weir("keys", "revoke", entry)
    gateway.start()
    assert gateway.chat(key, text).status_code == 401


def test_the_admin_api_makes_lists_and_revokes(gateway, text):
    tenant = unique("tenant")
    made = gateway.admin("POST", "/keys", json={"tenant": tenant, "label": "api"})
    assert made.status_code in (200, 201)
    key = next(value for value in made.json().values() if isinstance(value, str) and value.startswith("wk_"))
    assert gateway.chat(key, text).status_code == 200
    listed = gateway.admin("GET", "/keys")
    assert listed.status_code == 200 and tenant in listed.text and key not in listed.text


@pytest.mark.parametrize("body", [{"tenant": "t", "role": "admin"}, {"tenant": "t", "tenant_id": 1}, {"tenant": 5}, {}, [], {"tenant": "x" * 65}], ids=json.dumps)
def test_the_admin_api_refuses_fields_it_does_not_know(gateway, body):
    """O11."""
    response = gateway.admin("POST", "/keys", json=body)
    assert response.status_code in (400, 422), response.text
    assert "wk_" not in response.text
