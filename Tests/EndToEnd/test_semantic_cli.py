"""`weir semantic …`: texts and recorded traffic tried on the semantic cache, its report, and the eviction of a wrong answer."""

import json
import re
import subprocess

import pytest

from harness import BINARY, Gateway, clean_environment, wait_until

RULES = ["numbers", "negation", "quoted", "entities", "antonyms", "order", "constraints", "containment"]
PARAPHRASE = ("How do I reset my password?", "I forgot my password, how can I change it?")
DOSES = ("Is 200 mg of aspirin safe?", "Is 800 mg of aspirin safe?")


def weir(*arguments, text=None, timeout=180):
    return subprocess.run([str(BINARY), "semantic", *map(str, arguments)], capture_output=True, text=True, timeout=timeout, input=text,
                          env=clean_environment())


@pytest.fixture
def attempt(models):
    """The JSON of a pair that is tried."""

    def run(pair, *options):
        result = weir("try", *pair, "--json", "--models", models, *options)
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)

    return run


# try

def test_a_pair_has_both_cosines_and_all_rules(attempt):
    result = attempt(PARAPHRASE)
    assert list(result) == ["cosine", "gate_cosine", "guard", "p", "would_serve"]
    assert list(result["guard"]) == RULES and set(result["guard"].values()) <= {"pass", "block", "explore"}
    assert 0.8 < result["cosine"] < 1 and 0.7 < result["gate_cosine"] < 1
    assert result["p"] is None and result["would_serve"] is False


def test_a_text_and_itself_are_alike_and_pass(attempt):
    result = attempt((PARAPHRASE[0], PARAPHRASE[0]), "--threshold", 0.999)
    assert result["cosine"] == pytest.approx(1, abs=1e-5) and result["would_serve"] is True
    assert set(result["guard"].values()) == {"pass"}


@pytest.mark.parametrize("pair, options, serves", [
    (PARAPHRASE, ["--threshold", "0.8"], True),
    (PARAPHRASE, ["--threshold", "80%"], True),
    (PARAPHRASE, ["--threshold", "0.99"], False),
    (PARAPHRASE, ["--max-error", "1%"], False),
    (DOSES, ["--threshold", "0.8"], False),
    (DOSES, ["--threshold", "0.8", "--guard", "intent"], True),
    (DOSES, ["--threshold", "0.8", "--guard", "negation,quoted"], True),
    (DOSES, ["--threshold", "0.8", "--guard", "negation, numbers"], False),
])
def test_threshold_and_guard_decide(attempt, pair, options, serves):
    result = attempt(pair, *options)
    assert result["would_serve"] is serves
    # Rules that do not decide are shown all the same.
    assert result["guard"]["numbers"] == ("block" if pair is DOSES else "pass")


@pytest.mark.parametrize("pair", [("", ""), ("", "?"), ("日本語", "🙂"), ("word " * 5000, "word")], ids=["empty", "sign", "cjk", "long"])
def test_any_text_is_tried(attempt, pair):
    result = attempt(pair)
    assert -1 <= result["cosine"] <= 1 and -1 <= result["gate_cosine"] <= 1


def test_words_of_a_file_extend_the_guard(attempt, tmp_path):
    pair = ("When is the flurb open?", "When is the glarb open?")
    assert attempt(pair)["guard"]["antonyms"] == "pass"
    (tmp_path / "own.words").write_text("[opposites]\nflurb | glarb\n")
    assert attempt(pair, "--words", tmp_path / "own.words")["guard"]["antonyms"] == "block"


def test_a_wrong_word_list_is_named_with_its_line(tmp_path):
    (tmp_path / "own.words").write_text("[stop]\nund\n[nonsense]\n")
    result = weir("try", "a", "b", "--words", tmp_path / "own.words", "--models", tmp_path)
    assert result.returncode == 2 and "own.words:3" in result.stderr and not result.stdout


def test_pairs_of_a_file_come_out_in_order_and_bad_lines_are_named(models, tmp_path):
    file = tmp_path / "pairs.tsv"
    file.write_bytes("\r\n".join(["\t".join(PARAPHRASE), "one column", "", "\t".join(DOSES) + "\tand\tmore"]).encode() + b"\n\xff\tx\n")
    result = weir("try", "--file", file, "--json", "--models", models)
    assert result.returncode == 1
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["guard"]["numbers"] for line in lines] == ["pass", "block"]
    assert f"{file}:2: fewer than two columns" in result.stderr and f"{file}:5: not UTF-8" in result.stderr
    table = weir("try", "--file", file, "--models", models)
    assert table.returncode == 1 and len(table.stdout.splitlines()) == 3 and "block: numbers" in table.stdout


def test_pairs_come_from_standard_input(models):
    result = weir("try", "--file", "-", "--json", "--models", models, text="\t".join(PARAPHRASE) + "\n")
    assert result.returncode == 0 and not result.stderr and len(result.stdout.splitlines()) == 1


def test_a_single_pair_is_a_table_for_people(models):
    result = weir("try", *PARAPHRASE, "--models", models)
    assert result.returncode == 0 and all(rule in result.stdout for rule in RULES) and "would serve" in result.stdout


def test_without_a_model_the_way_to_one_is_told(tmp_path):
    result = weir("try", "a", "b", "--models", tmp_path)
    assert result.returncode == 5 and "weir model install" in result.stderr and not result.stdout


@pytest.mark.parametrize("arguments", [
    ["a"], ["a", "b", "c"], ["a", "b", "--file", "x"], [], ["a", "b", "--guard", "nonsense"], ["a", "b", "--guard", ""], ["a", "b", "--threshold", "2"],
    ["a", "b", "--threshold", "nan"], ["a", "b", "--threshold", "0.9", "--max-error", "1%"], ["a", "b", "--max-error", "x"],
    ["a", "b", "--precision", "fp64"],
], ids=" ".join)
def test_a_wrong_try_is_refused(arguments, tmp_path):
    result = weir("try", *arguments, "--models", tmp_path)
    assert result.returncode == 64 and result.stderr and not result.stdout


# simulate

TOPICS = ["password", "invoice", "delivery address", "phone number", "subscription", "username", "credit card", "newsletter", "language", "profile picture"]
FORMS = ["How do I change the {} of my account?", "How can I change the {} of my account?", "What is the way to change the {} of my account?"]


def row(second, text, answer, **fields):
    """A row of the event log with its bodies; `system` and `request` change what was asked."""
    messages = [{"role": "user", "content": text}]
    if system := fields.pop("system", None):
        messages.insert(0, {"role": "system", "content": system})
    request = {"model": "demo/demo-chat", "messages": messages, **fields.pop("request", {})}
    response = {"choices": [{"index": 0, "message": {"role": "assistant", "content": answer}}]}
    return {
        "created_at": f"2026-03-01T12:{second // 60:02d}:{second % 60:02d}.000Z", "tenant": "acme", "provider": "demo", "model": "demo-chat",
        "operation": "chat_completions", "status_code": 200, "cache_layer": "miss", "stream": False, "cost": 0.5, "audit": False,
        "request": json.dumps(request), "response": json.dumps(response), **fields,
    }


def questions(answer="Open the {} page.", **fields):
    return [row(place, form.format(topic), answer.format(topic), **fields)
            for place, (form, topic) in enumerate((form, topic) for form in FORMS for topic in TOPICS)]


@pytest.fixture
def simulate(models, tmp_path):
    def run(rows, *options, status=0):
        file = tmp_path / "events.jsonl"
        file.write_text("".join((each if isinstance(each, str) else json.dumps(each)) + "\n" for each in rows))
        result = weir("simulate", "--log", file, "--json", "--models", models, *options)
        assert result.returncode == status, result.stderr
        return json.loads(result.stdout)

    return run


def test_paraphrases_with_equal_answers_hit_and_none_is_wrong(simulate):
    report = simulate(questions(), "--threshold", "0.9")
    assert report["requests"] == report["eligible"] == 30 and report["ineligible"] == {}
    [run] = report["runs"]
    assert run["threshold"] == 0.9 and 10 <= run["hits"] <= 20 and run["hit_rate"] == pytest.approx(run["hits"] / 30)
    assert run["wrong"] == 0 and run["error"] == 0 and run["cost_saved_usd"] == pytest.approx(run["hits"] / 2)
    assert run["error_interval"] == [0, pytest.approx(0.1157, abs=1e-3)]


def test_answers_that_differ_make_hits_wrong(simulate):
    rows = [{**each, "response": row(0, "", str(place * 17))["response"]} for place, each in enumerate(questions())]
    [run] = simulate(rows, "--threshold", "0.9")["runs"]
    assert run["hits"] == run["wrong"] > 0 and run["error_interval"][0] < run["error"] < run["error_interval"][1]


@pytest.mark.parametrize("change", [
    lambda place, each: {**each, "tenant": f"tenant-{place}"},
    lambda place, each: {**each, "model": f"model-{place}"},
    lambda place, each: {**each, "request": each["request"].replace('"model"', f'"seed": {place}, "model"')},
    lambda place, each: row(place, json.loads(each["request"])["messages"][0]["content"], "the same", system=f"You are number {place}."),
], ids=["tenant", "model", "parameter", "system prompt"])
def test_nothing_crosses_partitions(simulate, change):
    [run] = simulate([change(place, each) for place, each in enumerate(questions())], "--threshold", "0.5", "--guard", "intent")["runs"]
    assert run["requests"] == 30 and run["hits"] == 0


def test_every_line_is_counted_as_what_it_is(simulate):
    text = FORMS[0].format("password")
    long = "Tell me what this means: " + "lorem ipsum dolor " * 100
    report = simulate([
        row(0, text, "a"), row(1, text, "a", cache_layer="exact"), row(2, text, "a", cache_layer="collapsed"), row(3, text, "a", cache_layer="semantic"),
        {**row(4, text, "a"), "request": None}, {**row(5, text, "a"), "response_truncated": True}, row(6, text, "a", operation="embeddings"),
        row(7, text, "a", status_code=500), "nonsense", "", "[1]", row(8, "and why?", "a"), row(9, "hello", "a"), row(10, long, "a"),
        row(11, "What is the latest news of Rome?", "a"), row(12, text, "a", request={"temperature": 1.5}), row(13, text, "a", request={"n": 2}),
        row(14, text, "a", request={"messages": [{"role": "assistant", "content": "x"}]}),
        {**row(15, text, "a"), "response": json.dumps({"choices": [{"message": {"content": None, "tool_calls": [{"id": "x"}]}}]})},
        {**row(16, text, "a"), "request": json.loads(row(16, text, "a")["request"]), "response": json.loads(row(16, text, "a")["response"])},
    ])
    assert {name: report[name] for name in ("rows", "eligible", "exact_hits", "semantic_hits", "without_payload", "other_rows", "unreadable", "not_text")} == {
        "rows": 19, "eligible": 2, "exact_hits": 2, "semantic_hits": 1, "without_payload": 2, "other_rows": 2, "unreadable": 2, "not_text": 2}
    assert sum(report["ineligible"].values()) == 6 and report["requests"] == 8
    assert {"too-long", "time-dependent", "temperature", "multiple-choices"} <= set(report["ineligible"])


def test_bounds_are_replayed_one_by_one_and_alike_again(simulate):
    first = simulate(questions(), "--max-error", "0.01", "--max-error", "5%", "--seed", "7")
    assert [run["max_error"] for run in first["runs"]] == [0.01, 0.05]
    # Nothing is learnt from thirty requests: only what repeats a verified text would be served.
    assert all(run["wrong"] == 0 for run in first["runs"])
    assert simulate(questions(), "--max-error", "0.01", "--max-error", "5%", "--seed", "7") == first


def test_a_simulation_is_a_table_for_people(models, tmp_path):
    file = tmp_path / "events.jsonl"
    file.write_text("".join(json.dumps(each) + "\n" for each in questions()))
    result = weir("simulate", "--log", file, "--models", models, "--threshold", "0.9")
    assert result.returncode == 0 and not result.stderr
    assert "eligible" in result.stdout and "95% INTERVAL" in result.stdout and "unverified" in result.stdout


def test_what_the_gateway_recorded_can_be_simulated(models, start_gateway, tmp_path):
    gateway = start_gateway({"events": {"payloads": True}})
    key = gateway.create_key("acme")
    asked = [FORMS[0].format("password"), FORMS[1].format("password"), FORMS[0].format("password")]
    for place, text in enumerate(asked):
        ask = gateway.chat_stream if place == 1 else gateway.chat
        assert ask(key, text).status_code == 200
    wait_until(lambda: len(gateway.admin("GET", "/logs").json()["rows"]) == 3, what="three rows")
    read = {"Authorization": f"Bearer {(gateway.data / 'read.token').read_text().strip()}"}
    assert gateway.admin("GET", "/logs/export?payloads=true", headers=read).status_code == 403
    export = gateway.admin("GET", "/logs/export?payloads=true&order=oldest")
    assert export.status_code == 200
    rows = [json.loads(line) for line in export.text.splitlines()]
    assert json.loads(rows[0]["request"])["messages"][0]["content"] == asked[0] and rows[0]["request_truncated"] is False
    assert "request" not in json.loads(gateway.admin("GET", "/logs/export").text.splitlines()[0])
    file = tmp_path / "events.jsonl"
    file.write_bytes(export.content)
    result = weir("simulate", "--log", file, "--json", "--models", models)
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    assert report["rows"] == 3 and report["eligible"] == 2 and report["exact_hits"] == 1 and report["not_text"] == 0


@pytest.mark.parametrize("arguments", [
    [], ["--log", "x", "--max-error", "2"], ["--log", "x", "--threshold", "x"], ["--log", "x", "--cold", "maybe"], ["--log", "x", "--seed", "-1"],
], ids=" ".join)
def test_a_wrong_simulation_is_refused(arguments, tmp_path):
    result = weir("simulate", *arguments, "--models", tmp_path)
    assert result.returncode == 64 and result.stderr and not result.stdout


# report and evict

def test_the_report_of_a_gateway_without_it_says_why(gateway):
    assert gateway.weir("semantic", "report").startswith("off: It is switched on for no request")
    report = json.loads(gateway.weir("semantic", "report", "--json"))
    assert report["state"] == "off" and report["entries"] == 0 and report["riskiest"] == [] and report["scopes"] == []
    result = gateway.weir_unchecked("semantic", "evict", "1")
    assert result.status == 5 and "no entry" in result.err


def test_a_gateway_without_a_model_says_how_to_get_one(start_gateway):
    gateway = start_gateway({"semantic": {"enabled": True}})
    assert "weir model install" in gateway.weir("semantic", "report")
    assert gateway.admin("GET", "/semantic").json()["state"] == "off"
    assert metrics(gateway)["weir_semantic_up"] == 0


def metrics(gateway):
    lines = gateway.admin("GET", "/metrics").text.splitlines()
    return {line.split()[0]: float(line.split()[1]) for line in lines if line.startswith(("weir_semantic_", "weir_cache_semantic_"))}


@pytest.fixture(scope="module")
def near(demo, models, tmp_path_factory):
    """A gateway that answers near questions alike."""
    gateway = Gateway(demo, tmp_path_factory.mktemp("near"), {
        "semantic": {"enabled": True, "threshold": 0.9, "models_directory": str(models), "budget": "5s"},
    }).start()
    yield gateway
    gateway.stop()


def settle(gateway):
    def is_idle():
        status = gateway.admin("GET", "/semantic").json()
        return status["judge"]["waiting"] == 0 and status["embedder"]["waiting"] == 0

    wait_until(is_idle, 30, "the judge")


def test_a_served_pair_is_reported_and_its_answer_can_be_evicted(near):
    key = near.create_key("acme")
    asked = [form.format("password") for form in FORMS[:2]]
    assert near.chat(key, asked[0]).status_code == 200
    settle(near)
    hit = near.chat(key, asked[1])
    assert "semantic " in hit.headers["cache-status"]
    entry = re.search(r"entry=(\d+)", hit.headers["weir-semantic-match"]).group(1)
    report = json.loads(near.weir("semantic", "report", "--json"))
    assert report["state"] == "ready" and report["entries"] >= 1 and report["served"] >= 1 and report["lookups"] >= 1
    assert report["models"]["gate"].startswith("potion") and report["models"]["sentence"].startswith("all-MiniLM")
    pair = report["riskiest"][0]
    assert (str(pair["entry"]), pair["scope"], pair["text"], pair["matched_text"]) == (entry, "acme", asked[1], asked[0])
    assert pair["p"] is None and 0.9 <= pair["cosine"] <= 1 and pair["served_at"].endswith("Z")
    assert next(scope for scope in report["scopes"] if scope["scope"] == "acme")["served"] >= 1
    # Who may only read does not see what was asked.
    read = {"Authorization": f"Bearer {(near.data / 'read.token').read_text().strip()}"}
    seen = near.admin("GET", "/semantic", headers=read)
    assert seen.status_code == 200 and seen.json()["riskiest"][0]["text"] is None and asked[0] not in seen.text
    assert near.admin("DELETE", f"/semantic/entries/{entry}", headers=read).status_code == 403

    table = near.weir("semantic", "report")
    assert asked[0] in table and entry in table and "95% INTERVAL" in table
    counted = metrics(near)
    assert counted["weir_semantic_up"] == 1 and counted["weir_semantic_entries"] == report["entries"]
    assert counted["weir_semantic_lookups_total"] >= 1 and counted["weir_cache_semantic_hits_total"] >= 1

    assert near.weir("semantic", "evict", entry).strip() == f"evicted {entry}"
    again = near.chat(key, FORMS[2].format("password"))
    assert "semantic " not in again.headers["cache-status"]
    assert near.weir_unchecked("semantic", "evict", entry).status == 5
    assert all(str(pair["entry"]) != entry for pair in json.loads(near.weir("semantic", "report", "--json"))["riskiest"])


@pytest.mark.parametrize("entry", ["nobody", "-1", "18446744073709551616", "1.5", "9" * 40, "%20"])
def test_an_entry_that_can_not_be_is_not_found(gateway, entry):
    answer = gateway.admin("DELETE", f"/semantic/entries/{entry}")
    assert answer.status_code == 404 and answer.json()["error"]["code"] == "entry_not_found"


def test_an_unchanged_report_is_not_sent_again(gateway):
    tag = gateway.admin("GET", "/semantic").headers["etag"]
    assert gateway.admin("GET", "/semantic", headers={"If-None-Match": tag}).status_code == 304


@pytest.mark.parametrize("arguments", [["evict"], ["evict", "x"], ["evict", "-1"], ["report", "x"]], ids=" ".join)
def test_a_wrong_command_is_refused(arguments):
    result = weir(*arguments)
    assert result.returncode == 64 and result.stderr and not result.stdout
