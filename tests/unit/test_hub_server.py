"""The offline Hub answers real client libraries as the real one does."""

import json
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.hub_scenarios import CORE, SLOW, XET
from tests.hub_server import Hub

pytestmark = pytest.mark.hub
ROOT = Path(__file__).resolve().parents[2]


def run(names: list[str], home: Path, *options: str) -> dict[str, str]:
    """The named scenarios in a process of their own: name -> traceback, empty when it went well."""
    with Hub(home / "hub") as hub:
        variables = {"PATH": "/usr/bin:/bin", "HOME": str(home)} | hub.environment(home / "hf")
        asked = [sys.executable, "-m", "tests.hub_scenarios", *options, *names]
        done = subprocess.run(asked, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=120, check=False)
    assert [each.path for each in hub.requests if each.code == "NoRoute"] == []
    assert done.returncode == 0, done.stderr
    return {each["name"]: each["error"] for each in map(json.loads, done.stdout.splitlines())}


@pytest.fixture(scope="module")
def core(tmp_path_factory):
    return run(CORE, tmp_path_factory.mktemp("core"))


@pytest.fixture(scope="module")
def xet(tmp_path_factory):
    return run(XET, tmp_path_factory.mktemp("xet"), "--xet")


@pytest.fixture(scope="module")
def slow(tmp_path_factory):
    return run(SLOW, tmp_path_factory.mktemp("slow"))


@pytest.mark.parametrize("name", CORE)
def test_huggingface_hub(core, name):
    assert core[name] == ""


@pytest.mark.slow
@pytest.mark.parametrize("name", XET)
def test_through_xet(xet, name):
    assert xet[name] == ""


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW)
def test_heavy_libraries(slow, name):
    assert slow[name] == ""


@pytest.fixture
def hub(tmp_path):
    with Hub(tmp_path) as served:
        served.add("datasets", "tester/set", {"README.md": "---\nlicense: mit\n---\n", "a.txt": "0123456789"})
        yield served


def fetch(address: str, **headers: str) -> tuple[int, bytes, dict[str, str]]:
    try:
        with urllib.request.urlopen(urllib.request.Request(address, headers=headers)) as reply:
            return reply.status, reply.read(), dict(reply.headers)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(), dict(error.headers)


def test_ranges(hub):
    file = f"{hub.url}/datasets/tester/set/resolve/main/a.txt"
    assert fetch(file)[:2] == (200, b"0123456789")
    assert fetch(file, Range="bytes=2-4")[:2] == (206, b"234")
    assert fetch(file, Range="bytes=7-")[:2] == (206, b"789")
    assert fetch(file, Range="bytes=-2")[:2] == (206, b"89")
    assert fetch(file, Range="bytes=10-")[0] == 416


def test_answer_carries_the_card_and_the_commit(hub):
    about = json.loads(fetch(f"{hub.url}/api/datasets/tester/set")[1])
    assert about["cardData"] == {"license": "mit"}
    assert about["sha"] == hub.repos["datasets", "tester/set"].find("main").oid
    assert [each["rfilename"] for each in about["siblings"]] == ["README.md", "a.txt"]


def test_second_add_is_a_commit_on_top(hub):
    first = hub.repos["datasets", "tester/set"].find("main")
    repo = hub.add("datasets", "tester/set", {"b.txt": b"new"})
    assert sorted(repo.find("main").files) == ["README.md", "a.txt", "b.txt"]
    assert repo.find(first.oid) is first


@pytest.mark.parametrize(("token", "status", "words"), [("", 401, "log in"), ("hf_visitor", 403, "not in the")])
def test_gate(hub, token, status, words):
    hub.repos["datasets", "tester/set"].gated = "manual"
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    file = f"{hub.url}/datasets/tester/set/resolve/main/a.txt"
    answered, body, sent = fetch(file, **headers)
    assert (answered, sent["X-Error-Code"]) == (status, "GatedRepo")
    assert words in body.decode()
    hub.repos["datasets", "tester/set"].granted.add("visitor")
    assert fetch(file, **headers)[0] == (200 if token else 401)


def test_status_fault_strikes_once(hub):
    hub.fault("GET", "/api/datasets", 429, headers={"Retry-After": "7"})
    status, _, headers = fetch(f"{hub.url}/api/datasets/tester/set")
    assert (status, headers["Retry-After"]) == (429, "7")
    assert fetch(f"{hub.url}/api/datasets/tester/set")[0] == 200
    assert [each.status for each in hub.requests] == [429, 200]


def test_cut_connection_ends_in_the_middle(hub):
    hub.fault("GET", "/resolve/", cut=4)
    address = hub.url.removeprefix("http://").split(":")
    with socket.create_connection((address[0], int(address[1]))) as wire:
        wire.sendall(b"GET /datasets/tester/set/resolve/main/a.txt HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = b"".join(iter(lambda: wire.recv(1000), b""))
    assert b"Content-Length: 10\r\n" in answer
    assert answer.endswith(b"\r\n\r\n0123")


def test_slow_fault_waits(hub):
    hub.fault("*", "a.txt", slow=0.05)
    assert fetch(f"{hub.url}/datasets/tester/set/resolve/main/a.txt")[0] == 200
    assert hub.faults[0].times == 0


def test_unknown_route_and_wrong_token(hub):
    assert fetch(f"{hub.url}/nowhere")[0] == 404
    assert fetch(f"{hub.url}/api/datasets/tester/set", Authorization="Bearer hf_wrong")[0] == 401
    assert hub.requests[-1].token == "hf_wrong"


def test_command_line_prints_the_address():
    asked = [sys.executable, "-m", "tests.hub_server"]
    with subprocess.Popen(asked, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            address = process.stdout.readline().strip()
            assert fetch(f"{address}/api/datasets")[:2] == (200, b"[]")
        finally:
            process.terminate()
