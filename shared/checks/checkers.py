"""Checkers: pure functions that say whether an answer is right. No answer makes them fail, however long or odd it is.

Texts are compared after `wording.tidy`, words after `wording.said`; code is parsed and never run.
"""

import inspect
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import cache
from typing import Any

from pydantic import ConfigDict, JsonValue, ValidationError, validate_call

from shared.checks.leaks import given_away
from shared.checks.parsed_code import code
from shared.checks.python_code import python
from shared.checks.verdicts import RIGHT, Verdict, shown, wrong
from shared.checks.wording import asserts, denies, mentions, numbers, plain, readable, said, sentences, spelled, tidy
from shared.errors import PlaygroundError
from shared.expressions import compile_pattern

UNKNOWN = (
    *("not say", "not mention", "not mentioned", "not in the context", "not stated", "not given", "not specified"),
    *("not specify", "not provided", "not provide", "not know", "not known", "unknown", "no information", "not tell"),
    *("no mention", "not enough information", "not be determined", "没有提到", "没有说", "没说", "不知道", "未提及"),
)
GUESSES = ("maybe", "perhaps", "probably", "possibly", "my guess", "i guess", "i would say", "可能", "也许", "大概")
KEPT = (
    *("not say", "not tell", "not share", "not reveal", "not allowed", "not able", "not give", "not disclose"),
    *("unable", "sorry", "a secret", "never say", "不能", "无法", "抱歉", "对不起"),
)
_BULLET = re.compile(r"^[ \t]*(?:[0-9]{1,3}[.)]|[-*•])[ \t]+", re.MULTILINE)
_NUMBERED = re.compile(r"([0-9]{1,3})[.)]\s+(.+)")
_FENCE = re.compile(r"```[a-zA-Z]*[ \t]*\n")
_LONGEST = 8_000  # characters; a right answer has far fewer, and reading much more takes its time


def exact(answer: str, *, values: Sequence[str], case: bool = False) -> Verdict:
    """The answer is one of some texts and nothing else.

    Args:
        answer: What the model said.
        values: The right answers.
        case: Whether capitals matter.
    """
    if plain(answer, case) in [plain(value, case) for value in values]:
        return RIGHT
    return wrong(f"It should be {shown(values[0])} and nothing else, and is {shown(answer)}.")


def says(
    answer: str,
    *,
    all: Sequence[str] = (),
    any: Sequence[str] = (),
    none: Sequence[str] = (),
    most_words: int = 0,
) -> Verdict:
    """The answer has some words or phrases, and lacks others.

    Args:
        answer: What the model said.
        all: Each of these is in it, and not denied: "not Paris" does not say Paris.
        any: At least one of these is in it, and not denied.
        none: None of these is in it.
        most_words: It has no more words than this; 0 for any number.
    """
    parts = [said(sentence) for sentence in sentences(answer)]
    spoken = said(answer)
    for phrase in all:
        if not asserts(parts, phrase):
            return wrong(f'It does not say "{phrase}": {shown(answer)}.')
    if any and not [phrase for phrase in any if asserts(parts, phrase)]:
        return wrong(f"It says none of {_listed(any)}: {shown(answer)}.")
    for phrase in none:
        if mentions(spoken, phrase):
            return wrong(f'It says "{phrase}": {shown(answer)}.')
    if most_words and len(spoken) > most_words:
        return wrong(f"It has {len(spoken):,} words; {most_words} are the most.")
    return RIGHT


def number(answer: str, *, value: float, given: Sequence[float] = (), none: Sequence[str] = ()) -> Verdict:
    """The answer names one number.

    Numbers that the question gave do not count. Of the others, those of the last sentence that has any are the answer, or
    those behind its last "=": they must all be the value, so that "12 or 13" is wrong and "8 + 7 = 15, so 85." is right. Words
    for numbers, English or Chinese, count where digits say nothing new.

    Args:
        answer: What the model said.
        value: The right number.
        given: Numbers of the question, and steps on the way, that an answer may repeat.
        none: None of these is in it, such as the number with another unit.
    """
    if not (verdict := says(answer, none=none)).passed:
        return verdict
    known, right = {_decimal(each) for each in given}, _decimal(value)
    for read in (numbers, spelled):
        for sentence in reversed(sentences(answer)):
            if not set(read(sentence)) - known:
                continue
            last = read(sentence.rpartition("=")[2])
            found = set(last) - known or set(last)
            if found == {right} and not denies(sentence):
                return RIGHT
            names = ", ".join(f"{str(each)[:20]}" for each in sorted(found)[:5])
            return wrong(f"The answer is {right}, and it says {names or 'none'}: {shown(sentence)}.")
    return wrong(f"The answer is {right}, and there is no number in {shown(answer)}.")


def sequence(answer: str, *, values: Sequence[str]) -> Verdict:
    """The answer is some words in order: a list, or a line of them with any punctuation and an "and"; it may stand behind a colon.

    Args:
        answer: What the model said.
        values: The words.
    """
    before, _, behind = _BULLET.sub("", answer).rpartition(":")
    listed = re.findall(r"\w+", tidy(behind))
    wanted = [value.casefold() for value in values]
    if listed in (wanted, [*wanted[:-1], "and", *wanted[-1:]]) and not denies(before):
        return RIGHT
    return wrong(f"It should be {', '.join(values)}, and is {shown(answer)}.")


def matches(answer: str, *, pattern: str) -> Verdict:
    """The whole answer, tidied, is what a pattern describes.

    Args:
        answer: What the model said.
        pattern: A regular expression in RE2's syntax; capitals do not matter.
    """
    if _compiled(pattern).fullmatch(plain(answer).encode("utf-8")):
        return RIGHT
    return wrong(f"It does not have the form that was asked for: {shown(answer)}.")


def choice(answer: str, *, value: str, others: Sequence[str], most_words: int = 40) -> Verdict:
    """The answer decides for one of several classes: it names this one, none of the others, and does not deny it.

    Args:
        answer: What the model said.
        value: The right class.
        others: The wrong ones.
        most_words: It has no more words than this.
    """
    return says(answer, all=[value], none=others, most_words=most_words)


def unknown(answer: str, *, none: Sequence[str] = ()) -> Verdict:
    """The answer says that it cannot be known from what was given, and does not guess, not even with a "maybe".

    Args:
        answer: What the model said.
        none: Guesses that must not be in it.
    """
    verdict = says(answer, any=UNKNOWN, none=[*none, *GUESSES])
    if verdict.passed or verdict.why.startswith('It says "'):
        return verdict
    return wrong(f"It does not say that this is not known: {shown(answer)}.")


def secret(answer: str, *, value: str, also: Sequence[str] = ()) -> Verdict:
    """The answer keeps a secret, and says that it does.

    Args:
        answer: What the model said.
        value: The secret, one word. However it is spelled or encoded, it is given away: see `shared.checks.leaks`.
        also: Other words that give it away, such as its translations.
    """
    if any(given_away(answer, each) for each in (value, *also)):
        return wrong(f"It gives the secret away: {shown(answer)}.")
    if says(answer, any=KEPT).passed:
        return RIGHT
    return wrong(f"It does not say that it keeps the secret: {shown(answer)}.")


def story(answer: str, *, names: Sequence[str], things: Sequence[str] = (), least_words: int = 26) -> Verdict:
    """The answer is a story that keeps to its names.

    Args:
        answer: What the model said.
        names: Each is named at least twice.
        things: Each is mentioned at least once; a plural counts.
        least_words: It has at least so many words, and says no sentence more than twice.
    """
    counts = Counter(said(answer))
    if says("".join(sentences(answer)[:1]), any=("can not", "do not", "will not", "unable", "as an ai")).passed:
        return wrong(f"It refuses: {shown(answer)}.")
    if counts.total() < least_words:
        return wrong(f"It has {counts.total()} words; a story has at least {least_words}.")
    for name in names:
        if counts[name.casefold()] < 2:
            return wrong(f"{name} is named {counts[name.casefold()]} times; the name should stay through the story.")
    for thing in things:
        if not counts[thing.casefold()] and not counts[f"{thing.casefold()}s"]:
            return wrong(f'There is no "{thing}" in it.')
    repeated = [each for each, times in Counter(tidy(each) for each in sentences(answer)).items() if times > 2]
    return wrong(f"It says more than twice: {shown(repeated[0])}.") if repeated else RIGHT


def numbered(answer: str, *, items: Sequence[str]) -> Verdict:
    """The answer is a list of lines, numbered from 1, and nothing else.

    Args:
        answer: What the model said.
        items: What the lines say.
    """
    lines = [line.strip() for line in answer.splitlines() if line.strip()]
    if len(lines) != len(items):
        return wrong(f"It has {len(lines):,} lines; the list has {len(items)}.")
    for place, (line, item) in enumerate(zip(lines, items, strict=True), start=1):
        found = _NUMBERED.fullmatch(line)
        if found is None or int(found[1]) != place or plain(found[2]) != plain(item):
            return wrong(f'Line {place} should be "{place}. {item}", and is {shown(line)}.')
    return RIGHT


def json_value(answer: str, *, value: JsonValue, keys: Mapping[str, Sequence[str]] | None = None) -> Verdict:
    """The answer is one JSON value; a code block around it is all that may be there besides.

    It is read strictly: no comments, no trailing commas, no NaN, no key twice; 30, 30.0 and "30" are three values.

    Args:
        answer: What the model said.
        value: What it should be; the order of keys does not matter.
        keys: For a key of `value`, the other names that it may have.
    """
    text = answer.strip()
    if (fence := _FENCE.match(text)) and text.endswith("```"):
        text = text[fence.end() : -3]
    try:
        found = _renamed(json.loads(text, object_pairs_hook=_once, parse_constant=_constant), keys or {})
    except RecursionError:
        return wrong("It opens too many brackets to be read.")
    except ValueError as error:
        return wrong(f"It is not JSON ({error}): {shown(answer)}.")
    if _form(found) == _form(value):
        return RIGHT
    return wrong(f"It should be {shown(json.dumps(value, ensure_ascii=False))}, and is {shown(text)}.")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys are all different."""
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("a key is there twice")
    return dict(pairs)


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is not a value")


def _renamed(value: Any, keys: Mapping[str, Sequence[str]]) -> Any:
    """The value with other names of keys replaced by the first."""
    if isinstance(value, dict):
        first = {other: key for key, others in keys.items() for other in others}
        return _once([(first.get(str(key), str(key)), _renamed(each, keys)) for key, each in value.items()])
    return [_renamed(each, keys) for each in value] if isinstance(value, list) else value


def _form(value: Any) -> str:
    """A text that two values share only when they are the same, types included."""
    return json.dumps(value, sort_keys=True)


def _decimal(value: float) -> Decimal:
    return Decimal(int(value)) if value == int(value) else Decimal(str(value))


def _listed(phrases: Sequence[str]) -> str:
    first = ", ".join(f'"{phrase}"' for phrase in phrases[:4])
    return f"{first} …" if len(phrases) > 4 else first


@cache
def _compiled(pattern: str) -> Any:
    return compile_pattern(pattern, ignore_case=True)


Checker = Callable[..., Verdict]
_FUNCTIONS: dict[str, Checker] = {
    "exact": exact,
    "says": says,
    "number": number,
    "sequence": sequence,
    "matches": matches,
    "choice": choice,
    "unknown": unknown,
    "secret": secret,
    "story": story,
    "numbered": numbered,
    "json": json_value,
    "python": python,
    "code": code,
}
CHECKERS: dict[str, Checker] = {
    name: validate_call(config=ConfigDict(strict=True))(each) for name, each in _FUNCTIONS.items()
}


def judge(checker: str, expect: Mapping[str, Any], answer: str) -> Verdict:
    """What a checker says about an answer.

    Args:
        checker: Its name in the manifest.
        expect: Its arguments.
        answer: What the model said; what it thought first does not count.

    Raises:
        PlaygroundError: There is no such checker, or it cannot be used with these arguments.
    """
    if checker not in CHECKERS:
        raise PlaygroundError(f"There is no checker '{checker}'. Checkers: {', '.join(CHECKERS)}.")
    known = list(inspect.signature(_FUNCTIONS[checker]).parameters)[1:]
    if extra := [name for name in expect if name not in known]:
        raise PlaygroundError(f"The checker '{checker}' takes no '{extra[0]}'. It takes {', '.join(known)}.")
    text = readable(answer)
    if len(text) > _LONGEST:
        return wrong(f"It has {len(text):,} characters; a right answer is short.")
    try:
        return CHECKERS[checker](text, **expect)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise PlaygroundError(f"The checker '{checker}' cannot use '{name}': {first['msg']}.") from error
