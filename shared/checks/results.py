"""What came out of sanity checks: for one model, for several side by side, and what changed between two."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from math import sqrt
from typing import Literal

Outcome = Literal["passed", "failed", "error", "not asked"]

_Z = 1.959963984540054  # the normal distribution's 97.5 % point


@dataclass(frozen=True)
class Total:
    """How many of some checks passed.

    Attributes:
        passed: Those that passed.
        asked: All of them; what was not asked is not among them.
    """

    passed: int
    asked: int

    @property
    def share(self) -> float:
        """Passed of asked, 0 to 1; 0 when nothing was asked."""
        return self.passed / self.asked if self.asked else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the share by Wilson's score (Wilson 1927, doi:10.1080/01621459.1927.10502953); (0, 1) for none."""
        if not self.asked:
            return 0.0, 1.0
        n, p = self.asked, self.share
        middle = (p + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
        reach = _Z / (1 + _Z**2 / n) * sqrt(p * (1 - p) / n + _Z**2 / (4 * n**2))
        return middle - reach if self.passed else 0.0, middle + reach if self.passed < n else 1.0

    def __str__(self) -> str:
        return f"{self.passed} of {self.asked}"


@dataclass(frozen=True)
class Result:
    """What came of one check.

    Attributes:
        id: The check.
        axis: Its axis.
        core: Whether it is a core check.
        outcome: passed; failed: a wrong answer; error: no answer; not asked: given up before.
        why: What is wrong, or the backend's words; "" when it passed.
        answer: What the model said.
        seconds: How long the answer took.
    """

    id: str
    axis: str
    core: bool
    outcome: Outcome
    why: str = ""
    answer: str = ""
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether the answer was right."""
        return self.outcome == "passed"


@dataclass(frozen=True)
class Results:
    """What came of the checks of one model, so far or in all.

    Attributes:
        ref: The model.
        results: In the order in which they came; in the manifest's order once all are there.
        planned: How many checks there are to be.
        stopped: Why not all were asked; "" when nothing stopped it.
        seconds: Since the first was asked.
    """

    ref: str
    results: tuple[Result, ...]
    planned: int
    stopped: str = ""
    seconds: float = 0.0

    @property
    def complete(self) -> bool:
        """Whether every check has a result."""
        return len(self.results) == self.planned

    @property
    def total(self) -> Total:
        """All checks."""
        return _total(self.results)

    @property
    def core(self) -> Total:
        """The core checks."""
        return _total(result for result in self.results if result.core)

    @property
    def axes(self) -> dict[str, Total]:
        """The checks of each axis."""
        names = dict.fromkeys(result.axis for result in self.results)
        return {name: _total(result for result in self.results if result.axis == name) for name in names}

    @property
    def errors(self) -> int:
        """Checks without an answer, those not asked included."""
        return sum(result.outcome in ("error", "not asked") for result in self.results)

    def result(self, id: str) -> Result | None:
        """The result of one check; None when there is none yet.

        Args:
            id: The check.
        """
        return next((result for result in self.results if result.id == id), None)


@dataclass(frozen=True)
class Change:
    """A check whose outcome differs between two models, or two runs of one.

    Attributes:
        id: The check.
        axis: Its axis.
        before: The result of the first.
        after: The result of the second.
    """

    id: str
    axis: str
    before: Result
    after: Result

    @property
    def better(self) -> bool:
        """Whether the second passed where the first did not."""
        return self.after.passed


@dataclass(frozen=True)
class Matrix:
    """Several models side by side.

    Attributes:
        models: The results of each, in the order in which they are to be shown.
    """

    models: tuple[Results, ...]

    @property
    def refs(self) -> tuple[str, ...]:
        """The models."""
        return tuple(results.ref for results in self.models)

    @property
    def checks(self) -> dict[str, tuple[Result | None, ...]]:
        """For each check, the result of each model; None where there is none yet."""
        found = [{result.id: result for result in results.results} for results in self.models]
        return {id: tuple(each.get(id) for each in found) for id in dict.fromkeys(chain.from_iterable(found))}

    @property
    def axes(self) -> dict[str, tuple[Total, ...]]:
        """For each axis, the total of each model."""
        totals = [results.axes for results in self.models]
        names = dict.fromkeys(name for each in totals for name in each)
        return {name: tuple(each.get(name, Total(0, 0)) for each in totals) for name in names}

    @property
    def disputed(self) -> tuple[str, ...]:
        """The checks that some models pass and others do not."""
        rows = self.checks.items()
        return tuple(id for id, row in rows if len({result.passed for result in row if result is not None}) > 1)


def changes(before: Results, after: Results) -> tuple[Change, ...]:
    """The checks that one of two passes and the other does not, in the order of the first.

    Args:
        before: The first model, or an earlier run.
        after: The second model, or a later run. Checks that only one of the two was given are left out.
    """
    pairs = [(first, after.result(first.id)) for first in before.results]
    return tuple(
        Change(first.id, first.axis, first, second)
        for first, second in pairs
        if second is not None and first.passed != second.passed
    )


def ordered(results: Iterable[Result], ids: Sequence[str]) -> tuple[Result, ...]:
    """Results in the order of these ids.

    Args:
        results: In any order.
        ids: Every id that is among them.
    """
    place = {id: n for n, id in enumerate(ids)}
    return tuple(sorted(results, key=lambda result: place[result.id]))


def _total(results: Iterable[Result]) -> Total:
    counted = [result for result in results if result.outcome != "not asked"]
    return Total(sum(result.passed for result in counted), len(counted))
