"""The profile of a dataset as a page shows it, made from the portrait of its rows."""

from dataclasses import dataclass

from apps.dataset_explorer import pii
from apps.dataset_explorer.diversity import Diversity, Meter
from apps.dataset_explorer.portrait import Gaps, Portrait, Questions, Telling
from apps.dataset_explorer.quality import Flag
from apps.dataset_explorer.rules import rule, thresholds
from apps.dataset_explorer.spreads import Lengths
from shared.code_languages import NONE
from shared.datasets.dataset import Dataset
from shared.embedding import MINILM

SHOWN = 12  # rows of the sample of flagged rows
COLUMNS = 100  # columns whose gaps are in a record one by one; a total is of all


@dataclass(frozen=True)
class ColumnFacts:
    """One column.

    Attributes:
        name: Its name.
        type: What it holds.
        missing: Rows without a value.
        empty: Rows whose value holds no text: blank, or a list of nothing.
    """

    name: str
    type: str
    missing: int
    empty: int


@dataclass(frozen=True)
class Share:
    """Rows of one language.

    Attributes:
        code: ISO 639-1 code or "und" for a natural language; python, cpp, javascript, rust, lean4, julia or other.
        name: Its name.
        rows: How many rows.
        share: Of all rows, 0 to 1.
    """

    code: str
    name: str
    rows: int
    share: float


@dataclass(frozen=True)
class Breach:
    """How many rows break one quality rule.

    Attributes:
        rule: Name of the rule.
        says: What it measures.
        unit: "words", "characters", "lines", "share" (of 1) or "count".
        least: The smallest value that passes; None when there is none.
        most: The largest value that passes; None when there is none.
        rows: Rows that break it.
        share: Of all rows, 0 to 1.
    """

    rule: str
    says: str
    unit: str
    least: float | None
    most: float | None
    rows: int
    share: float


@dataclass(frozen=True)
class FlaggedRow:
    """A row that breaks quality rules.

    Attributes:
        row: Its number.
        text: Its beginning; personal data and secrets are masked.
        flags: Every rule that it breaks, with value and threshold, the one it was chosen for first.
    """

    row: int
    text: str
    flags: list[Flag]


@dataclass(frozen=True)
class Exposure:
    """Personal data or secrets of one kind.

    Attributes:
        kind: Such as "email".
        says: What it is.
        secret: Whether it opens something: a key, token or password.
        rows: Rows that hold it.
        found: How often it occurs.
        samples: The first three, masked: row and what may be shown.
    """

    kind: str
    says: str
    secret: bool
    rows: int
    found: int
    samples: list[tuple[int, str]]


@dataclass(frozen=True)
class Semantics:
    """How alike rows are in meaning, by MiniLM's embeddings of a sample.

    Attributes:
        rows: Rows embedded; those without text are left out.
        vendi: Vendi score: how many entirely different rows would be as varied, from 1 to `rows`; 0 without rows.
        cosine: Mean cosine of two different rows, -1 to 1.
    """

    rows: int
    vendi: float
    cosine: float


@dataclass(frozen=True)
class Profile:
    """What is in a dataset.

    Attributes:
        dataset: Its ref.
        name: What it is called.
        column: Whose text was looked at; empty: whole rows.
        shape: What its rows are.
        rows: How many rows.
        blank: Rows without text.
        columns: What each column holds and lacks.
        characters: How long the texts are in code points.
        words: In words.
        tokens: In tokens, without those that a model adds at both ends.
        tokenizer: What counted the tokens.
        context: How many tokens a model reads at once.
        over: Rows with more tokens than that.
        languages: Natural languages, the most frequent first; "und" where there is too little to tell.
        code: Programming languages, the most frequent first; rows without code are in none.
        rules: Which quality rules were asked.
        flagged: Rows that break at least one.
        quality: Every rule, the most broken first.
        sample: The rows that break the rules most clearly.
        private: Personal data and secrets, by kind, the most frequent first; examples' addresses and test numbers are left out.
        diversity: How varied the texts are.
        semantics: How alike they are in meaning; None when that was not asked.
        record: Id of the record that makes the same profile again.
    """

    dataset: str
    name: str
    column: str
    shape: str
    rows: int
    blank: int
    columns: list[ColumnFacts]
    characters: Lengths
    words: Lengths
    tokens: Lengths
    tokenizer: str
    context: int
    over: int
    languages: list[Share]
    code: list[Share]
    rules: str
    flagged: int
    quality: list[Breach]
    sample: list[FlaggedRow]
    private: list[Exposure]
    diversity: Diversity
    semantics: Semantics | None = None
    record: str = ""


def describe(dataset: Dataset, portrait: Portrait, asked: Questions, tokenizer: str, context: int) -> Profile:
    """The profile that a portrait gives.

    Args:
        dataset: The dataset.
        portrait: That of all its rows.
        asked: What was asked of each row.
        tokenizer: Name of the tokenizer; empty is MiniLM's.
        context: How many tokens a model reads at once.
    """
    return Profile(
        dataset=dataset.ref,
        name=dataset.name,
        column=asked.column,
        shape=dataset.shape.name,
        rows=portrait.rows,
        blank=portrait.blank,
        columns=[_column(name, dataset.types[name], portrait.columns.get(name, Gaps())) for name in dataset.columns],
        characters=portrait.characters.lengths("characters"),
        words=portrait.words.lengths("words"),
        tokens=portrait.tokens.lengths("tokens"),
        tokenizer=tokenizer or MINILM,
        context=context,
        over=portrait.tokens.above(context),
        languages=[Share(*each) for each in portrait.languages.shares()],
        code=_code(portrait),
        rules=asked.rules,
        flagged=portrait.quality.flagged,
        quality=_breaches(portrait, asked),
        sample=_sample(portrait.telling),
        private=_exposures(portrait),
        diversity=(portrait.diversity or Meter().partial()).result(),
    )


def numbers(made: Profile) -> dict[str, float]:
    """Every number of a profile, flat, for a record or a comparison.

    Args:
        made: The profile.
    """
    found: dict[str, float] = {"rows": made.rows, "blank": made.blank}
    for each in (made.characters, made.words, made.tokens):
        found |= {
            f"{each.unit}_total": each.total, f"{each.unit}_least": each.least, f"{each.unit}_median": each.median,
            f"{each.unit}_mean": each.mean, f"{each.unit}_p95": each.p95, f"{each.unit}_most": each.most,
        }  # fmt: skip
    found["over_context"] = made.over
    found |= {f"diversity_{name}": getattr(made.diversity, name) for name in Diversity.__dataclass_fields__}
    if made.semantics:
        found |= {f"semantics_{name}": getattr(made.semantics, name) for name in Semantics.__dataclass_fields__}
    found |= {f"language_{each.code}": each.rows for each in made.languages}
    found |= {f"code_{each.code}": each.rows for each in made.code}
    found["flagged"] = made.flagged
    found |= {f"quality_{each.rule}": each.rows for each in made.quality}
    found |= {f"private_{each.kind}": each.rows for each in made.private}
    found["missing_total"] = sum(each.missing for each in made.columns)
    found["empty_total"] = sum(each.empty for each in made.columns)
    listed = made.columns[:COLUMNS]
    found |= {f"missing_{each.name}": each.missing for each in listed}
    return found | {f"empty_{each.name}": each.empty for each in listed}


def _column(name: str, kind: str, gaps: Gaps) -> ColumnFacts:
    return ColumnFacts(name, kind, gaps.missing, gaps.empty)


def _code(portrait: Portrait) -> list[Share]:
    return [Share(*each) for each in portrait.code.shares() if each[0] != NONE]


def _breaches(portrait: Portrait, asked: Questions) -> list[Breach]:
    rows = max(1, portrait.rows)
    found = []
    for name, bounds in thresholds(asked.rules).items():
        broken, about = portrait.quality.broken.get(name, 0), rule(name)
        found.append(Breach(name, about.says, about.unit, bounds.least, bounds.most, broken, broken / rows))
    return sorted(found, key=lambda each: -each.rows)


def _sample(telling: dict[str, tuple[Telling, ...]]) -> list[FlaggedRow]:
    """The worst row of each rule, then the second worst of each; every row once."""
    found: dict[int, FlaggedRow] = {}
    ranked = [
        (rank, -each.excess, each.row, name, each) for name, rows in telling.items() for rank, each in enumerate(rows)
    ]
    for _, _, row, name, each in sorted(ranked, key=lambda item: item[:4]):
        flags = sorted(each.flags, key=lambda flag: flag.rule != name)
        found.setdefault(row, FlaggedRow(row, each.text, flags))
    return list(found.values())[:SHOWN]


def _exposures(portrait: Portrait) -> list[Exposure]:
    titles = pii.kinds()
    found = []
    for kind, rows in portrait.pii.hit.items():
        first = portrait.findings[kind]
        samples = [(each.row, each.masked) for each in first]
        found.append(Exposure(kind, titles[kind], first[0].secret, rows, portrait.pii.found[kind], samples))
    return sorted(found, key=lambda each: (not each.secret, -each.rows, each.kind))
