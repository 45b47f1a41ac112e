"""An agent that knows nothing of a2a-lambda, started beside the local cloud: examples/python-agent."""

import os
import signal
import time
from contextlib import contextmanager
from pathlib import Path

import anyio
import pytest
from a2a.client import ClientConfig, create_client
from a2a.types import CancelTaskRequest, TaskState
from httpx import AsyncClient

from calls import WAIT_LIMIT_S, is_completed, message, send_for_task, wait_for
from server import ROOT, Server
from streams import fold, hear, sending

pytestmark = pytest.mark.anyio

AGENT = ROOT / "examples/python-agent/agent.py"
PAUSE_S = 0.25
# The watcher gives the agent's group a second to end by itself.
END_LIMIT_S = 10


def agents() -> set[int]:
    """The processes that run the agent's file themselves."""
    found = set()
    for arguments in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = arguments.read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if words[1:2] == [str(AGENT).encode()]:
            found.add(int(arguments.parent.name))
    return found


@contextmanager
def serving(*options: str, pause_s: float = PAUSE_S, stderr=None, **variables: str):
    """The local cloud with the agent, which the first task starts."""
    before = agents()
    command = ("--agent", "process", "--", "python3", str(AGENT))
    variables = {"PAUSE_SECONDS": str(pause_s)} | variables
    options = ("--memory", "--port", "0", *options, *command)
    with Server(*options, stderr=stderr, **variables) as server:
        server.agents = lambda: agents() - before
        yield server


@pytest.fixture
async def http():
    async with AsyncClient(timeout=WAIT_LIMIT_S) as http:
        yield http


async def connect(server, http, streaming=False):
    return await create_client(server.url, ClientConfig(httpx_client=http, streaming=streaming))


def said(task) -> str:
    return "".join(part.text for artifact in task.artifacts for part in artifact.parts)


async def wait_until(holds, limit_s: float = END_LIMIT_S):
    deadline = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < deadline, "waited for too long"
        await anyio.sleep(0.05)


@pytest.mark.parametrize("options", [(), ("--processes",)], ids=["one process", "processes"])
async def test_its_words_come_one_by_one(http, options):
    with serving(*options) as server:
        async with await connect(server, http, streaming=True) as client:
            heard = await hear(sending(client, message("echo", "never lose a task")))
            chunks = [each for each in heard if each.kind == "artifact_update"]
            texts = [chunk.event.artifact_update.artifact.parts[0].text for chunk in chunks]
            assert texts == ["never ", "lose ", "a ", "task ", ""]
            gaps = [after.at_ms - before.at_ms for before, after in zip(chunks[:-1], chunks[1:])]
            assert min(gaps[:3]) > PAUSE_S * 1000 / 4, gaps
            task = fold([each.event for each in heard])
            assert task.status.state == TaskState.TASK_STATE_COMPLETED
            assert said(task) == "never lose a task "
        assert len(server.agents()) == 1
        server.kill()
        # It ends with its parent, even if nothing could tell it.
        await wait_until(lambda: not server.agents())


async def test_it_asks_and_goes_on_with_the_answer(http):
    with serving(pause_s=0) as server:
        async with await connect(server, http) as client:
            task = await send_for_task(client, message("echo", " "))
            assert task.status.state == TaskState.TASK_STATE_INPUT_REQUIRED
            assert task.status.message.parts[0].text == "What shall I say?"
            answer = message("echo", "this", task_id=task.id, context_id=task.context_id)
            task = await send_for_task(client, answer)
            assert is_completed(task) and said(task) == "this "


async def test_a_canceled_task_stops_it(http, tmp_path):
    with open(tmp_path / "log", "w+") as log, serving("--log", "info", stderr=log) as server:
        async with await connect(server, http) as client:
            sent = message("echo", "word " * 200)
            task = await send_for_task(client, sent, return_immediately=True)
            await wait_for(client, task.id, lambda task: task.artifacts)
            await client.cancel_task(CancelTaskRequest(id=task.id))

            def has_stopped() -> bool:
                lines = (tmp_path / "log").read_text().splitlines()
                return any('line="stopped"' in line and task.id in line for line in lines)

            await wait_until(has_stopped)
            # The next task finds the same process.
            [agent] = server.agents()
            assert said(await send_for_task(client, message("echo", "hi"))) == "hi "
            assert server.agents() == {agent}


@pytest.mark.parametrize(
    ("semantics", "state"),
    [
        ("at-least-once", TaskState.TASK_STATE_COMPLETED),
        ("at-most-once", TaskState.TASK_STATE_FAILED),
    ],
)
async def test_killed_in_its_middle_the_task_ends(http, semantics, state):
    with serving(HTTP_AGENT_SEMANTICS=semantics) as server:
        async with await connect(server, http) as client:
            text = "one two three four five six "
            task = await send_for_task(client, message("echo", text), return_immediately=True)
            await wait_for(client, task.id, lambda task: "two" in said(task))
            [agent] = server.agents()
            os.kill(agent, signal.SIGKILL)
            task = await wait_for(client, task.id, lambda task: task.status.state == state)
            assert len(task.artifacts) == 1
            if state == TaskState.TASK_STATE_COMPLETED:
                assert said(task) == text
                assert server.agents() and agent not in server.agents()
            else:
                assert task.status.message.parts[0].text == (
                    "The agent broke off before its answer was complete. The outcome is unknown."
                )
