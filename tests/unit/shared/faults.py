"""Real faults for tests: a disk that takes no more, a folder that refuses."""

import ctypes
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def full_disk(most: int) -> Iterator[None]:
    """Inside the block no file of this process may grow beyond so many bytes: writes fail with an OSError."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def watched_syncs() -> Iterator[list[str]]:
    """The paths that were made durable inside the block, in order."""
    real, seen = os.fsync, []

    def sync(handle: int) -> None:
        seen.append(str(Path(f"/proc/self/fd/{handle}").readlink()))
        real(handle)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", sync)
        yield seen


class _Header(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


class _Sets(ctypes.Structure):
    _fields_ = [("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32)]


@contextmanager
def refusing(folder: Path) -> Iterator[None]:
    """Inside the block the folder is read-only, for this thread and the threads that it starts, also for root."""
    libc = ctypes.CDLL(None, use_errno=True)
    header, sets = _Header(0x20080522, 0), (_Sets * 2)()
    if libc.capget(ctypes.byref(header), sets):
        pytest.skip("this system does not tell what a process may do")
    before = sets[0].effective
    mode = folder.stat().st_mode
    folder.chmod(0o555)
    sets[0].effective = before & ~0b110  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH: root looks at permissions, too
    libc.capset(ctypes.byref(header), sets)
    try:
        assert not os.access(folder, os.W_OK, effective_ids=True)
        yield
    finally:
        sets[0].effective = before
        libc.capset(ctypes.byref(header), sets)
        folder.chmod(mode)
