"""What starting costs: measured in processes of their own, because this one has imported everything already."""

import os
import subprocess
import sys
from pathlib import Path

from tests.house import source

LOADED = """
import sys
import playground
from apps import cards
from shared import env
environment = env.read()
env.apply(environment)
pages = playground.build(cards())
assert set(pages) == {card.path for card in cards()}
print([name for name in %r if name in sys.modules])
"""


def run(code: str, home: Path, **more: str) -> str:
    variables = {k: v for k, v in os.environ.items() if k not in {"SPACE_ID", "HF_TOKEN"}}
    done = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning:apps", "-c", code],
        cwd=source.ROOT, env=variables | {"PLAYGROUND_HOME": str(home)} | more, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()


def test_starting_every_app_loads_no_heavy_package(workspace: Path) -> None:
    assert run(LOADED % (source.HEAVY,), workspace) == "[]"


def test_reading_the_cards_loads_neither_gradio_nor_torch(workspace: Path) -> None:
    code = "import sys; from apps import cards; assert cards(); print('gradio' in sys.modules, 'torch' in sys.modules)"
    assert run(code, workspace) == "False False"


def test_apps_build_as_a_space(workspace: Path) -> None:
    """gradio imports a package called `spaces` when SPACE_ID is set; a folder of that name must not answer."""
    assert run(LOADED % (source.HEAVY,), workspace, SPACE_ID="somebody/explorer") == "[]"
