"""The endpoint push: what it refuses before anything is sent, and what it does on the offline Hub."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from apps.dataset_explorer.pushing import push
from shared.errors import PlaygroundError
from shared.policy import OWNER, Caller
from shared.suite import Suite, using
from tests.hub_server import Hub
from tests.unit.dataset_explorer import push_scenarios
from tests.unit.dataset_explorer.push_scenarios import FAST, SLOW
from tests.unit.dataset_explorer.stored import last, texts

ROOT = Path(__file__).resolve().parents[3]
ME = Caller(token="hf_mine")


def run(names: list[str], home: Path) -> dict[str, str]:
    """The named scenarios in a process of their own: name -> traceback, empty when it went well."""
    asked = [sys.executable, "-m", "tests.unit.dataset_explorer.push_scenarios", *names]
    variables = {"PATH": "/usr/bin:/bin", "HOME": str(home)}
    done = subprocess.run(asked, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    return {each["name"]: each["error"] for each in map(json.loads, done.stdout.splitlines())}


@pytest.fixture(scope="module")
def scenarios(tmp_path_factory):
    return run(FAST, tmp_path_factory.mktemp("push"))


@pytest.mark.hub
@pytest.mark.slow
@pytest.mark.parametrize("name", FAST)
def test_on_the_hub(scenarios, name):
    assert scenarios[name] == ""


@pytest.mark.hub
@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW)
def test_with_heavy_libraries(tmp_path, name):
    assert run([name], tmp_path)[name] == ""


@pytest.fixture
def bench(house, workspace, monkeypatch, request):
    """The offline Hub, and this process's huggingface_hub pointed at it: what a process of its own does, measured."""
    from huggingface_hub import constants

    with Hub(workspace / "hub") as hub, using(Suite(replace(house.environment, hub_endpoint=hub.url))) as suite:
        for name, value in hub.environment(workspace / "hf", token="hf_visitor").items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(constants, "ENDPOINT", hub.url)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        yield push_scenarios.Bench(hub, suite, request.node.callspec.params["name"])


@pytest.mark.hub
@pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning")  # huggingface_hub 2.4 and httpx2
@pytest.mark.parametrize("name", FAST)
def test_in_this_process(bench, name):
    getattr(push_scenarios, name)(bench)


def test_nobodys_token_is_used(house):
    with pytest.raises(PlaygroundError, match="no Hub token"):
        last(push(texts(house.store, "a").ref, "me/set", caller=OWNER))


@pytest.mark.parametrize(
    "repo", ["", "set", "me/", "/set", "a/b/c", "me/se t", "me/-set", "me/set.", "me/a--b", "me/a..b", "me/set.git", "datasets/me/x",
             "me/" + "x" * 95, "me/שם", "hub:me/set"],
)  # fmt: skip
def test_names_that_cannot_be(house, repo):
    with pytest.raises(PlaygroundError, match="cannot be the name of a dataset"):
        last(push(texts(house.store, "a").ref, repo, caller=ME))


@pytest.mark.parametrize("repo", ["me/set", "Me-1/My_set.v2", "a/b", "acme/" + "x" * 91])
def test_names_that_can_be_come_as_far_as_the_dataset(house, repo):
    with pytest.raises(PlaygroundError, match="not in the workspace"):
        last(push("local:gone@0123456789ab", repo, caller=ME))
