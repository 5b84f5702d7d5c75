"""Adding an app is adding a folder; adding a setting is two lines. Done here on a copy of the project."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.server import ROOT

INIT = '''"""Turns a text around."""

from shared.appcard import AppCard

CARD = AppCard(
    name="mirror", title="Mirror", path="/mirror", nav="Mirror", verb="Turn", sentence="What is this text backwards?",
    endpoints={"turn": "anyone"}, order=60,
)
'''
CORE = '''"""The mirror without a screen."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field


@dataclass(frozen=True)
class Settings:
    """How to turn.

    Attributes:
        times: How often.
    """

    times: Annotated[int, Field(ge=1, le=9)] = 1


def turn(text: str, settings: Settings = Settings()) -> str:
    """Turn a text around.

    Args:
        text: Any text.
        settings: How to turn.
    """
    return text[::-1] if settings.times % 2 else text
'''
APP = '''"""The mirror's screen."""

from collections.abc import Sequence

import gradio as gr

from apps.mirror import CARD, core
from shared.appcard import AppCard
from shared.ui.forms import form
from shared.ui.page import page
from shared.ui.wiring import when


def build(beside: Sequence[AppCard] = ()) -> gr.Blocks:
    """The page."""
    with page(CARD, beside) as made:
        fields, out, go = form(core.turn), gr.Textbox(label="Turned"), gr.Button("Turn")
        when(go.click, core.turn, lambda text: {out: text}, inputs=fields, outputs=out)
    return made.blocks
'''
SEEN = """
import playground, sys
from apps import cards
from shared import env
from shared.suite import Suite, using
from tests.house import documents
environment = env.read()
env.apply(environment)
with using(Suite(environment)):
    pages = playground.build(cards())
mirror = pages["/mirror"]
public = {fn.api_name: fn for fn in mirror.fns.values() if fn.api_visibility == "public"}
labels = [block.label for block in mirror.blocks.values() if getattr(block, "label", None)]
bars = [str(block.value) for page in pages.values() for block in page.blocks.values() if 'class="nav"' in str(getattr(block, "value", ""))]
assert set(pages) == {card.path for card in cards()} and "/mirror" in pages, list(pages)
assert list(public) == ["turn"]
assert len(bars) == len(pages) and all("Mirror</a>" in bar for bar in bars)
assert "### `/turn`" in documents.api() and "What is this text backwards?" in documents.app_table()
properties = public["turn"].inputs[1]._api_info["properties"]
print(sorted(properties), [label for label in labels if label in {"Times", "Loud"}])
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for name in ("apps", "shared", "manifests", "tests", "playground.py", "README.md"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copyfile)(source, tmp_path / name)
    folder = tmp_path / "apps" / "mirror"
    folder.mkdir()
    for name, text in {"__init__.py": INIT, "core.py": CORE, "app.py": APP}.items():
        (folder / name).write_text(text)
    return tmp_path


def run(folder: Path, *command: str) -> str:
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, capture_output=True, text=True, check=False, timeout=240,
        env=os.environ | {"PLAYGROUND_HOME": str(folder / "workspace")},
    )  # fmt: skip
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return done.stdout.strip().splitlines()[-1]


def test_a_folder_is_an_app_and_a_setting_is_two_lines(copy: Path) -> None:
    assert run(copy, "-c", SEEN) == "['times'] ['Times']"
    core = copy / "apps" / "mirror" / "core.py"
    text = core.read_text().replace(
        "        times: How often.\n", "        times: How often.\n        loud: In capitals.\n"
    )
    core.write_text(text.replace("] = 1\n", "] = 1\n    loud: bool = False\n"))
    assert len(core.read_text().splitlines()) == len(CORE.splitlines()) + 2
    assert run(copy, "-c", SEEN) == "['loud', 'times'] ['Times', 'Loud']"


def test_the_contract_tests_take_the_new_app_in(copy: Path) -> None:
    last = run(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/api/test_contract.py", "-k", "mirror", "-c", str(ROOT / "pyproject.toml"),
               "--rootdir", str(copy))  # fmt: skip
    assert "3 passed" in last
