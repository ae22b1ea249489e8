"""The official Anthropic SDK through the gateway."""

import anthropic
import pytest

from harness import assert_hit, assert_stored, is_hit

TOOL = {"name": "weather", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}}
SURFACES = {"unified": ("", "demo/demo-chat"), "native": ("/demo", "demo-chat"), "cloudflare": ("/v1/acc/gw/demo", "demo-chat")}


@pytest.fixture(params=SURFACES)
def surface(request, gateway, key):
    base, model = SURFACES[request.param]
    client = anthropic.Anthropic(base_url=gateway.url + base, api_key=key, max_retries=0, timeout=20)
    client.demo_model = model
    yield client
    client.close()


def ask(text):
    return {"max_tokens": 200, "messages": [{"role": "user", "content": text}]}


def test_a_message_and_its_repeat(surface, text):
    first = surface.messages.with_raw_response.create(model=surface.demo_model, **ask(text))
    assert_stored(first.http_response)
    message = first.parse()
    assert text in message.content[0].text and message.stop_reason == "end_turn" and message.usage.output_tokens > 0
    second = surface.messages.with_raw_response.create(model=surface.demo_model, **ask(text))
    assert_hit(second.http_response)
    assert second.parse() == message


def test_a_stream_and_its_repeat_carry_text_and_usage(surface, text):
    def run():
        with surface.messages.stream(model=surface.demo_model, **ask(text)) as stream:
            return stream.response, stream.get_final_message()

    response, message = run()
    assert response.headers["cache-status"] == "weir; fwd=miss; stored"
    assert text in message.content[0].text and message.stop_reason == "end_turn"
    response, again = run()
    assert is_hit(response)
    assert again.content == message.content and again.usage == message.usage and again.stop_reason == message.stop_reason


def test_a_stream_answers_a_plain_call_and_the_other_way_round(surface, text):
    with surface.messages.stream(model=surface.demo_model, **ask(text)) as stream:
        streamed = stream.get_final_message()
    plain = surface.messages.with_raw_response.create(model=surface.demo_model, **ask(text))
    assert_hit(plain.http_response)
    assert plain.parse().content[0].text == streamed.content[0].text and plain.parse().usage.output_tokens == streamed.usage.output_tokens
    other = surface.messages.create(model=surface.demo_model, **ask(text + " b"))
    with surface.messages.stream(model=surface.demo_model, **ask(text + " b")) as stream:
        assert is_hit(stream.response)
        assert stream.get_final_message().content[0].text == other.content[0].text


def test_tool_use_plain_and_streamed(surface, text):
    body = ask(f"call the tool {text}")
    plain = surface.messages.create(model=surface.demo_model, tools=[TOOL], **body)
    assert plain.stop_reason == "tool_use" and plain.content[0].input == {"city": "demo"}
    with surface.messages.stream(model=surface.demo_model, tools=[TOOL], **body) as stream:
        final = stream.get_final_message()
    assert final.content[0].input == {"city": "demo"}


def test_thinking_survives_the_cache(surface, text):
    model = surface.demo_model.replace("demo-chat", "demo-reasoning")
    plain = surface.messages.create(model=model, **ask(text))
    assert [block.type for block in plain.content] == ["thinking", "text"]
    with surface.messages.stream(model=model, **ask(text)) as stream:
        assert is_hit(stream.response)
        final = stream.get_final_message()
    assert final.content[0].thinking == plain.content[0].thinking
    assert final.content[0].signature == plain.content[0].signature
    assert final.content[1].text == plain.content[1].text


def test_count_tokens_is_forwarded_and_never_cached(surface, text):
    counted = surface.messages.with_raw_response.count_tokens(
        model=surface.demo_model, messages=[{"role": "user", "content": text}])
    assert counted.parse().input_tokens == (len(text) + 3) // 4
    assert counted.headers["cache-status"] == "weir; fwd=bypass; detail=operation"


def test_models_come_in_anthropic_s_shape(gateway, key):
    with anthropic.Anthropic(base_url=gateway.url, api_key=key, max_retries=0) as client:
        assert "demo/demo-chat" in [model.id for model in client.models.list()]
    with anthropic.Anthropic(base_url=gateway.url + "/demo", api_key=key, max_retries=0) as client:
        assert "demo-chat" in [model.id for model in client.models.list()]


@pytest.mark.parametrize("status, error", [
    (400, anthropic.BadRequestError), (404, anthropic.NotFoundError), (429, anthropic.RateLimitError), (529, anthropic.InternalServerError),
])
def test_a_provider_s_failure_raises_the_right_class(surface, text, status, error):
    with pytest.raises(error) as raised:
        surface.messages.create(model=surface.demo_model.replace("demo-chat", f"demo-fail-{status}"), **ask(text))
    assert raised.value.status_code == status
    assert raised.value.body["type"] == "error"


def test_our_own_errors_have_anthropic_s_shape(gateway, key):
    with anthropic.Anthropic(base_url=gateway.url, api_key="wk_" + "y" * 43, max_retries=0) as client:
        with pytest.raises(anthropic.AuthenticationError) as raised:
            client.messages.create(model="demo/demo-chat", **ask("x"))
    assert raised.value.body["type"] == "error" and raised.value.body["error"]["type"] == "authentication_error"
    with anthropic.Anthropic(base_url=gateway.url, api_key=key, max_retries=0) as client:
        with pytest.raises(anthropic.NotFoundError) as raised:
            client.messages.create(model="nowhere/at-all", **ask("x"))
    assert raised.value.body["error"]["type"] == "not_found_error"


def test_bearer_auth_works_too(gateway, key, text):
    with anthropic.Anthropic(base_url=gateway.url, auth_token=key, max_retries=0) as client:
        assert text in client.messages.create(model="demo/demo-chat", **ask(text)).content[0].text


def test_the_same_prompt_by_openai_s_api_is_another_entry(gateway, key, text):
    gateway.chat(key, text)
    with anthropic.Anthropic(base_url=gateway.url, api_key=key, max_retries=0) as client:
        assert_stored(client.messages.with_raw_response.create(model="demo/demo-chat", **ask(text)).http_response)
