"""The LoRA adapters of `builtin:mini`: what each is taught, and how (LoRA: Hu and others, 2021, arXiv:2106.09685)."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from embedded.corpus import END, START, encode_seed, is_held_out, mended, render
from embedded.draw import Draw
from embedded.measures import valid_json
from embedded.recipe import Stage
from embedded.stories import story
from embedded.tasks import Example, example
from embedded.tasks.dialogue import turns
from embedded.tasks.sums import difference_of, product_of, sum_of
from embedded.tokenizer import answer_mask, encode
from embedded.training import Batch, Training, digest
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
        which = re.search(r"the (\w+) word", row.prompt)
        return f'The {which[1]} word is "{said}".' if which else said
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


def _stage(name: str, steps: int, muon_rate: float = 0.01, rows: int = 24, length: int = 128) -> Stage:
    return Stage(name, steps * rows * length, rows=rows, length=length, muon_rate=muon_rate, decay=1.0)


STAGES = {
    "instruct": _stage("instruct", 500, muon_rate=0.003),
    "storyteller": _stage("storyteller", 250, muon_rate=0.02, rows=16, length=224),
    "arithmetic": _stage("arithmetic", 1000, length=96),
    "json": _stage("json", 300),
}
"""How each adapter is trained. A row longer than the stage's is cut; of the mix of a stage an adapter knows nothing."""
RANK = 16
"""Of every adapter; with all linear layers, 16 is half a megabyte in bfloat16."""


class Lessons:
    """Makes the batch of any step of an adapter's training; the same seed, stage and step always make the same batch."""

    def __init__(self, tokenizer: Any, stage: Stage, seed: int) -> None:
        self.tokenizer, self.stage, self.seed = tokenizer, stage, seed
        self.ids = tuple(tokenizer.convert_tokens_to_ids(word) for word in (START, END, "assistant"))

    def batch(self, step: int) -> Batch:
        """The rows of a step, padded to the longest.

        Returns:
            Token ids of shape (rows, length + 1), and 1 for each that an answer says, 0 elsewhere.
        """
        draw = Draw(encode_seed(self.seed, f"adapter {self.stage.name}", step), 0.6)
        texts = list(map(render, taught(draw, self.stage.name, self.stage.rows)))
        coded = [tokens[: self.stage.length + 1] for tokens in encode(self.tokenizer, texts)]
        shape = (len(coded), max(map(len, coded)))
        found, weights = np.full(shape, self.tokenizer.pad_token_id, np.int64), np.zeros(shape, np.float32)
        for at, tokens in enumerate(coded):
            found[at, : len(tokens)] = tokens
            # an answer that was cut has no end token; one is put behind it for the mask alone
            weights[at, : len(tokens)] = answer_mask(np.append(tokens, self.ids[1]), *self.ids)[:-1]
        return found, weights


def taught(draw: Draw, name: str, count: int) -> list[Example]:
    """So many rows that an adapter is taught; none asks what a sanity check asks."""
    found: list[Example] = []
    while len(found) < count:
        row = mended(SOURCES[name](draw))
        if not is_held_out(row):
            found.append(row)
    return found


def origin(name: str, weights: Path, seed: int) -> str:
    """All that an adapter is made from: its stage and rank, its seed, and the weights of its base."""
    return f"{STAGES[name]} rank {RANK} seed {seed} {digest(weights / 'mini')}"


def training(name: str, weights: Path, folder: Path, seed: int = 0, minutes: float = 0.0, lanes: int = 1) -> Training:
    """The training of an adapter on `builtin:mini`.

    Args:
        name: Which one, a key of `SOURCES`.
        weights: The folder in which the base has its folder.
        folder: Where its state is kept between runs.
        seed: Where chance starts.
        minutes: The most minutes that it may take in all, or 0 for as many as its steps need.
        lanes: Threads that share a batch on a processor.
    """
    import torch
    from peft import LoraConfig, TaskType, get_peft_model

    from embedded.answers import open_model

    torch.manual_seed(seed)
    base, tokenizer = open_model(weights / "mini")
    config = LoraConfig(
        r=RANK,
        lora_alpha=2 * RANK,
        target_modules=["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
        task_type=TaskType.CAUSAL_LM,
    )

    def source(stage: Stage) -> Callable[[int], Batch]:
        return Lessons(tokenizer, stage, seed).batch

    model = get_peft_model(base, config).train()
    return Training((STAGES[name],), model, source, folder, origin(name, weights, seed), minutes, lanes)


def write(model: Any, folder: Path) -> None:
    """Writes an adapter as peft loads it, in bfloat16, with the base's ref instead of a path."""
    import torch

    model.to("cpu", torch.bfloat16)
    model.save_pretrained(folder)
    path = folder / "adapter_config.json"
    config = json.loads(path.read_text("utf-8")) | {"base_model_name_or_path": BASE, "inference_mode": True}
    config["target_modules"] = sorted(config["target_modules"])  # a set: another order each time
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", "utf-8")
