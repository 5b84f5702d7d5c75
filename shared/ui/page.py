"""One page of the suite: its Blocks, navigation bar, header and the chip that says where its rows are."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import gradio as gr

from shared.appcard import AppCard
from shared.suite import suite
from shared.ui.guard import SESSIONS, Guarded
from shared.ui.pieces import Kind, header_html, html, nav_html
from shared.ui.wiring import expose


@dataclass(frozen=True)
class Page:
    """A page that is being built.

    Attributes:
        blocks: The Gradio app.
        card: Whose page it is.
        head: The header; draw it again with `header`.
    """

    blocks: gr.Blocks
    card: AppCard
    head: gr.HTML

    def header(self, chips: Iterable[tuple[str, Kind]] = ()) -> dict[Any, Any]:
        """The header with other chips, as an update for `when`'s show."""
        return {self.head: header_html(self.card.title, self.card.sentence, [*chips, saved()])}


@contextmanager
def page(card: AppCard, beside: Sequence[AppCard] = (), sidebar: Any = None, headed: bool = True) -> Iterator[Page]:
    """A Blocks with everything that all pages share; the app adds its own inside the block.

    Args:
        card: The app; its endpoints are published first, before a listener can claim their names.
        beside: Every app that is served with it; none when it runs alone.
        sidebar: Draws the settings: called without arguments inside a sidebar.
        headed: Whether the header is drawn when the page loads; an app with chips of its own draws it itself.
    """
    with Guarded(title=card.title, analytics_enabled=False, delete_cache=(3600, 86400)) as blocks:
        blocks.state_session_capacity = SESSIONS
        expose(card)
        html(nav_html(card, beside or [card]))
        if sidebar is not None:
            with gr.Sidebar(width=304):
                sidebar()
        made = Page(blocks, card, html(header_html(card.title, card.sentence)))
        yield made
        if headed:
            blocks.load(
                lambda: made.header()[made.head], None, made.head, api_visibility="private", show_progress="hidden"
            )


def saved() -> tuple[str, Kind]:
    """Where this page's rows are: only here, synced, or waiting."""
    environment = suite().environment
    if not environment.remote:
        return "Saved here", "ok"
    state = suite().sync.state()
    if state.waiting:
        return (
            f"{state.waiting:,} {'row' if state.waiting == 1 else 'rows'} waiting to sync",
            "warn" if state.last_error else "wait",
        )
    return "Synced", "ok"
