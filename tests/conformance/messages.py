"""Messages for the conformance agent, which behaves as their ids begin."""

from uuid import uuid4

COMPLETE = "tck-complete-task"
INPUT_REQUIRED = "tck-input-required"
TEXT = "tck-artifact-text"
FILE = "tck-artifact-file"
FILE_URL = "tck-artifact-file-url"
DATA = "tck-artifact-data"
DIRECT_MESSAGE = "tck-message-response"
REJECT = "tck-reject-task"
LIFECYCLE = "tck-stream-001"
CHUNKED = "tck-stream-artifact-chunked"
# Chunks of an artifact, apart in time. It is not of the public suites.
TICKS = "test-stream-ticks"
# Works for four seconds.
SLOW = "test-resubscribe-message-id"
DIRECT_TEXT = "Direct message response"
TEXT_OF_ARTIFACT = "Generated text content"
CHUNKS = ["one ", "two ", "three"]

# What the agent `strict` requires.
REQUIRED_EXTENSION = "https://example.com/extensions/required/v1"

TERMINAL = {
    "TASK_STATE_COMPLETED",
    "TASK_STATE_FAILED",
    "TASK_STATE_CANCELED",
    "TASK_STATE_REJECTED",
}
INTERRUPTED = {"TASK_STATE_INPUT_REQUIRED", "TASK_STATE_AUTH_REQUIRED"}
IN_PROGRESS = {"TASK_STATE_SUBMITTED", "TASK_STATE_WORKING"}


def unique(prefix: str) -> str:
    return f"{prefix}-{uuid4()}"


def message(behaviour: str, text: str = "hello", **fields) -> dict:
    """A message that makes the agent behave so."""
    return {
        "messageId": unique(behaviour),
        "role": "ROLE_USER",
        "parts": [{"text": text}],
    } | fields


def texts(parts: list[dict]) -> str:
    return "".join(part.get("text", "") for part in parts)


def finished(client, state: str) -> dict:
    """A task in one of the terminal states that the conformance agent can be brought to."""
    if state == "TASK_STATE_CANCELED":
        task = client.task(message(INPUT_REQUIRED))
        return client.call("CancelTask", {"id": task["id"]}).ok()
    behaviour = {"TASK_STATE_COMPLETED": COMPLETE, "TASK_STATE_REJECTED": REJECT}[state]
    return client.task(message(behaviour))


# The terminal states that `finished` knows.
REACHABLE_TERMINAL = ["TASK_STATE_COMPLETED", "TASK_STATE_REJECTED", "TASK_STATE_CANCELED"]


def about(task_id: str) -> list[tuple[str, dict]]:
    """Every operation on a task, with its parameters."""
    config = {"taskId": task_id, "id": "c"}
    return [
        ("SendMessage", {"message": message(COMPLETE, taskId=task_id)}),
        ("SendStreamingMessage", {"message": message(COMPLETE, taskId=task_id)}),
        ("GetTask", {"id": task_id}),
        ("CancelTask", {"id": task_id}),
        ("SubscribeToTask", {"id": task_id}),
        ("CreateTaskPushNotificationConfig", push_config(task_id)),
        ("GetTaskPushNotificationConfig", config),
        ("ListTaskPushNotificationConfigs", {"taskId": task_id}),
        ("DeleteTaskPushNotificationConfig", config),
    ]


# A host that nobody has (RFC 2606): what is pushed there arrives nowhere.
HOOK = "https://client.example/hook"
TOKEN = "token-that-nobody-may-read"
CREDENTIALS = "credentials-that-nobody-may-read"


def push_config(task_id: str, **fields) -> dict:
    return {
        "taskId": task_id,
        "url": HOOK,
        "token": TOKEN,
        "authentication": {"scheme": "Bearer", "credentials": CREDENTIALS},
    } | fields
