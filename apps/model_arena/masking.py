"""Hiding, while an answer streams, what would say which model writes it: names, reasoning, and the marks of a chat template."""

import unicodedata
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from apps.model_arena.manifest import manifest
from shared.refs import parse

if TYPE_CHECKING:
    import regex

HIDDEN = "[name hidden]"
LOOK_BACK = 160  # characters before a name in which a model may have said that it speaks of itself
LOOK_AHEAD = 40  # characters behind it that are waited for
TAIL = 2  # characters behind it that tell whether a version follows: "Llama 3" and "Llama 3.1"

# Letters that look alike: what stands for a Latin letter in a name.
_ALIKE = {
    "a": "аα", "c": "сϲ", "e": "еε", "g": "ɡ", "i": "іι", "k": "кκ", "l": "ӏ", "m": "м", "n": "ո", "o": "оο0", "p": "рρ", "s": "ѕ", "t": "тτ", "x": "хχ",
    "y": "уγ",
}  # fmt: skip
_LATIN = {odd: letter for letter, odds in _ALIKE.items() for odd in odds if not odd.isdigit()}
_GLUE = "[\\u00ad\\u180e\\u200b-\\u200f\\u2060-\\u2064\\ufeff\\ufe0f*_~`]{0,4}"  # what a page does not show, or shows as emphasis
_SPELLED = "[ .\\-·_]"
_CJK = "\\p{Han}\\p{Hiragana}\\p{Katakana}\\p{Hangul}"
_SELF = (
    r"\b(?:i|i.m|me|my|we|our|assistant|chatbot|(?:language|ai) model|llm|ich|mein|je|mon|yo|soy|io|sono|eu|sou)\b"
    r"|我|本模型|本助手|助手|私|僕|저는|나는|я|меня"
)
_CLAIM = (
    r"\bi\s*(?:.m|am|was)\b|\bmy (?:real |full )?name\b|\b(?:call|named?|called|known)\b"
    r"|\b(?:developed|created|trained|made|built|designed|released|provided|powered|fine-?tuned|owned|operated|offered)\b"
    r"|\b(?:entwickelt|trainiert|développé|créé|entraîné|desarrollad[oa]|cread[oa]|entrenad[oa])\b"
    r"|\b(?:model|assistant|chatbot|ai|version|part|member|product|family|series)\b.{0,20}\b(?:from|by|of|at|named|called)\b"
    r"|\b(?:work(?:ing)? (?:for|at)|based on|version of)\b"
    r"|\b(?:ich bin|je suis|me llamo|soy|sono|eu sou|mi nombre|je m.appelle|ich heiße)\b"
    r"|我是|我叫|名字|名叫|由|来自|基于|训练|开发|研发|创造|私は|저는|меня зовут|я\s"
)
_AFTER = (
    r"^\W*(?:\w+\W+){0,2}?(?:(?:trained|created|developed|made|built|designed)\s+me|(?:训练|开发|创造|研发)了?我)\b"
)
_OPENING = r"<(?:think|thinking|thought|reasoning|reflection|analysis)>|<\|channel\|>(?:analysis|commentary)\b"
_CLOSING = r"</(?:think|thinking|thought|reasoning|reflection|analysis)>|<\|channel\|>final(?:<\|message\|>)?"
_TEMPLATE = (
    r"<\|(?!channel\|)[^|<>\n]{1,40}\|>|<｜[^｜<>\n]{1,40}｜>|</?s>|\[/?INST\]|<</?SYS>>|</?(?:start_of_turn|end_of_turn|bos|eos|pad|unk)>|"
    r"<\|?(?:im_start|im_end|endoftext|eot_id)\|?>"
)


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
        lists = ((listed["distinctive"], True), (listed["ambiguous"], False), (own[0], True), (own[1], False))
        self._patterns = [(_any(tuple(names)), sure) for names, sure in lists if names]
        self._asked = {_plainly(found["name"]) for each, _ in self._patterns for found in each.finditer(prompt)}
        self._marks = _mark_pattern()
        self._thinking = False
        self._unread = ""  # came, but may be half a tag
        self._plain = ""  # without reasoning and tags
        self._done = 0  # how much of `_plain` is shown
        self._shown: list[str] = []

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

    def _turn(self, found: "regex.Match[str]") -> None:
        """A whole tag came."""
        if found.lastgroup == "open":
            self._thinking = True
        elif found.lastgroup == "close":
            if not self._thinking:  # the chat template had opened it: all so far was reasoning
                self._plain, self._done, self._shown = "", 0, []
            self._thinking = False

    def _show(self, *, final: bool) -> None:
        """Move on what can no longer become a name."""
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
            if claimed or (claimed is None and self._claims_behind(end)):
                self._shown.append(HIDDEN)
                self.named = True
                self._done = end
            else:
                self._pass(end)

    def _next(self, *, final: bool) -> "tuple[Any, bool | None]":
        """The next name, whole or begun, and whether it is said of the writer itself; None: not yet known."""
        found, sure = None, False
        for pattern, distinctive in self._patterns:
            other = pattern.search(self._plain, self._done, partial=not final)
            if other is not None and (found is None or _rank(other, distinctive) < _rank(found, sure)):
                found, sure = other, distinctive
        if found is None or found.partial or (sure and not self._is_asked(found)):
            return found, True
        return found, True if self._claims_before(found.start()) else None

    def _is_asked(self, found: "regex.Match[str]") -> bool:
        """Whether the prompt has this name, or the beginning of it, so that hiding it would only puzzle."""
        return any(_plainly(found["name"]).startswith(asked) for asked in self._asked)

    def _pass(self, upto: int) -> None:
        self._shown.append(self._plain[self._done : upto])
        self._done = upto

    def _claims_before(self, start: int) -> bool:
        """Whether the sentence so far says that what follows is the writer's own name or maker."""
        _, ends, claim, speaks, _ = _cues()
        before = self._plain[max(0, start - LOOK_BACK) : start].lower()
        sentence = before[max((found.end() for found in ends.finditer(before)), default=0) :]
        return bool(claim.search(sentence) and speaks.search(before))

    def _claims_behind(self, end: int) -> bool:
        *_, after = _cues()
        return bool(after.search(self._plain[end : end + LOOK_AHEAD].lower()))

    def _is_settled(self, end: int) -> bool:
        """Whether enough follows to know what a name is said of."""
        behind = self._plain[end : end + LOOK_AHEAD]
        return len(behind) == LOOK_AHEAD or bool(_cues()[1].search(behind))


def without_reasoning(text: str) -> str:
    """An answer as the next turn's conversation has it: without what the model thought before it, and without tags.

    Args:
        text: The answer as it came.
    """
    veil = Veil((), "")
    veil._read(text, final=True)
    return veil._plain.strip()


def _rank(found: "regex.Match[str]", sure: bool) -> tuple[int, bool, int]:
    """Which of two names counts: the first, the surer, the longer."""
    return found.start(), not sure, -found.end()


def _plainly(name: str) -> str:
    """A name without what may stand between its letters: letters of other alphabets that look alike are the Latin ones."""
    folded = unicodedata.normalize("NFKC", name).lower()
    return "".join(_LATIN.get(sign, sign) for sign in folded if sign.isalnum())


def _own_names(models: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names in the refs, distinctive and not: a plain word as a name may mean something else."""
    sure, unsure = set[str](), set[str]()
    for model in models:
        ref = parse(model)
        for part in (ref, *([ref.adapter] if ref.adapter else [])):
            owner, _, last = part.name.rpartition("/")
            for name in (str(part), part.name, last.split(":")[0], owner):
                (unsure if name.isalpha() else sure).add(name)
    return tuple(sorted(sure - {""})), tuple(sorted(name for name in unsure if len(name) > 1))


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
        parts.append(rf"(?<![\p{{Latin}}\p{{N}}])(?P<name>{'|'.join(latin)})(?:{size})?s?(?!\p{{Latin}})")
    if other:
        parts.append(rf"(?P<name>{'|'.join(other)})[\p{{N}}.\-_]*")
    return regex.compile("|".join(parts), regex.I)


def _one(name: str) -> str:
    """A name in the ways in which it can be written so that people read it as that name."""
    import regex

    letters = [_letter(sign) for sign in name if not sign.isspace() and sign != "-"]
    words = [_GLUE.join(_letter(sign) for sign in word) for word in regex.split(r"[\s\-]+", name.strip(" -")) if word]
    whole = r"[\s\-_]*".join(words)
    return rf"{whole}|{_SPELLED.join(letters)}" if len(letters) > 2 else whole


def _letter(sign: str) -> str:
    import regex

    low = sign.lower()
    if not low.isascii() or not low.isalnum():
        return str(regex.escape(sign, special_only=False))
    wide = chr(ord(low) + 0xFEE0)
    return f"[{low}{wide}{_ALIKE.get(low, '')}]"


@cache
def _mark_pattern() -> "Any":
    import regex

    return regex.compile(f"(?P<open>{_OPENING})|(?P<close>{_CLOSING})|(?P<mark>{_TEMPLATE})", regex.I)


@cache
def _cues() -> "tuple[Any, ...]":
    import regex

    return tuple(regex.compile(text) for text in ("", r"[.!?。！？\n](?:\s|$)|[。！？\n]", _CLAIM, _SELF, _AFTER))
