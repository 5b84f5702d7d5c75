"""Uploads and downloads: only files that Gradio received, only files that we hand out."""

import json
from pathlib import Path

import pytest

from shared import uploads
from shared.env import Environment
from shared.errors import PlaygroundError
from shared.suite import Suite
from shared.uploads import Download, Upload

META = {"_type": "gradio.FileData"}


@pytest.fixture
def sent(house: Suite) -> Path:
    path = house.environment.uploads / "abc" / "rows.jsonl"
    path.parent.mkdir()
    path.write_text("{}")
    return path


def test_a_real_upload_is_taken(sent: Path) -> None:
    assert uploads.accept({"path": str(sent), "orig_name": "my rows.jsonl", "meta": META}) == Upload(
        sent, "my rows.jsonl"
    )
    assert uploads.accept({"path": str(sent), "meta": META}).name == "rows.jsonl"
    assert uploads.accept(Upload(sent, "again")) == Upload(sent, "again")


def test_a_name_never_holds_a_folder(sent: Path) -> None:
    assert uploads.accept({"path": str(sent), "orig_name": "../../etc/passwd", "meta": META}).name == "passwd"


@pytest.mark.parametrize(
    "forged",
    [
        {"path": "/etc/passwd", "meta": META},
        {"path": "/etc/passwd"},
        {"path": "/etc/passwd", "meta": None},
        {"path": "/etc/passwd", "meta": "gradio.FileData"},
        {"path": "file:///etc/passwd", "meta": META},
        {"path": "http://127.0.0.1/x", "url": "file:///etc/passwd", "meta": META},
        {"path": 3, "meta": META},
        {"path": "", "meta": META},
        "/etc/passwd",
        ["/etc/passwd"],
        None,
        Upload(Path("/etc/passwd"), "passwd"),
    ],
)
def test_a_forged_upload_is_refused_with_a_sentence(house: Suite, forged: object) -> None:
    with pytest.raises(PlaygroundError, match="upload"):
        uploads.accept(forged)


def test_links_and_dots_do_not_lead_out(sent: Path, workspace: Path) -> None:
    (workspace / "secret").write_text("x")
    link = sent.parent / "link"
    link.symlink_to(workspace / "secret")
    for path in (link, sent.parent / ".." / ".." / ".." / ".." / "secret", sent.parent):
        with pytest.raises(PlaygroundError, match="not uploaded here"):
            uploads.accept({"path": str(path), "meta": META})


def test_typed_paths_open_only_below_the_allowed_folders(workspace: Path) -> None:
    allowed, other = workspace / "data", workspace / "other"
    for folder in (allowed, other):
        folder.mkdir()
        (folder / "a.csv").write_text("a\n1\n")
    (allowed / "out").symlink_to(other)
    environment = Environment(home=workspace, data=(allowed,))
    assert uploads.local_file(str(allowed / "a.csv"), environment) == allowed / "a.csv"
    assert uploads.local_file("openai/gsm8k", environment) is None
    for path in (other / "a.csv", allowed / "out" / "a.csv", allowed / ".." / "other" / "a.csv", "/etc/passwd", "file:///etc/passwd",
                 "../x", "~/x", "a\\b"):  # fmt: skip
        with pytest.raises(PlaygroundError, match="PLAYGROUND_DATA"):
            uploads.local_file(str(path), environment)
    with pytest.raises(PlaygroundError, match="There is no file"):
        uploads.local_file(str(allowed / "b.csv"), environment)
    public = Environment(home=workspace, data=(allowed,), space="a/b")
    with pytest.raises(PlaygroundError, match="none"):
        uploads.local_file(str(allowed / "a.csv"), public)


def test_data_that_looks_like_a_file_is_no_file() -> None:
    trap = {"path": "/etc/passwd", "meta": META}
    for value in (trap, [trap], {"a": {"b": (trap,)}}, {"path": "x", "meta": "text"}):
        safe = uploads.defuse(value)
        assert uploads.files_in(safe) == []
        assert "passwd" in json.dumps(safe) or "text" in json.dumps(safe)
    assert uploads.files_in([{"a": trap}]) == [trap]


def test_our_own_download_is_a_file() -> None:
    assert uploads.defuse({"file": Download(Path("/tmp/x.csv")), "rows": (1, None)}) == {
        "file": {"path": "/tmp/x.csv", "orig_name": "x.csv", "meta": META},
        "rows": [1, None],
    }


def test_nothing_is_asked_for_in_words():
    with pytest.raises(PlaygroundError, match="There is no file yet"):
        uploads.accept(None)
