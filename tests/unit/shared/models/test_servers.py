"""Servers from the manifest and the environment: addresses, keys bound to them, and what is said about wrong ones."""

from pathlib import Path

import pytest

from shared import env
from shared.env import Environment
from shared.errors import PlaygroundError
from shared.models.servers import Server, find, nearest, servers

SHIPPED = env.ROOT / "manifests" / "servers.toml"
KEY = "sk-very-secret"


def manifest(workspace: Path, text: str) -> Path:
    path = workspace / "servers.toml"
    path.write_text(text, encoding="utf-8")
    return path


def declared(workspace: Path, servers_: str = "", keys: str = "") -> Environment:
    return Environment(home=workspace, servers=servers_, server_keys=keys)


def test_the_usual_local_programs_are_known_without_settings(workspace: Path) -> None:
    found = servers(declared(workspace), SHIPPED)
    assert {alias: server.url for alias, server in found.items()} == {
        "ollama": "http://127.0.0.1:11434/v1",
        "lmstudio": "http://127.0.0.1:1234/v1",
        "llamacpp": "http://127.0.0.1:8080/v1",
        "vllm": "http://127.0.0.1:8000/v1",
        "transformers": "http://127.0.0.1:8000/v1",
        "textgen": "http://127.0.0.1:5000/v1",
        "tgi": "http://127.0.0.1:8080",
    }
    assert not any(server.key or server.public or server.models for server in found.values())


def test_the_environment_adds_and_changes_addresses(workspace: Path) -> None:
    environment = declared(
        workspace,
        "mine=openai@https://models.example.org/v1/#a/b,c:7b  big=tgi@http://10.0.0.5:8080 house=openai@http://h:1/v1",
        f"mine={KEY} ollama=x=y",
    )
    listed = manifest(
        workspace,
        '[[server]]\nalias="ollama"\nkind="openai"\nurl="http://o/v1"\ntitle="O"\nmodels=["llama3.2"]\n'
        '[[server]]\nalias="house"\nkind="tgi"\nurl="http://old"\ntitle="House"\nmodels=["m"]\npublic=true\n',
    )
    found = servers(environment, listed)
    assert found["mine"] == Server(
        "mine", "openai", "https://models.example.org/v1", "mine (models.example.org)", ("a/b", "c:7b"), False, KEY
    )
    assert found["mine"].refs == ["openai:mine/a/b", "openai:mine/c:7b"]
    assert (found["big"].kind, found["big"].url, found["big"].refs, found["big"].key) == (
        "tgi", "http://10.0.0.5:8080", ["tgi:big"], "",
    )  # fmt: skip
    assert found["house"] == Server("house", "openai", "http://h:1/v1", "House", ("m",), public=True)
    assert found["ollama"].key == "x=y"  # only the first equals sign parts alias and key


def test_a_key_is_in_no_text_of_its_server(workspace: Path) -> None:
    found = servers(declared(workspace, keys=f"ollama={KEY}"), SHIPPED)
    assert found["ollama"].key == KEY
    assert KEY not in repr(found)
    assert [alias for alias, server in found.items() if server.key] == ["ollama"]


@pytest.mark.parametrize(
    ("word", "said"),
    [
        (KEY, "entry 1: write alias=openai@"),
        (f"mine={KEY}", "entry 1, 'mine': write alias=openai@"),
        (f"mine=openai@{KEY}", "entry 1, 'mine': write alias=openai@"),
        ("mine=grpc@http://h", "entry 1, 'mine': write"),
        ("a/b=tgi@http://h", "'a/b' is not an alias"),
        ("mine=tgi@ftp://h", "'ftp://h' is not an address"),
        ("mine=tgi@http://", "'http://' is not an address"),
        (f"mine=tgi@http://h?key={KEY}", "'http://h' is not an address of a server: leave out what follows the ? or #"),
        ("mine=tgi@http://h:0", "is not an address"),
        ("mine=tgi@http://h:port", "its address cannot be read"),
        (f"mine=tgi@http://me:{KEY}@h", "the address of 'h' carries a name or a password"),
    ],
)
def test_an_address_that_cannot_be_used_is_named(workspace: Path, word: str, said: str) -> None:
    with pytest.raises(PlaygroundError) as raised:
        servers(declared(workspace, word), SHIPPED)
    assert said in str(raised.value)
    assert "PLAYGROUND_SERVERS" in str(raised.value)
    assert KEY not in str(raised.value)


@pytest.mark.parametrize("word", [KEY, f"={KEY}", "ollama=", f"a b={KEY}", f"olama={KEY}"])
def test_a_key_that_cannot_be_bound_is_not_repeated(workspace: Path, word: str) -> None:
    with pytest.raises(PlaygroundError, match="PLAYGROUND_SERVER_KEYS") as raised:
        servers(declared(workspace, keys=word), SHIPPED)
    assert KEY not in str(raised.value)
    if word.startswith("olama"):
        assert "'olama', which is no known server. Did you mean ollama" in str(raised.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x =", "is not TOML"),
        ("[[model]]\nid = 1", r"has to hold \[\[server\]\] entries only, and holds model"),
        ("server = 1", r"has to hold \[\[server\]\] entries only"),
        ("server = [1]", "entry 1, field 'it'"),
        ('[[server]]\nalias = "a"\nkind = "tgi"', "entry 1, field 'url'"),
        ('[[server]]\nalias = "a"\nkind = "grpc"\nurl = "http://h"', "entry 1, field 'kind'"),
        ('[[server]]\nalias = "a"\nkind = "tgi"\nurl = "http://h"\nport = 1', "entry 1, field 'port'"),
        ('[[server]]\nalias = "a b"\nkind = "tgi"\nurl = "http://h"', "'a b' is not an alias"),
        ('[[server]]\nalias = "a"\nkind = "tgi"\nurl = "h"', "server 'a': 'h' is not an address"),
        ('[[server]]\nalias = "a"\nkind = "openai"\nurl = "http://h"\nmodels = ["x y"]', "'x y' is not a model's name"),
        ('[[server]]\nalias = "a"\nkind = "openai"\nurl = "http://h"\nmodels = [1]', "field 'models.0'"),
        ('[[server]]\nalias="a"\nkind="tgi"\nurl="http://h"\n' * 2, "has two servers 'a'"),
    ],
)
def test_a_manifest_that_cannot_be_used_is_named(workspace: Path, text: str, said: str) -> None:
    with pytest.raises(PlaygroundError, match=said):
        servers(declared(workspace), manifest(workspace, text))


def test_a_key_in_the_manifest_is_refused_without_repeating_it(workspace: Path) -> None:
    text = f'[[server]]\nalias = "a"\nkind = "tgi"\nurl = "http://h"\nkey = "{KEY}"'
    with pytest.raises(PlaygroundError, match="entry 1 holds a key") as raised:
        servers(declared(workspace), manifest(workspace, text))
    assert KEY not in str(raised.value)


def test_an_empty_manifest_is_fine_and_a_missing_one_is_not(workspace: Path) -> None:
    assert servers(declared(workspace), manifest(workspace, "")) == {}
    with pytest.raises(PlaygroundError, match=r"servers\.toml is missing"):
        servers(declared(workspace), workspace / "none" / "servers.toml")


def test_find_names_what_is_known(workspace: Path) -> None:
    known = servers(declared(workspace), SHIPPED)
    assert find(known, "tgi", "tgi", "tgi:tgi").url == "http://127.0.0.1:8080"
    with pytest.raises(PlaygroundError, match=r"no server 'olama'\. Did you mean ollama.*PLAYGROUND_SERVERS"):
        find(known, "openai", "olama", "openai:olama/x")
    with pytest.raises(PlaygroundError, match="Known: ollama, lmstudio"):
        find(known, "openai", "zzz", "openai:zzz/x")
    with pytest.raises(PlaygroundError, match=r"'tgi' is declared as tgi, not as openai\. Write tgi:tgi"):
        find(known, "openai", "tgi", "openai:tgi/x")
    with pytest.raises(PlaygroundError, match="Write openai:vllm/model"):
        find(known, "tgi", "vllm", "tgi:vllm")
    assert nearest("x", []) == "None is known."
