"""Measuring one task on one model: every item becomes rows of numbers that sum to metrics."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from shared.checks.code_blocks import block
from shared.env import Environment
from shared.errors import PlaygroundError
from shared.metrics import bits_per_byte, choices, exact, running_code, translation
from shared.metrics.asking import Models, answers, scored
from shared.metrics.tasks import Choice, Code, Exact, Item, Task, Text, Translation
from shared.models.protocol import Decoding, Message, Request, Scored
from shared.policy import Caller
from shared.settings import Advanced

CODE_ENDS = ("\nclass", "\ndef", "\n#", "\nif", "\nprint")  # as lm-eval's humaneval.yaml
TEXT_ENDS = ("\n\n", "\nQuestion:")
NAMES = {
    "en": "English",
    "zh": "Chinese",
    "de": "German",
    "es": "Spanish",
    "fr": "French",
    "ja": "Japanese",
    "ar": "Arabic",
}


@dataclass(frozen=True)
class Measuring:
    """How a model is measured.

    Attributes:
        limit: Items of each task, taken evenly over it; 0 takes all.
        chat: Ask questions as messages, through the model's chat template; off, as text to continue, for models that were never
            taught to chat. Log-probabilities are always of plain text.
        max_new_tokens: Longest answer, in tokens.
        window: Bits per byte: bytes of text that the model sees at once. Comparable between models only when equal.
        overlap: Bits per byte: how many of them are context from before, when a text is longer than a window.
        level: How often an interval should hold the truth.
        draws: Draws of the bootstrap.
        seed: Of the bootstrap; answers are always greedy.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    limit: Annotated[int, Field(ge=0, le=100_000)] = 0
    chat: bool = True
    max_new_tokens: Annotated[int, Field(ge=1, le=8192)] = 128
    window: Annotated[int, Field(ge=16, le=1_000_000), Advanced] = bits_per_byte.WINDOW
    overlap: Annotated[int, Field(ge=0, le=1_000_000), Advanced] = bits_per_byte.OVERLAP
    level: Annotated[float, Field(gt=0.5, lt=1), Advanced] = 0.95
    draws: Annotated[int, Field(ge=100, le=20_000), Advanced] = 1000
    seed: Annotated[int, Field(ge=0, le=2**31 - 1), Advanced] = 0


@dataclass(frozen=True)
class Outcome:
    """What came of one item.

    Attributes:
        task: The task's name.
        item: Its place in the task, from 0.
        domain: The item's domain.
        language: The item's language.
        rows: By metric, the numbers that are summed over items.
        answer: What the model wrote or chose; "" for bits per byte.
        why: Why a program failed; "" otherwise.
    """

    task: str
    item: int
    domain: str
    language: str
    rows: dict[str, tuple[float, ...]] = field(default_factory=dict)
    answer: str = ""
    why: str = ""


@dataclass(frozen=True)
class Bench:
    """What measuring needs besides the task: who is asked, how, for whom, and where."""

    models: Models
    ref: str
    settings: Measuring
    caller: Caller
    environment: Environment


def measure(bench: Bench, task: Task) -> Iterator[list[Outcome]]:
    """The outcomes of a task, some at a time, in no particular order.

    Raises:
        PlaygroundError: The model cannot score or failed to answer.
        NotAllowed: The task runs programs and this machine may not.
    """
    places = taken(len(task.items), bench.settings.limit)
    return _KINDS[task.kind](bench, task, places)


def taken(n: int, limit: int) -> list[int]:
    """Places of the items that a limit leaves, spread evenly, so that every part of a task is in it.

    Args:
        n: Items of the task.
        limit: How many to take; 0 takes all.
    """
    if not limit or limit >= n:
        return list(range(n))
    return [place * n // limit for place in range(limit)]


def _gathered(bench: Bench, groups: Sequence[Sequence[tuple[str, str]]]) -> Iterator[tuple[int, list[Scored]]]:
    """Every group with its place, as soon as all of its pairs are scored."""
    owner = [(number, place) for number, group in enumerate(groups) for place in range(len(group))]
    found: list[dict[int, Scored]] = [{} for _ in groups]
    pairs = [pair for group in groups for pair in group]
    for number, one in chain.from_iterable(scored(bench.models, bench.ref, pairs, bench.caller)):
        group, place = owner[number]
        found[group][place] = one
        if len(found[group]) == len(groups[group]):
            yield group, [found[group][each] for each in range(len(groups[group]))]


def _texts(bench: Bench, task: Task, places: list[int]) -> Iterator[list[Outcome]]:
    settings = bench.settings
    items = _items(task, places, Text)
    cut = [bits_per_byte.windows(item.text, settings.window, settings.overlap) for item in items]
    for number, many in _gathered(bench, [[(each.context, each.text) for each in windows] for windows in cut]):
        bits = bits_per_byte.pooled(
            bits_per_byte.measure(one, window.text) for one, window in zip(many, cut[number], strict=True)
        )
        rows: dict[str, tuple[float, ...]] = {}
        if bits.bytes:
            rows = {"bits_per_byte": (bits.bits, bits.bytes), "bits_per_byte_mean": (bits.rate, 1)}
        yield [_outcome(task, places[number], items[number], rows)]


def _choices(bench: Bench, task: Task, places: list[int]) -> Iterator[list[Outcome]]:
    items = _items(task, places, Choice)
    groups = [[choices.pair(item.question, choice, item.delimiter) for choice in item.choices] for item in items]
    for number, many in _gathered(bench, groups):
        item = items[number]
        picks = choices.choose([choices.total(one) for one in many], item.choices)
        by_rule = {"acc": picks.total, "acc_norm": picks.characters, "acc_bytes": picks.bytes}
        rows: dict[str, tuple[float, ...]] = {name: (float(pick == item.answer), 1.0) for name, pick in by_rule.items()}
        yield [_outcome(task, places[number], item, rows, item.choices[picks.total])]


def _exact(bench: Bench, task: Task, places: list[int]) -> Iterator[list[Outcome]]:
    items = _items(task, places, Exact)
    requests = [_request(bench, item.question, f"Question: {item.question}\nAnswer:", TEXT_ENDS) for item in items]
    for number, text in answers(bench.models, bench.ref, requests, bench.caller):
        right = exact.matches(text, items[number].answers, task.rules)
        yield [_outcome(task, places[number], items[number], {"exact_match": (float(right), 1.0)}, text)]


def _translations(bench: Bench, task: Task, places: list[int]) -> Iterator[list[Outcome]]:
    items = _items(task, places, Translation)
    requests = []
    for item in items:
        source, target = (NAMES.get(code, code) for code in (item.source_language, item.language))
        asked = f"Translate from {source} into {target}. Answer with the translation alone.\n\n{item.source}"
        requests.append(_request(bench, asked, f"{source}: {item.source}\n{target}:", ("\n",)))
    for number, text in answers(bench.models, bench.ref, requests, bench.caller):
        item, given = items[number], text.strip()
        rows = {
            measure: tuple(map(float, translation.rows(measure, [given], [item.references], item.language)[0]))
            for measure in ("bleu", "chrf")
        }
        yield [_outcome(task, places[number], item, rows, given)]


def _code(bench: Bench, task: Task, places: list[int]) -> Iterator[list[Outcome]]:
    running_code.check(bench.environment)
    items = _items(task, places, Code)
    asked = "Write a solution to the following problem and make sure that it passes the tests:\n```python\n{}\n```\n"
    requests = [_request(bench, asked.format(item.prompt), item.prompt, CODE_ENDS, stripped=False) for item in items]
    for number, text in answers(bench.models, bench.ref, requests, bench.caller):
        item = items[number]
        program = f"{solution(item, text)}\n\n{item.test}\n\ncheck({item.entry})\n"
        ran = running_code.run(program, bench.environment)
        passed: dict[str, tuple[float, ...]] = {"pass_at_1": (float(ran.outcome == "passed"), 1.0)}
        yield [_outcome(task, places[number], item, passed, text, ran.why)]


def solution(item: Code, answer: str) -> str:
    """The program in an answer: its first fenced block, or all of it; the prompt goes before what does not define the function."""
    program = block(answer)
    return program if re.search(rf"\bdef {re.escape(item.entry)}\s*\(", program) else item.prompt + program


def _request(bench: Bench, asked: str, text: str, ends: tuple[str, ...], stripped: bool = True) -> Request:
    most = bench.settings.max_new_tokens
    if bench.settings.chat:
        return Request(messages=(Message("user", asked),), decoding=Decoding(max_new_tokens=most, temperature=0.0))
    decoding = Decoding(max_new_tokens=most, temperature=0.0, stop=list(ends))
    return Request(text=text.rstrip() if stripped else text, decoding=decoding)


def _items(task: Task, places: list[int], kind: type[Any]) -> list[Any]:
    found = [task.items[place] for place in places]
    if not all(isinstance(item, kind) for item in found):
        raise PlaygroundError(
            f"The task '{task.name}' says '{task.kind}' but holds other items. Read it with tasks.load."
        )
    return found


def _outcome(
    task: Task, place: int, item: Item, rows: dict[str, tuple[float, ...]], answer: str = "", why: str = ""
) -> Outcome:
    return Outcome(task.name, place, item.domain, item.language, rows, answer, why)


_KINDS: dict[str, Callable[[Bench, Task, list[int]], Iterator[list[Outcome]]]] = {
    "text": _texts,
    "choices": _choices,
    "exact": _exact,
    "translation": _translations,
    "code": _code,
}
