"""`weir semantic …`: texts and recorded traffic tried on the semantic cache, its report, and the eviction of a wrong answer."""

import json
import subprocess

import pytest

from harness import BINARY, clean_environment

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
