"""Section 5: the same over every binding; names, errors, types and presence of fields."""

import re

import pytest

from client import ENDPOINTS
from errors import (
    BINDINGS,
    CONTENT_TYPE_NOT_SUPPORTED,
    EXTENSION_SUPPORT_REQUIRED,
    HTTP_JSON,
    INVALID_PARAMS,
    JSON_RPC,
    METHOD_NOT_FOUND_CODE,
    PUSH_NOT_SUPPORTED,
    TASK_NOT_CANCELABLE,
    TASK_NOT_FOUND,
    UNSUPPORTED_OPERATION,
    VERSION_NOT_SUPPORTED,
)
from messages import (
    CHUNKED,
    COMPLETE,
    DATA,
    DIRECT_MESSAGE,
    FILE,
    FILE_URL,
    INPUT_REQUIRED,
    TEXT,
    about,
    finished,
    message,
    push_config,
    unique,
)
from shapes import ANSWERS, ENUMS, MILLISECONDS, TIMESTAMP, problems, timestamps

STREAMING = {"SendStreamingMessage", "SubscribeToTask"}


@pytest.fixture
def other(agent):
    """The same caller over the other binding."""
    [binding] = [binding for binding in BINDINGS if binding != agent.binding]
    return agent.using(binding)


def test_5_1_functionality_must_be_identical(agent, other):
    """What is made over one binding is there over the other."""
    task = agent.task(message(INPUT_REQUIRED))
    assert other.get(task["id"]) == task
    assert other.list() == agent.list()
    task = other.task(message(TEXT, taskId=task["id"]))
    assert agent.get(task["id"]) == task


@pytest.mark.parametrize("behaviour", [COMPLETE, INPUT_REQUIRED, TEXT, FILE, FILE_URL, DATA])
def test_5_1_results_must_be_equivalent(agent, other, behaviour):
    """The same but for what is new in each task."""
    sent = message(behaviour, messageId=behaviour, contextId=unique("context"))
    one, two = agent.task(sent), other.task(sent)
    assert blanked(one, one) == blanked(two, two)


def blanked(value, task: dict):
    """A value without ids and times."""
    if isinstance(value, list):
        return [blanked(item, task) for item in value]
    if isinstance(value, dict):
        new = {"id", "taskId", "timestamp"}
        # The agent's messages have new ids; ours do not.
        if value.get("role") == "ROLE_AGENT":
            new = new | {"messageId"}
        return {k: "" if k in new else blanked(v, task) for k, v in value.items()}
    return value


def test_5_1_errors_must_be_consistent(agent, other):
    """The same mistake is the same error, said as each binding says it."""
    completed = finished(agent, "TASK_STATE_COMPLETED")
    for client in (agent, other):
        client.call("GetTask", {"id": unique("none")}).refused_as(TASK_NOT_FOUND)
        client.call("CancelTask", {"id": completed["id"]}).refused_as(TASK_NOT_CANCELABLE)
        client.send(message(COMPLETE, parts=[])).refused_as(INVALID_PARAMS)


def test_5_1_authentication_must_be_equivalent(agent, other):
    """The same credentials are the same caller, and none are enough for neither."""
    task = agent.task(message(COMPLETE))
    stranger = other.as_caller(unique("stranger"))
    stranger.call("GetTask", {"id": task["id"]}).refused_as(TASK_NOT_FOUND)
    assert other.get(task["id"]) == task
    assert other.call("GetExtendedAgentCard").ok() == agent.call("GetExtendedAgentCard").ok()
    for client in (agent, other):
        assert client.as_caller(None).call("GetExtendedAgentCard").is_error


def test_5_2_all_protocols_must_be_declared(card):
    declared = {interface["protocolBinding"] for interface in card["supportedInterfaces"]}
    assert set(BINDINGS) <= declared


@pytest.mark.parametrize("operation", ENDPOINTS)
def test_5_3_each_operation_is_served_by_its_name(agent, waiting, operation):
    """By the method of the table over JSON-RPC, and by its endpoint over HTTP+JSON."""
    made = agent.call("CreateTaskPushNotificationConfig", push_config(waiting["id"], id="c"))
    params = dict(about(waiting["id"])) | {"ListTasks": {}, "GetExtendedAgentCard": {}}
    if operation in STREAMING:
        with agent.stream(operation, params[operation]) as stream:
            assert next(stream).kind == "task"
        return
    if "Config" in operation:
        made.ok()
    answer = agent.call(operation, params[operation]).ok()
    if operation in ANSWERS:
        assert problems(answer, ANSWERS[operation]) == []


def test_5_3_names_are_of_their_binding_only(agent):
    """A method of JSON-RPC is no path, and a path is no method."""
    if agent.binding == HTTP_JSON:
        answer = agent.http_call("POST", "/SendMessage", {"message": message(COMPLETE)})
        assert answer.response.status_code == 404
    else:
        assert agent.binding == JSON_RPC
        answer = agent.call("message:send", {"message": message(COMPLETE)})
        assert answer.error["code"] == METHOD_NOT_FOUND_CODE


def test_5_4_task_not_found(agent):
    agent.call("GetTask", {"id": unique("none")}).refused_as(TASK_NOT_FOUND)


def test_5_4_task_not_cancelable(agent):
    task = finished(agent, "TASK_STATE_COMPLETED")
    agent.call("CancelTask", {"id": task["id"]}).refused_as(TASK_NOT_CANCELABLE)


def test_5_4_push_notification_not_supported(strict):
    strict.call("CreateTaskPushNotificationConfig", push_config("t")).refused_as(
        PUSH_NOT_SUPPORTED
    )


def test_5_4_unsupported_operation(agent):
    task = finished(agent, "TASK_STATE_COMPLETED")
    agent.send(message(COMPLETE, taskId=task["id"])).refused_as(UNSUPPORTED_OPERATION)


def test_5_4_content_type_not_supported(echo):
    part = {"text": "<p>", "mediaType": "text/html"}
    echo.send(message("m", parts=[part])).refused_as(CONTENT_TYPE_NOT_SUPPORTED)


def test_5_4_extension_support_required(bare_strict):
    bare_strict.send(message(COMPLETE)).refused_as(EXTENSION_SUPPORT_REQUIRED)


def test_5_4_version_not_supported(agent):
    unsupported = agent.with_headers(A2A_Version="9.9")
    unsupported.send(message(COMPLETE)).refused_as(VERSION_NOT_SUPPORTED)


@pytest.fixture
def answers(agent, card) -> list[tuple[object, str]]:
    """Answers of every kind that is not a stream, with what they are."""
    behaviours = (COMPLETE, INPUT_REQUIRED, TEXT, FILE, FILE_URL, DATA, CHUNKED, DIRECT_MESSAGE)
    sent = [agent.send(message(behaviour)).ok() for behaviour in behaviours]
    task = sent[1]["task"]
    return [
        (card, "AgentCard"),
        *((answer, "SendMessageResponse") for answer in sent),
        (agent.get(task["id"]), "Task"),
        (agent.list(includeArtifacts=True), "ListTasksResponse"),
        (agent.call("CancelTask", {"id": task["id"]}).ok(), "Task"),
    ]


@pytest.fixture
def more_answers(agent, waiting) -> list[tuple[object, str]]:
    """Answers of the optional capabilities."""
    config = {"taskId": waiting["id"], "id": "c"}
    calls = [
        ("CreateTaskPushNotificationConfig", push_config(waiting["id"], id="c")),
        ("GetTaskPushNotificationConfig", config),
        ("ListTaskPushNotificationConfigs", {"taskId": waiting["id"]}),
        ("GetExtendedAgentCard", {}),
    ]
    found = [(agent.call(name, params).ok(), ANSWERS[name]) for name, params in calls]
    for behaviour in (COMPLETE, CHUNKED, INPUT_REQUIRED, DIRECT_MESSAGE):
        with agent.send_stream(message(behaviour)) as stream:
            found += [(event.payload, "StreamResponse") for event in stream]
    return found


def names(value) -> set[str]:
    """Every name of the protocol; those in the user's data are the user's."""
    if isinstance(value, list):
        return {name for item in value for name in names(item)}
    if not isinstance(value, dict):
        return set()
    of_user = ("metadata", "data", "params", "header", "securitySchemes", "schemes")
    inner = {name for key, v in value.items() if key not in of_user for name in names(v)}
    return set(value) | inner


CAMEL_CASE = re.compile(r"[a-z]+([A-Z][a-z]*|\d)*")


def test_5_5_names_must_be_camel_case(answers):
    found = {name for answer, _ in answers for name in names(answer)}
    assert "contextId" in found
    assert [name for name in found if not CAMEL_CASE.fullmatch(name)] == []


def test_5_5_names_must_be_camel_case_in_streams_and_configs(more_answers):
    found = {name for answer, _ in more_answers for name in names(answer)}
    assert "statusUpdate" in found
    assert [name for name in found if not CAMEL_CASE.fullmatch(name)] == []


def test_5_5_enums_must_be_their_names(agent):
    for behaviour in (COMPLETE, INPUT_REQUIRED):
        task = agent.task(message(behaviour))
        assert task["status"]["state"] in ENUMS["TaskState"]
        assert task["status"]["message"]["role"] == "ROLE_AGENT"
        assert task["history"][0]["role"] == "ROLE_USER"


def test_5_6_1_timestamps_must_be_iso_8601_in_utc(answers):
    found = [at for answer, _ in answers for at in timestamps(answer)]
    assert found
    assert [at for at in found if not TIMESTAMP.fullmatch(at)] == []


def test_5_6_1_timestamps_must_be_iso_8601_in_utc_in_streams(more_answers):
    found = [at for answer, _ in more_answers for at in timestamps(answer)]
    assert found
    assert [at for at in found if not TIMESTAMP.fullmatch(at)] == []


def test_5_6_1_timestamps_should_have_milliseconds(answers):
    found = [at for answer, _ in answers for at in timestamps(answer)]
    assert [at for at in found if not MILLISECONDS.fullmatch(at)] == []


@pytest.mark.parametrize("fraction", ["", ".5", ".500", ".500000", ".500000000"])
def test_5_6_1_timestamps_must_be_parsed(agent, fraction):
    """With and without a fraction of the second."""
    agent.task(message(COMPLETE))
    assert agent.list(statusTimestampAfter=f"2001-02-03T04:05:06{fraction}Z")["totalSize"] == 1
    assert agent.list(statusTimestampAfter=f"2999-02-03T04:05:06{fraction}Z")["totalSize"] == 0


def test_5_7_required_fields_must_be_present(answers):
    assert [found for answer, kind in answers for found in problems(answer, kind)] == []


def test_5_7_required_fields_must_be_present_in_streams_and_configs(more_answers):
    assert [found for answer, kind in more_answers for found in problems(answer, kind)] == []


def without(value: dict, path: str) -> dict:
    """A copy without the field at the end of a path."""
    name, _, rest = path.partition(".")
    changed = dict(value)
    if rest:
        changed[name] = without(value[name], rest)
    else:
        del changed[name]
    return changed


REQUIRED_FIELDS = [
    ("SendMessage", {"message": message(COMPLETE)}, "message"),
    ("SendMessage", {"message": message(COMPLETE)}, "message.messageId"),
    ("SendMessage", {"message": message(COMPLETE)}, "message.role"),
    ("SendMessage", {"message": message(COMPLETE)}, "message.parts"),
    ("CreateTaskPushNotificationConfig", push_config("{id}"), "url"),
    ("CreateTaskPushNotificationConfig", push_config("{id}"), "authentication.scheme"),
]


@pytest.mark.parametrize(("operation", "params", "path"), REQUIRED_FIELDS)
def test_5_7_missing_required_fields_should_be_rejected(agent, waiting, operation, params, path):
    if "taskId" in params:
        params = params | {"taskId": waiting["id"]}
    agent.call(operation, without(params, path)).refused_as(INVALID_PARAMS)


@pytest.mark.parametrize(
    ("operation", "field"),
    [
        ("GetTask", "id"),
        ("CancelTask", "id"),
        ("GetTaskPushNotificationConfig", "taskId"),
        ("GetTaskPushNotificationConfig", "id"),
        ("ListTaskPushNotificationConfigs", "taskId"),
        ("DeleteTaskPushNotificationConfig", "taskId"),
        ("DeleteTaskPushNotificationConfig", "id"),
        ("SubscribeToTask", "id"),
    ],
)
def test_5_7_missing_required_ids_should_be_rejected(rpc, waiting, operation, field):
    """Over JSON-RPC only: over HTTP+JSON they stand in the path, which would be another one."""
    params = without(dict(about(waiting["id"]))[operation], field)
    rpc.refusal(operation, params).refused_as(INVALID_PARAMS)


def test_5_7_required_arrays_must_have_an_element(agent, card):
    agent.send(message(COMPLETE, parts=[])).refused_as(INVALID_PARAMS)
    for field in ("supportedInterfaces", "defaultInputModes", "defaultOutputModes", "skills"):
        assert card[field]
    for behaviour in (TEXT, FILE, CHUNKED):
        task = agent.task(message(behaviour))
        assert all(artifact["parts"] for artifact in task["artifacts"])
        assert all(said["parts"] for said in task["history"])


def test_5_7_defaults_are_applied(agent):
    """Of fields whose default is not that of their type."""
    assert agent.list()["pageSize"] == 50
    assert agent.get(agent.task(message(COMPLETE))["id"])["history"]


def test_5_7_unrecognized_fields_should_be_ignored(agent):
    new = {"fieldOfTheFuture": {"a": [1]}, "another_one": None}
    params = {
        "message": message(COMPLETE, parts=[{"text": "hi"} | new]) | new,
        "configuration": {"historyLength": 5} | new,
    } | new
    task = agent.call("SendMessage", params).ok()["task"]
    assert agent.get(task["id"], fieldOfTheFuture="x") == task
    assert agent.list(fieldOfTheFuture="x")["totalSize"] == 1
