"""A loaded model, as apps see it."""

import asyncio
import gc
import subprocess
import sys
import threading
import weakref
from pathlib import Path

import pytest

from shared.errors import PlaygroundError
from shared.models.local import LocalModel
from shared.models.protocol import Decoding, Delta, Failure, Finish, Message, Request, Start, Usage
from shared.models.residents import LOADING, load_local
from shared.models.streams import Loop, play
from tests.tiny_models import tiny_llama
from tests.unit.shared.models.local.conftest import ask, greedy, text_of

HELLO = Request((Message("user", "Hello 天"),), Decoding(max_new_tokens=12, temperature=0))


def test_what_it_says_about_itself(llama: LocalModel, tiny: Path) -> None:
    assert (llama.ref, llama.folder, llama.context) == ("builtin:tiny", tiny / "llama", 256)
    assert llama.parameters == sum(each.numel() for each in llama.network.model.parameters())
    assert llama.bytes >= llama.parameters * 4
    assert llama.tokenizer.eos_token == "<|im_end|>"


def test_the_events_of_an_answer(llama: LocalModel) -> None:
    start, *pieces, usage, finish = ask(llama.view("builtin:tiny@1"), HELLO)
    prompt = "<|im_start|>user\nHello 天<|im_end|>\n<|im_start|>assistant\n"
    assert start == Start("builtin:tiny@1", prompt)
    assert usage == Usage(len(llama.tokenizer(prompt)["input_ids"]), 12)
    assert finish == Finish("length")
    assert all(isinstance(piece, Delta) and piece.text and not piece.tokens for piece in pieces)


def test_log_probabilities_come_with_the_text(llama: LocalModel) -> None:
    events = ask(llama.view("a"), Request(HELLO.messages, HELLO.decoding, logprobs=3))
    tokens = [token for event in events if isinstance(event, Delta) for token in event.tokens]
    assert len(tokens) == 12
    assert all(token.logprob == pytest.approx(token.top[0][1]) and token.text == token.top[0][0] for token in tokens)
    assert all(len(token.top) == 3 and token.logprob < 0 for token in tokens)


def test_stop_texts(llama: LocalModel) -> None:
    whole = text_of(ask(llama.view("a"), greedy("Once", 30)))
    stop = whole[7:10]
    events = ask(llama.view("a"), greedy("Once", 30, stop=[stop, ""]))
    assert text_of(events) == whole[: whole.index(stop)]
    assert events[-1] == Finish("stop")


def test_the_end_token_ends_an_answer(tiny: Path) -> None:
    model = LocalModel(tiny / "llama", "builtin:tiny", device="cpu")
    events = ask(model.view("a"), Request(text="Once", decoding=Decoding(30, 0.0), logprobs=0))
    tokens = [token for event in events if isinstance(event, Delta) for token in event.tokens]
    place = next(
        index for index, token in enumerate(tokens) if index > 2 and token.id not in [t.id for t in tokens[:index]]
    )
    object.__setattr__(model.network, "ends", frozenset({tokens[place].id}))
    events = ask(model.view("a"), greedy("Once", 30))
    assert events[-2:] == [Usage(events[-2].prompt_tokens, place), Finish("stop")]
    model.close()


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (Request(), "The prompt is empty"),
        (Request(text="\n" * 300), "has 300 tokens, and the window of a has 256: at most 255 fit"),
        (Request(text="x" * 100_000), "Shorten it"),
        (Request((Message("user", "y" * 100_000),)), "Shorten it"),
        (Request(text="x", decoding=Decoding(0)), "room for a token at least, not for 0"),
        (Request(text="x", decoding=Decoding(json_schema="{")), "The JSON Schema is no JSON: "),
        (Request(text="x", decoding=Decoding(temperature=0.0, beams=2, json_schema="{}")), "followed by 1 beam, not"),
        (Request(text="x", decoding=Decoding(temperature=0.7, beams=2)), "needs temperature 0, not 0.7"),
        (Request(text="x", decoding=Decoding(temperature=-1.0)), "These settings cannot be used: "),
        (Request(text="x", decoding=Decoding(temperature=1.0, min_p=7.0)), "These settings cannot be used: "),
    ],
)
def test_what_is_refused(llama: LocalModel, request_: Request, words: str) -> None:
    (only,) = ask(llama.view("a"), request_)
    assert isinstance(only, Failure)
    assert only.kind == "refused"
    assert words in only.message


def test_a_tokenizer_that_finds_no_token_is_refused(tiny: Path) -> None:
    from tokenizers import normalizers

    model = LocalModel(tiny / "llama", "builtin:tiny", device="cpu")
    model.tokenizer.backend_tokenizer.normalizer = normalizers.Replace("x", "")
    assert ask(model.view("a"), greedy("x"))[0].message.startswith("The prompt is empty")
    model.close()


def test_without_a_template_the_answer_ends_where_the_user_would_speak(tmp_path: Path) -> None:
    model = LocalModel(tiny_llama(tmp_path / "plain", template=""), "builtin:plain", device="cpu")
    start, *_ = ask(model.view("a"), HELLO)
    assert start == Start("a", "User: Hello 天\nAssistant:")
    model.close()


def test_closing_gives_the_memory_back(tiny: Path) -> None:
    model = LocalModel(tiny / "llama", "builtin:tiny", device="cpu")
    view = model.view("a", tiny / "red")
    text_of(ask(view, HELLO))
    gone = weakref.ref(model.network.model)
    asyncio.run(view.close())
    assert gone() is not None
    model.close()
    model.close()
    gc.collect()
    assert gone() is None
    assert model.answering == 0
    with pytest.raises(PlaygroundError, match="builtin:tiny was unloaded"):
        _ = model.bytes
    with pytest.raises(PlaygroundError, match="was unloaded"):
        asyncio.run(view.score(["a"]))


def test_closing_while_a_long_prompt_is_made_ready(tiny: Path) -> None:
    model = LocalModel(tiny / "llama", "builtin:tiny", device="cpu")

    async def story() -> object:
        object.__setattr__(model.network, "window", 10**6)
        task = asyncio.create_task(anext(model.view("a").stream(Request(text="x" * 50_000))))
        await asyncio.sleep(0)
        model.close()
        return await task

    failure = asyncio.run(story())
    assert isinstance(failure, Failure)
    assert failure.kind == "server"


def test_loading_a_model_does_not_hold_another_up(llama: LocalModel, tiny: Path) -> None:
    """Loads wait for each other (transformers is not safe in threads), answers wait for none of them."""
    held, go_on = threading.Event(), threading.Event()

    def load() -> None:
        with LOADING:
            held.set()
            assert go_on.wait(60)
        load_local(tiny / "qwen", "builtin:qwen", "", None).close()

    thread = threading.Thread(target=load)
    thread.start()
    assert held.wait(60)
    assert text_of(ask(llama.view("a", tiny / "red"), HELLO))
    go_on.set()
    answers = [text_of(ask(llama.view("a"), HELLO)) for _ in range(3)]
    thread.join(60)
    assert not thread.is_alive()
    assert set(answers) == {text_of(ask(llama.view("a"), HELLO))}


def test_a_page_can_stop_it(llama: LocalModel) -> None:
    loop = Loop()
    events = play(loop, llama.view("a"), greedy("Once", 240))
    while not any(isinstance(event, Delta) for event in next(events)):
        pass
    assert llama.answering == 1
    events.close()
    for _ in range(1000):
        if llama.answering == 0:
            break
        loop.run(asyncio.sleep(0.002))
    assert llama.answering == 0
    loop.close()


def test_a_loop_that_is_gone_holds_nobody_up(llama: LocalModel) -> None:
    async def begin() -> None:
        stream = llama.view("a").stream(greedy("Once", 240))
        await anext(stream)
        kept.append(stream)

    kept: list[object] = []
    loop = asyncio.new_event_loop()
    loop.run_until_complete(begin())
    loop.close()
    assert text_of(ask(llama.view("a"), HELLO))


@pytest.mark.slow
def test_the_program_ends_while_it_answers(tiny: Path) -> None:
    program = f"""
import asyncio
from pathlib import Path
from shared.models.local import LocalModel
from shared.models.protocol import Decoding, Request
model = LocalModel(Path({str(tiny / "llama")!r}), "builtin:tiny", device="cpu")
async def begin():
    stream = model.view("a").stream(Request(text="a", decoding=Decoding(250, 0.0)))
    await anext(stream)
asyncio.new_event_loop().run_until_complete(begin())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert "FATAL" not in done.stderr
