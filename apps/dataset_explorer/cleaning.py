"""The clean part of a dataset: the endpoint clean."""

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import Field

from apps.dataset_explorer.contamination import pinned
from apps.dataset_explorer.keeping import keep
from apps.dataset_explorer.recipes import (
    REMOVED,
    CleanRules,
    Recipe,
    canonical,
    finish,
    plain_name,
    provenance,
    versions,
)
from apps.dataset_explorer.sieves import judged
from apps.dataset_explorer.sifting import Removed, RuleCount, Sifting
from apps.dataset_explorer.tokens import check_tokenizer
from shared.datasets.dataset import DATA, KIND, Dataset, open_dataset
from shared.datasets.files import LIMITS
from shared.datasets.rows import unique_names
from shared.datasets.writer import Writer
from shared.errors import PlaygroundError
from shared.policy import OWNER, Caller
from shared.progress import Progress
from shared.store import Store
from shared.suite import suite
from shared.visitors import watched

if TYPE_CHECKING:
    import pyarrow

LISTED = 1_000
SOURCE_ROW = "source_row"


@dataclass(frozen=True)
class Cleaned:
    """What goes from a dataset, and what is left of it.

    Attributes:
        preview: Whether nothing was saved.
        source: Ref of the dataset that was cleaned.
        dataset: Ref of the clean part; empty for a preview.
        rows: Rows of the source.
        kept: Rows that stay.
        removed_rows: Rows that go; one that goes by several rules counts once.
        edited: Cells that got another value.
        masked: Rows that stay in which something was masked.
        counts: What each rule drops, with samples; rules that drop nothing are not there.
        removed: The rows that go, ascending, at most 1,000: row, rule, rules, why. All of them are in removed.parquet
            beside the saved rows.
        recipe: Source, rules, counts and versions, as saved in recipe.json: the same recipe gives the same ref.
        notes: What else to know.
        record: Id of the record that cleans the same again; empty for a preview.
    """

    preview: bool
    source: str
    dataset: str
    rows: int
    kept: int
    removed_rows: int
    edited: int
    masked: int
    counts: list[RuleCount]
    removed: list[Removed]
    recipe: dict[str, Any]
    notes: list[str]
    record: str = ""


def clean(
    dataset: str,
    rules: CleanRules,
    preview: bool = True,
    samples: Annotated[int, Field(ge=0, le=50)] = 5,
    caller: Caller = OWNER,
) -> Iterator[Progress | Cleaned]:
    """Drop the rows that rules find, and change single cells. Look first: a preview saves nothing.

    The rows that stay keep their order, their columns and every type. They are saved as a new dataset with its recipe;
    the same recipe on the same dataset gives the same bytes.

    Args:
        dataset: The ref that `load` returned.
        rules: What goes, and what is changed.
        preview: Only say which rows would go, and why.
        samples: How many rows to show for each rule.
        caller: Who asks.

    Returns:
        Progress; at last what goes, and the ref of what stays.

    Raises:
        PlaygroundError: The dataset is unknown, a rule names something that there is not, or no row would be left.
    """
    store = suite().store_of(caller)
    source = open_dataset(store, dataset)
    check_tokenizer(rules.tokenizer, caller)
    settled = canonical(replace(rules, benchmarks=pinned(rules.benchmarks, suite().store)))
    work = Sifting(source, settled, suite().store, samples, LISTED if preview else None)
    yield from work.run()
    removed = work.removed()
    outcome = _outcome(source, settled, work, removed)
    if preview:
        yield outcome
        return
    if source.rows and not outcome.kept:
        raise PlaygroundError(
            f"These rules would leave none of the {source.rows:,} rows. Take back the widest of them."
        )
    made = None
    for item in watched(store, _save(store, source, settled, work, outcome, removed)):
        if isinstance(item, Progress):
            yield item
        else:
            made = item
    assert made is not None
    settings = {"dataset": source.ref, "rules": asdict(settled), "preview": False, "samples": samples}
    results = {"rows": outcome.rows, "kept": outcome.kept, "edited": outcome.edited, "masked": outcome.masked}
    results |= {f"removed {count.rule}": count.rows for count in outcome.counts}
    record = keep("clean", settings, results, caller, {"dataset": source.ref}, {"dataset": made.ref})
    yield replace(outcome, preview=False, dataset=made.ref, notes=made.notes, record=record)


def _outcome(source: Dataset, rules: CleanRules, work: Sifting, table: "pyarrow.Table") -> Cleaned:
    gone = int(np.count_nonzero(work.gone))
    counts = [count for count in work.counts.values() if count.rows]
    removed = [Removed(**row) for row in table.slice(0, LISTED).to_pylist()]
    masked = int(np.count_nonzero(work.masked & ~work.gone))
    numbers = {"rows": source.rows, "kept": source.rows - gone, "edited": len(rules.edits), "masked": masked}
    numbers |= {f"removed {count.rule}": count.rows for count in counts}
    facts: dict[str, Any] = {"thresholds": {name: asdict(each) for name, each in judged(rules).items()}}
    facts["provenance"] = provenance(source) + ([_row_column(source)] if rules.source_row else [])
    recipe = Recipe("clean", [source.ref], {"rules": asdict(rules)}, numbers, facts, versions(_packages(rules)))
    return Cleaned(
        preview=True, source=source.ref, dataset="", rows=source.rows, kept=source.rows - gone, removed_rows=gone,
        edited=len(rules.edits), masked=masked, counts=counts, removed=removed, recipe=asdict(recipe),
        notes=_notes(source, rules),
    )  # fmt: skip


def _packages(rules: CleanRules) -> list[str]:
    """What could change the result when its version does."""
    used = {
        "google-re2": rules.secrets != "keep" or rules.personal != "keep",
        "py3langid": bool(rules.languages),
        "tokenizers": bool(rules.min_tokens or rules.max_tokens),
    }
    return ["pyarrow", *(name for name, needed in used.items() if needed)]


def _notes(source: Dataset, rules: CleanRules) -> list[str]:
    notes = []
    unread = [name for name, kind in source.types.items() if "binary" in kind]
    if unread and (rules.normalised or rules.near) and not rules.duplicates_column:
        notes.append(f"Column {', '.join(map(repr, unread))} holds bytes: no text, so it does not tell rows apart.")
    if not (rules.languages and rules.unknown_language == "drop"):
        return notes
    return [*notes, "Rows too short to tell their language go too."]


def _row_column(source: Dataset) -> str:
    return unique_names([*source.columns, SOURCE_ROW])[0][-1]


def _save(
    store: Store, source: Dataset, rules: CleanRules, work: Sifting, outcome: Cleaned, removed: "pyarrow.Table"
) -> Iterator[Progress | Dataset]:
    """Write the rows that stay, those that go, and the recipe."""
    import pyarrow.parquet as pq

    name = f"{plain_name(source.name).removesuffix('-clean')}-clean"
    said = f"Cleaned from {source.ref}: {outcome.removed_rows:,} of {outcome.rows:,} rows went."
    with store.writing(KIND, name) as folder:
        yield from _write(source, rules, work, folder / DATA)
        pq.write_table(removed, folder / REMOVED, compression="zstd")
        schema = pq.read_schema(folder / DATA)
        made = replace(
            source, name=name, rows=outcome.kept, columns=schema.names,
            types={field.name: str(field.type) for field in schema},
            source=source.source or source.ref, refused=[], refused_rows=0, notes=[*source.notes, *outcome.notes, said],
        )  # fmt: skip
        kept = finish(store, folder, made, Recipe(**outcome.recipe))
    yield kept


def _write(source: Dataset, rules: CleanRules, work: Sifting, target: Path) -> Iterator[Progress]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pq.read_schema(source.path)
    if rules.source_row:
        schema = schema.append(pa.field(_row_column(source), pa.int64()))
    started = time.monotonic()
    with Writer(target, schema, LIMITS) as writer:
        for first, batch in work.batches():
            stays = ~work.gone[first : first + batch.num_rows]
            kept = batch.filter(pa.array(stays))
            writer.write(_numbered(kept, schema, first + np.flatnonzero(stays)) if rules.source_row else kept)
            done = first + batch.num_rows
            left = (time.monotonic() - started) * (source.rows - done) / max(1, done)
            yield Progress("Writing rows", done, source.rows, left)


def _numbered(batch: "pyarrow.RecordBatch", schema: "pyarrow.Schema", rows: Any) -> "pyarrow.RecordBatch":
    import pyarrow as pa

    return pa.RecordBatch.from_arrays([*batch.columns, pa.array(rows, pa.int64())], schema=schema)
