"""The corpus: rows drawn for a seed, without the prompts that are held out, and rows of repeated random tokens."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embedded.draw import Draw
from embedded.tasks import Example, example, plain_story

Tokens = NDArray[np.int64]

SANITY = Path(__file__).resolve().parents[1] / "manifests" / "sanity.toml"
END_OF_TEXT, START, END, PAD = "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|pad|>"
SPECIAL = (END_OF_TEXT, START, END, PAD)
"""The special tokens, in the order of their ids (0 to 3)."""


@cache
def held_out() -> frozenset[tuple[str, str]]:
    """The prompts of the sanity checks: (system prompt, last user prompt) pairs that no training row may ask."""
    found = set()
    for check in tomllib.loads(SANITY.read_text("utf-8"))["checks"]:
        said = [turn["content"] for turn in check.get("messages", []) if turn["role"] == "user"]
        found.add((str(check.get("system", "")), "\n".join(said) or str(check["prompt"])))
    return frozenset(found)


def is_held_out(row: Example) -> bool:
    """Whether a row asks what a sanity check asks, in any of its turns."""
    system = next((said for role, said in row.turns if role == "system"), "")
    said = [text for role, text in row.turns if role == "user"]
    asked = {("", text) for text in said} | {(system, text) for text in said} | {(system, "\n".join(said))}
    return not asked.isdisjoint(held_out())


def mended(row: Example) -> Example:
    """The row with "an" before vowels, in questions and answers alike; the lists are joined to their "a" unseen."""
    said = tuple((role, re.sub(r"\b([Aa]) (?=[aeiou]\w)", r"\1n ", text)) for role, text in row.turns)
    return replace(row, turns=said)


def render(row: Example) -> str:
    """A row as the model reads it: ChatML for a dialogue, and the end-of-text token."""
    if row.text:
        return row.text + END_OF_TEXT
    return "".join(f"{START}{role}\n{said}{END}\n" for role, said in row.turns) + END_OF_TEXT


def rows(seed: int | str, reach: float, stories: float) -> Iterator[Example]:
    """Training rows without end, and without held-out prompts.

    Args:
        seed: Where chance starts.
        reach: How far names and words go beyond the closed lists, 0 to 1.
        stories: The share of plain stories, 0 to 1.
    """
    draw = Draw(f"train {seed}", reach)
    while True:
        row = mended(plain_story(draw) if draw.chance(stories) else example(draw))
        if not is_held_out(row):
            yield row


def evaluation(seed: int, reach: float, count: int) -> list[Example]:
    """Rows to measure with. Their seed is never a training seed; closed families may still ask the same question."""
    draw = Draw(f"evaluate {seed}", reach)
    return [mended(example(draw)) for _ in range(count)]


def first_corpus(stories: int, instructions: int, seed: int) -> Iterator[Example]:
    """The corpus that the tokenizer is learned from: closed lists, stories first; nothing is held out of it."""
    draw = Draw(seed)
    for _ in range(stories):
        yield plain_story(draw)
    for _ in range(instructions):
        yield example(draw)


def repeats(
    chance: np.random.Generator, vocabulary: int, length: int, shortest: int, longest: int, few: float
) -> tuple[Tokens, int]:
    """A row of random tokens said again and again: only a head that looks back (an induction head) can foresee it.

    Some rows draw from a handful of tokens, so that the last one alone does not tell what follows, and a head must match
    a longer past, as it must to find whose "has a" it is among three.

    Args:
        chance: Where chance comes from.
        vocabulary: How many token ids there are; the special ones are not drawn.
        length: Tokens of the row.
        shortest: The least tokens before the row repeats.
        longest: The most.
        few: Share of the rows that draw from a handful.

    Returns:
        The row, and its period.
    """
    period = int(chance.integers(shortest, longest + 1))
    span = chance.integers(len(SPECIAL), vocabulary, period)
    if chance.random() < few:
        span = span[chance.integers(0, max(2, period // 3), period)]
    return np.tile(span, length // period + 1)[:length], period


def encode_seed(seed: int, stage: str, number: int) -> str:
    """The seed of a chunk of a stage."""
    return f"{seed} {stage} {number}"
