"""Embeddings on the unified surface are cached item by item."""

import pytest

from harness import assert_hit, assert_stored, cache_status, unique


def embed(gateway, key, items, path="/v1/embeddings", model="demo/demo-embed", **fields):
    return gateway.post(path, key, {"model": model, "input": items, **fields})


def vectors(response):
    return [item["embedding"] for item in response.json()["data"]]


def test_a_batch_with_one_new_item_asks_for_that_item_only(gateway, demo, key, text):
    items = [f"{text} {name}" for name in "abc"]
    first = embed(gateway, key, items)
    assert_stored(first)
    assert_hit(embed(gateway, key, items))
    new = f"{text} new"
    partial = embed(gateway, key, [items[0], new, items[2]])
    assert cache_status(partial)["fwd"] == "partial" and cache_status(partial)["detail"] == "2/3"
    assert partial.headers["cf-aig-cache-status"] == "MISS"
    asked = demo.requests(text)
    assert len(asked) == 2 and asked[1]["body"].count(text.encode()) == 1 and new.encode() in asked[1]["body"]
    assert [item["index"] for item in partial.json()["data"]] == [0, 1, 2]
    alone = vectors(embed(gateway, key, [new]))
    assert vectors(partial) == [vectors(first)[0], alone[0], vectors(first)[2]]


def test_items_are_found_one_by_one_and_in_any_order(gateway, demo, key, text):
    items = [f"{text} {name}" for name in "abcd"]
    batch = vectors(embed(gateway, key, items))
    assert vectors(embed(gateway, key, items[2])) == [batch[2]]
    assert vectors(embed(gateway, key, list(reversed(items)))) == list(reversed(batch))
    assert vectors(embed(gateway, key, [items[1], items[1]])) == [batch[1], batch[1]]
    assert demo.calls(text) == 1


def test_usage_of_a_full_hit_is_the_sum_of_its_items(gateway, key, text):
    items = [f"{text} {name * 10}" for name in "ab"]
    first = embed(gateway, key, items).json()["usage"]
    assert embed(gateway, key, items).json()["usage"]["prompt_tokens"] == first["prompt_tokens"] > 0


@pytest.mark.parametrize("change", [{"dimensions": 4}, {"encoding_format": "base64"}, {"model": "demo/other-embed"}, {"user": "u"}], ids=str)
def test_model_dimensions_and_encoding_are_in_an_item_s_key(gateway, key, text, change):
    assert_stored(embed(gateway, key, [text]))
    assert_stored(embed(gateway, key, [text], **change))
    assert_hit(embed(gateway, key, [text], **change))


def test_native_batches_are_kept_whole_and_share_nothing(gateway, demo, key, text):
    items = [text, text + " b"]
    path = {"path": "/demo/v1/embeddings", "model": "demo-embed"}
    assert_stored(embed(gateway, key, items))
    assert_stored(embed(gateway, key, items, **path))
    assert_hit(embed(gateway, key, items, **path))
    assert_stored(embed(gateway, key, items[:1], **path))


def test_tokens_as_input_and_bad_input(gateway, key):
    numbers = [1, 2, 3, int(unique("1").encode().hex()[:6], 16)]
    assert embed(gateway, key, numbers).status_code == 200
    assert_hit(embed(gateway, key, numbers))
    assert len(embed(gateway, key, [[1, 2], numbers]).json()["data"]) == 2
    for bad in ([], {}, None, [None], [{"a": 1}]):
        assert embed(gateway, key, bad).status_code in (400, 422), bad


def test_another_tenant_s_items_are_not_seen(gateway, demo, key, text):
    assert_stored(embed(gateway, key, [text]))
    assert_stored(embed(gateway, gateway.create_key(), [text]))
    assert demo.calls(text) == 2


def test_a_failed_batch_stores_nothing(gateway, demo, key, text):
    for count in (1, 2):
        response = gateway.post(
            "/v1/embeddings", key, {"model": "demo/demo-fail-500", "input": [text]}, {"cf-aig-max-attempts": "1"})
        assert response.status_code == 500 and demo.calls(text) == count
