"""BLEU and chrF of translations, through sacrebleu, with the signature that says exactly how they were counted.

BLEU: Papineni et al. (2002), as in Post, A Call for Clarity in Reporting BLEU Scores (2018). chrF: Popović (2015). Both are scores of
a whole set, from 0 to 100, and not means over sentences: counts are summed first. `rows` gives the counts of each sentence, and
`bleu_of` and `chrf_of` score sums of them, so that the bootstrap need not translate or tokenise again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from shared.errors import PlaygroundError
from shared.metrics.intervals import Floats

Measure = Literal["bleu", "chrf"]

ORDER = 4  # longest n-gram of BLEU
BETA = 2  # chrF2
# By the language translated into. Words are not written apart in these; "zh" splits Han characters only, "char" every character.
TOKENISERS = {"zh": "zh", "ja": "char", "ko": "char", "th": "char", "lo": "char", "my": "char", "km": "char"}


@dataclass(frozen=True)
class Translated:
    """A score of translations.

    Attributes:
        score: From 0 to 100.
        signature: sacrebleu's, with its version, tokeniser and smoothing; two scores compare only when these are equal.
    """

    score: float
    signature: str


def score(
    measure: Measure, answers: Sequence[str], references: Sequence[Sequence[str]], language: str = ""
) -> Translated:
    """BLEU or chrF of a set of translations, as sacrebleu counts it.

    Args:
        measure: "bleu" or "chrf".
        answers: The translations.
        references: Right translations of each; their number may differ.
        language: ISO 639 code of the language translated into; it chooses BLEU's tokeniser.

    Raises:
        PlaygroundError: There is nothing to score, or a sentence without a reference.
    """
    metric = _metric(measure, language)
    value = metric.corpus_score(list(answers), _streams(answers, references))
    return Translated(float(value.score), str(metric.get_signature()))


def rows(measure: Measure, answers: Sequence[str], references: Sequence[Sequence[str]], language: str = "") -> Floats:
    """The counts of each sentence that `score` sums, one row a sentence: shape (n, 10) for BLEU and (n, 18) for chrF.

    Raises:
        PlaygroundError: There is nothing to score, or a sentence without a reference.
    """
    # The same call that sacrebleu's own significance tests make; private in 2.6.0, and pinned for it.
    counts = _metric(measure, language)._extract_corpus_statistics(list(answers), _streams(answers, references))
    return np.asarray(counts, dtype=np.float64)


def bleu_of(sums: Floats) -> Floats:
    """BLEU of summed counts: brevity penalty times the geometric mean of four precisions, zeros smoothed as in mteval-v13a.

    Args:
        sums: Shape (..., 10): length, reference length, matches of 1- to 4-grams, n-grams in all.
    """
    length, wanted = sums[..., 0], sums[..., 1]
    right, made = sums[..., 2 : 2 + ORDER], sums[..., 2 + ORDER :]
    # Each order without a match halves the pretended count once more: 1/2, 1/4, ...
    halvings = np.cumsum(right == 0, axis=-1)
    counted = np.where(right == 0, 0.5**halvings, right)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(counted / made).mean(axis=-1)
        penalty = np.where(length < wanted, np.exp(1 - wanted / np.maximum(length, 1e-300)), 1.0)
        scores = 100 * penalty * np.exp(logs)
    empty = (right.sum(axis=-1) == 0) | (made == 0).any(axis=-1) | (length == 0)
    return np.where(empty, 0.0, scores)


def chrf_of(sums: Floats) -> Floats:
    """chrF2 of summed counts: F-score, recall weighing four times, of precision and recall averaged over orders 1 to 6.

    Args:
        sums: Shape (..., 18): for each order n-grams of the translation, of the reference, and in both.
    """
    table = sums.reshape(*sums.shape[:-1], -1, 3)
    given, wanted, both = table[..., 0], table[..., 1], table[..., 2]
    used = (given > 0) & (wanted > 0)
    orders = np.maximum(used.sum(axis=-1), 1)
    precision = np.where(used, both / np.maximum(given, 1), 0).sum(axis=-1) / orders
    recall = np.where(used, both / np.maximum(wanted, 1), 0).sum(axis=-1) / orders
    under = BETA**2 * precision + recall
    scores: Floats = 100 * (1 + BETA**2) * precision * recall / np.where(under > 0, under, 1)
    return scores


def _metric(measure: Measure, language: str) -> Any:
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    return BLEU(tokenize=TOKENISERS.get(language, "13a")) if measure == "bleu" else CHRF()


def _streams(answers: Sequence[str], references: Sequence[Sequence[str]]) -> list[list[str | None]]:
    """References as sacrebleu wants them: the first of every sentence, then the second of every sentence..., None where there is none."""
    if not answers or len(answers) != len(references) or not all(references):
        raise PlaygroundError(
            f"Every translation needs at least one reference, and there must be one translation at least: "
            f"{len(answers)} translations, {sum(bool(each) for each in references)} with references."
        )
    deepest = max(len(each) for each in references)
    return [[each[place] if place < len(each) else None for each in references] for place in range(deepest)]
