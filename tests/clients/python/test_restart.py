"""A task outlives the process: killed in its middle, it goes on after a restart, and ends once."""

import time
from contextlib import asynccontextmanager, suppress

import anyio
import pytest
from a2a.client import ClientConfig, create_client
from a2a.helpers import get_artifact_text
from a2a.types import ListTasksRequest, TaskState
from httpx import AsyncClient, TransportError

from calls import WAIT_LIMIT_S, is_completed, message, send_for_task, wait_for
from raw import Raw, collect, text_of
from server import Server
from streams import TICKS, TICKS_TEXT

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def connected(server):
    async with AsyncClient(timeout=WAIT_LIMIT_S) as http:
        config = ClientConfig(httpx_client=http, streaming=False)
        async with await create_client(server.url, config) as client:
            yield client


async def send_many(client, count: int) -> dict[str, str]:
    """Sends at once what is answered as soon as it is durable; the texts, by the tasks' ids."""
    texts = {}

    async def one(text):
        task = await send_for_task(client, message("echo", text), return_immediately=True)
        texts[task.id] = text

    async with anyio.create_task_group() as group:
        for n in range(count):
            group.start_soon(one, f"this is number {n}")
    return texts


async def crash_and_restart(folder, agent: str, sent, is_in_the_middle):
    """Kills the server in the middle of a task; returns the task as a new server completes it."""
    options = ("--data", str(folder), "--agent", agent)
    with Server("--port", "0", *options) as server:
        async with connected(server) as client:
            task = await send_for_task(client, sent, return_immediately=True)
            before = await wait_for(client, task.id, is_in_the_middle)
            assert before.status.state == TaskState.TASK_STATE_WORKING
            server.kill()
    with Server("--port", server.port, *options) as server:
        restarted = time.monotonic()
        async with connected(server) as client:
            after = await wait_for(client, task.id, is_completed)
            assert time.monotonic() - restarted < WAIT_LIMIT_S
            listed = await client.list_tasks(ListTasksRequest(include_artifacts=True))
            assert listed.total_size == 1
            assert [t.id for t in listed.tasks] == [task.id]
            assert listed.tasks[0].status == after.status
            assert [m.message_id for m in after.history] == [sent.message_id]
    # What is done stays done: one more start does not run it again.
    with Server("--port", server.port, *options) as server:
        async with connected(server) as client:
            assert await wait_for(client, task.id, is_completed) == after
    return after


async def test_a_sleeping_task_completes_after_a_crash(tmp_path):
    def is_working(task):
        return task.status.state == TaskState.TASK_STATE_WORKING

    sent = message("test-resubscribe-message-id")
    task = await crash_and_restart(tmp_path, "conformance", sent, is_working)
    assert not task.artifacts


async def test_a_speaking_task_says_each_word_once(tmp_path):
    def is_speaking(task):
        return bool(task.artifacts)

    # Half a second of speaking, in many small steps.
    text = " ".join(f"word-{n}" for n in range(5000))
    task = await crash_and_restart(tmp_path, "echo", message("echo", text), is_speaking)
    [artifact] = task.artifacts
    assert get_artifact_text(artifact, delimiter="") == text


async def test_all_that_was_accepted_completes_once(tmp_path):
    count = 20
    options = ("--data", str(tmp_path), "--agent", "echo")
    with Server("--port", "0", *options) as server:
        async with connected(server) as client:
            texts = await send_many(client, count)
            server.kill()
    assert len(texts) == count
    with Server("--port", server.port, *options) as server:
        async with connected(server) as client:
            for task_id, text in texts.items():
                task = await wait_for(client, task_id, is_completed)
                [artifact] = task.artifacts
                assert get_artifact_text(artifact, delimiter="") == text
                assert [m.parts[0].text for m in task.history] == [text]
            listed = await client.list_tasks(ListTasksRequest(page_size=100))
            assert listed.total_size == count
            assert {task.id for task in listed.tasks} == set(texts)


@pytest.mark.parametrize("options", [(), ("--processes",)], ids=["one process", "processes"])
async def test_what_was_under_way_goes_on_at_once(tmp_path, options):
    # A lease of the killed server would last far longer than the test waits.
    variables = {"LEASE_SECONDS": "900", "SIGNAL_GRACE_SECONDS": "900"}
    options = ("--data", str(tmp_path), "--agent", "conformance", *options)

    begun = {TaskState.TASK_STATE_WORKING, TaskState.TASK_STATE_COMPLETED}
    tasks = []
    with Server("--port", "0", *options, **variables) as server:
        async with connected(server) as client:

            async def begin():
                sent = message("test-resubscribe-message-id")
                task = await send_for_task(client, sent, return_immediately=True)
                tasks.append(await wait_for(client, task.id, lambda t: t.status.state in begun))

            async with anyio.create_task_group() as group:
                for _ in range(12):
                    group.start_soon(begin)
            server.kill()
    assert not all(is_completed(task) for task in tasks)
    with Server("--port", server.port, *options, **variables) as server:
        async with connected(server) as client:
            for task in tasks:
                await wait_for(client, task.id, is_completed)


@pytest.mark.parametrize("binding", ["JSONRPC", "HTTP+JSON"])
async def test_a_stream_goes_on_after_a_restart(tmp_path, binding):
    options = ("--data", str(tmp_path), "--agent", "conformance")
    found = []
    with Server("--port", "0", *options) as server:
        async with AsyncClient(timeout=WAIT_LIMIT_S) as http:
            with suppress(TransportError):
                async with Raw(http, server.url, binding).send(TICKS) as events:
                    async for event in events:
                        found.append(event)
                        if len(found) == 5:
                            server.kill()
    assert not found[-1].is_last
    task_id = found[0].data["task"]["id"]
    with Server("--port", server.port, *options) as server:
        async with AsyncClient(timeout=WAIT_LIMIT_S) as http:
            raw = Raw(http, server.url, binding)
            found += await collect(raw.subscribe(task_id, found[-1].id))
            assert found[-1].is_last
            # What the agent had said, it says again when it is run again: in place of the first.
            assert text_of(found) == TICKS_TEXT
            again = await collect(raw.subscribe(task_id, found[0].id))
            assert again == found[1:]
