"""Everything in this folder starts servers of its own."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from gradio_client import Client

from tests.api.listening import get
from tests.server import Server, serving


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the folder's tests, so that what is unmarked stays quick."""
    for item in items:
        if "/tests/api/" in item.path.as_posix():
            item.add_marker(pytest.mark.api)


@pytest.fixture(scope="module")
def variables() -> dict[str, str]:
    """The server's environment; a module that needs more has a fixture of this name."""
    return {}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, variables: dict[str, str]) -> Iterator[Server]:
    """The whole suite on an empty workspace, once a module."""
    with serving(tmp_path_factory.mktemp("server") / "home", **variables) as running:
        yield running


@contextmanager
def connected(url: str) -> Iterator[Client]:
    """A client of a page. The page is built when it is first asked for, which a busy machine may need longer for than a client waits."""
    get(url + "config")
    with closing(Client(url, verbose=False)) as client:
        yield client


@pytest.fixture(scope="module")
def portal(server: Server) -> Iterator[Client]:
    """A client of the portal."""
    with connected(server.url + "/") as client:
        yield client


@pytest.fixture(scope="module")
def arena(server: Server) -> Iterator[Client]:
    """A client of the Model Arena."""
    with connected(server.url + "/arena/") as client:
        yield client


@pytest.fixture(scope="module")
def explorer(server: Server) -> Iterator[Client]:
    """A client of the Dataset Explorer."""
    with connected(server.url + "/datasets/") as client:
        yield client
