"""Sections 3.1.7, 3.1.10, 3.2.2 and 3.5: what happens to a task is pushed to who asked for it."""

import pytest

from messages import COMPLETE, INPUT_REQUIRED, LIFECYCLE, REJECT, TICKS, finished, message
from pushes import (
    FIRST_RETRY_S,
    ends_with,
    ids,
    inline,
    kinds,
    register,
    states,
    text_of_artifact,
    values,
)
from receiver import Answer
from shapes import problems


def test_3_1_7_updates_of_a_running_task_are_pushed(agent, hook):
    """A config that is made in its middle is told the task as it is, and all that follows."""
    task = agent.task(message(TICKS), returnImmediately=True)
    register(agent, task["id"], hook)
    pushes = hook.wait(ends_with("COMPLETED"))
    assert kinds(pushes)[0] == "task"
    assert states(pushes) == ["WORKING", "COMPLETED"]
    [shown] = values(pushes, "task")
    said = "".join(part["text"] for each in shown["artifacts"] for part in each["parts"])
    assert 1 <= len(said.split("tick")) - 1 < 10
    assert said + text_of_artifact(pushes) == " ".join(f"tick {n}" for n in range(1, 11))


def test_3_1_7_config_of_an_interrupted_task_is_told_the_task(agent, waiting, hook):
    register(agent, waiting["id"], hook)
    [push] = hook.wait_for(1)
    assert push.data == {"task": waiting}


@pytest.mark.parametrize(
    "state", ["TASK_STATE_COMPLETED", "TASK_STATE_REJECTED", "TASK_STATE_CANCELED"]
)
def test_3_1_7_config_of_a_finished_task_is_told_the_task(agent, hook, state):
    task = finished(agent, state)
    register(agent, task["id"], hook)
    [push] = hook.wait_for(1)
    assert push.data == {"task": agent.get(task["id"])}


def test_3_1_7_follow_ups_are_pushed(agent, waiting, hook):
    """The config persists while its task does."""
    register(agent, waiting["id"], hook)
    hook.wait_for(1)
    agent.task(message(INPUT_REQUIRED, taskId=waiting["id"]))
    hook.wait_for(3)
    agent.task(message(COMPLETE, taskId=waiting["id"]))
    pushes = hook.wait(ends_with("COMPLETED"))
    assert kinds(pushes) == ["task"] + ["statusUpdate"] * (len(pushes) - 1)
    changes = [state for state in states(pushes) if state not in ("SUBMITTED", "WORKING")]
    assert changes == ["INPUT_REQUIRED", "INPUT_REQUIRED", "COMPLETED"]


def test_3_1_7_cancellation_is_pushed(agent, waiting, hook):
    register(agent, waiting["id"], hook)
    hook.wait_for(1)
    canceled = agent.call("CancelTask", {"id": waiting["id"]}).ok()
    pushes = hook.wait_for(2)
    assert states(pushes) == ["INPUT_REQUIRED", "CANCELED"]
    [update] = values(pushes, "statusUpdate")
    assert update["status"] == canceled["status"]


def test_3_1_7_cancellation_of_a_running_task_is_pushed(agent, hook):
    task = agent.task(message(TICKS), **inline(hook), returnImmediately=True)
    hook.wait_for(1)
    agent.call("CancelTask", {"id": task["id"]}).ok()
    pushes = hook.wait(ends_with("CANCELED"))
    assert "COMPLETED" not in states(pushes)


def test_3_1_10_no_further_notifications_after_deletion(agent, waiting, hook, other_hook):
    goes = register(agent, waiting["id"], hook)
    register(agent, waiting["id"], other_hook)
    hook.wait_for(1)
    other_hook.wait_for(1)
    params = {"taskId": waiting["id"], "id": goes["id"]}
    agent.call("DeleteTaskPushNotificationConfig", params).ok()
    for behaviour in INPUT_REQUIRED, COMPLETE:
        agent.task(message(behaviour, taskId=waiting["id"]))
    # What the deleted one would have been sent is sent to both at once.
    other_hook.wait(ends_with("COMPLETED"))
    assert len(hook.pushes) == 1


def test_3_1_10_no_retries_after_deletion(both, new_hook):
    """What failed is not tried again, and nothing else comes of it."""
    tasks = [agent.task(message(INPUT_REQUIRED)) for agent in both]
    hooks = [new_hook(*[Answer(500)] * 3) for _ in both]
    for agent, task, hook in zip(both, tasks, hooks, strict=True):
        config = register(agent, task["id"], hook)
        hook.wait_for(1)
        params = {"taskId": task["id"], "id": config["id"]}
        agent.call("DeleteTaskPushNotificationConfig", params).ok()
    assert hooks[-1].stays_silent(FIRST_RETRY_S + 3)
    assert [len(hook.pushes) for hook in hooks] == [1, 1]
    for agent, task in zip(both, tasks, strict=True):
        another = new_hook()
        register(agent, task["id"], another)
        agent.task(message(COMPLETE, taskId=task["id"]))
        another.wait(ends_with("COMPLETED"))


@pytest.mark.parametrize("immediately", [False, True])
def test_3_2_2_inline_config_is_pushed_to(agent, hook, immediately):
    """From the beginning, in either mode of execution."""
    task = agent.task(message(COMPLETE), **inline(hook), returnImmediately=immediately)
    pushes = hook.wait(ends_with("COMPLETED"))
    assert kinds(pushes)[0] == "task"
    assert states(pushes)[0] == "SUBMITTED"
    assert pushes[0].data["task"]["id"] == task["id"]


def test_3_2_2_inline_config_of_a_follow_up_is_pushed_to(agent, waiting, hook):
    agent.task(message(COMPLETE, taskId=waiting["id"]), **inline(hook))
    pushes = hook.wait(ends_with("COMPLETED"))
    assert pushes[0].data["task"]["id"] == waiting["id"]


def test_3_2_2_inline_config_of_a_stream_is_pushed_to(agent, hook):
    with agent.send_stream(message(COMPLETE), **inline(hook)) as stream:
        assert list(stream)[-1].state == "TASK_STATE_COMPLETED"
    hook.wait(ends_with("COMPLETED"))


@pytest.mark.parametrize(
    ("behaviour", "last"), [(LIFECYCLE, "COMPLETED"), (REJECT, "REJECTED")]
)
def test_3_5_1_state_changes_are_posted(agent, hook, behaviour, last):
    """Each once, in their order, each at its time."""
    task = agent.task(message(behaviour), **inline(hook))
    pushes = hook.wait(ends_with(last))
    assert states(pushes) == ["SUBMITTED", "WORKING", last]
    assert values(pushes, "statusUpdate")[-1]["status"] == task["status"]
    assert len(set(ids(pushes))) == len(pushes)


def test_3_5_1_payloads_are_those_of_http_json(agent, hook):
    """Over whatever binding the config was made: the envelope of JSON-RPC is not in them."""
    agent.task(message(LIFECYCLE), **inline(hook))
    pushes = hook.wait(ends_with("COMPLETED"))
    assert kinds(pushes) == ["task", "statusUpdate", "artifactUpdate", "statusUpdate"]
    for push in pushes:
        assert problems(push.data, "StreamResponse") == []


def test_3_5_3_pushes_are_http_posts(agent, hook):
    agent.task(message(LIFECYCLE), **inline(hook))
    pushes = hook.wait(ends_with("COMPLETED"))
    assert {push.method for push in pushes} == {"POST"}
    assert {push.path for push in pushes} == {hook.path}
