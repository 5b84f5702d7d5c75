"""The tab "Check": duplicates, leaked test items, and whether the data may be used."""

from html import escape
from typing import Any

import gradio as gr

from apps.dataset_explorer import core
from apps.dataset_explorer.benchmark_index import shipped
from shared.ui.forms import form
from shared.ui.pieces import Kind, chip, html, section_html, table_html, tile, tiles_html
from shared.ui.wiring import when
from shared.ui.work import Work

USES: dict[str, tuple[str, Kind]] = {
    "yes": ("May be used commercially", "ok"),
    "conditions": ("May be used commercially while the duties are kept", "ok"),
    "caution": ("Permitted, but something stands against it", "warn"),
    "unknown": ("Nothing readable is stated", "warn"),
    "no": ("Not for commercial use", "bad"),
}
SHOWN = 50


def draw(dataset: gr.State) -> list[gr.Dropdown]:
    """Draw the tab and wire it.

    Args:
        dataset: The ref of the open dataset.

    Returns:
        The drop-downs that name columns.
    """
    columns = [_duplicates(dataset), *_leaks(dataset)]
    _licence(dataset)
    return columns


def _duplicates(dataset: gr.State) -> gr.Dropdown:
    with gr.Column(elem_classes="work"):
        html(
            section_html(
                "Rows that say the same", "Near-duplicates are found exactly: every pair and no other, in any language."
            )
        )
        with gr.Row(elem_classes="filters"):
            fields = form(core.duplicates, "kind", "threshold", "column", brief=True)
            work = Work("Find", width=96)
        found = work.place('<p class="aside">Not looked for yet.</p>', min_height=64)

    inputs = {"dataset": dataset, **fields}
    work.runs(core.duplicates, lambda result: {found: repeated(result)}, inputs, [found])
    column: gr.Dropdown = fields["column"]
    return column


def _leaks(dataset: gr.State) -> list[gr.Dropdown]:
    with gr.Column(elem_classes="work part"):
        html(section_html("Test items that leaked in", "GSM8K, HumanEval, MBPP and MATH are known without a network."))
        with gr.Row(elem_classes="filters"):
            fields = form(core.contamination, "benchmarks", "n", "column", labels={"n": "Words in a row"}, brief=True)
            fields["benchmarks"].choices = [(name, name) for name in shipped()]
            find = gr.Button("Find", scale=0, min_width=96)
        found = html('<p class="aside">Not looked for yet.</p>', min_height=64)
        with gr.Accordion("Use the open dataset as a test set", open=False), gr.Row(elem_classes="filters"):
            own = form(core.add_benchmark, "name", "question", "answer", brief=True)
            add = gr.Button("Add", scale=0, min_width=96)

    def added(result: core.Added) -> dict[Any, Any]:
        names = [*shipped(), result.name]
        told = f'<p class="place">{escape(result.name)} is known with {result.items:,} items; open another dataset to check it.</p>'
        return {found: told, fields["benchmarks"]: gr.Dropdown(choices=names)}

    when(
        add.click, core.add_benchmark, added, inputs={"dataset": dataset, **own}, outputs=[found, fields["benchmarks"]]
    )

    def shown(result: core.Leaked) -> dict[Any, Any]:
        return {found: leaked(result)}

    when(find.click, core.contamination, shown, inputs={"dataset": dataset, **fields}, outputs=[found])
    return [fields["column"], own["question"], own["answer"]]


def _licence(dataset: gr.State) -> None:
    with gr.Column(elem_classes="work part"):
        html(section_html("May I use it?", "Its tag, its parents and the models that wrote it are compared."))
        with gr.Row(elem_classes="askrow"):
            ask = gr.Button("Ask", scale=0, min_width=96)
        found = html('<p class="aside">Not asked yet.</p>', min_height=64)
    when(
        ask.click, core.licence, lambda result: {found: licensed(result)}, inputs={"dataset": dataset}, outputs=[found]
    )


def repeated(result: core.Repeated) -> str:
    """Tiles and the pairs with their evidence."""
    if not result.groups:
        return '<p class="place">No two rows are alike.</p>'
    head = tiles_html(
        tile("Groups", f"{len(result.groups):,}", "rows that belong together"),
        tile("Pairs", f"{result.pair_count:,}", f"{min(SHOWN, len(result.pairs))} shown below"),
        tile("Could go", f"{len(result.removable):,}", "all but the first of each group"),
    )
    rows = [
        [f"{e.a:,}", f"{e.b:,}", f"{e.similarity:.3f}", escape(e.text_a), escape(e.text_b)]
        for e in result.examples[:SHOWN]
    ]
    return head + table_html(
        ["Row", "and", "Similarity", "Text", "Text of the other"], rows, ["num", "num", "num", "text", "text wide"]
    )


def leaked(result: core.Leaked) -> str:
    """Which rows hold which items."""
    if not result.hits:
        return '<p class="place">No row repeats a test item.</p>'
    rows = [
        [f"{hit.row:,}", escape(hit.benchmark), escape(hit.item), f"{hit.coverage:.0%}", escape(hit.text[:300])]
        for hit in result.hits[:SHOWN]
    ]
    heads = ["Row", "Benchmark", "Item", "Of the row", "The text they share"]
    told = f'<p class="place">{result.rows:,} rows repeat test items.</p>'
    return told + table_html(heads, rows, ["num", "", "", "num", "text"])


def licensed(result: core.Licensed) -> str:
    """The verdict with its reasons."""
    text, kind = USES[result.use]

    def listed(title: str, lines: list[str]) -> str:
        items = "".join(f"<li>{escape(line)}</li>" for line in lines)
        return f'<h3 class="aside">{escape(title)}</h3><ul class="plain">{items}</ul>' if lines else ""

    evidence = [f"{e.source}: {e.says} ({e.mark})" for e in result.evidence]
    return (
        f'<div class="chips">{chip(text, kind)}{chip(result.licence or "no licence stated")}</div>'
        + listed("Why", result.why) + listed("Duties", result.duties) + listed("Conflicts", result.conflicts)
        + listed("Evidence", evidence) + f'<p class="aside">{escape(result.advice)}</p>'
    )  # fmt: skip
