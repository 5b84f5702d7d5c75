"""Clients for served models: which server, and above all which key goes where."""

from pathlib import Path

import pytest

from shared.env import Environment
from shared.errors import PlaygroundError
from shared.models.connections import Connections
from shared.models.servers import Server
from shared.policy import OWNER, Caller
from shared.refs import parse

SERVERS = {
    "a": Server("a", "openai", "http://127.0.0.1:1/v1", key="key-of-a"),
    "b": Server("b", "openai", "http://127.0.0.1:2/v1"),
    "t": Server("t", "tgi", "http://127.0.0.1:3", models=("m",), key="key-of-t"),
}


def connections(workspace: Path, **environment: str) -> Connections:
    return Connections(Environment(home=workspace, **environment), lambda: SERVERS)


def keys(backend: object) -> set[str]:
    """Every key that a client holds, wherever it keeps it."""
    found, seen = set(), set()

    def look(value: object) -> None:
        if id(value) in seen:
            return
        seen.add(id(value))
        if isinstance(value, str) and value.startswith(("key-of", "hf_")):
            found.add(value)
        for inner in vars(value).values() if hasattr(value, "__dict__") else ():
            look(inner)

    look(backend)
    return found


def test_a_key_goes_to_its_own_server_alone(workspace: Path) -> None:
    made = connections(workspace, hub_token="hf_owner")
    assert keys(made.find(parse("openai:a/model"), OWNER)) == {"key-of-a"}
    assert keys(made.find(parse("openai:b/model"), OWNER)) == set()
    assert keys(made.find(parse("tgi:t"), OWNER)) == {"key-of-t"}
    assert keys(made.find(parse("provider:o/n"), OWNER)) == {"hf_owner"}
    assert keys(made.find(parse("provider:o/n"), Caller(token="hf_mine"))) == {"hf_mine"}


def test_one_client_a_model(workspace: Path) -> None:
    made = connections(workspace, hub_token="hf_owner")
    first = made.find(parse("openai:a/x"), OWNER)
    assert made.find(parse("openai:a/x"), Caller("other")) is first
    assert made.find(parse("openai:a/y"), OWNER) is not first
    assert first.ref == "openai:a/x"
    assert made.find(parse("provider:o/n"), OWNER) is not made.find(parse("provider:o/n"), Caller(token="hf_mine"))
    assert len(made.take()) == 4
    assert made.take() == []


def test_a_provider_may_be_named(workspace: Path) -> None:
    made = connections(workspace, hub_token="hf_owner").find(parse("provider:o/n:groq"), OWNER)
    assert made.ref == "provider:o/n:groq"
    assert "'o/n', provider='groq'" in repr(made)
    assert "hf_owner" not in repr(made)


def test_the_key_of_another_hub_is_not_for_hugging_face(workspace: Path) -> None:
    made = connections(workspace, hub_token="hf_owner", hub_endpoint="https://hub.example.org")
    with pytest.raises(PlaygroundError, match=r"HF_TOKEN belongs to https://hub\.example\.org") as raised:
        made.find(parse("provider:o/n"), OWNER)
    assert "hf_owner" not in str(raised.value)


def test_what_is_missing_is_said(workspace: Path) -> None:
    made = connections(workspace)
    with pytest.raises(PlaygroundError, match="Set HF_TOKEN"):
        made.find(parse("provider:o/n"), OWNER)
    with pytest.raises(PlaygroundError, match="there is no server 'zz'"):
        made.find(parse("openai:zz/x"), OWNER)
    assert made.take() == []
