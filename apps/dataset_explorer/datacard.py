"""The card of a dataset for the Hub: front matter that the Hub reads, and in words what it is, where from, and under which terms."""

import json
from collections.abc import Sequence
from functools import cache
from typing import Any

from apps.dataset_explorer.ancestry import Step
from shared import languages
from shared.datasets.dataset import Dataset
from shared.env import ROOT
from shared.licences import Verdict

TAG = "llm-playground"
LANGUAGE_ROWS = 2_000
LANGUAGE_SHARE = 0.02  # of the rows: fewer may be mistakes
SIZES = ((10**3, "1K"), (10**4, "10K"), (10**5, "100K"), (10**6, "1M"), (10**7, "10M"), (10**8, "100M"), (10**9, "1B"))
JOINERS = "\u200c\u200d"  # no space between letters: Persian, Hindi and emoji need them
USE = {
    "yes": "may be used commercially",
    "conditions": "may be used commercially while the duties below are kept",
    "caution": "permits commercial use by its licence, but something stands against it",
    "unknown": "nothing readable is stated about commercial use",
    "no": "may not be used commercially",
}


@cache
def hub_licences() -> frozenset[str]:
    """Names of licences that the Hub takes in a card."""
    lines = (ROOT / "manifests" / "hub_licences.txt").read_text("utf-8").splitlines()
    return frozenset(line for line in lines if not line.startswith("#"))


def size_category(rows: int) -> str:
    """The Hub's name for a number of rows, such as "1K<n<10K".

    Args:
        rows: How many.
    """
    lower = ""
    for bound, name in SIZES:
        if rows < bound:
            return f"{lower}<n<{name}" if lower else f"n<{name}"
        lower = name
    return "1B<n<10B" if rows < 10**10 else "10B<n<100B"


def hub_licence(dataset: Dataset, verdict: Verdict) -> dict[str, str]:
    """The licence as the Hub's front matter has it: one of the Hub's own names, else "other" with a name.

    A licence that is contradicted is not passed on as if it were certain.

    Args:
        dataset: The dataset; its tag is used where the Hub knows it.
        verdict: What is known about its licence.
    """
    spdx = verdict.licence.lower()
    if not spdx:
        return {"license": "unknown"}
    if verdict.conflicts:
        return {"license": "other", "license_name": f"{_name(spdx)}-disputed"}
    tag = dataset.licence.strip().lower()
    known = next((name for name in (tag, spdx, spdx.removesuffix("-1.0")) if name in hub_licences() - {"other"}), "")
    return {"license": known} if known else {"license": "other", "license_name": _name(spdx)}


def _name(spdx: str) -> str:
    return spdx.replace(" ", "-").removeprefix("licenseref-")


def language_codes(dataset: Dataset) -> list[str]:
    """The languages of the first 2,000 rows, the most frequent first; those of fewer than one row in fifty are left out.

    Args:
        dataset: The dataset.
    """
    found = languages.LanguageCounts()
    for texts in dataset.texts():
        found += languages.count(texts.slice(0, LANGUAGE_ROWS - found.rows).to_pylist())
        if found.rows >= LANGUAGE_ROWS:
            break
    return [code for code, _, _, share in found.shares() if code != languages.UNKNOWN and share >= LANGUAGE_SHARE]


def datacard(dataset: Dataset, steps: Sequence[Step], verdict: Verdict, repo: str) -> str:
    """The card: Markdown with front matter.

    Args:
        dataset: The dataset.
        steps: Where it comes from (see `ancestry`), itself last.
        verdict: Whether it may be used commercially.
        repo: Its id on the Hub.
    """
    parts = [
        _front(dataset, verdict),
        f"# {_plain(dataset.name)}",
        _summary(dataset),
        "## Use",
        f'```python\nfrom datasets import load_dataset\n\nrows = load_dataset({json.dumps(repo)}, split="train")\n```',
        "## Columns",
        _table(("column", "type"), [(name, kind) for name, kind in dataset.types.items()]),
        "## Where it comes from",
        _lineage(steps),
        *_recipes(steps),
        "## Licence",
        _licence(verdict),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _front(dataset: Dataset, verdict: Verdict) -> str:
    facts: dict[str, Any] = {"pretty_name": _visible(dataset.name), **hub_licence(dataset, verdict)}
    codes = language_codes(dataset)
    facts |= {"language": codes} if codes else {}
    facts |= {"size_categories": [size_category(dataset.rows)], "tags": [TAG, dataset.shape.name]}
    lines = [f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in facts.items()]
    lines += [
        "configs:",
        "- config_name: default",
        "  data_files:",
        "  - split: train",
        "    path: data/train-*.parquet",
    ]
    return "\n".join(["---", *lines, "---"])


def _visible(text: str) -> str:
    """Without characters that YAML does not take in a quoted text."""
    return "".join(each if each.isprintable() or each in JOINERS else " " for each in text)


def _plain(text: str) -> str:
    """A text that Markdown shows as it is, on one line."""
    text = " ".join(_visible(text).split())
    for mark in "\\`*_[]<>|#~&":
        text = text.replace(mark, f"&#{ord(mark)};" if mark in "<>&" else f"\\{mark}")
    return text


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *([_plain(str(cell)) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _summary(dataset: Dataset) -> str:
    made = f"{dataset.rows:,} rows of the shape *{dataset.shape.name}*, made with LLM Playground's Dataset Explorer."
    return "\n".join(
        [made, *(f"\n- {_plain(note)}" if not at else f"- {_plain(note)}" for at, note in enumerate(dataset.notes))]
    )


def _lineage(steps: Sequence[Step]) -> str:
    """One row a dataset, sources first."""
    rows = []
    for step in steps:
        did = {"load": "loaded", "clean": "cleaned", "mix": "mixed", "gone": "not in the workspace any more"}[
            step.action
        ]
        licence = step.dataset.licence if step.dataset and step.action == "load" else ""
        rows.append((step.ref, did, ", ".join(step.sources), f"{step.rows:,}" if step.dataset else "", licence))
    return _table(("dataset", "how", "from", "rows", "licence as stated"), rows)


def _recipes(steps: Sequence[Step]) -> list[str]:
    """What every recipe did, in numbers."""
    parts = []
    for step in steps:
        if step.recipe is None:
            continue
        counts = step.recipe.counts
        if step.action == "clean":
            gone = counts["rows"] - counts["kept"]
            parts.append(f"### Cleaned: {_plain(step.ref)}")
            parts.append(
                f"{gone:,} of {counts['rows']:,} rows went, {counts['edited']:,} cells were edited, and in {counts['masked']:,} "
                "rows something was masked. A row that goes by several rules is counted at each."
            )
            rows = [
                (name.removeprefix("removed "), f"{rows:,}")
                for name, rows in counts.items()
                if name.startswith("removed ")
            ]
            parts += [_table(("rule", "rows"), rows)] if rows else []
        else:
            parts.append(f"### Mixed: {_plain(step.ref)}")
            given = [
                (part["dataset"], f"{part['weight']:g}", f"{counts[f'part {place}']:,}")
                for place, part in enumerate(step.recipe.settings["parts"])
            ]
            parts.append(_table(("part", "weight", "rows"), given))
    if parts:
        parts.append("Every setting is in `recipe.json`; the same recipe on the same sources gives the same bytes.")
    return parts


def _licence(verdict: Verdict) -> str:
    stated = f"Stated: {_plain(verdict.licence)}." if verdict.licence else "No licence is stated."
    parts = [f"{stated} As far as is known here: {USE[verdict.use]}."]
    for title, lines in (("Why", verdict.why), ("Duties", verdict.duties), ("Conflicts", verdict.conflicts)):
        if lines:
            parts.append("\n".join([f"**{title}**", "", *(f"- {_plain(line)}" for line in lines)]))
    return "\n\n".join([*parts, f"*{_plain(verdict.advice)}*"])
