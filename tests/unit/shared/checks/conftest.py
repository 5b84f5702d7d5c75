from collections.abc import Iterator

import pytest

from tests.unit.shared.checks.models import Stage, bad, good


@pytest.fixture
def stage() -> Iterator[Stage]:
    stage = Stage(good=good(), bad=bad())
    yield stage
    stage.loop.close()
