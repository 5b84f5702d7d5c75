"""Multiple choice by log-probability, as lm-eval counts it: acc, acc_norm and acc_bytes.

Source: `ConfigurableTask.process_results` in lm_eval/api/task.py and `TemplateLM._encode_pair` in lm_eval/api/model.py, version 0.4.13.
`acc` takes the choice with the highest summed log-probability; `acc_norm` divides each sum by the choice's number of characters (not
bytes, although it is often described so), `acc_bytes` by its bytes of UTF-8. Lengths are of the choice as written, without the
delimiter before it. Of equal choices the first one is taken (`numpy.argmax`), so a model that finds all alike scores as often as the
answer stands first; `tied` says when that happened.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from shared.errors import PlaygroundError
from shared.models.protocol import Scored


@dataclass(frozen=True)
class Picks:
    """Which choice each rule takes, counted from 0.

    Attributes:
        total: By summed log-probability: acc.
        characters: By log-probability a character: acc_norm.
        bytes: By log-probability a byte: acc_bytes.
        tied: Whether another choice has exactly the highest sum too.
    """

    total: int
    characters: int
    bytes: int
    tied: bool


def pair(context: str, choice: str, delimiter: str = " ") -> tuple[str, str]:
    """Context and continuation as they are scored: spaces at the end of the context move to the continuation.

    Args:
        context: The question, with all that comes before the answer.
        choice: One choice.
        delimiter: What stands between them: a space in most languages, nothing in Chinese or Japanese.
    """
    bare = context.rstrip()
    return bare, context[len(bare) :] + delimiter + choice


def total(scored: Scored) -> float:
    """Summed log-probability of a continuation, in nats; a first token without one is left out."""
    return math.fsum(token.logprob for token in (scored.tokens if scored.first else scored.tokens[1:]))


def choose(totals: Sequence[float], choices: Sequence[str]) -> Picks:
    """Which choice is taken.

    Args:
        totals: Summed log-probability of each choice.
        choices: The choices as written.

    Raises:
        PlaygroundError: There are fewer than two choices, or an empty one.
    """
    if len(choices) < 2 or len(totals) != len(choices) or not all(choices):
        raise PlaygroundError(
            f"A question needs at least two choices, none of them empty, and a score for each: {len(choices)} choices, {len(totals)} scores."
        )
    letters = [score / len(choice) for score, choice in zip(totals, choices, strict=True)]
    octets = [score / len(choice.encode()) for score, choice in zip(totals, choices, strict=True)]
    tied = list(totals).count(max(totals)) > 1
    return Picks(_first_best(totals), _first_best(letters), _first_best(octets), tied)


def _first_best(scores: Sequence[float]) -> int:
    return max(range(len(scores)), key=lambda place: scores[place])
