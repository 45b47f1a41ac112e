"""Section 3.1.4: listing tasks."""

import pytest

from client import poll
from errors import INVALID_PARAMS
from messages import COMPLETE, INPUT_REQUIRED, TEXT, message, unique


def ids(tasks: list[dict]) -> list[str]:
    return [task["id"] for task in tasks]


def several(agent, count: int, **fields) -> list[str]:
    """The ids of new tasks, the newest first."""
    return [agent.task(message(COMPLETE, **fields))["id"] for _ in range(count)][::-1]


def pages(agent, **params):
    """Every page, until the token is empty."""
    token = ""
    while True:
        page = agent.list(**params, **({"pageToken": token} if token else {}))
        yield page
        token = page["nextPageToken"]
        if not token:
            return


def test_3_1_4_filters_by_context(agent):
    context = unique("context")
    wanted = several(agent, 2, contextId=context)
    several(agent, 1)
    assert set(ids(agent.list(contextId=context)["tasks"])) == set(wanted)
    assert agent.list(contextId=unique("none"))["tasks"] == []


def test_3_1_4_filters_by_status(agent):
    completed = agent.task(message(COMPLETE))["id"]
    waiting = agent.task(message(INPUT_REQUIRED))["id"]
    assert ids(agent.list(status="TASK_STATE_COMPLETED")["tasks"]) == [completed]
    assert ids(agent.list(status="TASK_STATE_INPUT_REQUIRED")["tasks"]) == [waiting]
    assert agent.list(status="TASK_STATE_FAILED")["tasks"] == []


def test_3_1_4_filters_by_status_timestamp(agent):
    """`greater than or equal`: the task at the very time is listed."""
    several(agent, 3)
    listed = agent.list()["tasks"]
    at = listed[1]["status"]["timestamp"]
    wanted = [task["id"] for task in listed if task["status"]["timestamp"] >= at]
    assert ids(agent.list(statusTimestampAfter=at)["tasks"]) == wanted
    assert agent.list(statusTimestampAfter="2999-01-01T00:00:00Z")["tasks"] == []


def test_3_1_4_page_size_is_a_limit(agent):
    several(agent, 3)
    for size in (1, 2, 3, 100):
        page = agent.list(pageSize=size)
        assert len(page["tasks"]) == min(size, 3)
        assert page["pageSize"] == size


def test_3_1_4_page_size_is_50_if_unspecified(agent):
    for _ in range(51):
        agent.task(message(COMPLETE), returnImmediately=True)
    # A task that moves on would move to another page.
    done = {"status": "TASK_STATE_COMPLETED", "pageSize": 1}
    poll(lambda: agent.list(**done)["totalSize"], lambda size: size == 51)
    first = agent.list(historyLength=0)
    assert len(first["tasks"]) == 50
    rest = agent.list(historyLength=0, pageToken=first["nextPageToken"])
    assert len(set(ids(first["tasks"]) + ids(rest["tasks"]))) == 51


@pytest.mark.parametrize("size", [-1, 0, 101])
def test_3_1_4_page_size_is_from_1_to_100(agent, size):
    agent.call("ListTasks", {"pageSize": size}).refused_as(INVALID_PARAMS)


@pytest.mark.parametrize("params", [{}, {"includeArtifacts": False}])
def test_3_1_4_artifacts_must_be_omitted_unless_included(agent, params):
    agent.task(message(TEXT))
    [task] = agent.list(**params)["tasks"]
    assert "artifacts" not in task


def test_3_1_4_artifacts_are_included_when_asked_for(agent):
    sent = agent.task(message(TEXT))
    [task] = agent.list(includeArtifacts=True)["tasks"]
    assert task["artifacts"] == sent["artifacts"]


def test_3_1_4_no_artifacts_are_an_empty_array_or_nothing(agent):
    agent.task(message(COMPLETE))
    [task] = agent.list(includeArtifacts=True)["tasks"]
    assert task.get("artifacts", []) == []


def test_3_1_4_next_page_token_must_always_be_present(agent):
    assert agent.list()["nextPageToken"] == ""
    several(agent, 2)
    assert agent.list(pageSize=1)["nextPageToken"] != ""


def test_3_1_4_next_page_token_must_be_empty_on_the_final_page(agent):
    several(agent, 4)
    all_pages = list(pages(agent, pageSize=2))
    assert [len(page["tasks"]) for page in all_pages] == [2, 2]
    assert all_pages[-1]["nextPageToken"] == ""


def test_3_1_4_total_size_is_counted_before_pagination(agent):
    context = unique("context")
    several(agent, 3, contextId=context)
    several(agent, 2)
    assert {page["totalSize"] for page in pages(agent, pageSize=2)} == {5}
    assert agent.list(pageSize=1, contextId=context)["totalSize"] == 3


def test_3_1_4_must_return_only_visible_tasks(agent):
    several(agent, 2)
    stranger = agent.as_caller(unique("stranger"))
    assert stranger.list() | {"pageSize": 0} == {
        "tasks": [],
        "nextPageToken": "",
        "pageSize": 0,
        "totalSize": 0,
    }


def test_3_1_4_must_page_by_cursor(agent):
    """What is new between two pages moves nothing from one to the other."""
    known = several(agent, 5)
    first = agent.list(pageSize=2)
    several(agent, 3)
    second = agent.list(pageSize=2, pageToken=first["nextPageToken"])
    third = agent.list(pageSize=2, pageToken=second["nextPageToken"])
    assert ids(first["tasks"] + second["tasks"] + third["tasks"]) == known


def test_3_1_4_unknown_page_token_is_refused(agent):
    agent.call("ListTasks", {"pageToken": "no such token"}).refused_as(INVALID_PARAMS)


def test_3_1_4_must_sort_by_last_update(agent):
    """A task that is updated comes to the front."""
    first = agent.task(message(INPUT_REQUIRED))["id"]
    others = several(agent, 3)
    assert ids(agent.list()["tasks"]) == [*others, first]
    agent.task(message(COMPLETE, taskId=first))
    assert ids(agent.list()["tasks"]) == [first, *others]


def test_3_1_4_must_sort_by_status_timestamp(agent):
    waiting = agent.task(message(INPUT_REQUIRED))["id"]
    several(agent, 4)
    agent.task(message(COMPLETE, taskId=waiting))
    tasks = [task for page in pages(agent, pageSize=2) for task in page["tasks"]]
    at = [task["status"]["timestamp"] for task in tasks]
    assert len(at) == 5
    assert at == sorted(at, reverse=True)
