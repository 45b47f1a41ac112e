"""Section 3.3: idempotency, errors, asynchronous work, capabilities."""

import pytest

from errors import (
    BAD_REQUEST,
    ERROR_INFO,
    EXTENSION_SUPPORT_REQUIRED,
    HTTP_JSON,
    INVALID_PARAMS,
    PUSH_NOT_SUPPORTED,
    TASK_NOT_CANCELABLE,
    TASK_NOT_FOUND,
    UNSUPPORTED_OPERATION,
)
from messages import (
    COMPLETE,
    HOOK,
    INPUT_REQUIRED,
    REQUIRED_EXTENSION,
    about,
    finished,
    message,
    push_config,
    unique,
)


def test_3_3_1_get_operations_are_idempotent(agent, waiting):
    for operation, params in [
        ("GetTask", {"id": waiting["id"]}),
        ("ListTasks", {}),
        ("GetExtendedAgentCard", {}),
    ]:
        assert agent.call(operation, params).ok() == agent.call(operation, params).ok()


def test_3_3_1_cancel_is_idempotent(agent, waiting):
    """Canceling again changes nothing, whether it is answered by the task or by an error."""
    canceled = agent.call("CancelTask", {"id": waiting["id"]}).ok()
    again = agent.call("CancelTask", {"id": waiting["id"]})
    if again.is_error:
        again.refused_as(TASK_NOT_CANCELABLE)
    else:
        assert again.ok() == canceled
    assert agent.get(waiting["id"]) == canceled


@pytest.fixture
def anonymous_answer(agent):
    """The answer to somebody without credentials, where they are required."""
    return agent.as_caller(None).call("GetExtendedAgentCard")


def test_3_3_2_missing_credentials_must_be_rejected(anonymous_answer):
    assert anonymous_answer.is_error, anonymous_answer
    if anonymous_answer.binding == HTTP_JSON:
        assert anonymous_answer.response.status_code == 401


def test_3_3_2_should_include_a_challenge(anonymous_answer):
    assert anonymous_answer.response.headers.get("WWW-Authenticate"), anonymous_answer


def test_3_3_2_should_say_which_scheme_is_required(anonymous_answer, card):
    declared = [
        scheme["httpAuthSecurityScheme"]["scheme"].lower()
        for scheme in card.get("securitySchemes", {}).values()
        if "httpAuthSecurityScheme" in scheme
    ]
    challenge = anonymous_answer.response.headers.get("WWW-Authenticate", "none")
    assert challenge.split()[0].lower() in declared


def test_3_3_2_must_not_reveal_what_is_not_the_clients(agent, waiting):
    """Somebody else's task is answered as one that does not exist, to the letter."""
    config = agent.call("CreateTaskPushNotificationConfig", push_config(waiting["id"], id="c"))
    config.ok()
    stranger = agent.as_caller(unique("stranger"))
    absent = unique("none")
    for (operation, params), (_, absent_params) in zip(
        about(waiting["id"]), about(absent), strict=True
    ):
        hidden = stranger.refusal(operation, params).refused_as(TASK_NOT_FOUND)
        missing = stranger.refusal(operation, absent_params).refused_as(TASK_NOT_FOUND)
        assert hidden.response.status_code == missing.response.status_code
        told = str(hidden.error).replace(waiting["id"], "ID")
        assert told == str(missing.error).replace(absent, "ID"), operation
    assert agent.get(waiting["id"]) == waiting


def sent(**fields) -> dict:
    """A message with some fields changed; `None` leaves one out."""
    changed = message(COMPLETE) | fields
    return {"message": {name: value for name, value in changed.items() if value is not None}}


# Operation, parameters, and the field that is wrong.
INVALID = {
    "no message": ("SendMessage", {}, "message"),
    "no message id": ("SendMessage", sent(messageId=None), "message.messageId"),
    "empty message id": ("SendMessage", sent(messageId=""), "message.messageId"),
    "message id of another type": ("SendMessage", sent(messageId=5), "message.messageId"),
    "no role": ("SendMessage", sent(role=None), "message.role"),
    "unspecified role": ("SendMessage", sent(role="ROLE_UNSPECIFIED"), "message.role"),
    "unknown role": ("SendMessage", sent(role="ROLE_KING"), "message.role"),
    "no parts": ("SendMessage", sent(parts=None), "message.parts"),
    "empty parts": ("SendMessage", sent(parts=[]), "message.parts"),
    "part without content": ("SendMessage", sent(parts=[{}]), "message.parts"),
    "part of two contents": (
        "SendMessage",
        sent(parts=[{"text": "a", "url": "https://example.com"}]),
        "message.parts",
    ),
    "part of bad base64": ("SendMessage", sent(parts=[{"raw": "!"}]), "message.parts"),
    "history length below zero": (
        "SendMessage",
        sent() | {"configuration": {"historyLength": -1}},
        "configuration.historyLength",
    ),
    "history length below zero of a task": (
        "GetTask",
        {"id": "t", "historyLength": -1},
        "historyLength",
    ),
    "history length that is no number": (
        "GetTask",
        {"id": "t", "historyLength": "many"},
        "historyLength",
    ),
    "page of nothing": ("ListTasks", {"pageSize": 0}, "pageSize"),
    "page that is too large": ("ListTasks", {"pageSize": 150}, "pageSize"),
    "history length below zero of a list": ("ListTasks", {"historyLength": -5}, "historyLength"),
    "unknown state": ("ListTasks", {"status": "TASK_STATE_RUNNING"}, "status"),
    "page token of somebody's making": ("ListTasks", {"pageToken": "x"}, "pageToken"),
    "time that is none": (
        "ListTasks",
        {"statusTimestampAfter": "yesterday"},
        "statusTimestampAfter",
    ),
    "boolean that is none": ("ListTasks", {"includeArtifacts": "maybe"}, "includeArtifacts"),
}


@pytest.fixture(params=INVALID.values(), ids=INVALID)
def invalid(request, agent):
    """The answer to an invalid request, and the field that is wrong in it."""
    operation, params, field = request.param
    return agent.call(operation, params), field


def test_3_3_2_must_validate_all_parameters(invalid):
    answer, _ = invalid
    answer.refused_as(INVALID_PARAMS)


def test_3_3_2_should_say_which_parameter_failed(invalid):
    answer, field = invalid
    assert any(name.startswith(field) for name in answer.violated_fields()), answer


def test_3_3_2_should_guide_to_valid_values(invalid):
    answer, _ = invalid
    violations = answer.detail(BAD_REQUEST)["fieldViolations"]
    assert all(violation["description"] for violation in violations), answer


def test_3_3_2_streams_and_push_configs_must_be_validated(agent, waiting):
    for operation, params in [
        ("SendStreamingMessage", {}),
        ("SendStreamingMessage", sent(parts=[])),
        ("CreateTaskPushNotificationConfig", {"taskId": waiting["id"]}),
        (
            "CreateTaskPushNotificationConfig",
            push_config(waiting["id"], authentication={"credentials": "secret"}),
        ),
    ]:
        agent.refusal(operation, params).refused_as(INVALID_PARAMS)


def test_3_3_2_must_return_not_found(agent):
    """For every operation on a task that does not exist."""
    for operation, params in about(unique("none")):
        agent.refusal(operation, params).refused_as(TASK_NOT_FOUND)


def test_3_3_2_should_not_distinguish_absent_from_forbidden(agent, waiting):
    stranger = agent.as_caller(unique("stranger"))
    for operation, params in [
        ("GetTask", {"id": waiting["id"]}),
        ("CancelTask", {"id": waiting["id"]}),
        ("SendMessage", {"message": message(COMPLETE, taskId=waiting["id"])}),
    ]:
        stranger.call(operation, params).refused_as(TASK_NOT_FOUND)


@pytest.fixture
def errors(agent):
    """Errors of several kinds."""
    completed = finished(agent, "TASK_STATE_COMPLETED")
    return [
        agent.call("GetTask", {"id": unique("none")}),
        agent.call("CancelTask", {"id": completed["id"]}),
        agent.send(message(COMPLETE, taskId=completed["id"])),
        agent.send(message(COMPLETE, parts=[])),
        agent.call("ListTasks", {"pageSize": 0}),
        agent.with_headers(A2A_Version="9.9").send(message(COMPLETE)),
    ]


def test_3_3_2_errors_must_have_code_and_message(errors):
    for answer in errors:
        assert type(answer.error["code"]) is int
        assert isinstance(answer.error["message"], str)
        assert answer.error["message"]


def test_3_3_2_details_must_have_a_type(errors):
    for answer in errors:
        assert isinstance(answer.details, list)
        assert all(isinstance(detail["@type"], str) for detail in answer.details)


def test_3_3_2_details_should_be_of_well_known_types(errors):
    for answer in errors:
        types = {detail["@type"] for detail in answer.details}
        assert types, answer
        assert types <= {ERROR_INFO, BAD_REQUEST}, answer


def test_3_3_3_work_goes_on_after_the_answer(agent):
    task = agent.task(message(COMPLETE), returnImmediately=True)
    agent.wait_for(task["id"], "TASK_STATE_COMPLETED")


def test_3_3_4_push_operations_must_be_refused_if_not_declared(strict):
    task = strict.task(message(INPUT_REQUIRED))
    config = {"taskId": task["id"], "id": "c"}
    for operation, params in [
        ("CreateTaskPushNotificationConfig", push_config(task["id"])),
        ("GetTaskPushNotificationConfig", config),
        ("ListTaskPushNotificationConfigs", {"taskId": task["id"]}),
        ("DeleteTaskPushNotificationConfig", config),
    ]:
        strict.call(operation, params).refused_as(PUSH_NOT_SUPPORTED)


def test_3_3_4_push_config_in_a_message_must_be_refused_if_not_declared(strict):
    answer = strict.send(message(COMPLETE), taskPushNotificationConfig={"url": HOOK})
    answer.refused_as(PUSH_NOT_SUPPORTED)
    assert strict.list()["totalSize"] == 0


def test_3_3_4_streaming_must_be_refused_if_not_declared(strict):
    task = strict.task(message(INPUT_REQUIRED))
    for operation, params in [
        ("SendStreamingMessage", {"message": message(COMPLETE)}),
        ("SubscribeToTask", {"id": task["id"]}),
    ]:
        strict.refusal(operation, params).refused_as(UNSUPPORTED_OPERATION)


def test_3_3_4_extended_card_must_be_refused_if_not_declared(strict):
    strict.call("GetExtendedAgentCard").refused_as(UNSUPPORTED_OPERATION)


def test_3_3_4_missing_required_extension_must_be_refused(bare_strict):
    bare_strict.send(message(COMPLETE)).refused_as(EXTENSION_SUPPORT_REQUIRED)
    another = "https://example.com/extensions/required/v2"
    answer = bare_strict.with_headers(A2A_Extensions=another).send(message(COMPLETE))
    answer.refused_as(EXTENSION_SUPPORT_REQUIRED)
    assert bare_strict.with_headers(A2A_Extensions=REQUIRED_EXTENSION).list()["totalSize"] == 0


def test_3_3_4_declared_extension_is_enough(bare_strict):
    others = f"https://example.com/extensions/unknown/v1,{REQUIRED_EXTENSION}"
    for value in (REQUIRED_EXTENSION, others):
        bare_strict.with_headers(A2A_Extensions=value).task(message(COMPLETE))
