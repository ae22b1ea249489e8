#!/usr/bin/env python3
"""What others reach on the same stream with the same vectors: the best static threshold in hindsight, and GPTCache with its defaults.

    loadtests/semantic_baselines.py --data banking77.tsv --vectors vectors.jsonl --seeds 1,2 --bounds 0.01,0.02

Runs in the virtual environment that loadtests/setup makes (numpy; gptcache and faiss where they could be installed) and prints one JSON object.
A threshold that is known only after the fact is the most that a cache with a fixed threshold can reach: nobody has it beforehand.
"""

import argparse
import atexit
import json
import os
import pathlib
import shutil
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import stream  # noqa: E402

import numpy  # noqa: E402

THRESHOLDS = [step / 200 for step in range(156, 199)]  # 0.78 ... 0.99, for the replay that stores misses only


def read_vectors(path, count):
    vectors = numpy.array([json.loads(line)["vector"] for line in open(path, encoding="utf-8")], dtype=numpy.float32)
    if len(vectors) != count:
        raise SystemExit(f"{path}: {len(vectors)} vectors for {count} questions")
    return vectors / numpy.linalg.norm(vectors, axis=1, keepdims=True)


def replay_threshold(cosines, labels, order, threshold):
    """Questions come one by one; a miss is stored, a hit is not. Returns hits and wrong hits."""
    stored = numpy.empty(len(order), dtype=numpy.int64)
    count = hits = wrong = 0
    for question in order:
        if count:
            row = cosines[question, stored[:count]]
            nearest = int(row.argmax())
            if row[nearest] >= threshold:
                hits += 1
                wrong += labels[stored[nearest]] != labels[question]
                continue
        stored[count] = question
        count += 1
    return hits, int(wrong)


def nearest_earlier(cosines, labels, order):
    """For every question the cosine of the nearest earlier one, and whether that has the same intent."""
    best, right = numpy.full(len(order), -2.0), numpy.zeros(len(order), dtype=bool)
    for number in range(1, len(order)):
        row = cosines[order[number], order[:number]]
        place = int(row.argmax())
        best[number], right[number] = row[place], labels[order[place]] == labels[order[number]]
    return best, right


def static_thresholds(vectors, labels, seeds, bounds):
    """For each bound and seed the most hits of any threshold whose error stays within the bound.

    `all`: every earlier question is there with its own right answer, hits included. No cache can have that, so no fixed threshold reaches more.
    `misses`: as a cache does it, only what was asked upstream is stored."""
    cosines = vectors @ vectors.T
    found = {"all": {str(bound): [] for bound in bounds}, "misses": {str(bound): [] for bound in bounds}}
    for seed in seeds:
        order = numpy.array(stream.order(len(labels), seed))
        best, right = nearest_earlier(cosines, labels, order)
        descending = numpy.argsort(-best, kind="stable")
        error = numpy.cumsum(~right[descending]) / len(order)
        points = [(threshold, *replay_threshold(cosines, labels, order, threshold)) for threshold in THRESHOLDS]
        for bound in bounds:
            last = int(numpy.flatnonzero(error <= bound)[-1])
            found["all"][str(bound)].append({
                "seed": seed, "threshold": round(float(best[descending][last]), 4), "hits": (last + 1) / len(order), "error": float(error[last])})
            within = [point for point in points if point[2] <= bound * len(order)]
            threshold, hits, wrong = max(within, key=lambda point: point[1], default=(1.0, 0, 0))
            found["misses"][str(bound)].append({"seed": seed, "threshold": threshold, "hits": hits / len(order), "error": wrong / len(order)})
        for kind, results in found.items():
            print(f"  static thresholds ({kind} stored), seed {seed}: " + ", ".join(
                f"{bound:.1%} -> {results[str(bound)][-1]['hits']:.1%} at {results[str(bound)][-1]['threshold']}" for bound in bounds), file=sys.stderr, flush=True)
    return found


def gptcache(vectors, texts, labels, seeds, minutes):
    """GPTCache as `init_similar_cache()` sets it up: SQLite, faiss, distance evaluation, threshold 0.8, 1,000 entries. Only the embedding is ours;
    its token counter, which fetches a vocabulary, and its own report table are off, which changes no answer."""
    try:
        import faiss  # noqa: F401  (gptcache would install what is missing by itself)
        import sqlalchemy  # noqa: F401
        from gptcache import Cache, Config
        from gptcache.adapter import api
    except ImportError as error:
        return {"skipped": f"GPTCache: not installed ({error}); loadtests/setup installs it"}
    index = {text: number for number, text in enumerate(texts)}

    class Embedding:
        dimension = vectors.shape[1]

        @staticmethod
        def to_embeddings(text, **_):
            return vectors[index[text]]

    runs, started = [], time.monotonic()
    for seed in seeds:
        if runs and time.monotonic() - started + runs[-1]["seconds"] > minutes * 60:
            break  # It takes several milliseconds a question.
        # In memory where that is possible: it commits to SQLite several times for each question.
        folder = tempfile.mkdtemp(prefix="weir-gptcache-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
        atexit.register(shutil.rmtree, folder, ignore_errors=True)  # after GPTCache's own last flush
        cache, began, hits, wrong = Cache(), time.monotonic(), 0, 0
        api.init_similar_cache(data_dir=folder, cache_obj=cache, embedding=Embedding, config=Config(enable_token_counter=False, disable_report=True))
        for question in stream.order(len(labels), seed):
            answer = api.get(texts[question], cache_obj=cache)
            if answer is None:
                api.put(texts[question], labels[question], cache_obj=cache)
            else:
                hits += 1
                wrong += answer != labels[question]
        runs.append({"seed": seed, "hits": hits / len(labels), "error": wrong / len(labels), "seconds": round(time.monotonic() - began, 1)})
        print(f"  GPTCache, seed {seed}: {hits / len(labels):.1%} hits, {wrong / len(labels):.1%} wrong", file=sys.stderr, flush=True)
    return {"runs": runs}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--vectors", required=True)
    parser.add_argument("--seeds", type=lambda text: [int(part) for part in text.split(",")], default=[1])
    parser.add_argument("--bounds", type=lambda text: [float(part) for part in text.split(",")], default=[0.01, 0.02])
    parser.add_argument("--minutes", type=float, default=40, help="after which GPTCache starts no further seed")
    options = parser.parse_args()
    texts, labels = stream.read(options.data)
    vectors = read_vectors(options.vectors, len(texts))
    numbered = numpy.unique(labels, return_inverse=True)[1]
    print(json.dumps({
        "static": static_thresholds(vectors, numbered, options.seeds, options.bounds), "gptcache": gptcache(vectors, texts, labels, options.seeds, options.minutes),
    }))


if __name__ == "__main__":
    main()
