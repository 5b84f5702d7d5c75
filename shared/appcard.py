"""What an app says about itself, once: launcher, navigation, Space bundle, docs and tests all read it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from types import ModuleType
from typing import Any, Literal

Access = Literal["anyone", "owner"]


@dataclass(frozen=True)
class AppCard:
    """One app of the suite. Its package `apps.<name>` holds `CARD`, `core.py` and `app.py:build`.

    Attributes:
        name: Folder of the app, and its name in records.
        title: Name on the page and on its Space.
        path: Where the app is mounted; "/" is the portal.
        nav: Short name in the navigation bar.
        verb: What a person does there, in a word or two.
        sentence: The one question that the app answers.
        endpoints: Public functions of `core`, each with who may call it; what is not named here is the owner's.
        order: Place in the navigation bar, smallest first.
        extras: Optional packages that the app can use when they are installed.
        needs_gpu: Whether the app is of little use without a GPU.
    """

    name: str
    title: str
    path: str
    nav: str
    verb: str
    sentence: str
    endpoints: Mapping[str, Access] = field(default_factory=dict)
    order: int = 100
    extras: tuple[str, ...] = ()
    needs_gpu: bool = False

    def core(self) -> ModuleType:
        """The app without a screen, imported now."""
        return import_module(f"apps.{self.name}.core")

    def functions(self) -> list[Callable[..., Any]]:
        """The public API: the functions of `core` that the card names, in that order."""
        core = self.core()
        return [getattr(core, name) for name in self.endpoints]
