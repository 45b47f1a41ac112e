"""Section 3.4: contexts, tasks, and messages that go on with them."""

import pytest

from errors import TASK_NOT_FOUND
from messages import COMPLETE, DIRECT_MESSAGE, INPUT_REQUIRED, message, unique


def test_3_4_1_generated_context_must_be_in_the_response(agent):
    first, second = agent.task(message(COMPLETE)), agent.task(message(COMPLETE))
    assert first["contextId"]
    assert first["contextId"] != second["contextId"]
    assert agent.send(message(DIRECT_MESSAGE)).ok()["message"]["contextId"]


def test_3_4_1_context_of_the_client_must_not_be_replaced(agent):
    context = unique("my context / ä")
    assert agent.task(message(COMPLETE, contextId=context))["contextId"] == context
    answer = agent.send(message(DIRECT_MESSAGE, contextId=context)).ok()
    assert answer["message"]["contextId"] == context


@pytest.mark.parametrize("context", ["x" * 100_000, "a\nb", " ", "\u0000"])
def test_3_4_1_unacceptable_context_must_be_rejected(agent, context):
    """Whether a server takes an unusual id is its choice: to change it is not."""
    answer = agent.send(message(COMPLETE, contextId=context))
    if answer.is_error:
        assert answer.error["message"]
        assert agent.list()["totalSize"] == 0
    else:
        assert answer.ok()["task"]["contextId"] == context


def test_3_4_1_same_context_should_be_one_session(agent):
    first = agent.task(message(COMPLETE))
    second = agent.task(message(COMPLETE, contextId=first["contextId"]))
    tasks = agent.list(contextId=first["contextId"])["tasks"]
    assert {task["id"] for task in tasks} == {first["id"], second["id"]}


def test_3_4_2_task_ids_must_be_unique(agent):
    tasks = [agent.task(message(COMPLETE)) for _ in range(5)]
    assert len({task["id"] for task in tasks}) == 5


def test_3_4_2_generated_task_id_must_be_in_the_task(agent):
    task = agent.task(message(COMPLETE))
    assert agent.get(task["id"])["id"] == task["id"]


def test_3_4_2_unknown_task_id_must_be_not_found(agent):
    """Clients cannot make tasks under ids of their own."""
    mine = unique("mine")
    agent.send(message(COMPLETE, taskId=mine)).refused_as(TASK_NOT_FOUND)
    agent.call("GetTask", {"id": mine}).refused_as(TASK_NOT_FOUND)
    assert agent.list()["totalSize"] == 0


def test_3_4_3_new_task_in_a_context(agent, waiting):
    task = agent.task(message(COMPLETE, contextId=waiting["contextId"]))
    assert task["id"] != waiting["id"]
    assert task["contextId"] == waiting["contextId"]


def test_3_4_3_context_must_be_inferred_from_the_task(agent, waiting):
    sent = message(COMPLETE, taskId=waiting["id"])
    task = agent.task(sent)
    assert task["id"] == waiting["id"]
    assert task["contextId"] == waiting["contextId"]
    [kept] = [m for m in task["history"] if m["messageId"] == sent["messageId"]]
    assert kept["contextId"] == waiting["contextId"]


def test_3_4_3_mismatching_context_must_be_rejected(agent, waiting):
    other = agent.task(message(COMPLETE))
    for context in (unique("context"), other["contextId"]):
        answer = agent.send(message(COMPLETE, taskId=waiting["id"], contextId=context))
        assert answer.is_error, answer
    assert agent.get(waiting["id"]) == waiting


def test_3_4_3_input_required_goes_on_with_the_same_task_and_context(agent, waiting):
    sent = message(INPUT_REQUIRED, taskId=waiting["id"], contextId=waiting["contextId"])
    task = agent.task(sent)
    assert task["status"]["state"] == "TASK_STATE_INPUT_REQUIRED"
    sent = message(COMPLETE, taskId=waiting["id"], contextId=waiting["contextId"])
    task = agent.task(sent)
    assert task["id"] == waiting["id"]
    assert task["status"]["state"] == "TASK_STATE_COMPLETED"


def test_3_4_3_messages_may_reference_tasks(agent, waiting):
    sent = message(COMPLETE, referenceTaskIds=[waiting["id"]])
    task = agent.task(sent)
    assert task["id"] != waiting["id"]
    assert task["history"][0]["referenceTaskIds"] == [waiting["id"]]
