"""What the offline Hub answers about Spaces and buckets."""

import json
from datetime import UTC, datetime
from typing import Any

from tests.hub_files import Kind, Refused, Repo, now, setting
from tests.hub_routes import REPO, ROUTES, Call, Reply, route

__all__ = ["ROUTES"]  # with the routes of this file added

SPACE = r"/api/spaces/([^/]+/[^/]+)"
BUCKET = r"/api/buckets/([^/]+/[^/]+)"

# ----------------------------------------------------------------------------------------------------------- Spaces


@route("GET", f"{SPACE}/runtime")
def space_runtime(call: Call, repo_id: str) -> Reply:
    return Reply(call.repo("spaces", repo_id).runtime())


@route("GET", f"{SPACE}/(secrets|variables)")
@route("POST", f"{SPACE}/(secrets|variables)")
@route("DELETE", f"{SPACE}/(secrets|variables)")
def space_settings(call: Call, repo_id: str, collection: str) -> Reply:
    """A secret's value goes in and never comes out. Every change restarts the Space."""
    repo = call.repo("spaces", repo_id, write=True)
    held: dict[str, dict[str, Any]] = getattr(repo, collection)
    if call.method == "POST":
        held[call.json()["key"]] = setting(call.json())
    elif call.method == "DELETE":
        held.pop(call.json()["key"], None)
    repo.restarts += call.method != "GET"
    hidden = {"value"} if collection == "secrets" else set()
    return Reply({key: {k: v for k, v in each.items() if k not in hidden} for key, each in held.items()})


@route("POST", f"{SPACE}/(hardware|sleeptime|pause|restart)")
def change_space(call: Call, repo_id: str, change: str) -> Reply:
    repo, wish = call.repo("spaces", repo_id, write=True), call.json()
    if change == "hardware":
        repo.hardware, repo.sleep = wish["flavor"], wish.get("sleepTimeSeconds", repo.sleep)
    elif change == "sleeptime":
        repo.sleep = wish["seconds"]
    else:
        repo.stage = "PAUSED" if change == "pause" else "RUNNING"
        repo.restarts += change == "restart"
    return Reply(repo.runtime())


@route("PUT", f"{SPACE}/volumes")
@route("DELETE", f"{SPACE}/volumes")
def space_volumes(call: Call, repo_id: str) -> Reply:
    call.repo("spaces", repo_id, write=True).volumes = call.json()["volumes"] if call.method == "PUT" else []
    return Reply()


@route("GET", "/api/spaces/hardware")
def hardware(call: Call) -> Reply:
    return Reply([])


@route("POST", f"/api/{REPO}/duplicate")
def duplicate(call: Call, kind: Kind, repo_id: str) -> Reply:
    source, wish = call.repo(kind, repo_id), call.json()
    key = (kind, wish["repository"])
    call.need_namespace(key[1].split("/")[0], "duplicate")
    if key in call.hub.repos:
        return Reply({"error": "exists", "url": call.address(call.hub.repos[key])}, 409)
    repo = Repo(*key, wish.get("visibility", "private"), sdk=source.sdk, variables=dict(source.variables))
    repo.hardware, repo.volumes = wish.get("hardware", "cpu-basic"), wish.get("volumes") or []
    call.hub.repos[key] = repo
    repo.write("main", "Duplicate", "", dict(source.find("main").files))
    return Reply({"url": call.address(repo), "filesCopyPending": False})


# ---------------------------------------------------------------------------- buckets: contents go through Xet alone


def bucket(call: Call, name: str) -> dict[str, Any]:
    found = call.hub.buckets.get(name)
    if found is None or (found["private"] and name.split("/")[0] not in call.hub.namespaces(call.user)):
        raise Refused(404, "Bucket not found", "RepoNotFound")
    return found


def about_bucket_file(path: str, file: dict[str, Any]) -> dict[str, Any]:
    return {"type": "file", "path": path} | file


@route("POST", BUCKET)
def create_bucket(call: Call, name: str) -> Reply:
    call.need_namespace(name.split("/")[0], "create a bucket")
    address = f"{call.url}/buckets/{name}"
    if name in call.hub.buckets:
        return Reply({"error": "exists", "url": address}, 409)
    private = call.json().get("visibility") == "private" or bool(call.json().get("private"))
    call.hub.buckets[name] = {"files": {}, "created": now(), "private": private}
    return Reply({"url": address})


@route("GET", BUCKET)
def bucket_info(call: Call, name: str) -> Reply:
    found = bucket(call, name)
    size = sum(file["size"] for file in found["files"].values())
    about = {"id": name, "private": found["private"], "createdAt": found["created"]}
    return Reply(about | {"size": size, "totalFiles": len(found["files"])})


@route("DELETE", BUCKET)
def delete_bucket(call: Call, name: str) -> Reply:
    call.need_namespace(name.split("/")[0], "delete")
    call.hub.buckets.pop(name, None)
    return Reply()


@route("GET", f"{BUCKET}/tree(?:/(.*))?")
def bucket_tree(call: Call, name: str, base: str | None) -> Reply:
    base = (base or "").strip("/")
    files = sorted(bucket(call, name)["files"].items())
    return Reply([about_bucket_file(p, f) for p, f in files if not base or p == base or p.startswith(f"{base}/")])


@route("POST", f"{BUCKET}/paths-info")
def bucket_paths(call: Call, name: str) -> Reply:
    files = bucket(call, name)["files"]
    return Reply([about_bucket_file(path, files[path]) for path in call.json().get("paths", []) if path in files])


@route("POST", f"{BUCKET}/batch")
def bucket_batch(call: Call, name: str) -> Reply:
    call.need_namespace(name.split("/")[0], "write")
    files, known = bucket(call, name)["files"], call.hub.blobs.shards()
    lines = [json.loads(line) for line in call.body.splitlines() if line.strip()]
    for line in lines:
        if line["type"] == "deleteFile":
            files.pop(line["path"], None)
            continue
        changed = datetime.fromtimestamp(line.get("mtime", 0) / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        size = known.get(line["xetHash"], (0, ""))[0]
        files[line["path"]] = {"xetHash": line["xetHash"], "mtime": changed, "size": size, "uploadedAt": now()}
    return Reply({"success": True, "processed": len(lines), "succeeded": len(lines), "failed": []})


@route("GET", r"/buckets/([^/]+/[^/]+)/resolve/(.+)")
def bucket_download(call: Call, name: str, path: str) -> Reply:
    file = bucket(call, name)["files"].get(path)
    if file is None:
        raise Refused(404, "Entry not found", "EntryNotFound")
    headers = {
        "X-Xet-Hash": file["xetHash"],
        "X-Xet-Refresh-Route": f"{call.url}/api/buckets/{name}/xet-read-token",
        "X-Linked-Size": str(file["size"]),
        "ETag": f'"{file["xetHash"]}"',
    }
    return Reply(b"", headers=headers)
