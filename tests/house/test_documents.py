"""Documents cannot lie: what follows from the code is generated, and compared here."""

import inspect
import re

from apps import cards
from shared import calls
from tests.house import documents, source


def test_generated_documents_are_up_to_date() -> None:
    stale = [path.name for path, text in documents.wanted().items() if path.read_text("utf-8") != text]
    assert not stale, "run `make docs`"


def test_every_endpoint_explains_every_parameter() -> None:
    bare = []
    for card in cards():
        for function in card.functions():
            prose = calls.help_texts(function)
            names = [name for name in calls.parameters(function) if not prose.get(name)]
            if names or not inspect.getdoc(function):
                bare.append((card.name, function.__name__, names))
    assert not bare


def test_readme_names_the_two_commands_and_every_variable_is_explained() -> None:
    text = (source.ROOT / "README.md").read_text("utf-8")
    assert "make run" in text
    assert "make test" in text


def test_nothing_in_the_project_names_a_private_place() -> None:
    bad = re.compile(r"(?<![\w.])/(home|root|Users|mnt)/\w+")
    for path in [*source.ROOT.glob("*.md"), *source.ROOT.glob("docs/*.md"), *source.files()]:
        assert not bad.search(source.text(path)), path.name
