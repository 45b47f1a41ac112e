"""Streams that are refused, as the A2A SDK for Python of version 0.3 and those who build on it see it."""

import pytest
from a2a.client import A2ACardResolver, ClientConfig, ClientFactory
from a2a.client.errors import A2AClientJSONRPCError
from a2a.types import Task, TaskIdParams, TaskState

from server import Server
from talk import message

pytestmark = pytest.mark.anyio

TASK_NOT_FOUND = -32001
UNSUPPORTED_OPERATION = -32004
INVALID_PARAMS = -32602


@pytest.fixture
def transport():
    return "JSONRPC"


async def code_of(stream) -> int:
    """The code of the error that a stream consists of."""
    with pytest.raises(A2AClientJSONRPCError) as caught:
        async for _ in stream:
            pass
    return caught.value.error.code


async def ended(client) -> str:
    [(task, _)] = [event async for event in client.send_message(message("tck-complete-task"))]
    return task.id


async def test_a_message_that_is_refused_has_its_code(streamer, client):
    unknown = message("hi", task_id="unknown")
    assert await code_of(streamer.send_message(unknown)) == TASK_NOT_FOUND
    late = message("hi", task_id=await ended(client))
    assert await code_of(streamer.send_message(late)) == UNSUPPORTED_OPERATION
    empty = message("hi")
    empty.parts = []
    assert await code_of(streamer.send_message(empty)) == INVALID_PARAMS


async def test_a_resubscription_that_is_refused_has_its_code(streamer, client):
    assert await code_of(streamer.resubscribe(TaskIdParams(id="unknown"))) == TASK_NOT_FOUND
    over = TaskIdParams(id=await ended(client))
    assert await code_of(streamer.resubscribe(over)) == UNSUPPORTED_OPERATION


@pytest.fixture(scope="module", params=["conformance", "echo"])
def open_server(request):
    """A server whose card names no way to authenticate, and that serves everybody."""
    with Server("--memory", "--port", "0", "--agent", request.param) as server:
        yield server


async def test_a_client_that_asks_for_every_extended_card_can_send(open_server, http):
    """As BeeAI does: it reads the card, asks for the extended one if there is one, as anybody, and
    then streams."""
    card = await A2ACardResolver(http, open_server.url).get_agent_card()
    client = ClientFactory(ClientConfig(httpx_client=http)).create(card)
    await client.get_card()
    assert not card.supports_authenticated_extended_card
    # Some readers, such as fasta2a, require these of every skill.
    assert all(skill.input_modes and skill.output_modes for skill in card.skills)
    events = [event async for event in client.send_message(message("hi"))]
    task, _ = events[-1]
    assert isinstance(task, Task)
    assert task.status.state == TaskState.completed
