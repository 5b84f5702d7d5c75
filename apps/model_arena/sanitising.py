r"""Markdown from a model, made safe to show: Markdown, code and LaTeX stay, everything else becomes plain text.

The Chatbot takes Markdown and renders it with marked, a sanitiser that lets remote images, forms and overlays through, and KaTeX.
So nothing that a model wrote is left for it to interpret: the Markdown is parsed here (CommonMark, tables, strike-through), written
as HTML of a few tags, passed through nh3, and handed over as HTML blocks of one line, in which no character is left that marked or
the Chatbot's search for LaTeX would react to. Only fenced code goes on as fenced code, so that it is coloured and can be copied, and
only when nothing in it could be taken for LaTeX; LaTeX goes on as `\(..\)` and `\[..\]` without the commands that draw outside
their place. Raw HTML is shown as the text that it is.
"""

import html
import re
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from apps.model_arena.formulas import formula, read_block, read_inline

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.renderer import RendererHTML
    from markdown_it.token import Token

# For the Chatbot's `latex_delimiters`: with these and no others, what is safe here is safe there.
LATEX_DELIMITERS: tuple[Mapping[str, str | bool], ...] = (
    {"left": "\\(", "right": "\\)", "display": False},
    {"left": "\\[", "right": "\\]", "display": True},
)
LONGEST = 100_000  # characters that are shown
MOST_FORMULAS = 500  # that are drawn of one answer; a browser draws some thousand a second, and stands still meanwhile
TAGS = frozenset(
    [
        "div",
        "p",
        "br",
        "hr",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "ul",
        "ol",
        "li",
        "blockquote",
        "pre",
        "code",
        "em",
        "strong",
        "s",
        "a",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "wbr",
    ]
)
_ALIGNED = {"left", "center", "right"}
_LANGUAGE = re.compile(r"[A-Za-z0-9_+#.-]{1,24}")
_TOUCHY = re.compile(
    r"\t|\$\$|\\[()\[\]]|%%%"
)  # what the Chatbot would change in code: tabs, and what looks like LaTeX
_INVISIBLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ue000-\ue001\u202d\u202e\U000e0000-\U000e007f]")
_PIECE = re.compile(r"(<[^>]*>)")
_MATH = re.compile("\ue000(\\d+)\ue001")
_ENCODED = str.maketrans({"\\": "&#92;", "$": "&#36;", "%": "&#37;", "\n": "&#10;", "\t": "&#9;"})
_BROKEN = str.maketrans({"\\": "&#92;<wbr>", "$": "&#36;<wbr>", "%": "&#37;", "\n": "&#10;", "\t": "&#9;"})
_IN_LINKS = str.maketrans({c: f"%{ord(c):02X}" for c in "<>\"'`\\${}|^ \n\t"})


@lru_cache(maxsize=256)  # while one answer grows, all others on the page stay as they are
def sanitise(markdown: str) -> str:
    """What the Chatbot may show of a model's Markdown.

    Args:
        markdown: The answer so far, as the model wrote it.

    Returns:
        Text for a `gr.Chatbot` with `latex_delimiters=LATEX_DELIMITERS`: HTML blocks and fenced code. The same input gives the same
        output, so that an answer that grows does not jump.
    """
    text = _visible(markdown)
    parser = _parser()
    kept: dict[str, Any] = {"formulas": []}
    tokens = parser.parse(text, kept)
    blocks: list[str] = []
    rest: list[Token] = []
    for token in tokens:
        if token.type == "fence" and token.level == 0 and not _TOUCHY.search(token.content):
            blocks += [_clean(rest, kept), _fenced(token)]
            rest = []
        else:
            rest.append(token)
    blocks.append(_clean(rest, kept))
    return "\n\n".join(block for block in blocks if block)


def _visible(text: str) -> str:
    """Without characters that only hide or pile up: controls, overrides of the reading direction, towers of accents."""
    import regex

    cut = text if len(text) <= LONGEST else text[:LONGEST] + "\n\n…"
    cut = _INVISIBLE.sub("", cut.replace("\r\n", "\n").replace("\r", "\n"))
    cut = cut.encode("utf-8", "replace").decode("utf-8")
    return cut if cut.isascii() else regex.sub(r"(\p{Mn}{6})\p{Mn}+", r"\1", cut)


@cache
def _parser() -> "MarkdownIt":
    """CommonMark with tables, strike-through and LaTeX; raw HTML is text to it."""
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False, "breaks": True}).enable(["table", "strikethrough"])
    parser.inline.ruler.before("escape", "formula", read_inline)
    parser.block.ruler.before("fence", "formula_block", read_block, {"alt": ["paragraph", "blockquote", "list"]})
    parser.validateLink = _is_web  # type: ignore[method-assign]
    for name, rule in _RULES.items():
        parser.add_render_rule(name, rule)
    return parser


def _is_web(url: str) -> bool:
    """Whether a link may lead there: a web address with a host, and nothing else."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme.lower() in ("http", "https") and bool(parts.hostname)


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


def _address(url: object) -> str:
    """An address in which nothing is left that could end an attribute or look like LaTeX."""
    return str(url).translate(_IN_LINKS)


Tokens = Sequence["Token"]


def _open_link(_self: "RendererHTML", tokens: Tokens, place: int, _options: Any, _env: MutableMapping[str, Any]) -> str:
    return _link(_address(tokens[place].attrGet("href")))


def _close_link(
    _self: "RendererHTML", tokens: Tokens, place: int, _options: Any, _env: MutableMapping[str, Any]
) -> str:
    """Where the link leads stands behind it, unless its text says so."""
    start = next(i for i in range(place - 1, -1, -1) if tokens[i].type == "link_open")
    host = _host(_address(tokens[start].attrGet("href")))
    said = "".join(token.content for token in tokens[start:place]).strip()
    honest = said == host or not host or ("@" not in said and _is_web(said) and _host(said) == host)
    return "</a>" if honest else f"</a> ({html.escape(host)})"


def _image(_self: "RendererHTML", tokens: Tokens, place: int, _options: Any, _env: MutableMapping[str, Any]) -> str:
    """A picture is never fetched: a link says where it is."""
    address = _address(tokens[place].attrGet("src"))
    name, host = html.escape(tokens[place].content or "image"), _host(address)
    return f"{_link(address)}{name}</a>" + (f" ({html.escape(host)})" if host else "")


def _link(address: str) -> str:
    """The start of a link; one without an address leads nowhere, or it would open this page once more."""
    return f'<a href="{html.escape(address)}">' if address else "<a>"


def _code(_self: "RendererHTML", tokens: Tokens, place: int, _options: Any, _env: MutableMapping[str, Any]) -> str:
    return f"<pre><code>{html.escape(tokens[place].content)}</code></pre>"


def _cell(_self: "RendererHTML", tokens: Tokens, place: int, _options: Any, _env: MutableMapping[str, Any]) -> str:
    token = tokens[place]
    found = re.fullmatch(r"text-align:(\w+)", str(token.attrGet("style") or ""))
    return f'<{token.tag} align="{found[1]}">' if found else f"<{token.tag}>"


def _write_formula(
    _self: "RendererHTML", tokens: Tokens, place: int, _options: Any, env: MutableMapping[str, Any]
) -> str:
    """A mark in the text; the formula itself takes its place behind nh3."""
    token = tokens[place]
    safe = formula(token.content, display=token.markup == "\\[")
    if safe is None or len(env["formulas"]) == MOST_FORMULAS:
        shown = f"<code>{html.escape(token.content)}</code>"
        return f"<p>{shown}</p>" if token.block else shown
    env["formulas"].append(safe)
    mark = f"\ue000{len(env['formulas']) - 1}\ue001"
    return f"<p>{mark}</p>" if token.block else mark


_RULES: Mapping[str, Callable[..., str]] = {
    "link_open": _open_link,
    "link_close": _close_link,
    "image": _image,
    "fence": _code,
    "code_block": _code,
    "th_open": _cell,
    "td_open": _cell,
    "formula": _write_formula,
}


def _clean(tokens: "list[Token]", kept: dict[str, Any]) -> str:
    """Parsed Markdown as one line of HTML, in which nothing is left to interpret."""
    import nh3

    if not tokens:
        return ""
    parser = _parser()
    drawn = parser.renderer.render(tokens, parser.options, kept)
    safe = nh3.clean(
        drawn,
        tags=set(TAGS),
        attributes={"a": {"href"}, "ol": {"start"}},
        tag_attribute_values={"th": {"align": _ALIGNED}, "td": {"align": _ALIGNED}},
        url_schemes={"http", "https"},
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    )
    return f"<div>{_encode(safe.strip(), kept['formulas'])}</div>"


def _encode(safe: str, formulas: list[str]) -> str:
    """nh3's output with every character written as a number that marked or the search for LaTeX could react to.

    A backslash or dollar in the text is also kept apart from what follows, for KaTeX reads the finished page; it
    passes over code.
    """
    written, code = [], 0
    for piece in _PIECE.split(safe):
        if piece.startswith("<"):
            code += (piece == "<code>") - (piece == "</code>")
            written.append(piece.translate(_ENCODED))
        else:
            written.append(piece.translate(_ENCODED if code else _BROKEN))
    return _MATH.sub(lambda found: formulas[int(found[1])], "".join(written))


def _fenced(token: "Token") -> str:
    """Top-level fenced code, exactly as it is, in a fence that it does not contain."""
    longest = max((len(run) for run in re.findall(r"`+", token.content)), default=0)
    fence = "`" * max(3, longest + 1)
    said = token.info.split()[0] if token.info.split() else ""
    # a language named mermaid would be drawn as a diagram, which may load what it likes
    language = said if _LANGUAGE.fullmatch(said) and said.lower() != "mermaid" else ""
    content = token.content if token.content.endswith("\n") or not token.content else token.content + "\n"
    return f"{fence}{language}\n{content}{fence}"
