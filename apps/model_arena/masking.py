"""Hiding, while an answer streams, what would say which model writes it: names, reasoning, and the marks of a chat template.

Where a name may mean something else, an answer is rather left alone than mutilated: "Android was made by Google", a list of
companies and "A model made by Google" (which may be about any model) stay as they are. Such a word is hidden where the writer speaks of itself, where it
labels the whole answer ("Claude: Hello"), and wherever it stands when the prompt asks who answers and does not name it itself.
"""

import html
import re
import unicodedata
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from apps.model_arena.manifest import manifest
from apps.model_arena.suspicion import asks_for_name
from shared.refs import parse

if TYPE_CHECKING:
    import regex

HIDDEN = "[name hidden]"
LOOK_BACK = 160  # characters before a name in which a model may have said that it speaks of itself
LOOK_AHEAD = 40  # characters behind it that are waited for
TAIL = 2  # characters behind it that tell whether a version follows: "Llama 3" and "Llama 3.1"

# Letters of other alphabets that look like a Latin one; accents, fonts and circles are found by Unicode's own decomposition.
_ALIKE = {
    "a": "аα", "c": "сϲ", "e": "еε", "g": "ɡ", "i": "іιı", "k": "кκ", "l": "ӏł", "m": "м", "n": "ո", "o": "оοø", "p": "рρ", "s": "ѕ", "t": "тτ", "x": "хχ",
    "y": "уγ",
}  # fmt: skip
# What a page does not show, or shows as emphasis, as the beginning of a link, or as the letters of a formula.
_COMMAND = r"\\[a-z]{2,12}\{"
_GLUE = rf"(?:{_COMMAND}|[\p{{M}}\p{{Cf}}\p{{DI}}\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ue000\ue001*_~`\\\[\]{{}}$]){{0,4}}"
_SPELLED = r"[ .,\-·_/|]{1,3}"
_CJK = "\\p{Han}\\p{Hiragana}\\p{Katakana}\\p{Hangul}"
_WORD = "\\p{Latin}\\p{Greek}\\p{Cyrillic}"
_SELF = (
    r"\b(?:i|i.m|me|my|we|our|assistant|chatbot|(?:language|ai) model|llm|ich|mein|je|j.ai|mon|yo|soy|fui|io|sono|eu|sou|fui)\b"
    r"|我|本模型|本助手|助手|私|僕|저는|나는|я|меня"
)
_CLAIM = (
    r"\bi\s*(?:.m|am|was)\b|\bmy (?:real |full )?name\b|\b(?:call|named?|called|known)\b"
    r"|\b(?:developed|created|trained|made|built|designed|released|provided|powered|fine-?tuned|owned|operated|offered)\b"
    r"|\b(?:entwickelt|trainiert|développé|créé|entraîné|desarrollad[oa]|cread[oa]|entrenad[oa])\b"
    r"|\b(?:model|assistant|chatbot|ai|version|part|member|product|family|series)\b.{0,20}\b(?:from|by|of|at|named|called)\b"
    r"|\b(?:work(?:ing)? (?:for|at)|based on|version of|run(?:ning)? on|(?:creator|maker|developer)s?)\b"
    r"|\b(?:ich bin|ich wurde|je suis|j.ai été|me llamo|soy|fui|sono|eu sou|mi nombre|je m.appelle|ich heiße)\b"
    r"|我是|我叫|名字|名叫|由|来自|基于|训练|开发|研发|创造|私は|저는|меня зовут|я\s"
)
# Right before a name, with nothing in between: enough by itself.
_DIRECT = (
    r"(?:\b(?:i\s*.?\s*a?m|name(?:.s| is)?|call me|named|known as|ich bin|ich heiße|je suis|je m.appelle|soy|me llamo|sono|eu sou)"
    r"|我是|我叫|名叫|私は|저는|меня зовут|\bя|(?:\b(?:name|model|assistant|creator)|名字|名称)[\s*_]*[:：])"
    r"\s*(?:\b(?:the|an?|der|die|le|la|el)\s+)?[\s*_~`\"'“‘«]{0,4}$"
)
_AFTER = (
    r"^\W*(?:\w+\W+){0,2}?(?:(?:trained|created|developed|made|built|designed)\s+me|(?:训练|开发|创造|研发)了?我)\b"
    r"|^[\s*_~`]*(?:,\s*)?(?:here|speaking)\b|^\W{0,3}(?:is|are|was|were)\s+my\b"
)
_AS = (r"\bas[\s*_~`]+$", r"^[\s*_~`]*,\s*i\b")  # "As N., I cannot ..."
_LABEL = r"^[\s*_~`]*[:：](?!.*\n\W*(?:[*_]|\w[\w ]{0,24}[:：]))"  # and the next line has no label too: that is a list
_OPENING = r"<(?:think|thinking|thought|reasoning|reflection|analysis)>|<\|channel\|>(?:analysis|commentary)\b"
_CLOSING = r"</(?:think|thinking|thought|reasoning|reflection|analysis)>|<\|channel\|>final(?:<\|message\|>)?"
_TEMPLATE = (
    r"<\|(?!channel\|)[^|<>\n]{1,40}\|>|<｜[^｜<>\n]{1,40}｜>|</?s>|\[/?INST\]|<</?SYS>>|</?(?:start_of_turn|end_of_turn|bos|eos|pad|unk)>|"
    r"<\|?(?:im_start|im_end|endoftext|eot_id)\|?>"
)
_ENTITY = r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,31});"
SURE, CLAIMED, NAMED = 2, 1, 0  # when a name is hidden: always; where a model speaks of itself; right behind "I am"


_FAMILY = re.compile(r"[^A-Za-z]")


class Veil:
    """One side's answer without what would give its model away.

    Text comes in pieces; what might become a name with the next piece is held back, so that no part of one is ever shown.

    Args:
        models: Refs of all models that might be answering; the same for every side, or what is hidden would tell.
        prompt: What was asked: names in it are hidden only where a model speaks of itself.

    Attributes:
        named: Whether a name was hidden.
        raw: Everything that came.
    """

    def __init__(self, models: Iterable[str], prompt: str) -> None:
        self.named = False
        self.raw = ""
        listed, own = manifest().names, _own_names(models)
        lists = (
            (listed["distinctive"], SURE),
            (listed["ambiguous"], CLAIMED),
            *zip(own, (SURE, CLAIMED, NAMED), strict=True),
        )
        self._patterns = [(_any(tuple(names)), sure) for names, sure in lists if names]
        self._fishing = asks_for_name(prompt)
        asked = _fold(prompt)
        self._asked = {_plainly(found["name"]) for each, _ in self._patterns for found in each.finditer(asked)}
        self._marks = _mark_pattern()
        self._thinking = False
        self._unread = ""  # came, but may be half a tag
        self._plain = ""  # without reasoning and tags
        self._folded = ""  # the same, sign by sign, in plain Latin letters
        self._done = 0  # how much of `_plain` is shown
        self._shown: list[str] = []
        # by pattern, the next name: until more text comes it stays so, and looking again at each name would take the square of their number
        self._ahead: dict[int, regex.Match[str] | None] = {}

    @property
    def text(self) -> str:
        """What may be shown so far; it only grows, unless all before was reasoning after all."""
        return "".join(self._shown)

    def hear(self, piece: str) -> None:
        """Take in the next piece of the answer."""
        self.raw += piece
        self._read(piece, final=False)
        self._show(final=False)

    def finish(self) -> None:
        """Nothing more comes: show what was held back."""
        self._read("", final=True)
        self._show(final=True)

    def _read(self, piece: str, *, final: bool) -> None:
        """Move what came to `_plain`, without reasoning and marks of a chat template."""
        text, place = self._unread + piece, 0
        self._unread = ""
        while place < len(text):
            found = self._marks.search(text, place, partial=not final)
            if found is None:
                self._keep(text[place:])
                break
            self._keep(text[place : found.start()])
            if found.partial:
                self._unread = text[found.start() :]
                break
            self._turn(found)
            place = found.end()

    def _keep(self, text: str) -> None:
        if not self._thinking:
            self._plain += text
            self._folded += _fold(text)

    def _turn(self, found: "regex.Match[str]") -> None:
        """A whole tag or entity came."""
        if found.lastgroup == "entity":
            self._keep(_letter_of(found[0], self._plain[-1:]))
        elif found.lastgroup == "open":
            self._thinking = True
        elif found.lastgroup == "close":
            if not self._thinking:  # the chat template had opened it: all so far was reasoning
                self._plain, self._folded, self._done, self._shown = "", "", 0, []
            self._thinking = False

    def _show(self, *, final: bool) -> None:
        """Move on what can no longer become a name."""
        self._ahead.clear()
        while self._done < len(self._plain):
            found, claimed = self._next(final=final)
            if found is None:
                self._pass(len(self._plain))
                return
            end = found.end()
            if not final and (found.partial or len(self._plain) - end < TAIL):
                self._pass(found.start())
                return
            if claimed is None and not final and not self._is_settled(end):
                self._pass(found.start())
                return
            self._pass(found.start())
            if claimed or (claimed is None and self._claims_behind(found)):
                self._shown.append(HIDDEN)
                self.named = True
                self._done = end
            else:
                self._pass(end)

    def _next(self, *, final: bool) -> "tuple[Any, bool | None]":
        """The next name, whole or begun, and whether it is said of the writer itself; None: not yet known."""
        found, sure = None, NAMED
        for place, (pattern, level) in enumerate(self._patterns):
            other = self._ahead.get(place)
            if place not in self._ahead or (other is not None and other.start() < self._done):
                other = self._ahead[place] = pattern.search(self._folded, self._done, partial=not final)
            if other is not None and (found is None or _rank(other, level) < _rank(found, sure)):
                found, sure = other, level
        if found is None or found.partial or (sure == SURE and not self._is_asked(found)):
            return found, True
        if sure == CLAIMED and self._fishing and not self._is_asked(found):
            return found, True
        if sure == NAMED:
            return found, self._is_named(found.start())
        return found, True if self._claims_before(found.start()) else None

    def _is_asked(self, found: "regex.Match[str]") -> bool:
        """Whether the prompt has this name, or the beginning of it, so that hiding it would only puzzle."""
        return any(_plainly(found["name"]).startswith(asked) for asked in self._asked)

    def _pass(self, upto: int) -> None:
        self._shown.append(self._plain[self._done : upto])
        self._done = upto

    def _is_named(self, start: int) -> bool:
        """Whether what stands right before says that a name of the writer follows."""
        return bool(_cues()["direct"].search(self._before(start)))

    def _claims_before(self, start: int) -> bool:
        """Whether the sentence so far says that what follows is the writer's own name or maker."""
        cues, before = _cues(), self._before(start)
        sentence = before[max((found.end() for found in cues["ends"].finditer(before)), default=0) :]
        return self._is_named(start) or bool(cues["claim"].search(sentence) and cues["self"].search(before))

    def _claims_behind(self, found: "regex.Match[str]") -> bool:
        cues, behind = _cues(), self._plain[found.end() : found.end() + LOOK_AHEAD].lower()
        speaks_as = cues["as"].search(self._before(found.start())) and cues["as i"].search(behind)
        first = not self._plain[: found.start()].strip(" \n*_~`#>")
        ends = cues["ends"].search(behind)
        said = behind[: ends.end()] if ends else behind
        labels = first and not self._is_asked(found) and cues["label"].search(said)
        return bool(speaks_as or labels or cues["after"].search(behind))

    def _before(self, start: int) -> str:
        return self._plain[max(0, start - LOOK_BACK) : start].lower()

    def _is_settled(self, end: int) -> bool:
        """Whether enough follows to know what a name is said of."""
        behind = self._plain[end : end + LOOK_AHEAD]
        return len(behind) == LOOK_AHEAD or bool(_cues()["ends"].search(behind))


def without_reasoning(text: str) -> str:
    """An answer as the next turn's conversation has it: without what the model thought before it, and without tags.

    Args:
        text: The answer as it came.
    """
    veil = Veil((), "")
    veil._read(text, final=True)
    return veil._plain.strip()


def _rank(found: "regex.Match[str]", level: int) -> tuple[int, int, int]:
    """Which of two names counts: the first, the surer, the longer."""
    return found.start(), -level, -found.end()


def _plainly(name: str) -> str:
    """A folded name without what may stand between its letters."""
    return "".join(sign for sign in re.sub(_COMMAND, "", name.lower()) if sign.isalnum())


def _fold(text: str) -> str:
    """A text in which letters that look like Latin ones are those; every sign stays in its place."""
    return text if text.isascii() else text.translate(_folds())


@cache
def _folds() -> dict[int, str]:
    """By code point, the Latin letter or digit that a sign looks like."""
    found = {ord(odd): letter for letter, odds in _ALIKE.items() for odd in (*odds, *odds.upper()) if len(odd) == 1}
    for code in range(0x80, 0x1F200):
        parts = unicodedata.normalize("NFKD", chr(code))
        if parts[0].isascii() and parts[0].isalnum() and all(map(unicodedata.combining, parts[1:])):
            found[code] = parts[0]
    return found


def _letter_of(entity: str, before: str) -> str:
    """An HTML entity as the letter that it is, as nothing where it hides within a word; any other as it was written."""
    shown = html.unescape(entity)
    if shown.isascii() and shown.isalnum():
        return shown
    hides = all(unicodedata.category(sign) in ("Cf", "Cc", "Mn", "Me") and not sign.isspace() for sign in shown)
    return "" if hides and before.isalnum() else entity


def _own_names(models: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Names in the refs: distinctive ones, plain words that may mean something else, and what families are called."""
    sure, unsure, families = set[str](), set[str](), set[str]()
    for model in models:
        ref = parse(model)
        for part in (ref, *([ref.adapter] if ref.adapter else [])):
            owner, _, last = part.name.rpartition("/")
            for name in (str(part), part.name, last.split(":")[0], owner):
                (unsure if name.isalpha() else sure).add(name)
            families.add(_FAMILY.split(last)[0])
    known = (
        sure - {""},
        {name for name in unsure if len(name) > 1},
        {name for name in families - unsure if len(name) > 2},
    )
    return tuple(sorted(known[0])), tuple(sorted(known[1])), tuple(sorted(known[2]))


@lru_cache(maxsize=256)
def _any(names: tuple[str, ...]) -> "Any":
    """What finds any of these names."""
    import regex

    longest_first = sorted(names, key=len, reverse=True)
    latin = [_one(name) for name in longest_first if not regex.search(f"[{_CJK}]", name)]
    other = [_one(name) for name in longest_first if regex.search(f"[{_CJK}]", name)]
    parts = []
    if latin:  # a size or version may follow, and the plural; inside a longer word it is another word
        size = r"[\s\-_.]?\p{N}[\p{Latin}\p{N}.\-_]*|[\-_.][\p{Latin}\p{N}.\-_]+"
        parts.append(rf"(?<![{_WORD}\p{{N}}])(?P<name>{'|'.join(latin)})(?:{size})?s?(?![{_WORD}])")
    if other:
        parts.append(rf"(?P<name>{'|'.join(other)})[\p{{N}}.\-_]*")
    return regex.compile("|".join(parts), regex.I)


def _one(name: str) -> str:
    """A name in the ways in which it can be written so that people read it as that name."""
    import regex

    name = _fold(name)
    letters = [_letter(sign) for sign in name if not sign.isspace() and sign != "-"]
    words = [_GLUE.join(_letter(sign) for sign in word) for word in regex.split(r"[\s\-]+", name.strip(" -")) if word]
    whole = r"[\s\-_]*".join(words)
    return rf"{whole}|{_SPELLED.join(letters)}" if len(letters) > 2 else whole


def _letter(sign: str) -> str:
    import regex

    return "[o0]" if sign in "oO" else str(regex.escape(sign, special_only=False))


@cache
def _mark_pattern() -> "Any":
    import regex

    return regex.compile(
        f"(?P<open>{_OPENING})|(?P<close>{_CLOSING})|(?P<mark>{_TEMPLATE})|(?P<entity>{_ENTITY})", regex.I
    )


@cache
def _cues() -> "dict[str, Any]":
    import regex

    ends = r"[.!?](?:\s|$)|[。！？]|\n\s*(?:\n|[-*#>|\d])"
    texts = {
        "ends": ends,
        "claim": _CLAIM,
        "self": _SELF,
        "direct": _DIRECT,
        "after": _AFTER,
        "label": f"(?s){_LABEL}",
        "as": _AS[0],
        "as i": _AS[1],
    }
    return {name: regex.compile(text) for name, text in texts.items()}
