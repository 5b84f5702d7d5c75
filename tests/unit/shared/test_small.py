"""Small modules that hold a dataclass or a table: cards, progress, settings, errors, colours."""

import pytest

from apps import card, cards
from shared.appcard import AppCard
from shared.errors import Conflict, NotAllowed, PlaygroundError
from shared.palette import SERIES, color_of, plotly_template
from shared.progress import Progress
from shared.settings import Choices


def test_cards_are_unique_ordered_and_start_with_the_portal() -> None:
    found = cards()
    assert found[0].path == "/"
    assert len({each.path for each in found}) == len({each.name for each in found}) == len(found)
    assert [each.order for each in found] == sorted(each.order for each in found)
    assert card("portal") == found[0]
    with pytest.raises(KeyError):
        card("nothing")


def test_a_card_finds_its_functions() -> None:
    for each in cards():
        assert [function.__name__ for function in each.functions()] == list(each.endpoints)
    with pytest.raises(ModuleNotFoundError):
        AppCard("nothing", "", "/x", "", "", "").core()


def test_the_errors_are_one_family() -> None:
    assert issubclass(Conflict, PlaygroundError)
    assert issubclass(NotAllowed, PlaygroundError)


def test_the_same_name_has_the_same_colour() -> None:
    assert color_of("a") == color_of("a")
    assert {color_of(f"model-{i}") for i in range(50)} == set(SERIES)


def test_the_template_is_transparent_and_colours_by_our_series() -> None:
    layout = plotly_template().layout
    assert layout.paper_bgcolor == "rgba(0,0,0,0)"
    assert tuple(layout.colorway) == SERIES


def test_progress_and_choices_hold_what_they_are_given() -> None:
    assert Progress("Reading").total == 0
    assert Choices(lambda: ["a"]).make() == ["a"]
