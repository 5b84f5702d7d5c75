"""Licences by name: the tag, the SPDX id, or the words in a card that mean one. Table: manifests/licences.toml."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

from shared.env import ROOT

Use = Literal["yes", "conditions", "caution", "unknown", "no"]

ORDER: tuple[Use, ...] = ("yes", "conditions", "caution", "unknown", "no")
"""From the widest to the narrowest: of several facts, the last of these decides."""

BINDING = frozenset({"share_alike", "share_data", "source", "terms", "no_derivatives"})
"""Duties that go on to whoever makes something of the data; a licence without them cannot stand on a set with them."""

NONE = "NONE"
FULL_TEXT = 500  # characters: a licence's own text is longer, and its sentences are not a card's
SAYS: Mapping[str, str] = {
    "yes": "permits commercial use",
    "conditions": "permits commercial use under conditions",
    "unknown": "is not known here: read what it permits",
    "no": "does not permit commercial use",
}
LONGEST = 200_000  # characters of a card that are read
LINE = 80  # characters: a shorter text is a tag or a list of tags
SEPARATORS = re.compile(r"[/,;+|]|\bor\b|\band\b")
VERSION = r"(?:[ -]*(?:international|unported|licen[cs]e|v|version)?[ -]*(?P<version>[1-4]\.\d))?"


@dataclass(frozen=True)
class Licence:
    """One licence of the manifest, in the version that was meant.

    Attributes:
        id: SPDX id ("CC-BY-NC-4.0"), without a version where none was given; "NONE" when it is said that there is none.
        name: Its name in words.
        commercial: Whether it permits commercial use.
        duties: What it asks for: sentences by code.
        url: Where to read it.
        note: What else to know.
    """

    id: str
    name: str
    commercial: Use
    duties: Mapping[str, str] = field(default_factory=dict)
    url: str = ""
    note: str = ""

    @property
    def sentence(self) -> str:
        """What it says about commercial use, as the end of a sentence."""
        return f"{'the absence of a licence' if self.id == NONE else self.id} {SAYS[self.commercial]}"

    def narrower(self, other: "Licence") -> bool:
        """Whether it forbids, or asks to pass on, what the other licence leaves free.

        Args:
            other: The licence to compare with.
        """
        if other.commercial == "no":
            return False
        if ORDER.index(self.commercial) > ORDER.index("conditions"):
            return self.commercial != other.commercial
        return bool(BINDING & set(self.duties) - set(other.duties))


def licence(tag: str) -> Licence | None:
    """The licence that a tag of the Hub or an SPDX id names.

    Args:
        tag: "apache-2.0", "CC-BY-NC-4.0", "llama3.1"; in any case.

    Returns:
        The licence, or None for a spelling that the manifest does not know.
    """
    return _tags().get(tag.strip().lower())


def recognise(text: str) -> list[Licence]:
    """Every licence that a text names: a tag, an SPDX id, a line of a card, or a licence file.

    Args:
        text: "CC BY-NC 4.0", "ODC-BY-1.0 + research note", "MIT / none"; or a whole README.

    Returns:
        The licences in the order of the text, each once.
    """
    parts = SEPARATORS.split(text) if len(text) < LINE else []
    exact = [licence(part.strip(" '\"()[]")) for part in (text, *parts)]
    found = [(text.find(parts[place - 1]), one) for place, one in enumerate(exact) if one and place]
    if exact[0]:
        return [exact[0]]
    rest = _plain(text)
    for pattern, entry in _patterns():
        for match in pattern.finditer(rest):
            found.append((match.start(), _version(entry, match.groupdict().get("version"))))
        rest = pattern.sub(lambda match: "\0" * len(match.group()), rest)
    ordered = {entry.id: entry for _, entry in sorted(found, key=lambda item: item[0])}
    return list(ordered.values())


def restriction(text: str) -> tuple[Use, str] | None:
    """The sentence of a card that narrows its licence: "for research purposes only", "non-commercial", "不得用于商业".

    Args:
        text: A card. Names of licences in it do not count, nor does the text of a licence itself.

    Returns:
        What use it leaves and the words themselves; None when nothing narrows it.
    """
    rest = _plain(text)
    if (
        len(rest) > FULL_TEXT
        and len(recognise(text)) == 1
        and re.search(r"terms and conditions|legal ?code|hereby", rest)
    ):
        return None
    for pattern, _ in _patterns():
        rest = pattern.sub(" ", rest)
    for use, pattern in _restrictions():
        match = pattern.search(rest)
        if match:
            return use, " ".join(match.group().split())
    return None


def duty(code: str) -> str:
    """What a duty asks for, as a sentence.

    Args:
        code: Its code in the manifest, such as "attribution".
    """
    return str(_manifest()["duties"][code])


def _plain(text: str) -> str:
    return text[:LONGEST].lower().replace("_", "-").replace("‑", "-").replace("–", "-")


def _version(entry: Mapping[str, Any], version: str | None) -> Licence:
    duties = {code: duty(code) for code in entry["duties"]}
    name = f"{entry['id']}-{version}" if version in entry.get("versions", []) else entry["id"]
    return Licence(name, entry["name"], entry["commercial"], duties, entry["url"], entry.get("note", ""))


@cache
def _manifest() -> dict[str, Any]:
    return tomllib.loads((ROOT / "manifests" / "licences.toml").read_text("utf-8"))


@cache
def _tags() -> dict[str, Licence]:
    tags: dict[str, Licence] = {}
    for entry in _manifest()["licence"]:
        for tag in {*entry["tags"], entry["id"].lower()}:
            tags[tag] = _version(entry, None)
            for version in entry.get("versions", []):
                tags[f"{tag}-{version}"] = _version(entry, version)
    return tags


@cache
def _patterns() -> list[tuple[re.Pattern[str], dict[str, Any]]]:
    """One pattern for each licence, most specific first as in the manifest; a version may follow the name."""
    return [
        (re.compile(f"(?:{'|'.join(entry['patterns'])}){VERSION if 'versions' in entry else ''}"), entry)
        for entry in _manifest()["licence"]
        if entry["patterns"]
    ]


@cache
def _restrictions() -> list[tuple[Use, re.Pattern[str]]]:
    uses: tuple[Use, ...] = ("no", "caution")
    return [(use, re.compile("|".join(_manifest()["restrictions"][use]))) for use in uses]
