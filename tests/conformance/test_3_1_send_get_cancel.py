"""Sections 3.1, 3.1.1, 3.1.3 and 3.1.5: sending a message, reading a task, canceling it."""

import pytest

from errors import (
    CONTENT_TYPE_NOT_SUPPORTED,
    TASK_NOT_CANCELABLE,
    TASK_NOT_FOUND,
    UNSUPPORTED_OPERATION,
)
from messages import (
    COMPLETE,
    DIRECT_MESSAGE,
    DIRECT_TEXT,
    IN_PROGRESS,
    REACHABLE_TERMINAL,
    SLOW,
    TEXT,
    TEXT_OF_ARTIFACT,
    finished,
    message,
    texts,
    unique,
)


def test_3_1_1_must_return_task_or_message(agent):
    assert set(agent.send(message(COMPLETE)).ok()) == {"task"}
    result = agent.send(message(DIRECT_MESSAGE)).ok()
    assert set(result) == {"message"}
    assert result["message"]["role"] == "ROLE_AGENT"
    assert texts(result["message"]["parts"]) == DIRECT_TEXT


def test_3_1_1_unsupported_content_type_is_refused(echo):
    part = {"raw": "AAAA", "mediaType": "image/png"}
    echo.send(message("m", parts=[part])).refused_as(CONTENT_TYPE_NOT_SUPPORTED)


@pytest.mark.parametrize("state", REACHABLE_TERMINAL)
def test_3_1_1_terminal_task_takes_no_message(agent, state):
    task = finished(agent, state)
    assert task["status"]["state"] == state
    agent.send(message(COMPLETE, taskId=task["id"])).refused_as(UNSUPPORTED_OPERATION)
    assert agent.get(task["id"]) == task


def test_3_1_1_message_to_unknown_task_is_refused(agent):
    agent.send(message(COMPLETE, taskId=unique("none"))).refused_as(TASK_NOT_FOUND)


def test_3_1_3_get_task_returns_the_current_state_and_artifacts(agent, waiting):
    assert agent.get(waiting["id"])["status"]["state"] == "TASK_STATE_INPUT_REQUIRED"
    sent = agent.task(message(TEXT, taskId=waiting["id"]))
    task = agent.get(waiting["id"])
    assert task == sent
    assert task["status"]["state"] == "TASK_STATE_COMPLETED"
    [artifact] = task["artifacts"]
    assert texts(artifact["parts"]) == TEXT_OF_ARTIFACT


def test_3_1_3_unknown_task_is_not_found(agent):
    agent.call("GetTask", {"id": unique("none")}).refused_as(TASK_NOT_FOUND)


def test_3_1_5_cancel_returns_the_task_with_its_cancellation(agent, waiting):
    task = agent.call("CancelTask", {"id": waiting["id"]}).ok()
    assert task["id"] == waiting["id"]
    assert task["status"]["state"] == "TASK_STATE_CANCELED"
    assert agent.get(waiting["id"]) == task


def test_3_1_5_cancel_stops_a_task_at_work(agent):
    task = agent.task(message(SLOW), returnImmediately=True)
    assert task["status"]["state"] in IN_PROGRESS
    agent.wait_for(task["id"], "TASK_STATE_WORKING")
    agent.call("CancelTask", {"id": task["id"]}).ok()
    agent.wait_for(task["id"], "TASK_STATE_CANCELED")


@pytest.mark.parametrize("state", ["TASK_STATE_COMPLETED", "TASK_STATE_REJECTED"])
def test_3_1_5_terminal_task_is_not_cancelable(agent, state):
    task = finished(agent, state)
    agent.call("CancelTask", {"id": task["id"]}).refused_as(TASK_NOT_CANCELABLE)
    assert agent.get(task["id"]) == task


def test_3_1_5_unknown_task_is_not_found(agent):
    agent.call("CancelTask", {"id": unique("none")}).refused_as(TASK_NOT_FOUND)
