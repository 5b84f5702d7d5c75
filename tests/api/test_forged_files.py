"""A forged path in every form, against every input of every endpoint and every component of every app, mounted and launched."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from apps import cards
from tests.server import ROOT, free_port, serving

CANARY = "canary-5f1e-this-text-must-never-leave"
META = {"_type": "gradio.FileData"}
LAUNCHED = """
import importlib, sys, time
from apps import card
from shared import env
from shared.suite import Suite, using
from shared.ui.mount import launch
name, port = sys.argv[1:]
environment = env.read()
env.apply(environment)
with using(Suite(environment)):
    launch(importlib.import_module(f"apps.{name}.app").build(), server_port=int(port), prevent_thread_lock=True)
    print("up", flush=True)
    time.sleep(600)
"""


def forged(secret: Path) -> list[Any]:
    path = str(secret)
    return [
        {"path": path, "meta": META},
        {"path": path},
        path,
        f"file://{path}",
        {"path": f"file://{path}", "meta": META},
        {"path": "x", "url": f"file://{path}", "meta": META},
        [{"path": path, "meta": META}],
        {"files": [{"path": path, "meta": META}], "text": ""},
        {"path": f"/proc/self/root{path}", "meta": META},
    ]


def call(url: str, fn: int, data: list[Any]) -> str:
    """One event through the queue, as a browser does it; everything that comes back, as text."""
    session = f"s{fn}"
    body = json.dumps({"data": data, "fn_index": fn, "session_hash": session}).encode()
    request = urllib.request.Request(f"{url}/gradio_api/queue/join", body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=20):
            pass
        with urllib.request.urlopen(f"{url}/gradio_api/queue/data?session_hash={session}", timeout=20) as stream:
            text = ""
            for line in stream:
                text += line.decode()
                if "process_completed" in text or "close_stream" in text:
                    return text
            return text
    except urllib.error.HTTPError as error:
        return error.read().decode()


def attack(url: str, secret: Path, home: Path) -> tuple[int, int]:
    """Try everything; returns how many calls were made, and how many endpoints' refusals were read.

    A component that several listeners read is tried through the first of them: files are checked before any function is called.
    """
    with urllib.request.urlopen(f"{url}/config", timeout=20) as answer:
        config = json.load(answer)
    tried = refused = 0
    seen: set[int] = set()
    defaults = {c["id"]: c["props"].get("value") for c in config["components"]}
    kinds = {c["id"]: c["type"] for c in config["components"]}
    for fn in config["dependencies"]:
        for place, target in enumerate(fn["inputs"]):
            if kinds[target] == "state" or target in seen:
                continue
            seen.add(target)
            for value in forged(secret):
                data = [defaults.get(each) for each in fn["inputs"]]
                data[place] = value
                text = call(url, fn["id"], data)
                tried += 1
                assert CANARY not in text
                message = said(text)
                if isinstance(value, dict | list) and "meta" in json.dumps(value):
                    assert message, f"{fn['api_name']} input {place}: {text[-600:]}"
                    assert len(message) > 20, message
                    refused += 1
    assert not [
        path
        for path in home.rglob("*")
        if path.is_file() and path.stat().st_size < 10_000 and CANARY.encode() in path.read_bytes()
    ]
    return tried, refused


def said(text: str) -> str:
    """The error's message; empty when the call worked or nothing was said."""
    for line in reversed(text.splitlines()):
        if line.startswith("data:"):
            event = json.loads(line[5:])
            if event.get("msg") == "process_completed" and not event.get("success"):
                return (event.get("output") or {}).get("error") or ""
    return ""


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "elsewhere" / "secret.txt"
    path.parent.mkdir()
    path.write_text(CANARY)
    return path


def test_mounted(tmp_path: Path, secret: Path) -> None:
    with serving(tmp_path / "home") as server:
        for card in cards():
            tried, refused = attack(server.url + card.path.rstrip("/"), secret, server.home)
            assert tried >= refused > 0


@pytest.mark.parametrize("card", cards(), ids=lambda c: c.name)
def test_launched(tmp_path: Path, secret: Path, card: Any) -> None:
    for url, home in launched(tmp_path, card.name):
        tried, refused = attack(url, secret, home)
        assert tried >= refused > 0


def launched(tmp_path: Path, name: str) -> Iterator[tuple[str, Path]]:
    import os

    home, port = tmp_path / "home", free_port()
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PLAYGROUND_", "SPACE_", "HF_", "GRADIO_"))}
    process = subprocess.Popen(
        [sys.executable, "-c", LAUNCHED, name, str(port)],
        cwd=ROOT,
        env=kept | {"PLAYGROUND_HOME": str(home)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout.readline().strip() == "up"
        yield f"http://127.0.0.1:{port}", home
    finally:
        process.terminate()
        process.wait(15)
        process.stdout.close()
