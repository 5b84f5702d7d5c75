"""The page that all apps share."""

from pathlib import Path

import gradio as gr

from apps import card, cards
from shared.env import Environment
from shared.suite import Suite, using
from shared.ui.guard import AT_ONCE, SESSIONS, WAITING
from shared.ui.page import page, saved


def test_a_page_has_bar_header_sidebar_and_the_cards_endpoints(house: Suite) -> None:
    with page(card("portal"), cards(), lambda: gr.Button("Go")) as made:
        gr.Markdown("body")
    names = [fn.api_name for fn in made.blocks.fns.values() if fn.api_visibility == "public"]
    assert names == list(card("portal").endpoints)
    kinds = {type(block).__name__ for block in made.blocks.blocks.values()}
    assert {"Sidebar", "HTML", "Markdown"} <= kinds
    shown = made.header([("local:a@0123", "ref")])[made.head]
    assert "local:a@0123" in shown
    assert "Saved here" in shown


def test_a_page_limits_what_runs_and_what_waits(house: Suite) -> None:
    with page(card("portal")) as made:
        gr.Markdown("body")
    queue = made.blocks._queue
    assert (queue.max_size, queue.default_concurrency_limit) == (WAITING, AT_ONCE)
    assert {fn.concurrency_limit for fn in made.blocks.fns.values()} == {"default"}
    assert made.blocks.state_session_capacity == SESSIONS
    made.blocks.queue(max_size=3)
    assert (made.blocks._queue.max_size, made.blocks._queue.default_concurrency_limit) == (3, AT_ONCE)


def test_the_chip_says_where_the_rows_are(workspace: Path) -> None:
    environment = Environment(home=workspace / "home", remote=f"folder:{workspace / 'remote'}")
    with using(Suite(environment)) as suite:
        assert saved() == ("Synced", "ok")
        suite.store.append("votes", {"a": 1})
        assert saved() == ("1 row waiting to sync", "wait")
        suite.sync.flush()
        assert saved() == ("Synced", "ok")
