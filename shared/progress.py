"""How far a long piece of work has come."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """One report of a long function; a generator yields these, and its last item is the result itself.

    Attributes:
        stage: What is being done, in words that a person reads: "Reading rows".
        done: Units finished so far.
        total: Units in all; 0 when that is not known.
        eta_seconds: Seconds left by the speed so far; None when that is not known.
    """

    stage: str
    done: int = 0
    total: int = 0
    eta_seconds: float | None = None
