"""Errors that a person can act on. Anything else that is raised is a bug and keeps its traceback.

* PlaygroundError: say what happened, with the value, and what to do
  + Conflict: it is there already (a second vote, a key that is taken)
  + NotAllowed: the caller may not do this here
"""


class PlaygroundError(Exception):
    """What happened, with the value, and what to do: the message reaches the browser and the API client as it is."""


class Conflict(PlaygroundError):
    """The row or artifact exists already, and the second one was not written."""


class NotAllowed(PlaygroundError):
    """This caller may not do this on this server."""
