"""The rules of a recipe that look at one row at a time: each says which rows of a batch go, and why.

Duplicates, which need all rows, are in `repeats`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from apps.dataset_explorer import pii
from apps.dataset_explorer.answers import blank_answers
from apps.dataset_explorer.contamination import find_benchmark
from apps.dataset_explorer.detector import Detector
from apps.dataset_explorer.edits import blank
from apps.dataset_explorer.patterns import KINDS
from apps.dataset_explorer.quality import measure, spans, verdicts
from apps.dataset_explorer.recipes import CleanRules, Handling
from apps.dataset_explorer.rules import Threshold, rule, thresholds
from apps.dataset_explorer.tokens import token_counter, tokenizer_file
from shared import languages
from shared.errors import PlaygroundError
from shared.shapes import Shape
from shared.store import Store

if TYPE_CHECKING:
    import pyarrow

Places = NDArray[np.int64]


@dataclass(frozen=True)
class Reason:
    """Why one row goes.

    Attributes:
        why: A sentence: what was found, and against what it was held.
        value: What was measured; None where nothing is.
        least: The smallest value that stays; None when there is none.
        most: The largest value that stays; None when there is none.
        start: First character of what was found, in the text that the rule looks at; None when it is nowhere in particular.
        end: One after its last character.
        partner: The row that stays in its place; None when there is none.
        text: The text, where it may not be shown as it is.
    """

    why: str
    value: float | None = None
    least: float | None = None
    most: float | None = None
    start: int | None = None
    end: int | None = None
    partner: int | None = None
    text: str | None = None


@dataclass(frozen=True)
class Sifted:
    """What one rule holds back of a batch.

    Attributes:
        rule: Name of the rule: "language", "quality:gopher_words".
        says: What the rule drops, for a person.
        rows: Places in the batch, ascending.
        reason: Why, for a position in `rows`.
        place: Where in the text, for a position in `rows`, when finding it takes longer than telling why.
    """

    rule: str
    says: str
    rows: Places
    reason: Callable[[int], Reason]
    place: Callable[[int], tuple[int, int] | None] = lambda _: None

    def shown(self, at: int) -> Reason:
        """Why, and where in the text, for a position in `rows`."""
        reason, place = self.reason(at), self.place(at)
        return replace(reason, start=place[0], end=place[1]) if place else reason


@dataclass(frozen=True)
class Sheaf:
    """A batch as the rules see it: edited and masked.

    Attributes:
        batch: The rows.
        texts: The text of each row that the rules look at.
        first: Number of the first row in the dataset.
    """

    batch: "pyarrow.RecordBatch"
    texts: "pyarrow.StringArray"
    first: int

    def text(self, row: int) -> str:
        """The text of one row, by its place in the batch."""
        return str(self.texts[row].as_py())


Sieve = Callable[[Sheaf], Iterator[Sifted]]


def sieves(rules: CleanRules, shape: Shape, store: Store) -> list[Sieve]:
    """The sieves that the rules ask for, in the order in which a row's first reason is told.

    Args:
        rules: The rules.
        shape: The dataset's row shape, which says where answers are.
        store: Where added benchmarks are.

    Raises:
        PlaygroundError: A setting names something that there is not, or contradicts another.
    """
    found: list[Sieve] = []
    if rules.rows:
        found.append(_numbered(rules.rows))
    if rules.empty_answers:
        found.append(_answered(shape))
    found += [*_long(rules), *_spoken(rules), *_good(rules)]
    if any(handling != "keep" for handling in private(rules).values()):
        found.append(_private(rules))
    if rules.benchmarks:
        found.append(_unseen(rules, store))
    return found


def private(rules: CleanRules) -> dict[str, Handling]:
    """What happens to each kind of secret and personal data that is not kept.

    Args:
        rules: The rules.

    Raises:
        PlaygroundError: A kind is unknown, or kinds are named and nothing is to happen to them.
    """
    chosen = rules.personal_kinds
    if chosen and rules.secrets == rules.personal == "keep":
        raise PlaygroundError(f"personal_kinds names {', '.join(chosen)}. Set secrets or personal to drop or mask.")
    known = pii.kinds()
    for name in chosen:
        if name not in known:
            raise PlaygroundError(f"There is no kind of personal data '{name}'. Kinds: {', '.join(known)}.")
    wanted = {kind.name: rules.secrets if kind.secret else rules.personal for kind in KINDS}
    default = {kind.name for kind in KINDS if kind.default}
    return {name: handling for name, handling in wanted.items() if handling != "keep" and name in (chosen or default)}


def judged(rules: CleanRules) -> dict[str, Threshold]:
    """The quality rules that are asked, with their thresholds.

    Args:
        rules: The rules.

    Raises:
        PlaygroundError: A rule is unknown, or the profile does not judge by it.
    """
    if rules.quality == "off":
        if rules.quality_rules:
            raise PlaygroundError(f"quality_rules names {', '.join(rules.quality_rules)}. Set quality to a profile.")
        return {}
    asked = thresholds(rules.quality)
    for name in rules.quality_rules:
        if rule(name).name not in asked:
            raise PlaygroundError(
                f"The profile '{rules.quality}' does not judge by '{name}'. Rules: {', '.join(asked)}."
            )
    return {name: asked[name] for name in asked if name in (rules.quality_rules or asked)}


def _places(mask: Any) -> Places:
    return np.flatnonzero(np.asarray(mask, np.bool_))


def _numbered(rows: Sequence[int]) -> Sieve:
    wanted = np.array(rows, np.int64)

    def sift(sheaf: Sheaf) -> Iterator[Sifted]:
        low, high = np.searchsorted(wanted, [sheaf.first, sheaf.first + sheaf.batch.num_rows])
        yield Sifted(
            "row", "Chosen by number", wanted[low:high] - sheaf.first, lambda _: Reason("Chosen by its number.")
        )

    return sift


def _answered(shape: Shape) -> Sieve:
    def sift(sheaf: Sheaf) -> Iterator[Sifted]:
        rows, says = blank_answers(sheaf.batch, shape)
        yield Sifted("empty_answer", "The answer is missing or blank", rows, lambda _: Reason(says))

    return sift


def _limits(least: int, most: int, unit: str) -> tuple[int, int | None]:
    if most and least > most:
        raise PlaygroundError(f"min_{unit} is {least:,} and max_{unit} is {most:,}: no row can be both. Change one.")
    return least, most or None


def _long(rules: CleanRules) -> Iterator[Sieve]:
    import pyarrow.compute as pc

    if rules.min_characters or rules.max_characters:
        limits = _limits(rules.min_characters, rules.max_characters, "characters")
        yield _measured("characters", lambda sheaf: pc.utf8_length(sheaf.texts).to_numpy(zero_copy_only=False), *limits)
    if rules.min_tokens or rules.max_tokens:
        counter = token_counter(str(tokenizer_file(rules.tokenizer)))
        limits = _limits(rules.min_tokens, rules.max_tokens, "tokens")
        yield _measured("tokens", lambda sheaf: counter.count(sheaf.texts), *limits)


def _measured(unit: str, measured: Callable[[Sheaf], Any], least: int, most: int | None) -> Sieve:
    def sift(sheaf: Sheaf) -> Iterator[Sifted]:
        values = np.asarray(measured(sheaf), np.int64)
        if least:
            rows = _places(values < least)
            says = f"Fewer than {least:,} {unit}"
            yield Sifted(f"short_{unit}", says, rows, _counted(values[rows], unit, f"at least {least:,}", least, None))
        if most is not None:
            rows = _places(values > most)
            says = f"More than {most:,} {unit}"
            yield Sifted(f"long_{unit}", says, rows, _counted(values[rows], unit, f"at most {most:,}", None, most))

    return sift


def _counted(values: Places, unit: str, asked: str, least: int | None, most: int | None) -> Callable[[int], Reason]:
    def reason(at: int) -> Reason:
        value = int(values[at])
        return Reason(f"It has {value:,} {unit}; {asked} are asked for.", value, least, most)

    return reason


def _spoken(rules: CleanRules) -> Iterator[Sieve]:
    if not rules.languages:
        return
    for code in rules.languages:
        if code == languages.UNKNOWN or languages.name(code) == code:
            raise PlaygroundError(f"'{code}' is no language that can be told. Give ISO 639-1 codes, such as en or zh.")
    asked = " or ".join(languages.name(code) for code in rules.languages)

    def goes(found: languages.Language) -> bool:
        if found.code in rules.languages:
            return False
        told = found.code != languages.UNKNOWN and found.confidence >= rules.language_confidence
        return told or rules.unknown_language == "drop"

    def sift(sheaf: Sheaf) -> Iterator[Sifted]:
        found = languages.detect(sheaf.texts.to_pylist())
        rows = _places([goes(each) for each in found])

        def reason(at: int) -> Reason:
            each = found[rows[at]]
            if each.code == languages.UNKNOWN:
                return Reason(f"Its language cannot be told; {asked} is kept.")
            says = f"It is in {languages.name(each.code)} (confidence {each.confidence:.2f}); {asked} is kept."
            return Reason(says, each.confidence)

        yield Sifted("language", f"Not in {asked}", rows, reason)

    yield sift


def _good(rules: CleanRules) -> Iterator[Sieve]:
    asked = judged(rules)
    if not asked or rules.quality == "off":
        return
    profile = rules.quality

    def sift(sheaf: Sheaf) -> Iterator[Sifted]:
        found = verdicts(measure(sheaf.texts), profile)
        for name, threshold in asked.items():
            rows = _places(found.broken[name])
            if len(rows):
                reason = _graded(name, threshold, found.table.values[name][rows])
                yield Sifted(f"quality:{name}", rule(name).says, rows, reason, _first_span(sheaf, name, rows))

    yield sift


def _graded(name: str, asked: Threshold, values: Any) -> Callable[[int], Reason]:
    says = rule(name).says
    bounds = (("least", asked.least), ("most", asked.most))
    bound = " and ".join(f"at {side} {limit:g}" for side, limit in bounds if limit is not None)

    def reason(at: int) -> Reason:
        value = float(values[at])
        return Reason(f"{says}: {value:.4g}; {bound} is asked for.", value, asked.least, asked.most)

    return reason


def _first_span(sheaf: Sheaf, name: str, rows: Places) -> Callable[[int], tuple[int, int] | None]:
    return lambda at: next(iter(spans(sheaf.text(int(rows[at])), name)), None)


def _private(rules: CleanRules) -> Sieve:
    """Rows with findings: of kinds that are dropped, and of those that should have been masked and could not be."""
    handling = private(rules)
    titles = pii.kinds()

    def sift(sheaf: Sheaf) -> Iterator[Sifted]:
        found: dict[str, dict[int, pii.Finding]] = {}
        rows: dict[int, list[pii.Finding]] = {}
        for each in pii.find(sheaf.texts, handling):
            if not each.reserved:
                found.setdefault(each.kind, {}).setdefault(each.row, each)
                rows.setdefault(each.row, []).append(each)
        for kind in sorted(found):
            group = "secrets" if next(iter(found[kind].values())).secret else "personal"
            reason = _shown(sheaf, found[kind], rows, handling[kind])
            yield Sifted(f"{group}:{kind}", titles[kind], np.array(sorted(found[kind]), np.int64), reason)

    return sift


def _shown(
    sheaf: Sheaf, first: dict[int, pii.Finding], rows: dict[int, list[pii.Finding]], handling: Handling
) -> Callable[[int], Reason]:
    """Reasons that show no more of a finding than may be shown."""
    places = sorted(first)

    def reason(at: int) -> Reason:
        each = first[places[at]]
        before = [one for one in rows[each.row] if one.start < each.start]
        start = len(blank(sheaf.text(each.row)[: each.start], before, shown=True))
        says = f"It holds {each.masked} ({each.kind})."
        if handling == "mask":
            says += " That stands in a number, or across two cells, and cannot be masked."
        text = blank(sheaf.text(each.row), rows[each.row], shown=True)
        return Reason(says, start=start, end=start + len(each.masked), text=text)

    return reason


def _unseen(rules: CleanRules, store: Store) -> Sieve:
    detector = Detector([find_benchmark(name, store) for name in rules.benchmarks], rules.n)

    def sift(sheaf: Sheaf) -> Iterator[Sifted]:
        hits: dict[str, dict[int, Any]] = {}
        for hit in detector.hits(sheaf.texts):
            hits.setdefault(hit.benchmark, {}).setdefault(hit.row, hit)
        for name, found in hits.items():
            rows = np.array(sorted(found), np.int64)
            yield Sifted(f"contamination:{name}", f"Repeats an item of {name}", rows, _repeated(sheaf, found, rows))

    return sift


def _repeated(sheaf: Sheaf, found: dict[int, Any], rows: Places) -> Callable[[int], Reason]:
    def reason(at: int) -> Reason:
        hit = found[int(rows[at])]
        start = sheaf.text(hit.row).find(hit.text)
        place = (start, start + len(hit.text)) if start >= 0 else (None, None)
        share = f"{hit.item_coverage:.0%} of its {hit.part}"
        return Reason(f"It repeats {hit.item}: {share}.", hit.item_coverage, None, None, *place)

    return reason
