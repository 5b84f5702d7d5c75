"""Who stands behind a request: the owner at home, visitors and the owner on a Space."""

from types import SimpleNamespace

import pytest

from shared.env import Environment
from shared.policy import OWNER
from shared.suite import Suite, using
from shared.ui.callers import caller_of


def request(name: str = "", session: str = "s1", token: str = "") -> SimpleNamespace:
    info = {"oauth_info": {"userinfo": {"preferred_username": name}, "access_token": token}} if name else {}
    return SimpleNamespace(session_hash=session, request=SimpleNamespace(scope={"session": info}))


@pytest.fixture
def space(workspace: object) -> object:
    with using(
        Suite(Environment(home=workspace, space="me/explorer", space_owner="me", secret="k", hub_token="hf_owner"))
    ) as suite:
        yield suite


def test_at_home_everybody_is_the_owner(house: Suite, workspace: object) -> None:
    assert caller_of(request()) == OWNER
    with using(Suite(Environment(home=workspace, hub_token="hf_mine"))):
        assert caller_of(None).token == "hf_mine"


def test_on_a_space_the_owner_signs_in(space: Suite) -> None:
    me = caller_of(request("me", token="hf_session"))
    assert (me.owner, me.token) == (True, "hf_session")


def test_a_visitor_has_a_made_up_id_and_never_the_owners_token(space: Suite) -> None:
    first, second, again = caller_of(request()), caller_of(request(session="s2")), caller_of(request())
    assert not first.owner
    assert first.token == ""
    assert first.id == again.id != second.id
    assert "s1" not in first.id
    signed = caller_of(request("you", token="hf_yours"))
    assert (signed.owner, signed.token) == (False, "hf_yours")
    assert caller_of(None).owner is False


def test_a_session_named_after_an_account_is_not_that_account(space: Suite) -> None:
    assert caller_of(request("you")).id != caller_of(request(session="you")).id
    assert caller_of(request("you")).id != caller_of(request(session="account you")).id
    assert caller_of(request("you", session="a")).id == caller_of(request("you", session="b")).id


def test_without_a_secret_ids_still_hold_for_the_process(workspace: object) -> None:
    with using(Suite(Environment(home=workspace, space="me/x", space_owner="me"))):
        assert caller_of(request()).id == caller_of(request()).id
