"""The tab "Home": what each app does, what this machine can run, where the rows are."""

from collections.abc import Sequence
from html import escape
from typing import Any

import gradio as gr

from apps.portal import core
from apps.portal.tabs import experiments
from shared.appcard import AppCard
from shared.records import Record
from shared.suite import suite
from shared.ui.pieces import KEEP_QUERY, chip, html, section_html, table_html, tile, tiles_html
from shared.ui.wiring import when


def draw(load: Any, beside: Sequence[AppCard]) -> None:
    """Draw the tab; it is filled when the page loads.

    Args:
        load: The page's load event.
        beside: The apps that are served.
    """
    html('<div class="apps">' + "".join(_app(card) for card in beside if card.path != "/") + "</div>")
    with gr.Row(elem_classes="split"):
        with gr.Column(elem_classes="part", scale=3, min_width=320):
            html(section_html("This machine", "What it is decides which models it can answer with, tune and open up."))
            able = html(min_height=280)
        with gr.Column(elem_classes="part", scale=2, min_width=320):
            html(section_html("Sync", "Votes and records are copied to the remote; every one is safe here first."))
            synced = html(min_height=120)
    with gr.Column(elem_classes="part"):
        html(
            section_html(
                "Recent experiments", "Newest first; the tab Experiments filters, compares, runs again and exports."
            )
        )
        recent = html(min_height=200)
    when(
        load,
        core.records,
        lambda found: {recent: recent_table(found)},
        outputs=[recent],
        bound={"limit": 5},
        show_progress="hidden",
    )

    when(
        load,
        core.hardware,
        lambda capacity: {able: machine(capacity), synced: sync()},
        outputs=[able, synced],
        show_progress="hidden",
    )


def _app(card: AppCard) -> str:
    path = card.path.strip("/") + "/"
    return (
        f'<a href="{escape(path)}" onclick="{KEEP_QUERY}"><small>{escape(card.verb)}</small><b>{escape(card.title)}</b>'
        f"<span>{escape(card.sentence)}</span></a>"
    )


def recent_table(found: list[Record]) -> str:
    """The newest records, or what leaves one."""
    if not found:
        return experiments.NOTHING
    rows = [
        [
            escape(experiments.when_made(r)),
            escape(r.app),
            escape(r.action),
            escape(experiments.what(r)),
            escape(experiments.results(r)),
        ]
        for r in found
    ]
    return table_html(
        ["When (UTC)", "App", "Action", "On", "Results"],
        rows,
        ["when", "wide", "", "text", "text wide"],
        "Recent experiments",
    )


def machine(capacity: core.Capacity) -> str:
    """Tiles and the table of what fits."""
    found = capacity.machine
    gpu = found.gpus[0] if found.gpus else None
    return tiles_html(
        tile("Processor", f"{found.cores} {'core' if found.cores == 1 else 'cores'}", found.cpu[:40]),
        tile("Memory free", f"{found.memory_free_gib:.1f} GiB", f"of {found.memory_gib:.1f}"),
        tile("GPU", gpu.name if gpu else "None", f"{gpu.memory_gib:.0f} GiB" if gpu else "4 bit runs on the processor"),
        tile("Disk free", f"{found.disk_free_gib:,.0f} GiB", "in the workspace"),
    ) + abilities(capacity)


def abilities(capacity: core.Capacity) -> str:
    """What the machine's tier can do, by task."""
    tier = capacity.tier
    rows = [
        [
            escape(task),
            escape(able.model),
            f"{able.parameters_b:g}",
            f"{able.bits}",
            chip(able.mark, "ok" if able.mark == "measured" else "plain"),
        ]
        for task, able in [("Answer", tier.answer), ("Tune", tier.tune), ("Open up", tier.open_up)]
    ]
    heads = ["For", "Largest model", "Billion parameters", "Bits", "How sure"]
    sentence = f'<p class="aside">{escape(tier.title)}: {escape(tier.sentence)}</p>'
    return table_html(heads, rows, ["", "text", "num wide", "num wide", "num"], "What fits") + sentence


def sync() -> str:
    """Where the rows are."""
    if not suite().environment.remote:
        return '<p class="place">No remote is set: everything stays on this machine. Set PLAYGROUND_REMOTE to keep a copy elsewhere.</p>'
    state = suite().sync.state()
    trouble = f"<p>{chip(state.last_error, 'warn')}</p>" if state.last_error else ""
    return tiles_html(
        tile("Synced", f"{state.synced:,} rows", f"last at {state.last_time or 'never'}"),
        tile("Waiting", f"{state.waiting:,} rows", "sent within 30 s"),
    ) + trouble  # fmt: skip
