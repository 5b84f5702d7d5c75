"""What every test gets: an empty workspace, a Suite on it, and no way out of this machine."""

import gc
import ipaddress
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

# Libraries read these when they are imported, which may be before any fixture runs.
os.environ.update(GRADIO_ANALYTICS_ENABLED="False", HF_HUB_DISABLE_TELEMETRY="1", HF_UPDATE_DOWNLOAD_COUNTS="0")
# Models of a few thousand weights wait for their threads longer than they calculate, and more so beside another worker.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from shared import commits
from shared.env import Environment
from shared.suite import Suite, using

REAL_CONNECT = socket.socket.connect
SHARED = Path(__file__).resolve().parents[2] / "shared"


def _loopback(address: object) -> bool:
    if not isinstance(address, tuple):
        return True  # a Unix socket
    host = str(address[0])
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.split("%")[0]).is_loopback
    except ValueError:
        return False


@pytest.fixture(autouse=True, scope="session")
def _stay_here() -> Iterator[None]:
    """A test that reaches for another machine fails, whatever library it uses."""

    def connect(self: socket.socket, address: object) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _loopback(address):
            raise AssertionError(f"a test tried to connect to {address}")
        return REAL_CONNECT(self, address)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", connect)
        yield


def pytest_configure(config: pytest.Config) -> None:
    """Name the marker that this file reads."""
    config.addinivalue_line("markers", "disk: durability is what is tested, so every write waits for the disk")


@pytest.fixture(autouse=True, scope="module")
def _wait_for_no_disk(request: pytest.FixtureRequest) -> Iterator[None]:
    """No test loses power: only where durability is tested (files marked `disk`) does a write wait for the disk."""
    with pytest.MonkeyPatch.context() as patch:
        if request.node.get_closest_marker("disk") is None:
            patch.setattr(os, "fsync", lambda _: None)
            patch.setattr(commits, "_PRAGMAS", tuple(each.replace("=FULL", "=OFF") for each in commits._PRAGMAS))
        yield


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """A case of bytes is named after its argument: compressed bytes carry the time, and workers would disagree."""
    return argname if isinstance(val, bytes) else None


@pytest.fixture(autouse=True, scope="session")
def _thaw() -> Iterator[None]:
    """At the end everything is looked through and let go of, as in any program."""
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True, scope="module")
def _settle(_thaw: None) -> Iterator[None]:
    """The collector need not look through all of torch and gradio for every test: what is loaded by now stays."""
    gc.freeze()
    yield
    gc.collect()  # what a file's tests have leaked is told at its last test


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """An empty folder for one test."""
    return tmp_path


@contextmanager
def _suite(home: Path) -> Iterator[Suite]:
    environment = Environment(home=home)
    environment.uploads.mkdir(parents=True)
    with pytest.MonkeyPatch.context() as patch, using(Suite(environment)) as suite:
        patch.setenv("GRADIO_TEMP_DIR", str(environment.uploads))
        yield suite


@pytest.fixture
def house(workspace: Path) -> Iterator[Suite]:
    """The process's Suite, on an empty workspace."""
    with _suite(workspace / "home") as suite:
        yield suite


@pytest.fixture(scope="module")
def lasting_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Suite]:
    """One Suite for all tests of a file: for what takes long to make and is only read."""
    with _suite(tmp_path_factory.mktemp("lasting") / "home") as suite:
        yield suite


@pytest.fixture
def real_data() -> Path:
    """Folder of real datasets beside the project; the test is skipped where it is absent."""
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip("the real datasets are not beside the project (../shared/data)")
    return folder
