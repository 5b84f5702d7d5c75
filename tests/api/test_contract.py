"""Every app's named endpoints, called as a stranger would: over HTTP with gradio_client. Parametrised over the cards."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from gradio_client import Client

from apps import cards
from shared import calls
from shared.appcard import AppCard
from tests.server import Server, serving

CARDS = cards()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("api") / "home") as running:
        yield running


@pytest.mark.parametrize("card", CARDS, ids=lambda c: c.name)
def test_the_api_is_what_the_card_declares_and_nothing_else(server: Server, card: AppCard) -> None:
    with closing(Client(server.url + card.path, verbose=False)) as client:
        api = client.view_api(return_format="dict")
        assert list(api["named_endpoints"]) == [f"/{name}" for name in card.endpoints]
        assert api["unnamed_endpoints"] == {}
        for function in card.functions():
            found = api["named_endpoints"][f"/{function.__name__}"]
            assert [p["parameter_name"] for p in found["parameters"]] == list(calls.parameters(function))
            assert len(found["returns"]) == 1


@pytest.mark.parametrize("card", CARDS, ids=lambda c: c.name)
def test_every_endpoint_and_parameter_has_a_description(server: Server, card: AppCard) -> None:
    with closing(Client(server.url + card.path, verbose=False)) as client:
        for name, found in client._get_api_info()["named_endpoints"].items():
            assert found.get("description"), name
            for parameter in found["parameters"]:
                assert parameter.get("type") is not None
                assert parameter.get("parameter_name")


@pytest.mark.parametrize("card", CARDS, ids=lambda c: c.name)
def test_an_app_runs_alone_too(tmp_path_factory: pytest.TempPathFactory, card: AppCard) -> None:
    with (
        serving(tmp_path_factory.mktemp("alone") / "home", card.name) as running,
        closing(Client(running.url, verbose=False)) as client,
    ):
        assert list(client.view_api(return_format="dict")["named_endpoints"]) == [f"/{name}" for name in card.endpoints]


def test_an_unknown_setting_names_the_nearest_right_one(server: Server) -> None:
    """gradio_client refuses unknown keyword arguments itself; a settings object is ours to check."""
    with closing(Client(server.url, verbose=False)) as client, pytest.raises(TypeError, match="limt"):
        client.predict(limt=3, api_name="/records")
