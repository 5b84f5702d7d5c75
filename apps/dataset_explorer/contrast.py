"""What two datasets have in common, and what tells them apart."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from apps.dataset_explorer.diversity import Partial
from apps.dataset_explorer.portrait import Portrait
from shared.datasets.dataset import Dataset
from shared.text import Hashes, pieces, split_words

if TYPE_CHECKING:
    import pyarrow as pa

PRIOR = 500.0  # words of the prior in all, as in the paper's section 3.5.1
CERTAIN = 1.96  # z-score from which a word is listed: 95 of 100 words that tell nothing stay below
LISTED = 20
SAMPLED = 20

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class TellingWord:
    """A word that is more frequent in one dataset than in the other.

    Attributes:
        word: The word, in lower case; one character in Chinese and Japanese.
        here: How often it occurs in the dataset that it is typical of.
        there: How often it occurs in the other.
        z: How sure that is: the log-odds ratio in standard deviations.
    """

    word: str
    here: int
    there: int
    z: float


@dataclass(frozen=True)
class Twins:
    """The same row in two datasets.

    Attributes:
        first: Its number in the first.
        second: The lowest number of an equal row in the second.
        exact: Whether all bytes are equal, or only letters and digits.
    """

    first: int
    second: int
    exact: bool


@dataclass(frozen=True)
class Sharing:
    """Rows that two datasets share; rows without text are never shared.

    Attributes:
        exact_first: Rows of the first whose bytes are those of a row of the second.
        exact_second: Rows of the second whose bytes are those of a row of the first.
        normalised_first: The same by letters and digits alone, after NFKC and in lower case.
        normalised_second: The same for the second.
        sample: At most 20 of them, by their row in the first.
    """

    exact_first: int
    exact_second: int
    normalised_first: int
    normalised_second: int
    sample: list[Twins]


def shared_rows(first: Portrait, second: Portrait) -> Sharing:
    """Rows that two datasets share, by 64-bit keys: among a million rows of each, one is taken wrongly with 5e-8.

    Args:
        first: Portrait of the one, with keys.
        second: Portrait of the other, with keys.
    """
    exact, exact_back = _within(first.exact, second.exact), _within(second.exact, first.exact)
    normal, normal_back = _within(first.normal, second.normal), _within(second.normal, first.normal)
    sample = []
    for row in np.flatnonzero(exact | normal)[:SAMPLED].tolist():
        mine, theirs = (first.exact, second.exact) if exact[row] else (first.normal, second.normal)
        sample.append(Twins(row, int(np.flatnonzero(theirs == mine[row])[0]), bool(exact[row])))
    return Sharing(int(exact.sum()), int(exact_back.sum()), int(normal.sum()), int(normal_back.sum()), sample)


def _within(mine: Hashes, theirs: Hashes) -> NDArray[np.bool_]:
    shared: NDArray[np.bool_] = np.isin(mine, theirs) & (mine != 0)
    return shared


def log_odds(here: Floats, there: Floats) -> Floats:
    """How sure it is that a word is more frequent here than there.

    The z-score of the log-odds ratio with an informative Dirichlet prior (Monroe, Colaresi and Quinn, Fightin' Words:
    Lexical feature selection and evaluation for identifying the content of political conflict, 2008, equations 16, 20 and
    22). The prior is 500 words, as they are spread over both datasets together.

    Args:
        here: How often each word occurs here; each occurs in one of both.
        there: How often each occurs there.

    Returns:
        In standard deviations, above 0 where it is more frequent here; one a word.
    """
    both = here + there
    prior = PRIOR * both / max(1.0, both.sum())
    mine, theirs = here + prior, there + prior
    rest_here, rest_there = here.sum() + PRIOR - mine, there.sum() + PRIOR - theirs
    # A dataset of one single word leaves no rest.
    odds = np.log(mine / np.maximum(rest_here, 1e-9)) - np.log(theirs / np.maximum(rest_there, 1e-9))
    found: Floats = odds / np.sqrt(1 / mine + 1 / theirs)
    return found


def telling_words(
    first_texts: "Iterable[pa.StringArray]",
    second_texts: "Iterable[pa.StringArray]",
    first: Partial,
    second: Partial,
) -> tuple[list[TellingWord], list[TellingWord]]:
    """The words that tell two datasets apart.

    Args:
        first_texts: The rows of the first.
        second_texts: The rows of the second.
        first: Their words, counted.
        second: Those of the other.

    Returns:
        At most 20 words of the first and of the second each, the surest first.
    """
    codes = np.union1d(first.words, second.words)
    here, there = _counts(first, codes), _counts(second, codes)
    z = log_odds(here, there)
    order = np.argsort(-z, kind="stable")
    chosen = [order[:LISTED][z[order[:LISTED]] >= CERTAIN], order[::-1][:LISTED][z[order[::-1][:LISTED]] <= -CERTAIN]]
    found = [_spell(first_texts, codes[chosen[0]]), _spell(second_texts, codes[chosen[1]])]
    return (
        [TellingWord(found[0][int(codes[at])], int(here[at]), int(there[at]), float(z[at])) for at in chosen[0]],
        [TellingWord(found[1][int(codes[at])], int(there[at]), int(here[at]), float(-z[at])) for at in chosen[1]],
    )


def _counts(part: Partial, codes: Hashes) -> Floats:
    counts = np.zeros(codes.size)
    counts[np.searchsorted(codes, part.words)] = part.counts
    return counts


def _spell(texts: "Iterable[pa.StringArray]", codes: Hashes) -> dict[int, str]:
    """The words of some hashes: counting needed the hashes alone, so the words are looked for afterwards."""
    found: dict[int, str] = {}
    for array in texts:
        for piece in pieces(array):
            if len(found) == codes.size:
                return found
            words = split_words(piece)
            hashes = words.hashes()
            for place in np.flatnonzero(np.isin(hashes, codes)).tolist():
                code = int(hashes[place])
                if code not in found:
                    found[code] = words.word(place).decode("utf-8", "replace")
    return found


def differences(first: Dataset, second: Dataset) -> list[str]:
    """How columns, their types and the shapes of two datasets differ, in sentences.

    Args:
        first: The one.
        second: The other.
    """
    found = []
    if first.shape.name != second.shape.name:
        found.append(
            f"The rows of {first.name} are '{first.shape.name}', those of {second.name} '{second.shape.name}'."
        )
    for one, two in ((first, second), (second, first)):
        only = [name for name in one.columns if name not in two.types]
        if only:
            found.append(f"Only {one.name} has {_columns(only)}.")
    for name in first.columns:
        if name in second.types and first.types[name] != second.types[name]:
            found.append(
                f"The column '{name}' holds {first.types[name]} in {first.name} and {second.types[name]} in {second.name}."
            )
    if sorted(first.columns) == sorted(second.columns) and first.columns != second.columns:
        found.append("Both have the same columns in another order, so whole rows read differently.")
    if first.licence != second.licence:
        found.append(
            f"The licence of {first.name} is {first.licence or 'not stated'}, that of {second.name} "
            f"{second.licence or 'not stated'}."
        )
    return found


def _columns(names: list[str]) -> str:
    listed = ", ".join(f"'{name}'" for name in names[:10])
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return f"the column{'s' if len(names) > 1 else ''} {listed}{more}"
