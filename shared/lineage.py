"""Where known datasets come from: what they were made of and who wrote them. Facts: manifests/lineage.toml."""

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from shared.env import ROOT
from shared.licence_names import LONGEST, Use

Mark = Literal["stated", "verified", "recalled", "suggested"]

BEFORE, AFTER = 90, 45  # characters around a name in which a verb speaks about it
SENTENCE = re.compile(r"[.!?。！？\n](?=\s|$)|[。！？\n]")


@dataclass(frozen=True)
class Generator:
    """A model, or a family of them, whose text is in datasets.

    Attributes:
        id: Its name in the manifest.
        name: Its name in a sentence.
        patterns: Regular expressions (lower case) that mean it.
        use: The most that its terms leave of a permissive licence.
        why: What its terms say.
        evidence: How that is known.
        url: Where to read the terms.
        duties: Codes of what the terms ask for.
    """

    id: str
    name: str
    patterns: tuple[str, ...]
    use: Use
    why: str
    evidence: Mark
    url: str = ""
    duties: tuple[str, ...] = ()


@dataclass(frozen=True)
class Origin:
    """What is known about the making of one dataset.

    Attributes:
        id: Its id on the Hub, or `owner/name` of its repository.
        evidence: How this is known.
        source: Where it was looked up.
        relation: How it was made, in a few words.
        licence: Its licence, when the catalog does not list it.
        names: Regular expressions (lower case) that mean it in a name or a card.
        parents: Ids of what it was made of.
        generators: Ids of the models that wrote its text.
        restriction: A sentence that narrows its licence.
        use: What that sentence leaves.
        parts: The column that says which part of a mix a row comes from.
    """

    id: str
    evidence: Mark
    source: str = ""
    relation: str = "made of it"
    licence: str = ""
    names: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
    generators: tuple[str, ...] = ()
    restriction: str = ""
    use: Use = "no"
    parts: str = ""


def origin(dataset: str) -> Origin | None:
    """What is known about a dataset.

    Args:
        dataset: Its id, or a `hub:` ref.
    """
    return _origins().get(dataset.lower().removeprefix("hub:").partition("@")[0].partition("#")[0])


def ancestors(start: Origin) -> Iterator[tuple[Origin, Origin]]:
    """Every parent, grandparent and so on, each once, with the set that was made of it.

    Args:
        start: The set to begin with.
    """
    waiting = [(name, start) for name in start.parents]
    seen = {start.id}
    while waiting:
        name, child = waiting.pop(0)
        if name not in seen:
            seen.add(name)
            parent = _origins().get(name.lower()) or Origin(name, child.evidence)
            yield parent, child
            waiting += [(grandparent, parent) for grandparent in parent.parents]


def generator(name: str) -> Generator:
    """A generator by its id in the manifest.

    Args:
        name: Such as "openai".
    """
    return _generators()[name]


def generators_named(names: Sequence[str]) -> list[str]:
    """Ids of the generators that these names of models mean.

    Args:
        names: "gpt-4-0613", "Claude 3", "meta-llama/Llama-3.1-70B".
    """
    return [
        model.id
        for model in _generators().values()
        if any(re.search(pattern, name.lower()) for pattern in model.patterns for name in names)
    ]


def generators_in(card: str) -> list[str]:
    """Ids of the generators that a card says wrote text: their name stands beside "generated", "answers" and the like.

    Args:
        card: A README.
    """
    return [model.id for model in _generators().values() if _spoken(card, "|".join(model.patterns), "generated")]


def sets_named(name: str) -> list[Origin]:
    """Known sets that a dataset's name points to: "my-alpaca-zh" points to Alpaca.

    Args:
        name: Name or id of a dataset.
    """
    return [known for known, pattern in _mentions() if pattern.search(name.lower())]


def sets_in(card: str) -> list[Origin]:
    """Known sets that a card says its data was made of: their name stands beside "based on", "translated" and the like.

    Args:
        card: A README.
    """
    return [known for known, pattern in _mentions() if _spoken(card, pattern.pattern, "derived")]


def _spoken(card: str, name: str, verbs: str) -> bool:
    """Whether one of the verbs stands near the name, in the same sentence."""
    text = card[:LONGEST].lower()
    words = _manifest()["words"][verbs]
    for match in re.finditer(name, text):
        before = SENTENCE.split(text[max(0, match.start() - BEFORE) : match.start()])[-1]
        after = SENTENCE.split(text[match.end() : match.end() + AFTER])[0]
        if re.search(words, before + " " + after):
            return True
    return False


@cache
def _manifest() -> dict[str, Any]:
    return tomllib.loads((ROOT / "manifests" / "lineage.toml").read_text("utf-8"))


@cache
def _generators() -> dict[str, Generator]:
    return {model["id"]: Generator(**_tuples(model)) for model in _manifest()["generator"]}


@cache
def _origins() -> dict[str, Origin]:
    return {known["id"].lower(): Origin(**_tuples(known)) for known in _manifest()["set"]}


@cache
def _mentions() -> list[tuple[Origin, re.Pattern[str]]]:
    tail = _manifest()["words"]["format_only"]
    return [(known, re.compile(f"(?:{'|'.join(known.names)}){tail}")) for known in _origins().values() if known.names]


def _tuples(table: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
