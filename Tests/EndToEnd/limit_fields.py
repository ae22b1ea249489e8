"""What an answer tells of its key's limits, read as strictly as a client of the standards would, and ways to use limits up."""

import re

from harness import Raw, request_bytes

# RFC 8941: a list whose members are strings with parameters; nothing else stands in these two fields.
TEXT = r'"(?:[ !#-\[\]-~]|\\["\\])*"'
PARAMETER = rf"; *[a-z*][a-z0-9_.*-]*=(?:-?[0-9]{{1,15}}|{TEXT})"
MEMBER = re.compile(rf"({TEXT})((?:{PARAMETER})*)")
DURATION = re.compile(r"(?:(?:\d+h)?[0-5]?\dm)?\d+s|\d+ms")
KINDS = ("requests", "tokens")


def parse_list(text):
    """A structured field as {name: {parameter: value}}; fails on what is not one."""
    found = {}
    for member in re.split(r"[ \t]*,[ \t]*", text):
        match = MEMBER.fullmatch(member)
        assert match, f"{member!r} is no string with parameters"
        name = match[1][1:-1]
        assert name not in found, f"{name} stands twice"
        found[name] = {
            key: value[1:-1] if value.startswith('"') else int(value)
            for key, value in (part.strip().split("=") for part in match[2].split(";")[1:])
        }
    return found


def told(response):
    """Every limit an answer tells of, by name: its quota `q`, what remains `r`, and the rest."""
    headers = getattr(response, "headers", response)
    policies, states = parse_list(headers["ratelimit-policy"]), parse_list(headers["ratelimit"])
    assert list(policies) == list(states)
    for name, state in states.items():
        assert policies[name]["q"] >= 1 and state["r"] >= 0
        policies[name].update(state)
    return policies


def limit_headers(headers):
    return sorted(name for name in headers if name.startswith(("x-ratelimit-", "ratelimit", "x-should-retry")))


def assert_tells(response, kinds=KINDS):
    """Both families of fields are there and say the same."""
    headers = getattr(response, "headers", response)
    limits = told(headers)
    for kind in kinds:
        limit, remaining = int(headers[f"x-ratelimit-limit-{kind}"]), int(headers[f"x-ratelimit-remaining-{kind}"])
        assert 0 <= remaining <= limit
        assert DURATION.fullmatch(headers[f"x-ratelimit-reset-{kind}"]), headers[f"x-ratelimit-reset-{kind}"]
        assert remaining in [state["r"] for name, state in limits.items() if kind in name]
    return limits


def look(gateway, key):
    """The limits of a key at this moment; looking uses none of them."""
    response = gateway.client.get("/v1/models", headers={"Authorization": f"Bearer {key}"})
    assert response.status_code == 200
    return told(response)


def left(gateway, key, name):
    return look(gateway, key)[name]["r"]


def error_code(response):
    return response.json()["error"]["code"]


def assert_limited(response, code="rate_limit_exceeded"):
    assert response.status_code == 429, (response.status_code, response.text)
    assert error_code(response) == code
    assert int(response.headers["retry-after"]) >= 1


def at_once(gateway, requests):
    """Sends every request on a connection of its own before any answer is read; (status, headers, body) of each."""
    raws = [Raw(gateway.data_address) for _ in requests]
    for raw, request in zip(raws, requests):
        raw.send(request)
    answers = []
    for raw in raws:
        with raw:
            answers.append(raw.read_response(30))
    return answers


def statuses(answers):
    return [answer[0] for answer in answers]


def metric(gateway, name):
    for line in gateway.admin("GET", "/metrics").text.splitlines():
        if line.startswith(name + " "):
            return int(line.split()[1])
    raise AssertionError(f"there is no counter {name}")


def get(gateway, key, path, **headers):
    return gateway.client.get(path, headers={"Authorization": f"Bearer {key}", **headers})


def get_bytes(path, key):
    return request_bytes("GET", path, key)
