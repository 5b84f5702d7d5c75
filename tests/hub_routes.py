"""What the offline Hub answers: one function a route. A route takes the call and the groups of its pattern."""

import hashlib
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import parse_qs, quote

import yaml

from tests.hub_files import (
    FRONT_MATTER,
    PREFIX,
    Commit,
    Holdings,
    Kind,
    Refused,
    Repo,
    about_file,
    card,
    folder,
    listing,
    now,
    setting,
    sibling,
)

KINDS: dict[str | None, Kind] = {prefix or None: kind for kind, prefix in PREFIX.items()}
TRUE = ("True", "true", "1")
REPO = r"(models|datasets|spaces)/([^/]+/[^/]+)"


@dataclass
class Call:
    """One request. `user` is the name behind the token, empty for nobody."""

    hub: Holdings
    url: str  # the server's own address
    method: str
    path: str
    query: dict[str, str]
    headers: Any
    body: bytes
    user: str

    def json(self) -> Any:
        return json.loads(self.body or b"{}")

    def need_user(self) -> str:
        if not self.user:
            raise Refused(401, "Invalid username or password.")
        return self.user

    def need_namespace(self, namespace: str, what: str) -> None:
        if namespace not in self.hub.namespaces(self.need_user()):
            raise Refused(403, f'You don\'t have the rights to {what} under the namespace "{namespace}"')

    def repo(self, kind: str, repo_id: str, write: bool = False) -> Repo:
        repo = self.hub.repo(kind, repo_id, self.user)
        if write:
            self.need_namespace(repo.namespace, "write")
        return repo

    def address(self, repo: Repo) -> str:
        return f"{self.url}/{PREFIX[repo.kind]}{repo.id}"


@dataclass
class Reply:
    body: Any = field(default_factory=dict)
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


class Route(NamedTuple):
    method: str
    pattern: re.Pattern[str]
    answer: Callable[..., Reply]
    locked: bool


ROUTES: list[Route] = []


def route(method: str, pattern: str, locked: bool = True) -> Callable[[Callable[..., Reply]], Callable[..., Reply]]:
    def add(answer: Callable[..., Reply]) -> Callable[..., Reply]:
        ROUTES.append(Route(method, re.compile(f"^{pattern}$"), answer, locked))
        return answer

    return add


# -------------------------------------------------------------------------------------------- accounts, repositories


@route("GET", "/api/whoami-v2")
def whoami(call: Call) -> Reply:
    user = call.need_user()
    orgs = [
        {"type": "org", "id": each, "name": each, "fullname": each, "roleInOrg": "admin"}
        for each in call.hub.orgs.get(user, [])
    ]
    token = {"displayName": "test", "role": "write", "createdAt": now()}
    about = {"type": "user", "id": user, "name": user, "fullname": user, "isPro": call.hub.pro, "canPay": call.hub.pro}
    return Reply(about | {"orgs": orgs, "auth": {"type": "access_token", "accessToken": token}})


@route("POST", "/api/repos/create")
def create_repo(call: Call) -> Reply:
    wish = call.json()
    kind: Kind = wish.get("type", "model") + "s"
    namespace = wish.get("organization") or call.need_user()
    call.need_namespace(namespace, f"create a {kind[:-1]}")
    key = (kind, f"{namespace}/{wish['name']}")
    if key in call.hub.repos:
        return Reply({"error": "You already created this repo", "url": call.address(call.hub.repos[key])}, 409)
    if kind == "spaces" and wish.get("sdk") != "static" and not call.hub.pro:
        raise Refused(402, "Payment required: Gradio and Docker Spaces need a paid plan")
    repo = call.hub.add(
        *key,
        {".gitattributes": "*.parquet filter=lfs diff=lfs merge=lfs -text\n"},
        visibility=wish.get("visibility") or "public",
        sdk=wish.get("sdk"),
        hardware=wish.get("hardware", "cpu-basic"),
        sleep=wish.get("sleepTimeSeconds"),
        volumes=wish.get("volumes") or [],
    )
    for collection in ("secrets", "variables"):
        getattr(repo, collection).update({item["key"]: setting(item) for item in wish.get(collection) or []})
    return Reply({"url": call.address(repo), "name": repo.id, "id": repo.id})


@route("DELETE", "/api/repos/delete")
def delete_repo(call: Call) -> Reply:
    wish = call.json()
    namespace = wish.get("organization") or call.need_user()
    call.need_namespace(namespace, "delete")
    if call.hub.repos.pop((wish.get("type", "model") + "s", f"{namespace}/{wish['name']}"), None) is None:
        raise Refused(404, "Repository not found", "RepoNotFound")
    return Reply()


@route("POST", "/api/repos/move")
def move_repo(call: Call) -> Reply:
    wish = call.json()
    repo = call.repo(wish.get("type", "model") + "s", wish["fromRepo"], write=True)
    del call.hub.repos[repo.kind, repo.id]
    repo.id = wish["toRepo"]
    call.hub.repos[repo.kind, repo.id] = repo
    return Reply()


@route("PUT", f"/api/{REPO}/settings")
def change_settings(call: Call, kind: Kind, repo_id: str) -> Reply:
    repo, wish = call.repo(kind, repo_id, write=True), call.json()
    repo.visibility = wish.get("visibility", repo.visibility)
    repo.gated = wish.get("gated", repo.gated) or ""
    return Reply()


@route("POST", "/api/validate-yaml")
def validate_yaml(call: Call) -> Reply:
    found = FRONT_MATTER.match(call.json()["content"])
    try:
        yaml.safe_load(found[1] if found else "")
    except yaml.YAMLError as error:
        return Reply({"errors": [{"message": str(error)}], "warnings": []}, 400)
    return Reply({"errors": [], "warnings": []})


@route("GET", f"/api/{REPO}(?:/revision/(.+))?")
def repo_info(call: Call, kind: Kind, repo_id: str, revision: str | None) -> Reply:
    repo = call.repo(kind, repo_id)
    commit = repo.find(revision or "main")
    about = {
        "_id": repo_id,
        "id": repo_id,
        "author": repo.namespace,
        "sha": commit.oid,
        "lastModified": commit.date,
        "createdAt": repo.refs["main"][0].date,
        "private": repo.visibility == "private",
        "gated": repo.gated or False,
        "disabled": False,
        "tags": [],
        "likes": 0,
        "downloads": 0,
        "siblings": [sibling(path, file, "blobs" in call.query) for path, file in sorted(commit.files.items())],
        "usedStorage": sum(file.size for file in commit.files.values()),
        "cardData": card(call.hub.blobs, commit),
    }
    if kind == "spaces":
        name = repo_id.replace("/", "-")
        about |= {"sdk": repo.sdk, "runtime": repo.runtime(), "host": f"https://{name}.hf.space", "subdomain": name}
    return Reply(about)


@route("GET", f"/api/{REPO}/auth-check")
def auth_check(call: Call, kind: Kind, repo_id: str) -> Reply:
    call.hub.check_gate(call.repo(kind, repo_id), call.user)
    return Reply()


@route("GET", "/api/(models|datasets|spaces)")
def list_repos(call: Call, kind: Kind) -> Reply:
    author, search = call.query.get("author"), call.query.get("search", "")
    mine = call.hub.namespaces(call.user)
    return Reply(
        [
            {"id": repo.id, "private": repo.visibility == "private", "tags": [], "likes": 0}
            for (each, _), repo in call.hub.repos.items()
            if each == kind
            and (repo.visibility != "private" or repo.namespace in mine)
            and author in (None, repo.namespace)
            and search in repo.id
        ]
    )


# ------------------------------------------------------------------------------------------------------------ files


@route("GET", f"/api/{REPO}/tree/([^/]+)(?:/(.*))?")
def tree(call: Call, kind: Kind, repo_id: str, revision: str, base: str | None) -> Reply:
    commit = call.repo(kind, repo_id).find(revision)
    base = (base or "").strip("/")
    recursive, expand = (call.query.get(key) in TRUE for key in ("recursive", "expand"))
    found = listing(commit, base, recursive, expand)
    if base and not found:
        raise Refused(404, f'{base} does not exist on "{revision}"', "EntryNotFound")
    limit, start = int(call.query.get("limit", 1000)), int(call.query.get("cursor", 0))
    headers = {}
    if start + limit < len(found):
        where = f"{call.url}/api/{kind}/{repo_id}/tree/{quote(revision, safe='')}{'/' + quote(base) if base else ''}"
        rest = f"recursive={recursive}&expand={expand}&limit={limit}&cursor={start + limit}"
        headers["Link"] = f'<{where}?{rest}>; rel="next"'
    return Reply(found[start : start + limit], headers=headers)


@route("POST", f"/api/{REPO}/paths-info/(.+)")
def paths_info(call: Call, kind: Kind, repo_id: str, revision: str) -> Reply:
    commit = call.repo(kind, repo_id).find(revision)
    is_json = "json" in call.headers.get("Content-Type", "")
    wanted = call.json().get("paths", []) if is_json else parse_qs(call.body.decode()).get("paths", [])
    found = []
    for path in (each.strip("/") for each in wanted):
        if path in commit.files:
            found.append(about_file(path, commit.files[path], commit))
        elif not path or any(each.startswith(path + "/") for each in commit.files):
            found.append(folder(path))
    return Reply(found)


@route("POST", f"/api/{REPO}/preupload/(.+)")
def preupload(call: Call, kind: Kind, repo_id: str, revision: str) -> Reply:
    files = call.repo(kind, repo_id, write=True).find(revision).files

    def plan(wish: dict[str, Any]) -> dict[str, Any]:
        old = files.get(wish["path"])
        mode = "lfs" if call.hub.is_large(wish["path"], wish["size"]) else "regular"
        return {"path": wish["path"], "uploadMode": mode, "shouldIgnore": False, "oid": old.tag if old else None}

    return Reply({"files": [plan(wish) for wish in call.json()["files"]]})


@route("POST", r"/(datasets/|spaces/)?([^/]+/[^/]+)\.git/info/lfs/objects/batch")
def lfs_batch(call: Call, prefix: str | None, repo_id: str) -> Reply:
    call.repo(KINDS[prefix], repo_id, write=True)
    objects = []
    for wish in call.json()["objects"]:
        about = {"oid": wish["oid"], "size": wish["size"]}
        if not call.hub.blobs.has(wish["oid"]):
            upload = {"href": f"{call.url}/_lfs/{wish['oid']}", "header": {}}
            about["actions"] = {"upload": upload, "verify": {"href": f"{call.url}/_lfs/verify", "header": {}}}
        objects.append(about)
    return Reply({"transfer": "basic", "objects": objects})


@route("PUT", "/_lfs/([0-9a-f]{64})")
def lfs_upload(call: Call, sha256: str) -> Reply:
    if hashlib.sha256(call.body).hexdigest() != sha256:
        raise Refused(422, "sha256 mismatch")
    call.hub.blobs.put(call.body)
    return Reply()


@route("POST", "/_lfs/verify")
def lfs_verify(call: Call) -> Reply:
    if not call.hub.blobs.has(call.json()["oid"]):
        raise Refused(404, "object missing")
    return Reply()


# A commit holds the lock while hf_xet fetches this token, so this route must not wait for the lock.
@route("GET", r"/api/(?:models|datasets|spaces|buckets)/[^/]+/[^/]+/xet-(?:read|write)-token(?:/.*)?", locked=False)
def xet_token(call: Call) -> Reply:
    if not call.hub.xet:
        raise Refused(404, "Xet is off on this server")
    store, expires = f"local://{call.hub.blobs.cas}", int(time.time()) + 3600
    headers = {"X-Xet-Cas-Url": store, "X-Xet-Access-Token": "xet", "X-Xet-Token-Expiration": str(expires)}
    return Reply({"casUrl": store, "exp": expires, "accessToken": "xet"}, headers=headers)


@route("POST", f"/api/{REPO}/commit/(.+)")
def commit_files(call: Call, kind: Kind, repo_id: str, branch: str) -> Reply:
    repo = call.repo(kind, repo_id, write=True)
    commit = call.hub.commit(repo, branch, call.body, f"{call.url}/api/buckets/_/_/xet-read-token")
    address = f"{call.address(repo)}/commit/{commit.oid}"
    return Reply({"success": True, "commitUrl": address, "commitOid": commit.oid, "hookOutput": ""})


@route("GET", r"/(datasets/|spaces/)?([^/]+/[^/]+)/(?:resolve|raw)/([^/]+)/(.+)")
def download(call: Call, prefix: str | None, repo_id: str, revision: str, path: str) -> Reply:
    repo = call.repo(KINDS[prefix], repo_id)
    call.hub.check_gate(repo, call.user)
    commit = repo.find(revision)
    if path not in commit.files:
        raise Refused(404, "Entry not found", "EntryNotFound", {"X-Repo-Commit": commit.oid})
    file = commit.files[path]
    data, status = call.hub.blobs.path(file.sha256).read_bytes(), 200
    headers = {
        "X-Repo-Commit": commit.oid,
        "ETag": f'"{file.tag}"',
        "Accept-Ranges": "bytes",
        "Content-Type": "application/octet-stream",
        "X-Linked-Size": str(file.size),
        "X-Linked-Etag": f'"{file.tag}"',
    }
    span = re.match(r"bytes=(\d*)-(\d*)", call.headers.get("Range", ""))
    if span and call.method == "GET":
        first = int(span[1]) if span[1] else len(data) - int(span[2])
        last = min(int(span[2]), len(data) - 1) if span[1] and span[2] else len(data) - 1
        if first >= len(data):
            raise Refused(416, "Range not satisfiable", headers={"Content-Range": f"bytes */{len(data)}"})
        headers["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
        data, status = data[first : last + 1], 206
    return Reply(data, status, headers)


# ------------------------------------------------------------------------------------------------------------- refs


@route("GET", f"/api/{REPO}/refs")
def refs(call: Call, kind: Kind, repo_id: str) -> Reply:
    repo = call.repo(kind, repo_id)

    def about(name: str, where: str, commit: Commit) -> dict[str, str]:
        return {"name": name, "ref": f"refs/{where}/{name}", "targetCommit": commit.oid}

    branches = [about(name, "heads", commits[-1]) for name, commits in repo.refs.items()]
    tags = [about(name, "tags", commit) for name, commit in repo.tags.items()]
    return Reply({"branches": branches, "tags": tags, "converts": []})


@route("GET", f"/api/{REPO}/commits/(.+)")
def commits(call: Call, kind: Kind, repo_id: str, revision: str) -> Reply:
    repo = call.repo(kind, repo_id)
    repo.find(revision)
    found = [
        {"id": each.oid, "title": each.title, "message": each.message, "date": each.date, "authors": []}
        for each in reversed(repo.refs.get(revision, []))
    ]
    return Reply(found, headers={"X-Total-Count": str(len(found))})


@route("POST", f"/api/{REPO}/branch/(.+)")
def create_branch(call: Call, kind: Kind, repo_id: str, branch: str) -> Reply:
    repo = call.repo(kind, repo_id, write=True)
    if branch in repo.refs:
        raise Refused(409, "Reference already exists")
    repo.refs[branch] = [repo.find(call.json().get("startingPoint", "main"))]
    return Reply()


@route("DELETE", f"/api/{REPO}/branch/(.+)")
def delete_branch(call: Call, kind: Kind, repo_id: str, branch: str) -> Reply:
    call.repo(kind, repo_id, write=True).refs.pop(branch, None)
    return Reply()


@route("POST", f"/api/{REPO}/tag/(.+)")
def create_tag(call: Call, kind: Kind, repo_id: str, revision: str) -> Reply:
    repo, tag = call.repo(kind, repo_id, write=True), call.json()["tag"]
    if tag in repo.tags:
        raise Refused(409, "Tag exists")
    repo.tags[tag] = repo.find(revision)
    return Reply()


@route("POST", f"/api/{REPO}/super-squash/(.+)")
def squash(call: Call, kind: Kind, repo_id: str, branch: str) -> Reply:
    repo = call.repo(kind, repo_id, write=True)
    files, repo.refs[branch] = repo.find(branch).files, []
    repo.write(branch, "Super-squash branch", "", files)
    return Reply()
