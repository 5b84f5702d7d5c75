"""The environment: every variable, and values that cannot be used."""

import os
from pathlib import Path

import pytest

from shared import env
from shared.errors import PlaygroundError


def test_nothing_set_gives_a_private_local_server() -> None:
    found = env.read({})
    assert (found.host, found.port, found.remote, found.public) == ("127.0.0.1", 7860, "", False)
    assert found.home == env.ROOT / "workspace"
    assert found.uploads.is_relative_to(found.home)


def test_every_variable_is_read(workspace: Path) -> None:
    found = env.read(
        {
            "PLAYGROUND_HOME": str(workspace), "PLAYGROUND_DATA": f"{workspace}:/data", "PLAYGROUND_REMOTE": "folder:/x",
            "PLAYGROUND_SECRET": "s", "GRADIO_SERVER_NAME": "0.0.0.0", "GRADIO_SERVER_PORT": "80", "HF_TOKEN": "hf_x",
            "HF_ENDPOINT": "http://127.0.0.1:1/", "SPACE_ID": "me/space", "SPACE_AUTHOR_NAME": "Me",
            "PLAYGROUND_SERVERS": "a=tgi@http://h", "PLAYGROUND_SERVER_KEYS": "a=k", "PLAYGROUND_MODEL_GIB": "1.5",
            "PLAYGROUND_RUN_CODE": "1",
        }
    )  # fmt: skip
    assert found == env.Environment(
        home=workspace,
        data=(workspace.resolve(), Path("/data")),
        remote="folder:/x",
        secret="s",
        host="0.0.0.0",
        port=80,
        hub_token="hf_x",
        hub_endpoint="http://127.0.0.1:1",
        run_code=True,
        space="me/space",
        space_owner="Me",
        servers="a=tgi@http://h",
        server_keys="a=k",
        model_gib=1.5,
    )
    assert found.public


def test_keys_are_in_no_text_of_the_environment() -> None:
    found = env.read({"PLAYGROUND_SECRET": "k-1", "HF_TOKEN": "k-2", "PLAYGROUND_SERVER_KEYS": "a=k-3"})
    assert (found.secret, found.hub_token, found.server_keys) == ("k-1", "k-2", "a=k-3")
    assert "k-" not in repr(found)


@pytest.mark.parametrize("text", ["x", "-1", "nan", "inf"])
def test_a_budget_that_cannot_be_used_is_named(text: str) -> None:
    with pytest.raises(PlaygroundError, match=f"PLAYGROUND_MODEL_GIB is '{text}'"):
        env.read({"PLAYGROUND_MODEL_GIB": text})


def test_a_space_listens_everywhere_and_belongs_to_its_namespace() -> None:
    found = env.read({"SPACE_ID": "me/space"})
    assert (found.host, found.space_owner) == ("0.0.0.0", "me")


@pytest.mark.parametrize("port", ["x", "0", "70000", "-1", "8.5"])
def test_a_port_that_cannot_be_used_is_named(port: str) -> None:
    with pytest.raises(PlaygroundError, match=f"GRADIO_SERVER_PORT is '{port}'"):
        env.read({"GRADIO_SERVER_PORT": port})


def test_apply_tells_the_libraries(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "GRADIO_TEMP_DIR",
        "GRADIO_ANALYTICS_ENABLED",
        "HF_HUB_DISABLE_TELEMETRY",
        "HF_UPDATE_DOWNLOAD_COUNTS",
        "HF_ENDPOINT",
        "HF_TOKEN",
    ):
        monkeypatch.setenv(name, "before")
    env.apply(env.Environment(home=workspace / "home", hub_token="hf_y", hub_endpoint="http://127.0.0.1:1"))
    assert Path(os.environ["GRADIO_TEMP_DIR"]).is_dir()
    assert (os.environ["GRADIO_ANALYTICS_ENABLED"], os.environ["HF_TOKEN"]) == ("False", "hf_y")
