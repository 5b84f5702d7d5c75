"""Asking a model the sanity checks: several at once, one result at a time, and no longer than the model answers."""

import time
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from shared.checks.manifest import Check, checks
from shared.checks.results import Matrix, Outcome, Result, Results, ordered
from shared.checks.wording import readable
from shared.errors import PlaygroundError
from shared.models.asking import AT_ONCE, Asked, Heard, ask
from shared.models.protocol import Finish, Timeouts
from shared.policy import OWNER, Caller

GIVE_UP = 5  # failures in a row after which a model is taken to be down
TIMEOUTS = Timeouts(total=180.0)


def run(
    models: Asked,
    ref: str,
    chosen: Sequence[Check] = (),
    seed: int = 0,
    at_once: int = AT_ONCE,
    max_new_tokens: int = 0,
    timeouts: Timeouts = TIMEOUTS,
    caller: Caller = OWNER,
) -> Generator[Results, None, None]:
    """Ask one model, greedily.

    Args:
        models: Who is asked.
        ref: The model.
        chosen: The checks; all when left out.
        seed: For backends that draw all the same.
        at_once: How many are asked at once. Local models answer those together.
        max_new_tokens: The longest answer, where a check allows less: for models that think before they answer.
        timeouts: How long to wait for one answer.
        caller: Who asks.

    Yields:
        The results so far, after each one; the last has all of them, in the order of `chosen`. No answer is a result too, and
        after five without one in a row nothing more is asked. Closing the generator stops what is being answered.

    Raises:
        PlaygroundError: The model cannot be asked at all, and why.
    """
    wanted = tuple(chosen) or checks()
    began = time.monotonic()
    ids = [check.id for check in wanted]
    found: list[Result] = []
    patience = _Patience()
    requests = [check.request(seed, max_new_tokens) for check in wanted]
    with closing(ask(models, ref, requests, timeouts, caller, at_once, patience.ends)) as hearing:
        for place, heard in hearing:
            if isinstance(heard.end, PlaygroundError) and not patience.answered:
                raise heard.end  # an unknown model is no wrong answer
            found.append(_result(wanted[place], heard, patience.down))
            so_far = ordered(found, ids) if len(found) == len(wanted) else tuple(found)
            yield Results(ref, so_far, len(wanted), patience.down, time.monotonic() - began)


def run_all(
    models: Asked, refs: Sequence[str], chosen: Sequence[Check] = (), **settings: Any
) -> Generator[Matrix, None, None]:
    """Ask several models, one after the other, so that only one of them needs memory.

    Args:
        models: Who is asked.
        refs: The models.
        chosen: The checks; all when left out.
        **settings: As for `run`.

    Yields:
        The results so far, after each one. A model that cannot be asked at all has none, and says why it was stopped.

    Raises:
        PlaygroundError: No model can be asked at all: what the first one said.
    """
    planned = len(tuple(chosen) or checks())
    before: tuple[Results, ...] = ()
    refused: list[PlaygroundError] = []
    for ref in refs:
        latest = Results(ref, (), planned)
        try:
            with closing(run(models, ref, chosen, **settings)) as running:
                for latest in running:
                    yield Matrix((*before, latest))
        except PlaygroundError as error:
            refused.append(error)
            latest = Results(ref, (), planned, str(error))
        before += (latest,)
    if refused and len(refused) == len(refs):
        raise refused[0]
    if refused:
        yield Matrix(before)


@dataclass
class _Patience:
    """How long a model that gives no answers is asked more questions."""

    answered: bool = False
    failed: int = 0  # in a row
    down: str = ""  # why nothing more is asked

    def ends(self, heard: Heard) -> bool:
        """Take in what came of one question; whether the model is taken to be down."""
        if isinstance(heard.end, Finish) or heard.empty:
            self.answered, self.failed = True, 0
        else:
            self.failed += 1
        if self.failed >= GIVE_UP and not self.down:
            self.down = f"{GIVE_UP} questions in a row got no answer. The last said: {heard.why}"
        return bool(self.down)


def _result(check: Check, heard: Heard, down: str) -> Result:
    """What came of one check."""
    answer = readable(heard.text)

    def made(outcome: Outcome, why: str) -> Result:
        return Result(check.id, check.axis, check.core, outcome, why, answer, heard.seconds)

    if heard.text.strip() and not answer.strip():
        return made("failed", "It was still thinking when it ended. Allow longer answers.")
    if isinstance(heard.end, Finish):
        verdict = check.judge(heard.text, complete=heard.end.reason != "length")
        return made("passed" if verdict.passed else "failed", verdict.why)
    if heard.end is None:
        return made("not asked", down)
    return made("failed" if heard.empty else "error", heard.why)
