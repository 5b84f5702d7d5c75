"""Where a dataset comes from, through every recipe back to what was loaded, and what that means for its licence."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from apps.dataset_explorer.names import known_as
from apps.dataset_explorer.recipes import Recipe, read_recipe
from shared.catalog import DatasetEntry
from shared.datasets.dataset import Dataset, open_dataset
from shared.errors import PlaygroundError
from shared.licence_names import ORDER, licence
from shared.licences import Verdict, verdict
from shared.store import Store


@dataclass(frozen=True)
class Step:
    """One dataset on the way.

    Attributes:
        ref: Its ref.
        action: How it came about: load, clean or mix; "gone" when it is not in the workspace any more.
        sources: Refs of the datasets that it was made from; of a loaded one, where it came from.
        rows: Its rows.
        dataset: The dataset itself; None when it is gone.
        recipe: How it was made; None when it was loaded.
    """

    ref: str
    action: Literal["load", "clean", "mix", "gone"]
    sources: list[str]
    rows: int
    dataset: Dataset | None = None
    recipe: Recipe | None = None


def ancestry(store: Store, dataset: Dataset) -> list[Step]:
    """Every dataset that this one was made from, sources before what was made of them, each once; itself last.

    Args:
        store: Where they are.
        dataset: Any dataset of the store.
    """
    found: dict[str, Step] = {}
    _follow(store, dataset, found)
    return list(found.values())


def _follow(store: Store, dataset: Dataset, found: dict[str, Step]) -> None:
    recipe = read_recipe(dataset)
    for ref in recipe.sources if recipe else ():
        try:
            if ref not in found:
                _follow(store, open_dataset(store, ref), found)
        except PlaygroundError:
            found[ref] = Step(ref, "gone", [], 0)
    sources = recipe.sources if recipe else [dataset.source] if dataset.source else []
    found[dataset.ref] = Step(dataset.ref, recipe.action if recipe else "load", sources, dataset.rows, dataset, recipe)


def judge(store: Store, dataset: Dataset, entries: Sequence[DatasetEntry] = (), tag: str = "") -> Verdict:
    """Whether a dataset may be used commercially, by everything that it was made from: the strictest source decides.

    Args:
        store: Where its sources are.
        dataset: Any dataset of the store.
        entries: The catalog's datasets.
        tag: A licence to weigh instead of the ones that the sources state.
    """
    steps = ancestry(store, dataset)
    loaded = [step.dataset for step in steps if step.action == "load" and step.dataset]
    found = [(each, verdict(known_as(each.source, each.name), tag or each.licence, entries=entries)) for each in loaded]
    lost = [step.ref for step in steps if step.action == "gone"]
    if lost or not found:
        gone = f"Its source {', '.join(lost)} is not in the workspace any more: what that allows is not known."
        found.append((dataset, replace(verdict(), why=[gone])))
    return found[0][1] if len(found) == 1 else strictest(found)


def strictest(parts: Sequence[tuple[Dataset, Verdict]]) -> Verdict:
    """The verdict on a mix: its use is that of the strictest part, its licence an expression of all of them.

    Args:
        parts: The parts and the verdict on each, at least one.
    """
    ordered = sorted(parts, key=lambda part: -ORDER.index(part[1].use))
    stated = list(dict.fromkeys(one.licence or "LicenseRef-unknown" for _, one in parts))
    use = ordered[0][1].use
    several = f"The strictest of {len(parts)} sources decides: {ordered[0][0].name}." if len(parts) > 1 else ""
    return Verdict(
        use=use,
        licence=" AND ".join(stated),
        why=[*filter(None, [several]), *(f"{each.name}: {why}" for each, one in ordered for why in one.why)],
        duties=list(dict.fromkeys(duty for _, one in ordered for duty in one.duties)),
        conflicts=[*_opposed(stated), *(f"{each.name}: {text}" for each, one in ordered for text in one.conflicts)],
        evidence=list(dict.fromkeys(fact for _, one in ordered for fact in one.evidence)),
    )


def _opposed(stated: Sequence[str]) -> list[str]:
    """Licences that each want the whole under their own terms."""
    known = [found for found in map(licence, stated) if found]
    binding = [each.id for each in known if "share_alike" in each.duties]
    if not binding or len(known) < 2:
        return []
    others = [each.id for each in known if each.id != binding[0] and (each.id in binding or each.commercial == "no")]
    if not others:
        return []
    return [f"{binding[0]} asks for the whole under its own terms, which {others[0]} does not allow."]
