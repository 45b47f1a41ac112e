"""Push configs by A2A 0.3. Its SDK sets and reads them; lists and deletions have types only."""

from uuid import uuid4

import pytest
from a2a.client.errors import A2AClientHTTPError, A2AClientJSONRPCError
from a2a.grpc import a2a_pb2
from a2a.types import DeleteTaskPushNotificationConfigParams
from a2a.types import DeleteTaskPushNotificationConfigRequest
from a2a.types import DeleteTaskPushNotificationConfigSuccessResponse
from a2a.types import GetTaskPushNotificationConfigParams, ListTaskPushNotificationConfigParams
from a2a.types import ListTaskPushNotificationConfigRequest
from a2a.types import ListTaskPushNotificationConfigSuccessResponse
from a2a.types import PushNotificationAuthenticationInfo, PushNotificationConfig
from a2a.types import TaskPushNotificationConfig
from a2a.utils.proto_utils import FromProto
from google.protobuf.json_format import ParseDict

from talk import message, send

pytestmark = pytest.mark.anyio

# A name that is reserved, and leads nowhere.
HOOK = "https://hook.example/updates"


@pytest.fixture
async def waiting(client):
    """A task that waits for its next message."""
    return await send(client, message("tck-input-required"), blocking=True)


def config_of(task_id: str, **fields) -> TaskPushNotificationConfig:
    fields = {"id": "mine", "url": HOOK} | fields
    config = PushNotificationConfig(**fields)
    return TaskPushNotificationConfig(task_id=task_id, push_notification_config=config)


async def get(client, task_id: str, config_id: str | None) -> TaskPushNotificationConfig:
    params = GetTaskPushNotificationConfigParams(id=task_id, push_notification_config_id=config_id)
    return await client.get_task_callback(params)


async def rpc(server, http, request) -> dict:
    body = request.model_dump(mode="json", exclude_none=True)
    return (await http.post(server.url, json=body)).raise_for_status().json()


@pytest.fixture
def listed(server, http, transport):
    async def listed(task_id: str) -> list[TaskPushNotificationConfig]:
        if transport == "JSONRPC":
            params = ListTaskPushNotificationConfigParams(id=task_id)
            request = ListTaskPushNotificationConfigRequest(id=str(uuid4()), params=params)
            answer = await rpc(server, http, request)
            return ListTaskPushNotificationConfigSuccessResponse.model_validate(answer).result
        answer = await http.get(f"{server.url}/v1/tasks/{task_id}/pushNotificationConfigs")
        page = a2a_pb2.ListTaskPushNotificationConfigResponse()
        ParseDict(answer.raise_for_status().json(), page)
        return [FromProto.task_push_notification_config(config) for config in page.configs]

    return listed


@pytest.fixture
def delete(server, http, transport):
    async def delete(task_id: str, config_id: str) -> None:
        if transport == "JSONRPC":
            params = DeleteTaskPushNotificationConfigParams(
                id=task_id, push_notification_config_id=config_id
            )
            request = DeleteTaskPushNotificationConfigRequest(id=str(uuid4()), params=params)
            answer = await rpc(server, http, request)
            DeleteTaskPushNotificationConfigSuccessResponse.model_validate(answer)
            return
        path = f"/v1/tasks/{task_id}/pushNotificationConfigs/{config_id}"
        (await http.delete(server.url + path)).raise_for_status()

    return delete


def config(of: TaskPushNotificationConfig) -> dict:
    """What it says, without the differences between none and empty that the transports make."""
    said = of.push_notification_config.model_dump()
    return {name: value for name, value in said.items() if value}


async def test_a_config_is_set_read_listed_and_deleted(client, waiting, listed, delete):
    made = await client.set_task_callback(config_of(waiting.id))
    assert made.task_id == waiting.id
    assert config(made) == {"id": "mine", "url": HOOK}
    assert await get(client, waiting.id, "mine") == made
    assert await listed(waiting.id) == [made]

    await delete(waiting.id, "mine")
    with pytest.raises((A2AClientHTTPError, A2AClientJSONRPCError)):
        await get(client, waiting.id, "mine")
    assert await listed(waiting.id) == []
    await delete(waiting.id, "mine")


async def test_secrets_are_not_returned(client, waiting, listed):
    authentication = PushNotificationAuthenticationInfo(
        schemes=["Bearer"], credentials="secret-credentials"
    )
    secrets = config_of(waiting.id, token="secret-token", authentication=authentication)
    made = await client.set_task_callback(secrets)
    shown = [made, await get(client, waiting.id, "mine"), *await listed(waiting.id)]
    assert len(shown) == 3
    for each in shown:
        assert each.push_notification_config.authentication.schemes == ["Bearer"]
        assert "secret" not in each.model_dump_json()


async def test_a_config_can_come_with_the_message(connect, listed):
    inline = PushNotificationConfig(id="inline", url=HOOK)
    client = connect(streaming=False, push_notification_configs=[inline])
    task = await send(client, message("tck-input-required"), blocking=True)
    [found] = await listed(task.id)
    assert config(found) == {"id": "inline", "url": HOOK}


async def test_configs_are_the_same_in_1_0(client, waiting, current):
    await client.set_task_callback(config_of(waiting.id))
    page = await current.get(f"/tasks/{waiting.id}/pushNotificationConfigs")
    [found] = page["configs"]
    assert (found["id"], found["taskId"], found["url"]) == ("mine", waiting.id, HOOK)


async def test_tasks_that_are_not_there_have_no_configs(client):
    with pytest.raises((A2AClientHTTPError, A2AClientJSONRPCError)):
        await client.set_task_callback(config_of("unknown"))
    with pytest.raises((A2AClientHTTPError, A2AClientJSONRPCError)):
        await get(client, "unknown", "mine")
