"""The tokenizer of the embedded Llamas: byte-level BPE, digits one by one, ChatML as the chat template."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from embedded.corpus import END, END_OF_TEXT, PAD, SPECIAL, START, Tokens, first_corpus, render
from embedded.draw import Draw

TEMPLATE = (
    "{% for m in messages %}{% if m['role'] == 'assistant' %}{{ '<|im_start|>assistant\n' }}{% generation %}"
    "{{ m['content'] + '<|im_end|>' }}{% endgeneration %}{{ '\n' }}"
    "{% else %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
"""ChatML; `{% generation %}` marks what a trainer may learn from (the answers)."""


def learn(vocabulary: int, texts: Iterable[str]) -> Any:
    """A tokenizer learned from texts.

    Args:
        vocabulary: How many tokens it has, the four special ones and the 256 bytes included.
        texts: What it learns from; the same texts make the same tokenizer.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    made = Tokenizer(models.BPE(byte_fallback=False))
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(texts, trainer)
    return made


def first_texts(stories: int, instructions: int) -> Iterable[str]:
    """One row in seventeen of the first corpus (seed 1): what the tokenizer learns from."""
    chosen = Draw(0)
    for row in first_corpus(stories, instructions, 1):
        if chosen.chance(0.06):
            yield render(row)


def wrap(tokenizer: Any, context: int) -> Any:
    """The tokenizer as transformers knows it, with its special tokens and its chat template."""
    from transformers import PreTrainedTokenizerFast

    wrapped = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer, eos_token=END, bos_token=END_OF_TEXT, pad_token=PAD, model_max_length=context
    )
    wrapped.chat_template = TEMPLATE
    return wrapped


def load(folder: Path) -> Any:
    """The tokenizer in a model's folder."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)


def encode(tokenizer: Any, texts: list[str]) -> list[Tokens]:
    """The token ids of each text; special tokens that are written in it count as such."""
    found = tokenizer.backend_tokenizer.encode_batch_fast(texts, add_special_tokens=False)
    return [np.array(one.ids, np.int64) for one in found]


def answer_mask(tokens: Tokens, start: int, end: int, assistant: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which tokens an assistant said, its end-of-turn token included.

    Args:
        tokens: One ChatML text.
        start: The id of `<|im_start|>`.
        end: The id of `<|im_end|>`.
        assistant: The id of the word `assistant`.
    """
    mask = np.zeros(len(tokens), np.bool_)
    ends = np.flatnonzero(tokens == end)
    for at in np.flatnonzero(tokens == start):
        if at + 1 < len(tokens) and tokens[at + 1] == assistant:
            stop = ends[np.searchsorted(ends, at)]
            mask[at + 3 : stop + 1] = True
    return mask


__all__ = ["START", "TEMPLATE", "answer_mask", "encode", "first_texts", "learn", "load", "wrap"]
