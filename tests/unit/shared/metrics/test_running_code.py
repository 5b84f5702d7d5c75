import os
import sys
from pathlib import Path

import psutil
import pytest

from shared import env
from shared.env import Environment
from shared.errors import NotAllowed, PlaygroundError
from shared.metrics import running_code
from shared.metrics.running_code import Limits, pass_at_k, run

ALLOWED = Environment(home=Path("/nowhere"), run_code=True)
OURS = 4 + os.getpid() % 5000  # a limit that no other process has, by which ours are known
LIMITS = Limits(seconds=2, memory_mib=512, file_mib=OURS)
linux = pytest.mark.skipif(sys.platform != "linux", reason="namespaces and Landlock are Linux")


def ran(source: str, limits: Limits = LIMITS) -> running_code.Ran:
    return run(source, ALLOWED, limits)


def left() -> list[str]:
    """Command lines of this file's confined processes that are still there."""
    mark = f'"FSIZE": {OURS * 1024 * 1024},'
    return [line for each in psutil.process_iter() if mark in (line := " ".join(_command(each)))]


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def test_a_program_whose_tests_pass() -> None:
    found = ran("def add(a, b):\n    return a + b\n\nassert add(2, 3) == 5\nprint('你好')")
    assert (found.outcome, found.output, found.why) == ("passed", "你好\n", "")
    assert 0 < found.seconds < 20


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("assert 1 + 1 == 3, 'sums'", "AssertionError: sums"),
        ("def f(:", "SyntaxError"),
        ("import no_such_module", "No module named 'no_such_module'"),
        ("input()", "EOFError"),
        ("import shared", "No module named 'shared'"),
    ],
)
def test_a_program_that_fails_says_why(source: str, why: str) -> None:
    found = ran(source)
    assert found.outcome == "failed"
    assert why in found.why


@pytest.mark.parametrize("source", ["import sys\nsys.exit(0)", "import os\nos._exit(0)", "raise SystemExit", "quit(0)"])
def test_leaving_before_the_tests_is_no_pass(source: str) -> None:
    assert ran(source + "\nassert False").outcome == "failed"


@pytest.mark.parametrize(
    "source",
    [
        "while True: pass",
        pytest.param("import time\ntime.sleep(1000)", marks=pytest.mark.slow),
        pytest.param("[10 ** 10 ** 9]", marks=pytest.mark.slow),
    ],
)
def test_an_endless_program_is_ended(source: str) -> None:
    found = ran(source, Limits(seconds=1, file_mib=OURS))
    assert found.outcome == "time"
    assert found.seconds < 10
    assert left() == []


@pytest.mark.slow
def test_a_program_that_ignores_signals_is_ended_too() -> None:
    source = "import signal, time\nfor n in (1, 2, 10, 12, 14, 15):\n    signal.signal(n, signal.SIG_IGN)\nwhile True: time.sleep(1)"
    assert ran(source, Limits(seconds=1, file_mib=OURS)).outcome == "time"
    assert left() == []


@pytest.mark.parametrize(
    "source",
    [
        "x = bytearray(10 ** 10)",
        pytest.param("x = []\nwhile True: x.append(bytearray(10 ** 7))", marks=pytest.mark.slow),
    ],
)
def test_a_memory_hog_is_refused_its_memory(source: str) -> None:
    found = ran(source, Limits(seconds=8, memory_mib=256))
    assert (found.outcome, found.why) == ("memory", "MemoryError")


def test_huge_output_ends_the_program() -> None:
    found = ran("while True: print('x' * 1000)", Limits(seconds=8, output_kib=16, file_mib=OURS))
    assert (found.outcome, len(found.output)) == ("output", 16 * 1024)
    assert left() == []


def test_a_file_that_grows_is_stopped() -> None:
    found = ran("with open('a', 'w') as f:\n    while True: f.write('x' * 10 ** 5)", Limits(seconds=8, file_mib=1))
    assert "File too large" in found.why


def test_files_inside_the_folder_are_fine_and_gone_afterwards() -> None:
    found = ran(
        "import os\nopen('a.txt', 'w').write('x')\nos.rename('a.txt', 'b.txt')\nassert open('b.txt').read() == 'x'\nprint(os.getcwd())"
    )
    assert found.outcome == "passed"
    assert not Path(found.output.strip()).exists()


@pytest.mark.parametrize(
    "source",
    [
        "open({path!r}, 'w').write('x')",
        "import os\nos.open({path!r}, os.O_CREAT | os.O_WRONLY)",
        "import os\nos.mkdir({path!r})",
        "import os\nos.symlink({folder!r}, 'way')\nopen('way/evil', 'w')",
        "import shutil\nshutil.copy('program.py', {path!r})",
    ],
)
def test_nothing_is_written_outside(workspace: Path, source: str) -> None:
    workspace.chmod(0o777)
    found = ran(source.format(path=str(workspace / "evil"), folder=str(workspace)))
    assert found.outcome == "failed"
    assert list(workspace.iterdir()) == []


def test_nothing_outside_is_removed(workspace: Path) -> None:
    workspace.chmod(0o777)
    (workspace / "kept").write_text("x")
    ran(f"import os\nos.remove({str(workspace / 'kept')!r})")
    ran(f"import shutil\nshutil.rmtree({str(workspace)!r})")
    assert (workspace / "kept").read_text() == "x"


FORKS = "import os\nwhile True:\n    os.fork()"


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (FORKS, "os.fork is not available"),
        ("import subprocess\nsubprocess.run(['true'])", "subprocess.Popen is not available"),
        ("import os\nos.system('true')", "os.system is not available"),
        ("import socket\nsocket.create_connection(('127.0.0.1', 80))", "socket"),
        ("import urllib.request\nurllib.request.urlopen('http://127.0.0.1/')", "socket"),
        ("import os\nos.kill(os.getppid(), 9)", "os.kill is not available"),
        ("import ctypes\nctypes.CDLL(None)", "ctypes"),
    ],
)
def test_other_ways_out_are_refused_in_words(source: str, why: str) -> None:
    found = ran(source)
    assert found.outcome == "failed"
    assert why in found.output


@pytest.fixture
def without_hook(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same confinement less the audit hook, which a program with ill intent gets around: the kernel's part must hold alone."""
    text = running_code.CONFINED.read_text("utf-8")
    assert "    sys.addaudithook(_hook(folder))\n" in text
    other = workspace / "confined_less.py"
    other.write_text(text.replace("    sys.addaudithook(_hook(folder))\n", ""), "utf-8")
    monkeypatch.setattr(running_code, "CONFINED", other)


@pytest.mark.slow
def test_what_is_left_would_be_seen() -> None:
    from threading import Timer

    seen: list[list[str]] = []
    timer = Timer(0.5, lambda: seen.append(left()))
    timer.start()
    ran("import time\ntime.sleep(1)")
    timer.join()
    assert len(seen[0]) >= 2, "the supervisor and the program"


@linux
@pytest.mark.usefixtures("without_hook")
def test_the_kernel_alone_stops_a_fork_bomb() -> None:
    found = ran(FORKS, Limits(seconds=2, processes=8, file_mib=OURS))
    assert found.outcome in {"failed", "time"}
    assert left() == []


@linux
@pytest.mark.usefixtures("without_hook")
def test_the_kernel_alone_ends_what_a_program_leaves_behind() -> None:
    ran("import os, time\nfor n in range(3):\n    if os.fork() == 0:\n        os.setsid()\n        time.sleep(1000)")
    assert left() == []


@linux
@pytest.mark.usefixtures("without_hook")
def test_the_kernel_alone_keeps_files_and_network(workspace: Path) -> None:
    import ctypes

    if ctypes.CDLL(None).syscall(444, None, 0, 1) < 1:
        pytest.skip("this kernel has no Landlock")
    workspace.chmod(0o777)
    (workspace / "secret").write_text("s3cret")
    for source in (
        f"open({str(workspace / 'evil')!r}, 'w')",
        f"import subprocess\nsubprocess.run('echo x > {workspace}/evil', shell=True, check=True)",
        f"print(open({str(workspace / 'secret')!r}).read())",
        "import socket\nsocket.create_connection(('127.0.0.1', 9), timeout=1)",
        "import os\nos.kill(os.getppid(), 9)\nos.listdir('/proc')\nassert False",
    ):
        found = ran(source)
        assert found.outcome == "failed", source
        assert "s3cret" not in found.output
    assert not (workspace / "evil").exists()


def test_no_variable_of_ours_reaches_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "secret-value")
    found = ran("import os\nprint(sorted(os.environ))")
    assert found.outcome == "passed"
    assert "HF_TOKEN" not in found.output


def test_several_at_once() -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda n: ran(f"print({n})", Limits(seconds=10)), range(6)))
    assert [each.output for each in found] == [f"{n}\n" for n in range(6)]


@pytest.mark.slow
def test_a_program_that_closes_its_output_may_go_on() -> None:
    assert ran("import os, time\nos.close(1)\nos.close(2)\ntime.sleep(0.6)").outcome == "passed"
    silent = ran("import os, time\nos.close(1)\nos.close(2)\ntime.sleep(100)", Limits(seconds=1, file_mib=OURS))
    assert silent.outcome == "time"
    assert left() == []


@linux
def test_a_supervisor_that_does_not_answer_is_killed_with_its_group(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deaf = workspace / "confined_deaf.py"
    deaf.write_text("import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(1000)\n")
    monkeypatch.setattr(running_code, "CONFINED", deaf)
    monkeypatch.setattr(running_code, "GRACE", 0.3)
    assert ran("pass", Limits(seconds=0, file_mib=OURS)).outcome == "time"
    assert left() == []


def test_the_variable_is_1_or_nothing() -> None:
    assert env.read({"PLAYGROUND_RUN_CODE": "1"}).run_code
    for text in ("", "0", "no"):
        assert not env.read({"PLAYGROUND_RUN_CODE": text}).run_code
    assert not env.read({}).run_code


def test_never_unless_asked_for_and_never_on_a_space(workspace: Path) -> None:
    with pytest.raises(NotAllowed, match="PLAYGROUND_RUN_CODE=1"):
        run("pass", Environment(home=workspace))
    with pytest.raises(NotAllowed, match="never run on a Space"):
        run("pass", Environment(home=workspace, run_code=True, space="somebody/space"))


def test_not_where_processes_cannot_be_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running_code.os, "name", "nt")
    with pytest.raises(NotAllowed, match="Linux and macOS"):
        running_code.check(ALLOWED)


def test_half_a_character_is_refused() -> None:
    with pytest.raises(PlaygroundError, match="half a character at place 5"):
        ran("x = '\ud83d'")


@linux
def test_no_descriptor_is_left_open() -> None:
    before = psutil.Process().num_fds()
    for _ in range(3):
        ran("pass")
    assert psutil.Process().num_fds() == before


def test_pass_at_k_is_the_paper_s() -> None:
    # Worked: of 5 answers 2 are right; both of 2 drawn are wrong in 3 of 10 pairs.
    assert pass_at_k(5, 2, 2) == pytest.approx(0.7)
    assert pass_at_k(1, 1, 1) == 1.0
    assert pass_at_k(4, 0, 3) == 0.0
    assert pass_at_k(4, 3, 2) == 1.0
    # Independent: the paper's numerically stable product, 1 - prod(1 - k / i).
    import numpy as np

    for n, right, k in ((20, 3, 5), (10, 9, 1), (7, 2, 6)):
        wanted = 1.0 if n - right < k else 1.0 - np.prod(1.0 - k / np.arange(n - right + 1, n + 1))
        assert pass_at_k(n, right, k) == pytest.approx(wanted, abs=1e-12)
    for k in (0, 6):
        with pytest.raises(PlaygroundError, match="pass@"):
            pass_at_k(5, 2, k)
