"""What a checker says about an answer."""

from dataclasses import dataclass

_SHOWN = 80


@dataclass(frozen=True)
class Verdict:
    """Whether an answer is right.

    Attributes:
        passed: Whether it is.
        why: Why not, in words for a person; "" when it is.
    """

    passed: bool
    why: str = ""


RIGHT = Verdict(True)


def wrong(why: str) -> Verdict:
    """The verdict on an answer that is not right.

    Args:
        why: What is wrong with it.
    """
    return Verdict(False, why)


def shown(text: str) -> str:
    """A text as it is quoted in a verdict: in quotes, on one line, and short.

    Args:
        text: Any text.
    """
    line = " ".join(text[: 2 * _SHOWN].split())
    return f'"{line}"' if len(line) <= _SHOWN and len(text) <= 2 * _SHOWN else f'"{line[:_SHOWN]} …"'
