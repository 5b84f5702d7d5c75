"""What there is to say about some rows, as a partial result: the portraits of two batches add up to that of all their rows.

The same `Portrait.of` runs over the batches of one process, of several, and of a cluster:

    rows = ray.data.read_parquet(path).map_batches(lambda batch: Portrait.of(batch, asked), batch_format="pyarrow")

Row numbers come with the batch; what depends on the order of the rows (`diversity`, `exact`, `normal`) asks that neighbours are
added in their order: (a + b) + c and a + (b + c) are the same, b + a is not.
"""

from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np

from apps.dataset_explorer import diversity, pii, quality
from apps.dataset_explorer.diversity import Partial
from apps.dataset_explorer.edits import blank
from apps.dataset_explorer.pii import Finding, PiiTally
from apps.dataset_explorer.quality import Flag, Tally, Verdicts
from apps.dataset_explorer.rules import Profile as RuleProfile
from apps.dataset_explorer.rules import Threshold, thresholds
from apps.dataset_explorer.spreads import Spread
from apps.dataset_explorer.tokens import token_counter
from shared import code_languages, languages
from shared.code_languages import CodeCounts
from shared.datasets.texts import column_texts, row_texts
from shared.languages import LanguageCounts
from shared.text import Hashes, byte_rows, normalise, pieces, split_words

if TYPE_CHECKING:
    import pyarrow as pa

TELLING = 3  # rows kept as examples of each rule, and findings of each kind
EXCERPT = 280  # characters shown of an example
WINDOW = 120  # of these, before the fault


@dataclass(frozen=True)
class Questions:
    """What is asked about every row.

    Attributes:
        column: Whose text; empty is the whole row.
        tokenizer: File of the tokenizer that counts tokens; empty is MiniLM's.
        rules: The quality rules: "web" or "instruction".
        varied: Measure diversity.
        keyed: Keep a key of each row, so that two datasets can be compared row by row.
    """

    column: str = ""
    tokenizer: str = ""
    rules: RuleProfile = "instruction"
    varied: bool = True
    keyed: bool = False


@dataclass(frozen=True)
class Gaps:
    """What a column lacks.

    Attributes:
        missing: Rows where it is null.
        empty: Rows where it is there and holds no text: blank, or a list of nothing.
    """

    missing: int = 0
    empty: int = 0

    def __add__(self, other: "Gaps") -> "Gaps":
        return Gaps(self.missing + other.missing, self.empty + other.empty)


@dataclass(frozen=True)
class Telling:
    """A row that breaks a rule clearly.

    Attributes:
        row: Its number in the dataset.
        excess: How far it is beyond the threshold, in thresholds.
        flags: Every rule that it breaks, with value and threshold.
        text: An excerpt; personal data and secrets are masked.
    """

    row: int
    excess: float
    flags: tuple[Flag, ...]
    text: str


@dataclass(frozen=True, eq=False)
class Portrait:
    """What is known about some rows.

    Attributes:
        rows: How many.
        blank: Rows without any text.
        columns: What each column lacks.
        characters: Code points a row.
        words: Words a row.
        tokens: Tokens a row, without those that a model adds at both ends.
        languages: Rows of each natural language.
        code: Rows of each programming language, "none" among them.
        quality: Rows that break each rule.
        telling: For each rule, the rows that break it most.
        pii: Rows with each kind of personal data and secrets.
        findings: For each kind, the first findings, masked.
        diversity: How varied the texts are; None when that was not asked.
        exact: A 64-bit key a row, equal for equal bytes, 0 for blank rows; empty when not asked.
        normal: A key a row, equal for equal letters and digits, 0 where there are none; empty when not asked.
    """

    rows: int = 0
    blank: int = 0
    columns: dict[str, Gaps] = field(default_factory=dict)
    characters: Spread = field(default_factory=lambda: Spread.of([]))
    words: Spread = field(default_factory=lambda: Spread.of([]))
    tokens: Spread = field(default_factory=lambda: Spread.of([]))
    languages: LanguageCounts = field(default_factory=LanguageCounts)
    code: CodeCounts = field(default_factory=CodeCounts)
    quality: Tally = field(default_factory=Tally)
    telling: dict[str, tuple[Telling, ...]] = field(default_factory=dict)
    pii: PiiTally = field(default_factory=PiiTally)
    findings: dict[str, tuple[Finding, ...]] = field(default_factory=dict)
    diversity: Partial | None = None
    exact: Hashes = field(default_factory=lambda: np.zeros(0, np.uint64))
    normal: Hashes = field(default_factory=lambda: np.zeros(0, np.uint64))

    @classmethod
    def of(cls, batch: "pa.RecordBatch | pa.Table", asked: Questions, first: int = 0) -> "Portrait":
        """The portrait of one batch.

        Args:
            batch: Some consecutive rows, with all columns.
            asked: What to find out.
            first: Number of the batch's first row in the dataset.

        Raises:
            PlaygroundError: The tokenizer is not there.
        """
        texts = batch_texts(batch, asked.column)
        rows: list[str] = texts.to_pylist()
        judged = quality.verdicts(quality.measure(rows), asked.rules)
        found = pii.find(rows)
        exact, normal = _keys(texts, rows) if asked.keyed else (np.zeros(0, np.uint64),) * 2
        return cls(
            rows=len(rows),
            blank=sum(not text or text.isspace() for text in rows),
            columns={name: _gaps(batch.column(place)) for place, name in enumerate(batch.schema.names)},
            characters=Spread.of([len(text) for text in rows]),
            words=Spread.of(_word_counts(texts)),
            tokens=Spread.of(token_counter(asked.tokenizer).count(texts)),
            languages=languages.count(rows),
            code=code_languages.count(rows),
            quality=judged.tally(),
            telling=_telling(judged, rows, found, first),
            pii=pii.tally(found, len(rows)),
            findings=_first(found, first),
            diversity=diversity.measure([texts]) if asked.varied else None,
            exact=exact,
            normal=normal,
        )

    def __add__(self, other: "Portrait") -> "Portrait":
        """These rows, and then the others."""
        if not self.rows or not other.rows:
            return other if other.rows else self
        varied = self.diversity.merge(other.diversity) if self.diversity and other.diversity else None
        return Portrait(
            rows=self.rows + other.rows,
            blank=self.blank + other.blank,
            columns={name: gaps + other.columns.get(name, Gaps()) for name, gaps in self.columns.items()},
            characters=self.characters + other.characters,
            words=self.words + other.words,
            tokens=self.tokens + other.tokens,
            languages=self.languages + other.languages,
            code=self.code + other.code,
            quality=self.quality + other.quality,
            telling=_most(self.telling, other.telling, lambda each: (-each.excess, each.row)),
            pii=self.pii + other.pii,
            findings=_most(self.findings, other.findings, lambda each: (each.row, each.start)),
            diversity=varied,
            exact=np.concatenate((self.exact, other.exact)),
            normal=np.concatenate((self.normal, other.normal)),
        )


def batch_texts(batch: "pa.RecordBatch | pa.Table", column: str = "") -> "pa.StringArray":
    """The text of every row of a batch; what has no text is "".

    Args:
        batch: Some rows.
        column: Whose text; empty is the whole row, the texts of its columns joined by one space.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if isinstance(batch, pa.Table):
        whole = batch.combine_chunks().to_batches()
        batch = whole[0] if whole else pa.RecordBatch.from_pylist([], batch.schema)
    texts = (
        pc.fill_null(column_texts(batch.column(batch.schema.names.index(column))), "") if column else row_texts(batch)
    )
    return pc.cast(texts, pa.large_string()) if pa.types.is_large_string(texts.type) else texts


def _gaps(column: Any) -> Gaps:
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if any(test(kind) for test in (pa.types.is_primitive, pa.types.is_boolean, pa.types.is_decimal)):
        return Gaps(column.null_count)
    if pa.types.is_null(kind):
        return Gaps(len(column))
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return Gaps(column.null_count, int(pc.sum(pc.equal(pc.binary_length(column), 0)).as_py() or 0))
    arrays = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    texts = pa.chunked_array([pc.fill_null(column_texts(each), "") for each in arrays], pa.string())
    blank = int(pc.sum(pc.equal(pc.utf8_trim_whitespace(texts), "")).as_py() or 0)
    return Gaps(column.null_count, blank - column.null_count)


def _word_counts(texts: "pa.StringArray") -> Any:
    parts = [np.diff(split_words(piece).rows) for piece in pieces(texts)]
    return np.concatenate(parts) if parts else []


def _keys(texts: "pa.StringArray", rows: list[str]) -> tuple[Hashes, Hashes]:
    exact = [_key(row) if text and not text.isspace() else 0 for row, text in zip(byte_rows(texts), rows, strict=True)]
    bare = (normalise(text) for text in rows)
    normal = [_key(text.encode("utf-8", "surrogatepass")) if text else 0 for text in bare]
    return np.array(exact, np.uint64), np.array(normal, np.uint64)


def _key(text: bytes) -> int:
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "little") or 1


def _telling(judged: Verdicts, rows: list[str], found: list[Finding], first: int) -> dict[str, tuple[Telling, ...]]:
    """For each rule, the rows that break it most; of equals, the first ones."""
    asked = thresholds(judged.profile)
    chosen: dict[str, list[tuple[int, float]]] = {}
    for name, mask in judged.broken.items():
        places = np.flatnonzero(mask)
        if places.size:
            excess = _excess(judged.table.values[name][places], asked[name])
            best = np.argsort(-excess, kind="stable")[:TELLING]
            chosen[name] = list(zip(places[best].tolist(), excess[best].tolist(), strict=True))
    wanted = {row for each in chosen.values() for row, _ in each}
    private: dict[int, list[Finding]] = {}
    for each in found:
        if each.row in wanted and not each.reserved:
            private.setdefault(each.row, []).append(each)
    shown = {row: excerpt(blank(rows[row], private.get(row, ()), shown=True)) for row in wanted}
    flags = {row: tuple(judged.of(row)) for row in wanted}
    return {
        name: tuple(Telling(first + row, excess, flags[row], shown[row]) for row, excess in each)
        for name, each in chosen.items()
    }


def _excess(values: Any, asked: Threshold) -> Any:
    beyond = np.zeros(len(values))
    if asked.least is not None:
        beyond = np.maximum(beyond, (asked.least - values) / (abs(asked.least) or 1))
    if asked.most is not None:
        beyond = np.maximum(beyond, (values - asked.most) / (abs(asked.most) or 1))
    return beyond


def excerpt(text: str) -> str:
    """The beginning of a text.

    Args:
        text: Any text.
    """
    return text if len(text) <= EXCERPT else text[: EXCERPT - 1].rstrip() + "…"


def _first(found: list[Finding], first: int) -> dict[str, tuple[Finding, ...]]:
    kept: dict[str, tuple[Finding, ...]] = {}
    for each in found:
        if not each.reserved and len(kept.get(each.kind, ())) < TELLING:
            kept[each.kind] = (*kept.get(each.kind, ()), replace(each, row=first + each.row))
    return kept


def _most(one: dict[str, Any], two: dict[str, Any], key: Any) -> dict[str, Any]:
    names = sorted(one | two)
    return {name: tuple(sorted(one.get(name, ()) + two.get(name, ()), key=key)[:TELLING]) for name in names}
