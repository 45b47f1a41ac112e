"""Push configs: made, read, listed and deleted by the A2A SDK for Python, over both bindings."""

import pytest
from a2a.types import AuthenticationInfo, DeleteTaskPushNotificationConfigRequest
from a2a.types import GetTaskPushNotificationConfigRequest, ListTaskPushNotificationConfigsRequest
from a2a.types import TaskPushNotificationConfig
from a2a.utils import errors

from calls import as_user, message, send_for_task

pytestmark = pytest.mark.anyio

# A name that is reserved, and leads nowhere.
HOOK = "https://hook.example/updates"


def push_config(task_id: str, **fields) -> TaskPushNotificationConfig:
    return TaskPushNotificationConfig(
        task_id=task_id,
        **{"url": HOOK} | fields,
    )


@pytest.fixture
async def waiting(client):
    """A task that waits for its next message."""
    return await send_for_task(client, message("tck-input-required"))


async def get(client, config, **more):
    request = GetTaskPushNotificationConfigRequest(task_id=config.task_id, id=config.id)
    return await client.get_task_push_notification_config(request, **more)


async def listed(client, task_id: str, **fields):
    """All configs, page by page."""
    found, token = [], ""
    while True:
        request = ListTaskPushNotificationConfigsRequest(
            task_id=task_id, page_token=token, **fields
        )
        page = await client.list_task_push_notification_configs(request)
        found += page.configs
        token = page.next_page_token
        if not token:
            return found


async def delete(client, config):
    request = DeleteTaskPushNotificationConfigRequest(task_id=config.task_id, id=config.id)
    await client.delete_task_push_notification_config(request)


async def test_a_config_is_made_read_listed_and_deleted(client, waiting):
    made = await client.create_task_push_notification_config(push_config(waiting.id))
    assert made.id
    assert (made.task_id, made.url) == (waiting.id, HOOK)
    assert await get(client, made) == made
    assert await listed(client, waiting.id) == [made]

    await delete(client, made)
    with pytest.raises(errors.TaskNotFoundError):
        await get(client, made)
    assert await listed(client, waiting.id) == []
    # The second time, it is as good as deleted.
    await delete(client, made)


async def test_a_config_with_the_same_id_is_replaced(client, waiting):
    for path in "first", "second":
        config = push_config(waiting.id, id="mine", url=f"{HOOK}/{path}")
        await client.create_task_push_notification_config(config)
    [config] = await listed(client, waiting.id)
    assert (config.id, config.url) == ("mine", f"{HOOK}/second")


async def test_configs_come_in_pages(client, waiting):
    made = {}
    for n in range(5):
        config = push_config(waiting.id, url=f"{HOOK}/{n}")
        config = await client.create_task_push_notification_config(config)
        made[config.id] = config
    assert len(made) == 5
    found = await listed(client, waiting.id, page_size=2)
    assert len(found) == 5
    assert {config.id: config for config in found} == made


async def test_secrets_are_not_returned(client, waiting):
    secrets = push_config(
        waiting.id,
        token="secret-token",
        authentication=AuthenticationInfo(scheme="Bearer", credentials="secret-credentials"),
    )
    made = await client.create_task_push_notification_config(secrets)
    shown = [made, await get(client, made), *await listed(client, waiting.id)]
    assert len(shown) == 3
    for config in shown:
        assert config.authentication.scheme == "Bearer"
        assert "secret" not in str(config)


async def test_a_config_can_come_with_the_message(client):
    inline = TaskPushNotificationConfig(url=HOOK, token="secret-token")
    sent = message("tck-input-required")
    task = await send_for_task(client, sent, task_push_notification_config=inline)
    [config] = await listed(client, task.id)
    assert (config.task_id, config.url, config.token) == (task.id, HOOK, "")


async def test_tasks_that_are_not_there_have_no_configs(client):
    config = push_config("unknown", id="any")
    with pytest.raises(errors.TaskNotFoundError):
        await client.create_task_push_notification_config(config)
    with pytest.raises(errors.TaskNotFoundError):
        await get(client, config)
    with pytest.raises(errors.TaskNotFoundError):
        await listed(client, "unknown")
    with pytest.raises(errors.TaskNotFoundError):
        await delete(client, config)


async def test_others_do_not_see_a_config(client, waiting):
    made = await client.create_task_push_notification_config(push_config(waiting.id))
    with pytest.raises(errors.TaskNotFoundError):
        await get(client, made, context=as_user("somebody-else"))


@pytest.mark.parametrize("url", ["", "not a url", "/relative", "ftp://hook.example/"])
async def test_invalid_urls_are_refused(client, waiting, url):
    with pytest.raises(errors.InvalidParamsError):
        await client.create_task_push_notification_config(push_config(waiting.id, url=url))
