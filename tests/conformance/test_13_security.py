"""Section 13: who sees what, secrets, and limits."""

import json

import pytest

from errors import (
    CONTENT_TYPE_NOT_SUPPORTED,
    HTTP_JSON,
    INVALID_PARAMS,
    TASK_NOT_FOUND,
    UNSUPPORTED_OPERATION,
)
from messages import (
    COMPLETE,
    CREDENTIALS,
    TOKEN,
    about,
    message,
    push_config,
    unique,
)


@pytest.fixture
def stranger(agent):
    """Another caller than the one whose tasks these are."""
    return agent.as_caller(unique("stranger"))


def test_13_1_must_scope_every_operation(agent, stranger, waiting):
    """Somebody else's task cannot be read, changed, followed or subscribed to."""
    for operation, params in about(waiting["id"]):
        stranger.refusal(operation, params).refused_as(TASK_NOT_FOUND)
    assert agent.get(waiting["id"]) == waiting


def test_13_1_must_check_every_request(agent, stranger, waiting):
    """Not the first one only: access by its owner does not open a task to others."""
    for _ in range(2):
        assert agent.get(waiting["id"]) == waiting
        stranger.call("GetTask", {"id": waiting["id"]}).refused_as(TASK_NOT_FOUND)


def test_13_1_must_scope_without_filters(agent, stranger):
    task = agent.task(message(COMPLETE))
    own = stranger.task(message(COMPLETE))
    assert [found["id"] for found in stranger.list()["tasks"]] == [own["id"]]
    assert [found["id"] for found in agent.list()["tasks"]] == [task["id"]]


def test_13_1_must_scope_with_filters(agent, stranger, waiting):
    """A filter that names somebody else's context finds nothing in it."""
    for params in ({"contextId": waiting["contextId"]}, {"status": "TASK_STATE_INPUT_REQUIRED"}):
        page = stranger.list(**params)
        assert page["tasks"] == []
        assert page["totalSize"] == 0


def test_13_1_list_must_return_visible_tasks_only(agent, stranger):
    """A page token of one caller opens nothing to another."""
    for _ in range(3):
        agent.task(message(COMPLETE))
    token = agent.list(pageSize=1)["nextPageToken"]
    answer = stranger.call("ListTasks", {"pageToken": token})
    assert answer.is_error or answer.ok()["tasks"] == []


def test_13_1_get_must_verify_access(stranger, waiting):
    stranger.call("GetTask", {"id": waiting["id"]}).refused_as(TASK_NOT_FOUND)


def test_13_1_cancel_must_verify_access(agent, stranger, waiting):
    stranger.call("CancelTask", {"id": waiting["id"]}).refused_as(TASK_NOT_FOUND)
    assert agent.get(waiting["id"])["status"] == waiting["status"]


def test_13_1_subscribe_must_verify_access(stranger, waiting):
    stranger.refusal("SubscribeToTask", {"id": waiting["id"]}).refused_as(TASK_NOT_FOUND)


def test_13_1_push_configs_must_verify_access(agent, stranger, waiting):
    made = agent.call("CreateTaskPushNotificationConfig", push_config(waiting["id"], id="c")).ok()
    params = {"taskId": waiting["id"], "id": made["id"]}
    for operation, operation_params in [
        ("CreateTaskPushNotificationConfig", push_config(waiting["id"])),
        ("GetTaskPushNotificationConfig", params),
        ("ListTaskPushNotificationConfigs", {"taskId": waiting["id"]}),
        ("DeleteTaskPushNotificationConfig", params),
    ]:
        stranger.call(operation, operation_params).refused_as(TASK_NOT_FOUND)
    assert agent.call("GetTaskPushNotificationConfig", params).ok()["id"] == made["id"]


@pytest.mark.parametrize(
    "url", ["ftp://client.example/hook", "file:///etc/passwd", "client.example", "https://", "x y"]
)
def test_13_2_should_validate_webhook_urls(agent, waiting, url):
    """What no webhook can be is refused before anything is sent."""
    config = push_config(waiting["id"], url=url)
    agent.call("CreateTaskPushNotificationConfig", config).refused_as(INVALID_PARAMS)


def test_13_2_secrets_should_not_be_shown(agent, waiting):
    made = agent.call("CreateTaskPushNotificationConfig", push_config(waiting["id"]))
    params = {"taskId": waiting["id"], "id": made.ok()["id"]}
    shown = [
        made,
        agent.call("GetTaskPushNotificationConfig", params),
        agent.call("ListTaskPushNotificationConfigs", {"taskId": waiting["id"]}),
        agent.call("GetTask", {"id": waiting["id"]}),
    ]
    for answer in shown:
        answer.ok()
        assert TOKEN not in answer.response.text
        assert CREDENTIALS not in answer.response.text


def test_13_3_must_require_authentication(agent):
    answer = agent.as_caller(None).call("GetExtendedAgentCard")
    assert answer.is_error, answer
    if answer.binding == HTTP_JSON:
        assert answer.response.status_code == 401
    assert "skills" not in answer.response.text


def test_13_3_must_authenticate_by_a_declared_scheme(agent, card):
    """The public card tells what the callers of these tests use."""
    schemes = [
        scheme["httpAuthSecurityScheme"]["scheme"].lower()
        for scheme in card.get("securitySchemes", {}).values()
        if "httpAuthSecurityScheme" in scheme
    ]
    assert "bearer" in schemes
    agent.call("GetExtendedAgentCard").ok()


def test_13_3_should_control_caching(rest):
    """It is for its caller: nobody on the way may keep it for others."""
    answer = rest.call("GetExtendedAgentCard")
    answer.ok()
    directives = answer.response.headers["Cache-Control"]
    assert "private" in directives or "no-store" in directives
    assert "public" not in directives


def test_13_3_must_check_permission_before_telling_more(agent, card):
    """What only the extended card has is told to nobody without credentials."""
    extended = agent.call("GetExtendedAgentCard").ok()
    public_skills = {skill["id"] for skill in card["skills"]}
    assert public_skills <= {skill["id"] for skill in extended["skills"]}
    refused = agent.as_caller(None).call("GetExtendedAgentCard")
    for skill in extended["skills"]:
        if skill["id"] not in public_skills:
            assert skill["id"] not in refused.response.text


def test_13_3_should_be_versioned(agent):
    assert agent.call("GetExtendedAgentCard").ok()["version"]


def test_13_3_must_be_refused_if_not_declared(strict):
    strict.call("GetExtendedAgentCard").refused_as(UNSUPPORTED_OPERATION)


def test_13_4_must_validate_before_processing(agent):
    """A request that is refused has left nothing behind."""
    agent.send(message(COMPLETE), historyLength=-1).refused_as(INVALID_PARAMS)
    agent.send(message(COMPLETE, role="ROLE_KING")).refused_as(INVALID_PARAMS)
    assert agent.list()["totalSize"] == 0


def test_13_4_should_limit_sizes(agent):
    answer = agent.send(message(COMPLETE, text="x" * 2_000_000))
    assert answer.is_error, answer.response.status_code
    assert answer.error["message"]
    assert agent.list()["totalSize"] == 0


def test_13_4_should_limit_complexity(agent):
    """Nesting beyond all reason is refused, and the server lives on."""
    deep = "[" * 20_000 + "]" * 20_000
    body = json.dumps({"message": message(COMPLETE, metadata={"x": "DEEP"})})
    if agent.binding != HTTP_JSON:
        body = '{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":' + body + "}"
    target = "/message:send" if agent.binding == HTTP_JSON else "/"
    answer = agent.http_call("POST", target, body.replace('"DEEP"', deep))
    assert answer.is_error
    assert agent.list()["totalSize"] == 0


def test_13_4_should_reject_unexpected_media_types(echo):
    for part in ({"raw": "AAAA", "mediaType": "image/png"}, {"text": "x", "mediaType": "x/y"}):
        answer = echo.send(message("m", parts=[{"text": "fine"}, part]))
        answer.refused_as(CONTENT_TYPE_NOT_SUPPORTED)
    assert echo.list()["totalSize"] == 0


def test_13_4_credentials_must_be_secrets(agent, waiting):
    """They are in no answer, an error about them included."""
    bad = push_config(waiting["id"], url="")
    answer = agent.call("CreateTaskPushNotificationConfig", bad).refused_as(INVALID_PARAMS)
    assert TOKEN not in answer.response.text
    assert CREDENTIALS not in answer.response.text
    bearer = agent.headers["Authorization"].removeprefix("Bearer ")
    told = [agent.call("GetTask", {"id": waiting["id"]}), agent.call("GetTask", {"id": "none"})]
    assert all(bearer not in each.response.text for each in told)
