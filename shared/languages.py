"""Which natural language a text is in, offline and by the batch: scripts first, then a model among those left.

A script that one language uses decides alone (Hangul, Thai, Greek; Han is Chinese unless Kana stands beside it). Within
the others the naive Bayes model of py3langid (BSD-3-Clause; Lui & Baldwin 2012, "langid.py: An Off-the-shelf Language
Identification Tool") chooses. Its automaton is walked here for all rows side by side, which gives the same scores
several times faster. Names, scripts and priors are in manifests/languages.toml.
"""

import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from shared.env import ROOT

UNKNOWN = "und"
SLICE = 80  # characters from the beginning, the middle and the end: a 1 MB row costs no more than a line
ROWS = 2048  # rows walked together: the working arrays stay inside the processor's cache
FEATURES = 1 << 20  # larger than the model's number of features: row and feature share one integer
LEAST_LETTERS = 4.0
KANA_SHARE = 0.04  # Japanese text has far more; a Chinese text that quotes one Japanese word has less
SURE_LETTERS = 12.0  # of shorter texts the model has to be surer
LEAST_CONFIDENCE = 0.1  # below it the model is guessing: on lines of a table it is wrong four times in five

_NOISE = re.compile(r"https?://\S+|www\.\S+|\S+@\S+\.\w+|</?[A-Za-z][^<>\n]{0,200}>|&[a-z]{2,8};|\\[A-Za-z]+")
_FENCE = re.compile(r"(?ms)^[ \t>]*(```|~~~).*?(?:^[ \t>]*\1[`~]*[ \t\r]*$|\Z)")
_LATIN = re.compile(r"[A-Za-z]+")
_MARKS = ("://", "www.", "@", "<", "&", "\\")

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Language:
    """The language of one text.

    Attributes:
        code: ISO 639-1, or "und" when the text has no letters or too few to say.
        confidence: 0 to 1: how much the winner is preferred among the languages of the script (0 for "und").
    """

    code: str
    confidence: float


@dataclass(frozen=True)
class LanguageCounts:
    """How many rows are in which language: a partial result that adds up over batches.

    Attributes:
        counts: Rows of each code, "und" included.
    """

    counts: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: Self) -> Self:
        return type(self)(self.counts + other.counts)

    @property
    def rows(self) -> int:
        """Rows counted."""
        return sum(self.counts.values())

    def shares(self) -> list[tuple[str, str, int, float]]:
        """Code, name, rows and share (0 to 1) of each language, most frequent first."""
        total = self.rows or 1
        ordered = sorted(self.counts.items(), key=lambda item: (-item[1], item[0]))
        return [(code, self._name(code), rows, rows / total) for code, rows in ordered]

    def _name(self, code: str) -> str:
        return name(code)


@dataclass(frozen=True)
class _Scripts:
    """The manifest as arrays: `of[code point]` is a script's number (0: none)."""

    of: NDArray[np.uint8]
    weights: Floats
    names: tuple[str, ...]
    languages: tuple[tuple[str, ...], ...]
    priors: dict[str, float]


@dataclass(frozen=True)
class _Model:
    """py3langid's automaton and, for each script that needs it, the feature weights of that script's languages."""

    moves: NDArray[Any]
    bases: Integers
    outputs: NDArray[np.int32]
    tables: dict[int, tuple[Floats, Floats, Floats, tuple[str, ...]]]  # features x codes, class prior, penalty, codes


def detect(texts: Sequence[str]) -> list[Language]:
    """The language of every text; fenced code, addresses and markup do not count.

    Args:
        texts: Any text; the beginning, middle and end of a long one are read (3 x 80 characters).

    Returns:
        One Language a text, in order.
    """
    samples = [excerpt(text) for text in texts]
    counts = _letters(samples)
    merged = _merge_japanese(counts)
    winners = merged.argmax(axis=1)
    winners[merged.max(axis=1, initial=0) < LEAST_LETTERS] = 0
    found = [Language(UNKNOWN, 0.0)] * len(samples)
    scripts = _scripts()
    totals = counts.sum(axis=1)
    for script in np.unique(winners[winners > 0]).tolist():
        rows = np.flatnonzero(winners == script)
        codes = scripts.languages[script]
        if len(codes) == 1:
            for row in rows.tolist():
                found[row] = Language(codes[0], round(float(merged[row, script] / totals[row]), 4))
        else:
            _choose(samples, rows, script, counts[:, script], found)
    return found


def count(texts: Iterable[str]) -> LanguageCounts:
    """Rows of each language in one batch; results of several batches add up with `+`.

    Args:
        texts: The batch.
    """
    return LanguageCounts(Counter(language.code for language in detect(list(texts))))


def name(code: str) -> str:
    """English name of a language code; the code itself where the manifest has none.

    Args:
        code: ISO 639-1 code, or "und".
    """
    return str(_manifest()["languages"].get(code, code))


def excerpt(text: str) -> str:
    """What `detect` reads of a text: fenced code, links, markup and LaTeX commands left out, at most 3 x 80 characters.

    Args:
        text: Any text.
    """
    if "```" in text or "~~~" in text:
        text = _FENCE.sub(" ", text)
    if len(text) > 3 * SLICE:
        middle = (len(text) - SLICE) // 2
        text = " ".join((text[:SLICE], text[middle : middle + SLICE], text[-SLICE:]))
    if any(mark in text for mark in _MARKS):
        text = _NOISE.sub(" ", text)
    return text


@cache
def _manifest() -> dict[str, Any]:
    return tomllib.loads((ROOT / "manifests" / "languages.toml").read_text("utf-8"))


@cache
def _scripts() -> _Scripts:
    manifest = _manifest()
    of = np.zeros(0x110000, dtype=np.uint8)
    tables = list(manifest["scripts"].items())
    for number, (_, table) in enumerate(tables, start=1):
        for first, last in table["ranges"]:
            of[first : last + 1] = number
    priors = {code: manifest["prior"][tier] for tier, codes in manifest["rarity"].items() for code in codes}
    return _Scripts(
        of,
        np.array([0.0] + [table.get("weight", 1.0) for _, table in tables], dtype=np.float32),
        ("", *(script for script, _ in tables)),
        ((), *(tuple(table["languages"]) for _, table in tables)),
        priors,
    )


def _letters(samples: Sequence[str]) -> Floats:
    """Weighted letters of each script: rows x scripts."""
    scripts = _scripts()
    lengths = np.fromiter((len(sample) for sample in samples), dtype=np.int64, count=len(samples))
    joined = "".join(samples).encode("utf-32-le", "surrogatepass")
    number = scripts.of[np.frombuffer(joined, dtype=np.uint32)]
    width = len(scripts.names)
    keys = np.repeat(np.arange(len(samples), dtype=np.int64) * width, lengths) + number
    counts = np.bincount(keys, minlength=len(samples) * width).reshape(len(samples), width)
    letters: Floats = counts.astype(np.float32) * scripts.weights
    return letters


def _merge_japanese(counts: Floats) -> Floats:
    """Han beside Kana is Japanese, Han with next to no Kana is Chinese: the letters of both count as one script's."""
    names = _scripts().names
    han, kana = names.index("han"), names.index("kana")
    both = counts[:, han] + counts[:, kana]
    japanese = counts[:, kana] > KANA_SHARE * both
    merged = counts.copy()
    merged[:, kana] = np.where(japanese, both, 0)
    merged[:, han] = np.where(japanese, 0, both)
    return merged


def _choose(samples: Sequence[str], rows: Integers, script: int, letters: Floats, found: list[Language]) -> None:
    """Let the model choose among the languages of one script, for the rows written in it."""
    codes = _model().tables[script][3]
    for start in range(0, len(rows), ROWS):
        chunk = rows[start : start + ROWS]
        shares = _shares([samples[row] for row in chunk.tolist()], script)
        best = shares.argmax(axis=1)
        for row, winner, share in zip(chunk.tolist(), best.tolist(), shares.max(axis=1).tolist(), strict=True):
            needed = max(LEAST_CONFIDENCE, 0.5 * (1 - letters[row] / SURE_LETTERS))
            if share >= needed:
                found[row] = Language(codes[winner], round(share, 4))


@cache
def _model() -> _Model:
    from py3langid.langid import LanguageIdentifier

    source = LanguageIdentifier.from_model_file("data/model.npz.xz")
    scripts = _scripts()
    weights = np.asarray(source.nb_ptc)
    tables = {}
    for number, codes in enumerate(scripts.languages):
        if len(codes) > 1:
            columns = [i for i, code in enumerate(source.nb_classes) if code in codes]
            labels = tuple(source.nb_classes[i] for i in columns)
            penalty = np.array([scripts.priors.get(code, 0.0) for code in labels], dtype=np.float32)
            table = np.ascontiguousarray(weights[:, columns], dtype=np.float32)
            tables[number] = (table, np.asarray(source.nb_pc, dtype=np.float32)[columns], penalty, labels)
    moves = np.frombuffer(source.tk_nextmove, dtype=source.tk_nextmove.typecode)
    bases = np.asarray(source.tk_row, dtype=np.int64) << 8
    return _Model(moves, bases, np.asarray(source.tk_output, dtype=np.int32), tables)


def _encode(sample: str, script: str) -> bytes:
    """Bytes as the model was trained on them: composed, capitals in lower case; Latin names in other scripts left out."""
    text = sample if script == "latin" else _LATIN.sub(" ", sample)
    text = text.lower() if text.isupper() else text
    return unicodedata.normalize("NFC", text).encode("utf-8", "surrogatepass")


def _shares(samples: Sequence[str], script: int) -> Floats:
    """Softmax over one script's languages, at temperature sqrt(bytes), or long texts are overconfident: rows x codes."""
    table, prior, penalty, _ = _model().tables[script]
    encoded = [_encode(sample, _scripts().names[script]) for sample in samples]
    lengths = np.fromiter((len(text) for text in encoded), dtype=np.int64, count=len(encoded))
    row, feature, times = _visits(b"".join(encoded), lengths)
    scores = np.zeros((len(encoded), table.shape[1]), dtype=np.float32)
    if len(row):
        borders = np.flatnonzero(np.diff(row, prepend=-1))
        weighted = table[feature]
        weighted *= np.log1p(times.astype(np.float32))[:, None]
        scores[row[borders]] = np.add.reduceat(weighted, borders, axis=0)
    scores += prior
    scores /= np.sqrt(np.maximum(lengths, 1)).astype(np.float32)[:, None]
    scores -= penalty
    scores -= scores.max(axis=1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=1, keepdims=True)
    return scores


def _visits(joined: bytes, lengths: Integers) -> tuple[Integers, Integers, Integers]:
    """Walk the automaton over all rows side by side: row, feature and how often, sorted by row."""
    model = _model()
    text = np.frombuffer(joined, dtype=np.uint8)
    order = np.argsort(-lengths, kind="stable")
    starts = (np.cumsum(lengths) - lengths)[order]
    longest = int(lengths.max(initial=0))
    active = np.searchsorted(-lengths[order], -np.arange(longest), side="left")
    state = np.zeros(len(lengths), dtype=np.int64)
    keys = []
    for step, rows in enumerate(active.tolist()):
        state = model.moves[model.bases[state[:rows]] + text[starts[:rows] + step]]
        output = model.outputs[state]
        seen = np.flatnonzero(output >= 0)
        keys.append(order[seen] * FEATURES + output[seen])
    if not keys:
        return (np.zeros(0, dtype=np.int64),) * 3
    every = np.sort(np.concatenate(keys))
    first = np.flatnonzero(np.diff(every, prepend=-1))
    times = np.diff(np.append(first, len(every)))
    return every[first] // FEATURES, every[first] % FEATURES, times
