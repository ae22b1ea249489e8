"""What outlives what: restarts, kill -9, damage, purges."""

import os
import signal
import threading
import time

import httpx
import pytest

from harness import assert_hit, assert_stored, is_hit, unique, wait_until


def settle():
    """The store is written behind: at most 100 ms late."""
    time.sleep(0.3)


def test_entries_keys_and_tenants_survive_a_restart(start_gateway, text):
    gateway = start_gateway()
    key = gateway.create_key("kept")
    first = gateway.chat(key, text)
    assert_stored(first)
    stream = gateway.chat_stream(key, text + " s")
    assert gateway.stop() == 0
    gateway.start()
    again = gateway.chat(key, text)
    assert_hit(again)
    assert again.content == first.content
    assert is_hit(gateway.chat_stream(key, text + " s")) and stream.events
    assert gateway.chat(gateway.create_key(), text).headers["cache-status"] == "weir; fwd=miss; stored"
    assert "kept" in gateway.weir("tenants", "list")


def test_entries_and_keys_survive_kill_9(start_gateway, text):
    gateway = start_gateway()
    key = gateway.create_key()
    assert_stored(gateway.chat(key, text))
    settle()
    gateway.kill()
    gateway.start()
    assert_hit(gateway.chat(key, text))


def test_kill_9_under_write_load_loses_no_acknowledged_key_and_opens_every_time(start_gateway, text):
    """I1 in small; the long version is below."""
    kill_loop(start_gateway(), text, 4)


@pytest.mark.long
def test_kill_9_under_write_load_many_times(start_gateway, text):
    kill_loop(start_gateway(), text, 60)


def kill_loop(gateway, text, rounds):
    keys = [gateway.create_key()]
    for number in range(rounds):
        stop = threading.Event()

        def load():
            with httpx.Client(base_url=gateway.url, trust_env=False) as client:
                count = 0
                while not stop.is_set():
                    count += 1
                    try:
                        client.post(
                            "/v1/chat/completions", headers={"Authorization": f"Bearer {keys[0]}"},
                            json={"model": "demo/demo-chat", "messages": [{"role": "user", "content": f"{text} {number} {count}"}]})
                    except httpx.HTTPError:
                        return

        threads = [threading.Thread(target=load) for _ in range(3)]
        for thread in threads:
            thread.start()
        time.sleep(0.15)
        keys.append(gateway.create_key())
        gateway.kill()
        stop.set()
        for thread in threads:
            thread.join()
        begun = time.monotonic()
        gateway.start()
        assert time.monotonic() - begun < 5
        for key in keys:
            assert gateway.client.get("/v1/models", headers={"Authorization": f"Bearer {key}"}).status_code == 200
    gateway.stop()
    assert gateway.weir_unchecked("store", "check").status == 0


def test_a_damaged_cache_is_set_aside_and_the_gateway_serves(start_gateway, text):
    gateway = start_gateway()
    key = gateway.create_key()
    assert_stored(gateway.chat(key, text))
    gateway.stop()
    damaged = 0
    for file in gateway.data.rglob("data.mdb"):
        if file.parent.name == "cache":
            size = file.stat().st_size
            with open(file, "r+b") as handle:
                handle.write(os.urandom(min(size, 8192)))
            damaged += 1
    assert damaged
    gateway.start()
    assert_stored(gateway.chat(key, text))
    assert list(gateway.data.rglob("*.bad-*")), "the damaged store was not kept"


def test_damaged_keys_are_refused_with_status_3(start_gateway):
    gateway = start_gateway()
    gateway.create_key()
    gateway.stop()
    for file in gateway.data.rglob("data.mdb"):
        if "keys" in str(file.parent):
            file.write_bytes(b"")
    gateway.start(wait=False)
    assert gateway.process.wait(15) == 3
    assert "keys" in gateway.process.text()


def test_a_second_gateway_on_the_same_folder_is_refused(start_gateway):
    """I10."""
    first = start_gateway()
    second = start_gateway(wait=False)
    second.stop()
    second.data = first.data
    second.start(wait=False)
    assert second.process.wait(15) != 0
    assert first.client.get("/healthz").status_code == 200


# Purges


@pytest.fixture
def filled(gateway, text):
    """Two tenants with entries of two models and tags."""
    tenants = [unique("tenant"), unique("tenant")]
    keys = [gateway.create_key(tenant) for tenant in tenants]
    for key in keys:
        gateway.chat(key, text)
        gateway.chat(key, text, "demo/demo-reasoning")
        gateway.chat(key, text + " tagged", headers={"weir-cache-tags": f"{text},other"})
    return tenants, keys


def hits(gateway, keys, text):
    """Which entries are there; asking for them makes no new ones."""
    return [
        gateway.chat(key, content, model, headers={"Cache-Control": "only-if-cached"}).status_code == 200
        for key in keys
        for content, model in ((text, "demo/demo-chat"), (text, "demo/demo-reasoning"), (text + " tagged", "demo/demo-chat"))
    ]


def test_purge_by_tenant(gateway, text, filled):
    (tenant, _), keys = filled
    assert hits(gateway, keys, text) == [True] * 6
    gateway.weir("cache", "purge", "--tenant", tenant)
    assert hits(gateway, keys, text) == [False] * 3 + [True] * 3


def test_purge_by_tag(gateway, text, filled):
    gateway.weir("cache", "purge", "--tag", text)
    assert hits(gateway, filled[1], text) == [True, True, False] * 2


def test_purge_by_key(gateway, text, filled):
    tenants, keys = filled
    entry = next(entry["id"] for entry in gateway.keys() if entry["tenant"] == tenants[1])
    gateway.weir("cache", "purge", "--key-id", entry)
    assert hits(gateway, keys, text) == [True] * 3 + [False] * 3


def test_purge_by_time(start_gateway, text):
    gateway = start_gateway()
    key = gateway.create_key()
    gateway.chat(key, text + " old")
    time.sleep(1.1)
    middle = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time()))
    time.sleep(1.1)
    gateway.chat(key, text + " new")
    gateway.weir("cache", "purge", "--before", middle)
    assert not is_hit(gateway.chat(key, text + " old"))
    assert_hit(gateway.chat(key, text + " new"))


def test_purge_by_model_and_all_and_pending_writes_too(start_gateway, text):
    gateway = start_gateway()
    key = gateway.create_key()
    for purge, left in ((["--model", "demo/demo-reasoning"], [True, False, True]), (["--all"], [False] * 3)):
        gateway.chat(key, text)
        gateway.chat(key, text, "demo/demo-reasoning")
        gateway.chat(key, text + " tagged")
        # At once: what waits to be written must not come back.
        gateway.weir("cache", "purge", *purge)
        assert hits(gateway, [key], text) == left
        settle()
        assert hits(gateway, [key], text) == left


def test_a_flight_that_began_before_a_purge_is_not_stored_after_it(start_gateway, demo, text):
    gateway, name = start_gateway(), unique("w")
    key = gateway.create_key()
    thread = threading.Thread(target=gateway.chat, args=[key, text, f"demo/demo-wait-{name}"])
    thread.start()
    demo.wait_for_waiting(name)
    gateway.weir("cache", "purge", "--all")
    demo.release(name)
    thread.join()
    settle()
    assert not is_hit(gateway.chat(key, text, f"demo/demo-wait-{name}"))


def test_purge_works_on_the_store_when_no_gateway_runs(start_gateway, text):
    gateway = start_gateway()
    key = gateway.create_key()
    assert_stored(gateway.chat(key, text))
    gateway.stop()
    gateway.weir("cache", "purge", "--all")
    gateway.weir("store", "check")
    gateway.start()
    assert_stored(gateway.chat(key, text))


def test_purge_wants_to_know_what(gateway):
    result = gateway.weir_unchecked("cache", "purge")
    assert result.status not in (0, 1) and "--all" in result.err + result.out


def test_statistics_of_the_cache_count_entries(start_gateway, text):
    gateway = start_gateway()
    key = gateway.create_key()
    gateway.chat(key, text)
    settle()
    wait_until(lambda: "1" in gateway.weir("cache", "stats"), 2, "the entry in the statistics")


def test_a_clean_stop_is_quick_and_has_status_0(start_gateway):
    gateway = start_gateway()
    begun = time.monotonic()
    gateway.process.signal(signal.SIGTERM)
    assert gateway.process.wait(10) == 0 and time.monotonic() - begun < 3
