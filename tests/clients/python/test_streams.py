"""Streams of the A2A SDK for Python, over both bindings: from a server that is one process, and from
one whose functions are processes of their own, which speak Lambda's Runtime API."""

from statistics import median

import anyio
import pytest
from a2a.client import ClientConfig, create_client
from a2a.helpers import get_artifact_text, get_message_text
from a2a.types import CancelTaskRequest, GetTaskRequest, Role, TaskState
from a2a.utils import errors
from httpx import AsyncClient

from calls import WAIT_LIMIT_S, is_completed, message, wait_for
from streams import TICK_COUNT, TICK_MS, TICKS, TICKS_TEXT, events, fold, hear, kinds, sending
from streams import state, subscribing

pytestmark = pytest.mark.anyio

SOON_MS = 100


@pytest.fixture(params=["one_process", "processes"])
def server(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
async def other(server, binding):
    """A second client, with connections of its own."""
    async with AsyncClient(timeout=WAIT_LIMIT_S) as http:
        config = ClientConfig(httpx_client=http, supported_protocol_bindings=[binding])
        async with await create_client(server.url, config) as client:
            yield client


async def read(client, events):
    """The task that the stream is about, as it is stored."""
    return await client.get_task(GetTaskRequest(id=events[0].task.id))


def assert_same(folded, stored) -> None:
    """What the stream told is what is stored; the agent's messages join the history only there."""
    assert folded.status == stored.status
    assert list(folded.artifacts) == list(stored.artifacts)


@pytest.mark.parametrize(
    ("behaviour", "text"),
    [
        ("tck-stream-001", "Stream hello from TCK"),
        ("tck-stream-003", "Stream task lifecycle"),
        ("tck-stream-ordering-001", "Ordered output"),
    ],
)
async def test_a_stream_tells_a_task_from_its_start_to_its_end(streamer, behaviour, text):
    heard = await events(sending(streamer, message(behaviour)))
    assert kinds(heard) == ["task", "status_update", "artifact_update", "status_update"]
    _, working, artifact, completed = heard
    assert state(working) == TaskState.TASK_STATE_WORKING
    assert get_artifact_text(artifact.artifact_update.artifact) == text
    assert state(completed) == TaskState.TASK_STATE_COMPLETED
    assert_same(fold(heard), await read(streamer, heard))


async def test_a_task_without_artifacts_ends_its_stream(streamer):
    heard = await events(sending(streamer, message("tck-stream-002")))
    assert kinds(heard) == ["task", "status_update", "status_update"]
    assert state(heard[-1]) == TaskState.TASK_STATE_COMPLETED


async def test_chunks_are_appended_to_one_artifact(streamer):
    heard = await events(sending(streamer, message("tck-stream-artifact-chunked")))
    chunks = [e.artifact_update for e in heard if e.WhichOneof("payload") == "artifact_update"]
    assert [chunk.append for chunk in chunks] == [False, True, True]
    assert [chunk.last_chunk for chunk in chunks] == [False, False, True]
    assert len({chunk.artifact.artifact_id for chunk in chunks}) == 1
    task = fold(heard)
    assert get_artifact_text(task.artifacts[0], delimiter="") == "one two three"
    assert_same(task, await read(streamer, heard))


async def test_a_direct_message_is_the_only_event(streamer):
    [answer] = await events(sending(streamer, message("tck-message-response")))
    assert answer.WhichOneof("payload") == "message"
    assert answer.message.role == Role.ROLE_AGENT
    assert get_message_text(answer.message) == "Direct message response"


async def test_a_rejection_ends_the_stream(streamer):
    heard = await events(sending(streamer, message("tck-reject-task")))
    assert state(heard[-1]) == TaskState.TASK_STATE_REJECTED
    assert_same(fold(heard), await read(streamer, heard))


async def test_a_question_ends_the_stream_and_its_answer_begins_another(streamer):
    asked = await events(sending(streamer, message("tck-input-required")))
    assert state(asked[-1]) == TaskState.TASK_STATE_INPUT_REQUIRED
    task_id = asked[0].task.id
    answer = message("tck-complete-task", task_id=task_id)
    heard = await events(sending(streamer, answer))
    assert heard[0].task.id == task_id
    assert state(heard[-1]) == TaskState.TASK_STATE_COMPLETED
    assert get_message_text(heard[-1].status_update.status.message) == "Hello from TCK"


async def test_a_subscription_stays_open_while_the_task_waits_for_its_user(streamer, other):
    [first, *_] = asked = await events(sending(streamer, message("tck-input-required")))
    heard = []
    with anyio.fail_after(WAIT_LIMIT_S):
        async with anyio.create_task_group() as group:
            stream = subscribing(other, first.task.id)
            # The subscription is there once its first event is.
            opening = await anext(stream)
            assert opening.task.status == fold(asked).status
            group.start_soon(hear, stream, heard)
            answer = message("tck-complete-task", task_id=first.task.id)
            await events(sending(streamer, answer))
    assert state(heard[-1].event) == TaskState.TASK_STATE_COMPLETED


async def test_a_second_client_hears_the_same(streamer, other):
    first, second = [], []

    async def follow():
        async for event in subscribing(other, first[0].task.id):
            second.append(event)

    async with anyio.create_task_group() as group:
        async for event in sending(streamer, message(TICKS)):
            first.append(event)
            # Task, status and two chunks: what the second client was not there for.
            if len(first) == 4:
                group.start_soon(follow)
    opening, *updates = second
    assert len(updates) > TICK_COUNT / 2
    assert updates == first[-len(updates) :]
    # The task that it began with is what the events before it had made.
    assert_same(fold([opening]), fold(first[: -len(updates)]))
    [artifact] = fold(second).artifacts
    assert get_artifact_text(artifact, delimiter="") == TICKS_TEXT


async def test_a_task_can_be_cancelled_under_its_stream(streamer, other):
    heard = []
    async for event in sending(streamer, message(TICKS)):
        heard.append(event)
        # Task, status and a chunk: the agent is speaking.
        if len(heard) == 3:
            await other.cancel_task(CancelTaskRequest(id=heard[0].task.id))
    assert state(heard[-1]) == TaskState.TASK_STATE_CANCELED
    assert kinds(heard).count("artifact_update") < TICK_COUNT
    assert_same(fold(heard), await read(streamer, heard))


async def test_there_is_no_subscription_to_what_is_over_or_not_there(streamer):
    heard = await events(sending(streamer, message("tck-stream-001")))
    with pytest.raises(errors.UnsupportedOperationError):
        await events(subscribing(streamer, heard[0].task.id))
    with pytest.raises(errors.TaskNotFoundError):
        await events(subscribing(streamer, "unknown"))


async def test_a_client_that_leaves_takes_nothing_with_it(server, binding, streamer):
    async with AsyncClient(timeout=WAIT_LIMIT_S) as http:
        config = ClientConfig(httpx_client=http, supported_protocol_bindings=[binding])
        leaver = await create_client(server.url, config)
        stream = sending(leaver, message(TICKS))
        opening = await anext(stream)
        task_id = opening.task.id
        staying = subscribing(streamer, task_id)
        heard = [await anext(staying)]
        await stream.aclose()
    # Its connections are closed now, and the task is under way.
    heard += await events(staying)
    assert state(heard[-1]) == TaskState.TASK_STATE_COMPLETED
    [artifact] = fold(heard).artifacts
    assert get_artifact_text(artifact, delimiter="") == TICKS_TEXT
    await wait_for(streamer, task_id, is_completed)


async def test_chunks_come_one_by_one(streamer):
    heard = await hear(sending(streamer, message(TICKS)))
    task = fold([each.event for each in heard])
    assert is_completed(task)
    assert heard[0].at_ms < task.status.timestamp.ToMilliseconds() - TICK_COUNT * TICK_MS / 2
    arrivals = [each.at_ms for each in heard if each.kind == "artifact_update"]
    assert len(arrivals) == TICK_COUNT
    # The machine may be busy for a moment, but not at each of them.
    gaps = [after - before for before, after in zip(arrivals, arrivals[1:])]
    assert median(gaps) > TICK_MS / 2, gaps


def delays(heard) -> list[float]:
    """How long after its commit each event of a stream of ticks came.

    Status updates tell when they were made. The chunks were made between the first of these and
    the last, at the same distance.
    """
    made = [None] * len(heard)
    for n, each in enumerate(heard):
        if each.kind == "status_update":
            made[n] = each.event.status_update.status.timestamp.ToMilliseconds()
    working, completed = (n for n, at in enumerate(made) if at is not None)
    assert completed - working == TICK_COUNT + 1
    tick = (made[completed] - made[working]) / (TICK_COUNT - 1)
    for n in range(TICK_COUNT):
        made[working + 1 + n] = made[working] + n * tick
    return [each.at_ms - at for each, at in zip(heard, made) if at is not None]


async def test_events_come_soon_after_their_commit(streamer):
    measured = []

    async def one():
        measured.extend(delays(await hear(sending(streamer, message(TICKS)))))

    async with anyio.create_task_group() as group:
        for _ in range(4):
            group.start_soon(one)
    assert len(measured) >= 30
    p50 = median(measured)
    print(f"p50 {p50:.1f} ms, max {max(measured):.1f} ms of {len(measured)} events")
    assert p50 < SOON_MS, sorted(measured)
