"""The official SDKs meet a limit and get over it by their own retry, without a line of the app's code."""

import anthropic
import httpx
import openai
import pytest

from limit_fields import assert_limited


class Statuses:
    """An HTTP client for an SDK that remembers how each attempt was answered."""

    def __init__(self, module):
        self.seen = []
        self.client = module.Client(event_hooks={"response": [lambda response: self.seen.append(response.status_code)]})


def http_module(client_class):
    """The HTTP library that this release of the SDK is built on."""
    try:
        client_class(api_key="x", base_url="http://127.0.0.1:1", http_client=httpx.Client())
        return httpx
    except TypeError:
        return pytest.importorskip("httpx2")


@pytest.mark.parametrize("limits", [{"requests": "1/1s"}, {"tokens": {"rate": 60, "per": "1s"}}], ids=["requests", "tokens"])
def test_the_openai_sdk_recovers_by_its_own_retry(gateway, text, limits):
    key = gateway.issue(limits=limits)["key"]
    statuses = Statuses(http_module(openai.OpenAI))
    with openai.OpenAI(base_url=gateway.url + "/v1", api_key=key, http_client=statuses.client) as client:
        for index in range(2):
            answer = client.chat.completions.create(
                model="demo/demo-chat", max_tokens=50, messages=[{"role": "user", "content": f"{text} {index}"}])
            assert text in answer.choices[0].message.content
    assert statuses.seen[0] == 200 and statuses.seen[-1] == 200 and 429 in statuses.seen and set(statuses.seen) == {200, 429}


@pytest.mark.parametrize("stream", [False, True])
def test_the_anthropic_sdk_recovers_by_its_own_retry(gateway, text, stream):
    key = gateway.issue(limits={"requests": "1/1s"})["key"]
    statuses = Statuses(http_module(anthropic.Anthropic))
    with anthropic.Anthropic(base_url=gateway.url, api_key=key, http_client=statuses.client) as client:
        for index in range(2):
            fields = {"model": "demo/demo-chat", "max_tokens": 50, "messages": [{"role": "user", "content": f"{text} {index}"}]}
            if stream:
                with client.messages.stream(**fields) as events:
                    assert text in events.get_final_text()
            else:
                assert text in client.messages.create(**fields).content[0].text
    assert statuses.seen == [200, 429, 200]


def test_sdks_give_up_at_once_where_waiting_is_hopeless(gateway, text):
    key = gateway.issue(limits={"requests": "1/1h"})["key"]
    assert gateway.chat(key, text).status_code == 200
    statuses = Statuses(http_module(openai.OpenAI))
    with openai.OpenAI(base_url=gateway.url + "/v1", api_key=key, http_client=statuses.client) as client:
        with pytest.raises(openai.RateLimitError) as raised:
            client.chat.completions.create(model="demo/demo-chat", messages=[{"role": "user", "content": text + " 2"}])
    assert raised.value.code == "rate_limit_exceeded"
    with anthropic.Anthropic(base_url=gateway.url, api_key=key, http_client=Statuses(http_module(anthropic.Anthropic)).client) as client:
        with pytest.raises(anthropic.RateLimitError):
            client.messages.create(model="demo/demo-chat", max_tokens=9, messages=[{"role": "user", "content": text + " 3"}])
    assert statuses.seen == [429]


def test_a_request_too_large_for_its_limit_is_no_rate_limit_to_the_sdks(gateway, text):
    key = gateway.issue(limits={"tokens": "100/1h"})["key"]
    messages = [{"role": "user", "content": text}]
    with openai.OpenAI(base_url=gateway.url + "/v1", api_key=key) as client, pytest.raises(openai.BadRequestError) as raised:
        client.chat.completions.create(model="demo/demo-chat", max_tokens=5000, messages=messages)
    assert raised.value.code == "request_exceeds_limit"
    with anthropic.Anthropic(base_url=gateway.url, api_key=key) as client, pytest.raises(anthropic.BadRequestError):
        client.messages.create(model="demo/demo-chat", max_tokens=5000, messages=messages)


def test_the_sdks_show_the_limits_in_raw_answers(gateway, text):
    key = gateway.issue(limits={"requests": "10/1h", "tokens": "10000/1h"})["key"]
    with openai.OpenAI(base_url=gateway.url + "/v1", api_key=key) as client:
        raw = client.chat.completions.with_raw_response.create(model="demo/demo-chat", messages=[{"role": "user", "content": text}])
    assert raw.headers["x-ratelimit-remaining-requests"] == "9" and 0 < int(raw.headers["x-ratelimit-remaining-tokens"]) < 10000


def test_the_google_sdk_sees_resource_exhausted(gateway, text):
    from google import genai
    from google.genai import errors, types

    key = gateway.issue(limits={"requests": "1/1h"})["key"]
    client = genai.Client(api_key=key, http_options=types.HttpOptions(base_url=gateway.url))
    assert text in client.models.generate_content(model="demo/demo-chat", contents=text).text
    with pytest.raises(errors.ClientError) as raised:
        client.models.generate_content(model="demo/demo-chat", contents=text + " 2")
    client.close()
    assert raised.value.code == 429 and raised.value.status == "RESOURCE_EXHAUSTED"
    assert_limited(gateway.chat(key, text + " 3"))
