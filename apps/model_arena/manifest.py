"""What `manifests/arena.toml` says: limits, weights of suspicious signs, names to hide, prices, categories, prompt sets."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import ConfigDict, TypeAdapter

from shared.env import ROOT

STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True)
class Limits:
    """How much a visitor may do in a minute, and how long a battle lasts; the owner's battles last as long.

    Attributes:
        battles_per_minute: Battles begun.
        answers_per_minute: Answers asked for, again or anew.
        votes_per_minute: Votes cast.
        battle_hours: Hours without a vote after which a battle is over.
        prompt_characters: Longest prompt.
        turns: Most turns of one battle.
    """

    __pydantic_config__ = STRICT

    battles_per_minute: int
    answers_per_minute: int
    votes_per_minute: int
    battle_hours: float
    prompt_characters: int
    turns: int


@dataclass(frozen=True)
class Suspicions:
    """What makes a vote suspicious; see the manifest for each number.

    Attributes:
        exclude_from: Score, 0 to 1, from which a visitor's vote is not counted.
        words_per_second: Fastest believable reading.
        least_seconds: Shortest believable look at the answers.
        window: How many of a visitor's last votes are looked at.
        least_votes: How many it takes to speak of a habit.
        one_sided_chance: Chance below which votes for one side are no coincidence.
        repeats: How often the same prompt is too often.
        burst: How many votes within `burst_seconds` are too many.
        burst_seconds: See `burst`.
        weights: By sign, how much it weighs, 0 to 1.
        fishing: Regular expressions of prompts that ask who answers, under "patterns".
    """

    __pydantic_config__ = STRICT

    exclude_from: float
    words_per_second: float
    least_seconds: float
    window: int
    least_votes: int
    one_sided_chance: float
    repeats: int
    burst: int
    burst_seconds: float
    weights: Mapping[str, float]
    fishing: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class PromptSet:
    """Prompts that belong together.

    Attributes:
        title: What they are about.
        prompts: The prompts.
    """

    __pydantic_config__ = STRICT

    title: str
    prompts: tuple[str, ...]


@dataclass(frozen=True)
class Manifest:
    """The whole file.

    Attributes:
        limits: How much a visitor may do.
        suspicion: What makes a vote suspicious.
        names: Names to hide: "distinctive" and "ambiguous".
        prices: US dollars for a million tokens, "in" and "out", by ref.
        categories: "order" of the categories and, under "words", the words of each.
        reasons: Reasons that a page offers, under "known".
        prompt_sets: Prompt sets by name.
    """

    __pydantic_config__ = STRICT

    limits: Limits
    suspicion: Suspicions
    names: Mapping[str, tuple[str, ...]]
    prices: Mapping[str, Mapping[str, float]]
    categories: Mapping[str, Any]
    reasons: Mapping[str, tuple[str, ...]]
    prompt_sets: Mapping[str, PromptSet]


@cache
def manifest() -> Manifest:
    """The manifest, checked when it is first read."""
    raw = tomllib.loads((ROOT / "manifests" / "arena.toml").read_text("utf-8"))
    return TypeAdapter(Manifest).validate_python(raw)
