"""The process in which a model's program runs: it gives up what it may do, then executes `program.py` of its folder.

Started by `running_code.run` alone, as `python -I -B confined.py LIMITS` in a folder of its own; standard library only. From the
outside in: a supervisor that outlives the program and kills all it left behind; on Linux, where the system allows it, namespaces of
its own for network, processes and memory objects, another user than root, and Landlock, which lets it read Python's own files
alone and write in its folder alone; everywhere, limits on processor time, memory, file size and processes, and an audit hook
that refuses other processes, sockets and foreign files in words. The hook alone stops accidents; the rest stops intent.
"""

import ctypes
import json
import os
import resource
import signal
import struct
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import FrameType
from typing import Any

NOBODY = 65534
NEW_USER, NEW_IPC, NEW_PROCESSES, NEW_NETWORK = 0x10000000, 0x08000000, 0x20000000, 0x40000000
DIE_WITH_PARENT, KEEP_CAPABILITIES, NO_NEW_PRIVILEGES, ADOPT_ORPHANS = 1, 8, 38, 36  # prctl
CAPABILITY_FORM, READ_ALL = 0x20080522, 1 << 2  # capset: version 3, CAP_DAC_READ_SEARCH
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # Landlock's system calls, the same on every processor
EXECUTE, READ_FILE, READ_DIRECTORY, TRUNCATE, DEVICES = 1, 4, 8, 1 << 14, 1 << 15
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
NEVER = (
    "os.fork",
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "os.system",
    "subprocess.",
    "pty.",
    "socket.",
    "ctypes.",
    "os.kill",
)
CHANGES = (
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.mkdir",
    "os.chmod",
    "os.chown",
    "os.link",
    "os.symlink",
    "os.truncate",
)


def refusal(event: str, arguments: tuple[Any, ...], folder: str) -> str:
    """Why an audited event is refused; "" when it is not.

    Args:
        event: As Python's audit table names it.
        arguments: What it was raised with.
        folder: The program's own folder, with all links resolved.
    """
    if event.startswith(NEVER):
        return f"{event} is not available to this program"
    paths: Iterable[Any] = ()
    if event == "open":
        path, mode, flags = arguments
        writes = (flags or 0) & WRITING if mode is None else set(mode) & set("wax+")
        paths = (path,) if writes else ()
    elif event.startswith(CHANGES):
        paths = [each for each in arguments if isinstance(each, str | bytes | os.PathLike)]
    for path in paths:
        if not isinstance(path, int) and not _inside(os.path.realpath(os.fsdecode(path)), folder):
            return f"{event}: {os.fsdecode(path)} is outside this program's folder"
    return ""


def _inside(path: str, folder: str) -> bool:
    return path == "/dev/null" or path == folder or path.startswith(folder + os.sep)


def children(process: int) -> list[int]:
    """All processes below one, as /proc tells; empty where there is no /proc."""
    found: list[int] = []
    for tasks in Path("/proc").glob(f"{process}/task/*/children"):
        try:
            for child in map(int, tasks.read_text().split()):
                found += [child, *children(child)]
        except OSError:  # it ended while it was looked at
            continue
    return found


def rights(version: int) -> tuple[int, bytes]:
    """What Landlock of this version handles: every way to touch files, and the ruleset's attributes: files, network, scope.

    Args:
        version: As the kernel says, at least 1.
    """
    files = (1 << 13) - 1
    for since, right in ((2, 1 << 13), (3, TRUNCATE), (5, DEVICES)):
        files |= right if version >= since else 0
    attributes = [files] + ([3] if version >= 4 else []) + ([3] if version >= 6 else [])
    return files, struct.pack(f"{len(attributes)}Q", *attributes)


def readable() -> list[str]:
    """Folders that a Python program must be able to read: the interpreter, its library, the system's libraries."""
    known = {
        sys.prefix,
        sys.base_prefix,
        sys.exec_prefix,
        str(Path(os.__file__).parent),
        "/usr",
        "/lib",
        "/lib64",
        "/bin",
        "/dev",
    }
    return sorted(path for path in known if Path(path).is_dir())


# What follows happens to the process that runs it, for good: tests start it as a process and look at what it may do.
def _namespaces(system: Any) -> None:  # pragma: no cover
    """No network and no other process in sight, where the kernel allows it."""
    wanted = NEW_NETWORK | NEW_PROCESSES | NEW_IPC
    if os.geteuid() and system.unshare(wanted | NEW_USER) == 0:
        return
    if os.geteuid() or system.unshare(wanted):
        system.unshare(NEW_USER | NEW_NETWORK)


def _landlock(system: Any, folder: str) -> None:  # pragma: no cover
    """Read Python's files alone, write in the folder alone, no TCP, no signals out; for all that this process starts."""
    version = system.syscall(CREATE_RULESET, None, 0, 1)
    if version < 1:
        return
    files, attributes = rights(version)
    ruleset = system.syscall(CREATE_RULESET, attributes, len(attributes), 0)
    for path, allowed in [(folder, files), *((each, EXECUTE | READ_FILE | READ_DIRECTORY) for each in readable())]:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        system.syscall(ADD_RULE, ruleset, 1, struct.pack("=Qi", allowed, place), 0)
        os.close(place)
    system.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    system.syscall(RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)


def _drop_root(system: Any, folder: str) -> None:  # pragma: no cover
    """Become nobody when root: limits on processes do not bind root.

    Python may be installed where nobody cannot read, so the right to read past permissions is kept; Landlock narrows that.
    """
    if os.geteuid():
        return
    for path in (Path(folder), *Path(folder).iterdir()):
        os.chown(path, NOBODY, NOBODY)
    if system is not None:
        system.prctl(KEEP_CAPABILITIES, 1, 0, 0, 0)
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    if system is not None:
        system.capset(struct.pack("=Ii", CAPABILITY_FORM, 0), struct.pack("=6I", READ_ALL, READ_ALL, 0, 0, 0, 0))


def _limit(limits: dict[str, int]) -> None:  # pragma: no cover
    for name in ("CPU", "AS", "FSIZE", "NPROC", "NOFILE", "CORE"):
        most = limits[name]
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (most, most + 1 if name == "CPU" else most))


def _hook(folder: str) -> Callable[[str, tuple[Any, ...]], None]:  # pragma: no cover
    busy: list[bool] = []

    def look(event: str, arguments: tuple[Any, ...]) -> None:
        if busy:
            return
        busy.append(True)  # realpath is audited too
        try:
            why = refusal(event, arguments, folder)
        finally:
            busy.pop()
        if why:
            raise PermissionError(why)

    return look


def _supervise(child: int, seconds: int) -> int:  # pragma: no cover
    """Wait for the program, then end all that it left; exit status, or 128 + signal."""

    def end(number: int, frame: FrameType | None) -> None:
        os.kill(child, signal.SIGKILL)

    signal.signal(signal.SIGALRM, end)
    signal.signal(signal.SIGTERM, end)
    signal.alarm(seconds)
    _, status = os.waitpid(child, 0)
    left = children(os.getpid())
    while left:
        for each in left:
            os.kill(each, signal.SIGKILL)
        os.waitpid(-1, 0)
        left = children(os.getpid())
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def main(arguments: list[str]) -> int:  # pragma: no cover
    """Confine this process and run the program; the word on standard input goes to the file descriptor when it ran to its end.

    Args:
        arguments: JSON: CPU, AS, FSIZE, NPROC, NOFILE, CORE as in `setrlimit`, `seconds` of wall-clock time, `channel`.
    """
    limits, folder = json.loads(arguments[0]), os.path.realpath(".")
    word = sys.stdin.buffer.readline()
    source = Path("program.py").read_text("utf-8")
    linux = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
    if linux is not None:
        linux.prctl(DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0)
        linux.prctl(ADOPT_ORPHANS, 1, 0, 0, 0)
        _namespaces(linux)
    child = os.fork()
    if child:
        os.close(limits["channel"])
        return _supervise(child, limits["seconds"])
    _drop_root(linux, folder)
    if linux is not None:
        linux.prctl(DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0)
        _landlock(linux, folder)
    _limit(limits)
    sys.addaudithook(_hook(folder))
    exec(compile(source, "program.py", "exec"), {"__name__": "__main__"})
    sys.stdout.flush()
    os.write(limits["channel"], word)
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
