"""Pushes to clients of A2A 0.3: whatever has changed of a task, the task itself is sent."""

import pytest
from a2a.types import PushNotificationAuthenticationInfo, PushNotificationConfig, Task, TaskState
from a2a.types import TaskIdParams, TaskPushNotificationConfig

from receiver import Push
from talk import TICKS, TICKS_TEXT, message, send, text_of

pytestmark = pytest.mark.anyio


def read(pushes: list[Push]) -> list[Task]:
    """The SDK's own types; a field that they do not have is an error."""
    return [Task.model_validate(push.data, extra="forbid") for push in pushes]


def ends_with(state: TaskState):
    return lambda pushes: bool(pushes) and read(pushes[-1:])[0].status.state == state


def states(pushes: list[Push]) -> list[TaskState]:
    return [task.status.state for task in read(pushes)]


async def register(client, task_id: str, hook, **fields):
    config = PushNotificationConfig(id="mine", url=hook.url, **fields)
    both = TaskPushNotificationConfig(task_id=task_id, push_notification_config=config)
    return await client.set_task_callback(both)


@pytest.fixture
async def waiting(client):
    """A task that waits for its next message."""
    return await send(client, message("tck-input-required"), blocking=True)


@pytest.fixture
def sends(connect):
    """Sends with a config, as the SDK does, and returns the task."""

    async def sends(sent, hook, blocking=True, **fields):
        config = PushNotificationConfig(id="inline", url=hook.url, **fields)
        client = connect(streaming=False, push_notification_configs=[config])
        return await send(client, sent, blocking=blocking)

    return sends


async def test_a_config_is_told_the_task(client, waiting, hook):
    await register(client, waiting.id, hook)
    [push] = hook.wait_for(1)
    assert push.data["kind"] == "task"
    assert push.headers["Content-Type"] == "application/json"
    [task] = read([push])
    assert task.id == waiting.id
    assert task.status.state == TaskState.input_required
    assert [said.message_id for said in task.history] == [
        said.message_id for said in waiting.history
    ]


async def test_each_change_is_the_task_as_it_was(sends, hook):
    task = await sends(message("tck-artifact-text"), hook)
    pushes = hook.wait(ends_with(TaskState.completed))
    # The third is the artifact.
    assert states(pushes) == [
        TaskState.submitted,
        TaskState.working,
        TaskState.working,
        TaskState.completed,
    ]
    assert {push.data["kind"] for push in pushes} == {"task"}
    assert [len(each.artifacts or []) for each in read(pushes)] == [0, 0, 1, 1]
    last = read(pushes)[-1]
    assert (last.id, last.context_id) == (task.id, task.context_id)
    [artifact] = last.artifacts
    assert text_of(artifact.parts) == "Generated text content"


@pytest.mark.parametrize(
    "behaviour", ["tck-artifact-file", "tck-artifact-file-url", "tck-artifact-data"]
)
async def test_all_kinds_of_parts_are_those_of_0_3(sends, hook, behaviour):
    await sends(message(behaviour), hook)
    last = read(hook.wait(ends_with(TaskState.completed)))[-1]
    [artifact] = last.artifacts
    [part] = artifact.parts
    assert part.root.kind == ("data" if behaviour.endswith("data") else "file")


async def test_an_artifact_grows_from_push_to_push(sends, hook):
    await sends(message(TICKS), hook, blocking=False)
    tasks = read(hook.wait(ends_with(TaskState.completed)))
    said = [text_of(each.artifacts[0].parts) for each in tasks if each.artifacts]
    assert all(later.startswith(sooner) for sooner, later in zip(said, said[1:], strict=False))
    assert len(set(said)) > 1
    assert said[-1] == TICKS_TEXT


async def test_follow_ups_and_cancellation_are_pushed(client, waiting, hook):
    await register(client, waiting.id, hook)
    hook.wait_for(1)
    follow_up = message("tck-input-required", task_id=waiting.id, context_id=waiting.context_id)
    await send(client, follow_up, blocking=True)
    hook.wait(lambda pushes: states(pushes).count(TaskState.input_required) == 2)
    await client.cancel_task(TaskIdParams(id=waiting.id))
    last = read(hook.wait(ends_with(TaskState.canceled)))[-1]
    assert len(last.history) >= 2


async def test_a_config_of_a_finished_task_is_told_the_task(client, current, hook):
    task = await send(client, message("tck-complete-task"), blocking=True)
    await register(client, task.id, hook)
    [told] = read(hook.wait_for(1))
    assert told.status.state == TaskState.completed
    # The SDK reads no timestamps over HTTP+JSON.
    assert told.status.timestamp == (await current.task(task.id))["status"]["timestamp"]


async def test_credentials_and_token_are_in_the_headers(client, waiting, hook):
    authentication = PushNotificationAuthenticationInfo(
        schemes=["Bearer"], credentials="secret-credentials"
    )
    await register(client, waiting.id, hook, token="secret-token", authentication=authentication)
    [push] = hook.wait_for(1)
    assert push.headers["Authorization"] == "Bearer secret-credentials"
    # The SDK's own sender has it so.
    assert push.headers["X-A2A-Notification-Token"] == "secret-token"
    assert b"secret" not in push.body


async def test_each_config_is_sent_its_own_version(client, waiting, current, hook, other_hook):
    """A task may have receivers of both."""
    await register(client, waiting.id, hook)
    await current.register(waiting.id, other_hook.url)
    [push], [other] = hook.wait_for(1), other_hook.wait_for(1)
    assert push.data["kind"] == "task"
    assert other.data == {"task": await current.task(waiting.id)}
