"""Train the table by which programs are told apart: `python -m shared.code_training FOLDER` writes manifests/code_weights.tsv.

Logistic regression over the features of shared/code_features.py, on pieces of 3 to 60 lines, alone or beside a sentence of
prose, as they stand in instruction rows. A word is kept when it tells languages apart and two sources use it, so that the name
of a library does not pass for a language.
"""

import argparse
import json
import random
import re
import sys
import tomllib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.code_features import KINDS, SIGN, Keys, Vocabulary, keys, number, sample, spell, tokens
from shared.env import ROOT
from shared.text import Places

TABLE = ROOT / "manifests" / "code_weights.tsv"
NONE = "none"
BLOCK = 1 << 16  # occurrences added up together
NAMED = re.compile(
    r"python|javascript|java|rust|julia|lean\d?|typescript|kotlin|swift|ruby|php|haskell|shell|csharp|sql|html|css|golang|"
    r"google|license|copyright|algorithms?|thealgorithms",
    re.IGNORECASE,
)
FENCED = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
ASKS = ("Write a", "Implement a", "Create a", "Please write a", "Generate a", "Design a", "Develop a", "Provide a")
THINGS = ("function", "program", "class", "script", "method", "code snippet")
TASKS = (
    "that returns the sum of two numbers",
    "to reverse a string",
    "that sorts a list of integers",
    "to compute the factorial of n",
    "which reads a file and prints its lines",
    "to check whether a number is prime",
    "that finds the maximum value in an array",
    "to count the vowels in a word",
    "for a simple bank account",
    "that connects to a database",
    "to convert a list of tuples to a dictionary",
    "that takes an array and a target",
)


Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Source:
    """The texts of one repository in one language.

    Attributes:
        language: Their language, "none" for prose.
        name: Where they are from.
        texts: The texts.
    """

    language: str
    name: str
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Sizes:
    """How much to train.

    Attributes:
        main: Pieces of each language that is told by name.
        other: Pieces of each other language.
        none: Pieces of prose.
        words: Words that languages may own.
        features: Features in the table.
        steps: Steps of each of the two fits.
        rarest: Pieces that a word or feature has to be in.
    """

    main: int = 5000
    other: int = 1800
    none: int = 9000
    words: int = 1200
    features: int = 3000
    steps: int = 200
    rarest: int = 30


@dataclass(frozen=True)
class Pieces:
    """Pieces to learn from: their text, the number of their language, and of their source."""

    texts: list[str]
    languages: NDArray[np.int64]
    sources: NDArray[np.int64]


def read_sources(folder: Path, manifest: dict[str, Any], most: int = 400) -> list[Source]:
    """The sources of the manifest, from disk.

    Args:
        folder: Holds every repository as owner/name.
        manifest: `source` and `own` tables.
        most: Files taken of one source.
    """
    found = []
    for entry in manifest["source"]:
        root = folder / entry["repository"]
        pattern = re.compile(entry["files"])
        paths = sorted(
            path for path in root.rglob("*") if path.is_file() and pattern.search(str(path.relative_to(root)))
        )
        random.Random(0).shuffle(paths)
        texts = [text for path in paths[:most] for text in _read(path, entry.get("rows", 0))]
        if entry["language"] == NONE:
            texts = [FENCED.sub("", text) for text in texts]
        found.append(Source(entry["language"], entry["repository"], tuple(text for text in texts if len(text) > 50)))
    halves = ((own["language"], own["texts"][half::2]) for own in manifest.get("own", []) for half in (0, 1))
    return found + [Source(language, "own", tuple(texts)) for language, texts in halves]


def _read(path: Path, rows: int) -> list[str]:
    text = path.read_text("utf-8", errors="ignore")
    if not rows:
        return [text[:40_000]]
    lines = [json.loads(line) for line in text.split("\n")[:rows] if line.strip()]
    return ["\n".join(value for value in line.values() if isinstance(value, str)) for line in lines]


def cut_pieces(sources: Sequence[Source], languages: Sequence[str], main: Sequence[str], sizes: Sizes) -> Pieces:
    """Pieces of every language, the same number of each source at least for one half of them.

    Args:
        sources: Where to cut from.
        languages: Every language, in the order of the table.
        main: Those that are told by name.
        sizes: How many.
    """
    dice = random.Random(1)
    prose = [line.strip() for one in sources if one.language == NONE for text in one.texts for line in text.split("\n")]
    prose = [line for line in prose if 30 < len(line) < 250]
    texts: list[str] = []
    where: list[tuple[int, int]] = []
    for place, language in enumerate(languages):
        mine = [(number, one) for number, one in enumerate(sources) if one.language == language and one.texts]
        all_texts = [(number, text) for number, one in mine for text in one.texts]
        wanted = sizes.none if language == NONE else sizes.main if language in main else sizes.other
        while wanted:
            origin, text = dice.choice(all_texts)
            if dice.random() < 0.5:
                origin, one = dice.choice(mine)
                text = dice.choice(one.texts)
            piece = _cut(text, dice)
            if len(piece.strip()) > 25:
                texts.append(sample(_dress(piece, language, prose, dice)))
                where.append((place, origin))
                wanted -= 1
    numbers = np.array(where, dtype=np.int64)
    return Pieces(texts, numbers[:, 0], numbers[:, 1])


def _cut(text: str, dice: random.Random) -> str:
    lines = text.split("\n")
    length = dice.choice((3, 5, 8, 12, 20, 30, 60, len(lines)))
    start = dice.randrange(max(1, len(lines) - length + 1))
    return "\n".join(lines[start : start + length])[:2000]


def _dress(piece: str, language: str, prose: Sequence[str], dice: random.Random) -> str:
    """A piece as it may stand in a row: behind a request, beside prose, on one line; prose sometimes becomes a request."""
    asked = f"{dice.choice(ASKS)} {dice.choice(THINGS)} {dice.choice(TASKS)}."
    chance = dice.random()
    if language == NONE:
        return asked if chance < 0.1 else piece
    if chance < 0.2:
        return asked + dice.choice(("\n", "\n\n", " ")) + piece
    if chance < 0.32 and prose:
        parts = [dice.choice(prose), piece]
        return "\n".join(parts if chance < 0.28 else parts[::-1])
    if chance < 0.42:
        piece = " ".join(piece.split("\n"))
        return f"{asked} {piece}" if chance > 0.37 else piece
    return piece


def choose_words(pieces: Pieces, count: int, sizes: Sizes) -> Vocabulary:
    """The words and signs that tell languages apart best.

    Args:
        pieces: What to learn from.
        count: How many languages there are.
        sizes: How many words, and how rare they may be.
    """
    found, _ = tokens(pieces.texts)
    data = found.data.tobytes()
    spans = zip(found.starts.tolist(), found.ends.tolist(), strict=True)
    row = np.repeat(np.arange(len(pieces.texts)), np.diff(found.rows))
    spelled = [data[start:end] for start, end in spans]
    names, place = np.unique(np.array(spelled, dtype=object), return_inverse=True)
    times, sources, by_language = _tally(place, row, pieces, len(names), count)
    usable = np.array([_usable(name) for name in names.tolist()], dtype=np.bool_)
    usable &= (times >= sizes.rarest) & (sources >= 2)
    order = np.argsort(-np.where(usable, _telling(by_language, pieces, count), -np.inf), kind="stable")
    kept = order[: min(sizes.words, int(usable.sum()))]
    return Vocabulary(tuple(sorted(names[index].decode("utf-8") for index in kept.tolist())))


def _usable(name: bytes) -> bool:
    try:
        text = name.decode("utf-8")
    except UnicodeDecodeError:
        return False
    plain = len(text) <= 20 and not text[0].isdigit() and text.isprintable() and text not in KINDS and " " not in text
    return plain and not NAMED.fullmatch(text)


def _tally(
    place: Places, row: Places, pieces: Pieces, size: int, count: int
) -> tuple[Places, Places, NDArray[np.float64]]:
    """For each feature: the pieces it is in, the sources, and the pieces of each language."""
    once = np.unique(place * len(pieces.texts) + row)
    feature, piece = once // len(pieces.texts), once % len(pieces.texts)
    origins = int(pieces.sources.max()) + 1
    from_sources = np.unique(feature * origins + pieces.sources[piece]) // origins
    by_language = np.zeros((size, count))
    np.add.at(by_language, (feature, pieces.languages[piece]), 1)
    return np.bincount(feature, minlength=size), np.bincount(from_sources, minlength=size), by_language


def _telling(by_language: NDArray[np.float64], pieces: Pieces, count: int) -> NDArray[np.float64]:
    """How well each feature tells one language from the average of all."""
    share = (by_language + 1) / (np.bincount(pieces.languages, minlength=count) + 2)
    best: NDArray[np.float64] = (share * np.log(share / share.mean(axis=1, keepdims=True))).max(axis=1)
    return best


def fit(
    row: Places, column: Places, languages: NDArray[np.int64], shape: tuple[int, int, int], steps: int
) -> tuple[Floats, Floats]:
    """Weights of a logistic regression on which features occur, divided by the root of how many do.

    Adam (Kingma & Ba 2014, arXiv:1412.6980) on the mean cross-entropy, with a little of L1 and L2.

    Args:
        row: Piece of each occurrence, ascending.
        column: Feature of each occurrence.
        languages: Language of each piece.
        shape: Pieces, features, languages.
        steps: Steps of Adam.

    Returns:
        Weights, features x languages, and the bias of each language.
    """
    pieces, features, count = shape
    scale = (1 / np.sqrt(np.maximum(np.bincount(row, minlength=pieces), 1))).astype(np.float32)[:, None]
    order = np.argsort(column, kind="stable")
    forward, backward = (row, column), (column[order], row[order])
    weights = np.zeros((features + 1, count), dtype=np.float32)  # the last line is the bias
    mean, spread = np.zeros_like(weights), np.zeros_like(weights)
    for step in range(1, steps + 1):
        scores = scale * _gather(weights, *forward, pieces) + weights[-1]
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        scores /= scores.sum(axis=1, keepdims=True)
        scores[np.arange(pieces), languages] -= 1
        scores /= pieces
        slope = np.concatenate((_gather(scale * scores, *backward, features), scores.sum(axis=0, keepdims=True)))
        slope[:-1] += 4e-6 * weights[:-1] + 2e-6 * np.sign(weights[:-1])
        mean += 0.1 * (slope - mean)
        spread += 0.001 * (slope**2 - spread)
        pace = 0.15 if step <= steps * 2 // 3 else 0.03
        weights -= pace * (mean / (1 - 0.9**step)) / (np.sqrt(spread / (1 - 0.999**step)) + 1e-8)
    return weights[:-1], weights[-1]


def _gather(values: Floats, target: Places, origin: Places, size: int) -> Floats:
    """For each target (ascending), the sum of the lines of `values` that its origins name."""
    sums = np.zeros((size, values.shape[1]), dtype=np.float32)
    for start in range(0, len(target), BLOCK):
        some = target[start : start + BLOCK]
        first = np.flatnonzero(np.diff(some, prepend=-1))
        sums[some[first]] += np.add.reduceat(values[origin[start : start + BLOCK]], first, axis=0)
    return sums


def train(sources: Sequence[Source], main: Sequence[str], sizes: Sizes) -> list[tuple[str, list[int]]]:
    """The table: features with their weights for every language, in hundredths.

    Args:
        sources: What to learn from.
        main: Languages that are told by name.
        sizes: How much to learn.

    Returns:
        Rows of the table; the first names the languages, the second is the bias.
    """
    others = sorted({one.language for one in sources} - {*main, NONE})
    languages = [NONE, *main, *others]
    pieces = cut_pieces(sources, languages, main, sizes)
    vocabulary = choose_words(pieces, len(languages), sizes)
    found, kinds = tokens(pieces.texts)
    row, every = keys(number(found, kinds, vocabulary.lookup()), found.rows, kinds == SIGN)
    features, place = np.unique(every, return_inverse=True)
    times, origins, by_language = _tally(place, row, pieces, len(features), len(languages))
    usable = np.flatnonzero((times >= sizes.rarest) & (origins >= 2))
    telling = _telling(by_language[usable], pieces, len(languages))
    chosen = np.sort(usable[np.argsort(-telling, kind="stable")[: 2 * sizes.features]])
    weights, _ = _fit_chosen(chosen, place, row, pieces, len(languages), sizes.steps // 2)
    strength = np.abs(weights - weights.mean(axis=1, keepdims=True)).max(axis=1) * np.sqrt(times[chosen].clip(max=2000))
    chosen = np.sort(chosen[np.argsort(-strength, kind="stable")[: sizes.features]])
    weights, bias = _fit_chosen(chosen, place, row, pieces, len(languages), sizes.steps)
    names = vocabulary.names()
    rows = [
        (spell(int(features[index]), names), _hundredths(line)) for index, line in zip(chosen, weights, strict=True)
    ]
    return [("\t".join(languages), []), ("", _hundredths(bias)), *rows]


def _fit_chosen(
    chosen: Keys, place: Places, row: Places, pieces: Pieces, languages: int, steps: int
) -> tuple[Floats, Floats]:
    column = np.full(int(place.max()) + 1, -1)
    column[chosen] = np.arange(len(chosen))
    kept = column[place] >= 0
    shape = (len(pieces.texts), len(chosen), languages)
    weights, bias = fit(row[kept], column[place[kept]], pieces.languages, shape, steps)
    return weights, bias


def _hundredths(values: Floats) -> list[int]:
    return np.rint(values * 100).astype(int).tolist()  # type: ignore[no-any-return]


def write_table(rows: Sequence[tuple[str, list[int]]], path: Path) -> None:
    """Write the table, one feature a line.

    Args:
        rows: What `train` returned.
        path: File to write.
    """
    head, *body = rows
    lines = ["feature\t" + head[0], *("\t".join([name, *map(str, weights)]) for name, weights in body)]
    path.write_text("\n".join(lines) + "\n", "utf-8")


def main(arguments: Sequence[str] | None = None) -> None:
    """Train the table from a folder of repositories.

    Args:
        arguments: Command line; the process's own by default.
    """
    parser = argparse.ArgumentParser(prog="python -m shared.code_training", description=main.__doc__)
    parser.add_argument("folder", type=Path, help="holds the repositories of manifests/code_sources.toml as owner/name")
    parser.add_argument("--out", type=Path, default=TABLE, help="file to write (default: manifests/code_weights.tsv)")
    given = parser.parse_args(arguments)
    manifests = ROOT / "manifests"
    sources = read_sources(given.folder, tomllib.loads((manifests / "code_sources.toml").read_text("utf-8")))
    named = tomllib.loads((manifests / "code_languages.toml").read_text("utf-8"))["languages"]
    counts: defaultdict[str, int] = defaultdict(int)
    for one in sources:
        counts[one.language] += len(one.texts)
    sys.stdout.write(f"texts: {dict(counts)}\n")
    rows = train(sources, named, Sizes())
    write_table(rows, given.out)
    sys.stdout.write(f"{len(rows) - 2} features, {given.out.stat().st_size} bytes\n")


if __name__ == "__main__":
    main()
