"""Answers that follow a JSON Schema: at every place, tokens that would break it are left out (Willard and Louf 2023)."""

import json
from typing import Any

from shared.errors import PlaygroundError
from shared.models.local.loading import Network

# a blank, or a new line with its indentation: without a bound, a model that likes blanks never comes to an end
OPTIONS: Any = {"whitespace_pattern": r"( |\n {0,16})?", "lenient": False, "coerce_one_of": False}


class Guide:
    """What may come next in one answer."""

    def __init__(self, matcher: Any) -> None:
        self._matcher = matcher

    @property
    def over(self) -> bool:
        """Whether the answer is complete, and nothing can follow."""
        return bool(self._matcher.is_stopped())

    def leave(self, logits: Any) -> Any:
        """Leave out what may not come next.

        Args:
            logits: Of every token in the vocabulary, one row.

        Returns:
            The row, with minus infinity for these tokens.

        Raises:
            PlaygroundError: The schema is too complex to be followed further.
        """
        import numpy as np
        import torch

        bits = np.frombuffer(self._matcher.compute_bitmask(), dtype=np.uint8)
        self._check()
        # models have more numbers than their tokenizer has tokens, or the other way round
        allowed = np.unpackbits(bits, count=logits.shape[-1], bitorder="little").astype(bool)
        return logits.masked_fill(torch.from_numpy(~allowed).to(logits.device), -torch.inf)

    def take(self, token: int) -> None:
        """Go on behind a token.

        Args:
            token: Its number, one that may come.

        Raises:
            PlaygroundError: The schema is too complex to be followed further.
        """
        self._matcher.consume_token(token)
        self._check()

    def _check(self) -> None:
        if self._matcher.is_error():
            raise PlaygroundError(f"the JSON Schema cannot be followed further: {_first(self._matcher.get_error())}.")


def guide(network: Network, text: str) -> Guide:
    """A guide through one answer.

    Args:
        network: Who answers.
        text: The schema, as JSON.

    Raises:
        PlaygroundError: It is no JSON object, nothing can follow it, it says something that cannot be enforced, or the
            model's tokenizer is of a kind that cannot be guided.
    """
    from llguidance import LLMatcher

    try:
        schema = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise PlaygroundError(f"The JSON Schema is no JSON: {error}.") from None
    if not isinstance(schema, dict):
        raise PlaygroundError(f"The JSON Schema is no JSON object but {text[:60]}.")
    try:
        tokens = network.vocabulary
    except ValueError as error:
        raise PlaygroundError(f"No schema can be enforced with this model's tokenizer: {_first(str(error))}.") from None
    try:
        grammar = LLMatcher.grammar_from_json_schema(text, overrides=OPTIONS)
        matcher = LLMatcher(tokens, grammar, log_level=0)
        said = matcher.get_error()
    except ValueError as error:  # JSON that Python reads and others do not, such as NaN
        said = str(error)
    if said:
        raise PlaygroundError(
            f"This JSON Schema cannot be enforced here: {_first(said)}. Leave that out of the schema."
        )
    return Guide(matcher)


def _first(said: str) -> str:
    """A library's words without its drawings of where they belong."""
    return " ".join(said.split())[:200].rstrip(".")
