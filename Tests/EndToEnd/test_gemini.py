"""The official Google SDK through the gateway, and the forms of Gemini's API that it does not use."""

import json

import pytest
from google import genai
from google.genai import errors, types

from harness import assert_hit, assert_stored, is_hit, parse_events

SURFACES = {"unified": ("", "demo/demo-chat"), "native": ("/demo", "demo-chat"), "cloudflare": ("/v1/acc/gw/demo", "demo-chat")}
TOOL = types.Tool(function_declarations=[
    types.FunctionDeclaration(name="weather", parameters={"type": "OBJECT", "properties": {"city": {"type": "STRING"}}})])


@pytest.fixture(params=[(surface, version) for surface in SURFACES for version in ("v1", "v1beta")], ids="-".join)
def surface(request, gateway, key):
    name, version = request.param
    base, model = SURFACES[name]
    client = genai.Client(api_key=key, http_options=types.HttpOptions(base_url=gateway.url + base, api_version=version))
    yield client, model
    client.close()


def generate(gateway, key, model, method, text, headers=None, **fields):
    body = {"contents": [{"role": "user", "parts": [{"text": text}]}], **fields}
    return gateway.post(f"/v1beta/models/{model}:{method}", None, body, {"x-goog-api-key": key, **(headers or {})})


def test_content_and_its_repeat(surface, text):
    client, model = surface
    first = client.models.generate_content(model=model, contents=text)
    assert text in first.text and first.usage_metadata.total_token_count > 0
    assert first.candidates[0].finish_reason == types.FinishReason.STOP
    again = client.models.generate_content(model=model, contents=text)
    assert again.response_id == first.response_id and again.text == first.text
    assert again.sdk_http_response.headers["cache-status"].startswith("weir; hit; ttl=")


def test_a_stream_and_its_repeat(surface, text):
    client, model = surface

    def run():
        return list(client.models.generate_content_stream(model=model, contents=text))

    first, again = run(), run()
    assert text in "".join(chunk.text or "" for chunk in first)
    assert "".join(chunk.text or "" for chunk in again) == "".join(chunk.text or "" for chunk in first)
    assert again[0].response_id == first[0].response_id
    assert again[-1].usage_metadata == first[-1].usage_metadata
    # Both methods are one operation.
    assert client.models.generate_content(model=model, contents=text).response_id == first[0].response_id


def test_a_function_call(surface, text):
    client, model = surface
    config = types.GenerateContentConfig(tools=[TOOL], automatic_function_calling={"disable": True})
    answer = client.models.generate_content(model=model, contents=f"call the tool {text}", config=config)
    assert answer.function_calls[0].name == "weather" and answer.function_calls[0].args == {"city": "demo"}


def test_embeddings_and_token_counts(surface, text):
    client, model = surface
    embedded = client.models.embed_content(model=model.replace("chat", "embed"), contents=[text, "other"])
    assert [len(item.values) for item in embedded.embeddings] == [8, 8]
    assert client.models.count_tokens(model=model, contents=text).total_tokens == (len(text) + 3) // 4


def test_errors_have_google_s_shape(gateway, key, text):
    client = genai.Client(api_key="wk_" + "z" * 43, http_options=types.HttpOptions(base_url=gateway.url))
    with pytest.raises(errors.ClientError) as raised:
        client.models.generate_content(model="demo/demo-chat", contents=text)
    assert raised.value.code == 401 and raised.value.status == "UNAUTHENTICATED"
    client = genai.Client(api_key=key, http_options=types.HttpOptions(base_url=gateway.url))
    with pytest.raises(errors.ServerError) as raised:
        client.models.generate_content(model="demo/demo-fail-503", contents=text)
    assert raised.value.code == 503
    with pytest.raises(errors.ClientError) as raised:
        client.models.generate_content(model="demo/demo-fail-429", contents=text)
    assert raised.value.code == 429


def test_a_slash_in_the_model_may_be_escaped(gateway, key, text):
    assert_stored(generate(gateway, key, "demo/demo-chat", "generateContent", text))
    assert_hit(generate(gateway, key, "demo%2Fdemo-chat", "generateContent", text))


def test_a_stream_without_alt_sse_is_one_json_array(gateway, key, text):
    first = generate(gateway, key, "demo/demo-chat", "streamGenerateContent", text)
    assert first.status_code == 200 and first.headers["content-type"].startswith("application/json")
    chunks = first.json()
    assert isinstance(chunks, list) and text in "".join(
        part.get("text", "") for chunk in chunks for part in chunk["candidates"][0]["content"]["parts"])
    again = generate(gateway, key, "demo/demo-chat", "streamGenerateContent?alt=sse", text)
    assert again.headers["content-type"].startswith("text/event-stream")
    assert json.dumps(parse_events(again.text)).count("finishReason") == 1
    assert is_hit(again)


def test_a_key_in_the_query_is_refused_and_not_logged(gateway, key):
    response = gateway.post(f"/v1beta/models/demo/demo-chat:generateContent?key={key}", None, {"contents": []})
    assert response.status_code == 401
    assert key not in gateway.process.text()
