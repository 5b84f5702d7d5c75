"""What an answer says, in the forms that checkers compare: tidied text, its words, its sentences, its numbers."""

import re
import unicodedata
from collections.abc import Sequence
from decimal import Decimal

from shared.text import words

_MARKS = "\"'`* \t\n"  # around an answer: quotes, code marks, Markdown's bold
_STOPS = ".!。"
_LIKE = str.maketrans(
    {"’": "'", "‘": "'", "“": '"', "”": '"', "「": '"', "」": '"', "−": "-", "‐": "-", "‑": "-", "–": "-"}
)
_NOT = re.compile(r"(?<=[a-z])n't\b|(?<=can)not\b", re.IGNORECASE)
_SENTENCE = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])|\n")
_THOUSANDS = re.compile(r"(?<=[0-9]),(?=[0-9]{3}(?![0-9]))")
_NUMBER = re.compile(r"(?:(?<![A-Za-z0-9_.)])-)?(?<![A-Za-z0-9_])[0-9]+(?:\.[0-9]+)?")
_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_SMALL = _ONES.split()
_ROUND = "twenty thirty forty fifty sixty seventy eighty ninety"
_TENS = dict(zip(_ROUND.split(), range(20, 100, 10), strict=True))


def readable(answer: str) -> str:
    """An answer that can be written down and compared: what a model thought first left out, and no half characters.

    Args:
        answer: As the model gave it. What stands between <think> and </think> at its beginning is not part of it.
    """
    if answer.lstrip().startswith("<think>") and "</think>" in answer:
        answer = answer.partition("</think>")[2]
    return answer.encode("utf-8", "replace").decode("utf-8")


def tidy(text: str, case: bool = False) -> str:
    """A text in the form in which texts are compared.

    Unicode's NFKC, so that full-width letters and digits are plain ones; typographic quotes and dashes as ASCII; runs of
    blanks as one; quotes, backticks and asterisks around it gone, and full stops and exclamation marks behind it.

    Args:
        text: Any text.
        case: Whether capitals stay; otherwise the text is case-folded.
    """
    plain = " ".join(unicodedata.normalize("NFKC", text.translate(_LIKE)).split()).strip(_MARKS).rstrip(_MARKS + _STOPS)
    return plain if case else plain.casefold()


def said(text: str) -> list[str]:
    """The words of a text, as `shared.text` counts them; "isn't" is "is not", and "cannot" is "can not".

    Args:
        text: Any text.
    """
    return words(_NOT.sub(" not", unicodedata.normalize("NFKC", text.translate(_LIKE))))


def mentions(spoken: Sequence[str], phrase: str) -> bool:
    """Whether a phrase is among words, as a run of whole words: "hi" is not in "this".

    Args:
        spoken: What `said` gave.
        phrase: One word or more; in Chinese, characters.
    """
    return f" {' '.join(said(phrase))} " in f" {' '.join(spoken)} "


def sentences(text: str) -> list[str]:
    """The sentences and lines of a text that are not empty.

    Args:
        text: Any text.
    """
    return [part.strip() for part in _SENTENCE.split(text) if part and part.strip()]


def numbers(text: str) -> list[Decimal]:
    """The numbers in a text, in order: digits, or English words up to ninety-nine where there is no digit at all.

    Args:
        text: Any text. "1,234" is one number; "64-19" is two, the second of them positive.
    """
    plain = _THOUSANDS.sub("", unicodedata.normalize("NFKC", text.translate(_LIKE)))
    if re.search(r"[0-9]", plain):
        return [Decimal(found) for found in _NUMBER.findall(plain)]
    return [Decimal(number) for number in _spelled(words(plain))]


def _spelled(spoken: Sequence[str]) -> list[int]:
    """Numbers that are written as words."""
    found: list[int] = []
    tens = 0
    for word in spoken:
        if word in _SMALL:
            small = _SMALL.index(word)
            if tens and 0 < small < 10:
                found[-1] += small
            else:
                found.append(small)
        elif word in _TENS:
            found.append(_TENS[word])
        tens = _TENS.get(word, 0)
    return found
