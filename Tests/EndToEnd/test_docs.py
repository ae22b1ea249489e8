"""The documentation and the program say the same: error codes, cache reasons, links, and the README's own Python and shell examples."""

import os
import re
import subprocess
import sys

import pytest

from harness import ROOT, clean_environment, unique

SOURCES = ROOT / "Sources"
ERRORS = (ROOT / "docs" / "errors.md").read_text()
README = (ROOT / "README.md").read_text()


def source(path):
    return (SOURCES / path).read_text()


def code_property(path):
    """The strings of a computed `code` property's switch."""
    body = source(path).split("public var code: String {", 1)[1].split("\n    }\n", 1)[0]
    return set(re.findall(r'"([a-z0-9_]+)"', body))


def codes_in_sources():
    """By the way they are written down; a way that finds nothing is a pattern gone stale, and fails."""
    text = "\n".join(file.read_text() for file in sorted(SOURCES.rglob("*.swift")) if "DemoProvider" not in file.parts)
    found = {
        "literals": set(re.findall(r'\bcode: "([a-z0-9_]+)"', text)),
        "JSON": set(re.findall(r'"code": "([a-z0-9_]+)"', text)),
        "not found": set(re.findall(r'notFound\(\s*"([a-z0-9_]+)"', text)),
        "policy": set(re.findall(r'refusal\("([a-z0-9_]+)"', text)),
        "upstream": set(re.findall(r'\(50[0-9], "([a-z0-9_]+)"', source("GatewayServer/Fetch.swift"))),
        "routing": set(re.findall(r'\([45]\d\d, "([a-z0-9_]+)"', source("Routing/AttemptResult.swift"))),
        "HTTP": code_property("HTTP1/HTTPRefusal.swift"),
        "scan": code_property("RequestScan/ScanError.swift"),
        "keys": set(re.findall(r'case \w+ = "([a-z0-9_]+)"', source("Tenants/AuthenticationFailure.swift"))),
        "limits": set(re.findall(r'case \w+ = "([a-z0-9_]+)"', source("GatewayServer/Exchange+Limits.swift"))),
        "key store": set(re.findall(r'case \w+ = "([a-z0-9_]+)"', source("Tenants/KeyStoreError.swift"))),
    }
    assert not [way for way, codes in found.items() if not codes]
    return set().union(*found.values())


def test_every_error_code_is_documented_and_none_that_is_gone():
    documented = set(re.findall(r"^\| `([a-z0-9_]+)` \| \d{3} \|", ERRORS, re.M))
    assert documented == codes_in_sources()


def test_no_error_code_is_written_where_this_test_does_not_look():
    """A `GatewayError` whose code is a variable stands only where one of the patterns above reads the values."""
    variable = {
        file.name
        for file in SOURCES.rglob("*.swift")
        if re.search(r"\bGatewayError\(\s*status: [^,]+, code: [^\"]", file.read_text())
    }
    known = {"RoutingRefusals", "HTTPRefusal", "ScanError", "AuthenticationFailure", "KeyStoreError", "KeyTable+Policy", "Fetch", "Exchange+Limits", "AttemptResult"}
    assert variable == {name + ".swift" for name in known}


def test_every_cache_reason_is_documented_and_none_that_is_gone():
    reasons = set(re.findall(r'case \w+ = "([a-z-]+)"', source("GatewayModel/CacheReason.swift")))
    assert reasons
    assert set(re.findall(r"^\| `([a-z-]+)` \| [A-Z]", ERRORS.split("## Why an answer was not cached")[1], re.M)) == reasons


def test_every_module_and_phase_is_in_the_readme():
    modules = {folder.name for folder in SOURCES.iterdir() if folder.is_dir()}
    assert not [name for name in modules if f"`{name}`" not in README]
    phases = re.findall(r"^    case (\w+)$", source("GatewayServer/RequestPhases.swift"), re.M)
    diagram = re.findall(r"^ *\d+ (\w+)  ", README, re.M)
    assert phases and phases == diagram


def test_links_inside_the_documentation_lead_somewhere():
    pages = [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")]
    broken = []
    for page in pages:
        for target in re.findall(r"\]\(([^)#\s]+)", page.read_text()):
            if "://" not in target and not (page.parent / target).exists():
                broken.append(f"{page.name}: {target}")
    assert not broken


def test_paths_of_the_configuration_named_in_the_documentation_exist():
    reference = (ROOT / "docs" / "configuration.md").read_text()
    fields = set(re.findall(r"^\| `([^`]+)` \|", reference, re.M))
    sections = {field.split(".")[0] for field in fields if "." in field}
    named = set(re.findall(r"`((?:" + "|".join(sorted(sections)) + r")\.[a-z_]+(?:\.[a-z_]+)*)`", ERRORS + README))
    assert named
    named -= {"keys.pepper", "admin.token", "demo.key"}  # files of the data folder
    assert not [name for name in named if name not in fields and not any(field.startswith(name + ".") for field in fields)]


def examples(language):
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.M | re.S)


def title(example):
    return re.sub(r"\W+", " ", example.strip().splitlines()[0]).strip()


@pytest.mark.parametrize("example", examples("python"), ids=title)
def test_the_readmes_python_examples_run(gateway, tmp_path, example):
    """As they stand, but for the port: each in a folder that has a `.weir/demo.key`."""
    (tmp_path / ".weir").mkdir()
    (tmp_path / ".weir" / "demo.key").write_text(gateway.create_key(unique()) + "\n")
    script = example.replace("http://127.0.0.1:8787", gateway.url)
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=clean_environment(), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "You said: Hello, Weir" in done.stdout or "weir;" in done.stdout


@pytest.mark.parametrize("example", [one for one in examples("sh") if "curl" in one and "8787" in one], ids=title)
def test_the_readmes_curl_examples_run(gateway, tmp_path, example):
    (tmp_path / ".weir").mkdir()
    (tmp_path / ".weir" / "demo.key").write_text(gateway.create_key(unique()) + "\n")
    script = example.replace("http://127.0.0.1:8787", gateway.url)
    environment = clean_environment(NO_PROXY="*", TERM=os.environ.get("TERM", "dumb"))
    done = subprocess.run(["bash", "-euc", script], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "200 OK" in done.stdout and "cache-status: weir;" in done.stdout.lower()
