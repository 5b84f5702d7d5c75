"""Agreement of a judging model with people: Cohen's kappa, in both orders of the answers.

Cohen, 1960, "A coefficient of agreement for nominal scales", Educational and Psychological Measurement 20; its standard error
is that of Fleiss, Cohen and Everitt, 1969, "Large sample standard errors of kappa and weighted kappa", Psychological Bulletin
72. That a judge is asked twice, with the answers swapped, and counts as a tie when it contradicts itself, is from Zheng et al.,
2023, "Judging LLM-as-a-judge with MT-Bench and Chatbot Arena".
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from apps.model_arena.ballot import SIDES, TIES
from apps.model_arena.position import Z


@dataclass(frozen=True)
class Verdict:
    """What people and a judge said about one battle, sides named as people saw them.

    Attributes:
        people: What the person voted: a side's letter, "tie" or "both_bad".
        given: What the judge said when the answers stood in the order in which people saw them.
        swapped: What it said when they stood in the opposite order, already named by the sides that people saw (see
            `unswap`); "" when it was not asked.
    """

    people: str
    given: str
    swapped: str = ""


@dataclass(frozen=True)
class Agreement:
    """How far a judge agrees with people.

    Attributes:
        battles: How many battles both judged.
        agreed: Share in which judge and people said the same, 0 to 1; None without battles.
        kappa: Agreement beyond chance: 1 is perfect, 0 what chance would give; None when it is not defined (both always say
            one and the same).
        standard_error: Standard error of kappa.
        lower: Lower end of kappa's 95% interval.
        upper: Upper end of kappa's 95% interval.
        decided: Battles in which neither said that it was a tie.
        decided_agreed: Share of these in which both preferred the same side.
        asked_twice: Battles that were judged in both orders.
        consistent: Share of these in which the judge said the same both times.
        first_preferred: Share of the contradictions with a winner both times in which it preferred whichever stood first;
            0.5 or so is confusion, 1 is bias.
        notes: What a reader should know, in words.
    """

    battles: int
    agreed: float | None
    kappa: float | None
    standard_error: float | None
    lower: float | None
    upper: float | None
    decided: int
    decided_agreed: float | None
    asked_twice: int
    consistent: float | None
    first_preferred: float | None
    notes: list[str]


def agree(verdicts: Sequence[Verdict]) -> Agreement:
    """How far a judge agrees with people; "both_bad" counts as a tie.

    Args:
        verdicts: What both said, battle by battle.
    """
    people = [_plain(each.people) for each in verdicts]
    judge = [_final(each) for each in verdicts]
    same = sum(one == two for one, two in zip(people, judge, strict=True))
    sided = [(one, two) for one, two in zip(people, judge, strict=True) if "tie" not in (one, two)]
    twice = [each for each in verdicts if each.swapped]
    against = [each for each in twice if _plain(each.given) != _plain(each.swapped)]
    flips = [each for each in against if "tie" not in (_plain(each.given), _plain(each.swapped))]
    # Two sides: having preferred "a" first and "b" when swapped means that whatever stood first won.
    firsts = sum(each.given == "a" for each in flips)
    kappa, error = cohen_kappa(people, judge)
    notes = []
    if not verdicts:
        notes.append("No battle was judged by both.")
    elif kappa is None:
        notes.append("Kappa is not defined: judge and people always said one and the same.")
    elif len(verdicts) < 30:
        notes.append(f"{len(verdicts)} battles are few: the interval is rough.")
    if against:
        notes.append(
            f"{len(against)} of {len(twice)} battles count as ties of the judge: it contradicted itself when swapped."
        )
    return Agreement(
        len(verdicts),
        _share(same, len(verdicts)),
        kappa,
        error,
        None if kappa is None or error is None else max(-1.0, kappa - Z * error),
        None if kappa is None or error is None else min(1.0, kappa + Z * error),
        len(sided),
        _share(sum(one == two for one, two in sided), len(sided)),
        len(twice),
        _share(len(twice) - len(against), len(twice)),
        _share(firsts, len(flips)),
        notes,
    )


def cohen_kappa(one: Sequence[str], two: Sequence[str]) -> tuple[float | None, float | None]:
    """Agreement beyond chance of two lists of labels, and its standard error; None when it is not defined.

    Args:
        one: Labels by the one.
        two: Labels by the other, for the same things in the same order.

    Raises:
        ValueError: The lists are not of one length.
    """
    count = len(one)
    pairs = Counter(zip(one, two, strict=True))
    rows, columns = Counter(one), Counter(two)
    labels = sorted(set(rows) | set(columns))
    expected = sum(rows[label] * columns[label] for label in labels) / max(1, count) ** 2
    if not count or expected >= 1:
        return None, None
    observed = sum(pairs[label, label] for label in labels) / count
    kappa = (observed - expected) / (1 - expected)
    agreeing = sum(
        pairs[label, label] / count * (1 - (rows[label] + columns[label]) / count * (1 - kappa)) ** 2
        for label in labels
    )
    differing = sum(
        times / count * ((columns[first] + rows[second]) / count) ** 2
        for (first, second), times in pairs.items()
        if first != second
    )
    variance = agreeing + (1 - kappa) ** 2 * differing - (kappa - expected * (1 - kappa)) ** 2
    return kappa, math.sqrt(max(0.0, variance) / count) / (1 - expected)


def unswap(winner: str, sides: int = 2) -> str:
    """The side that a judge meant when the answers stood in the opposite order, named as in the first order.

    Args:
        winner: What it said: a side's letter, or an outcome without a winner.
        sides: How many answers there were.
    """
    return winner if winner in TIES else SIDES[sides - 1 - SIDES.index(winner)]


def _final(verdict: Verdict) -> str:
    given = _plain(verdict.given)
    return given if not verdict.swapped or given == _plain(verdict.swapped) else "tie"


def _plain(winner: str) -> str:
    return "tie" if winner in TIES else winner


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
