"""Task files: what a model is measured on. One TOML file a task; its items inside, or in a JSONL file beside it.

    name = "facts"                # what it is called
    kind = "choices"              # text, choices, exact, translation or code
    title = "Simple facts"
    about = "Where the items come from and what they are for."
    licence = "Apache-2.0"
    domain = "facts"              # of items that do not say their own
    language = "en"
    items = "facts.jsonl"         # or [[items]] tables
    [rules]                       # of exact match alone: see shared/metrics/exact.py

Items have `domain` and `language` too; what else they have depends on the kind: see the classes below. `manifests/tasks/` holds ours.
"""

import dataclasses
import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from shared.env import ROOT
from shared.errors import PlaygroundError
from shared.metrics.exact import Rules

Kind = Literal["text", "choices", "exact", "translation", "code"]
Filled = Annotated[str, Field(min_length=1)]

FOLDER = ROOT / "manifests" / "tasks"


@dataclass(frozen=True)
class Text:
    """A document to measure bits per byte on."""

    __pydantic_config__ = ConfigDict(extra="forbid", str_strip_whitespace=False)

    text: Filled
    domain: str = ""
    language: str = ""


@dataclass(frozen=True)
class Choice:
    """A question with choices; `answer` counts from 0, `delimiter` stands between question and choice."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    question: Filled
    choices: Annotated[tuple[Filled, ...], Field(min_length=2)]
    answer: Annotated[int, Field(ge=0)]
    delimiter: str = " "
    domain: str = ""
    language: str = ""


@dataclass(frozen=True)
class Exact:
    """A question with its right answers; one of them is enough."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    question: Filled
    answers: Annotated[tuple[Filled, ...], Field(min_length=1)]
    domain: str = ""
    language: str = ""


@dataclass(frozen=True)
class Translation:
    """A sentence with right translations; `language` is the one translated into, `source_language` the one translated from."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    source: Filled
    references: Annotated[tuple[Filled, ...], Field(min_length=1)]
    domain: str = ""
    language: str = ""
    source_language: str = ""


@dataclass(frozen=True)
class Code:
    """A function to complete, as in HumanEval: `test` defines `check(candidate)`, which `entry` must pass."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    prompt: Filled
    test: Filled
    entry: Filled
    domain: str = ""
    language: str = ""


Item = Text | Choice | Exact | Translation | Code
CLASSES: Mapping[Kind, type[Item]] = {
    "text": Text,
    "choices": Choice,
    "exact": Exact,
    "translation": Translation,
    "code": Code,
}


@dataclass(frozen=True)
class Task:
    """What a model is measured on.

    Attributes:
        name: What it is called.
        kind: How it is measured.
        title: For people.
        about: Where it comes from and what it is for.
        licence: SPDX identifier.
        items: What is measured, each of the kind's class.
        rules: How answers are compared, for exact match.
        sha256: Of its files: it changes whenever the task does.
    """

    name: str
    kind: Kind
    title: str
    about: str
    licence: str
    items: tuple[Item, ...]
    rules: Rules = field(default_factory=Rules)
    sha256: str = ""


@dataclass(frozen=True)
class _File:
    __pydantic_config__ = ConfigDict(extra="forbid")

    name: Annotated[str, Field(pattern=r"[a-z0-9][a-z0-9_-]{0,39}")]
    kind: Kind
    title: Filled
    items: Filled | list[dict[str, Any]]
    about: str = ""
    licence: str = ""
    domain: str = ""
    language: str = ""
    rules: Rules = field(default_factory=Rules)


def names(folder: Path = FOLDER) -> list[str]:
    """Names of the tasks in a folder, sorted."""
    return sorted(path.stem for path in folder.glob("*.toml"))


def task(name: str, folder: Path = FOLDER) -> Task:
    """The task of that name.

    Raises:
        PlaygroundError: There is none, or its file is wrong.
    """
    known = names(folder)
    if name not in known:
        raise PlaygroundError(
            f"There is no task '{name[:80]}'. Take one of: {', '.join(known) or 'none; the folder is empty'}."
        )
    return load(folder / f"{name}.toml")


def load(path: Path) -> Task:
    """A task from its file.

    Raises:
        PlaygroundError: The file is missing or wrong, and where.
    """
    data = _bytes(path)
    try:
        head = TypeAdapter(_File).validate_python(tomllib.loads(data.decode()))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PlaygroundError(f"{path.name} is no TOML file: {error}.") from error
    except ValidationError as error:
        raise PlaygroundError(f"{path.name}: {_first(error)}") from error
    if head.name != path.stem:
        raise PlaygroundError(
            f"{path.name} calls its task '{head.name}'. A task has the name of its file: '{path.stem}'."
        )
    if isinstance(head.items, str):
        beside = path.with_name(Path(head.items).name)  # never outside the folder
        more = _bytes(beside)
        rows = _lines(beside.name, more)
    else:
        more, rows = b"", head.items
    reader = _reader(head.kind)
    items = tuple(_item(head, reader, row, f"{path.name}, item {place}") for place, row in enumerate(rows, start=1))
    if not items:
        raise PlaygroundError(f"{path.name} has no items. Give at least one.")
    if head.kind == "translation" and len({item.language for item in items}) > 1:
        raise PlaygroundError(
            f"{path.name} translates into several languages, which share no score. Make a task of each."
        )
    sha = hashlib.sha256(data + b"\0" + more).hexdigest()
    return Task(head.name, head.kind, head.title, head.about, head.licence, items, head.rules, sha)


@cache
def _reader(kind: Kind) -> TypeAdapter[Item]:
    """What reads items of a kind; to make one takes longer than to read a hundred items with it."""
    return TypeAdapter(CLASSES[kind])


def _item(head: _File, reader: TypeAdapter[Item], row: Any, where: str) -> Item:
    try:
        made = reader.validate_python(row)
    except ValidationError as error:
        raise PlaygroundError(f"{where}: {_first(error)}") from error
    if isinstance(made, Choice) and made.answer >= len(made.choices):
        raise PlaygroundError(
            f"{where}: answer is {made.answer}, but there are {len(made.choices)} choices, counted from 0."
        )
    return dataclasses.replace(made, domain=made.domain or head.domain, language=made.language or head.language)


def _lines(name: str, data: bytes) -> list[Any]:
    rows = []
    for number, line in enumerate(data.split(b"\n"), start=1):
        if line.strip():
            try:
                rows.append(json.loads(line))
            except ValueError as error:
                raise PlaygroundError(f"{name}, line {number} is no JSON: {error}.") from error
    return rows


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise PlaygroundError(f"{path.name} cannot be read: {error.strerror}.") from error


def _first(error: ValidationError) -> str:
    problem = error.errors()[0]
    place = ".".join(map(str, problem["loc"]))
    return f"{place}: {problem['msg']}." if place else f"{problem['msg']}."
