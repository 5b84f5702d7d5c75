"""Who stands behind a Gradio request. Core never sees the request itself."""

import hashlib
import hmac
import secrets
from functools import cache
from typing import Any

from shared.policy import OWNER, Caller
from shared.suite import suite


def caller_of(request: Any) -> Caller:
    """The caller of a page or API request.

    On a person's own machine that is the owner. On a Space the owner is who signed in through OAuth with the Space's
    own account name; everybody else is a visitor with an id made from the session by a keyed hash: no address is kept.

    Args:
        request: A `gr.Request`, or None for a call from inside the process.
    """
    environment = suite().environment
    if not environment.public:
        return Caller(token=environment.hub_token) if environment.hub_token else OWNER
    signed_in = _oauth(request)
    name = signed_in.get("userinfo", {}).get("preferred_username", "")
    token = signed_in.get("access_token", "")
    if name and name == environment.space_owner:
        return Caller(id="owner", owner=True, token=token or environment.hub_token)
    # a session's name is whatever its browser says: it must never be read as somebody's account
    who = f"account {name}" if name else f"session {getattr(request, 'session_hash', None) or 'nobody'}"
    key = (environment.secret or _key()).encode()
    return Caller(id=hmac.new(key, who.encode(), hashlib.sha256).hexdigest()[:24], owner=False, token=token)


def _oauth(request: Any) -> dict[str, Any]:
    inner = getattr(request, "request", None) or request
    scope = getattr(inner, "scope", None)
    session = scope.get("session", {}) if isinstance(scope, dict) else {}
    info = session.get("oauth_info")
    return info if isinstance(info, dict) else {}


@cache
def _key() -> str:
    """A new key at each start: visitors' ids then mean nothing after a restart."""
    return secrets.token_hex(32)
