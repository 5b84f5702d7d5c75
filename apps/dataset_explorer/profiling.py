"""Describing a dataset on one page, and two side by side: the endpoints profile and compare."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from apps.dataset_explorer import contrast, diversity
from apps.dataset_explorer.contrast import Sharing, TellingWord
from apps.dataset_explorer.keeping import keep
from apps.dataset_explorer.landscape import sample_rows
from apps.dataset_explorer.portrait import Portrait, Questions
from apps.dataset_explorer.report import Profile, Semantics, describe, numbers
from apps.dataset_explorer.rules import Profile as RuleProfile
from apps.dataset_explorer.survey import survey
from apps.dataset_explorer.tokens import check_tokenizer, tokenizer_file
from shared.datasets.dataset import Dataset, open_dataset
from shared.embedding import EmbeddingCache, embed, minilm
from shared.policy import OWNER, Caller
from shared.progress import Progress
from shared.settings import Advanced, Column
from shared.suite import suite


@dataclass(frozen=True)
class Measured:
    """One number of two datasets.

    Attributes:
        name: What it is: "rows", "tokens_median", "language_en".
        first: In the first dataset; None where it has no such number.
        second: In the second dataset; None where it has no such number.
        difference: Second - first; None where one is missing.
    """

    name: str
    first: float | None
    second: float | None
    difference: float | None


@dataclass(frozen=True)
class Contrast:
    """Two datasets side by side.

    Attributes:
        first: The profile of the first.
        second: The profile of the second.
        numbers: Every number of both, and the difference.
        sharing: Rows that both hold.
        differences: How columns, types and shapes differ, in sentences; empty when they do not.
        first_words: Words that tell the first from the second, the most telling ones first.
        second_words: Words that tell the second from the first.
        record: Id of the record that compares them again.
    """

    first: Profile
    second: Profile
    numbers: list[Measured]
    sharing: Sharing
    differences: list[str]
    first_words: list[TellingWord]
    second_words: list[TellingWord]
    record: str


def profile(
    dataset: str,
    column: Column = "",
    tokenizer: str = "",
    rules: RuleProfile = "instruction",
    context: Annotated[int, Field(ge=1, le=100_000_000)] = 2048,
    embeddings: Annotated[bool, Advanced] = False,
    sample: Annotated[int, Field(ge=2, le=100_000), Advanced] = 1000,
    caller: Caller = OWNER,
) -> Iterator[Progress | Profile]:
    """Describe a dataset: sizes, lengths, languages, quality, diversity, personal data and secrets.

    Args:
        dataset: The ref that `load` returned.
        column: Whose text is looked at; empty looks at whole rows.
        tokenizer: What counts tokens: empty for MiniLM's, "local:name@sha" for that of a model in the workspace, or
            "owner/name" for one that was fetched from the Hub before.
        rules: Quality rules: "instruction" for short rows of questions and answers, "web" for the papers' thresholds.
        context: How many tokens the model reads at once; rows with more are counted.
        embeddings: Measure also how alike the rows are in meaning, with MiniLM; that takes about half a minute for 1,000 rows.
        sample: How many rows to embed at most, drawn by chance and always the same, as for the map.
        caller: Who asks.

    Returns:
        Progress; at last the profile.

    Raises:
        PlaygroundError: The dataset or the column is unknown, or the tokenizer is not on this machine.
    """
    store = suite().store_of(caller)
    opened = open_dataset(store, dataset)
    check_tokenizer(tokenizer, caller)
    asked = _questions(opened, column, tokenizer, rules)
    portrait = Portrait()
    for item in survey(opened, asked):
        if isinstance(item, Progress):
            yield item
        else:
            portrait = item
    semantics: Semantics | None = None
    if embeddings:
        for found in _embedded(store.home, opened, column, sample):
            if isinstance(found, Progress):
                yield found
            else:
                semantics = found
    made = replace(describe(opened, portrait, asked, tokenizer, context), semantics=semantics)
    settings: dict[str, Any] = {
        "dataset": opened.ref, "column": column, "tokenizer": tokenizer, "rules": rules, "context": context,
        "embeddings": embeddings, "sample": sample,
    }  # fmt: skip
    yield replace(made, record=keep("profile", settings, numbers(made), caller, {"dataset": opened.ref}))


def compare(
    first: str,
    second: str,
    column: Column = "",
    tokenizer: str = "",
    rules: RuleProfile = "instruction",
    context: Annotated[int, Field(ge=1, le=100_000_000)] = 2048,
    caller: Caller = OWNER,
) -> Iterator[Progress | Contrast]:
    """Put two datasets side by side: their numbers, the rows that both hold, and the words that tell them apart.

    Telling words are those with the highest z-score of the log-odds ratio with an informative Dirichlet prior (Monroe,
    Colaresi and Quinn, Fightin' Words, 2008, doi:10.1093/pan/mpn018); a Chinese character is a word.

    Args:
        first: The ref of one dataset.
        second: The ref of another; rows of any shape will do.
        column: Whose text is compared; empty compares whole rows. Both must have it.
        tokenizer: What counts tokens, as for `profile`.
        rules: Quality rules, as for `profile`.
        context: How many tokens the model reads at once.
        caller: Who asks.

    Returns:
        Progress; at last both profiles and what differs.

    Raises:
        PlaygroundError: A dataset or the column is unknown, or the tokenizer is not on this machine.
    """
    opened = [open_dataset(suite().store_of(caller), each) for each in (first, second)]
    check_tokenizer(tokenizer, caller)
    asked = [replace(_questions(each, column, tokenizer, rules), keyed=True) for each in opened]
    portraits: list[Portrait] = []
    for each, questions in zip(opened, asked, strict=True):
        for item in survey(each, questions):
            if isinstance(item, Progress):
                yield replace(item, stage=f"Looking at rows of {each.name}")
            else:
                portraits.append(item)
    yield Progress("Looking for telling words")
    words = contrast.telling_words(opened[0].texts(column), opened[1].texts(column), *_words(portraits))
    made = [describe(*each, tokenizer, context) for each in zip(opened, portraits, asked, strict=True)]
    found = Contrast(
        first=made[0],
        second=made[1],
        numbers=_side_by_side(numbers(made[0]), numbers(made[1])),
        sharing=contrast.shared_rows(*portraits),
        differences=contrast.differences(*opened),
        first_words=words[0],
        second_words=words[1],
        record="",
    )
    settings = {
        "first": opened[0].ref, "second": opened[1].ref, "column": column, "tokenizer": tokenizer, "rules": rules,
        "context": context,
    }  # fmt: skip
    inputs = {"first": opened[0].ref, "second": opened[1].ref}
    yield replace(found, record=keep("compare", settings, _results(found), caller, inputs))


def _questions(dataset: Dataset, column: str, tokenizer: str, rules: RuleProfile) -> Questions:
    """What is asked of the rows; what cannot be asked is refused before any row is read."""
    next(dataset.batches([column] if column else []), None)
    return Questions(column, str(tokenizer_file(tokenizer)), rules)


def _embedded(home: Path, dataset: Dataset, column: str, sample: int) -> Iterator[Progress | Semantics]:
    wanted = sample_rows(dataset.rows, sample)
    found = dataset.texts_of(wanted.tolist(), column)
    texts = [text for text in found.values() if text.strip()]
    for item in embed(texts, minilm(), EmbeddingCache(home / "cache" / "embeddings"), "Embedding rows"):
        if isinstance(item, Progress):
            yield item
        else:
            yield Semantics(len(texts), diversity.vendi_score(item), diversity.mean_pairwise_cosine(item))


def _words(portraits: list[Portrait]) -> list[diversity.Partial]:
    return [each.diversity or diversity.Meter().partial() for each in portraits]


def _side_by_side(first: Mapping[str, float], second: Mapping[str, float]) -> list[Measured]:
    found = []
    for name in {**first, **second}:
        # What is not counted is not there; what a dataset has no column for is not known.
        absent = 0 if name.startswith(("language_", "code_", "private_")) else None
        one, two = first.get(name, absent), second.get(name, absent)
        found.append(Measured(name, one, two, None if one is None or two is None else two - one))
    return found


def _results(found: Contrast) -> dict[str, float]:
    results = {f"{each.name}_first": each.first for each in found.numbers if each.first is not None}
    results |= {f"{each.name}_second": each.second for each in found.numbers if each.second is not None}
    sharing = found.sharing
    return results | {
        "shared_exact_first": sharing.exact_first, "shared_exact_second": sharing.exact_second,
        "shared_normalised_first": sharing.normalised_first, "shared_normalised_second": sharing.normalised_second,
        "telling_words": len(found.first_words) + len(found.second_words),
    }  # fmt: skip
