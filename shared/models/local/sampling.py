"""The next token of one answer, drawn by its own settings and seed, the way transformers' `generate` draws it."""

from functools import partial
from typing import Any

from shared.errors import PlaygroundError
from shared.models.local.faults import attempt
from shared.models.local.schema import Guide
from shared.models.protocol import Decoding, Token

COLDEST = 1e-5  # below, scores over temperature overflow: the likeliest token it is
OVERFLOW = "the model's numbers overflowed, so no token can be drawn. Load it in another precision, or without adapter."


class Draw:
    """How one answer's tokens are drawn.

    The order is transformers': repetition penalty, temperature, top-k, top-p, min-p. Every answer has a generator of
    its own, so a seed gives the same draws whatever else is answered at the same time.
    """

    def __init__(self, decoding: Decoding, device: Any, guide: Guide | None = None) -> None:
        """How one answer is drawn.

        Args:
            decoding: The settings.
            device: Where the logits are.
            guide: Leaves out tokens that a schema does not allow; None allows all.

        Raises:
            ValueError: Settings that were not checked cannot be used.
            RuntimeError: So does torch say it.
        """
        import torch
        from transformers import (
            LogitsProcessorList,
            MinPLogitsWarper,
            RepetitionPenaltyLogitsProcessor,
            TemperatureLogitsWarper,
            TopKLogitsWarper,
            TopPLogitsWarper,
        )

        self.guide = guide
        self.greedy = 0 <= decoding.temperature < COLDEST
        self.penalty = decoding.repetition_penalty != 1
        self._processors: Any = LogitsProcessorList()
        self._states: list[Any] = []
        if self.penalty:
            self._processors.append(RepetitionPenaltyLogitsProcessor(float(decoding.repetition_penalty)))
        if not self.greedy:
            self._generator = torch.Generator(device=device).manual_seed(decoding.seed)
            if decoding.temperature != 1:
                self._processors.append(TemperatureLogitsWarper(float(decoding.temperature)))
            if decoding.top_k > 0:
                self._processors.append(TopKLogitsWarper(decoding.top_k))
            if decoding.top_p < 1:
                self._processors.append(TopPLogitsWarper(float(decoding.top_p)))
            if decoding.min_p > 0:
                self._processors.append(MinPLogitsWarper(float(decoding.min_p)))

    def rewind(self, place: int) -> None:
        """Go back to the draw of one place of the answer, for who may ask for a place more than once.

        Args:
            place: Tokens of the answer before it; at most one more than the last one drawn.
        """
        if self.greedy:
            return
        if place < len(self._states):
            self._generator.set_state(self._states[place])
        else:
            self._states.append(self._generator.get_state())

    @property
    def plain(self) -> bool:
        """Whether the likeliest token is taken as it is."""
        return self.greedy and not self.penalty and self.guide is None

    def pick(self, logits: Any, ids: list[int]) -> Any:
        """The next token.

        Args:
            logits: Of every token in the vocabulary, float32, one row.
            ids: Prompt and answer so far, which the repetition penalty looks at.

        Returns:
            A tensor with its number, on the device of the logits.
        """
        import torch

        before = torch.tensor([ids], device=logits.device) if self.penalty else None
        if self.guide is not None:
            logits = self.guide.leave(logits)
        scores = self._processors(before, logits)
        if self.greedy:
            return scores.argmax(-1)[0]
        scores = scores.clamp(max=torch.finfo(scores.dtype).max)  # a tiny penalty makes some infinite
        return torch.multinomial(scores.softmax(-1), 1, generator=self._generator)[0, 0]


def pick_all(logits: Any, draws: list[Draw], ids: list[list[int]]) -> list[int | Exception]:
    """The next token of every answer in a batch.

    Args:
        logits: [answers, vocabulary], float32.
        draws: How each is drawn.
        ids: Prompt and answer so far of each.

    Returns:
        A token for every answer, or why there is none: what one asks for never holds the others up.
    """
    best, picked = logits.max(-1)
    failed: dict[int, Exception] = {}

    def pick(row: int) -> None:
        # drawing from such numbers would end all work of this process on a GPU
        if not finite[row]:
            raise PlaygroundError(OVERFLOW)
        if not draws[row].plain:
            picked[row] = draws[row].pick(logits[row : row + 1].clone(), ids[row])

    finite = best.isfinite().tolist()
    for row in range(len(draws)):
        if (error := attempt(partial(pick, row))) is not None:
            failed[row] = error
    return [failed.get(row, token) for row, token in enumerate(picked.tolist())]


def describe(logits: Any, token: int, count: int, reads: Any) -> Token:
    """A token with its log-probability and those of the likeliest ones, before any setting changes them.

    Args:
        logits: Of every token in the vocabulary, one row.
        token: The one that was drawn.
        count: How many of the likeliest to name.
        reads: Number to text.
    """
    logs = logits.float().log_softmax(-1)
    best = logs.topk(min(count, logs.shape[-1])) if count > 0 else None
    pairs = zip(best.indices.tolist(), best.values.tolist(), strict=True) if best is not None else ()
    return Token(reads(token), token, float(logs[token]), tuple((reads(other), float(value)) for other, value in pairs))
