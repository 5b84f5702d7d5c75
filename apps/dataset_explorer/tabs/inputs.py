"""Inputs of this app that a signature alone does not make: lists of small objects, edited as a table."""

from typing import Any

import gradio as gr


def objects(headers: list[str], types: list[str], label: str, rows: int = 1) -> gr.Dataframe:
    """An empty table whose rows `when` hands to core as objects.

    Args:
        headers: Names of the fields.
        types: "str" or "number", one a field.
        label: What the table holds.
        rows: How many empty rows to begin with.
    """
    blank: list[list[Any]] = [["" if kind == "str" else None for kind in types] for _ in range(rows)]
    return gr.Dataframe(
        blank, headers=headers, datatype=types, label=label, interactive=True, type="array",
        row_count=(rows, "dynamic"), column_count=(len(headers), "fixed"), wrap=True,
    )  # fmt: skip
