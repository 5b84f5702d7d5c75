"""The tab "Save": the dataset, or the answer to a query, as a file."""

import gradio as gr

from apps.dataset_explorer import core
from shared.ui.forms import form
from shared.ui.pieces import empty_html
from shared.ui.work import Work

NOTHING = empty_html(
    "No file yet", "Open a dataset, choose a format, and write the file. It stays in your workspace, too."
)


def draw(dataset: gr.State) -> None:
    """Draw the tab and wire it.

    Args:
        dataset: The ref of the open dataset.
    """
    with gr.Column(elem_classes="work"):
        with gr.Row(elem_classes="filters"):
            fields = form(core.export, "format", "sql", labels={"sql": "Only what this SQL returns"}, brief=True)
        with gr.Row(elem_classes="askrow"):
            work = Work("Write the file", width=136)
        told = work.place(NOTHING)
        file = gr.File(label="File", visible=False, interactive=False)

    def written(exported: core.Exported) -> dict[object, object]:
        size = f"{exported.bytes / 1e6:,.1f} MB" if exported.bytes >= 1e6 else f"{exported.bytes:,} bytes"
        return {
            told: f'<p class="place">{exported.rows:,} rows, {size}</p>',
            file: gr.File(value=str(exported.file.path), visible=True),
        }

    work.runs(core.export, written, {"dataset": dataset, **fields}, [told, file])
