"""The Model Arena on a Space, where strangers meet: whose battle is whose, and what visitors may do."""

from contextlib import closing
from pathlib import Path

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from tests.server import serving
from tests.told_server import ToldServer

OURS = ["builtin:mini", "builtin:micro"]
THEIRS = ["openai:farm/red-7b", "openai:farm/blue-7b"]
GREEDY = {"temperature": 0.0, "max_new_tokens": 48}


def test_visitors_have_their_own_battles_and_not_each_others(workspace: Path) -> None:
    variables = {"SPACE_ID": "somebody/arena", "GRADIO_SERVER_NAME": "127.0.0.1"}
    with (
        ToldServer({"red-7b": lambda prompt: prompt, "blue-7b": lambda prompt: prompt}) as farm,
        serving(workspace / "home", "model_arena", PLAYGROUND_SERVERS=farm.declared("farm"), **variables) as space,
        closing(Client(space.url, verbose=False)) as ann,
        closing(Client(space.url, verbose=False)) as bob,
    ):
        id = ann.predict(prompt="What is 1 + 2?", models=OURS, api_name="/ask")["battle"]
        for endpoint, given in {"answer": {}, "vote": {"winner": "a"}, "say": {"prompt": "Hi"}, "share": {}}.items():
            refused(bob, endpoint, "belongs to somebody else", battle=id, **given)
        assert ann.predict(battle=id, settings=GREEDY, api_name="/answer")["finished"]
        refused(bob, "vote", "belongs to somebody else", battle=id, winner="a")
        refused(bob, "react", "belongs to somebody else", battle=id, side="a", turn=1, reaction="like")
        assert sorted(ann.predict(battle=id, winner="a", api_name="/vote")["models"].values()) == sorted(OURS)
        for endpoint, given in {"sanity": {"models": OURS}, "export_votes": {}, "export_preferences": {}}.items():
            refused(bob, endpoint, r"(?i)owner", **given)
        refused(bob, "chat", r"(?i)visitors may", model=THEIRS[0], prompt="Hi")
        refused(bob, "ask", r"(?i)visitors may", prompt="Hi", models=THEIRS)
        assert not any(row["usable"] for row in bob.predict(api_name="/models") if row["ref"] in THEIRS)
        for _ in range(6):
            bob.predict(prompt="Hi", models=OURS, api_name="/ask")
        refused(bob, "ask", "6 battles in the last minute", prompt="Hi", models=OURS)
        ann.predict(prompt="Hi", models=OURS, api_name="/ask")  # one visitor's limit is not another's
        assert farm.faults.requests == []


def refused(client: Client, endpoint: str, message: str, **given: object) -> None:
    with pytest.raises(AppError, match=message):
        client.predict(**given, api_name=f"/{endpoint}")
