"""The shape of a dataset's rows, recognised from column names and values, and a row as a person reads it.

| shape             | columns, for example                                                    |
|-------------------|-------------------------------------------------------------------------|
| text              | text; or one column of text among numbers                               |
| instruction       | instruction, input, output; or instruction, instances [{input, output}] |
| prompt_completion | prompt, completion                                                      |
| sharegpt          | conversations [{from, value}], tools                                    |
| messages          | messages [{role, content, tool_calls}], tools                           |
| preference        | prompt, chosen, rejected                                                |
| kto               | messages or prompt and completion, and a label that is true or false    |
| qa                | question, answer                                                        |
| other             | anything else; it is shown column by column                             |

Names alone decide nothing: a column called "messages" that holds plain text makes no conversation.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from shared.conversations import Turn, as_messages, style, text_of, turns_of

__all__ = ["NAMES", "Shape", "Turn", "shape", "show"]

NAMES = ("text", "instruction", "prompt_completion", "sharegpt", "messages", "preference", "kto", "qa", "other")

CONVERSATION = ("messages", "conversations", "conversation", "chat", "dialog", "dialogue")
SYSTEM = ("system", "system_prompt", "system_message")
TOOLS = ("tools", "functions")
INSTRUCTION = ("instruction", "instructions")
INPUT = ("input", "inputs", "context")
ANSWER = ("output", "outputs", "response", "answer", "completion", "target", "targets")
COMPLETION = ("completion", "response", "output", "answer", "canonical_solution", "solution", "reference", "target")
QUESTION = ("question", "problem", "query", "prompt_question")
REPLY = ("answer", "answers", "std_answer", "final_answer", "correct_answer", "best_answer", "reference_answer")
REPLY_OR_TEXT = (*REPLY, "solution", "response", "output", "target", "ground_truth")
CHOSEN = (("chosen", "rejected"), ("chosen_response", "rejected_response"), ("response_chosen", "response_rejected"))
ASKED = ("prompt", "question", "instruction", "query", *CONVERSATION[1:], "context", "input", "messages")
LABEL = ("label", "kto_tag", "desirable")
TEXT = (
    "text",
    "content",
    "document",
    "body",
    "article",
    "passage",
    "paragraph",
    "sentence",
    "story",
    "markdown",
    "code",
)
CODE_AND_WORDS = (
    ("text", "code"),
    ("docstring", "code"),
    ("description", "code"),
    ("nl", "code"),
    ("inputs", "targets"),
)
MOST = 0.9  # share of the values that must be of a kind: real data has a few that are not
PROSE = 20  # characters that a column's values have at least on average to be the text among other columns


@dataclass(frozen=True)
class Shape:
    """What the rows of a dataset are.

    Attributes:
        name: One of `NAMES`.
        roles: Which column plays which part: prompt, input, answer, system, conversation, tools, chosen, rejected, label,
            history, instances, context, choices, text.
        reason: Why, in a sentence.
    """

    name: str
    roles: dict[str, str] = field(default_factory=dict)
    reason: str = ""

    def __str__(self) -> str:
        return self.name


class _Columns:
    """Columns found by name and by what they hold."""

    def __init__(self, columns: list[str], sample: list[dict[str, Any]]) -> None:
        self.names = columns
        self._sample = sample
        self._by_key: dict[str, str] = {}
        for name in columns:
            self._by_key.setdefault(name.strip().lower().replace("-", "_").replace(" ", "_"), name)

    def values(self, name: str) -> list[Any]:
        """What the column holds in the sample, without nulls."""
        return [row[name] for row in self._sample if row.get(name) is not None]

    def first(self, keys: Iterable[str], test: Callable[[Any], bool]) -> str:
        """The first column with one of these names whose values pass the test; "" when there is none."""
        named = (self._by_key[key] for key in keys if key in self._by_key)
        return next((name for name in named if self.mostly(name, test)), "")

    def mostly(self, name: str, test: Callable[[Any], bool]) -> bool:
        """Whether nearly all values pass; without any sample, the name is all there is to go by."""
        if not self._sample:
            return True
        values = self.values(name)
        return bool(values) and sum(map(test, values)) >= MOST * len(values)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_said(value: Any) -> bool:
    """Text or messages."""
    return isinstance(value, str) or as_messages(value) is not None


def _is_answer(value: Any) -> bool:
    """Anything that a person may give for an answer: text, a number, a list of either."""
    return isinstance(value, (str, int, float, list, dict))


def _is_conversation(value: Any) -> bool:
    """A list of messages; one message alone is none, it may be an e-mail."""
    return not isinstance(value, dict) and as_messages(value) is not None


def _is_truth(value: Any) -> bool:
    return isinstance(value, bool) or (isinstance(value, str) and value.lower() in ("true", "false"))


def _is_instances(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) and "output" in item for item in value)


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, dict))


def shape(columns: list[str], sample: list[dict[str, Any]]) -> Shape:
    """The shape of rows with these columns.

    Args:
        columns: Column names, in order.
        sample: Some rows, a few hundred at most; nearly all values of a column must fit. Without any, names decide.
    """
    found = _Columns(columns, sample)
    for recognise in (_preference, _kto, _conversation, _instruction, _prompt, _qa, _any_conversation, _text):
        if (shape := recognise(found)) is not None:
            return shape
    return Shape("other", {}, "no columns that make one of the known shapes")


def _made(name: str, reason: str, **roles: str) -> Shape:
    """A shape without the roles that nobody plays; the reason names the columns."""
    given = {role: column for role, column in roles.items() if column}
    return Shape(name, given, f"{reason}: {', '.join(repr(column) for column in given.values())}")


def _preference(columns: _Columns) -> Shape | None:
    for pair in CHOSEN:
        chosen, rejected = (columns.first((key,), _is_said) for key in pair)
        if chosen and rejected:
            prompt = columns.first(ASKED, _is_said)
            system = columns.first(SYSTEM, _is_text)
            return _made(
                "preference",
                "one answer chosen over another",
                system=system,
                prompt=prompt,
                chosen=chosen,
                rejected=rejected,
            )
    return None


def _kto(columns: _Columns) -> Shape | None:
    label = columns.first(LABEL, _is_truth)
    if not label:
        return None
    reason = "answers with a label that is true or false"
    system, tools = columns.first(SYSTEM, _is_text), columns.first(TOOLS, _is_answer)
    conversation = columns.first(CONVERSATION, _is_conversation)
    if conversation:
        return _made("kto", reason, system=system, tools=tools, conversation=conversation, label=label)
    prompt, answer = columns.first(("prompt", *INSTRUCTION), _is_said), columns.first(COMPLETION, _is_said)
    if prompt and answer:
        return _made("kto", reason, system=system, prompt=prompt, answer=answer, label=label)
    return None


def _conversation(columns: _Columns) -> Shape | None:
    return _conversation_in(columns, columns.first(CONVERSATION, _is_conversation))


def _any_conversation(columns: _Columns) -> Shape | None:
    """Under any name, if there are values to go by."""
    return _conversation_in(
        columns, next((n for n in columns.names if columns.values(n) and columns.mostly(n, _is_conversation)), "")
    )


def _conversation_in(columns: _Columns, name: str) -> Shape | None:
    if not name:
        return None
    first = next((messages for value in columns.values(name) if (messages := as_messages(value))), [{"role": ""}])
    tools, system = columns.first(TOOLS, _is_answer), columns.first(SYSTEM, _is_text)
    return _made(style(first), "conversations", system=system, tools=tools, conversation=name)


def _instruction(columns: _Columns) -> Shape | None:
    prompt = columns.first(INSTRUCTION, _is_text)
    instances = columns.first(("instances",), _is_instances)
    answer = columns.first(ANSWER, _is_answer)
    if not prompt or not (instances or answer):
        return None
    roles = {
        "system": columns.first(SYSTEM, _is_text),
        "history": columns.first(("history",), _is_list),
        "prompt": prompt,
        "input": columns.first(INPUT, _is_answer),
    }
    roles |= {"answer": answer} if answer else {"instances": instances}
    return _made("instruction", "an instruction and what answers it", **roles)


def _prompt(columns: _Columns) -> Shape | None:
    prompt, answer = columns.first(("prompt",), _is_said), columns.first(COMPLETION, _is_said)
    for asked, answered in (*CODE_AND_WORDS, ("input", "output")):
        if not (prompt and answer):
            prompt, answer = columns.first((asked,), _is_text), columns.first((answered,), _is_text)
    if not (prompt and answer):
        return None
    system = columns.first(SYSTEM, _is_text)
    return _made("prompt_completion", "a prompt and what completes it", system=system, prompt=prompt, answer=answer)


def _qa(columns: _Columns) -> Shape | None:
    prompt, answer = columns.first(QUESTION, _is_text), columns.first(REPLY_OR_TEXT, _is_answer)
    if not (prompt and answer):
        return None
    return _made(
        "qa",
        "a question and its answer",
        system=columns.first(SYSTEM, _is_text),
        context=columns.first(("context", "passage"), _is_text),
        prompt=prompt,
        choices=columns.first(("choices", "options"), _is_list),
        answer=answer,
    )


def _text(columns: _Columns) -> Shape | None:
    if columns.first(("prompt", *QUESTION, *INSTRUCTION), _is_text):
        return None  # a text and a question about it are more than plain text
    name = columns.first(TEXT, _is_text)
    if name:
        return _made("text", "plain text", text=name)
    texts = [n for n in columns.names if columns.values(n) and columns.mostly(n, _is_text)]
    if len(texts) != 1:
        return None
    values = columns.values(texts[0])
    if len(columns.names) == 1 or sum(map(len, values)) >= PROSE * len(values):
        return _made("text", "the only column of text", text=texts[0])
    return None


def show(row: dict[str, Any], shape: Shape) -> list[Turn]:
    """A row as a person reads it: who says what, which tools are called, what was chosen and what rejected.

    Args:
        row: Values by column name.
        shape: The shape of its dataset.

    Returns:
        Turns in reading order; parts that are empty are left out. A row without a shape is shown column by column.
    """
    roles = shape.roles
    if shape.name == "other" or not roles:
        return [Turn(name, text_of(value)) for name, value in row.items()]
    parts: list[Turn] = []
    if shape.name == "preference":
        return [*_shown(row, roles, "system"), *_shown_pair(row, roles)]
    for role in ("system", "tools", "history", "context", "prompt", "input", "choices", "conversation", "instances"):
        parts += _shown(row, roles, role)
    for role in ("answer", "text", "label"):
        parts += _shown(row, roles, role)
    return parts


def _shown(row: dict[str, Any], roles: dict[str, str], role: str) -> list[Turn]:
    """The turns of one part of a row."""
    value = row.get(roles.get(role, ""))
    if role not in roles or value is None or value == "":
        return []
    if role == "label":
        return [Turn("label", "desirable" if str(value).lower() == "true" else "undesirable")]
    if role == "choices":
        return [Turn("choices", _choices(value))]
    if role == "history":
        return [turn for pair in value for turn in _exchange(pair)]
    if role == "instances":
        return [
            t for one in value for t in (*turns_of(one.get("input"), "input"), *turns_of(one["output"], "assistant"))
        ]
    if role in ("prompt", "conversation", "answer"):
        return turns_of(value, "assistant" if role == "answer" else "user")
    return [Turn(role, text_of(value))]


def _exchange(pair: Any) -> list[Turn]:
    """A question and its answer from a history of pairs."""
    if isinstance(pair, list) and len(pair) == 2:
        return [Turn("user", text_of(pair[0])), Turn("assistant", text_of(pair[1]))]
    return turns_of(pair)


def _choices(value: Any) -> str:
    if isinstance(value, dict) and isinstance(value.get("text"), list):
        value = value["text"]  # {"text": [...], "label": [...]}, as in ARC
    if not isinstance(value, list):
        return text_of(value)
    return "\n".join(f"{chr(ord('A') + place)}. {text_of(one)}" for place, one in enumerate(value))


def _shown_pair(row: dict[str, Any], roles: dict[str, str]) -> list[Turn]:
    """What both answers follow, told once, then what was chosen and what was rejected."""
    prompt = _shown(row, roles, "prompt")
    chosen, rejected = (turns_of(row.get(roles[role]), "assistant") for role in ("chosen", "rejected"))
    common = 0
    while common < min(len(chosen), len(rejected)) - 1 and chosen[common] == rejected[common]:
        common += 1
    shared = chosen[:common]
    lead = shared if prompt == shared[: len(prompt)] else [*prompt, *shared]
    return [*lead, *_named("chosen", chosen[common:]), *_named("rejected", rejected[common:])]


def _named(name: str, turns: list[Turn]) -> list[Turn]:
    """An answer under its name; the turns of one that has several keep their roles beside it."""
    if len(turns) <= 1:
        return [Turn(name, turns[0].text if turns else "")]
    return [Turn(name, "\n\n".join(f"{turn.role}: {turn.text}" for turn in turns))]
