"""Section 3.2: execution mode, history length, metadata, service parameters."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from errors import VERSION_NOT_SUPPORTED
from messages import (
    COMPLETE,
    DIRECT_MESSAGE,
    IN_PROGRESS,
    INPUT_REQUIRED,
    SLOW,
    TEXT,
    TEXT_OF_ARTIFACT,
    message,
    texts,
)


def test_3_2_1_tenant_is_taken_from_the_request(agent):
    """The same caller's tasks of a tenant: over HTTP+JSON it stands in the path."""
    sent = agent.call(
        "SendMessage", {"tenant": "acme", "message": message(INPUT_REQUIRED)}
    ).ok()["task"]
    read = agent.call("GetTask", {"tenant": "acme", "id": sent["id"]}).ok()
    assert read == sent
    [listed] = agent.list(tenant="acme")["tasks"]
    assert listed["id"] == sent["id"]
    agent.call("CancelTask", {"tenant": "acme", "id": sent["id"]}).ok()


def test_3_2_2_blocking_must_wait_for_a_terminal_state(both):
    """By default, and if it is asked for in so many words."""
    with ThreadPoolExecutor() as pool:
        waits = [
            pool.submit(agent.task, message(SLOW), **configuration)
            for agent in both
            for configuration in ({}, {"returnImmediately": False})
        ]
    states = [wait.result()["status"]["state"] for wait in waits]
    assert states == ["TASK_STATE_COMPLETED"] * 4


def test_3_2_2_blocking_must_wait_for_an_interrupted_state(agent):
    task = agent.task(message(INPUT_REQUIRED))
    assert task["status"]["state"] == "TASK_STATE_INPUT_REQUIRED"
    again = agent.task(message(INPUT_REQUIRED, taskId=task["id"]))
    assert again["status"]["state"] == "TASK_STATE_INPUT_REQUIRED"
    assert again["status"]["timestamp"] >= task["status"]["timestamp"]


def test_3_2_2_blocking_must_include_all_artifacts_and_the_status(agent):
    task = agent.task(message(TEXT))
    assert task["status"]["state"] == "TASK_STATE_COMPLETED"
    [artifact] = task["artifacts"]
    assert texts(artifact["parts"]) == TEXT_OF_ARTIFACT
    task = agent.task(message(COMPLETE))
    assert texts(task["status"]["message"]["parts"]) == "Hello from TCK"


def test_3_2_2_non_blocking_must_return_while_work_goes_on(agent):
    task = agent.task(message(SLOW), returnImmediately=True)
    assert task["status"]["state"] in IN_PROGRESS
    assert agent.get(task["id"])["status"]["state"] in IN_PROGRESS
    agent.call("CancelTask", {"id": task["id"]}).ok()


def test_3_2_2_return_immediately_has_no_effect_on_a_direct_message(agent):
    result = agent.send(message(DIRECT_MESSAGE), returnImmediately=True).ok()
    assert set(result) == {"message"}


def test_3_2_2_return_immediately_has_no_effect_on_streams(agent):
    with agent.send_stream(message(TEXT), returnImmediately=True) as stream:
        events = list(stream)
    states = [event.state for event in events if event.state]
    assert states[-1] == "TASK_STATE_COMPLETED"


@pytest.fixture
def talked(agent, waiting) -> dict:
    """A task with messages of both sides in its history."""
    task = agent.task(message(INPUT_REQUIRED, taskId=waiting["id"]))
    assert len(task["history"]) >= 3
    return task


def with_history_length(agent, task: dict, operation: str, length: int) -> dict:
    """The task, as an operation returns it with a history length."""
    if operation == "GetTask":
        return agent.get(task["id"], historyLength=length)
    if operation == "ListTasks":
        [listed] = agent.list(historyLength=length)["tasks"]
        return listed
    follow_up = message(INPUT_REQUIRED, taskId=task["id"])
    if operation == "SendMessage":
        return agent.task(follow_up, historyLength=length)
    with agent.send_stream(follow_up, historyLength=length) as stream:
        return next(stream).value


OPERATIONS = ["SendMessage", "SendStreamingMessage", "GetTask", "ListTasks"]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_3_2_4_zero_should_omit_the_history(agent, talked, operation):
    assert "history" not in with_history_length(agent, talked, operation, 0)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_3_2_4_must_not_return_more_than_the_length(agent, talked, operation):
    assert len(with_history_length(agent, talked, operation, 2)["history"]) <= 2


def test_3_2_4_the_most_recent_messages_are_returned(agent, talked):
    whole = agent.get(talked["id"])["history"]
    for length in range(1, len(whole) + 2):
        for operation in ("GetTask", "ListTasks"):
            history = with_history_length(agent, talked, operation, length)["history"]
            assert 0 < len(history) <= length
            assert history == whole[-len(history) :]


def test_3_2_4_unset_is_no_limit(agent, talked):
    """How much is the server's choice: it is the same for every operation."""
    history = agent.get(talked["id"])["history"]
    assert history == talked["history"]
    [listed] = agent.list()["tasks"]
    assert listed["history"] == history


def test_3_2_5_metadata_is_any_json(agent):
    metadata = {
        "text": "ä\n\U0001f600",
        "snake_case": {"nested": [1, -2.5, True, None, {}]},
        "big": 9007199254740993,
        "https://example.com/extensions/x/v1": [],
    }
    params = {"message": message(COMPLETE, metadata=metadata), "metadata": metadata}
    task = agent.call("SendMessage", params).ok()["task"]
    assert task["history"][0]["metadata"] == metadata


@pytest.mark.parametrize("name", ["A2A-Version", "a2a-version", "A2A-VERSION"])
def test_3_2_6_names_of_service_parameters_are_case_insensitive(agent, name):
    agent.headers = {k: v for k, v in agent.headers.items() if k != "A2A-Version"}
    agent.headers |= {name: "1.0"}
    agent.task(message(COMPLETE))
    agent.headers[name] = "9.9"
    agent.send(message(COMPLETE)).refused_as(VERSION_NOT_SUPPORTED)


def test_3_2_6_extensions_are_a_comma_separated_list(agent):
    """What the agent does not have is ignored, be it one or many."""
    uris = ["https://example.com/extensions/unknown/v1", "https://example.com/extensions/other/v1"]
    for value in (uris[0], ",".join(uris), ", ".join(uris)):
        agent.with_headers(A2A_Extensions=value).task(message(COMPLETE))


def test_3_2_6_unsupported_version_is_refused(agent):
    answer = agent.with_headers(A2A_Version="9.9").send(message(COMPLETE))
    answer.refused_as(VERSION_NOT_SUPPORTED)
