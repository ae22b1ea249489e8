"""The official OpenAI SDK through the gateway: unified surface, native path, Cloudflare's path shape."""

import json

import openai
import pytest

from harness import assert_hit, assert_stored, is_hit, unique

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}, "unit": {"type": "string", "enum": ["C", "F"]}}},
    },
}
# Base URL below the gateway, and how the model is named there.
SURFACES = {"unified": ("/v1", "demo/demo-chat"), "native": ("/demo/v1", "demo-chat"), "cloudflare": ("/v1/acc/gw/demo", "demo-chat")}


@pytest.fixture(params=SURFACES)
def surface(request, gateway, key):
    base, model = SURFACES[request.param]
    client = openai.OpenAI(base_url=gateway.url + base, api_key=key, max_retries=0, timeout=20)
    client.demo_model = model
    client.surface = request.param
    yield client
    client.close()


@pytest.fixture
def client(gateway, key):
    with openai.OpenAI(base_url=gateway.url + "/v1", api_key=key, max_retries=0, timeout=20) as client:
        yield client


def messages(text):
    return [{"role": "user", "content": text}]


def test_a_chat_completion_and_its_repeat_from_the_cache(surface, text):
    first = surface.chat.completions.with_raw_response.create(model=surface.demo_model, messages=messages(text))
    assert_stored(first.http_response)
    answer = first.parse()
    assert text in answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0
    second = surface.chat.completions.with_raw_response.create(model=surface.demo_model, messages=messages(text))
    assert_hit(second.http_response)
    assert second.parse() == answer


def test_a_streamed_chat_completion_and_its_repeat(surface, text):
    def run():
        with surface.chat.completions.with_streaming_response.create(
            model=surface.demo_model, messages=messages(text), stream=True, stream_options={"include_usage": True}
        ) as raw:
            chunks = list(raw.parse())
            return raw.http_response, chunks

    response, chunks = run()
    assert response.headers["cache-status"] == "weir; fwd=miss; stored"
    content = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text in content
    assert chunks[-1].usage.total_tokens > 0 and chunks[-1].choices == []
    response, again = run()
    assert is_hit(response)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in again if chunk.choices) == content
    assert again[-1].usage == chunks[-1].usage


def test_a_streamed_tool_call_arrives_whole(surface, text):
    with surface.chat.completions.stream(
        model=surface.demo_model, messages=messages(f"call the tool {text}"), tools=[WEATHER]
    ) as stream:
        final = stream.get_final_completion()
    call = final.choices[0].message.tool_calls[0]
    assert call.function.name == "weather"
    assert json.loads(call.function.arguments) == {"city": "demo", "unit": "C"}
    assert final.choices[0].finish_reason == "tool_calls"


def test_a_tool_call_is_not_stored_by_default(surface, text):
    for _ in range(2):
        raw = surface.chat.completions.with_raw_response.create(
            model=surface.demo_model, messages=messages(f"call the tool {text}"), tools=[WEATHER])
        assert not is_hit(raw.http_response)
        assert raw.parse().choices[0].message.tool_calls[0].function.name == "weather"


def test_a_tool_call_is_replayed_where_its_route_stores_it(client, text):
    def once(**more):
        return client.chat.completions.with_raw_response.create(
            model="tools", messages=messages(f"call the tool {text}"), tools=[WEATHER], **more)

    first = once()
    second = once()
    assert not is_hit(first.http_response) and is_hit(second.http_response)
    assert second.parse() == first.parse()
    with client.chat.completions.stream(model="tools", messages=messages(f"call the tool {text}"), tools=[WEATHER]) as stream:
        final = stream.get_final_completion()
    assert final.choices[0].message.tool_calls[0].function.arguments == first.parse().choices[0].message.tool_calls[0].function.arguments
    assert final.choices[0].finish_reason == "tool_calls"


def test_reasoning_survives_the_cache_both_ways(client, text):
    """Issue 32068 of LiteLLM: streamed hits lost reasoning_content."""
    plain = client.chat.completions.create(model="demo/demo-reasoning", messages=messages(text))
    assert plain.choices[0].message.reasoning_content
    raw = client.chat.completions.with_raw_response.create(model="demo/demo-reasoning", messages=messages(text), stream=True)
    assert is_hit(raw.http_response)
    deltas = [chunk.choices[0].delta for chunk in raw.parse() if chunk.choices]
    assert "".join(getattr(delta, "reasoning_content", None) or "" for delta in deltas) == plain.choices[0].message.reasoning_content
    assert "".join(delta.content or "" for delta in deltas) == plain.choices[0].message.content


def test_legacy_completions(surface, text):
    answer = surface.completions.create(model=surface.demo_model, prompt=text)
    assert text in answer.choices[0].text
    streamed = "".join(chunk.choices[0].text for chunk in surface.completions.create(model=surface.demo_model, prompt=text, stream=True))
    assert streamed == answer.choices[0].text


def test_responses_plain_streamed_and_repeated(surface, text):
    first = surface.responses.with_raw_response.create(model=surface.demo_model, input=text)
    assert_stored(first.http_response)
    answer = first.parse()
    assert text in answer.output_text and answer.status == "completed" and answer.usage.total_tokens > 0
    second = surface.responses.with_raw_response.create(model=surface.demo_model, input=text)
    assert_hit(second.http_response)
    assert second.parse().output_text == answer.output_text
    with surface.responses.stream(model=surface.demo_model, input=text) as stream:
        final = stream.get_final_response()
    assert final.output_text == answer.output_text
    assert final.usage == answer.usage


def test_a_streamed_response_with_a_function_call(surface, text):
    tool = {"type": "function", "name": "weather", "parameters": WEATHER["function"]["parameters"]}
    with surface.responses.stream(model=surface.demo_model, input=f"call the tool {text}", tools=[tool]) as stream:
        final = stream.get_final_response()
    assert final.output[0].type == "function_call"
    assert json.loads(final.output[0].arguments) == {"city": "demo", "unit": "C"}


def test_embeddings_in_both_encodings(surface, text):
    model = surface.demo_model.replace("chat", "embed")
    floats = surface.embeddings.create(model=model, input=[text, "other"], encoding_format="float")
    packed = surface.embeddings.create(model=model, input=[text, "other"])  # the SDK asks for base64
    assert [item.index for item in floats.data] == [0, 1]
    assert floats.usage.prompt_tokens > 0
    for one, two in zip(floats.data, packed.data):
        assert one.embedding == pytest.approx(two.embedding, abs=1e-6)
    shorter = surface.embeddings.create(model=model, input=text, dimensions=3)
    assert len(shorter.data[0].embedding) == 3


def test_models_are_listed_and_found(client):
    ids = [model.id for model in client.models.list()]
    assert "demo/demo-chat" in ids and "plain" in ids
    assert client.models.retrieve("demo/demo-chat").id == "demo/demo-chat"


def test_native_models_are_the_provider_s_own(gateway, key):
    with openai.OpenAI(base_url=gateway.url + "/demo/v1", api_key=key, max_retries=0) as client:
        assert "demo-chat" in [model.id for model in client.models.list()]
        assert client.models.retrieve("demo-chat").id == "demo-chat"


@pytest.mark.parametrize("status, error", [
    (400, openai.BadRequestError), (404, openai.NotFoundError), (409, openai.ConflictError), (422, openai.UnprocessableEntityError),
    (429, openai.RateLimitError), (500, openai.InternalServerError), (503, openai.InternalServerError),
])
def test_a_provider_s_failure_raises_the_right_class(surface, text, status, error):
    model = surface.demo_model.replace("demo-chat", f"demo-fail-{status}")
    with pytest.raises(error) as raised:
        surface.chat.completions.create(model=model, messages=messages(text))
    assert raised.value.status_code == status
    assert f"fails with {status}" in raised.value.message


@pytest.mark.parametrize("status", [401, 403])
def test_the_operator_s_bad_key_is_never_the_client_s_401(surface, text, status):
    model = surface.demo_model.replace("demo-chat", f"demo-fail-{status}")
    with pytest.raises(openai.InternalServerError) as raised:
        surface.chat.completions.create(model=model, messages=messages(text))
    assert raised.value.status_code == 502
    assert raised.value.code == "provider_credentials"


def test_a_wrong_key_is_an_authentication_error(gateway):
    with openai.OpenAI(base_url=gateway.url + "/v1", api_key="wk_" + "x" * 43, max_retries=0) as client:
        with pytest.raises(openai.AuthenticationError) as raised:
            client.chat.completions.create(model="demo/demo-chat", messages=messages("x"))
        assert raised.value.type and raised.value.code and "wk_" not in raised.value.message


def test_the_sdk_s_own_retries_end_in_an_answer(gateway, key, text):
    with openai.OpenAI(base_url=gateway.url + "/v1", api_key=key, max_retries=2) as client:
        answer = client.chat.completions.create(model="demo/demo-fail-once-503", messages=messages(text))
    assert text in answer.choices[0].message.content


def test_an_answer_names_its_request_step_provider_and_time(client, text):
    raw = client.chat.completions.with_raw_response.create(model="plain", messages=messages(text))
    headers = raw.headers
    assert headers["cf-aig-step"] == "0" and headers["cf-aig-provider"] == "demo" and headers["cf-aig-model"] == "demo-chat"
    for name in ("weir-request-id", "cf-aig-event-id", "cf-aig-log-id"):
        parts = headers[name].split("-")
        assert [len(part) for part in parts] == [8, 4, 4, 4, 12] and parts[2][0] == "7"
    assert headers["server-timing"].startswith("weir;dur=") and "upstream;dur=" in headers["server-timing"]
    assert headers["x-request-id"].startswith("demo-")
    assert headers["x-upstream-ratelimit-limit-requests"] == "5000"
    assert "x-ratelimit-limit-requests" not in headers


def test_the_async_client_streams_too(gateway, key, text):
    import asyncio

    async def run():
        async with openai.AsyncOpenAI(base_url=gateway.url + "/v1", api_key=key, max_retries=0) as client:
            stream = await client.chat.completions.create(model="demo/demo-chat", messages=messages(text), stream=True)
            return "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])

    assert text in asyncio.run(run())


def test_langchain_needs_only_the_base_url(gateway, key, text):
    langchain = pytest.importorskip("langchain_openai")
    model = langchain.ChatOpenAI(model="demo/demo-chat", base_url=gateway.url + "/v1", api_key=key, max_retries=0)
    assert text in model.invoke(text).content
    assert text in "".join(chunk.content for chunk in model.stream(f"{text} again"))
    embeddings = langchain.OpenAIEmbeddings(
        model="demo/demo-embed", base_url=gateway.url + "/v1", api_key=key, check_embedding_ctx_length=False)
    assert len(embeddings.embed_query(unique())) == 8
