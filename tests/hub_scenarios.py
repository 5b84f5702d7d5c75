"""What real client libraries do against the offline Hub. Run in a process of its own, with HF_ENDPOINT set before.

`python -m tests.hub_scenarios [--xet] NAME...` runs the named scenarios in order and prints one JSON line for each.
The functions import the libraries themselves: this file is also read for the list of names, where none may load.
"""

import json
import os
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path

CORE = ["account", "space", "space_upload", "space_settings", "space_life", "files", "privacy", "gates"]
CORE += ["conflict", "branches", "filesystem", "cards"]
SLOW = ["scheduler", "datasets_library", "transformers_library"]
XET = ["account", "space", "space_upload", "files", "xet_upload", "buckets", "datasets_library"]
SPACE = "tester/arena"


def api():
    from huggingface_hub import HfApi

    return HfApi()


def refused(action: Callable[[], object]) -> tuple[str, int]:
    """Name and status of the error that `action` ends in."""
    from huggingface_hub.errors import HfHubHTTPError

    try:
        action()
    except HfHubHTTPError as error:
        return type(error).__name__, error.response.status_code
    raise AssertionError("nothing was refused")


def folder() -> Path:
    place = Path(tempfile.mkdtemp())
    (place / "shared").mkdir()
    (place / "app.py").write_text("print(1)")
    (place / "shared" / "x.py").write_text("a = 1")
    (place / "README.md").write_text("---\ntitle: A\nsdk: gradio\n---\n")
    (place / "w.safetensors").write_bytes(os.urandom(300_000))
    (place / ".env").write_text("S=1")
    return place


def account():
    from huggingface_hub import HfApi

    assert api().whoami()["name"] == "tester"
    assert refused(HfApi(token="hf_wrong").whoami)[1] == 401


def space():
    from huggingface_hub import Volume

    secrets = [{"key": "HF_TOKEN", "value": "x"}]
    mount = Volume(type="bucket", source="tester/b", mount_path="/data")
    api().create_repo(SPACE, repo_type="space", space_sdk="gradio", space_secrets=secrets, space_volumes=[mount])
    api().create_repo(SPACE, repo_type="space", space_sdk="gradio", exist_ok=True)
    name, status = refused(lambda: api().create_repo(SPACE, repo_type="space", space_sdk="gradio"))
    assert (name, status) == ("HfHubHTTPError", 409)
    assert refused(lambda: api().create_repo("stranger/arena"))[1] == 403
    assert api().get_space_runtime(SPACE).volumes[0].mount_path == "/data"


def space_upload():
    place, asked = folder(), {"repo_id": SPACE, "repo_type": "space", "ignore_patterns": [".env"]}
    api().upload_folder(folder_path=place, **asked)
    first = api().space_info(SPACE).sha
    api().upload_folder(folder_path=place, **asked)
    assert api().space_info(SPACE).sha == first, "an upload that changes nothing makes no commit"
    (place / "shared" / "x.py").rename(place / "shared" / "y.py")
    api().upload_folder(folder_path=place, delete_patterns=["*"], **asked)
    held = api().list_repo_files(SPACE, repo_type="space")
    assert held == [".gitattributes", "README.md", "app.py", "shared/y.py", "w.safetensors"]
    tree = [each.path for each in api().list_repo_tree(SPACE, repo_type="space", recursive=True)]
    assert sorted(tree) == sorted([*held, "shared"])


def space_settings():
    api().add_space_secret(SPACE, "KEY", "hidden")
    assert "KEY" in api().get_space_secrets(SPACE)
    api().add_space_variable(SPACE, "SIZE", "3")
    assert api().get_space_variables(SPACE)["SIZE"].value == "3"
    assert "SIZE" not in api().delete_space_variable(SPACE, "SIZE")


def space_life():
    assert api().request_space_hardware(SPACE, "t4-small", sleep_time=300).hardware == "t4-small"
    assert api().set_space_sleep_time(SPACE, 600).sleep_time == 600
    assert (api().pause_space(SPACE).stage, api().restart_space(SPACE).stage) == ("PAUSED", "RUNNING")
    assert api().wait_for_space(SPACE, timeout=5).stage == "RUNNING"
    api().duplicate_repo(SPACE, "acme/arena", repo_type="space")
    assert api().list_repo_files("acme/arena", repo_type="space") == api().list_repo_files(SPACE, repo_type="space")


def files():
    from huggingface_hub import hf_hub_download, snapshot_download

    assert Path(snapshot_download(SPACE, repo_type="space"), "w.safetensors").exists()
    assert Path(hf_hub_download(SPACE, "w.safetensors", repo_type="space")).stat().st_size == 300_000
    assert api().file_exists(SPACE, "app.py", repo_type="space")
    assert not api().file_exists(SPACE, "none.py", repo_type="space")
    assert api().get_paths_info(SPACE, ["app.py", "nothing"], repo_type="space")[0].path == "app.py"


def privacy():
    from huggingface_hub import HfApi

    api().create_repo("tester/secret", private=True)
    assert api().repo_exists("tester/secret")
    assert not HfApi(token=False).repo_exists("tester/secret")
    assert not HfApi(token="hf_visitor").repo_exists("tester/secret")
    assert refused(lambda: HfApi(token=False).model_info("tester/secret")) == ("RepositoryNotFoundError", 401)
    assert refused(lambda: HfApi(token="hf_visitor").model_info("tester/secret")) == ("RepositoryNotFoundError", 404)
    api().update_repo_settings("tester/secret", visibility="public")
    assert HfApi(token=False).repo_exists("tester/secret")


def gates():
    from huggingface_hub import HfApi, hf_hub_download

    api().create_repo("tester/gated")
    api().upload_file(path_or_fileobj=b"{}", path_in_repo="config.json", repo_id="tester/gated")
    api().update_repo_settings("tester/gated", gated="manual")
    assert HfApi(token=False).model_info("tester/gated").gated == "manual", "that it exists is no secret"
    assert refused(lambda: hf_hub_download("tester/gated", "config.json", token=False)) == ("GatedRepoError", 401)
    stranger = refused(lambda: hf_hub_download("tester/gated", "config.json", token="hf_visitor"))
    assert stranger == ("GatedRepoError", 403)
    assert Path(hf_hub_download("tester/gated", "config.json")).read_bytes() == b"{}"


def conflict():
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    api().create_repo("tester/votes", repo_type="dataset", exist_ok=True)
    head = api().repo_info("tester/votes", repo_type="dataset").sha

    def write(text: bytes):
        wish = {"commit_message": "m", "repo_type": "dataset", "parent_commit": head}
        return api().create_commit("tester/votes", [CommitOperationAdd("a.txt", text)], **wish)

    write(b"1")
    assert refused(lambda: write(b"2")) == ("HfHubHTTPError", 412)
    remove = [CommitOperationDelete("a.txt")]
    api().create_commit("tester/votes", remove, commit_message="rm", repo_type="dataset")
    assert api().list_repo_files("tester/votes", repo_type="dataset") == [".gitattributes"]


def branches():
    asked = {"repo_type": "dataset"}
    api().create_branch("tester/votes", branch="dev", **asked)
    api().create_tag("tester/votes", tag="v1", **asked)
    held = api().list_repo_refs("tester/votes", **asked)
    assert [each.name for each in held.branches] == ["main", "dev"]
    assert [each.name for each in held.tags] == ["v1"]
    assert refused(lambda: api().repo_info("tester/votes", revision="v9", **asked))[0] == "RevisionNotFoundError"
    assert len(api().list_repo_commits("tester/votes", **asked)) == 3
    api().super_squash_history("tester/votes", **asked)
    assert len(api().list_repo_commits("tester/votes", **asked)) == 1


def filesystem():
    from huggingface_hub import HfFileSystem

    text = b'{"a":1}\n{"a":2}\n'
    api().upload_file(path_or_fileobj=text, path_in_repo="data/v.jsonl", repo_id="tester/votes", repo_type="dataset")
    assert HfFileSystem().glob("datasets/tester/votes/**/*.jsonl") == ["datasets/tester/votes/data/v.jsonl"]
    assert HfFileSystem().cat("datasets/tester/votes/data/v.jsonl") == text
    with HfFileSystem().open("datasets/tester/votes/data/v.jsonl", block_size=4) as file:
        file.seek(9)
        assert file.read(4) == b'"a":'


def cards():
    from huggingface_hub import ModelCard

    api().create_repo("tester/m")
    ModelCard("---\nlicense: apache-2.0\n---\nhi").push_to_hub("tester/m")
    assert ModelCard.load("tester/m").data.license == "apache-2.0"
    assert api().model_info("tester/m").card_data.license == "apache-2.0"


def scheduler():
    from huggingface_hub import CommitScheduler

    place = Path(tempfile.mkdtemp())
    wish = {"repo_id": "tester/log", "repo_type": "dataset", "folder_path": place, "every": 10, "path_in_repo": "data"}
    for line in ('{"a": 1}\n', '{"a": 2}\n'):
        running = CommitScheduler(private=True, squash_history=True, **wish)
        with running, running.lock, (place / "1.jsonl").open("a") as file:
            file.write(line)
    assert api().list_repo_files("tester/log", repo_type="dataset") == [".gitattributes", "data/1.jsonl"]


def datasets_library():
    import datasets

    datasets.disable_progress_bars()
    rows = datasets.Dataset.from_dict({"text": ["a", "b", "c"] * 50, "n": list(range(150))})
    rows.push_to_hub("tester/ds")
    assert datasets.load_dataset("tester/ds", split="train").num_rows == 150
    assert next(iter(datasets.load_dataset("tester/ds", split="train", streaming=True))) == {"text": "a", "n": 0}
    both = datasets.DatasetDict({"train": rows, "test": rows.select(range(5))})
    both.push_to_hub("tester/ds", "small")
    assert sorted(datasets.get_dataset_config_names("tester/ds")) == ["default", "small"]
    assert datasets.load_dataset("tester/ds", "small", split="test").num_rows == 5


def transformers_library():
    from transformers import AutoModelForCausalLM, LlamaConfig

    size = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    model = AutoModelForCausalLM.from_config(LlamaConfig(vocab_size=64, **size))
    model.push_to_hub("tester/tiny")
    again = AutoModelForCausalLM.from_pretrained("tester/tiny")
    assert sum(p.numel() for p in again.parameters()) == sum(p.numel() for p in model.parameters())


def xet_upload():
    from huggingface_hub import hf_hub_download

    data = os.urandom(400_000)
    api().create_repo("tester/big")
    api().upload_file(path_or_fileobj=data, path_in_repo="m.bin", repo_id="tester/big")
    assert Path(hf_hub_download("tester/big", "m.bin")).read_bytes() == data


def buckets():
    place = folder()
    api().create_bucket("tester/b", private=True)
    api().create_bucket("tester/b", exist_ok=True)
    api().batch_bucket_files("tester/b", add=[(b"hello bucket", "x/a.txt"), (str(place / "app.py"), "app.py")])
    held = {each.path: each.size for each in api().list_bucket_tree("tester/b", recursive=True)}
    assert held == {"x/a.txt": 12, "app.py": 8}
    api().download_bucket_files("tester/b", files=[("x/a.txt", str(place / "a.txt"))])
    assert (place / "a.txt").read_text() == "hello bucket"
    api().sync_bucket(str(place), "hf://buckets/tester/b/sync", quiet=True)
    assert "sync/shared/x.py" in {each.path for each in api().list_bucket_tree("tester/b", recursive=True)}
    api().batch_bucket_files("tester/b", delete=["app.py"])
    assert "app.py" not in {each.path for each in api().list_bucket_tree("tester/b", recursive=True)}


def run(names: list[str]) -> None:
    for name in names:
        try:
            globals()[name]()
            print(json.dumps({"name": name, "error": ""}), flush=True)
        except Exception:  # noqa: BLE001 - every failure is reported by name, and the next scenario still runs
            print(json.dumps({"name": name, "error": traceback.format_exc()}), flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "--xet":  # one process alone can open hf_xet's local store, so server and client share this one
        from tests.hub_server import Hub

        with Hub(Path(os.environ["HF_HOME"], "hub"), xet=True) as hub:
            os.environ.update(hub.environment(Path(os.environ["HF_HOME"])))
            run(sys.argv[2:])
    else:
        run(sys.argv[1:])
