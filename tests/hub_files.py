"""What the offline Hub holds: blobs by their hash, commits, repositories, buckets. `hub_server` speaks HTTP over it."""

import base64
import hashlib
import json
import re
import struct
import tempfile
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import yaml

Kind = Literal["models", "datasets", "spaces"]
PREFIX: dict[Kind, str] = {"models": "", "datasets": "datasets/", "spaces": "spaces/"}
LARGE = (".parquet", ".safetensors", ".bin", ".arrow", ".gguf", ".pt", ".zip", ".gz", ".zst", ".db", ".sqlite", ".png")
FRONT_MATTER = re.compile(r"\s*---\n(.*?)\n---", re.S)
APPS = ("app.py", "Dockerfile", "index.html")


class Refused(Exception):
    """An answer other than 2xx; `code` is the Hub's X-Error-Code."""

    def __init__(self, status: int, message: str, code: str = "", headers: dict[str, str] | None = None):
        super().__init__(message)
        self.status, self.message, self.code, self.headers = status, message, code, headers or {}


@dataclass(frozen=True)
class File:
    """One file of a commit. Git names small files by SHA-1, LFS names large ones by SHA-256."""

    oid: str
    size: int
    sha256: str
    lfs: bool = False

    @property
    def tag(self) -> str:
        """What the Hub sends as ETag and what clients compare to see whether a file changed."""
        return self.sha256 if self.lfs else self.oid


@dataclass(frozen=True)
class Commit:
    oid: str
    title: str
    message: str
    date: str
    files: dict[str, File]


@dataclass
class Repo:
    kind: Kind
    id: str
    visibility: str = "public"
    gated: Literal["", "auto", "manual"] = ""
    granted: set[str] = field(default_factory=set)  # users who were let through the gate
    refs: dict[str, list[Commit]] = field(default_factory=lambda: {"main": []})
    tags: dict[str, Commit] = field(default_factory=dict)
    # What only a Space has:
    sdk: str | None = None
    secrets: dict[str, dict[str, Any]] = field(default_factory=dict)
    variables: dict[str, dict[str, Any]] = field(default_factory=dict)
    hardware: str = "cpu-basic"
    sleep: int | None = None
    stage: str = "NO_APP_FILE"
    volumes: list[dict[str, Any]] = field(default_factory=list)
    restarts: int = 0

    @property
    def namespace(self) -> str:
        return self.id.split("/")[0]

    def find(self, revision: str) -> Commit:
        """The commit that a branch, a tag or a full commit id names."""
        if self.refs.get(revision):
            return self.refs[revision][-1]
        if revision in self.tags:
            return self.tags[revision]
        for commit in (each for branch in self.refs.values() for each in branch):
            if commit.oid == revision:
                return commit
        raise Refused(404, f"Invalid rev id: {revision}", "RevisionNotFound")

    def write(self, branch: str, title: str, message: str, files: dict[str, File]) -> Commit:
        """Put a commit on top of a branch."""
        seed = f"{self.id}{branch}{title}{time.time_ns()}{sorted(files)}"
        commit = Commit(hashlib.sha1(seed.encode()).hexdigest(), title, message, now(), files)
        self.refs[branch].append(commit)
        if self.kind == "spaces":
            self.stage = "RUNNING" if any(name in files for name in APPS) else "NO_APP_FILE"
        return commit

    def runtime(self) -> dict[str, Any]:
        return {
            "stage": self.stage,
            "hardware": {"current": self.hardware, "requested": self.hardware},
            "gcTimeout": self.sleep,
            "storage": None,
            "replicas": {"current": 1, "requested": 1},
            "devMode": False,
            "volumes": self.volumes,
            "domains": [],
        }


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def git_oid(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def xet_hash(data: bytes) -> str:
    """A Merkle hash as text: four little-endian 64-bit numbers in hexadecimal."""
    return "".join(f"{part:016x}" for part in struct.unpack("<4Q", data))


def setting(item: dict[str, Any]) -> dict[str, Any]:
    return {"value": item["value"], "description": item.get("description"), "updatedAt": now()}


def about_file(path: str, file: File, commit: Commit | None = None) -> dict[str, Any]:
    about: dict[str, Any] = {"type": "file", "oid": file.oid, "size": file.size, "path": path}
    if file.lfs:
        about["lfs"] = {"oid": file.sha256, "size": file.size, "pointerSize": 130}
    if commit:
        about["lastCommit"] = {"id": commit.oid, "title": commit.title, "date": commit.date}
    return about


def sibling(path: str, file: File, blobs: bool) -> dict[str, Any]:
    about: dict[str, Any] = {"rfilename": path}
    if blobs:
        about |= {"size": file.size, "blobId": file.oid}
        if file.lfs:
            about["lfs"] = {"sha256": file.sha256, "size": file.size, "pointerSize": 130}
    return about


def folder(path: str) -> dict[str, Any]:
    return {"type": "directory", "oid": hashlib.sha1(path.encode()).hexdigest(), "size": 0, "path": path}


def listing(commit: Commit, base: str, recursive: bool, expand: bool) -> list[dict[str, Any]]:
    """Files and folders under `base`, folders before what is in them."""
    found: dict[str, dict[str, Any]] = {}
    prefix = f"{base}/" if base else ""
    for path, file in sorted(commit.files.items()):
        if not path.startswith(prefix):
            continue
        parts = path[len(prefix) :].split("/")
        for depth in range(1, len(parts) if recursive else min(len(parts), 2)):
            name = prefix + "/".join(parts[:depth])
            found.setdefault(name, folder(name))
        if recursive or len(parts) == 1:
            found[path] = about_file(path, file, commit if expand else None)
    return list(found.values())


class Blobs:
    """File contents by SHA-256, and the folder that hf_xet uses as its content store (`local://...`)."""

    def __init__(self, root: Path):
        self.root = root
        self.cas = root / "cas"
        (root / "blobs").mkdir(parents=True, exist_ok=True)
        self.cas.mkdir(exist_ok=True)

    def path(self, sha256: str) -> Path:
        return self.root / "blobs" / sha256

    def put(self, data: bytes) -> str:
        sha256 = hashlib.sha256(data).hexdigest()
        if not self.path(sha256).exists():
            self.path(sha256).write_bytes(data)
        return sha256

    def file(self, data: bytes, lfs: bool = False) -> File:
        sha256 = self.put(data)
        pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {len(data)}\n".encode()
        return File(git_oid(pointer if lfs else data), len(data), sha256, lfs)

    def has(self, sha256: str) -> bool:
        return self.path(sha256).exists()

    def shards(self) -> dict[str, tuple[int, str]]:
        """What hf_xet has uploaded: xet hash -> (size, sha256), read from the shard files it leaves in the store.

        A shard is a 48-byte header and one record a file: hash, flags, segment count, then 48 bytes a segment, as much
        again for verification when bit 31 is set, and 48 bytes with the file's SHA-256 when bit 30 is set.
        """
        found: dict[str, tuple[int, str]] = {}
        for shard in self.cas.rglob("xorbs/shards/*.mdb"):
            data, at = shard.read_bytes(), 48
            while at + 48 <= len(data) and data[at : at + 32] != b"\xff" * 32:
                name = xet_hash(data[at : at + 32])
                flags, segments = struct.unpack_from("<II", data, at + 32)
                at += 48
                size = sum(struct.unpack_from("<I", data, at + 48 * n + 36)[0] for n in range(segments))
                at += 48 * segments * (2 if flags & (1 << 31) else 1)
                sha256 = found.get(name, (0, ""))[1]
                if flags & (1 << 30):
                    sha256 = xet_hash(data[at : at + 32])
                    at += 48
                found[name] = (size, sha256)
        return found

    def take_from_xet(self, sha256: str, refresh_url: str) -> None:
        """Copy a file that was uploaded through Xet into the blobs, so that it can be served as plain bytes."""
        import hf_xet

        for name, (size, known) in self.shards().items():
            if known != sha256:
                continue
            with tempfile.TemporaryDirectory() as folder:
                group = hf_xet.XetSession().new_file_download_group(
                    token_refresh_url=refresh_url, token_refresh_headers={}
                )
                with group:
                    group.start_download_file(hf_xet.XetFileInfo(name, size), f"{folder}/file")
                self.put(Path(folder, "file").read_bytes())
            return


def card(blobs: Blobs, commit: Commit) -> dict[str, Any]:
    """The front matter of the README, which the Hub parses and hands out as `cardData`."""
    readme = commit.files.get("README.md")
    found = FRONT_MATTER.match(blobs.path(readme.sha256).read_text()) if readme else None
    try:
        data = yaml.safe_load(found[1]) if found else {}
    except yaml.YAMLError:
        data = {}
    return data if isinstance(data, dict) else {}


class Holdings:
    """Everything on the Hub, and who may see it.

    Attributes:
        users: Token -> user name. `hf_test` is `tester`, who belongs to `acme`; `hf_visitor` is a stranger.
    """

    def __init__(self, root: Path, *, xet: bool = False, pro: bool = True, large: int = 10 * 1024 * 1024):
        self.blobs = Blobs(root)
        self.xet, self.pro, self.large = xet, pro, large
        self.users = {"hf_test": "tester", "hf_visitor": "visitor"}
        self.orgs = {"tester": ["acme"]}
        self.repos: dict[tuple[Kind, str], Repo] = {}
        self.buckets: dict[str, dict[str, Any]] = {}
        self.lock = threading.RLock()

    def namespaces(self, user: str) -> list[str]:
        return [user, *self.orgs.get(user, [])] if user else []

    def is_large(self, path: str, size: int) -> bool:
        return path.endswith(LARGE) or size > self.large

    def repo(self, kind: Kind, repo_id: str, user: str) -> Repo:
        """The repository, unless the user may not know that it exists: then the answer is as if it did not."""
        repo = self.repos.get((kind, repo_id))
        if repo is not None and (repo.visibility != "private" or repo.namespace in self.namespaces(user)):
            return repo
        if user:
            raise Refused(404, "Repository not found", "RepoNotFound")
        raise Refused(401, "Invalid username or password.", "RepoNotFound")

    def check_gate(self, repo: Repo, user: str) -> None:
        """Refuse a file of a gated repository in the Hub's own words."""
        if not repo.gated or repo.namespace in self.namespaces(user) or user in repo.granted:
            return
        name = f"{repo.kind[:-1]} {repo.id}"
        if not user:
            text = f"Access to {name} is restricted. You must have access to it and be authenticated to access it."
            raise Refused(401, f"{text} Please log in.", "GatedRepo")
        text = f"Access to {name} is restricted and you are not in the authorized list."
        raise Refused(403, f"{text} Visit https://huggingface.co/{PREFIX[repo.kind]}{repo.id} to ask.", "GatedRepo")

    def add(self, kind: Kind, repo_id: str, files: dict[str, bytes | str], **fields: Any) -> Repo:
        """Put a repository there without a client; again with the same id: a further commit. `fields` are Repo's."""
        with self.lock:
            repo = self.repos.setdefault((kind, repo_id), Repo(kind, repo_id, **fields))
            data = {path: each.encode() if isinstance(each, str) else each for path, each in files.items()}
            new = {path: self.blobs.file(each, self.is_large(path, len(each))) for path, each in data.items()}
            kept = repo.refs["main"][-1].files if repo.refs["main"] else {}
            repo.write("main", "Add files", "", kept | new)
            return repo

    def commit(self, repo: Repo, branch: str, lines: bytes, refresh_url: str) -> Commit:
        """Apply an upload: a header line, then one line a file, as huggingface_hub sends them."""
        if branch not in repo.refs:
            raise Refused(404, f"Invalid rev id: {branch}", "RevisionNotFound")
        head = repo.refs[branch][-1]
        files, title, message = dict(head.files), "", ""
        for entry in (json.loads(line) for line in lines.splitlines() if line.strip()):
            value = entry["value"]
            if entry["key"] == "header":
                title, message = value["summary"], value.get("description", "")
                if value.get("parentCommit") not in (None, head.oid):
                    raise Refused(412, "A commit has happened since. Please refresh and try again.")
            elif entry["key"] == "file":
                files[value["path"]] = self.blobs.file(base64.b64decode(value["content"]))
            elif entry["key"] == "lfsFile":
                files[value["path"]] = self._lfs_file(value["oid"], refresh_url)
            elif entry["key"] == "deletedFile":
                if files.pop(value["path"], None) is None:
                    raise Refused(404, "A file with this name doesn't exist", "EntryNotFound")
            elif entry["key"] == "deletedFolder":
                folder = value["path"].rstrip("/") + "/"
                files = {path: file for path, file in files.items() if not path.startswith(folder)}
        return repo.write(branch, title, message, files)

    def _lfs_file(self, sha256: str, refresh_url: str) -> File:
        if not self.blobs.has(sha256) and self.xet:
            self.blobs.take_from_xet(sha256, refresh_url)
        if not self.blobs.has(sha256):
            raise Refused(400, f"LFS pointer pointed to a file that does not exist: {sha256}")
        return self.blobs.file(self.blobs.path(sha256).read_bytes(), lfs=True)
