"""The process's one Suite."""

from pathlib import Path

from shared.env import Environment
from shared.suite import Suite, suite, using


def test_a_suite_is_used_inside_its_block_alone(workspace: Path, monkeypatch: object) -> None:
    monkeypatch.setenv("PLAYGROUND_HOME", str(workspace / "outer"))
    outer = suite()
    inner = Suite(Environment(home=workspace / "inner"))
    with using(inner):
        assert suite() is inner
        inner.store.append("votes", {"x": 1})
    assert suite() is outer
    again = Suite(Environment(home=workspace / "inner"))
    assert again.store.count("votes") == 1
    again.close()
    again.close()  # closing twice does nothing more


def test_what_is_not_used_is_not_opened(workspace: Path) -> None:
    made = Suite(Environment(home=workspace / "never"))
    made.close()
    assert not (workspace / "never").exists()


def test_start_brings_in_what_other_replicas_wrote(workspace: Path) -> None:
    remote = f"folder:{workspace / 'remote'}"
    first = Suite(Environment(home=workspace / "one", remote=remote))
    first.start()
    first.store.append("votes", {"x": 1}, key="battle")
    first.close()
    second = Suite(Environment(home=workspace / "two", remote=remote))
    second.start()
    assert [row.body for row in second.store.rows("votes")] == [{"x": 1}]
    assert second.catalog.models()
    assert second.jobs is second.jobs
    second.close()


def test_two_servers_cannot_share_a_workspace(workspace: Path) -> None:
    import subprocess
    import sys

    from tests.server import ROOT

    first = Suite(Environment(home=workspace / "home"))
    first.start()
    code = f"from pathlib import Path; from shared.env import Environment; from shared.suite import Suite; Suite(Environment(home=Path({str(workspace / 'home')!r}))).start()"
    other = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert other.returncode == 1
    assert "PlaygroundError" in other.stderr
    first.close()
