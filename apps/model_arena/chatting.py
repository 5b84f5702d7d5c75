"""Talking to one model: the endpoints models, chat and save_chat."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated, Any

from apps.model_arena.keeping import keep
from apps.model_arena.replies import Growing, Reply
from shared.errors import PlaygroundError
from shared.models.picker import ModelRow
from shared.models.protocol import Decoding, Message, Request
from shared.models.weights import Quantise
from shared.policy import OWNER, Caller
from shared.settings import Advanced
from shared.suite import suite

LONGEST = 100_000  # characters of a prompt; a longer one is a mistake, and no model here has such a window


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
    growing = Growing(model, [*history, Message("user", prompt)])
    for events in suite().models.stream(model, request, caller=caller, quantise=quantise, draft=draft):
        growing.hear(events)
        if not growing.reason:  # what came before a failure is shown, too
            yield growing.reply()
    growing.check()
    reply = growing.reply()
    if not keep_record:
        yield reply
        return
    more = {"quantise": quantise, "draft": draft, "tools": tools}
    arguments = _arguments(model, prompt, history, system, settings) | more
    yield growing.reply(_record(arguments, reply.text, _numbers(reply), caller))


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
