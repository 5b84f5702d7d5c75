"""Who may call what."""

import pytest

from shared.errors import NotAllowed
from shared.policy import OWNER, Caller, check


def test_only_the_owner_may_do_what_is_the_owners() -> None:
    check("owner", OWNER, "push")
    check("anyone", Caller("v", owner=False), "page")
    with pytest.raises(NotAllowed, match=r"'push' is for the owner of this Space\. Sign in"):
        check("owner", Caller("v", owner=False), "push")


def test_a_token_is_not_shown() -> None:
    assert "hf_secret" not in repr(Caller(token="hf_secret"))
