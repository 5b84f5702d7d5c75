"""The portal's screen: what is on it, how a result is shown, and who calls whom."""

from collections.abc import Sequence

import gradio as gr

from apps.portal import CARD
from apps.portal.tabs import catalog, experiments, home
from shared.appcard import AppCard
from shared.ui.page import page


def build(beside: Sequence[AppCard] = ()) -> gr.Blocks:
    """The page; the caller launches or mounts it.

    Args:
        beside: The apps that are served with it.
    """
    with page(CARD, beside) as made, gr.Tabs():
        with gr.Tab("Home"):
            home.draw(made.blocks.load, beside)
        with gr.Tab("Experiments"):
            experiments.draw(made.blocks.load, [(card.title, card.name) for card in beside])
        with gr.Tab("Catalog"):
            catalog.draw(made.blocks.load)
    return made.blocks
