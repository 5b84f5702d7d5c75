"""The tab "Ask": SQL over the open dataset."""

from dataclasses import dataclass

import gradio as gr

from apps.dataset_explorer import core
from apps.dataset_explorer.tabs import rows
from shared.ui.forms import form
from shared.ui.pieces import empty_html, html
from shared.ui.work import Work

EXAMPLE = "SELECT * FROM data LIMIT 20"
NOTHING = empty_html("No answer yet", "Open a dataset, then run a SELECT over the table data.")


@dataclass(frozen=True)
class Ask:
    """The tab's parts.

    Attributes:
        sql: The question, also what the tab "Save" can write to a file.
    """

    sql: gr.Textbox


def draw(dataset: gr.State) -> Ask:
    """Draw the tab and wire it.

    Args:
        dataset: The ref of the open dataset.
    """
    with gr.Column(elem_classes="work"):
        fields = form(core.query, "sql", labels={"sql": "SQL"})
        sql = fields["sql"]
        sql.lines, sql.value, sql.elem_classes = 4, EXAMPLE, ["mono"]
        with gr.Row(elem_classes="askrow"):
            work = Work("Run", width=96)
            told = html()
        table = work.place(NOTHING, min_height=240)

    def answered(answer: core.Answer) -> dict[object, object]:
        cut = ", cut at the limit" if answer.truncated else ""
        count = f"{len(answer.rows):,} {'row' if len(answer.rows) == 1 else 'rows'}{cut}"
        return {table: rows.answer_table(answer), told: f'<p class="place">{count}</p>'}

    work.runs(core.query, answered, {"dataset": dataset, **fields}, [table, told])
    return Ask(sql)
