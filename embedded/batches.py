"""Batches of training rows: drawn for a step, so that a run that stopped goes on exactly where it was."""

from typing import Any

import numpy as np

from embedded.corpus import END, START, Tokens, encode_seed, render, repeats, rows
from embedded.recipe import Stage
from embedded.tokenizer import answer_mask, encode

STEPS_OF_A_CHUNK = 50
"""Steps that draw their rows from one chunk of fresh text."""


class Batches:
    """Makes the batch of any step of a stage; the same seed, stage and step always make the same batch."""

    def __init__(self, tokenizer: Any, stage: Stage, seed: int) -> None:
        self.tokenizer = tokenizer
        self.stage = stage
        self.seed = seed
        self.vocabulary = len(tokenizer)
        self.ids = tuple(tokenizer.convert_tokens_to_ids(word) for word in (START, END, "assistant"))
        self._chunk: tuple[int, Tokens, np.ndarray[Any, Any]] = (-1, np.empty(0, np.int64), np.empty(0))

    def chunk(self, number: int) -> tuple[Tokens, np.ndarray[Any, Any]]:
        """Fresh text as one long row of tokens, and the weight of each token in the loss."""
        if self._chunk[0] != number:
            mix, stage = self.stage.mix, self.stage
            wanted = int(stage.rows * (stage.length + 1) * STEPS_OF_A_CHUNK * (1 - mix.repeats)) + 4 * stage.length
            source = rows(encode_seed(self.seed, stage.name, number), mix.reach, mix.stories)
            found, weights, size = [], [], 0
            while size < wanted:
                drawn = [next(source) for _ in range(512)]
                for row, tokens in zip(drawn, encode(self.tokenizer, [render(row) for row in drawn]), strict=True):
                    weight = np.ones(len(tokens), np.float32)
                    if row.turns and mix.prompts != 1:
                        weight[~answer_mask(tokens, *self.ids)] = mix.prompts
                    found.append(tokens)
                    weights.append(weight)
                    size += len(tokens)
            self._chunk = (number, np.concatenate(found), np.concatenate(weights))
        return self._chunk[1], self._chunk[2]

    def batch(self, step: int) -> tuple[Tokens, np.ndarray[Any, Any]]:
        """The rows of a step.

        Returns:
            Token ids of shape (rows, length + 1), and the weight of each in the loss. The first round of repeated
            random tokens weighs nothing: nobody can foresee it.
        """
        stage = self.stage
        tokens, weights = self.chunk(step // STEPS_OF_A_CHUNK)
        chance = np.random.default_rng([self.seed, step, *stage.name.encode()])
        found = np.empty((stage.rows, stage.length + 1), np.int64)
        weighed = np.ones((stage.rows, stage.length + 1), np.float32)
        for at in range(stage.rows):
            if chance.random() < stage.mix.repeats:
                found[at], period = repeats(
                    chance, self.vocabulary, stage.length + 1, *stage.mix.periods, few=stage.mix.few
                )
                weighed[at, :period] = 0
            else:
                start = int(chance.integers(0, len(tokens) - stage.length - 1))
                found[at] = tokens[start : start + stage.length + 1]
                weighed[at] = weights[start : start + stage.length + 1]
        return found, weighed
