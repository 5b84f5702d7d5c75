"""Our models as lm-eval sees them: the three questions that its tasks ask, answered through `Models`.

Written against lm_eval/api/model.py of version 0.4.13. Imported only where the optional package lm_eval is installed.
"""

import json
import math
from collections.abc import Callable, Sequence
from typing import Any

from lm_eval.api.model import LM

from shared.errors import PlaygroundError
from shared.metrics import bits_per_byte, choices
from shared.metrics.asking import Models, answers, scored
from shared.models.protocol import Decoding, Message, Request, Scored
from shared.policy import OWNER, Caller

CHAT = "\0chat\0"  # before a conversation, so that it is told from a text
ROLES = ("system", "user", "assistant")


class PlaygroundModel(LM):  # type: ignore[misc, unused-ignore]
    """One of our models, for `lm_eval.simple_evaluate(model=...)`.

    Args:
        models: Who answers.
        ref: The model.
        caller: Who asks.
        window: Bytes of text at once, for `loglikelihood_rolling`.
        overlap: Bytes of context from before.
        watch: Called with the number of requests that were answered, now and then; what it raises ends the evaluation.
    """

    def __init__(
        self,
        models: Models,
        ref: str,
        caller: Caller = OWNER,
        window: int = bits_per_byte.WINDOW,
        overlap: int = bits_per_byte.OVERLAP,
        watch: Callable[[int], object] = lambda done: None,
    ) -> None:
        super().__init__()
        self._models, self._ref, self._caller = models, ref, caller
        self._window, self._overlap, self._watch = window, overlap, watch
        self._done = 0

    @property
    def tokenizer_name(self) -> str:
        """The model's ref; lm-eval names its cache of requests by it."""
        return self._ref

    def loglikelihood(self, requests: Sequence[Any]) -> list[tuple[float, bool]]:
        """Log-probability of each continuation given its context, and whether it is what greedy decoding would write.

        Spaces at the end of a context move to the continuation, as lm-eval's own models do.

        Raises:
            PlaygroundError: The context is a conversation: log-probabilities are of plain text.
        """
        pairs = []
        for context, continuation in (request.args for request in requests):
            if context.startswith(CHAT):
                raise PlaygroundError(
                    "Log-probabilities are of plain text. Evaluate this task without the chat template."
                )
            pairs.append(choices.pair(context, continuation, delimiter=""))
        return [(choices.total(one), one.greedy) for one in self._scored(pairs)]

    def loglikelihood_rolling(self, requests: Sequence[Any]) -> list[float]:
        """Log-probability of each text, in windows measured in bytes: see shared/metrics/bits_per_byte.py.

        lm-eval divides by all bytes of the text. Where a model has no probability for a first token, that token is charged 8 bits a
        byte, what sending its bytes as they are would cost, so that nothing comes free.
        """
        windows = [bits_per_byte.windows(request.args[0], self._window, self._overlap) for request in requests]
        flat = [(each.context, each.text) for many in windows for each in many]
        costs = iter(self._scored(flat))
        found = []
        for many in windows:
            bits = 0.0
            for each in many:
                cost = bits_per_byte.measure(next(costs), each.text)
                bits += cost.bits + 8 * (len(each.text.encode()) - cost.bytes)
            found.append(-bits * math.log(2))
        return found

    def generate_until(self, requests: Sequence[Any]) -> list[str]:
        """The answer to each context, up to the first of the texts that end it."""
        asked = [_request(*request.args) for request in requests]
        found = [""] * len(asked)
        for place, text in answers(self._models, self._ref, asked, self._caller):
            found[place] = _cut(text, asked[place].decoding.stop)
            self._count(1)
        return found

    def apply_chat_template(self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
        """A conversation as a text of our own, which `generate_until` takes apart again: the backend applies the template.

        Raises:
            PlaygroundError: The answer should go on from a beginning that is given, which a conversation here cannot say.
        """
        if not add_generation_prompt:
            raise PlaygroundError(
                "This task begins the model's answer for it, which works without the chat template only."
            )
        return CHAT + json.dumps(chat_history, ensure_ascii=False)

    def _scored(self, pairs: Sequence[tuple[str, str]]) -> list[Scored]:
        found: dict[int, Scored] = {}
        for batch in scored(self._models, self._ref, pairs, self._caller):
            found |= batch
            self._count(len(batch))
        return [found[place] for place in range(len(pairs))]

    def _count(self, more: int) -> None:
        self._done += more
        self._watch(self._done)


def _request(context: str, options: dict[str, Any]) -> Request:
    """A request from a context and lm-eval's generation arguments; sampling only where a task asks for it."""
    until = options.get("until") or []
    until = [until] if isinstance(until, str) else [each for each in until if each]
    sampled = bool(options.get("do_sample"))
    decoding = Decoding(
        max_new_tokens=int(options.get("max_gen_toks") or options.get("max_tokens") or 256),
        temperature=float(options.get("temperature") or 1.0) if sampled else 0.0,
        top_p=float(options.get("top_p") or 1.0) if sampled else 1.0,
        top_k=int(options.get("top_k") or 0) if sampled else 0,
        stop=until[:16],
    )
    if not context.startswith(CHAT):
        return Request(text=context, decoding=decoding)
    history = json.loads(context.removeprefix(CHAT))
    messages = [Message(each["role"], each["content"]) for each in history if each["role"] in ROLES]
    return Request(messages=tuple(messages), decoding=decoding)


def _cut(text: str, ends: Sequence[str]) -> str:
    for end in ends:
        text = text.partition(end)[0]
    return text
