"""The scripts explain themselves before anything is built, from any working directory."""

import subprocess

import pytest

from server import ROOT


def run(script, *arguments, cwd, **more):
    command = [ROOT / "scripts" / script, *arguments]
    return subprocess.run(command, cwd=cwd, text=True, capture_output=True, timeout=60, **more)


SCRIPTS = ["dev", "test", "simulate", "check-structure", "check-docs"]
DEPLOYING = ["package", "deploy", "e2e", "check-infra", "release", "new-agent", "bench"]


@pytest.mark.parametrize("script", [*SCRIPTS, *DEPLOYING])
def test_help_needs_nothing(script, tmp_path):
    # No cargo, no npm, no network: what a shell and an interpreter need is in these folders.
    done = run(script, "--help", cwd=tmp_path, env={"PATH": "/usr/local/bin:/usr/bin:/bin"})
    assert done.returncode == 0, done.stderr
    assert f"scripts/{script}" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_unknown_arguments_are_refused(tmp_path):
    scripts = ["test", "check-structure", "check-docs", "bench"]
    for script in [*scripts, "package", "deploy", "e2e", "release", "new-agent"]:
        done = run(script, "--unknown", cwd=tmp_path)
        assert done.returncode == 2
        assert f"scripts/{script}" in done.stderr


def test_dev_prints_the_help_of_the_program(server, tmp_path):
    # The running server has been built: its own text is the one that `scripts/dev` shows.
    program = f"/proc/{server.process.pid}/exe"
    own = subprocess.run([program, "--help"], text=True, capture_output=True, timeout=60)
    assert run("dev", "--help", cwd=tmp_path).stdout == own.stdout


def test_under_load_each_task_ends_and_is_listed_once(server, tmp_path):
    # The server fixture has built what this runs.
    done = run("bench", "latency", "--rate", "10", "--seconds", "2", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "each task is listed once" in done.stdout
