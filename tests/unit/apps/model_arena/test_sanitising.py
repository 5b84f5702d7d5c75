"""What a model writes reaches the Chatbot harmless: checked on the text that the Chatbot gets, by the rules of its own parser."""

import html
import random
import re
import time
from html.parser import HTMLParser

import pytest

from apps.model_arena.formulas import FORBIDDEN
from apps.model_arena.sanitising import LATEX_DELIMITERS, LONGEST, MOST_FORMULAS, TAGS, sanitise

FENCE = re.compile(r"(?ms)^(`{3,})([^`\n]*)\n(.*?)^\1$")
ATTRIBUTES = {"a": {"href", "target", "rel"}, "ol": {"start"}, "th": {"align"}, "td": {"align"}}

ATTACKS = r"""
<script>alert(1)</script>
<ScRiPt src=//evil.example/x.js></sCrIpT>
<img src=x onerror=alert(1)>
<img src="http://evil.example/track.png">
<IMG SRC=`javascript:alert(1)`>
<svg onload=alert(1)>
<svg><script>alert(1)</script></svg>
<svg><a xlink:href="javascript:alert(1)"><text>x</text></a></svg>
<math><maction actiontype="statusline" xlink:href="javascript:alert(1)">x</maction></math>
<iframe src="https://evil.example"></iframe>
<iframe srcdoc="<script>alert(1)</script>"></iframe>
<object data="https://evil.example/x.swf"></object>
<embed src="https://evil.example">
<form action="https://evil.example"><input name=q><button>Vote</button></form>
<button formaction="javascript:alert(1)">A is better</button>
<input autofocus onfocus=alert(1)>
<textarea autofocus onfocus=alert(1)></textarea>
<select onchange=alert(1)><option>1</select>
<style>body{background:url(https://evil.example)}</style>
<style>@import 'https://evil.example/x.css';</style>
<link rel=stylesheet href=https://evil.example/x.css>
<meta http-equiv=refresh content="0;url=https://evil.example">
<base href="https://evil.example/">
<div style="position:fixed;top:0;left:0;width:100vw;height:100vh;z-index:9999">x</div>
<p style="background-image:url(https://evil.example/a)">x</p>
<div class="modal overlay" id="vote-a">x</div>
<a href="javascript:alert(1)">x</a>
<a href="https://evil.example" onclick="alert(1)">x</a>
<a href="data:text/html,<script>alert(1)</script>">x</a>
<video src="https://evil.example/a.mp4" autoplay></video>
<audio src="https://evil.example/a.mp3" autoplay></audio>
<picture><source srcset="https://evil.example/a"></picture>
<video poster="https://evil.example/p.png"></video>
<body onload=alert(1)>
<html onmouseover=alert(1)>
<!-- <img src=https://evil.example> -->
<!--><img src=x onerror=alert(1)>-->
<![CDATA[<img src=x onerror=alert(1)>]]>
<?php echo 1 ?><img src=x>
<noscript><p title="</noscript><img src=x onerror=alert(1)>">
<template><img src=x onerror=alert(1)></template>
<details open ontoggle=alert(1)><summary>x</summary></details>
<marquee onstart=alert(1)>x</marquee>
<dialog open style="inset:0">x</dialog>
<table background="https://evil.example/x"><tr><td>1</table>
<thinking>secret</thinking>
![](https://evil.example/track.png)
![x](https://evil.example/track.png "title")
![x][1]\n\n[1]: https://evil.example/track.png
[![x](https://evil.example/a.png)](https://evil.example/b)
![x](data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+)
![x](javascript:alert(1))
[x](javascript:alert(1))
[x](JaVaScRiPt:alert(1))
[x](&#106;avascript:alert(1))
[x](java\tscript:alert(1))
[x](vbscript:msgbox(1))
[x](data:text/html;base64,PHNjcmlwdD4=)
[x](file:///etc/passwd)
[x](//evil.example/x)
[x](http://[::1)
[x](https://user:pass@)
[x](<javascript:alert(1)>)
[x][2]\n\n[2]: javascript:alert(1)
<javascript:alert(1)>
<https://evil.example/"onmouseover="alert(1)>
[x](https://evil.example/"onclick="alert\\(1\\))
[x](https://evil.example/$$<img src=x>$$)
```mermaid\ngraph TD; A[<img src=x onerror=alert(1)>] --> B\n```
```"><img src=x onerror=alert(1)>\ncode\n```
```\n$$<img src=https://evil.example onerror=alert(1)>$$\n```
```\n\\(<img src=https://evil.example>\\)\n```
`\\(`\n\n```\n<img src=https://evil.example>\n```\n\n`\\)`
`$$`\n\n```\n<img src=https://evil.example>\n```\n\n`$$`
$$<img src=x onerror=alert(1)>$$
\\(<img src=x onerror=alert(1)>\\)
\\[\n</div><script>alert(1)</script>\n\\]
$\\href{javascript:alert(1)}{x}$
$$\\href{https://evil.example}{x}$$
$$\\includegraphics{https://evil.example/a.png}$$
$$\\htmlStyle{position:fixed;inset:0}{x}$$
$$\\htmlClass{overlay}{x}$$
$$\\smash{\\rule[-50em]{200em}{100em}}$$
$$\\rlap{\\raisebox{-40em}{\\Huge A is better}}$$
$$\\kern-50em \\Huge X$$
$$\\hspace{-50em} X$$
$$\\def\\x{\\rule{9em}{9em}}\\x$$
$$\\begin{aligned}a\\\\[-90em]b\\end{aligned}$$
$$\\begin{aligned}a\\\\[999em]b\\end{aligned}$$
\\\\( \\smash{\\rule{100em}{100em}} \\\\) and \\(x\\)
%%%LATEX_BLOCK_0%%% <img src=x> $$y$$
&lt;img src=x onerror=alert(1)&gt;
&#60;script&#62;alert(1)&#60;/script&#62;
<<img src=x onerror=alert(1)>script>
<scr<script>ipt>alert(1)</scr</script>ipt>
<img/src=x/onerror=alert(1)>
<a\nhref="javascript:alert(1)">x</a>
| a | b |\n|---|---|\n| <img src=x onerror=alert(1)> | ![](https://evil.example/a) |
> <img src=x onerror=alert(1)>
- <form action=https://evil.example>\n  - ![](https://evil.example/a)
# <img src=x onerror=alert(1)>
    <img src=x onerror=alert(1)>
<https://evil.example/?a=<script>>
</div></div></div><button>A is better</button>
]]></template></textarea></title></style></script><img src=x onerror=alert(1)>
"""
CORPUS = [line.replace("\\n", "\n").replace("\\t", "\t").replace("\\\\", "\\") for line in ATTACKS.strip().split("\n")]


class Tags(HTMLParser):
    """Every tag with its attributes, and whatever is no plain element."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.tags, self.odd, self.text, self.code = [], [], [], 0

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.code += tag == "code"

    def handle_endtag(self, tag):
        self.code -= tag == "code"

    def handle_comment(self, data):
        self.odd.append(data)

    def handle_decl(self, decl):
        self.odd.append(decl)

    def handle_pi(self, data):
        self.odd.append(data)

    def unknown_decl(self, data):
        self.odd.append(data)

    def handle_data(self, data):
        if not self.code:
            self.text.append(data)


def as_the_chatbot_reads_it(safe):
    """HTML of the page by gradio 6.31's rules: LaTeX is taken out and escaped, code in fences is escaped, HTML blocks pass."""
    blocks = []

    def keep(found):
        blocks.append(found[0])
        return f"%%%LATEX_BLOCK_{len(blocks) - 1}%%%"

    text = safe
    for each in LATEX_DELIMITERS:
        text = re.sub(re.escape(each["left"]) + r"([\s\S]+?)" + re.escape(each["right"]), keep, text)
    page, rest = [], text
    while rest:
        if rest.startswith("<div>"):
            line, _, rest = rest.partition("\n")
            assert line.endswith("</div>"), "an HTML block is one line, so that nothing in it is Markdown"
            page.append(re.sub(r"%%%LATEX_BLOCK_(\d+)%%%", lambda m: escaped(blocks[int(m[1])]), line))
        else:
            found = FENCE.match(rest)
            assert found, f"neither an HTML block nor fenced code: {rest[:80]!r}"
            assert "%%%LATEX" not in found[3]
            page.append(f"<pre><code>{html.escape(found[3])}</code></pre>")
            rest = rest[found.end() :].lstrip("\n")
            continue
        rest = rest.lstrip("\n")
    return "\n".join(page)


def escaped(latex):
    """What gradio does with a formula: entities stay, other signs are escaped."""
    table = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"}
    return re.sub(r"[<>\"']|&(?!(#\d{1,7}|#[Xx][a-fA-F0-9]{1,6}|\w+);)", lambda m: table[m[0]], latex)


def assert_harmless(safe):
    page = Tags()
    page.feed(as_the_chatbot_reads_it(safe))
    assert page.odd == []
    for tag, attributes in page.tags:
        assert tag in TAGS
        assert set(attributes) <= ATTRIBUTES.get(tag, set())
        if tag == "a":
            assert re.match(r"https?://[^/]", attributes.get("href", "http://x"))
            assert "noopener" in attributes["rel"]
    # KaTeX reads the finished page, a text at a time, and passes over code
    for piece in page.text:
        for drawn in re.findall(r"(?s)\\\((.+?)\\\)|\\\[(.+?)\\\]", piece):
            assert not FORBIDDEN & set(re.findall(r"\\([A-Za-z]+)", "".join(drawn)))
            assert not re.search(r"\\\\\s*\[\s*(-|\d{3})", "".join(drawn))


def test_the_corpus_is_large():
    assert len(CORPUS) >= 90
    assert sum("\n" in attack for attack in CORPUS) >= 10, "attacks of several lines are whole"


@pytest.mark.parametrize("attack", CORPUS)
def test_an_attack_is_harmless(attack):
    for text in (attack, f"Before {attack} after", f"Hello\n\n{attack}\n\n$x_1$ `c`", f"- a\n\n  {attack}"):
        assert_harmless(sanitise(text))


def test_many_mutations_are_harmless():
    lots = random.Random(0)
    pieces = [
        *CORPUS,
        "\n",
        "\n\n",
        "`",
        "```",
        "$",
        "$$",
        "\\(",
        "\\)",
        "\\[",
        "\\]",
        "\\",
        "<",
        ">",
        "](",
        "![",
        "|",
        "%%%",
        "\t",
        "    ",
    ]
    for _ in range(1500):
        text = "".join(lots.choice(pieces) for _ in range(lots.randrange(1, 6)))
        for _ in range(lots.randrange(4)):
            place = lots.randrange(len(text) + 1)
            text = text[:place] + lots.choice(pieces[-20:]) + text[place + lots.randrange(3) :]
        assert_harmless(sanitise(text))


def test_every_beginning_of_an_answer_is_harmless():
    """As it streams, an answer is cut anywhere."""
    whole = "# Sum\n\n$$\\sum_i x_i < 1$$\n\n```python\nprint('<b>')\n```\n\n[x](https://a.example) ![y](https://b.example/c.png) \\(z\\) | $5"
    for end in range(len(whole) + 1):
        assert_harmless(sanitise(whole[:end]))


def test_markdown_is_kept():
    safe = sanitise(
        "# Title\n\n**bold** *it* ~~gone~~\n\n1. one\n2. two\n\n> said\n\n| a | b |\n|:-:|--|\n| 1 | 2 |\n\n---\n\nline\nbreak"
    )
    for part in (
        "<h1>Title</h1>",
        "<strong>bold</strong>",
        "<em>it</em>",
        "<s>gone</s>",
        "<ol>",
        "<blockquote>",
        '<th align="center">a</th>',
        "<hr>",
        "<br>",
    ):
        assert part in safe


def test_latex_in_all_four_spellings():
    assert "\\(a_1\\)" in sanitise("so $a_1$ is")
    assert "\\(a_1 * b_1\\)" in sanitise("so \\(a_1 * b_1\\) is")
    assert "\\[a &lt; b\\]" in sanitise("$$a < b$$")
    assert "\\[\\begin{aligned} a &amp;= b \\\\[1em]&#10;- c\\end{aligned}\\]" in sanitise(
        "\\[\n\\begin{aligned} a &= b \\\\[1em]\n- c\\end{aligned}\n\\]"
    )
    assert "\\[x\\]" in sanitise("inline $$x$$ too")
    assert "\\(f(x) \\\\ (y)\\)" in sanitise("\\(f(x) \\\\(y)\\)")


def test_money_is_no_formula():
    safe = sanitise("It costs $5 and $6, or $ 7 $.")
    assert "\\(" not in safe
    page = Tags()
    page.feed(safe)
    assert "".join(page.text) == "It costs $5 and $6, or $ 7 $."


@pytest.mark.parametrize(
    "code",
    [
        "print('<b>')\n",
        "a $x$ and $$y$$\n",
        "\tif (a < b && c) {}\n",
        "\\(x\\) %%%LATEX_BLOCK_0%%%\n",
        "``` inside\n",
        "",
        "no end",
        "&lt; &amp;\n",
    ],
)
@pytest.mark.parametrize("frame", ["{}", "- item\n\n  {}", "> {}"])
def test_code_stays_exactly_as_it_is(code, frame):
    block = f"````python\n{code}" + ("" if code.endswith("\n") or not code else "\n") + "````"
    indent = re.match(r"(?s).*?([ >]*)\{\}$", frame)[1]
    text = frame.format(block.replace("\n", "\n" + indent))
    page = as_the_chatbot_reads_it(sanitise(text))
    (shown,) = re.findall(r"(?s)<pre><code>(.*?)</code></pre>", page)
    assert html.unescape(shown).rstrip("\n") == code.rstrip("\n")


def test_top_level_code_stays_fenced_so_that_it_is_coloured_and_can_be_copied():
    assert (
        sanitise("Look:\n\n```python\nx < 1\n```\nDone.")
        == "<div><p>Look:</p></div>\n\n```python\nx < 1\n```\n\n<div><p>Done.</p></div>"
    )
    assert sanitise("```bash\necho $HOME\n```") == "```bash\necho $HOME\n```"
    assert "```\ngraph" in sanitise("```mermaid\ngraph\n```")
    assert sanitise("```py ok\nx").startswith("```py\nx\n```")


def test_links_say_where_they_lead_and_pictures_are_links():
    assert '<a href="https://a.example/x"' in sanitise("[bank](https://a.example/x)")
    assert "</a> (a.example)" in sanitise("[bank](https://a.example/x)")
    assert "</a> (evil.example)" in sanitise("[bank](https://bank.example@evil.example/)")
    assert "</a> (" not in sanitise("<https://a.example/x>")
    assert "</a> (" not in sanitise("[a.example](https://a.example)")
    for text, host in (
        ("[https://g.co.bank.example](https://g.co)", "g.co"),
        ("[shopping.com](https://g.co)", "g.co"),
        ("<https://bank.example@evil.example>", "evil.example"),
    ):
        assert f"</a> ({host})" in sanitise(text), "its text only looks as if it said where it leads"
    assert "<img" not in sanitise("![cat](https://a.example/c.png)")
    for nowhere in ("[x]()", "![x](  )"):
        assert "href" not in sanitise(nowhere)
        assert ">x</a></p>" in sanitise(nowhere)
    assert ">cat</a> (a.example)" in sanitise("![cat](https://a.example/c.png)")


def test_raw_html_is_shown_as_the_text_that_it_is():
    page = Tags()
    page.feed(sanitise("<b onclick=x>hi</b> <!-- c -->"))
    assert "".join(page.text) == "<b onclick=x>hi</b> <!-- c -->"


def test_characters_that_hide_or_pile_up_go():
    safe = sanitise("a\x00b\u202ec z" + "\u0301" * 50 + " नमस्ते \ud800")
    assert "\x00" not in safe
    assert "\u202e" not in safe
    assert safe.count("\u0301") == 6
    assert "नमस्ते" in safe
    safe.encode()


def test_a_page_is_not_asked_to_draw_thousands_of_formulas():
    safe = sanitise("$x$ " * (MOST_FORMULAS + 20))
    assert safe.count("\\(x\\)") == MOST_FORMULAS
    assert safe.count("<code>x</code>") == 20
    assert_harmless(safe)


def test_nothing_is_nothing_and_a_very_long_answer_is_cut():
    assert sanitise("") == ""
    assert sanitise("\n \n") == ""
    assert len(sanitise("word " * LONGEST)) < 2 * LONGEST


@pytest.mark.parametrize("piece", ["[", "![", "<", "`", "*", "> ", "- ", "$", "\\(", "\\[\n", "|", "(", "[x](", "~~"])
def test_repeated_signs_take_no_time(piece):
    assert_harmless(sanitise(piece * 3000))


# Whatever opens and never closes, nests, or asks the parser to look back. A whole answer of each, cleaned in a second or so.
REPEATED = [
    "\\[\n", "- \\[\n", "- $$\n", "$a ", "`a``b```c", "[", "![", "[a][", "[a]: b\n", "a**b*", "~~a ", "|-|\n", "> ", "- a\n", "&#", "<", "\"'",
]  # fmt: skip
DEEP = [
    "[" * 50_000 + "]" * 50_000, "*" * 50_000 + "a" + "*" * 50_000, ">" * 100_000, "\n".join("  " * depth + "- a" for depth in range(440)),
    "".join("`" * run + "a" for run in range(1, 440)), "|a|b|\n|-|-|\n" + "|a|b|\n" * 16_000,
]  # fmt: skip


def seconds(text):
    began = time.process_time()
    sanitise.__wrapped__(text)
    return time.process_time() - began


@pytest.mark.parametrize("piece", ["<http://a>", "[a](http://b) ", "\\[\n\\[\n\\] x\n"])
def test_what_used_to_take_the_square_of_its_length(piece):
    """Each link looked at all before it, each line that opens a formula at a hundred others."""
    assert seconds((piece * 50_000)[:50_000]) < 1.5


@pytest.mark.slow
@pytest.mark.parametrize(
    "text", [*((piece * LONGEST)[:LONGEST] for piece in REPEATED), *DEEP], ids=lambda text: repr(text[:8])
)
def test_a_whole_answer_of_anything_is_cleaned_soon(text):
    assert seconds(text) < 8, "some 1 s on one core; 8 is a safety limit"
