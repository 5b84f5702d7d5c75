"""The hashed index of a benchmark: numbers from which its texts cannot be read, and in which copies of them can be found.

A text is kept as the 16-bit codes of its runs of five words, in order. A run of n words is n - 4 codes in a row, so one index
answers for every n from 8 up, and takes two bytes a word. One code stands for thousands of millions of word runs; only who
holds a copy of the text can tell that it is the same.

How often it is wrong: an n-gram that shares no word with the benchmark is taken for one of its N n-grams with probability
N / 2^(16 (n - 4)), 1e-23 for n = 10 and the million of n-grams shipped; one that differs in its first or last word alone (the
other n - 1 words do stand in the benchmark) with probability 1 / 2^16.

`python -m apps.dataset_explorer.benchmark_index FOLDER` makes the index that is shipped, from manifests/benchmarks/benchmarks.toml.
"""

import argparse
import gzip
import json
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apps.dataset_explorer.runs import Codes, codes, probe, split_texts, whole_hashes, without_numbers, word_hashes
from shared.env import ROOT
from shared.errors import PlaygroundError
from shared.text import Hashes, Places

SHIPPED = ROOT / "manifests" / "benchmarks"
QUESTION, ANSWER, BARE = 0, 1, 2


@dataclass(frozen=True)
class Item:
    """One item of a benchmark, as text, before it is hashed.

    Attributes:
        id: Its name, such as "gsm8k/test/17".
        question: What the model is given.
        answer: What it should answer.
        bare: The answer as other copies of the benchmark have it; "" when they all agree.
    """

    id: str
    question: str
    answer: str = ""
    bare: str = ""


@dataclass(frozen=True)
class Benchmark:
    """The index of one benchmark.

    Attributes:
        name: Its name, such as "gsm8k".
        ids: Names of its items.
        item: Which item each part (a question or an answer) belongs to.
        kind: QUESTION, ANSWER, or BARE, of each part.
        words: Words of each part.
        codes: 16-bit codes of the parts' runs of five words, one part after the other.
        whole: 64-bit hash of each part of fewer than 64 words, of all its words; 0 for longer parts.
        loose: The same codes, of the parts without punctuation and without words with digits.
        loose_words: Words of each part that are left then; 0 for a bare answer, which is like the answer then.
    """

    name: str
    ids: tuple[str, ...]
    item: Places
    kind: NDArray[np.uint8]
    words: Places
    codes: Codes
    whole: Hashes
    loose: Codes
    loose_words: Places


def build(name: str, items: Iterable[Item]) -> Benchmark:
    """Hash a benchmark.

    Args:
        name: Its name.
        items: Its items.

    Raises:
        PlaygroundError: There is no item, or an item has neither question nor answer.
    """
    kept = list(items)
    if not kept:
        raise PlaygroundError(f"The benchmark '{name}' has no rows. Give at least one question or answer.")
    triples = [
        (place, kind, text)
        for place, item in enumerate(kept)
        for kind, text in ((QUESTION, item.question), (ANSWER, item.answer), (BARE, item.bare))
        if text.strip()
    ]
    empty = sorted(set(range(len(kept))) - {place for place, _, _ in triples})
    if empty:
        raise PlaygroundError(f"Item '{kept[empty[0]].id}' of '{name}' has neither question nor answer. Leave it out.")
    split = split_texts([text for _, _, text in triples])
    hashes = word_hashes(split)
    loose, loose_rows = without_numbers(split_texts([text if kind != BARE else "" for _, kind, text in triples], True))
    return Benchmark(
        name=name,
        ids=tuple(item.id for item in kept),
        item=np.array([place for place, _, _ in triples], dtype=np.int64),
        kind=np.array([kind for _, kind, _ in triples], dtype=np.uint8),
        words=np.diff(split.rows),
        codes=codes(hashes, split.rows).codes,
        whole=whole_hashes(hashes, split.rows),
        loose=codes(loose, loose_rows).codes,
        loose_words=np.diff(loose_rows),
    )


def save(benchmark: Benchmark, path: Path) -> None:
    """Write an index to a file, the same bytes for the same benchmark.

    Args:
        benchmark: The index.
        path: File to write, ending in .npz.
    """
    np.savez_compressed(
        path,
        allow_pickle=False,
        probe=probe(),
        ids=np.frombuffer("\n".join(benchmark.ids).encode("utf-8"), dtype=np.uint8),
        item=benchmark.item.astype(np.uint32),
        kind=benchmark.kind,
        words=benchmark.words.astype(np.uint32),
        codes=benchmark.codes,
        whole=benchmark.whole,
        loose=benchmark.loose,
        loose_words=benchmark.loose_words.astype(np.uint32),
    )


def load(path: Path) -> Benchmark:
    """Read an index from a file.

    Args:
        path: File that `save` wrote; its name is the benchmark's.

    Raises:
        PlaygroundError: The file is no index, or was made with other word hashes than today's.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            tables = {name: file[name] for name in file.files}
        built = Benchmark(
            name=path.stem,
            ids=tuple(tables["ids"].tobytes().decode("utf-8").split("\n")),
            **{name: tables[name].astype(np.int64) for name in ("item", "words", "loose_words")},
            **{name: tables[name] for name in ("kind", "codes", "whole", "loose")},
        )
    except (OSError, ValueError, KeyError) as error:
        raise PlaygroundError(f"'{path.name}' is not the index of a benchmark: {error}. Make it anew.") from error
    if not np.array_equal(tables["probe"], probe()):
        raise PlaygroundError(
            f"The index '{path.name}' was made with other word hashes than today's. "
            "Make it anew: python -m apps.dataset_explorer.benchmark_index FOLDER, or add the benchmark again."
        )
    return built


def shipped() -> dict[str, dict[str, Any]]:
    """What is known about the benchmarks that come with the project, by name: title, licence, source and how it is read."""
    return tomllib.loads((SHIPPED / "benchmarks.toml").read_text("utf-8"))


def read_items(recipe: Mapping[str, Any], rows: Iterable[Mapping[str, Any]]) -> Iterator[Item]:
    """The items of a benchmark, from its rows and its recipe in the manifest.

    Args:
        recipe: question, answer and id; optionally splits and drop.
        rows: Rows with those columns.
    """
    for number, row in enumerate(rows):
        answer = str(row.get(recipe["answer"]) or "")
        bare = re.sub(recipe["drop"], "", answer) if recipe.get("drop") else ""
        split = next(
            (name for name, (first, last) in recipe.get("splits", {}).items() if first <= row["task_id"] <= last), ""
        )
        name = recipe["id"].format_map({**row, "row": number, "split": split})
        yield Item(name, str(row[recipe["question"]]), answer, bare if bare != answer else "")


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a JSON Lines file, also when it is compressed with gzip.

    Args:
        path: File to read.
    """
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8")
    return [json.loads(line) for line in text.split("\n") if line.strip()]


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the shipped index from a folder of benchmarks.

    Args:
        arguments: Command line; the process's own by default.
    """
    parser = argparse.ArgumentParser(prog="python -m apps.dataset_explorer.benchmark_index", description=main.__doc__)
    parser.add_argument("folder", type=Path, help="folder with the files that benchmarks.toml names")
    parser.add_argument("--out", type=Path, default=SHIPPED, help="where to write (default: manifests/benchmarks)")
    given = parser.parse_args(arguments)
    total = 0
    for name, recipe in shipped().items():
        benchmark = build(name, read_items(recipe, read_rows(given.folder / recipe["file"])))
        target = given.out / f"{name}.npz"
        save(benchmark, target)
        total += target.stat().st_size
        sys.stdout.write(f"{name}: {len(benchmark.ids)} items, {int(benchmark.words.sum())} words\n")
    sys.stdout.write(f"{total} bytes in all\n")


if __name__ == "__main__":
    main()
