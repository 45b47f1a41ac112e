"""What a receiver is pushed, as the tests look at it."""

from messages import texts
from receiver import Hook, Push

FIRST_RETRY_S = 5


def inline(hook: Hook, **fields) -> dict:
    """The configuration of a message that has what comes of it pushed to a hook."""
    return {"taskPushNotificationConfig": {"url": hook.url} | fields}


def register(client, task_id: str, hook: Hook, **fields) -> dict:
    """A config on a task that is there."""
    config = {"taskId": task_id, "url": hook.url} | fields
    return client.call("CreateTaskPushNotificationConfig", config).ok()


def kind(push: Push) -> str:
    """`task`, `message`, `statusUpdate` or `artifactUpdate`."""
    [kind] = push.data
    return kind


def kinds(pushes: list[Push]) -> list[str]:
    return [kind(push) for push in pushes]


def values(pushes: list[Push], of: str) -> list[dict]:
    """What the pushes of a kind have."""
    return [push.data[of] for push in pushes if kind(push) == of]


def states(pushes: list[Push]) -> list[str]:
    """The states that the pushes tell, without the prefix."""
    told = [push.data[kind(push)] for push in pushes if kind(push) in ("task", "statusUpdate")]
    return [each["status"]["state"].removeprefix("TASK_STATE_") for each in told]


def ends_with(state: str):
    """Whether the last push tells this state."""
    return lambda pushes: states(pushes[-1:]) == [state]


def ids(pushes: list[Push]) -> list[str]:
    return [push.headers["webhook-id"] for push in pushes]


def text_of_artifact(pushes: list[Push]) -> str:
    """What the one artifact says in the end: a chunk that does not append begins it anew."""
    text = ""
    for update in values(pushes, "artifactUpdate"):
        said = texts(update["artifact"]["parts"])
        text = text + said if update.get("append") else said
    return text
