import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from shared.metrics.confined import children, readable, refusal, rights

HERE = "/some/folder"


@pytest.mark.parametrize(
    ("event", "arguments"),
    [
        ("os.fork", ()),
        ("os.forkpty", ()),
        ("os.exec", ("/bin/sh", [], None)),
        ("os.posix_spawn", ("/bin/sh", [], None)),
        ("os.system", (b"true",)),
        ("subprocess.Popen", ("sh", [], None, None)),
        ("socket.__new__", (None, 2, 1, 0)),
        ("ctypes.dlopen", (None,)),
        ("os.killpg", (1, 9)),
    ],
)
def test_never(event: str, arguments: tuple) -> None:
    assert refusal(event, arguments, HERE) == f"{event} is not available to this program"


@pytest.mark.parametrize(
    ("arguments", "fine"),
    [
        (("/etc/hosts", "r", 0), True),
        (("/etc/hosts", "rb", 0), True),
        (("/etc/hosts", "w", 0), False),
        (("/etc/hosts", "r+", 0), False),
        (("/etc/hosts", None, os.O_RDONLY), True),
        (("/etc/hosts", None, os.O_WRONLY), False),
        ((b"/etc/hosts", "a", 0), False),
        (("/some/folder/a", "w", 0), True),
        (("/some/folder/../a", "w", 0), False),
        (("/some/folders", "x", 0), False),
        (("/dev/null", "w", 0), True),
        ((3, "w", 0), True),  # a descriptor that is open already
    ],
)
def test_opening(arguments: tuple, fine: bool) -> None:
    assert (refusal("open", arguments, HERE) == "") is fine


def test_links_are_followed(workspace: Path) -> None:
    inside = workspace / "inside"
    inside.mkdir()
    (inside / "way").symlink_to(workspace)
    assert "outside" in refusal("open", (str(inside / "way" / "a"), "w", 0), str(inside))
    assert refusal("open", (str(inside / "a"), "w", 0), str(inside)) == ""


def test_changes_outside() -> None:
    assert "outside" in refusal("os.remove", ("/etc/hosts", -1), HERE)
    assert "outside" in refusal("os.rename", ("/some/folder/a", Path("/etc/a"), -1, -1), HERE)
    assert refusal("os.rename", ("/some/folder/a", "/some/folder/b", -1, -1), HERE) == ""
    assert refusal("import", ("os", None), HERE) == ""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux")
def test_children() -> None:
    script = "import subprocess, sys\np = subprocess.Popen([sys.executable, '-c', 'input()'], stdin=subprocess.PIPE)\nprint(p.pid, flush=True)\ninput()\np.communicate()"
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        grandchild = int(process.stdout.readline())
        assert {process.pid, grandchild} <= set(children(os.getpid()))
        assert children(process.pid) == [grandchild]
        process.communicate("\n")
    assert process.pid not in children(os.getpid())


def test_rights_grow_with_the_kernel() -> None:
    one, attributes = rights(1)
    assert (one, attributes) == (0x1FFF, struct.pack("Q", 0x1FFF))
    assert rights(2)[0] == 0x3FFF
    assert rights(3)[0] == 0x7FFF
    assert len(rights(4)[1]) == 16
    assert rights(5)[0] == 0xFFFF
    assert struct.unpack("3Q", rights(7)[1]) == (0xFFFF, 3, 3)


def test_python_itself_is_readable_and_no_home() -> None:
    found = readable()
    assert str(Path(os.__file__).parent) in found
    assert sys.prefix in found
    assert "/" not in found
    assert str(Path.home()) not in found
