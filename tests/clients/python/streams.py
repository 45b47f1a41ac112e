"""Streams as the tests look at them: what came, and when."""

import time
from dataclasses import dataclass

from a2a.types import Message, SendMessageRequest, SubscribeToTaskRequest, TaskState

TICKS = "test-stream-ticks"
TICK_COUNT = 10
TICK_MS = 250
TICKS_TEXT = " ".join(f"tick {n}" for n in range(1, TICK_COUNT + 1))


@dataclass
class Heard:
    """An event, and the time at which it came, by the clock of this machine."""

    event: object
    at_ms: float

    @property
    def kind(self) -> str:
        return self.event.WhichOneof("payload")


def sending(client, message: Message):
    return client.send_message(SendMessageRequest(message=message))


def subscribing(client, task_id: str):
    return client.subscribe(SubscribeToTaskRequest(id=task_id))


async def hear(stream, heard: list | None = None) -> list[Heard]:
    """Listens until the stream ends. What has come until then is in `heard`, too."""
    heard = [] if heard is None else heard
    async for event in stream:
        heard.append(Heard(event, time.time() * 1000))
    return heard


async def events(stream) -> list:
    return [heard.event for heard in await hear(stream)]


def state(event) -> TaskState:
    """The state that an event tells."""
    kind = event.WhichOneof("payload")
    return getattr(event, kind).status.state


def kinds(events) -> list[str]:
    return [event.WhichOneof("payload") for event in events]


def fold(events):
    """The task that a client has after the events; the first is the task."""
    first, *updates = events
    assert kinds(events)[0] == "task"
    task = type(first.task)()
    task.CopyFrom(first.task)
    for event in updates:
        if event.WhichOneof("payload") == "status_update":
            update = event.status_update
            task.status.CopyFrom(update.status)
        else:
            update = event.artifact_update
            add(task.artifacts, update)
        assert (update.task_id, update.context_id) == (task.id, task.context_id)
    return task


def add(artifacts, update) -> None:
    if not update.append:
        artifacts.append(update.artifact)
        return
    [artifact] = [each for each in artifacts if each.artifact_id == update.artifact.artifact_id]
    artifact.parts.extend(update.artifact.parts)
