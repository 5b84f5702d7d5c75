"""The five backends as tests and benchmarks make them, and how long one goes on working after Stop.

TGI is a fake that is held to TGI's own OpenAPI document, OpenAI-compatible a real `transformers serve` process, Inference
Providers' client is pointed at the fake, and local models run here.
"""

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil

from shared.models.openai import OpenAi
from shared.models.protocol import Backend, Delta, Request
from shared.models.provider import Provider
from shared.models.scripted import Scripted
from shared.models.streams import Loop, play
from shared.models.tgi import Tgi
from tests.answers import go_on, hear, say
from tests.openai_server import Served
from tests.server import ROOT, free_port
from tests.tgi_server import TgiServer

FIVE = ("scripted", "local", "tgi", "openai", "provider")
MICRO = ROOT / "embedded" / "weights" / "micro"
KEY = "hf_secret_key"
STORY = "Once upon a time there was a little bird who lived in a tall tree and sang all day long to the sun."
LONG = " ".join(f"word{number}" for number in range(3000))


@dataclass
class Case:
    """One backend.

    Attributes:
        quick: Answers soon.
        slow: Takes some milliseconds for a token, and would go on for many seconds.
        prompt: What `quick` answers with some words.
        long: What keeps `slow` at work.
        busy: Whether work is being done for an answer.
    """

    quick: Backend
    slow: Backend
    prompt: str
    long: Request
    busy: Callable[[], bool]


def make_models(home: Path) -> dict[str, Path]:
    """The embedded micro model, and one ten times as large, with random weights, that never ends an answer."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    micro, slow = home / "micro", home / "slow"
    for folder in (micro, slow):
        shutil.copytree(MICRO, folder)
        (folder / "generation_config.json").write_text(
            json.dumps({"do_sample": True, "bos_token_id": 0, "pad_token_id": 3})
        )
    known = json.loads((MICRO / "config.json").read_text("utf-8"))
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=known["vocab_size"], hidden_size=384, intermediate_size=1024, num_hidden_layers=8, num_attention_heads=6,
        num_key_value_heads=6, max_position_embeddings=4096, bos_token_id=0, eos_token_id=None, pad_token_id=3,
        tie_word_embeddings=True,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(slow)
    (slow / "generation_config.json").write_text(json.dumps({"do_sample": True, "bos_token_id": 0, "pad_token_id": 3}))
    return {"micro": micro, "slow": slow}


@contextmanager
def serve_transformers(home: Path) -> Iterator[tuple[str, psutil.Process]]:
    """A real `transformers serve`, which loads the folder that a request names."""
    port = free_port()
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PLAYGROUND_", "HF_", "TRANSFORMERS_"))
    }
    (home / "hub").mkdir(parents=True)  # without it /v1/models fails (transformers 5.23)
    log = home / "serve.log"
    command = [
        sys.executable,
        "-m",
        "transformers.cli.transformers",
        "serve",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--device",
        "cpu",
    ]
    with log.open("w") as out:
        process = subprocess.Popen(
            command, env=kept | {"HF_HOME": str(home), "HF_HUB_OFFLINE": "1"}, stdout=out, stderr=out
        )
    url = f"http://127.0.0.1:{port}"
    try:
        end = time.monotonic() + 120
        while True:
            assert process.poll() is None, log.read_text()[-3000:]
            assert time.monotonic() < end, "transformers serve did not start: " + log.read_text()[-3000:]
            try:
                with urllib.request.urlopen(url + "/health", timeout=2):
                    break
            except OSError:
                time.sleep(0.1)
        yield url + "/v1", psutil.Process(process.pid)
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _works(process: psutil.Process) -> bool:
    """Whether a process computes, if only as much as others let it; between answers it does next to nothing."""
    began, before = time.monotonic(), _spent(process)
    time.sleep(0.02)
    return _spent(process) - before > 0.05 * (time.monotonic() - began)


def _spent(process: psutil.Process) -> float:
    """Seconds that all threads of a process computed, to the nanosecond where the system tells that."""
    threads = list(Path(f"/proc/{process.pid}/task").glob("*/schedstat"))
    if not threads:
        return float(sum(process.cpu_times()[:2]))
    spent = 0
    for thread in threads:
        try:
            spent += int(thread.read_text().split()[0])
        except OSError:  # it ended
            continue
    return spent / 1e9


def wait_for(met: Callable[[], bool], seconds: float = 30) -> float:
    """Seconds until something is so."""
    began = time.monotonic()
    while not met():
        assert time.monotonic() - began < seconds
        time.sleep(0.002)
    return time.monotonic() - began


def stop(case: Case, after: float = 0.0) -> tuple[float, float]:
    """Press Stop while an answer comes.

    Args:
        case: The backend.
        after: Seconds from the first piece on. What draws the answer looks at each of its turns whether Stop was pressed.

    Returns:
        Seconds from then until closing the stream came back, and until nothing worked on the answer any more.
    """
    loop = Loop()
    try:
        events = play(loop, case.slow, case.long)
        wait_for(lambda: any(isinstance(event, Delta) for event in next(events)))
        wait_for(case.busy)
        pressed = time.monotonic() + after
        while time.monotonic() < pressed:
            next(events)
        events.close()  # type: ignore[attr-defined]
        closed = time.monotonic() - pressed
        wait_for(lambda: not case.busy())
        ended = time.monotonic() - pressed
        while time.monotonic() - pressed < ended + 0.1:  # a pause is no end
            if case.busy():
                ended = time.monotonic() - pressed
            time.sleep(0.002)
    finally:
        loop.close()
    return closed, ended


def make_case(name: str, folders: dict[str, Path], home: Path, stack: ExitStack) -> Case:
    if name == "scripted":
        slow = Scripted.echo(delay=0.01)
        return Case(Scripted.echo(), slow, STORY, say(LONG, max_new_tokens=3000), lambda: slow.running > 0)
    if name == "local":
        from shared.models.local import LocalModel

        quick, large = (LocalModel(folders[which], f"local:{which}") for which in ("micro", "slow"))
        stack.callback(quick.close)
        stack.callback(large.close)
        long = go_on(STORY, max_new_tokens=3000)
        return Case(quick.view("local:micro"), large.view("local:slow"), STORY, long, lambda: large.answering > 0)
    if name == "openai":
        url, process = stack.enter_context(serve_transformers(home))
        quick, slow = (OpenAi(f"openai:serve/{which}", url, str(folders[which]), KEY) for which in ("micro", "slow"))
        for model in (quick, slow):
            hear(model, go_on("a", max_new_tokens=1))  # loads it
        return Case(quick, slow, STORY, go_on(STORY, max_new_tokens=3000), partial(_works, process))
    server = stack.enter_context(TgiServer())
    server.faults.delay = 0.01
    stack.callback(lambda: _nothing_wrong(server))
    model = Tgi("tgi:fake", server.url, KEY) if name == "tgi" else Provider("provider:m", "m", KEY, endpoint=server.url)
    return Case(model, model, STORY, say(LONG, max_new_tokens=3000), lambda: server.faults.running > 0)


def _nothing_wrong(server: Served) -> None:
    assert server.faults.unusable == []
