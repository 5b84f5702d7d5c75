"""A small parser for Lean 4: definitions of functions by one expression. There is no grammar for it that could be installed.

It knows `def` and `abbrev` with binders, a type and a value, or with alternatives of patterns; `fun`, `let`, `if`, application,
operators and type ascription. Commands that define no function (`open`, `#eval`, `theorem`, ...) are passed over when their
brackets match.
"""

import re
from dataclasses import dataclass

_TOKENS = re.compile(
    r"(?P<blank>\s+|--[^\n]*|/-(?:[^-]|-(?!/))*-/)"
    r"|(?P<number>[0-9]+(?:\.[0-9]+)?)"
    r'|(?P<text>"(?:[^"\\\n]|\\.)*")'
    r"|(?P<word>(?:Type|Sort)\*|#?[^\W\d][\w'!?]*(?:\.[^\W\d][\w'!?]*)*)"
    r"|(?P<sign>:=|=>|->|←|→|↦|==|!=|<=|>=|≤|≥|≠|&&|\|\||\+\+|<\||\|>|::|[-+*/%^<>=(){}\[\]⟨⟩⦃⦄:,|λ·@.;∧∨¬×∣]|\$)"
)
_PAIRS = {"(": ")", "{": "}", "[": "]", "⟨": "⟩", "⦃": "⦄"}
_COMMANDS = (
    "def abbrev theorem lemma example instance open namespace section end variable variables universe import structure "
    "inductive class set_option attribute #eval #check #print #reduce noncomputable private protected partial deriving"
)
_STARTS = frozenset(_COMMANDS.split())
_BEFORE = frozenset(("noncomputable", "private", "protected", "partial"))
_RESERVED = "then else in at where by do fun let have if match with return λ"
_STOPS = frozenset(_RESERVED.split())
_BINDS = {
    "<|": 1, "$": 1, "|>": 1, "→": 2, "->": 2, "∨": 3, "||": 3, "∧": 4, "&&": 4, "=": 5, "==": 5, "!=": 5, "≠": 5, "<": 5,
    ">": 5, "<=": 5, ">=": 5, "≤": 5, "≥": 5, "∣": 5, "++": 6, "::": 6, "+": 6, "-": 6, "*": 7, "/": 7, "%": 7, "×": 7, "^": 8,
}  # fmt: skip
_DEEPEST = 100

Tree = str | tuple[str, ...] | tuple["Tree", str, "Tree"]


@dataclass(frozen=True)
class Definition:
    """A function that is defined by one expression.

    Attributes:
        name: What it is called.
        parameters: The names of its explicit parameters, those of a leading `fun` included.
        result: (left, operator, right) when its value is one operator between two names; None otherwise.
    """

    name: str
    parameters: tuple[str, ...]
    result: tuple[str, str, str] | None


@dataclass(frozen=True)
class _Token:
    text: str
    kind: str
    line: int
    first: bool  # whether it is the first of its line


def definitions(text: str) -> list[Definition]:
    """The functions that a text defines.

    Args:
        text: Lean 4 code.

    Raises:
        SyntaxError: It is not Lean 4, or uses more of it than this parser knows; `lineno` says where.
    """
    tokens = _tokens(text)
    if not tokens:
        return []
    if tokens[0].text not in _STARTS:
        raise _fault(tokens[0])
    starts = [n for n, token in enumerate(tokens) if token.first and token.text in _STARTS]
    found = []
    for start, end in zip(starts, [*starts[1:], len(tokens)], strict=True):
        command = tokens[start:end]
        while command and command[0].text in _BEFORE:
            command = command[1:]
        if command and command[0].text in ("def", "abbrev"):
            found.append(_Reader(command).definition())
    return found


def _fault(token: _Token) -> SyntaxError:
    return SyntaxError(f"'{token.text}' is not expected", ("", token.line, 0, ""))


def _tokens(text: str) -> list[_Token]:
    """The tokens of a text, blanks and comments left out, with every bracket closed.

    Raises:
        SyntaxError: A character or bracket is out of place.
    """
    found: list[_Token] = []
    open_brackets: list[str] = []
    place, line, newline = 0, 1, True
    while place < len(text):
        match = _TOKENS.match(text, place)
        if match is None:
            raise SyntaxError("", ("", line, 0, ""))
        token = _Token(match.group(), str(match.lastgroup), line, newline)
        place = match.end()
        line += token.text.count("\n")
        if token.kind == "blank":
            newline = newline or "\n" in token.text
            continue
        newline = False
        found.append(token)
        if token.text in _PAIRS:
            open_brackets.append(_PAIRS[token.text])
        elif token.text in _PAIRS.values() and (not open_brackets or open_brackets.pop() != token.text):
            raise _fault(token)
    if open_brackets:
        raise SyntaxError("", ("", line, 0, ""))
    return found


class _Reader:
    """Reads one command from its tokens, from left to right."""

    def __init__(self, tokens: list[_Token]) -> None:
        self.tokens = tokens
        self.place = 1
        self.depth = 0
        self.one_line = False  # whether what is being read ends with its line, as the value of a `let` does

    @property
    def next(self) -> str:
        """The next token's text; "" at the end."""
        return self.peek()

    def peek(self, ahead: int = 0) -> str:
        """The text of a token that comes later; "" behind the end."""
        place = self.place + ahead
        return self.tokens[place].text if place < len(self.tokens) else ""

    def take(self, *wanted: str) -> str:
        """The next token, which must be one of these, or a name when none is said."""
        token = self.tokens[min(self.place, len(self.tokens) - 1)]
        name = token.kind == "word" and token.text not in _STOPS
        if not self.next or (token.text not in wanted if wanted else not name):
            raise _fault(token)
        self.place += 1
        return token.text

    def definition(self) -> Definition:
        """`def name binders : type := value`, to the end of the command."""
        name = self.take()
        parameters = self.binders()
        if self.next == ":":
            self.take(":")
            self.expression()
        if self.next == "|":
            more, value = self.alternatives()
        else:
            self.take(":=")
            more, value = self.function()
        if self.next:
            raise _fault(self.tokens[self.place])
        parameters += more
        plain = isinstance(value, tuple) and len(value) == 3 and all(isinstance(each, str) for each in value)
        return Definition(name, tuple(parameters), value if plain and value[1] in _BINDS else None)  # type: ignore[arg-type]

    def binders(self) -> list[str]:
        """The names of explicit binders; implicit ones are read and left out."""
        names: list[str] = []
        while self.next in ("(", "{", "[", "⦃") or self.is_name():
            if self.is_name():
                names.append(self.take())
                continue
            opened = self.take("(", "{", "[", "⦃")
            inside: list[str] = []
            while self.is_name() and opened != "[":
                inside.append(self.take())
            if self.next == ":" or opened == "[":
                if opened != "[" or self.peek(1) == ":":
                    inside += [self.take()] if opened == "[" else []
                    self.take(":")
                self.expression()
            self.take(_PAIRS[opened])
            names += inside if opened == "(" else []
        return names

    def alternatives(self) -> tuple[list[str], Tree]:
        """`| a, b => value`, once or more; names and value of the only one."""
        found = []
        while self.next == "|":
            self.take("|")
            names = [self.expression()]
            while self.next == ",":
                self.take(",")
                names.append(self.expression())
            self.take("=>")
            found.append(([each for each in names if isinstance(each, str)], self.expression()))
        return found[0] if len(found) == 1 else (found[0][0], ())

    def function(self) -> tuple[list[str], Tree]:
        """An expression that may begin with `fun`: its parameters, and what is behind them."""
        names: list[str] = []
        while self.next in ("fun", "λ"):
            self.take("fun", "λ")
            names += self.binders()
            self.take("=>", "↦")
        return names, self.expression()

    def is_name(self) -> bool:
        """Whether the next token is a name."""
        token = self.tokens[self.place] if self.place < len(self.tokens) else None
        return token is not None and token.kind == "word" and token.text not in _STOPS

    def expression(self, binds: int = 0) -> Tree:
        """Operators by how strongly they bind, the weakest last."""
        self.depth += 1
        if self.depth > _DEEPEST:
            raise _fault(self.tokens[min(self.place, len(self.tokens) - 1)])
        left = self.application()
        while self.next in _BINDS and _BINDS[self.next] > binds:
            sign = self.take(*_BINDS)
            right_first = sign in ("→", "->", "^", "::", "<|", "$", "∧", "∨")
            left = (left, sign, self.expression(_BINDS[sign] - right_first))
        self.depth -= 1
        return left

    def application(self) -> Tree:
        """`f x y`, a special form, or one atom."""
        if self.next in ("if", "let", "have", "fun", "λ", "-", "¬"):
            return self.special()
        parts = [self.atom()]
        while self.is_argument():
            parts.append(self.atom())
        return parts[0] if len(parts) == 1 else ("",) * 4

    def is_argument(self) -> bool:
        """Whether the next token begins an argument of the function before it."""
        if self.place < len(self.tokens) and self.one_line and self.tokens[self.place].first:
            return False
        return self.next in ("(", "⟨") or self.is_literal()

    def is_literal(self) -> bool:
        """Whether the next token is a name, a number or a text."""
        return self.is_name() or (self.place < len(self.tokens) and self.tokens[self.place].kind in ("number", "text"))

    def special(self) -> Tree:
        """`if`, `let`, `fun` and signs before a value; what they come to is not followed, except through `let`."""
        word = self.take("if", "let", "have", "fun", "λ", "-", "¬")
        if word == "if":
            for follows in ("then", "else"):
                self.expression()
                self.take(follows)
            self.expression()
            return ()
        if word in ("let", "have"):
            name = self.take()
            self.binders()
            if self.next == ":":
                self.take(":")
                self.expression()
            self.take(":=")
            outside, self.one_line = self.one_line, True
            value = self.expression()
            self.one_line = outside
            if self.next == ";":
                self.take(";")
            body = self.expression()
            return value if body == name else body
        if word in ("fun", "λ"):
            self.binders()
            self.take("=>", "↦")
        self.expression(0 if word in ("fun", "λ") else 9)
        return ()

    def atom(self) -> Tree:
        """A name, a literal, or something in brackets."""
        if self.next in ("(", "⟨"):
            opened = self.take("(", "⟨")
            if self.next == _PAIRS[opened]:
                self.take(_PAIRS[opened])
                return ()
            inside = self.function()[1]
            while self.next in (",", ":"):
                inside = inside if self.take(",", ":") == ":" else ()
                self.expression()
            self.take(_PAIRS[opened])
            return inside
        if self.is_literal():
            self.place += 1
            return self.tokens[self.place - 1].text
        return self.take()
