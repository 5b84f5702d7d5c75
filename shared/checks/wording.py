"""What an answer says, in the forms that checkers compare: tidied text, its words, its sentences, its numbers."""

import re
import unicodedata
from collections.abc import Sequence
from decimal import Decimal

from shared.models.asking import spoken
from shared.text import words

_MARKS = "\"'`* \t\n"  # around an answer: quotes, code marks, Markdown's bold
_STOPS = ".!。"
_LIKE = str.maketrans(
    {"’": "'", "‘": "'", "“": '"', "”": '"', "「": '"', "」": '"', "−": "-", "‐": "-", "‑": "-", "–": "-"}
)
_NOT = re.compile(r"(?<=[a-z])n't\b|(?<=can)not\b", re.IGNORECASE)
_SENTENCE = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])|\n")
_THOUSANDS = re.compile(r"(?<=[0-9]),(?=[0-9]{3}(?![0-9]))")
_NUMBER = re.compile(
    r"((?:(?<![A-Za-z0-9_.)])-|(?<![0-9] )\b(?:minus|negative) )?)(?<![A-Za-z0-9_])([0-9]+(?:\.[0-9]+)?)(?![0-9]|(?:st|nd|rd|th)\b)"
    r"(?: ?(%|(?:hundred|thousand|million|billion|dozen)\b)|)",
    re.IGNORECASE,
)
_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_ROUND = "twenty thirty forty fifty sixty seventy eighty ninety"
_VALUES = dict(zip(f"{_SMALL} {_ROUND}".split(), [*range(20), *range(20, 100, 10)], strict=True))
_TIMES = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "dozen": 12}
_HAN = {sign: value for value, sign in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_HAN_TIMES = {"十": 10, "百": 100, "千": 1000, "万": 10_000}
_HAN_NUMBER = re.compile("[零〇一二两三四五六七八九十百千万]{1,12}(?![共起定样些般直下])")
_EMPHASIS = str.maketrans("", "", '*"`')
_DENIALS = {"not", "no", "never", "neither", "nor", "hardly", "far", "forgot", "forget"}
_WRONG = {"wrong", "incorrect", "false"}


def readable(answer: str) -> str:
    """An answer that can be written down and compared: what a model thought first left out, and no half characters.

    Args:
        answer: As the model gave it.
    """
    return spoken(answer).encode("utf-8", "replace").decode("utf-8")


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


def plain(text: str, case: bool = False) -> str:
    """A text tidied, less the quotes, backticks and asterisks inside it too: what is bold or quoted says the same.

    Args:
        text: Any text.
        case: Whether capitals stay.
    """
    return tidy(text.translate(_LIKE).translate(_EMPHASIS), case)


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


def denies(sentence: str) -> bool:
    """Whether a sentence takes back what it says: it has a "not", a "never" or a "wrong".

    Args:
        sentence: One sentence.
    """
    return bool((_DENIALS | _WRONG) & set(said(sentence)))


def asserts(parts: Sequence[Sequence[str]], phrase: str) -> bool:
    """Whether a sentence mentions a phrase and does not deny it: "not" up to four words before, or "is not" or "wrong" behind.

    Args:
        parts: The words of each sentence, as `said` gives them.
        phrase: One word or more. What begins with "not" itself is never taken to be denied.
    """
    wanted = said(phrase)
    for part in parts:
        if not mentions(part, phrase):
            continue
        for place in (place for place, word in enumerate(part) if word == wanted[0]):
            end = place + len(wanted)
            before, behind = part[max(0, place - 4) : place], part[end : end + 3]
            denied = _DENIALS & {*before} or _WRONG & {*behind} or list(behind[:2]) == ["is", "not"]
            if list(part[place:end]) == wanted and (not denied or wanted[0] in _DENIALS):
                return True
    return False


def sentences(text: str) -> list[str]:
    """The sentences and lines of a text that are not empty.

    Args:
        text: Any text.
    """
    return [part.strip() for part in _SENTENCE.split(text) if part and part.strip()]


def numbers(text: str) -> list[Decimal]:
    """The numbers in a text that are written in digits, in order.

    Args:
        text: Any text. "1,234" is one number; "64-19" is two, the second of them positive; "minus 5" is -5, "3 million" and "12 %"
            are what they mean, and "3rd" is none.
    """
    digits = _THOUSANDS.sub("", unicodedata.normalize("NFKC", text.translate(_LIKE)))
    found = []
    for sign, number, times in _NUMBER.findall(digits):
        value = Decimal(number)
        if times:
            value = value / 100 if times == "%" else value * _TIMES[times.lower()]
        found.append(-value if sign else value)
    return found


def spelled(text: str) -> list[Decimal]:
    """The numbers in a text that are written in English words or in Chinese, in order.

    Args:
        text: Any text. "a hundred and twelve" is 112, "八十五" is 85; "一共" is no number.
    """
    plain_text = unicodedata.normalize("NFKC", text)
    return [Decimal(each) for each in (*_english(words(plain_text)), *map(_han, _HAN_NUMBER.findall(plain_text)))]


def _english(spoken: Sequence[str]) -> list[int]:
    """Numbers in English words: a run of them is one number as long as each word multiplies it, or adds less than was said."""
    found: list[int] = []
    signs: list[int] = []
    room = 0  # what is added to the last number must be less; 0 when it is over
    for word, before in zip(spoken, ["", *spoken], strict=False):
        value = _VALUES.get(word, 0)
        if word in _TIMES and room:
            found[-1] += found[-1] % 1000 * (_TIMES[word] - 1)
            room = _TIMES[word]
        elif 0 < value < room:
            found[-1] += value
            room = 10 if value > 19 else 1
        elif word in _VALUES or (word in _TIMES and before == "a"):
            found.append(_TIMES.get(word, value))
            signs.append(-1 if before in ("minus", "negative") else 1)
            room = _TIMES.get(word, 10 if value > 19 else 1)
        elif word != "and" or room < 100:
            room = 0
    return [sign * value for sign, value in zip(signs, found, strict=True)]


def _han(number: str) -> int:
    """A number in Chinese."""
    whole = part = digit = 0
    for sign in number:
        if sign in _HAN:
            digit = _HAN[sign]
        elif sign == "万":
            whole, part, digit = (whole + part + digit) * 10_000, 0, 0
        else:
            part, digit = part + max(1, digit) * _HAN_TIMES[sign], 0
    return whole + part + digit
