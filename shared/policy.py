"""Who calls, and what they may do. Checked in one place, `shared/calls.py`, for pages, API and tools alike."""

from dataclasses import dataclass, field

from shared.appcard import Access
from shared.errors import NotAllowed


@dataclass(frozen=True)
class Caller:
    """Who asks. Core functions that need it take `caller: Caller`; it is in no form, API or record.

    Attributes:
        id: Stable, made-up name of a visitor (a keyed hash), or "owner".
        owner: Whether this is the person whose machine or Space it is.
        token: The caller's own Hub token; empty when there is none. Never logged or stored.
    """

    id: str = "owner"
    owner: bool = True
    token: str = field(default="", repr=False)


OWNER = Caller()


def check(access: Access, caller: Caller, what: str) -> None:
    """Refuse what only the owner may do.

    Raises:
        NotAllowed: `access` is "owner" and the caller is not.
    """
    if access == "owner" and not caller.owner:
        raise NotAllowed(f"'{what}' is for the owner of this Space. Sign in as the owner, or duplicate the Space.")
