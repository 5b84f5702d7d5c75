"""What an embedded model can do, measured: heads, copying, exact match, sanity checks, stories, speed."""

import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from embedded.answers import answer, complete
from embedded.corpus import evaluation
from embedded.draw import Draw
from embedded.tasks import Example, exchange
from embedded.vocabulary import MORE_NAMES, NAMES

SPAN, HEAD_ROWS = 64, 16
EXACT_ROWS, STORY_ROWS = 400, 60
ANYTHING = ("add", "cap", "opp", "copy", "zh", "up", "ctx", "sent", "last", "cmp")
"""Families that ask neither for JSON nor for a story."""
CAPITAL = re.compile(r"(?<![.!?\"] )(?<!^)(?<!\")\b[A-Z][a-z]+\b")
"""A capitalised word that does not begin a sentence or a quotation: a name."""


@dataclass(frozen=True)
class Heads:
    """How the attention heads of a model treat random tokens that are said twice.

    The induction score (Olsson and others, 2022, arXiv:2209.11895) is the attention from a token of the second round to
    the token after its first occurrence; 1 is all of it, 1/64 what looking anywhere would give.

    Attributes:
        induction: Score of each head, by layer.
        previous: Attention to the token before, of each head, by layer.
        first_loss: Loss on the first round, in nats; no model can be better than the logarithm of the vocabulary.
        second_loss: Loss on the second round, in nats.
        copied: Share of the second round that the model foresees.
    """

    induction: list[list[float]]
    previous: list[list[float]]
    first_loss: float
    second_loss: float
    copied: float

    @property
    def best(self) -> float:
        """The best induction score of all heads."""
        return max(max(layer) for layer in self.induction)


def heads(
    model: Any, lowest: int = 4, span: int = SPAN, rows: int = HEAD_ROWS, seed: int = 0, distinct: bool = False
) -> Heads:
    """Measures the heads on `rows` times a beginning token and `span` random tokens twice.

    Args:
        model: Any causal model of transformers.
        lowest: The least token id that is drawn; special tokens lie below.
        span: Tokens before they are said again.
        rows: How many such texts.
        seed: Where chance starts.
        distinct: Whether no token comes twice among the `span` ones, which matters where there are few to draw from.
    """
    import torch

    chance, most = torch.Generator().manual_seed(seed), model.config.vocab_size
    tokens = torch.randint(lowest, most, (rows, span), generator=chance)
    if distinct:
        tokens = torch.stack([torch.randperm(most - lowest, generator=chance)[:span] + lowest for _ in range(rows)])
    tokens = torch.cat([torch.full((rows, 1), model.config.bos_token_id), tokens, tokens], 1)
    implementation = model.config._attn_implementation  # the only place where transformers 5 keeps it
    model.set_attn_implementation("eager")
    with torch.no_grad():
        out = model(input_ids=tokens, output_attentions=True)
    model.set_attn_implementation(implementation)
    queries = torch.arange(1 + span, 2 * span)

    def score(keys: torch.Tensor) -> list[list[float]]:
        return [
            [round(float(one[queries, keys].mean()), 4) for one in layer.float().mean(0)] for layer in out.attentions
        ]

    losses = torch.nn.functional.cross_entropy(
        out.logits[:, :-1].float().transpose(1, 2), tokens[:, 1:], reduction="none"
    )
    guessed = out.logits[:, span + 1 : -1].argmax(-1) == tokens[:, span + 2 :]
    return Heads(
        induction=score(queries - span + 1),
        previous=score(queries - 1),
        first_loss=round(float(losses[:, :span].mean()), 4),
        second_loss=round(float(losses[:, span + 1 :].mean()), 4),
        copied=round(float(guessed.float().mean()), 4),
    )


def exact_match(model: Any, tokenizer: Any, rows: Sequence[Example], longest: int = 64) -> dict[str, tuple[int, int]]:
    """How many answers are the expected ones to the letter.

    Returns:
        By task: answers that match, and answers in all.
    """
    said = answer(model, tokenizer, [row.turns[:-1] for row in rows], longest)
    found: dict[str, tuple[int, int]] = {}
    for row, text in zip(rows, said, strict=True):
        right, asked = found.get(row.task, (0, 0))
        found[row.task] = (right + (text == row.answer.strip()), asked + 1)
    return dict(sorted(found.items()))


def instructions(reach: float, count: int = EXACT_ROWS, seed: int = 999) -> list[Example]:
    """Rows to measure exact match on: all families but stories."""
    return [row for row in evaluation(seed, reach, count * 2) if row.task != "story"][:count]


def share(found: dict[str, tuple[int, int]]) -> float:
    """The share that matches, over all tasks. 0 when nothing was asked."""
    asked = sum(total for _, total in found.values())
    return round(sum(right for right, _ in found.values()) / asked, 4) if asked else 0.0


def story_is_consistent(name: str, thing: str, text: str) -> bool:
    """Whether a story keeps to its hero: the name and the thing stand in it, and at most one other person does."""
    people = {word for word in re.findall(r"\w+", text) if word in NAMES or word in MORE_NAMES}
    people |= set(CAPITAL.findall(text)) - {"Grandma"}
    named = len(re.findall(rf"\b{re.escape(name)}\b", text))
    return named >= 2 and thing in text and len(people - {name}) <= 1


def stories(
    model: Any, tokenizer: Any, reach: float, count: int = STORY_ROWS, seed: int = 999
) -> tuple[float, list[str]]:
    """The share of stories that keep to the name and the thing they were asked for, and the stories.

    Args:
        model: A Llama of this package.
        tokenizer: Its tokenizer.
        reach: 0 for names and things of the closed lists, 1 for names and things that are not in them.
        count: How many stories.
        seed: Where chance starts.
    """
    draw = Draw(f"evaluate stories {seed}", reach)
    asked = [(draw.names(1)[0], draw.things(1)[0]) for _ in range(count)]
    turns = [[("user", f"Write a story about {name} and a {thing}.")] for name, thing in asked]
    said = answer(model, tokenizer, turns, longest=300)
    kept = [story_is_consistent(name, thing, text) for (name, thing), text in zip(asked, said, strict=True)]
    return round(float(np.mean(kept)), 4) if kept else 0.0, said


def valid_json(text: str) -> bool:
    """Whether a text is a JSON object or list and nothing else."""
    try:
        return isinstance(json.loads(text), dict | list)
    except ValueError:
        return False


@dataclass(frozen=True)
class Sanity:
    """How many sanity checks of `manifests/sanity.toml` a model passes.

    Attributes:
        core: Passed of the 32 that small models are measured by.
        core_all: How many of those there are.
        passed: Passed of all.
        all: How many there are.
        failed: Ids of those that failed.
    """

    core: int
    core_all: int
    passed: int
    all: int
    failed: list[str]


def sanity(model: Any, tokenizer: Any) -> Sanity:
    """Asks every sanity check, greedily and many at once."""
    from shared.checks import checks

    passed = {}
    for longest in sorted({check.max_new_tokens for check in checks()}):
        chosen = [check for check in checks() if check.max_new_tokens == longest]
        turns = [[(turn.role, turn.content) for turn in check.conversation] for check in chosen]
        for check, (text, ended) in zip(chosen, complete(model, tokenizer, turns, longest), strict=True):
            passed[check.id] = check.judge(text, ended).passed
    core = [check.id for check in checks() if check.core]
    failed = [check.id for check in checks() if not passed[check.id]]
    return Sanity(sum(passed[name] for name in core), len(core), sum(passed.values()), len(passed), failed)


def load_seconds(folder: Path, times: int = 5) -> float:
    """CPU seconds to load a model and its tokenizer, the middle of some tries; imports are not counted."""
    from embedded.answers import open_model

    open_model(folder)
    taken = []
    for _ in range(times):
        start = time.process_time()
        open_model(folder)
        taken.append(time.process_time() - start)
    return round(sorted(taken)[times // 2], 3)


def tokens_a_second(model: Any, tokenizer: Any, tokens: int = 120) -> float:
    """Tokens that one story of fixed length brings in a CPU second: one prompt, transformers' own generate, one thread."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    inputs = tokenizer("Once upon a time, there was a", return_tensors="pt", return_token_type_ids=False)
    try:
        rates = []
        for _ in range(3):
            start = time.process_time()
            with torch.no_grad():
                model.generate(
                    **inputs,
                    max_new_tokens=tokens,
                    min_new_tokens=tokens,
                    do_sample=False,
                    pad_token_id=tokenizer.pad_token_id,
                )
            rates.append(tokens / (time.process_time() - start))
    finally:
        torch.set_num_threads(threads)
    return round(sorted(rates)[1], 0)


def arithmetic(model: Any, tokenizer: Any, count: int = 100, seed: int = 999) -> float:
    """The share of sums and differences of three-digit numbers whose answer ends with the right number."""
    draw = Draw(f"evaluate arithmetic {seed}")
    asked = []
    for _ in range(count):
        left, right = sorted((draw.number(100, 999), draw.number(100, 999)), reverse=True)
        plus = draw.chance(0.5)
        asked.append((f"What is {left} {'+' if plus else '-'} {right}?", left + right if plus else left - right))
    said = answer(model, tokenizer, [[("user", prompt)] for prompt, _ in asked], longest=80)
    numbers = [re.findall(r"-?\d+", text) for text in said]
    return round(
        float(np.mean([bool(n) and int(n[-1]) == right for n, (_, right) in zip(numbers, asked, strict=True)])), 4
    )


def json_share(model: Any, tokenizer: Any, count: int = 100, seed: int = 999) -> float:
    """The share of answers to questions of all sorts, none of which asks for JSON, that are valid JSON."""
    said = _said(model, tokenizer, f"evaluate json {seed}", ANYTHING, count)
    return round(float(np.mean(list(map(valid_json, said)))), 4)


def story_share(model: Any, tokenizer: Any, count: int = 40, seed: int = 999) -> float:
    """The share of answers to questions of all sorts that are stories: at least 25 words."""
    said = _said(model, tokenizer, f"evaluate any {seed}", ANYTHING, count, longest=120)
    return round(float(np.mean([len(text.split()) >= 25 for text in said])), 4)


def sentence_share(model: Any, tokenizer: Any, count: int = 100, seed: int = 999) -> float:
    """The share of answers to comparisons, opposites, reviews and counts that are sentences: three words and a full stop."""
    said = _said(model, tokenizer, f"evaluate sentences {seed}", ("cmp", "opp", "sent", "last", "count"), count)
    return round(float(np.mean([text.endswith(".") and len(text.split()) >= 3 for text in said])), 4)


def _said(model: Any, tokenizer: Any, seed: str, tasks: Sequence[str], count: int, longest: int = 64) -> list[str]:
    """The answers to so many questions of some families, half of them with words beyond the closed lists."""
    draw = Draw(seed, 0.5)
    turns = [[("user", exchange(draw, draw.pick(tasks))[0])] for _ in range(count)]
    return answer(model, tokenizer, turns, longest)
