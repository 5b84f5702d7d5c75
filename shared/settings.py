"""Marks on a parameter's type that change how a form draws it: `Annotated[int, Field(ge=1), Advanced]`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated


class Advanced:
    """This setting goes into the fold "More settings"."""


@dataclass(frozen=True)
class Choices:
    """A text setting that is picked from a list made when the page is built.

    Attributes:
        make: Gives the choices.
        free: Whether another text may be typed.
    """

    make: Callable[[], list[str]]
    free: bool = True


Column = Annotated[str, Choices(list)]  # a column of the open dataset: the page fills the list when it opens one
