"""Streams of the A2A SDK for Python of version 0.3, while a client of 1.0 follows the same tasks."""

import anyio
import pytest
from a2a.client.errors import A2AClientHTTPError, A2AClientJSONRPCError
from a2a.types import Message, Task, TaskArtifactUpdateEvent, TaskIdParams, TaskState
from a2a.types import TaskStatusUpdateEvent

import raw
from talk import TICK_COUNT, TICKS, TICKS_TEXT, get, message, text_of

pytestmark = pytest.mark.anyio


async def hear(stream) -> list:
    """The updates until the stream ends, after the task that it begins with."""
    return [told(event) async for event in stream]


def told(event):
    """What an event tells. The client goes on adding chunks to what it gives out, so it is copied."""
    task, update = event
    return (update or task).model_copy(deep=True)


def chunks(events) -> list:
    return [event for event in events if isinstance(event, TaskArtifactUpdateEvent)]


def assert_ends(events, state) -> None:
    """Only the last update is final, and it tells the state."""
    updates = [event for event in events if isinstance(event, TaskStatusUpdateEvent)]
    assert events[-1] is updates[-1]
    assert updates[-1].status.state == state
    assert [update.final for update in updates] == [False] * (len(updates) - 1) + [True]


@pytest.mark.parametrize(
    ("behaviour", "text"),
    [
        ("tck-stream-001", "Stream hello from TCK"),
        ("tck-stream-003", "Stream task lifecycle"),
        ("tck-stream-ordering-001", "Ordered output"),
    ],
)
async def test_a_stream_tells_a_task_from_its_start_to_its_end(streamer, behaviour, text):
    heard = await hear(streamer.send_message(message(behaviour)))
    task, working, artifact, _ = heard
    assert isinstance(task, Task)
    assert working.status.state == TaskState.working
    assert text_of(artifact.artifact.parts) == text
    assert_ends(heard, TaskState.completed)


async def test_chunks_are_appended_to_one_artifact(streamer):
    heard = await hear(streamer.send_message(message("tck-stream-artifact-chunked")))
    found = chunks(heard)
    assert [bool(chunk.append) for chunk in found] == [False, True, True]
    assert [bool(chunk.last_chunk) for chunk in found] == [False, False, True]
    [artifact] = (await get(streamer, heard[0].id)).artifacts
    assert text_of(artifact.parts) == "one two three"


async def test_a_direct_message_is_the_only_event(streamer):
    [answer] = [event async for event in streamer.send_message(message("tck-message-response"))]
    assert isinstance(answer, Message)
    assert text_of(answer.parts) == "Direct message response"


async def test_a_question_ends_the_stream(streamer):
    heard = await hear(streamer.send_message(message("tck-input-required")))
    assert_ends(heard, TaskState.input_required)


async def test_a_task_can_be_cancelled_under_its_stream(streamer, connect):
    heard = []
    async for event in streamer.send_message(message(TICKS)):
        heard.append(told(event))
        # Task, status and a chunk: the agent is speaking.
        if len(heard) == 3:
            await connect().cancel_task(TaskIdParams(id=heard[0].id))
    assert_ends(heard, TaskState.canceled)
    assert len(chunks(heard)) < TICK_COUNT


async def test_a_second_client_hears_the_same(streamer, connect):
    first, second = [], []

    async def follow():
        second.extend(await hear(connect().resubscribe(TaskIdParams(id=first[0].id))))

    async with anyio.create_task_group() as group:
        async for event in streamer.send_message(message(TICKS)):
            first.append(told(event))
            # Task, status and two chunks: what the second client was not there for.
            if len(first) == 4:
                group.start_soon(follow)
    opening, *updates = second
    assert isinstance(opening, Task)
    assert updates == first[-len(updates) :]
    begun = text_of(opening.artifacts[0].parts)
    assert begun + "".join(text_of(each.artifact.parts) for each in chunks(updates)) == TICKS_TEXT


async def test_there_is_no_subscription_to_what_is_over(streamer):
    [task, *_] = await hear(streamer.send_message(message("tck-stream-001")))
    # Where there is an error in place of a stream, this client tells no more of it.
    with pytest.raises((A2AClientHTTPError, A2AClientJSONRPCError)):
        await hear(streamer.resubscribe(TaskIdParams(id=task.id)))


@pytest.mark.parametrize("binding", ["JSONRPC", "HTTP+JSON"])
async def test_a_client_of_1_0_follows_the_same_task(streamer, server, http, binding):
    current, followed, heard = raw.Raw(http, server.url, binding), [], []

    async def follow():
        # All that comes after the task.
        followed.extend(await raw.collect(current.subscribe(heard[0].id, "1")))

    async with anyio.create_task_group() as group:
        async for event in streamer.send_message(message(TICKS)):
            heard.append(told(event))
            if len(heard) == 1:
                group.start_soon(follow)
    assert raw.text_of(followed) == TICKS_TEXT
    assert "".join(text_of(each.artifact.parts) for each in chunks(heard)) == TICKS_TEXT
    assert len(followed) == len(heard) - 1
    assert followed[-1].is_last
    assert_ends(heard, TaskState.completed)
