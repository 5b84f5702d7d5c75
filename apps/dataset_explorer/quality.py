"""Quality of rows by the rules of Gopher, C4 and FineWeb: every value of every row, verdicts, and the faulty spans."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from apps.dataset_explorer.c4 import measure_c4
from apps.dataset_explorer.fineweb import measure_fineweb
from apps.dataset_explorer.gopher import Script, measure_symbols, measure_words
from apps.dataset_explorer.repetition import Coverage, Once, Values, measure_repetition
from apps.dataset_explorer.rules import Profile, Threshold, rule, rules, thresholds
from apps.dataset_explorer.sheet import Bools, Ints, Sheet, portions
from apps.dataset_explorer.spans import find_spans

_SHEET_CHARACTERS = 1 << 18  # what a sheet's arrays need stays in the processor's cache


@dataclass(frozen=True)
class QualityTable:
    """Every value of every row, whatever the verdict.

    Attributes:
        values: For each rule's name, its value in each row; NaN where a rule cannot be asked of a row. Shape (rows,).
    """

    values: dict[str, Values]

    def __len__(self) -> int:
        return len(next(iter(self.values.values())))

    @classmethod
    def join(cls, tables: Iterable["QualityTable"]) -> "QualityTable":
        """The rows of several tables, one after the other; of none, a table without rows."""
        parts = list(tables)
        return cls(
            {each.name: np.concatenate([np.zeros(0), *(part.values[each.name] for part in parts)]) for each in rules()}
        )

    def arrow(self) -> Any:
        """The values as a `pyarrow.Table`, one column a rule, NaN as null."""
        import pyarrow as pa

        return pa.table({name: pa.array(values, from_pandas=True) for name, values in self.values.items()})


@dataclass(frozen=True)
class Flag:
    """One rule that a row breaks.

    Attributes:
        rule: Name of the rule.
        value: What was measured.
        least: The smallest value that passes; None when there is none.
        most: The largest value that passes; None when there is none.
    """

    rule: str
    value: float
    least: float | None
    most: float | None


@dataclass(frozen=True)
class Tally:
    """How many rows break the rules; tallies of several batches add up.

    Attributes:
        rows: Rows that were measured.
        flagged: Rows that break at least one rule.
        broken: For each rule of the profile, the rows that break it.
    """

    rows: int = 0
    flagged: int = 0
    broken: dict[str, int] = field(default_factory=dict)

    def __add__(self, other: "Tally") -> "Tally":
        broken = {name: self.broken.get(name, 0) + other.broken.get(name, 0) for name in self.broken | other.broken}
        return Tally(self.rows + other.rows, self.flagged + other.flagged, broken)


@dataclass(frozen=True)
class Verdicts:
    """Which rows break which rules of a profile.

    Attributes:
        profile: The rules that were asked.
        broken: For each rule of the profile, whether each row breaks it. Shape (rows,).
        table: The values behind it.
    """

    profile: Profile
    broken: dict[str, Bools]
    table: QualityTable = field(repr=False)

    @property
    def flagged(self) -> Bools:
        """Whether each row breaks any rule. Shape (rows,)."""
        flagged: Bools = np.logical_or.reduce(list(self.broken.values()))
        return flagged

    def tally(self) -> "Tally":
        """How many rows there are, are flagged, and break each rule."""
        return Tally(
            len(self.table), int(self.flagged.sum()), {name: int(mask.sum()) for name, mask in self.broken.items()}
        )

    def rows(self) -> Ints:
        """The rows that break any rule, in order."""
        return np.flatnonzero(self.flagged)

    def of(self, row: int) -> list[Flag]:
        """The rules that one row breaks, with value and threshold."""
        asked = thresholds(self.profile)
        return [
            Flag(name, float(self.table.values[name][row]), asked[name].least, asked[name].most)
            for name, mask in self.broken.items()
            if mask[row]
        ]


def measure(
    texts: Any, once: Once = "zero", coverage: Coverage = "union", script: Script = "any", bad_words: Sequence[str] = ()
) -> QualityTable:
    """Every quality value of every row.

    Args:
        texts: A `pyarrow.StringArray`, or a sequence of strings; null is read as empty.
        once: "zero": an n-gram that occurs once in a row is no repetition; "count": it counts, as in datatrove.
        coverage: "union": every character in a repeated n-gram, once; "greedy": datatrove's walk without overlaps.
        script: "any": rules about English letters, punctuation and stop words are read for every script; "english": as
            the papers have them.
        bad_words: Words that a row should not hold (rule `c4_bad_words`); none by default.

    Returns:
        One value a rule and row; tables of several batches join by `QualityTable.join`.
    """
    return QualityTable.join(
        QualityTable(
            measure_words(sheet, script)
            | measure_symbols(sheet)
            | measure_repetition(sheet, once, coverage)
            | measure_c4(sheet, script, bad_words)
            | measure_fineweb(sheet)
        )
        for sheet in map(Sheet, portions(texts, _SHEET_CHARACTERS))
    )


def verdicts(table: QualityTable, profile: Profile = "instruction") -> Verdicts:
    """Which rows break which rules.

    Args:
        table: What `measure` returned.
        profile: "web": the papers' thresholds; "instruction": for short rows of questions and answers.

    Raises:
        PlaygroundError: No profile is called so.
    """
    asked = thresholds(profile)
    return Verdicts(profile, {name: _breaks(table.values[name], each) for name, each in asked.items()}, table)


def _breaks(values: Values, asked: Threshold) -> Bools:
    # A comparison with NaN is false: what cannot be measured is not broken.
    broken = np.zeros(len(values), np.bool_)
    if asked.least is not None:
        broken |= values < asked.least
    if asked.most is not None:
        broken |= values > asked.most
    return broken


def spans(text: str, name: str, bad_words: Sequence[str] = ()) -> list[tuple[int, int]]:
    """Where in one row a rule finds its fault, for an explanation beside value and threshold.

    Args:
        text: The row.
        name: Name of the rule.
        bad_words: The list for `c4_bad_words`.

    Returns:
        Start and end (one after the last) of each stretch of characters, in order, without overlaps. Empty when the
        fault is that something is missing, such as words or sentences.

    Raises:
        PlaygroundError: No rule is called so.
    """
    return find_spans(Sheet([text]), rule(name).name, bad_words)
