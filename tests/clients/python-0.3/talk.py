"""What the tests send, in few words."""

import time
from uuid import uuid4

import anyio
from a2a.types import Message, MessageSendConfiguration, Part, Role, TaskQueryParams, TextPart

# Waiting for something that does not come ends here.
WAIT_LIMIT_S = 30
POLL_S = 0.05

TICKS = "test-stream-ticks"
TICK_COUNT = 10
TICKS_TEXT = " ".join(f"tick {n}" for n in range(1, TICK_COUNT + 1))


def message(behaviour: str, parts=None, **fields) -> Message:
    """A message that makes the conformance agent behave as the prefix says."""
    return Message(
        message_id=f"{behaviour}-{uuid4()}",
        role=Role.user,
        parts=[Part(root=part) for part in parts or [TextPart(text="hello")]],
        **fields,
    )


async def send(client, message: Message, **configuration):
    """The one answer to a client that does not stream: a task or a message."""
    configuration = MessageSendConfiguration(**configuration)
    sent = client.send_message(message, configuration=configuration)
    [answer] = [event async for event in sent]
    return answer[0] if isinstance(answer, tuple) else answer


async def get(client, task_id: str, **query):
    return await client.get_task(TaskQueryParams(id=task_id, **query))


async def wait_for(client, task_id: str, state):
    """Polls a task until it has a state."""
    deadline = time.monotonic() + WAIT_LIMIT_S
    while True:
        task = await get(client, task_id)
        if task.status.state == state:
            return task
        assert time.monotonic() < deadline, f"waited for too long: {task}"
        await anyio.sleep(POLL_S)


def text_of(parts) -> str:
    return "".join(part.root.text for part in parts)
