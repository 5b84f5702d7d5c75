"""Fetching what the manifests choose, against a Hub on this machine, with the real client library."""

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared import downloads
from shared.catalog import Catalog, Choice
from shared.downloads import Outcome, Screen, Wish, download, duration, refused, size
from shared.env import ROOT, Environment
from shared.progress import Progress
from shared.snapshots import Repository
from tests.hub_server import Hub

MANIFESTS = ROOT / "manifests"
MODEL = {"config.json": "{}", "tokenizer.json": "{}", "model.safetensors": b"x" * 1000, "README.md": "# A"}
CLOSED = "http://127.0.0.1:9"
EVERYTHING = Wish()


@pytest.fixture
def hub(workspace: Path) -> Iterator[Hub]:
    with Hub(workspace / "hub") as server:
        yield server


@pytest.fixture
def tiny(workspace: Path) -> Path:
    """Manifests of three models and two datasets."""
    folder = workspace / "manifests"
    folder.mkdir()
    model = """[[model]]
    id = "{}"
    family = "A"
    parameters_b = 0.1
    active_b = 0.1
    licence = "Apache-2.0"
    commercial = "{}"
    why = "Because."
    tiers = ["{}"]
    languages = ["en"]
    checked = {{ id = "recalled" }}
    """
    models = [("tester/small", "yes", "edge"), ("tester/other", "no", "edge"), ("tester/large", "yes", "gpu80")]
    (folder / "models.toml").write_text("\n".join(model.format(*each) for each in models))
    data = """[[dataset]]
    id = "{}"
    domain = "general"
    rows = 1
    size = "1 row"
    languages = ["en"]
    licence = "MIT"
    commercial = "yes"
    why = "Because."
    checked = {{ id = "recalled" }}
    """
    (folder / "datasets.toml").write_text(
        data.format("tester/rows") + data.format("tester/elsewhere") + 'place = "web"\nurl = "https://example.org"\n'
    )
    (folder / "hardware.toml").write_text((MANIFESTS / "hardware.toml").read_text())
    return folder


def run(folder: Path, hub_url: str, wish: Wish = EVERYTHING, token: str = "") -> tuple[dict[str, Outcome], str]:
    out = io.StringIO()
    environment = Environment(home=folder.parent / "home", hub_endpoint=hub_url, hub_token=token)
    cache = folder.parent / "cache"
    outcomes = download(wish, environment, Catalog(folder), Screen(out, every=0), cache)
    return {outcome.id: outcome for outcome in outcomes}, out.getvalue()


def choose(folder: Path, models: str = "", datasets: str = "") -> None:
    (folder / "models.txt").write_text(models)
    (folder / "datasets.txt").write_text(datasets)


@pytest.mark.hub
def test_fetched_then_already_there_then_found_without_a_network(tiny: Path, hub: Hub) -> None:
    hub.add("models", "tester/small", MODEL | {"model.bin": b"pickle", "run.py": "import os"})
    hub.add("datasets", "tester/rows", {"data/train.jsonl": '{"a": 1}\n', "load.py": "import os"})
    choose(tiny, "tester/small", "tester/rows  # rows")
    found, text = run(tiny, hub.url)
    assert found["tester/small"] == Outcome("tester/small", "fetched", "4 files, 1007 B")
    assert found["tester/rows"].state == "fetched"
    files = {path.name for path in (tiny.parent / "cache").rglob("snapshots/**/*") if path.is_file()}
    assert files == {*MODEL, "train.jsonl"}, "no pickle and no Python"
    assert "model.safetensors: 1000 B in 0 s" in text
    assert text.splitlines()[-1].startswith("fetched        tester/rows ")

    found, _ = run(tiny, hub.url)
    assert found["tester/small"] == Outcome("tester/small", "already there", "4 files, 1007 B")
    found, _ = run(tiny, CLOSED)
    assert found["tester/small"].state == "already there"
    assert "no network" in found["tester/small"].why


@pytest.mark.hub
def test_a_new_commit_fetches_only_what_changed(tiny: Path, hub: Hub) -> None:
    hub.add("models", "tester/small", MODEL)
    choose(tiny, "tester/small")
    run(tiny, hub.url)
    hub.add("models", "tester/small", {"config.json": '{"a": 1}'})
    hub.requests.clear()
    found, _ = run(tiny, hub.url)
    assert found["tester/small"].state == "fetched"
    assert not [each for each in hub.requests if each.method == "GET" and "model.safetensors" in each.path]


@pytest.mark.hub
def test_a_pinned_revision_is_the_one_that_is_fetched(tiny: Path, hub: Hub) -> None:
    repo = hub.add("models", "tester/small", MODEL)
    first = repo.find("main").oid
    hub.add("models", "tester/small", {"config.json": '{"second": 1}'})
    choose(tiny, f"tester/small@{first}")
    run(tiny, hub.url)
    kept = next((tiny.parent / "cache").rglob("snapshots/*/config.json"))
    assert kept.read_text() == "{}"
    assert kept.parent.name == first
    choose(tiny, "tester/small@v9")
    found, _ = run(tiny, hub.url)
    assert found["tester/small"].state == "failed"
    assert "no revision 'v9'" in found["tester/small"].why


@pytest.mark.hub
def test_rules_leave_out_and_say_how_to_override(tiny: Path, hub: Hub) -> None:
    for name in ("other", "large"):
        hub.add("models", f"tester/{name}", MODEL)
    choose(tiny, "tester/other\ntester/large", "tester/elsewhere")
    found, _ = run(tiny, hub.url)
    assert {each.state for each in found.values()} == {"skipped"}
    assert "ARGS=--any-licence" in found["tester/other"].why
    assert "One GPU with 80 GB" in found["tester/large"].why
    assert "https://example.org" in found["tester/elsewhere"].why
    assert not hub.requests, "what a rule leaves out is not asked about"
    found, _ = run(tiny, hub.url, Wish(any_licence=True, any_size=True))
    assert found["tester/other"].state == found["tester/large"].state == "fetched"


@pytest.mark.hub
def test_dry_run_and_kinds(tiny: Path, hub: Hub) -> None:
    hub.add("models", "tester/small", MODEL)
    choose(tiny, "tester/small", "tester/rows")
    found, _ = run(tiny, hub.url, Wish(kinds=("models",), dry_run=True))
    assert found == {"tester/small": Outcome("tester/small", "would fetch", "4 files, 1007 B")}
    assert not list((tiny.parent / "cache").rglob("model.safetensors"))


@pytest.mark.hub
def test_refusals_of_the_hub_are_sentences(tiny: Path, hub: Hub) -> None:
    hub.add("models", "tester/small", {"pytorch_model.bin": b"pickle", "config.json": "{}"})
    hub.add("models", "tester/other", MODEL, gated="manual")
    hub.add("datasets", "tester/rows", {"load.py": "import os", "README.md": "# A", "dataset_infos.json": "{}"})
    choose(tiny, "tester/small\ntester/other\ntester/large\ntester/smal", "tester/rows")
    found, _ = run(tiny, hub.url, Wish(any_licence=True, any_size=True), token="hf_visitor")
    assert "no safetensors" in found["tester/small"].why
    assert "no Parquet" in found["tester/rows"].why
    assert f"gated: ask for access at {hub.url}/tester/other" in found["tester/other"].why
    assert f"there is no {hub.url}/tester/large" in found["tester/large"].why
    assert [found[f"tester/{name}"].state for name in ("small", "other", "large")] == ["skipped"] * 3
    assert found["tester/smal"].state == "failed"
    assert "models.txt, line 4" in found["tester/smal"].why
    assert "'tester/small'" in found["tester/smal"].why


@pytest.mark.hub
def test_a_broken_hub_fails_and_a_missing_one_is_no_network(tiny: Path, hub: Hub) -> None:
    hub.add("models", "tester/small", MODEL)
    choose(tiny, "tester/small")
    hub.fault("GET", "/api/models", 500, times=9)
    found, _ = run(tiny, hub.url)
    assert found["tester/small"] == Outcome("tester/small", "failed", f"{hub.url} answered with status 500. Try later")
    found, _ = run(tiny, CLOSED)
    assert found["tester/small"].state == "skipped"
    assert found["tester/small"].why.startswith(f"no network: {CLOSED}")


@pytest.mark.hub
def test_a_disk_without_room(tiny: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.add("models", "tester/small", MODEL)
    choose(tiny, "tester/small")
    monkeypatch.setattr(downloads, "RESERVE", 2**60)
    found, _ = run(tiny, hub.url)
    assert found["tester/small"].state == "skipped"
    assert "too big for the disk: it needs 1007 B" in found["tester/small"].why


@pytest.mark.hub
def test_an_empty_choice_says_so(tiny: Path, hub: Hub) -> None:
    choose(tiny)
    assert "name nothing" in run(tiny, hub.url)[1]


@pytest.mark.slow  # huggingface_hub tries again for 23 seconds
def test_a_network_that_breaks_off_in_the_middle_is_a_failure(tiny: Path, hub: Hub) -> None:
    hub.add("models", "tester/small", MODEL)
    choose(tiny, "tester/small")
    hub.fault("HEAD", "/resolve/", 503, times=99)
    found, _ = run(tiny, hub.url)
    assert found["tester/small"].state == "failed"
    assert "goes on where it was" in found["tester/small"].why


def test_errors_of_the_library_in_words() -> None:
    from huggingface_hub.errors import LocalEntryNotFoundError

    repository = Repository("tester/small", "datasets", endpoint=CLOSED, token=False)
    broke = downloads._explained(repository, LocalEntryNotFoundError("x"), asked=True)
    assert broke == Outcome("tester/small", "failed", "the network broke off. Run it again: it goes on where it was")
    full = downloads._explained(repository, OSError(28, "No space left on device"), asked=True)
    assert full.why == "[Errno 28] No space left on device"


def test_refused_knows_what_this_project_makes_itself() -> None:
    catalog = Catalog(MANIFESTS)
    entry = catalog.dataset("LLM-Playground/synth")
    outcome = refused(Choice("LLM-Playground/synth", "", "here", entry), Wish(), catalog.tiers()[0], catalog.tiers())
    assert outcome == Outcome("LLM-Playground/synth", "skipped", "it is made by this project")
    test_set = Choice("openai/MMMLU", "", "here", catalog.dataset("openai/MMMLU"))
    assert refused(test_set, Wish(), catalog.tiers()[0], catalog.tiers()) is None


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_one_line_that_changes() -> None:
    out = Terminal()
    screen = Screen(out, every=0)
    screen.show(Progress("a.safetensors", 2**20, 4 * 2**20, 75.0))
    screen.show(Progress("a.safetensors", 2 * 2**20, 4 * 2**20, None))
    screen.show(Progress("a.safetensors", 4 * 2**20, 4 * 2**20, 0.0))
    screen.show(Progress("a.safetensors", 4 * 2**20, 4 * 2**20, 0.0))
    lines = out.getvalue().split("\r")
    assert lines[1] == "  a.safetensors: 1.0 MiB of 4.0 MiB, 25 %, 1 min 15 s left"
    assert lines[2].rstrip() == "  a.safetensors: 2.0 MiB of 4.0 MiB, 50 %"
    assert lines[3].rstrip() == "  a.safetensors: 4.0 MiB in 0 s"
    assert len(lines) == 4, "the end is shown once"


def test_elsewhere_progress_is_rare() -> None:
    out = io.StringIO()
    for done in range(100):
        Screen(out).show(Progress("a", done, 100, 1.0))
    assert out.getvalue() == ""


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1536, "1.5 KiB"),
        (5 * 2**20, "5.0 MiB"),
        (2.25 * 2**30, "2.25 GiB"),
        (2**41, "2048.00 GiB"),
    ],
)
def test_size(number: float, text: str) -> None:
    assert size(number) == text


@pytest.mark.parametrize(("seconds", "text"), [(0.2, "0 s"), (59.4, "59 s"), (125, "2 min 5 s"), (4800, "1 h 20 min")])
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.fixture
def variables(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A process of its own, as far as variables go: everything that `env.apply` sets is set back afterwards."""
    for name in ("GRADIO_ANALYTICS_ENABLED", "GRADIO_TEMP_DIR", "HF_HUB_DISABLE_TELEMETRY", "HF_TOKEN"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("HF_ENDPOINT", CLOSED)
    monkeypatch.setenv("PLAYGROUND_HOME", str(workspace / "home"))
    return monkeypatch


def test_main_without_a_network(variables: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    assert downloads.main(["--datasets-only", "--dry-run"], out) == 0
    assert "openai/gsm8k" in out.getvalue()
    assert "SmolLM2" not in out.getvalue()


def test_main_says_what_is_wrong_with_the_environment(variables: pytest.MonkeyPatch) -> None:
    variables.setenv("GRADIO_SERVER_PORT", "seven")
    out = io.StringIO()
    assert downloads.main([], out) == 1
    assert out.getvalue().startswith("GRADIO_SERVER_PORT is 'seven'.")


def test_main_can_be_stopped(variables: pytest.MonkeyPatch) -> None:
    class Impatient(io.StringIO):
        def write(self, text: str) -> int:
            if text.startswith("[1/"):
                raise KeyboardInterrupt
            return super().write(text)

    out = Impatient()
    assert downloads.main([], out) == 130
    assert out.getvalue().endswith("Stopped. Run it again: it goes on where it was.\n")


def command(workspace: Path, variables: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    known = {"PATH": os.environ["PATH"], "HOME": str(workspace), "PLAYGROUND_HOME": str(workspace / "home")}
    return subprocess.run(
        [sys.executable, "-m", "shared.downloads", *arguments],
        cwd=ROOT, env=known | variables, capture_output=True, text=True, timeout=120,
    )  # fmt: skip


@pytest.mark.hub
def test_the_command_fetches_what_the_manifests_choose(workspace: Path, hub: Hub) -> None:
    catalog = Catalog(MANIFESTS)
    for choice in catalog.chosen("models"):
        hub.add("models", choice.id, MODEL)
    for choice in catalog.chosen("datasets"):
        hub.add("datasets", choice.id, {"train.jsonl": '{"a": 1}\n'})
    done = command(workspace, hub.environment(workspace / "hf"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    for choice in catalog.chosen("models") + catalog.chosen("datasets"):
        assert f"fetched        {choice.id} " in done.stdout
    assert len(list((workspace / "hf" / "hub").rglob("refs/main"))) == len(hub.repos)
    assert {each.token for each in hub.requests} == {"hf_test"}


@pytest.mark.hub
def test_the_command_without_a_network_is_no_failure(workspace: Path) -> None:
    done = command(workspace, {"HF_ENDPOINT": CLOSED, "HF_HOME": str(workspace / "hf")}, "--models-only")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert "skipped        Qwen/Qwen3-0.6B" in done.stdout
    assert f"no network: {CLOSED} cannot be reached" in done.stdout
    assert "gsm8k" not in done.stdout
