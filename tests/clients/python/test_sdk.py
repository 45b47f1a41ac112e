"""The A2A SDK for Python as a client, over both bindings."""

import anyio
import pytest
from a2a.client import ClientCallContext
from a2a.helpers import get_artifact_text, get_data_parts, get_message_text, get_raw_parts
from a2a.helpers import get_url_parts
from a2a.types import CancelTaskRequest, GetTaskRequest, ListTasksRequest, Message, Part, Role
from a2a.types import SendMessageRequest, TaskState
from a2a.utils import errors

from calls import as_user, is_completed, message, send, send_for_task, wait_for

pytestmark = pytest.mark.anyio


async def test_a_blocking_send_answers_with_the_finished_task(client):
    task = await send_for_task(client, message("tck-complete-task"))
    assert is_completed(task)
    assert get_message_text(task.status.message) == "Hello from TCK"
    assert await client.get_task(GetTaskRequest(id=task.id)) == task


async def test_an_immediate_answer_is_followed_by_polling(client):
    sent = message("test-resubscribe-message-id")
    task = await send_for_task(client, sent, return_immediately=True)
    states = (TaskState.TASK_STATE_SUBMITTED, TaskState.TASK_STATE_WORKING)
    assert task.status.state in states
    task = await wait_for(client, task.id, is_completed)
    assert [m.message_id for m in task.history] == [sent.message_id]


async def test_text_comes_as_text(client):
    [artifact] = (await send_for_task(client, message("tck-artifact-text"))).artifacts
    assert get_artifact_text(artifact) == "Generated text content"


async def test_a_file_comes_as_bytes(client):
    [artifact] = (await send_for_task(client, message("tck-artifact-file"))).artifacts
    assert get_raw_parts(artifact.parts) == [b"tck"]
    [part] = artifact.parts
    assert (part.filename, part.media_type) == ("output.txt", "text/plain")


async def test_a_file_comes_as_an_address(client):
    [artifact] = (await send_for_task(client, message("tck-artifact-file-url"))).artifacts
    assert get_url_parts(artifact.parts) == ["https://example.com/output.txt"]


async def test_data_comes_as_data(client):
    [artifact] = (await send_for_task(client, message("tck-artifact-data"))).artifacts
    assert get_data_parts(artifact.parts) == [{"key": "value", "count": 42}]


async def test_chunks_come_as_one_artifact(client):
    [artifact] = (await send_for_task(client, message("tck-stream-artifact-chunked"))).artifacts
    assert get_artifact_text(artifact, delimiter="") == "one two three"


async def test_an_answer_can_be_a_message(client):
    answer = await send(client, message("tck-message-response"))
    assert answer.WhichOneof("payload") == "message"
    assert answer.message.role == Role.ROLE_AGENT
    assert get_message_text(answer.message) == "Direct message response"


async def test_an_agent_can_reject(client):
    task = await send_for_task(client, message("tck-reject-task"))
    assert task.status.state == TaskState.TASK_STATE_REJECTED


async def test_a_follow_up_goes_on_with_the_task(client):
    question = message("tck-input-required")
    asked = await send_for_task(client, question)
    assert asked.status.state == TaskState.TASK_STATE_INPUT_REQUIRED
    answer = message("tck-complete-task", task_id=asked.id)
    done = await send_for_task(client, answer)
    assert is_completed(done)
    assert (done.id, done.context_id) == (asked.id, asked.context_id)
    said = [m.message_id for m in done.history if m.role == Role.ROLE_USER]
    assert said == [question.message_id, answer.message_id]
    with pytest.raises(errors.UnsupportedOperationError):
        await send(client, message("tck-complete-task", task_id=asked.id))


async def test_an_agent_asks_twice_whatever_the_answers_are(client):
    """The answers name other behaviours, which must not count."""
    task = await send_for_task(client, message("tck-multi-turn"))
    for answer in "tck-complete-task", "tck-reject-task":
        assert task.status.state == TaskState.TASK_STATE_INPUT_REQUIRED
        assert get_message_text(task.status.message)
        task = await send_for_task(client, message(answer, task_id=task.id))
    assert is_completed(task)


async def test_an_agent_asks_for_credentials(client):
    task = await send_for_task(client, message("tck-auth-required"))
    assert task.status.state == TaskState.TASK_STATE_AUTH_REQUIRED
    assert is_completed(await send_for_task(client, message("signed-in", task_id=task.id)))


async def test_an_agent_can_fail_and_says_why(client):
    task = await send_for_task(client, message("tck-task-failure"))
    assert task.status.state == TaskState.TASK_STATE_FAILED
    assert get_message_text(task.status.message)


@pytest.mark.parametrize(
    ("prefix", "text"),
    [("tck-stream-basic", "Stream hello from TCK"), ("tck-stream-chunked", "one two three")],
)
async def test_the_short_names_of_streams_give_their_artifact(client, prefix, text):
    [artifact] = (await send_for_task(client, message(prefix))).artifacts
    assert get_artifact_text(artifact, delimiter="") == text


async def test_a_long_running_task_gives_an_artifact(client):
    task = await send_for_task(client, message("tck-long-running"), return_immediately=True)
    assert not is_completed(task)
    task = await wait_for(client, task.id, is_completed)
    assert len(task.artifacts) == 1


async def test_history_is_as_long_as_asked_for(client):
    task = await send_for_task(client, message("tck-input-required"))
    await send_for_task(client, message("tck-input-required", task_id=task.id))
    whole = await client.get_task(GetTaskRequest(id=task.id))
    assert len(whole.history) > 1
    for length in 0, 1:
        task = await client.get_task(GetTaskRequest(id=task.id, history_length=length))
        assert list(task.history) == list(whole.history)[len(whole.history) - length :]


async def test_a_waiting_task_can_be_cancelled_once(client):
    task = await send_for_task(client, message("tck-input-required"))
    cancelled = await client.cancel_task(CancelTaskRequest(id=task.id))
    assert cancelled.status.state == TaskState.TASK_STATE_CANCELED
    with pytest.raises(errors.TaskNotCancelableError):
        await client.cancel_task(CancelTaskRequest(id=task.id))


@pytest.mark.parametrize("prefix", ["test-resubscribe-message-id", "tck-cancel"])
async def test_a_running_task_can_be_cancelled(client, prefix):
    def is_cancelled(task):
        return task.status.state == TaskState.TASK_STATE_CANCELED

    sent = message(prefix)
    task = await send_for_task(client, sent, return_immediately=True)
    await client.cancel_task(CancelTaskRequest(id=task.id))
    await wait_for(client, task.id, is_cancelled)


async def test_lists_come_in_pages_newest_first(client):
    first = await send_for_task(client, message("tck-artifact-text"))
    context_id = first.context_id
    sent = [first.id]
    for _ in range(4):
        task = await send_for_task(client, message("tck-artifact-text", context_id=context_id))
        sent.append(task.id)
    listed, sizes, token = [], [], ""
    while True:
        request = ListTasksRequest(context_id=context_id, page_size=2, page_token=token)
        page = await client.list_tasks(request)
        assert page.total_size == 5
        assert not any(task.artifacts for task in page.tasks)
        listed += [task.id for task in page.tasks]
        sizes.append(len(page.tasks))
        token = page.next_page_token
        if not token:
            break
    assert sizes == [2, 2, 1]
    assert listed == sent[::-1]


async def test_lists_are_filtered(client):
    waiting = await send_for_task(client, message("tck-input-required"))
    context_id = waiting.context_id
    await send_for_task(client, message("tck-artifact-text", context_id=context_id))
    for state, has_artifacts in (
        (TaskState.TASK_STATE_INPUT_REQUIRED, False),
        (TaskState.TASK_STATE_COMPLETED, True),
    ):
        request = ListTasksRequest(context_id=context_id, status=state, include_artifacts=True)
        [task] = (await client.list_tasks(request)).tasks
        assert task.status.state == state
        assert bool(task.artifacts) == has_artifacts


async def test_users_see_their_own_tasks_only(client):
    request = SendMessageRequest(message=message("tck-complete-task"))
    [answer] = [e async for e in client.send_message(request, context=as_user("alice"))]
    asked = GetTaskRequest(id=answer.task.id)
    assert (await client.get_task(asked, context=as_user("alice"))).id == answer.task.id
    with pytest.raises(errors.TaskNotFoundError):
        await client.get_task(asked, context=as_user("bob"))


async def test_unknown_tasks_are_not_found(client):
    with pytest.raises(errors.TaskNotFoundError):
        await client.get_task(GetTaskRequest(id="unknown"))
    with pytest.raises(errors.TaskNotFoundError):
        await client.cancel_task(CancelTaskRequest(id="unknown"))
    with pytest.raises(errors.TaskNotFoundError):
        await send(client, message("tck-complete-task", task_id="unknown"))


@pytest.mark.parametrize(
    "invalid",
    [
        Message(role=Role.ROLE_USER, parts=[Part(text="no id")]),
        Message(message_id="no-role", parts=[Part(text="hello")]),
        Message(message_id="no-parts", role=Role.ROLE_USER),
        Message(message_id="no-content", role=Role.ROLE_USER, parts=[Part()]),
    ],
    ids=lambda message: message.message_id or "no-id",
)
async def test_invalid_messages_are_refused(client, invalid):
    with pytest.raises(errors.InvalidParamsError):
        await send(client, invalid)


async def test_invalid_pages_are_refused(client):
    with pytest.raises(errors.InvalidParamsError):
        await client.list_tasks(ListTasksRequest(page_size=101))
    with pytest.raises(errors.InvalidParamsError):
        await client.list_tasks(ListTasksRequest(page_token="not a token"))


async def test_other_versions_are_refused(client):
    version = ClientCallContext(service_parameters={"A2A-Version": "9.9"})
    with pytest.raises(errors.VersionNotSupportedError):
        await client.get_task(GetTaskRequest(id="any"), context=version)


async def test_many_at_once_are_kept_apart(client):
    tasks = {}

    async def one(n):
        tasks[n] = await send_for_task(client, message("tck-complete-task", f"number {n}"))

    async with anyio.create_task_group() as group:
        for n in range(20):
            group.start_soon(one, n)
    assert len({task.id for task in tasks.values()}) == 20
    for n, task in tasks.items():
        assert is_completed(task)
        assert get_message_text(task.history[0]) == f"number {n}"
