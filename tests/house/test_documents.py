"""Documents cannot lie: what follows from the code is generated, and compared here."""

import inspect
import re

import pytest

from apps import cards
from shared import calls
from shared.ui.forms import help_texts
from tests.house import documents, source

ENDPOINTS = [(card, function) for card in cards() for function in card.functions()]
ids = [f"{card.name}.{function.__name__}" for card, function in ENDPOINTS]


@pytest.mark.parametrize("path", list(documents.wanted()), ids=lambda p: p.name)
def test_generated_documents_are_up_to_date(path: object) -> None:
    wanted = documents.wanted()
    assert path.read_text("utf-8") == wanted[path], "run `make docs`"


@pytest.mark.parametrize(("card", "function"), ENDPOINTS, ids=ids)
def test_every_endpoint_explains_every_parameter(card: object, function: object) -> None:
    prose = help_texts(function)
    assert inspect.getdoc(function)
    for name in calls.parameters(function):
        assert prose.get(name), f"{name} is not explained"


def test_readme_names_the_two_commands_and_every_variable_is_explained() -> None:
    text = documents.README.read_text("utf-8")
    assert "make run" in text
    assert "make test" in text


def test_nothing_in_the_project_names_a_private_place() -> None:
    bad = re.compile(r"(?<![\w.])/(home|root|Users|mnt)/\w+")
    for path in [*source.ROOT.glob("*.md"), *source.ROOT.glob("docs/*.md"), *source.files()]:
        assert not bad.search(path.read_text("utf-8")), path.name
