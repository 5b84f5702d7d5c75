"""The quality rules as data: every threshold, its source and its profiles, from manifests/quality.toml."""

import tomllib
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from shared.env import ROOT
from shared.errors import PlaygroundError

Profile = Literal["web", "instruction"]


@dataclass(frozen=True)
class Threshold:
    """Where a value of a rule must lie.

    Attributes:
        least: The smallest value that passes; None when there is none.
        most: The largest value that passes; None when there is none.
    """

    least: float | None = None
    most: float | None = None


@dataclass(frozen=True)
class Rule:
    """One value that is measured in every row.

    Attributes:
        name: Its name in tables: family, underscore, what is measured.
        family: "gopher", "c4" or "fineweb".
        says: What is measured, for a person.
        unit: "words", "characters", "lines", "share" (of 1) or "count".
        source: Where the rule comes from.
        why: Why the instruction profile differs from the web profile; empty when it does not.
        web: The threshold of the paper or of its reference code; None when the profile does not judge by it.
        instruction: The threshold for short rows of questions and answers; None when the profile does not judge by it.
    """

    name: str
    family: str
    says: str
    unit: str
    source: str
    why: str = ""
    web: Threshold | None = None
    instruction: Threshold | None = None


@cache
def _manifest() -> dict[str, Any]:
    return tomllib.loads((ROOT / "manifests" / "quality.toml").read_text(encoding="utf-8"))


@cache
def rules() -> tuple[Rule, ...]:
    """Every rule, in the order of the manifest; those of one family are in the order in which datatrove asks them."""
    return tuple(Rule(**_read(row)) for row in _manifest()["rules"])


def _read(row: dict[str, Any]) -> dict[str, Any]:
    return {key: Threshold(**value) if isinstance(value, dict) else value for key, value in row.items()}


def rule(name: str) -> Rule:
    """The rule of that name.

    Raises:
        PlaygroundError: No rule is called so.
    """
    for each in rules():
        if each.name == name:
            return each
    raise PlaygroundError(f"There is no quality rule '{name}'. Rules: {', '.join(each.name for each in rules())}.")


def thresholds(profile: Profile) -> dict[str, Threshold]:
    """The rules that a profile judges by, with their thresholds.

    Args:
        profile: "web": the papers' thresholds; "instruction": for short rows of questions and answers.

    Raises:
        PlaygroundError: No profile is called so.
    """
    if profile not in ("web", "instruction"):
        raise PlaygroundError(f"There is no rule profile '{profile}'. Choose 'web' or 'instruction'.")
    found = {each.name: getattr(each, profile) for each in rules()}
    return {name: threshold for name, threshold in found.items() if threshold is not None}


def symbols() -> str:
    """Characters that may be in words but make a word of symbols only (Gopher's count leaves such words out)."""
    return str(_manifest()["characters"]["symbols"])


def stop_characters() -> str:
    """Characters that FineWeb's rule accepts at the end of a line."""
    return str(_manifest()["characters"]["stops"])


def policy_phrases() -> tuple[str, ...]:
    """Phrases for which C4 drops a line: cookies and terms of use."""
    return tuple(_manifest()["phrases"]["policy"])


def stop_words() -> dict[str, tuple[str, ...]]:
    """Frequent words by language code; "en" is Gopher's list."""
    return {language: tuple(words) for language, words in _manifest()["stop_words"].items()}


def grammar_characters() -> str:
    """Chinese characters that are mostly grammar: a pair with one of them is no keyword."""
    return str(_manifest()["characters"]["grammar"])


def function_words() -> tuple[str, ...]:
    """English words that say nothing about what a text is about."""
    return tuple(_manifest()["words"]["function"])
