"""The code in an answer."""

import re

LONGEST = 4_000  # characters; a function that adds two numbers has fewer, and parsers take their time over more

_OPEN = re.compile(r"^[ \t]*```[^`\n]*\n", re.MULTILINE)
_CLOSE = re.compile(r"^[ \t]*```", re.MULTILINE)


def block(answer: str) -> str:
    """The code of an answer: its first code block, or all of it when it has none.

    Args:
        answer: What the model said. A block that is never closed goes to the end of the answer.
    """
    opened = _OPEN.search(answer)
    if opened is None:
        return answer.strip("\n")
    closed = _CLOSE.search(answer, opened.end())
    return answer[opened.end() : closed.start() if closed else len(answer)]
