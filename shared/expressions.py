"""Regular expressions that people write: RE2, which takes linear time whatever the pattern, and faults said in sentences."""

import re
from typing import Any

from shared.errors import PlaygroundError

_LONGEST = 2_000
_LINEAR = "Patterns here run in linear time, which rules them out"
_UNSUPPORTED = (
    ("Backreferences", re.compile(r"\\[1-9]|\\k[<{']|\\g\d|\(\?P=")),
    ("Lookahead and lookbehind", re.compile(r"\(\?<?[=!]")),
    ("Atomic groups", re.compile(r"\(\?>")),
    ("Possessive repetitions", re.compile(r"(?<=[*+?}])\+")),
    ("Conditions", re.compile(r"\(\?\(")),
    ("Recursion", re.compile(r"\(\?(?:R|[+-]?\d+|&\w+)\)")),
    ("Verbose patterns", re.compile(r"\(\?[a-wyz]*x")),
)
_FAULTS = {
    "missing ]": "The '[' at position {place} is not closed.",
    "invalid character class": "The class or range '{part}' at position {place} does not exist.",
    "no argument for repetition operator": "The '{part}' at position {place} has nothing before it to repeat.",
    "bad repetition operator": "The '{part}' at position {place} repeats a repetition. Put the inner one in parentheses.",
    "invalid repetition size": "The '{part}' at position {place} repeats too often: 1,000 times is the most, in all.",
    "invalid escape sequence": "The escape '{part}' at position {place} is unknown. Write '\\\\' for a backslash.",
    "invalid perl operator": "The group '{part}' at position {place} is unknown.",
    "invalid named capture group": "The group name at position {place} in '{part}' is not a name.",
    "trailing \\": "The pattern ends in one backslash. Write '\\\\' for a backslash.",
    "pattern too large": "The pattern is too large. Use smaller repetitions.",
}


def compile_pattern(pattern: str, ignore_case: bool = False) -> Any:
    """A pattern that searches the UTF-8 bytes of a text in linear time.

    Args:
        pattern: A regular expression in RE2's syntax.
        ignore_case: Whether capitals match small letters.

    Returns:
        A compiled pattern of the package `re2`, for bytes.

    Raises:
        PlaygroundError: The pattern is empty or longer than 2,000 characters, has a fault, or asks for what linear time cannot give.
    """
    import re2

    if not pattern:
        raise PlaygroundError("The pattern is empty. Write a regular expression, such as '[0-9]+ (apples|pears)'.")
    if len(pattern) > _LONGEST:
        raise PlaygroundError(f"The pattern has {len(pattern):,} characters. {_LONGEST:,} are the most.")
    options = re2.Options()
    options.case_sensitive = not ignore_case
    options.log_errors = False
    try:
        return re2.compile(pattern.encode("utf-8", "replace"), options)
    except re2.error as problem:
        said = problem.args[0]
        text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        raise PlaygroundError(f"The regular expression '{pattern}' cannot be used. {_explain(pattern, text)}") from None


def _explain(pattern: str, said: str) -> str:
    # Escaped characters and classes, blanked out, cannot be mistaken for syntax.
    plain = re.sub(r"\\[^1-9kg]|\[\^?\]?(?:\\.|\[:\w+:\]|[^\]\\])*\]", lambda found: "_" * len(found.group()), pattern)
    for name, syntax in _UNSUPPORTED:
        if found := syntax.search(plain):
            return f"{name}, such as '{found.group()}' at position {found.start() + 1}, are not possible. {_LINEAR}."
    if said.startswith(("missing )", "unexpected )")):
        return _parentheses(plain)
    for start, sentence in _FAULTS.items():
        if said.startswith(start):
            part = said.partition(": ")[2]
            return sentence.format(part=part, place=max(pattern.find(part), 0) + 1)
    return f"The fault is: {said}."


def _parentheses(plain: str) -> str:
    opened: list[int] = []
    for place, character in enumerate(plain):
        if character == "(":
            opened.append(place)
        elif character == ")" and opened:
            opened.pop()
        elif character == ")":
            return f"The ')' at position {place + 1} closes nothing."
    return f"The '(' at position {opened[-1] + 1 if opened else 1} is not closed."
