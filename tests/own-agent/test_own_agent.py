"""An agent of one's own, in a workspace of its own, used as its author would: `examples/own-agent`, and a new one."""

import json
import os
import subprocess
import tomllib
from pathlib import Path

import pytest
from a2a.client import ClientConfig, create_client
from a2a.helpers import get_artifact_text
from httpx import AsyncClient

from calls import is_completed, message, send_for_task
from server import ROOT, Server

EXAMPLE = ROOT / "examples/own-agent"
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
# What is built is the example's own. What it is built of can be this workspace's, too: most of the
# crates are the same, and are compiled once.
ENVIRONMENT = {
    "CARGO_TARGET_DIR": str(TARGET / "own-agent"),
    "CARGO_BUILD_BUILD_DIR": str(TARGET),
}
RUN = ["cargo", "run", "--locked", "--quiet", "--"]
OPTIONS = ["--memory", "--port", "0"]


def cargo(*arguments: str, cwd=EXAMPLE, target="own-agent", **options) -> subprocess.CompletedProcess:
    env = os.environ | ENVIRONMENT | {"CARGO_TARGET_DIR": str(TARGET / target)}
    command = ["cargo", *arguments]
    return subprocess.run(command, cwd=cwd, env=env, text=True, **options)


def serve(*options: str, cwd=EXAMPLE, **variables: str) -> Server:
    command = [*RUN, *OPTIONS]
    return Server(*options, command=command, cwd=cwd, **{**ENVIRONMENT, **variables})


async def counted(server: Server, binding: str, text: str) -> str:
    """What the agent answers to the SDK."""
    async with AsyncClient(timeout=30) as http:
        config = ClientConfig(
            httpx_client=http, supported_protocol_bindings=[binding], streaming=False
        )
        async with await create_client(server.url, config) as client:
            task = await send_for_task(client, message("count", text))
    assert is_completed(task)
    [artifact] = task.artifacts
    return get_artifact_text(artifact, delimiter="")


@pytest.fixture(scope="session")
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="session")
def built():
    """All of its executables."""
    cargo("build", "--locked", check=True)


def linked(*options: str) -> set[str]:
    listed = cargo(
        "tree", "--locked", "--edges", "normal", "--prefix", "none", "--format", "{p}", *options,
        check=True, stdout=subprocess.PIPE,
    )  # fmt: skip
    return {line.split()[0] for line in listed.stdout.splitlines()}


def test_it_depends_on_nothing_but_a2a_lambda():
    manifest = tomllib.loads((EXAMPLE / "Cargo.toml").read_text())
    assert list(manifest["dependencies"]) == ["a2a-lambda"]
    # An async test needs a runtime, too.
    assert list(manifest["dev-dependencies"]) == ["a2a-lambda", "tokio"]


def test_its_functions_link_neither_the_local_cloud_nor_the_agents_of_others():
    foreign = {"a2a-lambda-agents", "a2a-lambda-local", "dynoxide-rs"}
    assert "a2a-lambda-local" in linked()
    assert not linked("--no-default-features") & foreign
    assert "a2a-lambda-agents" not in linked("--all-features")


def test_it_is_formatted():
    cargo("fmt", "--check", check=True)


def test_its_tests_pass():
    cargo("test", "--locked", check=True)


@pytest.mark.anyio
@pytest.mark.parametrize("options", [[], ["--processes"]], ids=["one process", "processes"])
@pytest.mark.parametrize("binding", ["JSONRPC", "HTTP+JSON"])
async def test_cargo_run_serves_the_agent_to_the_sdk(built, options, binding):
    with serve(*options, UNIT="letters") as server:
        # The agent's own variable has reached it, in whichever process it runs.
        said = await counted(server, binding, "never lose\na task")
    assert said == "9 letters\n5 letters\nThat is all."


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> Path:
    """A workspace that was made from this checkout."""
    folder = tmp_path_factory.mktemp("new") / "my-agent"
    subprocess.run([ROOT / "scripts/new-agent", folder], check=True)
    return folder


@pytest.mark.anyio
async def test_a_new_agent_passes_its_tests_and_serves(made):
    # Its lock file fits: nothing is resolved anew.
    cargo("test", "--locked", cwd=made, target="new-agent", check=True)
    with serve(cwd=made, CARGO_TARGET_DIR=str(TARGET / "new-agent")) as server:
        assert await counted(server, "JSONRPC", "never lose a task") == "4 words\nThat is all."
    assert not (made / "target").exists()


def test_a_wrong_variable_of_the_agent_s_ends_the_start_by_its_name(built):
    env = {"UNIT": "miles"} | ENVIRONMENT
    ran = subprocess.run(
        [*RUN, *OPTIONS], cwd=EXAMPLE, env=os.environ | env, text=True, capture_output=True,
        timeout=60,
    )  # fmt: skip
    assert ran.returncode == 1 and ran.stdout == ""
    expected = 'the agents could not be made: UNIT must be words or letters, not "miles"'
    assert ran.stderr.strip() == expected


def test_a_function_that_has_no_agents_ends_and_its_log_says_why(built):
    for function in ["request", "sqs-executor"]:
        ran = subprocess.run(
            [TARGET / "own-agent/debug" / function], env={"UNIT": "miles"}, text=True,
            capture_output=True, timeout=60,
        )  # fmt: skip
        assert ran.returncode == 1
        line = json.loads(ran.stdout)
        assert (line["level"], line["event"]) == ("ERROR", "function_not_started")
        assert line["error"].startswith("the agents could not be made: UNIT must be ")


def test_help_names_what_there_is_and_no_agent_of_ours_can_be_chosen(built):
    helped = cargo("run", "--locked", "--quiet", "--", "--help", stdout=subprocess.PIPE)
    assert helped.returncode == 0
    assert "cargo run -- [options]" in helped.stdout and "--agent" not in helped.stdout
    chosen = cargo(
        "run", "--locked", "--quiet", "--", "--agent", "echo", stderr=subprocess.PIPE, timeout=60
    )
    assert chosen.returncode == 2 and "--agent" in chosen.stderr
