"""What is known about models, datasets and machines: `manifests/*.toml`, checked when it is read.

`manifests/models.txt` and `datasets.txt`, and files of these names in an app's folder, choose what this machine uses.
"""

import difflib
import json
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from shared.errors import PlaygroundError

Kind = Literal["models", "datasets"]
Mark = Literal["verified", "recalled", "unknown"]
Domain = Literal[
    "general",
    "conversation",
    "math",
    "code",
    "reasoning",
    "function_calling",
    "preference",
    "translation",
    "pretraining",
    "evaluation",
    "retrieval",
    "proof",
]
Seen = Literal["verified", "partly", "recalled"]
Entry = TypeVar("Entry", "ModelEntry", "DatasetEntry", "Tier")

STRICT = ConfigDict(extra="forbid", strict=True)
ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")
LINE = re.compile(r"(?P<id>[^@#\s]+)(@(?P<revision>[\w./-]+))?")


def _overall(checked: Iterable[Mark]) -> Seen:
    """One word for several marks."""
    marks = set(checked)
    return "verified" if marks == {"verified"} else "partly" if "verified" in marks else "recalled"


@dataclass(frozen=True)
class ModelEntry:
    """What is known about one model.

    Attributes:
        id: Name on the Hub, `owner/name`.
        family: Models that share an architecture and a way of training.
        parameters_b: All parameters, in thousand millions (10^9); memory follows from these.
        active_b: Parameters used for one token, in thousand millions; fewer than all in a mixture of experts.
        licence: As its authors name it.
        commercial: Whether it may be used commercially; "check" when the licence itself is not certain.
        why: Why it may or may not be used commercially.
        tiers: Tiers of machines it runs on, smallest first; it runs on every larger one too.
        four_bit: Those of `tiers` where it fits in 4 bits only.
        architecture: What is special about how it is built.
        languages: ISO 639 codes; "multi" for more than are listed.
        embedding: Whether it turns text into a vector instead of answering.
        gated: Whether the Hub asks to accept terms before it may be fetched.
        tuning: Memory for tuning that somebody else reported; empty when unknown.
        checked: For each fact (id, licence, parameters, architecture), whether it was verified or only recalled.
        source: Where it was verified.
        note: Anything else that one should know.
    """

    __pydantic_config__ = STRICT

    id: str
    family: str
    parameters_b: float
    active_b: float
    licence: str
    commercial: Literal["yes", "no", "conditional", "check"]
    why: str
    tiers: list[str]
    languages: list[str]
    checked: dict[Literal["id", "licence", "parameters", "architecture"], Mark]
    four_bit: list[str] = field(default_factory=list)
    architecture: str = ""
    embedding: bool = False
    gated: bool = False
    tuning: str = ""
    source: str = ""
    note: str = ""

    @property
    def verified(self) -> Seen:
        """verified: all that is marked; partly: some of it; recalled: nothing was looked up."""
        return _overall(self.checked.values())


@dataclass(frozen=True)
class DatasetEntry:
    """What is known about one dataset.

    Attributes:
        id: Name on the Hub, `owner/name`, or a name of ours for what is elsewhere.
        domain: What it is for.
        rows: How many rows, roughly when `size` says so; 0 when it is counted otherwise.
        size: How much there is, in the words of its source: "84437 messages", "1.3T tokens".
        languages: ISO 639 codes; "multi" for more than are listed; none for programs and proofs alone.
        licence: As its authors name it.
        commercial: Whether it may be used commercially. caution: allowed by its licence, doubtful all the same; mostly:
            some parts may not; eval_only: never train on it.
        why: Why it may or may not be used commercially.
        topic: What it is about, when the domain does not say it: "stories", "Lean 4".
        place: Where it is: the Hub, GitHub, another web page, or made by this project.
        url: Where to find it when it is not on the Hub.
        gated: Whether the Hub asks to accept terms before it may be fetched.
        checked: For each fact (id, licence, rows, contents), whether it was verified or only recalled.
        source: Where it was verified.
        note: Anything else that one should know.
    """

    __pydantic_config__ = STRICT

    id: str
    domain: Domain
    rows: int
    size: str
    languages: list[str]
    licence: str
    commercial: Literal["yes", "no", "caution", "conditional", "mostly", "eval_only"]
    why: str
    checked: dict[Literal["id", "licence", "rows", "contents"], Mark]
    topic: str = ""
    place: Literal["hub", "github", "web", "builtin"] = "hub"
    url: str = ""
    gated: bool = False
    source: str = ""
    note: str = ""

    @property
    def verified(self) -> Seen:
        """verified: all that is marked; partly: some of it; recalled: nothing was looked up."""
        return _overall(self.checked.values())


@dataclass(frozen=True)
class Ability:
    """The largest model that a tier can do something with.

    Attributes:
        parameters_b: Its parameters, in thousand millions (10^9).
        bits: Bits a weight: 4, 8, 16 or 32.
        dtype: In what the computing is done.
        model: A model of about that size, from models.toml.
        mark: How this is known: measured by us, reported by others, an estimate, or from memory.
        note: Under which conditions.
    """

    __pydantic_config__ = STRICT

    parameters_b: float
    bits: Literal[4, 8, 16, 32]
    dtype: Literal["float32", "bfloat16"]
    model: str
    mark: Literal["measured", "reported", "estimate", "recall"]
    note: str


@dataclass(frozen=True)
class Tier:
    """A class of machines.

    Attributes:
        id: Its name in the manifests.
        title: Its name for people.
        sentence: What it is good for.
        memory_gib: A machine of this tier has at least this much memory; less than its name says, because a part is
            always reserved.
        gpu_gib: Its largest GPU has at least this much memory; 0 needs none.
        answer: The largest model to answer with.
        tune: The largest model to tune.
        open_up: The largest model to look into: all attention maps and activations of a short prompt are kept.
    """

    __pydantic_config__ = STRICT

    id: str
    title: str
    sentence: str
    memory_gib: float
    gpu_gib: float
    answer: Ability
    tune: Ability
    open_up: Ability


@dataclass(frozen=True)
class Choice:
    """One line of a list that says what this machine uses.

    Attributes:
        id: The model or dataset.
        revision: Commit, tag or branch that the line pins; "" for the newest.
        where: File and line.
        entry: What is known about it; None when nothing is.
        problem: What is wrong with the line, and what to do; empty when nothing is.
    """

    id: str
    revision: str
    where: str
    entry: ModelEntry | DatasetEntry | None
    problem: str = ""


class Catalog:
    """The manifests of a folder, read when they are first asked for.

    Args:
        folder: Holds models.toml, datasets.toml, hardware.toml, models.txt and datasets.txt.
        apps: Folders in here may hold further models.txt and datasets.txt; None is `apps` beside `folder`.
    """

    def __init__(self, folder: Path, apps: Path | None = None) -> None:
        self.folder = Path(folder)
        self.apps = self.folder.parent / "apps" if apps is None else apps

    @cached_property
    def _models(self) -> list[ModelEntry]:
        models = self._read("models.toml", "model", ModelEntry)
        known = [tier.id for tier in self._tiers]
        for entry in models:
            for tier in [*entry.tiers, *entry.four_bit]:
                if tier not in known:
                    where = f"{self._name(self.folder / 'models.toml')}, entry '{entry.id}'"
                    raise PlaygroundError(f"{where}: there is no tier '{tier}'. hardware.toml has {', '.join(known)}.")
        return models

    @cached_property
    def _datasets(self) -> list[DatasetEntry]:
        return self._read("datasets.toml", "dataset", DatasetEntry)

    @cached_property
    def _tiers(self) -> list[Tier]:
        return self._read("hardware.toml", "tier", Tier)

    def models(self) -> list[ModelEntry]:
        """Every model of models.toml, in its order."""
        return list(self._models)

    def datasets(self) -> list[DatasetEntry]:
        """Every dataset of datasets.toml, in its order."""
        return list(self._datasets)

    def tiers(self) -> list[Tier]:
        """The tiers of machines, smallest first."""
        return list(self._tiers)

    def model(self, id: str) -> ModelEntry | None:
        """The model of that id, or None."""
        return next((entry for entry in self._models if entry.id == id), None)

    def dataset(self, id: str) -> DatasetEntry | None:
        """The dataset of that id, or None."""
        return next((entry for entry in self._datasets if entry.id == id), None)

    def chosen(self, kind: Kind) -> list[Choice]:
        """What this machine uses: the lines of `<kind>.txt` in the manifests and in every app's folder.

        Args:
            kind: "models" or "datasets".

        Returns:
            One choice an id and revision, in the order of the files; lines that cannot be used carry their problem.
        """
        found: dict[tuple[str, str], Choice] = {}
        for path in [self.folder / f"{kind}.txt", *sorted(self.apps.glob(f"*/{kind}.txt"))]:
            lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
            for number, line in enumerate(lines, start=1):
                text = line.partition("#")[0].strip()
                if text:
                    choice = self._choice(kind, text, f"{self._name(path)}, line {number}")
                    found.setdefault((choice.id, choice.revision), choice)
        return list(found.values())

    def _choice(self, kind: Kind, text: str, where: str) -> Choice:
        """One line, looked up."""
        match = LINE.fullmatch(text)
        if match is None:
            return Choice(text, "", where, None, f"'{text}' is not an id. Write owner/name, or owner/name@revision.")
        id, revision = match["id"], match["revision"] or ""
        entry = self.model(id) if kind == "models" else self.dataset(id)
        if entry is not None:
            return Choice(id, revision, where, entry)
        known = [each.id for each in (self._models if kind == "models" else self._datasets)]
        what = f"add it to {self._name(self.folder / kind)}.toml with its licence"
        return Choice(id, revision, where, None, f"'{id}' is not known. {_nearest(id, known)}Or {what}.")

    def _name(self, path: Path) -> str:
        """A file as a person knows it."""
        return str(path.relative_to(self.folder.parent)) if path.is_relative_to(self.folder.parent) else str(path)

    def _read(self, file: str, table: str, kind: type[Entry]) -> list[Entry]:
        """Every entry of a manifest, checked."""
        path = self.folder / file
        name = self._name(path)
        try:
            raw = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise PlaygroundError(f"{name} is missing. Take it from the project again.") from error
        except ValueError as error:
            raise PlaygroundError(f"{name} is not TOML: {error}.") from error
        if list(raw) != [table] or not isinstance(raw[table], list):
            raise PlaygroundError(
                f"{name} has to hold [[{table}]] entries only, and holds {', '.join(raw) or 'nothing'}."
            )
        kinds = TypeAdapter(kind)
        entries = [_entry(kind, kinds, each, f"{name}, entry {n}") for n, each in enumerate(raw[table], start=1)]
        ids = [entry.id for entry in entries]
        twice = next((id for id in ids if ids.count(id) > 1), None)
        if twice:
            raise PlaygroundError(f"{name} has two entries '{twice}'. Keep one.")
        return entries


def _entry(kind: type[Entry], kinds: TypeAdapter[Entry], raw: Any, where: str) -> Entry:
    """One entry with every field of the right type.

    Raises:
        PlaygroundError: Names the file, the entry and the field.
    """
    if not isinstance(raw, dict):
        raise PlaygroundError(f"{where} is not a table of fields but {raw!r}.")
    if isinstance(raw.get("id"), str):
        where += f" '{raw['id']}'"
        if not ID.fullmatch(raw["id"]):
            raise PlaygroundError(f"{where}, field 'id': '{raw['id']}' is not an id such as owner/name.")
    try:
        return kinds.validate_json(json.dumps(raw, default=str))  # strict, and still makes dataclasses of tables
    except ValidationError as error:
        first = error.errors()[0]
        *path, last = [str(part) for part in first["loc"] if part != "[key]"] or ["?"]
        place = ".".join([*path, last])
        if first["type"] == "unexpected_keyword_argument":
            known = list(kind.__dataclass_fields__) if not path else list(Ability.__dataclass_fields__)
            raise PlaygroundError(f"{where}: there is no field '{place}'. {_nearest(last, known)}".strip()) from error
        if first["type"] in ("missing", "missing_argument"):
            raise PlaygroundError(f"{where}: the field '{place}' is missing.") from error
        value = repr(first["input"])[:80]
        raise PlaygroundError(f"{where}, field '{place}': {first['msg']}; it is {value}.") from error


def _nearest(word: str, known: list[str]) -> str:
    """A question about the known word that looks most like this one; empty when none does."""
    folded = {each.lower(): each for each in known}
    near = difflib.get_close_matches(word.lower(), list(folded), 1, 0.6)
    return f"Did you mean '{folded[near[0]]}'? " if near else ""
