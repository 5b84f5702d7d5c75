"""Talking to one model: the endpoints models, chat and save_chat."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Annotated, Any

from apps.model_arena.keeping import keep
from apps.model_arena.sides import Pace
from shared.errors import PlaygroundError
from shared.models.answers import Answer
from shared.models.picker import ModelRow
from shared.models.protocol import Decoding, Message, Reason, Request, ToolCall
from shared.models.weights import Quantise
from shared.policy import OWNER, Caller
from shared.settings import Advanced
from shared.suite import suite

LONGEST = 100_000  # characters of a prompt; a longer one is a mistake, and no model here has such a window


@dataclass(frozen=True)
class Reply:
    """One model's answer, complete or still growing.

    Attributes:
        text: The answer so far.
        finished: Why it ended: stop, length, tool_calls or content_filter; empty while it grows.
        prompt: The prompt as sent, chat template applied; empty where the server applies it out of sight.
        prompt_tokens: Tokens of the prompt; 0 until the backend says so.
        answer_tokens: Tokens of the answer; 0 until the backend says so.
        first_seconds: Seconds until the first piece came; 0 before it.
        seconds: Seconds since the question.
        tokens_per_second: Tokens of the answer a second, from its first piece on; 0 until it is known.
        tool_calls: Tools the model asks for, shown and never run.
        messages: The conversation so far, this answer at its end: the next question's history.
        record: Id of the record; empty when none was asked for.
    """

    text: str
    finished: Reason | str = ""
    prompt: str = ""
    prompt_tokens: int = 0
    answer_tokens: int = 0
    first_seconds: float = 0.0
    seconds: float = 0.0
    tokens_per_second: float = 0.0
    tool_calls: list[ToolCall] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    record: str = ""


def models(caller: Caller = OWNER) -> list[ModelRow]:
    """Every model that is known here, whether it can be used on this machine, and if not, why.

    Args:
        caller: Who asks.

    Returns:
        One row a model: ref, name, licence, fits, why, on_disk, parameters, context, languages.
    """
    return suite().models.rows(caller)


def chat(
    model: str,
    prompt: str,
    history: list[Message] = [],  # noqa: B006 - pydantic copies it
    system: str = "",
    settings: Decoding = Decoding(),
    keep_record: bool = False,
    quantise: Annotated[Quantise, Advanced] = "",
    draft: Annotated[str, Advanced] = "",
    tools: Annotated[list[dict[str, Any]], Advanced] = [],  # noqa: B006 - pydantic copies it
    caller: Caller = OWNER,
) -> Iterator[Reply]:
    """Ask one model, and read its answer as it is written.

    Args:
        model: The model's ref, such as "builtin:mini" or "builtin:mini+builtin:json".
        prompt: What to say to it.
        history: What was said before, oldest first; none begins a conversation.
        system: Instructions that stand before the conversation.
        settings: How the answer is drawn.
        keep_record: Leave a record of this answer.
        quantise: Load the linear layers of a model of this machine in 8 bits (int8) or 4 (nf4); empty keeps its own.
        draft: Ref of a smaller model of this machine that guesses ahead (speculative decoding, Leviathan et al. 2023).
        tools: Tools that the model may ask for, in OpenAI's form. What it asks for is shown and never run.
        caller: Who asks.

    Returns:
        The answer so far, again and again; at last the whole answer with its counts and times.

    Raises:
        PlaygroundError: Nothing was asked, the model is not known or cannot be used, or it failed; in its own words.
    """
    request = Request(messages=_messages(prompt, history, system), decoding=settings, tools=tuple(tools))
    talk, answer, pace = [*history, Message("user", prompt)], Answer(), Pace()
    reply = _reply(answer, talk)
    for events in suite().models.stream(model, request, caller=caller, quantise=quantise, draft=draft):
        answer.hear(events)
        if answer.reason:
            continue
        with pace.turn() as fresh:
            if fresh or answer.failure:  # what came before a failure is shown, too
                reply = _reply(answer, talk)
            yield reply
    _check(answer, caller)
    reply = _reply(answer, talk)
    if keep_record:
        more = {"quantise": quantise, "draft": draft, "tools": tools}
        arguments = _arguments(model, prompt, history, system, settings) | more
        reply = replace(reply, record=_record(arguments, reply.text, _numbers(reply), caller))
    yield reply


def save_chat(
    model: str,
    prompt: str,
    answer: str,
    history: list[Message] = [],  # noqa: B006 - pydantic copies it
    system: str = "",
    settings: Decoding = Decoding(),
    quantise: Annotated[Quantise, Advanced] = "",
    draft: Annotated[str, Advanced] = "",
    caller: Caller = OWNER,
) -> str:
    """Leave a record of an answer that was given already; running it again asks the model the same.

    Args:
        model: The model's ref.
        prompt: What was said to it.
        answer: What it answered.
        history: What was said before.
        system: The instructions before the conversation.
        settings: How the answer was drawn.
        quantise: How the model was loaded.
        draft: Which model guessed ahead.
        caller: Who asks.

    Returns:
        The record's id.

    Raises:
        PlaygroundError: There is no answer yet.
    """
    if not answer:
        raise PlaygroundError("There is no answer to save yet. Ask the model first.")
    _messages(prompt, history, system)
    arguments = _arguments(model, prompt, history, system, settings) | {
        "quantise": quantise,
        "draft": draft,
        "tools": [],
    }
    return _record(arguments, answer, {}, caller)


def _check(answer: Answer, caller: Caller) -> None:
    """Raise what went wrong; a backend's own words may hold hosts and paths, and are the owner's alone."""
    failed = answer.failure
    if failed is not None and failed.kind != "empty" and not caller.owner:
        after = "" if failed.retry_after is None else f" in {failed.retry_after:g} s"
        raise PlaygroundError(f"The model failed and gave no whole answer. Try again{after}, or choose another model.")
    answer.check()


def _reply(answer: Answer, talk: list[Message]) -> Reply:
    """The answer so far, to the last message of a conversation."""
    timing, counted = answer.timing(), answer.usage is not None
    return Reply(
        text=answer.text,
        finished=answer.reason,
        prompt=answer.prompt,
        prompt_tokens=timing.prompt_tokens,
        answer_tokens=timing.tokens if counted else 0,
        first_seconds=timing.first_seconds or 0.0,
        seconds=timing.seconds,
        tokens_per_second=(timing.tokens_per_second or 0.0) if counted else 0.0,
        tool_calls=list(answer.calls),
        messages=[*talk, Message("assistant", answer.text)],
    )


def _messages(prompt: str, history: list[Message], system: str) -> tuple[Message, ...]:
    if not prompt.strip():
        raise PlaygroundError("The prompt is empty. Write what to say to the model.")
    if len(prompt) > LONGEST:
        raise PlaygroundError(
            f"The prompt has {len(prompt):,} characters. At most {LONGEST:,} are taken: shorten it, or "
            "load it as a dataset in the Dataset Explorer."
        )
    first = (Message("system", system),) if system.strip() else ()
    return (*first, *history, Message("user", prompt))


def _arguments(model: str, prompt: str, history: list[Message], system: str, settings: Decoding) -> dict[str, Any]:
    return {
        "model": model,
        "prompt": prompt,
        "history": [asdict(message) for message in history],
        "system": system,
        "settings": asdict(settings),
        "keep_record": True,
    }


def _numbers(reply: Reply) -> dict[str, float]:
    """What is the same whenever the answer is: times are not, and a replay compares every number."""
    return {"prompt_tokens": reply.prompt_tokens, "answer_tokens": reply.answer_tokens}


def _record(arguments: dict[str, Any], answer: str, numbers: dict[str, float], caller: Caller) -> str:
    """The answer is an artifact, named by its content: a replay that answers the same makes the same ref."""
    if not caller.owner:
        return ""
    store, pinned = suite().store, suite().models.pinned(arguments["model"])
    with store.writing("answers", "chat") as folder:
        text = json.dumps({"prompt": arguments["prompt"], "answer": answer}, ensure_ascii=False, indent=1)
        (folder / "answer.json").write_text(text + "\n", "utf-8")
        made = store.put("answers", "chat", folder)
    results = {"answer_characters": len(answer), **numbers}
    return keep("chat", arguments, results, caller, {"model": pinned}, {"answer": made.ref})
