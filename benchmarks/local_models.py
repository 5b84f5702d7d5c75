"""Local models against transformers' own `generate`, both sides in one run: batching, first token, and the size of NF4.

    python -m benchmarks.local_models [folder of a model]

Without a folder, the models are made on the spot: random Llamas of about 1 and 16 million parameters. Bars: four requests at
once take at most 0.6 of the four in sequence; a first token at most 1.3 of a bare `generate`; NF4 at most 4.3 bits a linear
parameter. Sides take turns on equal numbers of cores, and the median counts, so that other work on the machine falls on both.
What a JSON Schema costs is printed beside them: four answers at once that follow one, against four that are free.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROUNDS = 7
TOKENS = 48
PROMPT = "Once upon a time there was a small model that learned to count: 1, 2, 3, 4, 5, 6, 7, 8, 9, 10. "
SCHEMA = '{"type": "array", "items": {"type": "integer"}, "minItems": 99}'  # longer than any answer
SIZES = {"1M": {"layers": 4, "hidden": 128, "vocab": 512}, "16M": {"layers": 8, "hidden": 384, "vocab": 512}}


def ask(text: str, tokens: int, schema: str = "") -> Any:
    from shared.models.protocol import Decoding, Request

    return Request(text=text, decoding=Decoding(max_new_tokens=tokens, temperature=0, json_schema=schema))


async def listen(view: Any, request: Any) -> int:
    """Tokens of a whole answer."""
    from shared.models.protocol import Usage

    events = [event async for event in view.stream(request)]
    return sum(event.answer_tokens for event in events if isinstance(event, Usage))


async def time_batching(view: Any) -> tuple[float, float, float]:
    """Seconds for four requests in sequence, at once, and at once with a schema."""
    names = ("Ann", "Ben", "Chi", "Dan")
    asked = [ask(f"{name} said: {PROMPT}", TOKENS) for name in names]
    times = [time.perf_counter()]
    lengths = [await listen(view, each) for each in asked]
    times.append(time.perf_counter())
    assert lengths == await asyncio.gather(*[listen(view, each) for each in asked])
    times.append(time.perf_counter())
    guided = [ask(f"{name} said: {PROMPT}", TOKENS, SCHEMA) for name in names]
    assert lengths == await asyncio.gather(*[listen(view, each) for each in guided])
    times.append(time.perf_counter())
    return times[1] - times[0], times[2] - times[1], times[3] - times[2]


async def time_first(view: Any) -> float:
    """Seconds until the first token's text."""
    from shared.models.protocol import Start

    begun = time.perf_counter()
    async for event in view.stream(ask(PROMPT, 1)):
        if not isinstance(event, Start):
            break
    return time.perf_counter() - begun


def time_bare(model: Any, tokenizer: Any) -> float:
    """Seconds until transformers' `generate` gives its first token's text, tokenising included."""
    import torch

    begun = time.perf_counter()
    given = tokenizer(PROMPT, return_tensors="pt")
    with torch.inference_mode():
        found = model.generate(**given, max_new_tokens=1, do_sample=False)
    tokenizer.decode(found[0, -1:])
    return time.perf_counter() - begun


def time_answer(model: Any, tokenizer: Any) -> float:
    """Seconds of a whole answer by `generate`."""
    import torch

    begun = time.perf_counter()
    given = tokenizer(f"Ann said: {PROMPT}", return_tensors="pt")
    with torch.inference_mode():
        model.generate(**given, max_new_tokens=TOKENS, do_sample=False)
    return time.perf_counter() - begun


def measure(name: str, folder: Path) -> None:
    import torch

    from shared.models.local import LocalModel
    from shared.models.local.threads import is_small

    model = LocalModel(folder, "local:bench")
    view, peer, tokenizer = model.view("local:bench"), model.network.model, model.tokenizer
    object.__setattr__(model.network, "ends", frozenset())  # every answer is as long as any other
    peer.generation_config.eos_token_id = None
    if is_small(model.parameters, model.network.device.type):
        torch.set_num_threads(1)  # as many as ours has: on several, `generate` is slower still
    batching, first, bare, answer = [], [], [], []
    for _ in range(ROUNDS):
        batching.append(asyncio.run(time_batching(view)))
        answer.append(time_answer(peer, tokenizer))
        for _ in range(3):
            first.append(asyncio.run(time_first(view)))
            bare.append(time_bare(peer, tokenizer))
    one, four, guided = (statistics.median(times) for times in zip(*batching, strict=True))
    ratio = statistics.median(four / one for one, four, _ in batching)
    print(f"{name}: {model.parameters:,} parameters on {model.network.device}, {model.network.model.dtype}")
    print(f"  four at once {four:.3f} s, in sequence {one:.3f} s: ratio {ratio:.2f} (bar 0.6)")
    cost = statistics.median(guided / four for _, four, guided in batching)
    print(f"  four at once with a schema {guided:.3f} s: {cost:.2f} of without")
    mine, theirs = statistics.median(first), statistics.median(bare)
    print(f"  first token {mine * 1e3:.1f} ms, generate {theirs * 1e3:.1f} ms: ratio {mine / theirs:.2f} (bar 1.3)")
    whole = statistics.median(answer)
    print(f"  one answer {one / 4:.3f} s, generate {whole:.3f} s: ratio {one / 4 / whole:.2f}")
    model.close()


def measure_nf4(name: str, folder: Path) -> None:
    from torch.nn import ModuleList

    from shared.models.local import LocalModel
    from shared.models.local.loading import count_bytes

    model = LocalModel(folder, "local:bench", quantise="nf4")
    linear = [layer for layer in model.network.model.modules() if type(layer).__name__ == "Linear4bit"]
    numbers = sum(layer.in_features * layer.out_features for layer in linear)
    bits = count_bytes(ModuleList(linear)) * 8 / numbers
    print(f"{name}: NF4 {bits:.3f} bits for each of {numbers:,} linear parameters, tables included (bar 4.3)")
    model.close()


def main(given: Path | None) -> None:
    from tests.tiny_models import tiny_llama

    with tempfile.TemporaryDirectory() as folder:
        folders = {given.name: given} if given else {}
        for name, size in SIZES.items() if not given else ():
            folders[name] = tiny_llama(Path(folder, name), window=512, spread=0.05, **size)
        for name, each in folders.items():
            measure(name, each)
            measure_nf4(name, each)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
