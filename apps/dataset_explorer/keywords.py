"""Words that tell clusters of texts apart, in any language.

Class-based TF-IDF (Grootendorst, arXiv:2203.05794) over the terms of `shared.search` (product words, and pairs of Han or
Kana characters that touch): the texts of a cluster are one document, and a term's weight is

    sqrt(f_tc / |c|) * ln(1 + A / f_t)

with f_tc occurrences of t in cluster c of |c| words, f_t occurrences in all, A words in a cluster on average. Asked are only
terms that are one and a half times as frequent in the cluster as in all texts and that are not all over the rows, which
leaves out "the" and its like in every language. Chinese has no spaces that end a word: pairs with a grammatical character
are left out, and pairs that nearly always stand together are joined.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from apps.dataset_explorer.rules import function_words, grammar_characters, stop_words
from shared.search import terms

KEYWORDS = 6
_CHARACTERS = 2000
_CONTRAST = 1.5
_SPREAD = 0.2
_POOL = 40
_LONGEST = 4
_SAME = 0.7


def name_clusters(texts: Sequence[str], labels: Sequence[int], clusters: int) -> list[list[str]]:
    """Keywords of each cluster, most telling first.

    Args:
        texts: Rows; the first 2,000 characters of each are read.
        labels: The cluster of each row, from 0.
        clusters: How many clusters there are.
    """
    heads = [text[:_CHARACTERS].lower() for text in texts]
    members = [[head for head, label in zip(heads, labels, strict=True) if label == each] for each in range(clusters)]
    counted = [_Terms.of(each) for each in members]
    whole = sum(counted, _Terms())
    return [_name(here, whole, members[each], clusters) for each, here in enumerate(counted)]


@dataclass(frozen=True)
class _Terms:
    """How often terms occur, and in how many texts."""

    counts: Counter[str] = field(default_factory=Counter)
    texts: Counter[str] = field(default_factory=Counter)
    size: int = 0

    @classmethod
    def of(cls, texts: Sequence[str]) -> "_Terms":
        found = [[term for term in terms(text) if _is_telling(term)] for text in texts]
        counts = Counter(term for each in found for term in each)
        return cls(counts, Counter(term for each in found for term in set(each)), len(texts))

    def __add__(self, other: "_Terms") -> "_Terms":
        return _Terms(self.counts + other.counts, self.texts + other.texts, self.size + other.size)


def _is_telling(term: str) -> bool:
    """Whether a term says anything by itself: no number, no single character, no grammar of Chinese or Japanese."""
    if len(term) < 2 or term.replace("_", "").isdigit() or not term.strip("_"):
        return False
    return not (len(term) == 2 and not term.isascii() and any(map(_is_grammar, term)))


def _is_grammar(character: str) -> bool:
    return "\u3040" <= character <= "\u309f" or character in grammar_characters()


def _name(here: _Terms, whole: _Terms, texts: Sequence[str], clusters: int) -> list[str]:
    size, total = max(1, sum(here.counts.values())), max(1, sum(whole.counts.values()))
    common = {word for words in stop_words().values() for word in words} | set(function_words())
    # Where the whole is of one kind, little stands out: ask for less until there is something to say.
    for contrast, spread in ((_CONTRAST, max(_SPREAD, 1.2 * here.size / max(1, whole.size))), (1.0, 1.0)):
        weights = {
            term: math.sqrt(count / size) * math.log(1 + total / clusters / whole.counts[term])
            for term, count in here.counts.items()
            if here.texts[term] >= min(2, here.size)
            and term not in common
            and count / size >= contrast * whole.counts[term] / total
            and whole.texts[term] <= spread * whole.size
        }
        if len(weights) >= KEYWORDS:
            break
    pool = sorted(weights, key=lambda term: (-weights[term], term))[:_POOL]
    return _distinct([_lengthen(term, pool, here.counts, texts) for term in pool])


def _count(term: str, texts: Sequence[str]) -> int:
    return sum(text.count(term) for text in texts)


def _distinct(named: Sequence[str]) -> list[str]:
    """The first keywords that are not part of one another."""
    kept: list[str] = []
    for term in named:
        if len(kept) < KEYWORDS and not any(_overlap(term, other) for other in kept):
            kept.append(term)
    return kept


def _overlap(one: str, two: str) -> bool:
    """Whether two keywords say the same: one is in the other, or they share two Han or Kana characters."""
    shared = not one.isascii() and any(pair in two for pair in map("".join, pairwise(one)))
    return one in two or two in one or shared


def _lengthen(term: str, pool: Sequence[str], counts: Counter[str], texts: Sequence[str]) -> str:
    """Join pairs of Han or Kana characters that are parts of one longer word: they nearly always stand together."""
    pairs = [pair for pair in pool if len(pair) == 2 and not pair.isascii()]
    grown = term in pairs
    while grown and len(term) < _LONGEST:
        grown = False
        for pair in pairs:
            longer = term + pair[1] if term[-1] == pair[0] else pair[0] + term if pair[1] == term[0] else ""
            if longer and _count(longer, texts) >= _SAME * max(counts[pair], _count(term, texts)):
                term, grown = longer, True
                break
    return term
