"""The A2A SDK for Python of version 0.3 as a client, over both of its transports."""

import base64

import pytest
from a2a.client import ClientCallContext
from a2a.client.errors import A2AClientHTTPError, A2AClientJSONRPCError
from a2a.types import DataPart, FilePart, FileWithBytes, FileWithUri, Message, Role, Task
from a2a.types import TaskIdParams, TaskState, TextPart

from talk import get, message, send, text_of, wait_for

pytestmark = pytest.mark.anyio

BYTES = base64.b64encode(b"\0bytes").decode()
PARTS = [
    TextPart(text="some text"),
    FilePart(file=FileWithBytes(bytes=BYTES, mime_type="a/b", name="n")),
    FilePart(file=FileWithUri(uri="https://files.example/f", mime_type="c/d", name="f")),
    DataPart(data={"key": ["value", 42.5, None, {"deep": True}]}),
]
# The same in 1.0.
CURRENT_PARTS = [
    {"text": "some text"},
    {"raw": BYTES, "mediaType": "a/b", "filename": "n"},
    {"url": "https://files.example/f", "mediaType": "c/d", "filename": "f"},
    {"data": {"key": ["value", 42.5, None, {"deep": True}]}},
]


def roots(parts):
    """Parts without the differences between none and empty that the two transports make."""
    return [part.root.model_dump(exclude_none=True) for part in parts]


def without_empty(parts):
    return [
        {name: value for name, value in part.items() if value not in ({}, None)}
        for part in parts
    ]


async def refused(call) -> int:
    """Makes a call that must fail; what the error is, by its number in the transport."""
    with pytest.raises((A2AClientJSONRPCError, A2AClientHTTPError)) as caught:
        await call
    error = caught.value
    return error.error.code if isinstance(error, A2AClientJSONRPCError) else error.status_code


async def test_the_card_is_one_of_0_3(card, server):
    assert card.name == "conformance"
    assert card.protocol_version.startswith("0.3")
    assert card.url == server.url
    assert card.preferred_transport == "JSONRPC"
    others = {(each.transport, each.url) for each in card.additional_interfaces}
    assert ("HTTP+JSON", server.url) in others
    assert card.capabilities.streaming
    assert card.capabilities.push_notifications
    assert card.supports_authenticated_extended_card
    assert [skill.id for skill in card.skills] == ["conformance"]


async def test_known_callers_are_shown_more(client):
    headers = {"headers": {"Authorization": "Bearer alice"}}
    card = await client.get_card(context=ClientCallContext(state={"http_kwargs": headers}))
    assert [skill.id for skill in card.skills] == ["conformance", "known-callers"]


async def test_unknown_callers_are_not(client):
    with pytest.raises(A2AClientHTTPError) as caught:
        await client.get_card()
    assert caught.value.status_code == 401


async def test_a_blocking_send_answers_with_the_finished_task(client, transport, current):
    sent = message("tck-complete-task")
    task = await send(client, sent, blocking=True)
    assert task.status.state == TaskState.completed
    assert text_of(task.status.message.parts) == "Hello from TCK"
    assert [each.message_id for each in task.history] == [sent.message_id]
    assert await get(client, task.id) == task
    read = await current.task(task.id)
    assert read["contextId"] == task.context_id
    assert read["status"]["state"] == "TASK_STATE_COMPLETED"
    if transport == "JSONRPC":
        # Over HTTP+JSON this client leaves the time out of what it reads.
        assert read["status"]["timestamp"] == task.status.timestamp


async def test_a_send_need_not_block(client, current):
    task = await send(client, message("test-resubscribe-message-id"), blocking=False)
    assert task.status.state in (TaskState.submitted, TaskState.working)
    assert (await current.task(task.id))["id"] == task.id
    await wait_for(client, task.id, TaskState.completed)


async def test_an_answer_can_be_a_message(client):
    answer = await send(client, message("tck-message-response"), blocking=True)
    assert isinstance(answer, Message)
    assert answer.role == Role.agent
    assert text_of(answer.parts) == "Direct message response"


async def test_an_agent_can_reject(client):
    task = await send(client, message("tck-reject-task"), blocking=True)
    assert task.status.state == TaskState.rejected


async def test_all_kinds_of_parts_are_taken(client, current):
    task = await send(client, message("tck-complete-task", PARTS), blocking=True)
    [said] = (await get(client, task.id)).history
    assert without_empty(roots(said.parts)) == [p.model_dump(exclude_none=True) for p in PARTS]
    [said] = (await current.task(task.id))["history"]
    assert said["parts"] == CURRENT_PARTS


async def test_all_kinds_of_parts_are_read(client, current):
    sent = {"messageId": "tck-complete-task", "role": "ROLE_USER", "parts": CURRENT_PARTS}
    task = await current.send(sent)
    [said] = (await get(client, task["id"])).history
    assert without_empty(roots(said.parts)) == [p.model_dump(exclude_none=True) for p in PARTS]


@pytest.mark.parametrize(
    ("behaviour", "part"),
    [
        ("tck-artifact-text", TextPart(text="Generated text content")),
        ("tck-artifact-data", DataPart(data={"key": "value", "count": 42})),
        (
            "tck-artifact-file",
            FilePart(file=FileWithBytes(bytes="dGNr", mime_type="text/plain", name="output.txt")),
        ),
        (
            "tck-artifact-file-url",
            FilePart(
                file=FileWithUri(
                    uri="https://example.com/output.txt", mime_type="text/plain", name="output.txt"
                )
            ),
        ),
    ],
)
async def test_artifacts_come_as_what_they_are(client, behaviour, part):
    task = await send(client, message(behaviour), blocking=True)
    [artifact] = task.artifacts
    assert without_empty(roots(artifact.parts)) == [part.model_dump(exclude_none=True)]


async def test_a_follow_up_goes_on_with_the_task(client, current):
    question = message("tck-input-required")
    asked = await send(client, question, blocking=True)
    assert asked.status.state == TaskState.input_required
    answer = message("tck-complete-task", task_id=asked.id)
    done = await send(client, answer, blocking=True)
    assert done.status.state == TaskState.completed
    assert (done.id, done.context_id) == (asked.id, asked.context_id)
    said = [each["messageId"] for each in (await current.task(done.id))["history"]]
    assert [said[0], said[-1]] == [question.message_id, answer.message_id]


async def test_history_is_as_long_as_asked_for(client):
    asked = await send(client, message("tck-input-required"), blocking=True)
    answer = message("tck-complete-task", task_id=asked.id)
    await send(client, answer, blocking=True)
    task = await get(client, asked.id, history_length=1)
    assert [each.message_id for each in task.history] == [answer.message_id]


async def test_a_waiting_task_can_be_cancelled_once(client, transport, current):
    asked = await send(client, message("tck-input-required"), blocking=True)
    cancelled = await client.cancel_task(TaskIdParams(id=asked.id))
    assert isinstance(cancelled, Task)
    assert cancelled.status.state == TaskState.canceled
    assert (await current.task(asked.id))["status"]["state"] == "TASK_STATE_CANCELED"
    code = await refused(client.cancel_task(TaskIdParams(id=asked.id)))
    assert code == {"JSONRPC": -32002, "HTTP+JSON": 409}[transport]


async def test_unknown_tasks_are_not_found(client, transport):
    expected = {"JSONRPC": -32001, "HTTP+JSON": 404}[transport]
    assert await refused(get(client, "unknown")) == expected
    assert await refused(client.cancel_task(TaskIdParams(id="unknown"))) == expected
    follow_up = message("tck-complete-task", task_id="unknown")
    assert await refused(send(client, follow_up)) == expected


async def test_invalid_messages_are_refused(client, transport):
    empty = message("tck-complete-task")
    empty.parts = []
    assert await refused(send(client, empty)) == {"JSONRPC": -32602, "HTTP+JSON": 422}[transport]


async def test_both_versions_share_a_conversation(client, current):
    """A question to a client of 0.3 is answered by one of 1.0, and is over for both."""
    asked = await send(client, message("tck-input-required"), blocking=True)
    answer = {
        "messageId": "tck-complete-task",
        "role": "ROLE_USER",
        "parts": [{"text": "go on"}],
        "taskId": asked.id,
    }
    assert (await current.send(answer))["status"]["state"] == "TASK_STATE_COMPLETED"
    task = await get(client, asked.id)
    assert task.status.state == TaskState.completed
    assert task.history[-1].message_id == "tck-complete-task"
