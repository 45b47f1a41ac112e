"""Pushes, read by the A2A SDK for Python: from within one process, and from the functions' own."""

from collections.abc import Iterable

import pytest
from a2a.client import ClientConfig, create_client
from a2a.types import AuthenticationInfo, CancelTaskRequest, GetTaskRequest, StreamResponse
from a2a.types import TaskPushNotificationConfig, TaskState
from google.protobuf.json_format import Parse
from httpx import AsyncClient

from calls import WAIT_LIMIT_S, message, send, send_for_task
from receiver import Push
from server import Server
from streams import TICKS, TICKS_TEXT, fold, kinds, state

pytestmark = pytest.mark.anyio

COMPLETED = TaskState.TASK_STATE_COMPLETED


@pytest.fixture(scope="module", params=["one_process", "processes"])
def server(request):
    return request.getfixturevalue(request.param)


def read(pushes: Iterable[Push]) -> list[StreamResponse]:
    """The SDK's own types; a field that they do not have is an error."""
    return [Parse(push.body, StreamResponse()) for push in pushes]


def tells(wanted: TaskState):
    """Whether the last push tells this state."""

    def holds(pushes):
        last = read(pushes[-1:])
        return kinds(last) in (["task"], ["status_update"]) and state(last[0]) == wanted

    return holds


def inline(hook, **fields) -> dict:
    return {"task_push_notification_config": TaskPushNotificationConfig(url=hook.url, **fields)}


async def register(client, task_id: str, hook, **fields):
    config = TaskPushNotificationConfig(task_id=task_id, url=hook.url, **fields)
    return await client.create_task_push_notification_config(config)


@pytest.mark.parametrize(
    "behaviour",
    [
        "tck-complete-task",
        "tck-artifact-text",
        "tck-artifact-file",
        "tck-artifact-file-url",
        "tck-artifact-data",
        "tck-stream-artifact-chunked",
    ],
)
async def test_who_follows_the_pushes_has_the_task(client, hook, behaviour):
    task = await send_for_task(client, message(behaviour), **inline(hook))
    assert fold(read(hook.wait(tells(COMPLETED)))) == task


async def test_pushes_come_while_the_agent_works(client, hook):
    task = await send_for_task(client, message(TICKS), **inline(hook), return_immediately=True)
    first = hook.wait(lambda pushes: "artifact_update" in kinds(read(pushes)))
    assert len(kinds(read(first))) < 13
    followed = fold(read(hook.wait(tells(COMPLETED))))
    assert followed == await client.get_task(GetTaskRequest(id=task.id))
    [artifact] = followed.artifacts
    assert "".join(part.text for part in artifact.parts) == TICKS_TEXT


async def test_a_direct_message_is_pushed_as_one(client, hook):
    answer = await send(client, message("tck-message-response"), **inline(hook))
    assert read(hook.wait_for(1)) == [answer]
    assert answer.WhichOneof("payload") == "message"


async def test_what_no_agent_is_beside_is_pushed(client, hook):
    """A config on a task that waits, and its cancellation."""
    waiting = await send_for_task(client, message("tck-input-required"))
    await register(client, waiting.id, hook)
    [first] = read(hook.wait_for(1))
    assert first.task == waiting
    canceled = await client.cancel_task(CancelTaskRequest(id=waiting.id))
    _, second = read(hook.wait_for(2))
    assert second.status_update.task_id == waiting.id
    assert second.status_update.status == canceled.status


async def test_secrets_are_in_the_headers(client, hook):
    authentication = AuthenticationInfo(scheme="Bearer", credentials="secret-credentials")
    secrets = inline(hook, token="secret-token", authentication=authentication)
    await send_for_task(client, message("tck-complete-task"), **secrets)
    for push in hook.wait(tells(COMPLETED)):
        assert push.headers["Authorization"] == "Bearer secret-credentials"
        assert push.headers["X-A2A-Notification-Token"] == "secret-token"
        assert b"secret" not in push.body


async def test_pushes_go_on_after_a_crash(tmp_path, hook):
    """The server is killed in the middle of a task: in the end, all that came of it is pushed."""
    options = ("--data", str(tmp_path), "--agent", "conformance")
    authentication = AuthenticationInfo(scheme="Bearer", credentials="secret-credentials")
    async with AsyncClient(timeout=WAIT_LIMIT_S) as http:
        config = ClientConfig(httpx_client=http, streaming=False)
        with Server("--port", "0", *options) as server:
            async with await create_client(server.url, config) as client:
                inlined = inline(hook, authentication=authentication)
                await send_for_task(client, message(TICKS), **inlined, return_immediately=True)
                hook.wait_for(5)
                server.kill()
        assert not tells(COMPLETED)(hook.pushes)
        # Whoever delivered has the task's pushes to itself for a while, though it is dead.
        with Server("--port", server.port, *options):
            pushes = hook.wait(tells(COMPLETED), limit_s=3 * WAIT_LIMIT_S)
    assert {push.headers["Authorization"] for push in pushes} == {"Bearer secret-credentials"}
    # What was on its way at the end may come twice, under one id and with the same content.
    once = {push.headers["webhook-id"]: push for push in pushes}
    assert all(once[push.headers["webhook-id"]].body == push.body for push in pushes)
    [artifact] = fold_anew(read(once.values()))
    assert "".join(part.text for part in artifact.parts) == TICKS_TEXT


def fold_anew(events) -> list:
    """The artifacts in the end, where an agent that was run again began them again."""
    first, *updates = events
    artifacts = {each.artifact_id: each for each in first.task.artifacts}
    for update in (event.artifact_update for event in updates if event.HasField("artifact_update")):
        if update.append:
            artifacts[update.artifact.artifact_id].parts.extend(update.artifact.parts)
        else:
            artifacts[update.artifact.artifact_id] = update.artifact
    return list(artifacts.values())
