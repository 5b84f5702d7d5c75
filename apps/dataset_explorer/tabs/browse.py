"""The tab "Browse": read the rows, filter and sort them."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from apps.dataset_explorer import core
from apps.dataset_explorer.tabs import rows
from shared.ui.forms import form
from shared.ui.pieces import empty_html, html
from shared.ui.wiring import when

COUNT = 20


@dataclass(frozen=True)
class Browse:
    """The tab's parts that opening a dataset changes.

    Attributes:
        nothing: Shown until a dataset is open.
        something: Shown from then on.
        samples: The buttons that open a sample, by its ref.
        told: Tiles and remarks about the dataset.
        place: Which rows these are, in words.
        table: The rows.
        fields: The filter, by parameter of `page`; "start" is the first row shown.
        pager: The buttons, by how many rows they move.
    """

    nothing: gr.Column
    something: gr.Column
    samples: dict[str, gr.Button]
    told: gr.HTML
    place: gr.HTML
    table: gr.HTML
    fields: dict[str, Any]
    pager: dict[int, gr.Button]

    @property
    def parts(self) -> list[Any]:
        """Everything that opening a dataset changes."""
        return [self.nothing, self.something, self.told, *self.fields.values()]

    @property
    def drawn(self) -> list[Any]:
        """Everything that showing rows changes."""
        return [self.table, self.place, self.fields["start"], *self.pager.values()]

    def opened(self, loaded: core.Loaded) -> dict[Any, Any]:
        """A dataset was opened: facts, columns to choose from, no filter."""
        names = [("Any column", ""), *((name, name) for name in loaded.columns)]
        orders = [("Order of the source", ""), *((name, name) for name in loaded.columns)]
        return {
            self.nothing: gr.Column(visible=False),
            self.something: gr.Column(visible=True),
            self.told: rows.facts(loaded) + rows.remarks(loaded),
            self.fields["column"]: gr.Dropdown(choices=names, value=""),
            self.fields["test"]: "contains",
            self.fields["value"]: "",
            self.fields["order"]: gr.Dropdown(choices=orders, value=""),
            self.fields["descending"]: False,
            self.fields["start"]: 0,
        }

    def viewed(self, view: core.View) -> dict[Any, Any]:
        """Some rows were read."""
        end = view.start + len(view.rows)
        few = (
            f"Rows {view.start + 1:,} to {end:,} of {view.total:,}"
            if view.rows
            else f"No row here; {view.total:,} in all"
        )
        return {
            self.table: rows.rows_table(view),
            self.place: f'<p class="place">{few}</p>',
            self.fields["start"]: view.start,
            **{
                button: gr.Button(interactive=view.start > 0 if move <= 0 else end < view.total)
                for move, button in self.pager.items()
            },
        }


def draw(samples: dict[str, str], dataset: gr.State) -> Browse:
    """Draw the tab and wire its filter and pager.

    Args:
        samples: What the sample buttons say, by ref.
        dataset: The ref of the open dataset.
    """
    with gr.Column() as nothing:
        html(
            empty_html("Nothing is open yet", "Name a dataset or drop a file in the settings, or start with a sample.")
        )
        with gr.Row(elem_classes="samples"):
            buttons = {
                ref: gr.Button(title, variant="primary" if i == 0 else "secondary", scale=0, min_width=136)
                for i, (ref, title) in enumerate(samples.items())
            }
    with gr.Column(visible=False, elem_classes="work") as something:
        told = html(min_height=88)
        with gr.Row(elem_classes="filters"):
            fields = form(
                core.page, "column", "test", "value", "order", "descending", labels={"order": "Sort by"}, brief=True
            )
        with gr.Row(elem_classes="pager"):
            place = html()
            fields |= form(core.page, "start", labels={"start": "First row"}, brief=True)
            fields["start"].scale, fields["start"].min_width = 0, 112
            pager = {
                move: gr.Button(text, scale=0, min_width=72, interactive=False)
                for move, text in {0: "First", -COUNT: "Back", COUNT: "Next"}.items()
            }
        table = html(min_height=400)
    made = Browse(nothing, something, buttons, told, place, table, fields, pager)
    _wire(made, dataset)
    return made


def view(made: Browse, trigger: Any, dataset: gr.State, js: str | None = None) -> Any:
    """Show rows on `trigger`; `js` may change the first row on its way to the server."""
    inputs = {"dataset": dataset, **made.fields}
    return when(
        trigger, core.page, made.viewed, inputs=inputs, outputs=made.drawn, bound={"count": COUNT}, js=js,
        show_progress="hidden", trigger_mode="always_last",
    )  # fmt: skip


def _wire(made: Browse, dataset: gr.State) -> None:
    for move, button in made.pager.items():
        start = f"Math.max(0, a[a.length - 1] + {move})" if move else "0"
        view(made, button.click, dataset, f"(...a) => [...a.slice(0, -1), {start}]")
    again = "(...a) => [...a.slice(0, -1), 0]"
    for name in ("column", "test", "order", "descending"):
        view(made, made.fields[name].input, dataset, again)
    view(made, made.fields["value"].submit, dataset, again)
    view(made, made.fields["start"].submit, dataset)
