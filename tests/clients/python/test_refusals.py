"""What an agent does not offer is refused, to clients that look at its card and to those that do not."""

import pytest
from a2a.client import ClientConfig, ClientFactory, create_client
from a2a.types import GetExtendedAgentCardRequest, SendMessageRequest, SubscribeToTaskRequest
from a2a.types import TaskPushNotificationConfig, TaskState
from a2a.utils import errors
from httpx import AsyncClient

from calls import message, send, send_for_task

pytestmark = pytest.mark.anyio

REQUIRED_EXTENSION = "https://example.com/extensions/required/v1"


@pytest.fixture
def server(strict_server):
    return strict_server


@pytest.fixture
async def http():
    # The SDK leaves it to its caller to say which extensions it supports.
    async with AsyncClient(timeout=30, headers={"A2A-Extensions": REQUIRED_EXTENSION}) as http:
        yield http


@pytest.fixture
async def trusting_client(card, http, binding):
    """A client that believes the server can do everything, and so asks it."""
    card.capabilities.streaming = True
    card.capabilities.push_notifications = True
    card.capabilities.extended_agent_card = True
    config = ClientConfig(httpx_client=http, supported_protocol_bindings=[binding])
    async with ClientFactory(config).create(card) as client:
        yield client


async def test_the_card_claims_nothing_and_requires_an_extension(card):
    assert not card.capabilities.streaming
    assert not card.capabilities.push_notifications
    assert not card.capabilities.extended_agent_card
    required = [each.uri for each in card.capabilities.extensions if each.required]
    assert required == [REQUIRED_EXTENSION]


async def test_clients_without_the_required_extension_are_refused(server, binding):
    async with AsyncClient(timeout=30) as http:
        config = ClientConfig(httpx_client=http, supported_protocol_bindings=[binding])
        async with await create_client(server.url, config) as client:
            with pytest.raises(errors.ExtensionSupportRequiredError):
                await send(client, message("tck-complete-task"))


async def test_a_stream_falls_back_to_a_plain_send(streamer):
    task = await send_for_task(streamer, message("tck-stream-001"))
    assert task.status.state == TaskState.TASK_STATE_COMPLETED
    with pytest.raises(NotImplementedError):
        async for _ in streamer.subscribe(SubscribeToTaskRequest(id=task.id)):
            pass


async def test_streaming_is_refused(trusting_client):
    request = SendMessageRequest(message=message("tck-stream-001"))
    with pytest.raises(errors.UnsupportedOperationError):
        async for _ in trusting_client.send_message(request):
            pass
    with pytest.raises(errors.UnsupportedOperationError):
        async for _ in trusting_client.subscribe(SubscribeToTaskRequest(id="any")):
            pass


async def test_push_notifications_are_refused(client):
    config = TaskPushNotificationConfig(task_id="any", url="https://hook.example/")
    with pytest.raises(errors.PushNotificationNotSupportedError):
        await client.create_task_push_notification_config(config)
    with pytest.raises(errors.PushNotificationNotSupportedError):
        await send(
            client, message("tck-complete-task"), task_push_notification_config=config
        )


async def test_an_extended_card_is_refused(trusting_client):
    with pytest.raises(errors.UnsupportedOperationError):
        await trusting_client.get_extended_agent_card(GetExtendedAgentCardRequest())
