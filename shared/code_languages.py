"""Which programming language a text is in, or holds: Python, C++, JavaScript, Rust, Lean 4, Julia, another one, or none.

A file is told by its extension, a fenced block by its tag, and everything else by its content: rows without a sign of code are
left alone, and the features of the others (words, signs, and what follows what) are weighed by a table that can be read,
manifests/code_weights.tsv. `explain` says which features spoke for the answer. How the table was made: shared/code_training.py.
"""

import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.code_features import SIGN, Keys, Vocabulary, keys, number, parse, sample, tokens
from shared.env import ROOT
from shared.languages import LanguageCounts
from shared.text import Hashes, Places, arrow

NONE, OTHER = "none", "other"
LOOKED_AT = 4000  # characters in which signs of code are looked for
BATCH = 4096  # texts weighed together

_FENCE = re.compile(r"^[ \t>]*(`{3,}|~{3,})[ \t]*([^\s`~]*)[^\n`]*\n(.*?)(?:^[ \t>]*\1|\Z)", re.DOTALL | re.MULTILINE)

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Guess:
    """The programming language of one text.

    Attributes:
        language: python, cpp, javascript, rust, lean4, julia, other, or none when it is no program and holds none.
        confidence: 0 to 1.
    """

    language: str
    confidence: float


class CodeCounts(LanguageCounts):
    """How many rows hold which programming language, "none" included: a partial result that adds up over batches."""

    def _name(self, code: str) -> str:
        return name(code)


@dataclass(frozen=True)
class _Table:
    """Weights of features, sorted by feature, for every language the table knows."""

    languages: tuple[str, ...]
    features: tuple[str, ...]
    keys: Keys
    weights: Floats
    bias: Floats
    lookup: tuple[Hashes, Places]


def detect(texts: Sequence[str], paths: Sequence[str] = ()) -> list[Guess]:
    """The programming language of every text.

    Args:
        texts: Files, snippets, or rows that may hold code, fenced or not.
        paths: The path of each text; "" or none at all when it is no file.

    Returns:
        One Guess a text, in order.
    """
    named = zip(texts, paths or [""] * len(texts), strict=True)
    found = [_by_extension(path) for _, path in named]
    untold = [place for place, told in enumerate(found) if told is None]
    fenced = [place for place in untold if _has_fence(texts[place])]
    for place, one in zip(fenced, _by_fences([texts[place] for place in fenced]), strict=True):
        found[place] = one if one.language != NONE else None  # fences in the comments of a program show its output
    bare = [place for place in untold if found[place] is None]
    around = {place: _FENCE.sub("\n", texts[place]) for place in fenced}
    for place, one in zip(bare, _by_content([around.get(place, texts[place]) for place in bare]), strict=True):
        found[place] = one
    return [one or Guess(NONE, 1.0) for one in found]


def guess(text: str, path: str = "") -> Guess:
    """The programming language of one text.

    Args:
        text: A file, a snippet, or a row that may hold code.
        path: Its path, when it is a file.
    """
    return detect([text], [path] if path else ())[0]


def count(texts: Iterable[str], paths: Sequence[str] = ()) -> CodeCounts:
    """Rows of each programming language in one batch; results of several batches add up with `+`.

    Args:
        texts: The batch.
        paths: The path of each text, if they are files.
    """
    return CodeCounts(Counter(one.language for one in detect(list(texts), paths)))


def name(language: str) -> str:
    """The language's name for people.

    Args:
        language: As in `Guess`.
    """
    return str(_manifest()["names"].get(language, language))


def explain(text: str, most: int = 8) -> list[tuple[str, float]]:
    """The features that speak most for the language of a text, as they are written in it.

    Args:
        text: A program or a snippet of one.
        most: How many to name.

    Returns:
        Features ("⏎" is the end of a line, "name" any name) with their weight beyond the average of all languages.
    """
    table = _table()
    _, place = _features([sample(text)], table)
    if not len(place):
        return []
    column = int((table.weights[place].sum(axis=0) / np.sqrt(len(place)) + table.bias).argmax())
    weights = table.weights[place, column] - table.weights[place].mean(axis=1)
    order = np.argsort(-weights, kind="stable")[:most]
    chosen = [(table.features[place[index]], round(float(weights[index]), 2)) for index in order.tolist()]
    return [(feature, weight) for feature, weight in chosen if weight > 0]


def _by_extension(path: str) -> Guess | None:
    language = _manifest()["extensions"].get(PurePosixPath(path).suffix.lower().removeprefix("."))
    return Guess(language, 1.0) if language else None


def _by_content(texts: Sequence[str], fenced: bool = False) -> list[Guess]:
    """For texts without a name or tag: none without a sign of code, and otherwise what their features weigh."""
    strong, weak = _signs(texts)
    chosen = np.flatnonzero(strong | weak)
    found = [Guess(NONE, 1.0)] * len(texts)
    guesses = _weigh([texts[place] for place in chosen.tolist()], strong[chosen] | fenced)
    for place, guess in zip(chosen.tolist(), guesses, strict=True):
        found[place] = guess
    return found


def _signs(texts: Sequence[str]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which texts have a strong sign of code, and which have several weak ones."""
    import pyarrow.compute as pc

    rows = arrow([text[:LOOKED_AT].encode("utf-8", "replace") for text in texts])
    signs = _manifest()["signs"]
    strong = pc.match_substring_regex(rows, "|".join(f"(?:{pattern})" for pattern in signs["strong"]))
    some = np.zeros(len(texts), dtype=np.int64)
    for pattern in signs["weak"]:
        some += pc.match_substring_regex(rows, pattern).to_numpy(zero_copy_only=False)
    return strong.to_numpy(zero_copy_only=False).astype(np.bool_), some >= signs["least"]


def _has_fence(text: str) -> bool:
    return ("```" in text or "~~~" in text) and _FENCE.search(text) is not None


def _by_fences(texts: Sequence[str]) -> list[Guess]:
    """For texts with fenced blocks: the language that most of the fenced characters are in."""
    blocks = [(place, match[2], match[3]) for place, text in enumerate(texts) for match in _FENCE.finditer(text)]
    tagged = [_by_tag(tag) for _, tag, _ in blocks]
    unknown = [index for index, one in enumerate(tagged) if one is None]
    told = dict(zip(unknown, _by_content([blocks[index][2] for index in unknown], fenced=True), strict=True))
    sizes: list[Counter[str]] = [Counter() for _ in texts]
    sure: list[dict[str, float]] = [{} for _ in texts]
    for index, (place, _, block) in enumerate(blocks):
        found = tagged[index] or told[index]
        if found.language != NONE:
            sizes[place][found.language] += len(block) + 1
            sure[place][found.language] = max(found.confidence, sure[place].get(found.language, 0.0))
    most = [size.most_common(1)[0][0] if size else NONE for size in sizes]
    return [Guess(language, sure[place].get(language, 1.0)) for place, language in enumerate(most)]


def _by_tag(tag: str) -> Guess | None:
    manifest = _manifest()
    tag = tag.lower().strip("{}.:")
    language = manifest["fences"].get(tag) or manifest["extensions"].get(tag)
    language = language or (tag if tag in manifest["languages"] else None)
    return Guess(language, 1.0) if language else None


def _weigh(texts: Sequence[str], strong: NDArray[np.bool_]) -> list[Guess]:
    """Weigh the features of texts that look like code."""
    table = _table()
    main = [*_manifest()["languages"], NONE]
    guesses: list[Guess] = []
    for start in range(0, len(texts), BATCH):
        batch = texts[start : start + BATCH]
        scores = _scores([sample(text) for text in batch], table)
        bias = _manifest()["bias"]
        scores[:, table.languages.index(NONE)] += np.where(
            strong[start : start + BATCH], bias["strong"] / 100, bias["weak"] / 100
        )
        _confirm(batch, scores, table)
        scores -= scores.max(axis=1, keepdims=True)
        shares = np.exp(scores)
        shares /= shares.sum(axis=1, keepdims=True)
        for row, column in zip(shares, scores.argmax(axis=1).tolist(), strict=True):
            language = table.languages[column]
            others = [index for index, one in enumerate(table.languages) if one not in main]
            share = float(row[column] if language in main else row[others].sum())
            guesses.append(Guess(language if language in main else OTHER, round(min(share, 1.0), 4)))
    return guesses


def _scores(samples: Sequence[str], table: _Table) -> Floats:
    """The sum of the weights of each text's features, divided by the root of their number: texts x languages."""
    row, place = _features(samples, table)
    scores = np.zeros((len(samples), len(table.languages)), dtype=np.float32)
    if len(row):
        first = np.flatnonzero(np.diff(row, prepend=-1))
        many = np.diff(np.append(first, len(row)))
        scores[row[first]] = np.add.reduceat(table.weights[place], first, axis=0) / np.sqrt(many)[:, None]
    return scores + table.bias


def _features(samples: Sequence[str], table: _Table) -> tuple[Places, Places]:
    """Text and place in the table of every feature that the table knows."""
    words, kinds = tokens(samples)
    row, found = keys(number(words, kinds, table.lookup), words.rows, kinds == SIGN)
    place = np.minimum(np.searchsorted(table.keys, found), len(table.keys) - 1)
    known = table.keys[place] == found
    return row[known], place[known]


def _confirm(texts: Sequence[str], scores: Floats, table: _Table) -> None:
    """Where a language needs a certain sign and the text lacks it, its near relation takes its score."""
    for language, rule in _manifest()["confirm"].items():
        column, instead = table.languages.index(language), table.languages.index(rule["otherwise"])
        for place in np.flatnonzero(scores.argmax(axis=1) == column).tolist():
            if not re.search(rule["pattern"], texts[place]):
                scores[place, instead] = max(scores[place, instead], scores[place, column])
                scores[place, column] = scores[place].min()


@cache
def _manifest() -> dict[str, Any]:
    return tomllib.loads((ROOT / "manifests" / "code_languages.toml").read_text("utf-8"))


@cache
def _table() -> _Table:
    head, bias, *lines = (ROOT / "manifests" / "code_weights.tsv").read_text("utf-8").rstrip("\n").split("\n")
    features = tuple(line.partition("\t")[0] for line in lines)
    weights = np.array([line.split("\t")[1:] for line in lines]).astype(np.float32) / np.float32(100)
    vocabulary = Vocabulary.of(features)
    numbers = {word: place for place, word in enumerate(vocabulary.names())}
    found = np.array([parse(feature, numbers) for feature in features], dtype=np.int64)
    order = np.argsort(found)
    return _Table(
        tuple(head.split("\t")[1:]),
        tuple(features[place] for place in order.tolist()),
        found[order],
        weights[order],
        np.array(bias.split("\t")[1:]).astype(np.float32) / np.float32(100),
        vocabulary.lookup(),
    )
