r"""LaTeX in an answer: where it begins and ends (`$..$`, `$$..$$`, `\(..\)`, `\[..\]`), and which of it may be drawn."""

import html
import re
from bisect import bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it.rules_block import StateBlock
    from markdown_it.rules_inline import StateInline

LONGEST = 5_000  # characters of one formula; a longer one is shown as text
MOST_LINES = 100  # lines of one formula
DEEPEST = 60  # braces within braces
MOST_BACK = 12  # steps back (`\\!`, a sixth of an em each) in one formula
# Commands of KaTeX that draw outside their place, take no room where they draw, open an address, set attributes of the page, or make
# new commands out of these. (KaTeX refuses some by itself; a formula that has one is shown as text.)
FORBIDDEN = frozenset(
    [
        "rule",
        "raisebox",
        "raise",
        "lower",
        "smash",
        "kern",
        "mkern",
        "mskip",
        "hskip",
        "hspace",
        "vspace",
        "rlap",
        "llap",
        "clap",
        "mathrlap",
        "mathllap",
        "mathclap",
        "href",
        "url",
        "includegraphics",
        "htmlClass",
        "htmlId",
        "htmlStyle",
        "htmlData",
        "htmlextension",
        "def",
        "gdef",
        "edef",
        "xdef",
        "let",
        "futurelet",
        "newcommand",
        "renewcommand",
        "providecommand",
        "global",
        "long",
        "char",
        "csname",
        "endcsname",
        "expandafter",
        "noexpand",
        "above",
        "genfrac",
        "moveleft",
        "moveright",
        "vcenter",
        "hbox",
        "vbox",
        "hphantom",
        "vphantom",
        "phantom",
        "relax",
        "mathchoice",
        "@ifnextchar",
        "@ifstar",
        "@firstoftwo",
        "@secondoftwo",
        "verb",
        "negthinspace",
        "negmedspace",
        "negthickspace",
        "class",
        "cssId",
        "style",
        "unicode",
    ]
)
_COMMAND = re.compile(r"\\([A-Za-z@]+)")
_LEAP = re.compile(r"\\\\\s*\*?\s*\[([^\]]*)\]")
_STEP = re.compile(r"\s*\d{0,2}(\.\d{1,4})?\s*(pt|em|ex|mm|mu)\s*")
_DOLLAR = re.compile(r"\$(?!\$)((?:\\.|[^\\$\n]){1,5000}?)\$(?!\d)", re.DOTALL)
_PAIRS = {"\\(": "\\)", "\\[": "\\]", "$$": "$$"}


def formula(latex: str, *, display: bool) -> str | None:
    r"""A formula as the Chatbot may have it, between `\(` and `\)` or `\[` and `\]`, on one line.

    Args:
        latex: What stood between the delimiters.
        display: Whether it stands on a line of its own.

    Returns:
        The formula, HTML-escaped; None when it must not be drawn.
    """
    if not _is_tame(latex):
        return None
    # a delimiter inside would pair with one elsewhere; a blank between leaves the meaning as it is
    apart = re.sub(r"\\\\([()\]])", r"\\\\ \1", latex)
    inside = re.sub(r"\\\\\[", "", apart)
    if re.search(r"\\[()\[\]]", inside.replace("\\\\", "")) or "$$" in inside:
        return None
    left, right = ("\\[", "\\]") if display else ("\\(", "\\)")
    escaped = html.escape(apart).replace("$", "&#36;").replace("%", "&#37;").replace("\n", "&#10;")
    return f"{left}{escaped}{right}"


def _is_tame(latex: str) -> bool:
    """Whether a formula stays in its place when it is drawn."""
    if len(latex) > LONGEST or not latex.strip() or latex.count("\\!") > MOST_BACK:
        return False
    if any(command in FORBIDDEN or command.startswith("html") for command in _COMMAND.findall(latex)):
        return False
    if any(not _STEP.fullmatch(found) for found in _LEAP.findall(latex) if found[:1] in "0123456789.- "):
        return False
    depth = deepest = 0
    for sign in latex:
        depth += (sign == "{") - (sign == "}")
        deepest = max(deepest, depth)
    return deepest <= DEEPEST


def read_inline(state: "StateInline", silent: bool) -> bool:
    """The rule of markdown-it that finds LaTeX within a paragraph.

    Args:
        state: Where the parser is.
        silent: Only look.
    """
    text, begin = state.src, state.pos
    if text[begin] not in "\\$":
        return False
    opening = text[begin : begin + 2]
    if opening in _PAIRS:
        closing = _PAIRS[opening]
        end = text.find(closing, begin + 2, min(state.posMax, begin + 2 + LONGEST))
        if end < 0 or not text[begin + 2 : end].strip():
            return False
        content, after, display = text[begin + 2 : end], end + 2, opening != "\\("
    else:
        found = _DOLLAR.match(text, begin, state.posMax) if opening[0] == "$" else None
        # "$5 and $6" is money: a formula neither begins nor ends with a blank
        if found is None or found[1][:1].isspace() or found[1][-1:].isspace():
            return False
        content, after, display = found[1], found.end(), False
    if not silent:
        token = state.push("formula", "", 0)
        token.content, token.markup = content, "\\[" if display else "\\("
    state.pos = after
    return True


def read_block(state: "StateBlock", first: int, last: int, silent: bool) -> bool:
    r"""The rule of markdown-it that finds LaTeX on lines of its own, from `$$` or `\[` to the line that ends with the other.

    Args:
        state: Where the parser is.
        first: The line that may begin a formula.
        last: The line behind the last one.
        silent: Only look.
    """
    begin = state.bMarks[first] + state.tShift[first]
    opening = state.src[begin : begin + 2]
    if opening not in ("$$", "\\[") or state.is_code_block(first):
        return False
    # found before a line is read: of lines that all open and never close, each would read a hundred others
    most = state.eMarks[min(last, first + MOST_LINES) - 1]
    end = state.src.find(_PAIRS[opening], begin + 2, most)
    if end < 0:
        return False
    line = bisect_right(state.bMarks, end, first, last) - 1
    after = state.src[end + 2 : state.eMarks[line]]
    if after.strip(" .,;") or any(state.sCount[each] < state.blkIndent for each in range(first + 1, line + 1)):
        return False
    starts = [begin + 2, *(state.bMarks[each] + state.tShift[each] for each in range(first + 1, line + 1))]
    lines = [state.src[start:stop] for start, stop in zip(starts, [*state.eMarks[first:line], end], strict=True)]
    content = "\n".join(part for part in lines if part.strip())
    if not content:
        return False
    if silent:
        return True
    state.line = line + 1
    token = state.push("formula", "", 0)
    token.block, token.content, token.markup, token.map = True, content, "\\[", [first, state.line]
    if after.strip():
        token.content += after.strip()
    return True
