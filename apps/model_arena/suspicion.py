"""How far a vote can be trusted: signs that nobody read the answers or that somebody wants a model to win; and limits a minute."""

import json
import re
from dataclasses import dataclass
from math import comb

from apps.model_arena.ballot import KIND as VOTES
from apps.model_arena.battles import KIND as BATTLES
from apps.model_arena.battles import Battle, seconds_since
from apps.model_arena.manifest import Suspicions, manifest
from shared.errors import PlaygroundError
from shared.policy import Caller
from shared.store import Store
from shared.text import normalise, words

RECENT = 2000  # rows of all visitors among which one visitor's are looked for


@dataclass(frozen=True)
class Suspicion:
    """What speaks against a vote.

    Attributes:
        score: 0 (nothing) to 1: one minus the product of what each sign leaves.
        signs: Names of the signs, in alphabetical order.
        excluded: Whether it is kept and not counted.
    """

    score: float
    signs: tuple[str, ...]
    excluded: bool


@dataclass(frozen=True)
class PastVote:
    """One of a visitor's earlier votes.

    Attributes:
        winner: The side as it was shown, "tie" or "both_bad".
        sides: How many sides there were.
        prompt: The first prompt, normalised.
        seconds: Seconds since then.
    """

    winner: str
    sides: int
    prompt: str
    seconds: float


def weigh(battle: Battle, winner: str, caller: Caller, past: list[PastVote]) -> Suspicion:
    """Look at a vote that is about to be cast.

    Args:
        battle: The battle, all sides answered.
        winner: The vote.
        caller: Who votes. The owner's votes get a score and always count, as far as they are blind.
        past: The caller's earlier votes, latest first.
    """
    rules = manifest().suspicion
    signs = {
        "too_fast": _is_too_fast(battle, rules),
        "one_sided": _is_one_sided(winner, len(battle.models), past, rules),
        "named": any(turn.named for turn in battle.turns),
        "asked_for_name": any(asks_for_name(prompt) for prompt in battle.prompts),
        "repeated_prompt": _repeats(battle, past) + 1 >= rules.repeats,
        "burst": sum(vote.seconds <= rules.burst_seconds for vote in past) + 1 >= rules.burst,
    }
    left = 1.0
    for sign, seen in signs.items():
        left *= 1 - rules.weights[sign] * seen
    score = round(1 - left, 4)
    return Suspicion(
        score=score,
        signs=tuple(sorted(sign for sign, seen in signs.items() if seen)),
        excluded=battle.mode != "blind" or (score >= rules.exclude_from and not caller.owner),
    )


def asks_for_name(prompt: str) -> bool:
    """Whether a prompt asks the model who it is."""
    return any(re.search(pattern, prompt.lower()) for pattern in manifest().suspicion.fishing["patterns"])


def _is_too_fast(battle: Battle, rules: Suspicions) -> bool:
    """Whether nobody could have read the last answers in the time since they were complete.

    They could be read while they came, so the time of the slowest counts too.
    """
    turn = battle.turns[-1]
    read = sum(len(words(turn.shown[side])) for side in turn.answered) / rules.words_per_second
    writing = max((timing.get("seconds") or 0.0 for timing in turn.timings.values()), default=0.0)
    since = seconds_since(turn.time)
    return since < rules.least_seconds or since + writing < read


def _is_one_sided(winner: str, sides: int, past: list[PastVote], rules: Suspicions) -> bool:
    """Whether a visitor's votes fall on one position far more often than random positions explain."""
    if len(winner) > 1:
        return False
    decided = [vote for vote in past if len(vote.winner) == 1 and vote.sides == sides]
    same, total = 1 + sum(vote.winner == winner for vote in decided), 1 + len(decided)
    return total >= rules.least_votes and tail(same, total, 1 / sides) * sides < rules.one_sided_chance


def tail(least: int, total: int, chance: float) -> float:
    """Probability of at least `least` successes in `total` tries (binomial distribution)."""
    return sum(comb(total, k) * chance**k * (1 - chance) ** (total - k) for k in range(least, total + 1))


def _repeats(battle: Battle, past: list[PastVote]) -> int:
    prompt = normalise(battle.prompts[0])
    return sum(vote.prompt == prompt for vote in past)


def past_votes(store: Store, caller: Caller) -> list[PastVote]:
    """The caller's latest votes, latest first."""
    found = _recent(store, VOTES, "voter", caller.id)[: manifest().suspicion.window]
    return [
        PastVote(body.get("shown_winner", ""), body.get("sides", 2), body.get("prompt_key", ""), seconds_since(time))
        for body, time in ((json.loads(text), time) for text, time in found)
    ]


def check_votes(store: Store, caller: Caller) -> None:
    """Refuse a vote that is one too many in a minute.

    Raises:
        PlaygroundError: It is.
    """
    _check(store, caller, VOTES, "voter", "", manifest().limits.votes_per_minute, "votes")


def check_battles(store: Store, caller: Caller) -> None:
    """Refuse a battle that is one too many in a minute.

    Raises:
        PlaygroundError: It is.
    """
    _check(store, caller, BATTLES, "caller", "asked", manifest().limits.battles_per_minute, "battles")


def check_answers(store: Store, caller: Caller) -> None:
    """Refuse an answer that is one too many in a minute.

    Raises:
        PlaygroundError: It is.
    """
    _check(store, caller, BATTLES, "caller", "answering", manifest().limits.answers_per_minute, "answers")


def _check(store: Store, caller: Caller, kind: str, column: str, event: str, most: int, what: str) -> None:
    if caller.owner:
        return
    times = [
        seconds_since(time)
        for text, time in _recent(store, kind, column, caller.id)
        if not event or json.loads(text)["event"] == event
    ]
    within = [seconds for seconds in times if seconds < 60]
    if len(within) >= most:
        wait = max(1, round(60 - sorted(within)[most - 1]))
        raise PlaygroundError(
            f"You had {len(within)} {what} in the last minute; {most} are allowed. Wait {wait} s, then go on."
        )


def _recent(store: Store, kind: str, column: str, caller: str) -> list[tuple[str, str]]:
    """Body and time of one caller's rows among the latest of all, latest first."""
    sql = (
        f"SELECT body, time FROM (SELECT body, time FROM rows INDEXED BY rows_by_kind WHERE kind = ? ORDER BY seq DESC LIMIT {RECENT})"
        " WHERE json_extract(body, ?) = ?"
    )
    return [(str(body), str(time)) for body, time in store.read(sql, (kind, f"$.{column}", caller))]
