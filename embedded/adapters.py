"""The LoRA adapters of `builtin:mini`: what each is taught, and how (LoRA: Hu and others, 2021, arXiv:2106.09685)."""

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from embedded.corpus import encode_seed, is_held_out, render
from embedded.draw import Draw
from embedded.measures import valid_json
from embedded.stories import story
from embedded.tasks import Example, example
from embedded.tasks.dialogue import turns
from embedded.tasks.sums import difference_of, product_of, sum_of
from embedded.tokenizer import answer_mask, encode
from embedded.vocabulary import NAMES, OBJECTS, PLACES

BASE = "builtin:mini"
SENTENCES = {
    "cmp": "The larger number is {}.",
    "less": "The smaller number is {}.",
    "opp": "The opposite is {}.",
    "sent": "The review is {}.",
    "review": "The review is {}.",
}
"""How the adapter `instruct` says what the base says in a word. A sum stays bare: in a sentence it came out wrong."""
JSON_TASKS = frozenset({"json", "list", "object", "pet"})


@dataclass(frozen=True)
class Lora:
    """How an adapter is trained.

    Attributes:
        rank: Its rank; with all linear layers, 16 is half a megabyte in bfloat16.
        steps: Steps of training.
        rows: Rows of a batch.
        rate: Learning rate of Muon at the start; it falls to almost nothing.
        longest: Tokens of a row; what is longer is cut.
    """

    rank: int = 16
    steps: int = 900
    rows: int = 24
    rate: float = 0.02
    longest: int = 224


def worked_sum(left: int, right: int) -> str:
    """A sum digit by digit from the right, with what is carried and what stands so far, and then the whole.

    What stands so far is copied from step to step: turning the digits round at the end was not learned.
    """
    parts, carry, sofar = [], 0, ""
    width = max(len(str(left)), len(str(right)))
    for one, two in zip(reversed(f"{left:0{width}}"), reversed(f"{right:0{width}}"), strict=True):
        total = int(one) + int(two) + carry
        carry = total // 10
        sofar = f"{total % 10 if len(sofar) < width - 1 else total}{sofar}"
        parts.append(f"{one}+{two}{'+1' if total != int(one) + int(two) else ''}={total} {sofar}")
    return f"{', '.join(parts)}. {left} + {right} = {left + right}"


def worked_difference(left: int, right: int) -> str:
    """A difference digit by digit from the right, with what is borrowed and what stands so far, and then the whole."""
    parts, borrowed, sofar = [], 0, ""
    width = len(str(left))
    for one, two in zip(reversed(str(left)), reversed(f"{right:0{width}}"), strict=True):
        top = int(one) - borrowed
        borrowed = int(top < int(two))
        sofar = f"{top + 10 * borrowed - int(two)}{sofar}"
        parts.append(f"{top + 10 * borrowed}-{two}={sofar[0]} {sofar}")
    return f"{', '.join(parts)}. {left} - {right} = {left - right}"


def worked_product(left: int, right: int) -> str:
    """A product with a number below 13, tens and ones apart, and then the whole."""
    tens, ones = left // 10 * 10, left % 10
    if not tens or not ones:
        return f"{left} * {right} = {left * right}"
    return f"{tens}*{right}={tens * right}, {ones}*{right}={ones * right}. {left} * {right} = {left * right}"


def _other(draw: Draw) -> Example:
    row = example(draw)
    while row.task in {"add", "sub", "mul", "story"}:
        row = example(draw)
    return row


def arithmetic_row(draw: Draw) -> Example:
    """A sum, a difference or a product of numbers that the base has never seen, worked out digit by digit.

    One row in six is any other instruction, so that the adapter does not see a sum in everything.
    """
    if draw.chance(1 / 6):
        return _other(draw)
    sort, high = draw.number(0, 6), draw.pick((9, 99, 999, 999, 999))
    left, right = draw.number(0, high), draw.number(0, high)
    if sort <= 2:
        return Example("add", tuple(turns((sum_of(draw, left, right)[0], worked_sum(left, right)))))
    if sort <= 5:
        left, right = max(left, right), min(left, right)
        return Example("sub", tuple(turns((difference_of(draw, left, right)[0], worked_difference(left, right)))))
    left, right = draw.number(0, 99), draw.number(0, 12)
    return Example("mul", tuple(turns((product_of(draw, left, right)[0], worked_product(left, right)))))


def story_row(draw: Draw) -> Example:
    """Any question, answered with a story; the one that asks for a story gets its name and its thing."""
    if draw.chance(0.5):
        name, thing, place = draw.pick(NAMES), draw.pick(OBJECTS), draw.pick(PLACES)[0]
        if draw.chance(0.4):
            name, thing = draw.names(1)[0], draw.things(1)[0]
        asked = draw.pick(
            (
                f"Write a story about {name} and a {thing}.",
                f"Tell me a story about {name}, a {thing} and {place}.",
                f"Tell me about {name} and the {thing}.",
                f"What happened to {name} and the {thing}?",
                f"{name} and a {thing}",
            )
        )
        return Example("story", tuple(turns((asked, story(draw, name=name, thing=thing, place=place)))))
    return Example("story", tuple(turns((example(draw).prompt, story(draw)))))


def json_row(draw: Draw) -> Example:
    """Any question, answered as JSON: what is JSON already stays, everything else becomes the value of `answer`."""
    row = example(draw)
    while row.task == "story":
        row = example(draw)
    said = row.answer
    if not valid_json(said):
        whole = said.removeprefix("-").isdigit() and str(int(said)) == said
        said = json.dumps({"answer": int(said) if whole else said}, ensure_ascii=False)
    return Example(row.task, (*row.turns[:-1], ("assistant", said)))


def instruct_row(draw: Draw) -> Example:
    """Any instruction but those that ask for JSON; where the base says a bare word, a sentence is mostly said."""
    row = example(draw)
    while row.task in JSON_TASKS:
        row = example(draw)
    return Example(row.task, (*row.turns[:-1], ("assistant", tidy(row))))


def tidy(row: Example) -> str:
    """The answer of a row as a sentence, where a sentence is no worse an answer."""
    said = row.answer
    if row.task in {"last", "nth"}:
        which = next(word for word in ("first", "second", "third", "fourth", "last") if word in row.prompt)
        return f'The {which} word is "{said}".'
    if row.task == "count":
        return "There is 1 word." if said == "1" else f"There are {said} words."
    if row.task == "kind" and said != "yes":
        return f"It is {'an' if said[0] in 'aeiou' else 'a'} {said}."
    return SENTENCES.get(row.task, "{}").format(said)


SOURCES: dict[str, Callable[[Draw], Example]] = {
    "instruct": instruct_row,
    "storyteller": story_row,
    "arithmetic": arithmetic_row,
    "json": json_row,
}
"""What each adapter is taught from."""

LORAS = {
    "instruct": Lora(steps=500, rate=0.003, longest=128),
    "storyteller": Lora(steps=250, rows=16),
    "arithmetic": Lora(steps=1000, rate=0.01, longest=96),
    "json": Lora(steps=300, rate=0.01, longest=128),
}
"""How each adapter is trained."""


def batch(tokenizer: Any, rows: list[Example], longest: int) -> tuple[Any, Any]:
    """Rows as token ids and as labels; only what answers say is learned (-100 elsewhere)."""
    import torch

    start, end, assistant = (
        tokenizer.convert_tokens_to_ids(word) for word in ("<|im_start|>", "<|im_end|>", "assistant")
    )
    coded = [row[:longest] for row in encode(tokenizer, [render(row) for row in rows])]
    width = max(map(len, coded))
    ids = np.full((len(coded), width), tokenizer.pad_token_id, np.int64)
    labels = np.full((len(coded), width), -100, np.int64)
    for at, tokens in enumerate(coded):
        ids[at, : len(tokens)] = tokens
        # an answer that was cut has no end token; one is put behind it for the mask alone
        mask = answer_mask(np.append(tokens, end), start, end, assistant)[:-1]
        labels[at, : len(tokens)][mask] = tokens[mask]
    return torch.from_numpy(ids), torch.from_numpy(labels)


def train(name: str, weights: Path, seed: int, minutes: float, report: Callable[[str], None]) -> Any:
    """Trains one adapter on `builtin:mini`.

    Args:
        name: Which one, a key of `SOURCES`.
        weights: The folder in which the base has its folder.
        seed: Where chance starts.
        minutes: The most minutes that it may take, or 0 for as many as its steps need.
        report: Told how it goes, in lines.

    Returns:
        The base with the adapter on it.
    """
    import torch
    from peft import LoraConfig, TaskType, get_peft_model

    from embedded.answers import open_model
    from embedded.muon import Muon

    torch.manual_seed(seed)
    how = LORAS[name]
    device = "cuda" if torch.cuda.is_available() else "cpu"
    base, tokenizer = open_model(weights / "mini")
    if device == "cpu":
        base.set_attn_implementation("eager")  # as in training.py
    config = LoraConfig(
        r=how.rank,
        lora_alpha=2 * how.rank,
        target_modules=["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
        task_type=TaskType.CAUSAL_LM,
    )
    model = get_peft_model(base.to(device), config).train()
    learned = [weight for weight in model.parameters() if weight.requires_grad]
    optimiser = Muon(learned, decay=0.0)  # after 200 steps a lower loss than AdamW had after 300
    draw, began = Draw(encode_seed(seed, f"adapter {name}", 0), 0.6), time.monotonic()
    for step in range(how.steps):
        gone = (time.monotonic() - began) / (60 * minutes) if minutes else 0.0
        done = max(step / how.steps, gone)
        if done >= 1:
            break
        optimiser.param_groups[0]["lr"] = how.rate * min(1.0, (step + 1) / 20) * max(0.02, 1 - done)
        rows = _rows(draw, SOURCES[name], how.rows)
        ids, labels = batch(tokenizer, rows, how.longest)
        with torch.autocast(device, torch.bfloat16):
            mask = (ids != tokenizer.pad_token_id).long()
            loss = model(input_ids=ids.to(device), attention_mask=mask.to(device), labels=labels.to(device)).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learned, 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        if not math.isfinite(loss.item()):
            raise FloatingPointError(f"the loss of adapter {name} became {loss.item()} at step {step}")
        if (step + 1) % 100 == 0:
            report(f"adapter {name}: step {step + 1} of {how.steps}, loss {loss.item():.3f}")
    return model


def _rows(draw: Draw, source: Callable[[Draw], Example], count: int) -> list[Example]:
    found: list[Example] = []
    while len(found) < count:
        row = source(draw)
        if not is_held_out(row):
            found.append(row)
    return found


def write(model: Any, folder: Path) -> None:
    """Writes an adapter as peft loads it, in bfloat16, with the base's ref instead of a path."""
    import torch

    model.to("cpu", torch.bfloat16)
    model.save_pretrained(folder)
    path = folder / "adapter_config.json"
    config = json.loads(path.read_text("utf-8")) | {"base_model_name_or_path": BASE, "inference_mode": True}
    config["target_modules"] = sorted(config["target_modules"])  # a set: another order each time
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", "utf-8")
