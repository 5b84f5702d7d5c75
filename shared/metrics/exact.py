"""Exact match, with lm-eval's options, and the number that an answer ends with, as GSM8K is scored.

Sources: `exact_match_hf_evaluate` in lm_eval/api/metrics.py (from the `evaluate` library), and tasks/gsm8k/gsm8k.yaml, version 0.4.13.
"""

import re
import string
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import ConfigDict

Extract = Literal["all", "first_line", "last_number", "after_marks"]

NUMBER = re.compile(r"(-?[$0-9.,]{2,})|(-?[0-9]+)")  # gsm8k.yaml, flexible-extract
MARKED = re.compile(r"#### (\-?[0-9\.\,]+)")  # gsm8k.yaml, strict-match
GSM8K = (",", "\\$", "(?s).*#### ", "\\.$")  # gsm8k.yaml, regexes_to_ignore
MISSING = "[invalid]"  # what lm-eval puts where nothing could be extracted
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_DIGITS = str.maketrans("", "", string.digits)


@dataclass(frozen=True)
class Rules:
    """What two answers may differ in and still be the same.

    Attributes:
        extract: What of the model's answer counts: all of it, its first line, its last number, or what follows "#### ".
        ignore_case: Upper and lower case are the same.
        ignore_punctuation: ASCII punctuation is dropped, as lm-eval does.
        ignore_numbers: ASCII digits are dropped.
        ignore_signs: All punctuation of Unicode is dropped, "。" and "¿" too, and white space at both ends; lm-eval has no such option.
        regexes_to_ignore: What matches one of these is dropped from both, in this order, before all else.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    extract: Extract = "all"
    ignore_case: bool = False
    ignore_punctuation: bool = False
    ignore_numbers: bool = False
    ignore_signs: bool = False
    regexes_to_ignore: tuple[str, ...] = ()


def normalise(text: str, rules: Rules) -> str:
    """A text as it is compared: regexes dropped, then lower case, then punctuation and digits dropped."""
    for pattern in rules.regexes_to_ignore:
        text = re.sub(pattern, "", text)
    if rules.ignore_case:
        text = text.lower()
    if rules.ignore_punctuation:
        text = text.translate(_PUNCTUATION)
    if rules.ignore_numbers:
        text = text.translate(_DIGITS)
    if rules.ignore_signs:
        text = "".join(sign for sign in text if not unicodedata.category(sign).startswith("P")).strip()
    return text


def extract(answer: str, how: Extract = "all") -> str:
    """The part of an answer that counts; "[invalid]" when it has none, as in lm-eval.

    Args:
        answer: What the model wrote.
        how: "last_number" takes the last number, with its sign, commas, points and $; "after_marks" the first number after "#### ".
    """
    if how == "last_number":
        found = [one or other for one, other in NUMBER.findall(answer)]
        return found[-1].strip() if found else MISSING
    if how == "after_marks":
        marked = MARKED.search(answer)
        return marked.group(1).strip() if marked else MISSING
    if how == "first_line":
        return answer.strip().partition("\n")[0]
    return answer


def matches(answer: str, references: Sequence[str], rules: Rules | None = None) -> bool:
    """Whether an answer is one of the right ones.

    Args:
        answer: What the model wrote.
        references: Right answers; one is enough.
        rules: What may differ; nothing, when left out.
    """
    rules = rules or Rules()
    given = normalise(extract(answer, rules.extract), rules)
    return any(given == normalise(reference, rules) for reference in references)
