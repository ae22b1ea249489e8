"""The stream of questions that the semantic scenarios replay: BANKING77 (CC BY 4.0), 13,083 questions of 77 intents."""

import os
import pathlib
import random

ROOT = pathlib.Path(__file__).resolve().parent.parent


def find():
    """The data's file: named by WEIR_BANKING77, else beside the checkout. None where there is none."""
    named = os.environ.get("WEIR_BANKING77")
    path = pathlib.Path(named) if named else ROOT.parent / "shared" / "data" / "banking77.tsv"
    return path if path.is_file() else None


def read(path):
    """Texts and their intents, in the order of the file."""
    with open(path, encoding="utf-8") as file:
        lines = [line.rstrip("\n").split("\t") for line in file]
    if lines[0] != ["text", "intent"] or any(len(line) != 2 for line in lines):
        raise RuntimeError(f"{path}: not a table of text and intent")
    return [text for text, _ in lines[1:]], [intent for _, intent in lines[1:]]


def order(count, seed):
    """The positions 0 ..< count in the order in which a seed asks them."""
    places = list(range(count))
    random.Random(seed).shuffle(places)
    return places
