"""`python -m embedded`: each step writes its files, measured numbers and cards included."""

import json
import shutil
from pathlib import Path

import pytest

from embedded import WEIGHTS, measured
from embedded import __main__ as command
from embedded.measured import AIMS, Aim


def test_the_hand_built_model_is_made_measured_and_described(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    again = ["--only", "induction", "--weights", str(tmp_path), "--state", str(tmp_path / "state")]
    command.main(again)
    assert (tmp_path / "induction" / "model.safetensors").exists()
    assert "induction" in (tmp_path / "induction" / "README.md").read_text("utf-8")
    known = measured.read("induction", tmp_path / "measured")
    assert known["copied"] == 1
    assert "induction: weights written" in capsys.readouterr().out
    before = (tmp_path / "induction" / "model.safetensors").stat().st_mtime_ns
    command.main([*again, "--measure", "--threads", "1"])
    command.main([*again, "--cards"])
    assert (tmp_path / "induction" / "model.safetensors").stat().st_mtime_ns == before


def test_a_part_that_is_made_and_measured_is_left_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    again = ["--only", "induction", "--weights", str(tmp_path), "--state", str(tmp_path / "state")]
    command.main(again)
    capsys.readouterr()
    command.main(again)
    assert "written\n" in capsys.readouterr().out
    weights = tmp_path / "induction" / "model.safetensors"
    weights.write_bytes(b"broken")
    command.main(again)
    assert "induction: weights written" in capsys.readouterr().out, "a file that is not the one that was made"
    assert len(weights.read_bytes()) > 1000
    (tmp_path / "measured" / "induction.json").unlink()
    command.main(again)
    assert "induction: measured" in capsys.readouterr().out


def test_a_name_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        command.main(["--only", "giant", "--weights", str(tmp_path)])


def test_an_aim_is_reached_from_its_side() -> None:
    assert Aim("x", "", 0.5).reached({"x": 0.5})
    assert not Aim("x", "", 0.5).reached({"x": 0.49})
    assert Aim("x", "", 1.5, below=True).reached({"x": 1.5})
    assert not Aim("x", "", 1.5, below=True).reached({"x": 1.51})
    assert len(AIMS) == 7


def test_measured_numbers_are_kept_as_json(tmp_path: Path) -> None:
    measured.write("x", {"a": 1, "zh": "猫"}, tmp_path / "deep")
    assert json.loads((tmp_path / "deep" / "x.json").read_text("utf-8")) == {"a": 1, "zh": "猫"}
    assert measured.read("x", tmp_path / "deep")["zh"] == "猫"


@pytest.mark.slow
def test_a_llama_is_made_in_a_moment_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    command.make("micro", tmp_path / "weights", tmp_path / "state", 0.02, 0)
    assert (tmp_path / "weights" / "micro" / "model.safetensors").exists()
    tokens = json.loads((tmp_path / "state" / "micro" / "log.json").read_text("utf-8") or "[]")
    command.make("micro", tmp_path / "weights", tmp_path / "state", 0.02, 0)
    assert json.loads((tmp_path / "state" / "micro" / "log.json").read_text("utf-8")) == tokens


@pytest.mark.slow
def test_measuring_a_model_again_gives_the_same_numbers(tmp_path: Path) -> None:
    command.measure("micro", WEIGHTS, tmp_path)
    again, known = measured.read("micro", tmp_path), measured.read("micro")
    timed = {"load_seconds", "tokens_a_cpu_second"}
    assert set(again) == set(known)
    for key in set(again) - timed:
        if isinstance(again[key], float | int):
            assert again[key] == pytest.approx(known[key], abs=0.05 if again[key] < 5 else 1), key


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft 0.21.2
def test_an_adapter_is_made_measured_and_described(tmp_path: Path) -> None:
    weights = tmp_path / "weights"
    shutil.copytree(WEIGHTS / "mini", weights / "mini")
    command.main(["--only", "json", "--minutes", "0.02", "--weights", str(weights), "--state", str(tmp_path / "state")])
    assert measured.read("json", weights / "measured")["bytes"] < 1 << 20
    assert "builtin:json" in (weights / "adapters" / "json" / "README.md").read_text("utf-8")
