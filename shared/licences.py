"""May this data be used commercially, and why: what tag, card, parents and generators say, and where they disagree.

The rules are few. The narrowest of all facts decides. Nobody can give away more than they were given, so a copy of a
non-commercial set stays non-commercial whatever its tag says. Every fact carries the mark of how it is known. The facts
are tables: manifests/licences.toml (licences), manifests/lineage.toml (parents and generators) and the catalog.

This is no legal advice: it reads labels, and a lawyer reads licences.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from shared.catalog import DatasetEntry
from shared.licence_names import NONE, ORDER, Licence, Use, duty, recognise, restriction
from shared.lineage import (
    Mark,
    Origin,
    ancestors,
    generator,
    generators_in,
    generators_named,
    origin,
    sets_in,
    sets_named,
)

ADVICE = "This is not legal advice: it compares labels and known facts. Read the licence itself before you rely on it."
CATALOG: Mapping[str, Use] = {"conditional": "conditions", "mostly": "conditions", "eval_only": "yes"}
WROTE: Mapping[Mark, str] = {"stated": "By what came with the data, text", "suggested": "By the name of the set, text"}
MADE: Mapping[Mark, str] = {"stated": "By its card it is", "suggested": "By its name it seems to be"}


@dataclass(frozen=True)
class Evidence:
    """One fact that the verdict rests on.

    Attributes:
        source: Who says so: "tag", "card", "catalog", a parent's id, a model's name.
        says: What it says.
        mark: stated: read now in what came with the data; verified: looked up before; recalled: from memory;
            suggested: a name alone points there.
    """

    source: str
    says: str
    mark: Mark


@dataclass(frozen=True)
class Verdict:
    """Whether data may be used commercially.

    Attributes:
        use: yes; conditions: yes while the duties are kept; caution: the licence permits it but something stands
            against it; unknown: nothing, or nothing readable, is stated; no.
        licence: SPDX id of the stated licence; "" when none is.
        why: The reasons as sentences, the deciding ones first.
        duties: What to do when using or sharing the data.
        conflicts: Where tag, card, parents and generators contradict each other.
        evidence: Every fact, with the mark of how it is known.
        advice: What this verdict is not.
    """

    use: Use
    licence: str
    why: list[str]
    duties: list[str]
    conflicts: list[str]
    evidence: list[Evidence]
    advice: str = ADVICE


@dataclass
class _Case:
    """The facts of one verdict while they are gathered; dictionaries keep the order and drop repetitions."""

    known: Mapping[str, DatasetEntry]
    stated: Licence | None = None
    reasons: dict[str, Use] = field(default_factory=dict)
    duties: dict[str, str] = field(default_factory=dict)
    conflicts: dict[str, None] = field(default_factory=dict)
    evidence: dict[Evidence, None] = field(default_factory=dict)

    def add(self, use: Use, sentence: str) -> None:
        self.reasons.setdefault(sentence, use)

    def cite(self, source: str, says: str, mark: Mark) -> None:
        self.evidence[Evidence(source, says, mark)] = None

    def conflict(self, sentence: str) -> None:
        self.conflicts[sentence] = None

    def wider_than(self, use: Use) -> bool:
        """Whether the stated licence permits more than this use."""
        return self.stated is not None and ORDER.index(self.stated.commercial) < ORDER.index(use)


def verdict(
    dataset: str = "",
    tag: str = "",
    texts: Mapping[str, str] | None = None,
    generators: Sequence[str] = (),
    parts: Sequence[str] = (),
    entries: Sequence[DatasetEntry] = (),
) -> Verdict:
    """Whether a dataset may be used commercially, and why.

    Args:
        dataset: Its id or name ("hikariming/alpaca_chinese_dataset", "my-alpaca-zh"); "" when it has none.
        tag: Licence tag or SPDX id that it is published under; "" when there is none.
        texts: What came with it, by name: {"card": README text, "LICENSE": licence text}.
        generators: Names of models known to have written its text.
        parts: Names of the sets it is a mix of, as a source column or a recipe gives them.
        entries: The catalog's datasets; those that are the set itself or its ancestors are used.

    Returns:
        The verdict; the narrowest fact decides.
    """
    case = _Case({entry.id.lower(): entry for entry in entries})
    texts = texts or {}
    known = origin(dataset)
    entry = case.known.get(known.id.lower() if known else dataset.lower())
    _weigh_claims(case, tag, texts)
    _weigh_manifests(case, known, entry)
    _weigh_cards(case, texts)
    if known:
        _weigh_making(case, known)
    _weigh_pointers(case, "" if known or entry else dataset, texts, parts, known)
    for model in generators_named(generators):
        _weigh_generator(case, model, "stated")
    for model in (model for text in texts.values() for model in generators_in(text)):
        _weigh_generator(case, model, "stated")
    if not case.reasons:
        case.add("unknown", "No licence is stated. If the data is yours, the choice is; otherwise ask who made it.")
    reasons = sorted(case.reasons.items(), key=lambda reason: -ORDER.index(reason[1]))
    licence = case.stated.id if case.stated and case.stated.id != NONE else ""
    why = [sentence for sentence, _ in reasons]
    return Verdict(reasons[0][1], licence, why, list(case.duties.values()), list(case.conflicts), list(case.evidence))


def _weigh_claims(case: _Case, tag: str, texts: Mapping[str, str]) -> None:
    """Weigh what the data says its licence is: the tag is the statement; without one, the first text that names any."""
    tagged = recognise(tag)
    if tag and not tagged:
        case.add("unknown", f"The tag '{tag}' names no licence that is known here: read it.")
        case.cite("tag", tag, "stated")
    for found in tagged:
        _state(case, found, "tag", "stated", alone=len(tagged) == 1)
    for source, text in texts.items():
        for found in recognise(text):
            if case.stated is None:
                _state(case, found, source, "stated")
                continue
            case.cite(source, found.id, "stated")
            if found.narrower(case.stated):
                case.add(found.commercial, f"The {source} also names a licence, at least for a part: {found.sentence}.")
                case.conflict(f"{case.stated.id} is stated, but the {source} also names {found.id}.")


def _weigh_manifests(case: _Case, known: Origin | None, entry: DatasetEntry | None) -> None:
    """Weigh what the catalog and the lineage say the licence is."""
    if entry:
        use = CATALOG.get(entry.commercial, "unknown")
        case.add(next((same for same in ORDER if same == entry.commercial), use), f"By the catalog: {entry.why}")
        mark: Mark = "verified" if entry.checked.get("licence") == "verified" else "recalled"
        _weigh_known(case, entry.licence, "catalog", mark)
        if entry.commercial == "eval_only":
            case.add("yes", "It is an evaluation set: keep it out of training.")
    if known and known.licence:
        _weigh_known(case, known.licence, known.source or known.id, known.evidence)


def _weigh_known(case: _Case, text: str, source: str, mark: Mark) -> None:
    found = recognise(text)
    for one in found:
        if case.stated is None:
            _state(case, one, source, mark, alone=len(found) == 1)
        elif one.id != case.stated.id and (one.id != NONE or len(found) == 1):
            case.cite(source, one.id, mark)
            if one.narrower(case.stated):
                case.add("caution" if one.id == NONE else one.commercial, f"By {source}, {one.sentence}.")
                case.conflict(f"{case.stated.id} is stated, but by {source} it is {one.id}.")


def _state(case: _Case, found: Licence, source: str, mark: Mark, alone: bool = True) -> None:
    """Take a licence for the one that the set is under; "none" counts only when nothing else is named beside it."""
    case.cite(source, found.id, mark)
    if found.id == NONE and not alone:
        return
    case.stated = case.stated or found
    note = f" {found.note}" if found.note else ""
    case.add(found.commercial, f"{found.sentence[:1].upper()}{found.sentence[1:]}.{note}")
    case.duties.update(found.duties)


def _weigh_cards(case: _Case, texts: Mapping[str, str]) -> None:
    """Weigh sentences that narrow the licence, whatever it is."""
    for source, text in texts.items():
        narrowed = restriction(text)
        if narrowed:
            use, words = narrowed
            case.add(use, f"The {source} narrows the use: '{words}'.")
            case.cite(source, words, "stated")
            if case.stated and case.wider_than(use):
                case.conflict(f"{case.stated.id} is wider than what the {source} says: '{words}'.")


def _weigh_making(case: _Case, known: Origin) -> None:
    """Weigh what is known about the set itself: what narrows it, its parents, and who wrote its text."""
    if known.restriction:
        case.add(known.use, known.restriction)
        case.cite(known.source or known.id, known.restriction, known.evidence)
        if case.stated and case.wider_than(known.use):
            case.conflict(f"{case.stated.id} is wider than what is known of the set: {known.restriction}")
    if known.parts:
        case.add("conditions", f"It is a mix: filter by its column '{known.parts}' and check each part.")
        case.duties["per_part"] = duty("per_part")
    for parent, child in ((known, known), *ancestors(known)):
        if parent is not known:
            _weigh_parent(case, parent, child)
        for model in parent.generators:
            _weigh_generator(case, model, parent.evidence)


def _weigh_pointers(
    case: _Case, name: str, texts: Mapping[str, str], parts: Sequence[str], known: Origin | None
) -> None:
    """Weigh known sets that the name, the card or the source column point to, unless the lineage knows them already."""
    pointed: dict[str, tuple[Origin, Mark, str]] = {}
    for found in sets_named(name):
        pointed[found.id] = (found, "suggested", "its name says so")
    for found in (found for text in texts.values() for found in sets_in(text)):
        pointed[found.id] = (found, "stated", "named in the card")
    for found in (found for part in parts for found in sets_named(part)):
        pointed[found.id] = (found, "stated", "a part of it")
    settled = {known.id, *(parent.id for parent, _ in ancestors(known))} if known else set()
    for found, mark, relation in pointed.values():
        if found.id not in settled:
            child = Origin(name, mark, relation=relation, parts="source" if relation == "a part of it" else "")
            for parent, _ in ((found, child), *ancestors(found)):
                _weigh_parent(case, parent, child)
                for model in parent.generators:
                    _weigh_generator(case, model, mark)


def _weigh_parent(case: _Case, parent: Origin, child: Origin) -> None:
    """Weigh the licence of a set that this one was made of: it binds the copy too."""
    entry = case.known.get(parent.id.lower())
    made = MADE.get(child.evidence, "It is")
    for found in recognise(parent.licence or (entry.licence if entry else "")):
        case.cite(f"parent {parent.id}", f"{found.id} ({child.relation})", child.evidence)
        case.duties.update(found.duties)
        narrower = case.stated is None or found.narrower(case.stated)
        if found.commercial in ("no", "unknown"):
            limit: Use = "caution" if child.evidence == "suggested" else found.commercial
            case.add(limit, f"{made} made of {parent.id} ({child.relation}), and {found.sentence}.")
        elif narrower and case.stated:
            missing = f"{parent.id} under {found.id}, whose duties {case.stated.id} leaves out"
            case.add("caution", f"{made} made of {missing}.")
        if narrower and case.stated and found.id != NONE:
            case.conflict(
                f"{case.stated.id} is stated, but {parent.id} is under {found.id} ({child.relation}): "
                "nobody can give away more than they were given."
            )


def _weigh_generator(case: _Case, name: str, mark: Mark) -> None:
    """Weigh the terms of a model that wrote text of the set."""
    model = generator(name)
    case.add(model.use, f"{WROTE.get(mark, 'Text')} was written by {model.name}. {model.why}")
    case.cite(model.name, "wrote text of this set", mark)
    case.duties.update({code: duty(code) for code in model.duties})
    if case.stated and case.stated.commercial != "no" and model.use == "caution":
        case.conflict(f"{case.stated.id} is stated, but the terms for the output of {model.name} ask for more.")
