"""How often a result that grows is shown whole: so that what is sent in all stays in proportion to what is known at last."""

import time
from dataclasses import dataclass

SHARE = 0.1  # so much more must be known before all is shown again: eleven times the whole is sent in all, however long it is
EVERY = 0.1  # seconds between two reports of how far it is


@dataclass
class Growing:
    """What was shown last, of one result."""

    _known: int = 0
    _told: float = 0.0

    def due(self, known: int) -> bool:
        """Whether so much more is known than was shown last that all of it is shown again; then it counts as shown.

        Args:
            known: Parts that are known by now.
        """
        if known < self._known * (1 + SHARE) or known == self._known:
            return False
        self._known = known
        return True

    def telling(self) -> bool:
        """Whether it is time to say how far it is: ten times a second at the most."""
        now = time.monotonic()
        if now - self._told < EVERY:
            return False
        self._told = now
        return True
