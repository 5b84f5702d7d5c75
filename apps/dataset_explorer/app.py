"""The Dataset Explorer's screen: what is on it, how a result is shown, and who calls whom."""

from collections.abc import Sequence
from typing import Any

import gradio as gr

from apps.dataset_explorer import CARD, core
from apps.dataset_explorer.tabs import (
    ask,
    browse,
    check,
    clean,
    compare,
    landmap,
    mix,
    profile,
    publish,
    rows,
    save,
    search,
)
from shared.appcard import AppCard
from shared.datasets.samples import samples
from shared.ui.forms import Form, form
from shared.ui.page import page
from shared.ui.work import Work

STOPPED = "Stopped. What was open stays open."


def build(beside: Sequence[AppCard] = ()) -> gr.Blocks:
    """The page; the caller launches or mounts it.

    Args:
        beside: The apps that are served with it.
    """
    fields: Form = {}
    with page(CARD, beside, lambda: fields.update(_settings())) as made:
        dataset = gr.State("")
        work = fields["open"]
        work.track(min_height=None)
        offered = {sample.ref: sample.title for sample in samples()}
        with gr.Tabs():
            with gr.Tab("Browse"):
                tab = browse.draw(offered, dataset)
            columns, results = _tabs(dataset, list(offered))

        def opened(loaded: core.Loaded) -> dict[Any, Any]:
            names = [("Whole row", ""), *((name, name) for name in loaded.columns)]
            chosen = {column: gr.Dropdown(choices=names, value="") for column in columns}
            return {dataset: loaded.dataset, **made.header(rows.chips(loaded)), **tab.opened(loaded), **chosen}

        def load(triggers: Sequence[Any], inputs: dict[str, Any], **bound: str) -> None:
            drawn = [dataset, made.head, *tab.parts, *columns]
            for event in work.runs(core.load, opened, inputs, drawn, on=triggers, bound=bound, said=STOPPED):
                browse.view(tab, event.success, dataset)

        named = {"source": fields["named"], **{name: fields[name] for name in ("split", "config")}}
        work.starts += tab.samples.values()
        load([work.go.click, fields["named"].submit], named)
        load([fields["upload"].upload], {"source": fields["upload"]})
        for result in results:
            load([result.open.click], {"source": result.made})
        for ref, button in tab.samples.items():
            load([button.click], {}, source=ref)
    return made.blocks


def _settings() -> Form:
    named = form(core.load, "source", labels={"source": "Dataset"})["source"]
    named.placeholder, named.info = "openai/gsm8k", "A name on the Hub, a ref, or a path that is allowed."
    upload = gr.File(label="Or a file", file_count="single", height=136, interactive=True)
    with gr.Accordion("More settings", open=False):
        parts = form(core.load, "split", "config")
    with gr.Row(elem_classes="askrow"):
        work = Work("Open")
    return {"named": named, "upload": upload, **parts, "open": work}


def _tabs(dataset: gr.State, known: list[str]) -> tuple[list[gr.Dropdown], list[clean.Clean]]:
    """Every tab but the first: the drop-downs that name columns, and the results that can be opened."""
    with gr.Tab("Search"):
        columns = [search.draw(dataset)]
    with gr.Tab("Profile"):
        columns += profile.draw(dataset)
    with gr.Tab("Map"):
        columns.append(landmap.draw(dataset))
    with gr.Tab("Check"):
        columns += check.draw(dataset)
    with gr.Tab("Clean"):
        cleaned = clean.draw(dataset)
    with gr.Tab("Compare"):
        compare.draw(dataset, known)
    with gr.Tab("Mix"):
        mixed = mix.draw()
    with gr.Tab("Ask in SQL"):
        ask.draw(dataset)
    with gr.Tab("Save"):
        save.draw(dataset)
        publish.draw(dataset)
    return columns + cleaned.columns, [cleaned, mixed]
