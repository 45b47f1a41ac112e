"""The agent of examples/python-agent in one function with a2a-lambda, as it is deployed to Lambda: in a
zip on a managed runtime of Python, whose place the bootstrap takes as its exec wrapper, and in an image."""

import importlib.util
import os
import shlex
import subprocess
import tempfile
import zipfile
from contextlib import contextmanager
from importlib.machinery import SourceFileLoader
from pathlib import Path

import pytest
from a2a.client import ClientConfig, create_client

from calls import is_completed, message, send_for_task
from server import ROOT, Server
from vendors import PYTHON, commands

AGENT = ROOT / "examples/python-agent"
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
FUNCTIONS = ["request", "sqs-executor", "stream-recovery", "scheduled-recovery"]
# Lambda calls a wrapper with the command of the runtime that it stands before.
MANAGED_RUNTIME = ["/var/lang/bin/python3.13", "/var/runtime/bootstrap.py"]


@pytest.fixture(scope="module")
def built() -> Path:
    """The folder of the functions' executables."""
    subprocess.run(
        ["cargo", "build", "--workspace", "--bins", "--examples"], cwd=ROOT, check=True
    )
    return TARGET / "debug"


def unpacked_zip(folder: Path, bootstrap: bytes) -> None:
    """What Lambda has of the zip that scripts/package makes."""
    loader = SourceFileLoader("package", str(ROOT / "scripts/package"))
    package = importlib.util.module_from_spec(importlib.util.spec_from_loader("package", loader))
    loader.exec_module(package)
    path = folder.with_suffix(".zip")
    package.zipped(bootstrap, path, AGENT)
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            extracted = Path(archive.extract(entry, folder))
            extracted.chmod(entry.external_attr >> 16)


@contextmanager
def deployed(built: Path, start: list[str]):
    """The local cloud, whose function sqs-executor is this command in the folder of its zip."""
    # Its programs stay on one file system, so that links take no room.
    with tempfile.TemporaryDirectory(dir=TARGET) as folder:
        task, programs = Path(folder, "task"), Path(folder, "programs")
        programs.mkdir()
        for name in ("a2a-lambda-local", *FUNCTIONS):
            os.link(built / name, programs / name)
        executor = programs / "sqs-executor"
        # In place of 40 MB that would be compressed and inflated again.
        unpacked_zip(task, f'#!/bin/sh\nexec {built / executor.name} "$@"\n'.encode())
        executor.unlink()
        executor.write_text(f"#!/bin/sh\ncd {task} && exec {shlex.join(start)}\n")
        executor.chmod(0o755)
        options = ["--memory", "--port", "0", "--processes"]
        agent = ["--agent", "process", "--", "python3", "agent.py"]
        command = [programs / "a2a-lambda-local"]
        with Server(*options, *agent, command=command, PAUSE_SECONDS="0") as server:
            server.task = task
            yield server


@pytest.mark.anyio
@pytest.mark.parametrize(
    "start",
    [["./bootstrap", *MANAGED_RUNTIME], ["./bootstrap"]],
    ids=["exec wrapper", "entry point"],
)
async def test_it_serves_from_its_zip(built, http, start):
    with deployed(built, start) as server:
        config = ClientConfig(httpx_client=http, streaming=False)
        async with await create_client(server.url, config) as client:
            task = await send_for_task(client, message("m", "never lose"))
        assert is_completed(task) and task.artifacts[0].parts[0].text == "never "
        [executor] = server.children("sqs-executor")
        [agent] = [pid for pid, words in commands(executor) if words[1:2] == ["agent.py"]]
        assert Path(f"/proc/{agent}/cwd").readlink() == server.task
        environment = Path(f"/proc/{agent}/environ").read_bytes().split(b"\0")
        assert not [one for one in environment if one.startswith((b"AWS_LAMBDA_", b"AGENT"))]


def test_the_image_is_made_of_the_same_files():
    dockerfile = AGENT / "Dockerfile"
    subprocess.run([PYTHON.parent / "hadolint", "--failure-threshold", "style", dockerfile], check=True)
    lines = dict(
        line.split(" ", 1) for line in dockerfile.read_text().splitlines() if not line.startswith("#")
    )
    assert lines["COPY"] == ". ." and lines["ENTRYPOINT"] == f'["{lines["WORKDIR"]}/bootstrap"]'
    assert lines["ENV"] == 'AGENT=process AGENT_COMMAND="python3 agent.py"'
