"""Recipes: what was done to which rows, in a file beside the data, so that it can be read, checked and done again.

A dataset that was made here from others is an artifact like any other, with two more files in it:

* recipe.json: the sources, every setting, the counts, and the versions of what could change the result. It holds no time
  and no name of a machine: the same recipe gives the same bytes, and so the same ref.
* removed.parquet (cleaned): `row` of the source, `rule`, `rules` (how many rules it broke), `why`; ascending. Row k of the
  result is the k-th row of the source that is not listed. Or origins.parquet (mixed): `part` and `row` of each row.
"""

import importlib.metadata
import json
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, TypeAdapter, ValidationError

from shared.datasets.dataset import FACTS, KIND, Dataset, of_artifact
from shared.errors import PlaygroundError
from shared.settings import Advanced, Column
from shared.store import Store

RECIPE = "recipe.json"
REMOVED = "removed.parquet"
ORIGINS = "origins.parquet"
Handling = Literal["keep", "drop", "mask"]


@dataclass(frozen=True)
class Edit:
    """One cell with another value.

    Attributes:
        row: Number of the row, from 0.
        column: Name of the column.
        value: The new value, as JSON has it: text, number, true or false, list, object; null empties the cell. Dates, times
            and decimals are text; bytes are "base64:" and their base64.
    """

    row: Annotated[int, Field(ge=0)]
    column: str
    value: Any


@dataclass(frozen=True)
class CleanRules:
    """What goes, and what is changed. Edits come first, then masks; every other rule sees the rows as they would be saved.

    Attributes:
        exact: Drop rows that are the same, cell by cell, as one before them.
        normalised: Drop rows that have the letters and digits of one before them.
        near: Drop rows that have nearly the words of one before them.
        threshold: For near-duplicates, the similarity from which two rows are alike (Jaccard of 5-word shingles).
        duplicates_column: Column that tells duplicates; empty compares whole rows.
        quality: Drop rows that break the quality rules of a profile: "web" for pages, "instruction" for short rows.
        quality_rules: Only these rules of the profile, such as gopher_repeated_lines; all of them when empty.
        secrets: What to do with rows that hold keys, tokens or passwords: keep, drop, or mask what is found.
        personal: The same for personal data: e-mail addresses, telephone and card numbers, and so on.
        personal_kinds: Only these kinds of secrets and personal data, such as email; all when empty.
        benchmarks: Drop rows that repeat items of these test sets: gsm8k, humaneval, mbpp, math, or added ones.
        n: How many words in a row must be the same for that.
        languages: Keep only rows in these natural languages, by ISO 639-1 code such as en or zh; all when empty.
        unknown_language: What then happens to rows whose language cannot be told, such as numbers and formulas.
        language_confidence: A row that seems to be in another language, with less confidence than this, counts as one
            whose language cannot be told.
        empty_answers: Drop rows whose answer, completion or text is missing or blank.
        min_characters: Drop rows with fewer characters.
        max_characters: Drop rows with more characters; 0 is no limit.
        min_tokens: Drop rows with fewer tokens.
        max_tokens: Drop rows with more tokens; 0 is no limit.
        tokenizer: What counts tokens; empty is MiniLM's.
        column: Column that quality, language, length, benchmarks, secrets and personal data look at; empty is the whole row.
        rows: Drop these rows, by number from 0.
        edits: Give single cells another value.
        source_row: Add a column `source_row` with the number that each row had.
    """

    exact: bool = False
    normalised: bool = False
    near: bool = False
    threshold: Annotated[float, Field(gt=0, le=1)] = 0.7
    duplicates_column: Column = ""
    quality: Literal["off", "web", "instruction"] = "off"
    quality_rules: Annotated[list[str], Advanced] = field(default_factory=list)
    secrets: Handling = "keep"
    personal: Handling = "keep"
    personal_kinds: Annotated[list[str], Advanced] = field(default_factory=list)
    benchmarks: list[str] = field(default_factory=list)
    n: Annotated[int, Field(ge=8, le=64), Advanced] = 10
    languages: list[str] = field(default_factory=list)
    unknown_language: Annotated[Literal["keep", "drop"], Advanced] = "keep"
    language_confidence: Annotated[float, Field(ge=0, le=1), Advanced] = 0.25
    empty_answers: bool = False
    min_characters: Annotated[int, Field(ge=0)] = 0
    max_characters: Annotated[int, Field(ge=0)] = 0
    min_tokens: Annotated[int, Field(ge=0), Advanced] = 0
    max_tokens: Annotated[int, Field(ge=0), Advanced] = 0
    tokenizer: Annotated[str, Advanced] = ""
    column: Column = ""
    rows: Annotated[list[Annotated[int, Field(ge=0)]], Advanced] = field(default_factory=list)
    edits: Annotated[list[Edit], Advanced] = field(default_factory=list)
    source_row: Annotated[bool, Advanced] = False


@dataclass(frozen=True)
class Part:
    """One dataset of a mix.

    Attributes:
        dataset: Its ref.
        weight: Its share of the mix, relative to the other parts: 2 and 1 give two rows of the one for each of the other.
    """

    dataset: str
    weight: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0


@dataclass(frozen=True)
class Recipe:
    """How a dataset was made.

    Attributes:
        action: "clean" or "mix": the endpoint that does it again.
        sources: Refs of the datasets that it was made from.
        settings: All settings of that endpoint, but for the preview.
        counts: Rows before and after, and rows by rule or part.
        facts: What the settings meant when they were used: thresholds of quality rules, where the parts' rows are.
        versions: Versions of what could change the result.
        schema: Version of this form.
    """

    action: Literal["clean", "mix"]
    sources: list[str]
    settings: dict[str, Any]
    counts: dict[str, int]
    facts: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    schema: int = 1


def rules_of(recipe: Recipe) -> CleanRules:
    """The rules of a recipe that cleans, to be given to `clean` again.

    Args:
        recipe: A recipe with the action "clean".

    Raises:
        PlaygroundError: It is another recipe, or of another version.
    """
    given = recipe.settings.get("rules")
    if isinstance(given, dict) and given.keys() <= CleanRules.__dataclass_fields__.keys():
        with suppress(ValidationError):
            return TypeAdapter(CleanRules).validate_python(given)
    raise PlaygroundError(f"This recipe ({recipe.action}, form {recipe.schema}) has no rules that can be used here.")


def canonical(rules: CleanRules) -> CleanRules:
    """The same rules with every list in one order and without repetition, so that equal rules are equal recipes.

    Args:
        rules: The rules as they came in. Of two edits of one cell the last one counts.
    """
    edits = {(edit.row, edit.column): edit for edit in rules.edits}
    given = {name: getattr(rules, name) for name in rules.__dataclass_fields__}
    for name in ("quality_rules", "personal_kinds", "benchmarks", "languages", "rows"):
        given[name] = sorted(set(given[name]))
    numbers = {name: float(given[name]) for name in ("threshold", "language_confidence")}  # 1 and 1.0 differ as text
    return CleanRules(**given | numbers | {"edits": [edits[key] for key in sorted(edits)]})


def plain_name(name: str) -> str:
    """What a dataset is called without the endings of the file that it came from.

    Args:
        name: Its name, such as "train.jsonl.gz".
    """
    return re.sub(r"(\.(jsonl?|ndjson|csv|tsv|parquet|txt|gz|zst))+$", "", name, flags=re.IGNORECASE) or name


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Versions of installed packages.

    Args:
        packages: Names of distributions.
    """
    return {name: importlib.metadata.version(name) for name in packages}


def finish(store: Store, folder: Path, dataset: Dataset, recipe: Recipe) -> Dataset:
    """Put a finished folder into the store: its data, what is known about it, and its recipe.

    Args:
        store: Where it goes.
        folder: Holds data.parquet, from `store.writing`.
        dataset: What is known about it; its ref and path do not matter.
        recipe: How it was made.

    Returns:
        The dataset with its ref.
    """
    for name, value in ((FACTS, dataset.facts()), (RECIPE, asdict(recipe))):
        (folder / name).write_text(json.dumps(value, ensure_ascii=False, indent=1), encoding="utf-8")
    return of_artifact(store.put(KIND, dataset.name, folder))


def read_recipe(dataset: Dataset) -> Recipe | None:
    """How a dataset was made; None when it was loaded, not made.

    Args:
        dataset: Any dataset of the store.

    Raises:
        PlaygroundError: The recipe is of a version that cannot be read here.
    """
    path = dataset.path.with_name(RECIPE)
    if not path.is_file():
        return None
    try:
        return Recipe(**json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise PlaygroundError(
            f"The recipe of '{dataset.ref}' is of another version. Make the dataset again."
        ) from error


def source_rows(dataset: Dataset) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which row of which source each row is.

    Args:
        dataset: A dataset that was made by a recipe.

    Returns:
        The place of the source in the recipe's `sources`, from 0, and the row in it, from 0. Both of shape (rows,).

    Raises:
        PlaygroundError: The dataset was not made by a recipe.
    """
    import pyarrow.parquet as pq

    recipe = read_recipe(dataset)
    if recipe is None:
        raise PlaygroundError(f"'{dataset.ref}' was loaded as it is: its rows are those of its source.")
    if recipe.action == "mix":
        table = pq.read_table(dataset.path.with_name(ORIGINS))
        return table["part"].to_numpy().astype(np.int64), table["row"].to_numpy()
    removed = pq.read_table(dataset.path.with_name(REMOVED), columns=["row"])["row"].to_numpy()
    kept = np.ones(recipe.counts["rows"], dtype=np.bool_)
    kept[removed] = False
    rows = np.flatnonzero(kept)
    return np.zeros_like(rows), rows


def provenance(dataset: Dataset) -> list[str]:
    """Columns that say where a row is from, not what it says: no rule looks at them.

    Args:
        dataset: Any dataset of the store.
    """
    recipe = read_recipe(dataset)
    return [name for name in recipe.facts.get("provenance", []) if name in dataset.types] if recipe else []
