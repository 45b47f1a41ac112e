"""What the tests send, in few words."""

import time
from uuid import uuid4

import anyio
from a2a.client import ClientCallContext
from a2a.types import GetTaskRequest, Message, Part, Role, SendMessageRequest, TaskState

# Waiting for something that does not come ends here.
WAIT_LIMIT_S = 30
POLL_S = 0.05


def message(behaviour: str, text: str = "hello", **fields) -> Message:
    """A message that makes the conformance agent behave as the prefix says."""
    return Message(
        message_id=f"{behaviour}-{uuid4()}",
        role=Role.ROLE_USER,
        parts=[Part(text=text)],
        **fields,
    )


async def send(client, message: Message, **configuration):
    """The one answer to a client that does not stream: a StreamResponse."""
    request = SendMessageRequest(message=message, configuration=configuration)
    [answer] = [event async for event in client.send_message(request)]
    return answer


async def send_for_task(client, message: Message, **configuration):
    answer = await send(client, message, **configuration)
    assert answer.WhichOneof("payload") == "task"
    return answer.task


async def wait_for(client, task_id: str, holds):
    """Polls a task until something holds of it."""
    deadline = time.monotonic() + WAIT_LIMIT_S
    while True:
        task = await client.get_task(GetTaskRequest(id=task_id))
        if holds(task):
            return task
        assert time.monotonic() < deadline, f"waited for too long: {task}"
        await anyio.sleep(POLL_S)


def as_user(name: str) -> ClientCallContext:
    """Calls with it are those of a user whom the server knows."""
    return ClientCallContext(service_parameters={"Authorization": f"Bearer {name}"})


def is_completed(task) -> bool:
    return task.status.state == TaskState.TASK_STATE_COMPLETED
