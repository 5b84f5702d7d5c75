"""Everything in this folder starts servers of its own."""

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the folder's tests, so that what is unmarked stays quick."""
    for item in items:
        if "/tests/api/" in item.path.as_posix():
            item.add_marker(pytest.mark.api)
