"""What a battle is about, for the leaderboards by category and language, and how its answers look, for style control.

Categories are found by plain rules, in this order: "coding" when a prompt or most answers hold code, then those whose words
(manifests/arena.toml) stand in the prompt, otherwise "other". A prompt in another language than English has that language besides.
"""

import re
from dataclasses import dataclass
from functools import cache

from apps.model_arena.battles import Battle
from apps.model_arena.manifest import manifest
from apps.model_arena.style import measure
from shared import code_languages, languages

_FENCE = re.compile(r"^\s{0,3}(```|~~~)", re.MULTILINE)
_CODE_WORDS = re.compile(
    r"\b(python|javascript|typescript|java|c\+\+|rust|golang|sql|html|css|bash|regex|function|class|code|program|script|algorithm|"
    r"compile|debug|api|json|unit test)\b|代码|编程|函数|程序",
    re.IGNORECASE,
)
_MATHS = re.compile(r"\d\s*[-+*/×÷^=]\s*\(?\d|\\(?:frac|int|sum|sqrt)\b")


@dataclass(frozen=True)
class Portrait:
    """What a battle is about.

    Attributes:
        category: "coding", "maths", "creative", ..., or "other".
        language: Code of the prompts' language; "" when it cannot be told.
        lengths: Characters of each side's answers.
        markdown: Headers, list items and bold pieces in each side's answers.
    """

    category: str
    language: str
    lengths: dict[str, int]
    markdown: dict[str, tuple[int, int, int]]


def describe(battle: Battle) -> Portrait:
    """What an answered battle is about, and how its answers look.

    Args:
        battle: The battle.
    """
    answers = {side: [turn.shown.get(side, "") for turn in battle.turns] for side in battle.sides}
    joined = {side: "\n\n".join(texts) for side, texts in answers.items()}
    marks = [tuple(map(sum, zip(*(measure(text) for text in texts), strict=True))) for texts in answers.values()]
    return Portrait(
        category=categorise("\n".join(battle.prompts), list(joined.values())),
        language=language_of("\n".join(battle.prompts)),
        lengths={side: sum(map(len, texts)) for side, texts in answers.items()},
        markdown={side: (one, two, three) for side, (one, two, three) in zip(battle.sides, marks, strict=True)},
    )


def categorise(prompt: str, answers: list[str]) -> str:
    """What a prompt is about.

    Args:
        prompt: All prompts of the battle.
        answers: What was answered; none decides by the prompt alone.
    """
    if _FENCE.search(prompt) or code_languages.guess(prompt).language != "none":
        return "coding"
    fenced = sum(bool(_FENCE.search(text)) for text in answers)
    if _CODE_WORDS.search(prompt) and (not answers or 2 * fenced > len(answers)):
        return "coding"
    low = prompt.lower()
    for category in manifest().categories["order"]:
        if _words(category).search(low) or (category == "maths" and _MATHS.search(prompt)):
            return str(category)
    return "coding" if answers and fenced == len(answers) else "other"


def language_of(prompt: str) -> str:
    """Code of a prompt's language, "" when it is too short to tell.

    Args:
        prompt: Any text.
    """
    (found,) = languages.detect([prompt])
    return "" if found.code == languages.UNKNOWN else found.code


@cache
def _words(category: str) -> "re.Pattern[str]":
    words = manifest().categories["words"][category]
    latin = [re.escape(word) for word in words if word.isascii()]
    other = [re.escape(word) for word in words if not word.isascii()]
    return re.compile("|".join([rf"\b(?:{'|'.join(latin)})\b", *other]))
