"""Several datasets as one, by weight: the endpoint mix."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from pydantic import Field

from apps.dataset_explorer.ancestry import judge, strictest
from apps.dataset_explorer.blends import arrangement, blend, write_origins
from apps.dataset_explorer.keeping import keep
from apps.dataset_explorer.recipes import ORIGINS, Part, Recipe, finish, plain_name, versions
from apps.dataset_explorer.servings import Table, lay
from apps.dataset_explorer.shares import apportion, most
from shared.datasets.dataset import DATA, KIND, Dataset, open_dataset
from shared.errors import PlaygroundError
from shared.licences import Verdict
from shared.policy import OWNER, Caller
from shared.progress import Progress
from shared.store import Store
from shared.suite import suite
from shared.visitors import watched

NAME = 48  # characters of the parts' names in the name of a mix
VISITORS = 1_000_000  # rows of a visitor's mix: numbers of all rows are held in memory


@dataclass(frozen=True)
class PartCount:
    """What one part gave.

    Attributes:
        dataset: Its ref.
        name: What it is called.
        weight: Its weight, as given.
        rows: Its rows in the mix.
        available: Rows that it has.
        repeats: How often its most frequent row is in the mix: 1 unless repeats were asked for.
        licence: SPDX id of its licence; empty when none is stated.
        use: Whether it may be used commercially: yes, conditions, caution, unknown or no.
    """

    dataset: str
    name: str
    weight: float
    rows: int
    available: int
    repeats: int
    licence: str
    use: str


@dataclass(frozen=True)
class Mixed:
    """A mix of datasets.

    Attributes:
        dataset: Its ref.
        rows: Its rows.
        columns: Its columns.
        shape: Its row shape.
        parts: What each part gave, in the order given.
        licence: Licences of the parts, as one expression.
        use: Whether it may be used commercially: that of the strictest part.
        why: Why, the strictest part first.
        conflicts: Where licences contradict each other.
        recipe: Parts, settings, counts and versions, as saved in recipe.json: the same recipe gives the same ref.
        notes: What else to know.
        record: Id of the record that mixes the same again.
    """

    dataset: str
    rows: int
    columns: list[str]
    shape: str
    parts: list[PartCount]
    licence: str
    use: str
    why: list[str]
    conflicts: list[str]
    recipe: dict[str, Any]
    notes: list[str]
    record: str


def mix(
    parts: list[Part],
    rows: Annotated[int, Field(ge=0, le=100_000_000)] = 0,
    seed: Annotated[int, Field(ge=0, le=2**53)] = 0,
    shuffle: bool = True,
    provenance: bool = True,
    repeat: bool = False,
    to_messages: bool = False,
    caller: Caller = OWNER,
) -> Iterator[Progress | Mixed]:
    """Mix datasets by weight into a new one. The same parts, settings and seed give the same bytes.

    Each part gives its share, rounded so that the shares add up (largest remainder); which of its rows is chosen by the
    seed. Columns are joined by name: what a part has not is empty in its rows.

    Args:
        parts: Datasets and their weights.
        rows: Rows of the mix; 0 takes as many as the weights allow without taking a row twice.
        seed: Which rows are chosen, and their order.
        shuffle: Put the rows into a random order; otherwise parts follow each other, in the order of their rows.
        provenance: Add a column `mixed_from` with the ref of the part that a row is from.
        repeat: Take rows of a part that is too small more than once, all equally often.
        to_messages: Make every row a conversation (OpenAI's `messages`), where parts have different shapes.
        caller: Who asks.

    Returns:
        Progress; at last the mix, with exact counts.

    Raises:
        PlaygroundError: A part is unknown or too small, or the parts do not fit together.
    """
    store, entries = suite().store_of(caller), suite().catalog.datasets()
    opened = [open_dataset(store, part.dataset) for part in parts]
    counts = _counts(parts, opened, rows, repeat)
    if not caller.owner and sum(counts) > VISITORS:
        raise PlaygroundError(
            f"A visitor's mix has at most {VISITORS:,} rows, and this has {sum(counts):,}. Ask for fewer."
        )
    table = lay(opened, counts, seed, to_messages, provenance)
    settings = {
        "parts": [asdict(Part(each.ref, float(part.weight))) for part, each in zip(parts, opened, strict=True)],
        "rows": rows, "seed": seed, "shuffle": shuffle, "provenance": provenance, "repeat": repeat,
        "to_messages": to_messages,
    }  # fmt: skip
    verdicts = [judge(store, each, entries) for each in opened]
    given = [_given(*each) for each in zip(parts, opened, counts, verdicts, strict=True)]
    facts = {"provenance": table.marks, "notes": table.notes}
    recipe = Recipe(
        "mix", [each.ref for each in opened], settings, _numbers(given), facts, versions(["pyarrow", "numpy"])
    )
    made = None
    for item in watched(store, _save(store, opened, table, recipe)):
        if isinstance(item, Progress):
            yield item
        else:
            made = item
    assert made is not None
    inputs = {f"part {place}": ref for place, ref in enumerate(recipe.sources)}
    record = keep("mix", settings, recipe.counts, caller, inputs, {"dataset": made.ref})
    yield _mixed(made, given, strictest(list(zip(opened, verdicts, strict=True))), recipe, record)


def _counts(parts: list[Part], opened: list[Dataset], rows: int, repeat: bool) -> list[int]:
    """Rows of each part."""
    if not parts:
        raise PlaygroundError("No dataset was named. Give at least one part: its ref and its weight.")
    for place, each in enumerate(opened):
        if each.ref in [one.ref for one in opened[:place]] and not repeat:
            raise PlaygroundError(
                f"'{each.ref}' is there twice. Name it once, with the sum of the weights, or set repeat."
            )
        if not each.rows:
            raise PlaygroundError(f"'{each.ref}' has no rows. Leave it out.")
    weights, sizes = [part.weight for part in parts], [each.rows for each in opened]
    largest = most(weights, sizes)
    counts = apportion(weights, rows or largest)
    for each, count in zip(opened, counts, strict=True):
        if count > each.rows and not repeat:
            raise PlaygroundError(
                f"'{each.name}' has {each.rows:,} rows, and its share of {rows:,} is {count:,}. Ask for at most "
                f"{largest:,} rows, or set repeat to take rows more than once."
            )
    return counts


def _given(part: Part, opened: Dataset, count: int, verdict: Verdict) -> PartCount:
    repeats = -(-count // opened.rows)
    return PartCount(opened.ref, opened.name, part.weight, count, opened.rows, repeats, verdict.licence, verdict.use)


def _numbers(given: list[PartCount]) -> dict[str, int]:
    numbers = {"rows": sum(part.rows for part in given)}
    return numbers | {f"part {place}": part.rows for place, part in enumerate(given)}


def _save(store: Store, parts: list[Dataset], table: Table, recipe: Recipe) -> Iterator[Progress | Dataset]:
    """Write the rows, where they are from, and the recipe."""
    seed, shuffle = recipe.settings["seed"], recipe.settings["shuffle"]
    name = "-".join(dict.fromkeys(plain_name(each.name) for each in parts))[:NAME].rstrip("-.") + "-mix"
    said = f"Mixed from {', '.join(recipe.sources)}."
    with store.writing(KIND, name) as folder:
        yield from blend(table.servings, table.schema, folder / DATA, seed, shuffle)
        write_origins(table.servings, arrangement(table.servings, seed, shuffle), folder / ORIGINS)
        made = Dataset(
            ref="", name=name, rows=recipe.counts["rows"], columns=table.schema.names,
            types={field.name: str(field.type) for field in table.schema}, shape=table.shape, licence=_licence(parts),
            source=recipe.sources[0] if len(parts) == 1 else "", notes=[*table.notes, said],
        )  # fmt: skip
        kept = finish(store, folder, made, recipe)
    yield kept


def _licence(parts: list[Dataset]) -> str:
    """The licences that the sources state, as `licences.recognise` reads them; "other" for a source that states none."""
    return (
        " and ".join(dict.fromkeys(each.licence or "other" for each in parts)) if any(p.licence for p in parts) else ""
    )


def _mixed(made: Dataset, given: list[PartCount], verdict: Verdict, recipe: Recipe, record: str) -> Mixed:
    return Mixed(
        dataset=made.ref, rows=made.rows, columns=made.columns, shape=made.shape.name, parts=given,
        licence=verdict.licence, use=verdict.use, why=verdict.why, conflicts=verdict.conflicts, recipe=asdict(recipe),
        notes=made.notes, record=record,
    )  # fmt: skip
