"""Greedy answers of an embedded model to dialogues, many at once."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from embedded.tasks.dialogue import Turn


def open_model(folder: Path, adapter: Path | None = None) -> tuple[Any, Any]:
    """A model and its tokenizer, in float32, as a person would load them.

    Args:
        folder: The model's folder.
        adapter: The folder of a LoRA adapter to put on it.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    model.train(False)
    if adapter:
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, adapter).eval()
    return model, AutoTokenizer.from_pretrained(folder)


def template(tokenizer: Any, turns: Sequence[Turn]) -> str:
    """A dialogue as the model reads it, up to where its answer begins."""
    messages = [{"role": role, "content": said} for role, said in turns]
    found: str = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    return found


def answer(
    model: Any, tokenizer: Any, dialogues: Sequence[Sequence[Turn]], longest: int = 64, rows: int = 50
) -> list[str]:
    """The greedy answer to each dialogue.

    Args:
        model: A Llama of this package.
        tokenizer: Its tokenizer.
        dialogues: Turns that end with the user's.
        longest: The most tokens of an answer.
        rows: How many are answered at once; those of similar length go together.
    """
    return [text for text, _ in complete(model, tokenizer, dialogues, longest, rows)]


def complete(
    model: Any, tokenizer: Any, dialogues: Sequence[Sequence[Turn]], longest: int = 64, rows: int = 50
) -> list[tuple[str, bool]]:
    """Like `answer`, and for each whether the model ended it by itself."""
    texts = [template(tokenizer, turns) for turns in dialogues]
    order = sorted(range(len(texts)), key=lambda at: len(texts[at]))
    found = [("", False)] * len(texts)
    for start in range(0, len(order), rows):
        chosen = order[start : start + rows]
        said = _generate(model, tokenizer, [texts[at] for at in chosen], longest)
        for at, one in zip(chosen, said, strict=True):
            found[at] = one
    return found


def _generate(model: Any, tokenizer: Any, texts: list[str], longest: int) -> list[tuple[str, bool]]:
    import torch

    inputs = tokenizer(
        texts,
        return_tensors="pt",
        padding=True,
        padding_side="left",
        add_special_tokens=False,
        return_token_type_ids=False,
    )
    ends = [tokenizer.eos_token_id, tokenizer.bos_token_id]
    with torch.no_grad():
        out = model.generate(
            **inputs, max_new_tokens=longest, do_sample=False, eos_token_id=ends, pad_token_id=tokenizer.pad_token_id
        )
    new = out[:, inputs["input_ids"].shape[1] :]
    ended = torch.isin(new, torch.tensor(ends)).any(1).tolist()
    said = tokenizer.batch_decode(new, skip_special_tokens=True)
    return [(text.strip(), bool(done)) for text, done in zip(said, ended, strict=True)]
