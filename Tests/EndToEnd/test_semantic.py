"""The semantic cache: a paraphrase is answered with what was said before, and nothing else is. Against a provider that knows what a question is
about, so that a wrong answer shows."""

import concurrent.futures
import contextlib
import http.server
import json
import re
import threading
import time

import anthropic
import httpx
import openai
import pytest

from harness import Gateway, cache_status, merged, unique, wait_until

# What the provider answers: by the first pattern that the question contains.
SUBJECTS = ["account password", "billing invoice", "delivery address", "yearly subscription", "phone number", "profile picture", "weekly newsletter", "credit card",
            "gift voucher", "time zone", "language setting", "shipping label", "warranty claim", "return parcel", "loyalty points",
            "two-factor login", "order history", "company name", "tax number", "favourite shop"]
WAYS = ["How can I change my {}?", "How do I change my {}?", "What is the way to change my {}?", "How would I go about changing my {}?",
        "Please tell me how I can change my {}", "Can you explain how to change my {}?", "I would like to change my {}, how?",
        "What steps change my {}?", "Tell me how to change my {} please", "How could I change my {}?"]


class Oracle:
    """An OpenAI and Anthropic provider whose answer depends on what the last message is about, and on nothing else."""

    def __init__(self):
        oracle = self
        self.questions = []
        self.delay = 0

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                content = body["messages"][-1]["content"]
                text = content if isinstance(content, str) else "".join(part.get("text", "") for part in content)
                oracle.questions.append(text)
                time.sleep(oracle.delay)
                answer = oracle.answer(text)
                if "/messages" in self.path:
                    data = json.dumps({"id": "msg_1", "type": "message", "role": "assistant", "model": body["model"],
                                       "content": [{"type": "text", "text": answer}], "stop_reason": "end_turn", "stop_sequence": None,
                                       "usage": {"input_tokens": 10, "output_tokens": 5}}).encode()
                    kind = "application/json"
                elif body.get("stream"):
                    chunk = lambda delta, finish=None: "data: " + json.dumps({
                        "id": "c", "object": "chat.completion.chunk", "created": 1, "model": body["model"],
                        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}) + "\n\n"
                    usage = "data: " + json.dumps({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": body["model"], "choices": [],
                                                   "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}}) + "\n\n"
                    with_usage = body.get("stream_options", {}).get("include_usage")
                    data = (chunk({"role": "assistant", "content": ""}) + chunk({"content": answer}) + chunk({}, "stop")
                            + (usage if with_usage else "") + "data: [DONE]\n\n").encode()
                    kind = "text/event-stream"
                else:
                    data = json.dumps({"id": "c", "object": "chat.completion", "created": 1, "model": body["model"],
                                       "choices": [{"index": 0, "message": {"role": "assistant", "content": answer}, "finish_reason": "stop"}],
                                       "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}}).encode()
                    kind = "application/json"
                self.send_response(200)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = "http://127.0.0.1:%d" % self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @staticmethod
    def answer(text):
        number = "".join(re.findall(r"\d+", text))
        subject = next((subject for subject in SUBJECTS if subject in text.lower()), "nothing known")
        return f"Open the page for {subject}{' ' + number if number else ''} and follow it."

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def configuration(oracle, **extra):
    return merged({
        "providers": {"oracle": {
            "allow_private": True, "auth": "bearer",
            "bases": [{"dialect": "openai", "url": f"{oracle.url}/v1", "include_usage": True,
                       "operations": {"chat_completions": "/chat/completions"}},
                      {"dialect": "anthropic", "url": f"{oracle.url}/v1", "operations": {"messages": "/messages"}}],
            "native": [{"url": oracle.url, "versions": ["v1"]}]}},
        "provider_credentials": {"oracle": "env:DEMO_PROVIDER_KEY"},
        "prices": {"oracle": {"as_of": "2026-01-01", "models": {"*": {"input": 3, "output": 3}}}},
        "routes": {
            "near": {"targets": ["oracle/m"], "semantic": {"enabled": True, "threshold": 0.8}},
            "strict": {"targets": ["oracle/m"], "semantic": {"enabled": True, "threshold": 0.99}},
            "learnt": {"targets": ["oracle/m"], "semantic": {"enabled": True, "max_error": "5%"}},
            "shadow": {"targets": ["oracle/m"], "semantic": {"enabled": True, "threshold": 0.8, "shadow": True}},
            "off": {"targets": ["oracle/m"]},
            "brief": {"targets": ["oracle/m"], "cache": {"ttl": "1s"}, "semantic": {"enabled": True, "threshold": 0.8}}},
        "semantic": {"key_inserts_per_minute": 100000, "budget": "5s"},
    }, extra)


@pytest.fixture(scope="module")
def oracle():
    oracle = Oracle()
    yield oracle
    oracle.stop()


@pytest.fixture(scope="module")
def near(demo, oracle, models, tmp_path_factory):
    gateway = Gateway(demo, tmp_path_factory.mktemp("semantic"), configuration(oracle, semantic={"models_directory": str(models)}))
    gateway.start()
    yield gateway
    gateway.stop()


def ask(gateway, key, text, model="near", headers=None, **fields):
    answer = gateway.chat(key, text, model=model, headers=headers, **fields)
    assert answer.status_code == 200, answer.text
    return answer


def detail(answer):
    return answer.headers["cache-status"]


def is_similar(answer):
    return "semantic " in detail(answer)


def said(answer):
    return answer.json()["choices"][0]["message"]["content"]


def semantic(gateway):
    return gateway.admin("GET", "/semantic").json()


def settle(gateway):
    """Waits until nothing is left to judge: what was answered can be found."""
    wait_until(lambda: semantic(gateway)["judge"]["waiting"] == 0 and semantic(gateway)["embedder"]["waiting"] == 0, 30, "the judge")


def test_a_paraphrase_is_answered_from_the_semantic_cache(near, oracle):
    key = near.create_key()
    first = ask(near, key, "How can I change my account password?")
    settle(near)
    second = ask(near, key, "How do I change my account password?")
    assert not is_similar(first)
    assert re.fullmatch(r'weir; hit; ttl=\d+; detail="semantic 0\.\d{3}"', detail(second)), detail(second)
    assert second.headers["cf-aig-cache-status"] == "HIT"
    assert int(second.headers["age"]) >= 0
    assert re.fullmatch(r"entry=\d+; unverified", second.headers["weir-semantic-match"])
    assert said(second) == said(first)
    assert "How do I change my account password?" not in oracle.questions


@pytest.mark.parametrize("question", [
    "How can I change my billing invoice 4712?", "How can I not change my billing invoice 4711?", "How can I change my delivery address 4711?"],
    ids=["number", "negation", "subject"])
def test_a_near_miss_goes_upstream(near, question):
    key = near.create_key()
    ask(near, key, "How can I change my billing invoice 4711?")
    settle(near)
    other = ask(near, key, question)
    assert not is_similar(other)
    assert said(other) == Oracle.answer(question)


def test_another_tenant_never_hits(near):
    one, other = near.create_key(), near.create_key()
    ask(near, one, "How can I change my weekly newsletter?")
    settle(near)
    assert not is_similar(ask(near, other, "How do I change my weekly newsletter?"))
    assert is_similar(ask(near, one, "How do I change my weekly newsletter?"))


@pytest.mark.parametrize("fields", [
    {"messages": [{"role": "system", "content": "Answer rudely."}, {"role": "user", "content": "How do I change my credit card?"}]},
    {"messages": [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi"},
                  {"role": "user", "content": "How do I change my credit card?"}]},
    {"max_tokens": 5}, {"temperature": 0.5}], ids=["system prompt", "earlier turns", "max_tokens", "temperature"])
def test_another_system_prompt_turn_or_parameter_never_hits(near, fields):
    key = near.create_key()
    ask(near, key, "How can I change my credit card?")
    settle(near)
    assert not is_similar(ask(near, key, "How do I change my credit card?", **fields))
    assert is_similar(ask(near, key, "How do I change my credit card?"))


def test_other_paths_and_targets_never_hit(near):
    key = near.create_key()
    ask(near, key, "How can I change my time zone?")
    settle(near)
    for model in ("oracle/m", "oracle/other", "off", "strict"):
        assert not is_similar(ask(near, key, "How do I change my time zone?", model=model))


@pytest.mark.parametrize("value, hits", [("off", False), ("0.999", False), ("0.5", True), ("OFF", False)])
def test_the_client_may_only_be_stricter(near, value, hits):
    key = near.create_key()
    ask(near, key, "How can I change my gift voucher?")
    settle(near)
    assert is_similar(ask(near, key, "How do I change my gift voucher?", headers={"weir-semantic": value})) == hits


def test_a_client_cannot_loosen_the_route(near):
    key = near.create_key()
    ask(near, key, "How can I change my gift voucher?", model="strict")
    settle(near)
    assert not is_similar(ask(near, key, "What steps change my gift voucher?", model="strict", headers={"weir-semantic": "0.5"}))


@pytest.mark.parametrize("value", ["1.5", "-1", "nan", "near", ""])
def test_a_meaningless_wish_is_refused(near, value):
    answer = near.chat(near.create_key(), "How can I change my account password?", model="near", headers={"weir-semantic": value})
    assert answer.status_code == 400
    assert "weir-semantic" in answer.text


@pytest.mark.parametrize("fields", [
    {"tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}]}, {"n": 2}, {"temperature": 1.9}],
    ids=["tools", "choices", "temperature"])
def test_a_request_that_is_not_eligible_is_never_matched(near, fields):
    key = near.create_key()
    ask(near, key, "How can I change my tax number?", **fields)
    settle(near)
    assert not is_similar(ask(near, key, "How do I change my tax number?", **fields))


def test_shadow_serves_nothing(near):
    key = near.create_key()
    ask(near, key, "How can I change my company name?", model="shadow")
    settle(near)
    assert not is_similar(ask(near, key, "How do I change my company name?", model="shadow"))


def test_a_stream_is_answered_as_a_stream_that_the_sdk_reads(near):
    key = near.create_key()
    client = openai.OpenAI(base_url=f"{near.url}/v1", api_key=key, max_retries=0)
    whole = client.chat.completions.create(model="near", messages=[{"role": "user", "content": "How can I change my order history?"}])
    settle(near)
    with client.chat.completions.with_streaming_response.create(
            model="near", messages=[{"role": "user", "content": "How do I change my order history?"}], stream=True,
            stream_options={"include_usage": True}) as response:
        assert "semantic " in response.headers["cache-status"]
        chunks = list(response.parse())
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == whole.choices[0].message.content
    assert chunks[-1].usage.total_tokens == 15
    # And a stream that was kept answers a plain request.
    for _ in client.chat.completions.create(
            model="near", messages=[{"role": "user", "content": "How can I change my favourite shop?"}], stream=True,
            stream_options={"include_usage": True}):
        pass
    settle(near)
    plain = client.chat.completions.with_raw_response.create(
        model="near", messages=[{"role": "user", "content": "How do I change my favourite shop?"}])
    assert "semantic " in plain.headers["cache-status"]
    assert plain.parse().choices[0].message.content == Oracle.answer("favourite shop")


def test_anthropic_messages_are_matched_too(near):
    key = near.create_key()
    client = anthropic.Anthropic(base_url=near.url, api_key=key, max_retries=0)
    first = client.messages.create(model="near", max_tokens=50, messages=[{"role": "user", "content": "How can I change my language setting?"}])
    settle(near)
    second = client.messages.with_raw_response.create(
        model="near", max_tokens=50, messages=[{"role": "user", "content": [{"type": "text", "text": "How do I change my language setting?"}]}])
    assert not "semantic " in second.headers["cache-status"], "another shape of content is another partition"
    third = client.messages.with_raw_response.create(
        model="near", max_tokens=50, messages=[{"role": "user", "content": "How do I change my language setting?"}])
    assert "hit" in third.headers["cache-status"]
    assert third.parse().content[0].text == first.content[0].text


def test_whoever_asks_the_same_meanwhile_gets_the_same_match(near, oracle):
    key = near.create_key()
    ask(near, key, "How can I change my warranty claim?")
    settle(near)
    before = len(oracle.questions)
    with concurrent.futures.ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(lambda _: ask(near, key, "How do I change my warranty claim?"), range(24)))
    assert len({said(answer) for answer in answers}) == 1
    assert sum(is_similar(answer) for answer in answers) == 24 and len(oracle.questions) == before


def test_a_hit_costs_neither_tokens_nor_money(near):
    issued = near.issue(tenant=unique("free"), limits={"budgets": [{"tokens": 16, "per": "month"}]})
    key = issued["key"] if isinstance(issued, dict) else issued
    ask(near, key, "How can I change my return parcel?", max_tokens=5)
    settle(near)
    answer = near.chat(key, "How do I change my return parcel?", model="near", max_tokens=5)
    assert answer.status_code == 200 and is_similar(answer), (answer.status_code, answer.text)


def test_a_purge_reaches_it_at_once(near):
    tenant = unique("purged")
    key = near.create_key(tenant)
    ask(near, key, "How can I change my loyalty points?")
    settle(near)
    assert is_similar(ask(near, key, "How do I change my loyalty points?"))
    assert near.admin("POST", "/cache/purge", json={"tenant": tenant}).status_code == 200
    assert not is_similar(ask(near, key, "How could I change my loyalty points?"))


def test_an_answer_past_its_time_is_not_served(near):
    key = near.create_key()
    ask(near, key, "How can I change my phone number?", model="brief")
    settle(near)
    time.sleep(1.3)
    assert not is_similar(ask(near, key, "How do I change my phone number?", model="brief"))


def test_the_log_row_tells_of_the_match(near):
    key = near.create_key()
    ask(near, key, "How can I change my yearly subscription?")
    settle(near)
    answer = ask(near, key, "How do I change my yearly subscription?")
    assert is_similar(answer)
    log = answer.headers["cf-aig-log-id"]
    wait_until(lambda: near.admin("GET", f"/logs/{log}").status_code == 200, 10, "the row")
    row = near.admin("GET", f"/logs/{log}").json()
    assert row["cache_layer"] == "semantic"
    assert 0.8 <= row["similarity"] <= 1
    assert row["tokens_saved"] == 15


def test_entries_survive_a_restart(near):
    key = near.create_key()
    ask(near, key, "How can I change my profile picture?")
    settle(near)
    near.stop()
    near.start()
    wait_until(lambda: semantic(near)["state"] == "ready", 20, "warm vectors")
    assert is_similar(ask(near, key, "How do I change my profile picture?"))
    near.kill()
    near.start()
    wait_until(lambda: semantic(near)["state"] == "ready", 20, "warm vectors")
    assert is_similar(ask(near, key, "How could I change my profile picture?"))


def test_without_a_model_the_gateway_serves_and_says_why(demo, oracle, start_gateway, tmp_path):
    gateway = start_gateway(configuration(oracle, semantic={"models_directory": str(tmp_path / "none")}))
    key = gateway.create_key()
    assert not is_similar(ask(gateway, key, "How can I change my account password?"))
    assert "weir model install" in gateway.process.text()
    state = semantic(gateway)
    assert state["state"] == "off" and "weir model install" in state["problem"]


def test_a_damaged_model_is_named_and_harms_nobody(demo, oracle, models, start_gateway, tmp_path):
    folder = tmp_path / "damaged"
    folder.mkdir()
    for file in models.glob("*.weir"):
        (folder / file.name).write_bytes(file.read_bytes())
    victim = next(folder.glob("all-MiniLM*fp32*"))
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 1
    victim.write_bytes(data)
    gateway = start_gateway(configuration(oracle, semantic={"models_directory": str(folder), "precision": "fp32"}))
    assert not is_similar(ask(gateway, gateway.create_key(), "How can I change my account password?"))
    assert semantic(gateway)["state"] == "off" and "verify" in semantic(gateway)["problem"]


def test_a_client_that_leaves_while_its_vector_is_made_harms_nobody(near, oracle):
    key = near.create_key()
    ask(near, key, "How can I change my shipping label?")
    settle(near)
    for number in range(20):
        # Some are answered before they leave, which harms nobody either.
        with contextlib.suppress(httpx.TimeoutException):
            httpx.post(f"{near.url}/v1/chat/completions", headers={"authorization": f"Bearer {key}"}, timeout=0.001 * (number % 5 + 1),
                       json={"model": "near", "messages": [{"role": "user", "content": f"Tell me how to change my shipping label {number} please"}]})
    assert is_similar(ask(near, key, "How do I change my shipping label?"))


def test_after_enough_labels_a_bound_serves_paraphrases_and_keeps_to_it(near, oracle):
    """A recorded warm-up: every subject in most ways of asking, and near misses with numbers."""
    key = near.create_key()
    wrong = hits = asked = 0
    for round_number in range(40):
        for index, subject in enumerate(SUBJECTS):
            way = WAYS[(round_number * 7 + index * 3) % len(WAYS)]
            text = way.format(subject) + (f" Mine is the {round_number}th." if round_number % 3 == 2 else "")
            # A name in it makes the text new without changing what it asks.
            answer = ask(near, key, text + " Thanks" * (round_number % 4 + 1), model="learnt")
            asked += 1
            if is_similar(answer):
                hits += 1
                wrong += said(answer) != Oracle.answer(text)
                assert re.fullmatch(r"entry=\d+(; p=[01]\.\d{3})?(; bound=[01]\.\d{4})?", answer.headers["weir-semantic-match"])
        settle(near)
    assert wrong / asked <= 0.05
    assert hits > asked / 20, (hits, asked, semantic(near)["scopes"])
    scope = next(scope for scope in semantic(near)["scopes"] if scope["served"] > 0 and scope["labels"] > 0)
    assert scope["audits"] > 0


def test_a_tenant_that_was_deleted_and_made_again_finds_nothing(near):
    tenant = unique("again")
    key = near.create_key(tenant)
    ask(near, key, "How can I change my gift voucher?")
    settle(near)
    assert is_similar(ask(near, key, "How do I change my gift voucher?"))
    assert near.admin("DELETE", f"/tenants/{tenant}").status_code in (200, 204)
    again = near.create_key(tenant)
    answer = ask(near, again, "How could I change my gift voucher?")
    assert not is_similar(answer)
    assert not any(scope["scope"] == tenant and scope["served"] for scope in semantic(near)["scopes"])


def test_what_a_key_filled_goes_with_one_call(near):
    tenant = unique("keys")
    issued = near.issue(tenant)
    other = near.create_key(tenant)
    ask(near, issued["key"], "How can I change my tax number?")
    settle(near)
    assert is_similar(ask(near, other, "How do I change my tax number?"))
    assert near.admin("POST", "/cache/purge", json={"key_id": issued["id"]}).status_code == 200
    assert not is_similar(ask(near, other, "How could I change my tax number?"))


def test_a_flood_of_questions_by_one_key_is_kept_in_bounds(demo, oracle, models, start_gateway):
    gateway = start_gateway(configuration(oracle, semantic={"models_directory": str(models), "key_inserts_per_minute": 5}))
    key, other = gateway.create_key("flooder"), gateway.create_key("other")
    for subject in SUBJECTS[:12]:
        ask(gateway, key, f"How can I change my {subject} quickly?")
    settle(gateway)
    # A minute may have ended meanwhile: then it is twice as many.
    assert 5 <= semantic(gateway)["entries"] <= 10
    assert semantic(gateway)["refused"]["key-rate"] >= 2
    ask(gateway, other, "How can I change my company name?")
    settle(gateway)
    assert is_similar(ask(gateway, other, "How do I change my company name?"))


def test_a_share_is_for_its_members_and_as_long_as_they_are(demo, oracle, models, start_gateway):
    gateway = start_gateway(configuration(
        oracle, semantic={"models_directory": str(models)}, cache={"shares": {"family": ["one", "two"]}}))
    one, two, three = (gateway.create_key(name) for name in ("one", "two", "three"))
    ask(gateway, one, "How can I change my time zone settings?")
    settle(gateway)
    assert is_similar(ask(gateway, two, "How do I change my time zone settings?"))
    assert not is_similar(ask(gateway, three, "How do I change my time zone settings?"))
    gateway.config["cache"]["shares"] = {"family": ["one", "three"]}
    gateway.write_config()
    gateway.reload()
    assert not is_similar(ask(gateway, two, "How could I change my time zone settings?"))


def test_feedback_on_a_match_is_a_label(near):
    key = near.create_key()
    ask(near, key, "How can I change my yearly subscription?")
    settle(near)
    answer = ask(near, key, "How do I change my yearly subscription?")
    assert is_similar(answer)
    log = answer.headers["cf-aig-log-id"]
    wait_until(lambda: near.admin("GET", f"/logs/{log}").status_code == 200, 10, "the row")
    labels = lambda: sum(scope["labels"] for scope in semantic(near)["scopes"])
    before = labels()
    assert near.admin("PATCH", f"/logs/{log}", json={"feedback": -1}).status_code == 200
    wait_until(lambda: labels() == before + 1, 10, "the label")
    # Said twice, it counts once.
    assert near.admin("PATCH", f"/logs/{log}", json={"feedback": 1}).status_code == 200
    settle(near)
    assert labels() == before + 1


def test_a_wrong_group_is_evicted_with_one_call(near):
    key = near.create_key()
    ask(near, key, "How can I change my profile picture online?")
    settle(near)
    answer = ask(near, key, "How do I change my profile picture online?")
    assert is_similar(answer)
    entry = re.search(r"entry=(\d+)", answer.headers["weir-semantic-match"])[1]
    assert near.admin("DELETE", f"/semantic/entries/{entry}").status_code == 200
    assert not is_similar(ask(near, key, "How could I change my profile picture online?"))


def test_a_match_that_has_no_form_for_the_request_is_told_as_a_miss(demo, oracle, models, start_gateway):
    """A native stream that asked for no usage was kept without: it can't answer a request that is told its usage."""
    gateway = start_gateway(configuration(oracle, semantic={"models_directory": str(models), "enabled": True, "threshold": 0.8}))
    key = gateway.create_key()
    path = "/oracle/v1/chat/completions"
    stream = gateway.chat_stream(key, "How can I change my loyalty points online?", model="m", path=path)
    assert stream.status_code == 200 and not stream.was_cut
    settle(gateway)
    answer = ask(gateway, key, "How do I change my loyalty points online?", model="m", path=path)
    assert "fwd=miss" in detail(answer) and answer.headers["cf-aig-cache-status"] == "MISS", detail(answer)
    assert "weir-semantic-match" not in answer.headers
    assert answer.json()["usage"]["total_tokens"] == 15
