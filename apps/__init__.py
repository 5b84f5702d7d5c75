"""The apps. Reading their cards imports neither Gradio nor torch."""

from importlib import import_module
from pathlib import Path

from shared.appcard import AppCard


def cards() -> list[AppCard]:
    """Every app on disk, in the order of the navigation bar; an app is a folder with a CARD."""
    folders = sorted(path.parent.name for path in Path(__file__).parent.glob("*/__init__.py"))
    found = [import_module(f"apps.{folder}").CARD for folder in folders]
    return sorted(found, key=lambda card: (card.order, card.name))


def card(name: str) -> AppCard:
    """The app of that name.

    Raises:
        KeyError: No folder of that name holds an app.
    """
    return {each.name: each for each in cards()}[name]
