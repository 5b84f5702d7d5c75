"""The Dataset Explorer's screen: what is on it, how a result is shown, and who calls whom."""

from collections.abc import Sequence
from typing import Any

import gradio as gr

from apps.dataset_explorer import CARD, core
from apps.dataset_explorer.tabs import ask, browse, rows, save
from shared.appcard import AppCard
from shared.datasets.samples import samples
from shared.ui.forms import Form, form
from shared.ui.page import page
from shared.ui.pieces import html
from shared.ui.wiring import when


def build(beside: Sequence[AppCard] = ()) -> gr.Blocks:
    """The page; the caller launches or mounts it.

    Args:
        beside: The apps that are served with it.
    """
    fields: Form = {}

    def settings() -> None:
        fields["named"] = form(core.load, "source", labels={"source": "Dataset"})["source"]
        fields["named"].placeholder = "openai/gsm8k"
        fields["named"].info = "A name on the Hub, a ref, or a path that is allowed."
        fields["upload"] = gr.File(label="Or a file", file_count="single", height=136, interactive=True)
        with gr.Accordion("More settings", open=False):
            fields.update(form(core.load, "split", "config"))
        fields["open"] = gr.Button("Open", variant="primary")

    with page(CARD, beside, settings) as made:
        dataset = gr.State("")
        working = html()
        with gr.Tabs():
            with gr.Tab("Browse"):
                tab = browse.draw({sample.ref: sample.title for sample in samples()}, dataset)
            with gr.Tab("Ask in SQL"):
                ask.draw(dataset)
            with gr.Tab("Save"):
                save.draw(dataset)

        def opened(loaded: core.Loaded) -> dict[Any, Any]:
            return {dataset: loaded.dataset, **made.header(rows.chips(loaded)), **tab.opened(loaded)}

        def load(trigger: Any, inputs: dict[str, Any], **more: Any) -> None:
            drawn = [dataset, made.head, *tab.parts]
            event = when(trigger, core.load, opened, inputs=inputs, outputs=drawn, progress=working, **more)
            browse.view(tab, event.success, dataset)

        parts = {name: fields[name] for name in ("split", "config")}
        load(fields["open"].click, {"source": fields["named"], **parts})
        load(fields["named"].submit, {"source": fields["named"], **parts})
        load(fields["upload"].upload, {"source": fields["upload"]})
        for ref, button in tab.samples.items():
            load(button.click, {}, bound={"source": ref})
    return made.blocks
