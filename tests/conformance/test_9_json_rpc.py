"""Section 9: the JSON-RPC binding."""

import pytest

from errors import (
    BAD_REQUEST,
    ERROR_DOMAIN,
    ERROR_INFO,
    INVALID_REQUEST_CODE,
    METHOD_NOT_FOUND_CODE,
    PARSE_ERROR_CODE,
    TASK_NOT_FOUND,
)
from messages import (
    CHUNKED,
    COMPLETE,
    DIRECT_MESSAGE,
    INPUT_REQUIRED,
    REQUIRED_EXTENSION,
    finished,
    message,
    push_config,
    unique,
)
from shapes import problems


def envelope(**fields) -> dict:
    return {"jsonrpc": "2.0", "id": 1, "method": "ListTasks", "params": {}} | fields


@pytest.fixture
def strict_rpc(client_of):
    return client_of("strict", "JSONRPC")


def test_9_1_answers_are_json_rpc_2_0(rpc):
    for answer in (rpc.call("ListTasks"), rpc.call("GetTask", {"id": "none"})):
        assert answer.body["jsonrpc"] == "2.0"
        assert answer.body["id"] == answer.request_id
        assert ("result" in answer.body) != ("error" in answer.body)
        assert set(answer.body) <= {"jsonrpc", "id", "result", "error"}


def test_9_1_media_type_is_application_json(rpc):
    answers = [
        rpc.call("ListTasks"),
        rpc.call("GetTask", {"id": "none"}),
        rpc.http_call("POST", "/", "{"),
    ]
    assert {answer.media_type for answer in answers} == {"application/json"}


def test_9_1_methods_are_pascal_case(rpc):
    rpc.call("GetTask", {"id": "none"}).refused_as(TASK_NOT_FOUND)
    for name in ("getTask", "gettask", "get_task", "tasks/get", "GETTASK"):
        assert rpc.call(name, {"id": "none"}).error["code"] == METHOD_NOT_FOUND_CODE


def test_9_1_streams_are_server_sent_events(rpc):
    with rpc.send_stream(message(COMPLETE)) as stream:
        assert stream.response.headers["Content-Type"].startswith("text/event-stream")
        assert all("data" in event.fields for event in stream)


def test_9_2_service_parameters_must_be_headers(rpc):
    assert rpc.with_headers(A2A_Version="9.9").call("ListTasks").error["code"] == -32009
    rpc.with_headers(A2A_Version="1.0").list()


def test_9_2_header_names_are_case_insensitive(rpc):
    rpc.headers = {"a2a-VERSION": "1.0", "authorization": rpc.headers["Authorization"]}
    rpc.task(message(COMPLETE))


def test_9_2_values_should_be_comma_separated(strict_rpc):
    """The required extension is found among others, wherever it stands."""
    other = "https://example.com/extensions/unknown/v1"
    for value in (f"{other},{REQUIRED_EXTENSION}", f"{REQUIRED_EXTENSION} , {other}"):
        strict_rpc.with_headers(A2A_Extensions=value).task(message(COMPLETE))


INVALID_ENVELOPES = {
    "no version": envelope(jsonrpc=None),
    "another version": envelope(jsonrpc="1.0"),
    "a number for the version": envelope(jsonrpc=2.0),
    "no method": envelope(method=None),
    "a number for the method": envelope(method=1),
    "an object for the id": envelope(id={}),
    "no object": "hello",
    "nothing": {},
}


@pytest.mark.parametrize("body", INVALID_ENVELOPES.values(), ids=INVALID_ENVELOPES)
def test_9_3_requests_must_be_json_rpc_2_0(rpc, body):
    if isinstance(body, dict):
        body = {name: value for name, value in body.items() if value is not None}
    else:
        body = f'"{body}"'
    answer = rpc.http_call("POST", "/", body)
    assert answer.error["code"] == INVALID_REQUEST_CODE
    assert answer.body["jsonrpc"] == "2.0"


@pytest.mark.parametrize("request_id", [0, -1, 7, "7", "unique-request-id", "ä"])
def test_9_3_ids_are_echoed_as_they_are(rpc, request_id):
    body = rpc.http_call("POST", "/", envelope(id=request_id)).body
    assert body["id"] == request_id
    assert type(body["id"]) is type(request_id)
    body = rpc.http_call("POST", "/", envelope(id=request_id, method="Nothing")).body
    assert body["id"] == request_id


def test_9_4_1_send_message_returns_a_send_message_response(rpc):
    for behaviour in (COMPLETE, DIRECT_MESSAGE):
        result = rpc.send(message(behaviour)).ok()
        assert problems(result, "SendMessageResponse") == []


@pytest.mark.parametrize("behaviour", [COMPLETE, CHUNKED, DIRECT_MESSAGE])
def test_9_4_2_each_event_is_a_json_rpc_response(rpc, behaviour):
    with rpc.send_stream(message(behaviour)) as stream:
        assert stream.response.status_code == 200
        for event in stream:
            assert event.data["jsonrpc"] == "2.0"
            assert event.data["id"] == stream.request_id
            assert set(event.data) == {"jsonrpc", "id", "result"}
            assert problems(event.data["result"], "StreamResponse") == []


def test_9_4_3_get_task_takes_id_and_history_length(rpc):
    task = rpc.task(message(COMPLETE))
    assert rpc.call("GetTask", {"id": task["id"], "historyLength": 10}).ok() == task


def test_9_4_4_list_tasks_takes_filters_and_pages(rpc):
    context = unique("context")
    tasks = [rpc.task(message(INPUT_REQUIRED, contextId=context)) for _ in range(2)]
    params = {"contextId": context, "status": "TASK_STATE_INPUT_REQUIRED", "pageSize": 1}
    first = rpc.call("ListTasks", params).ok()
    params["pageToken"] = first["nextPageToken"]
    second = rpc.call("ListTasks", params).ok()
    assert {t["id"] for t in first["tasks"] + second["tasks"]} == {t["id"] for t in tasks}


def test_9_4_5_cancel_task_takes_an_id(rpc):
    task = rpc.task(message(INPUT_REQUIRED))
    canceled = rpc.call("CancelTask", {"id": task["id"]}).ok()
    assert canceled["status"]["state"] == "TASK_STATE_CANCELED"


def test_9_4_6_subscribe_streams_as_sending_does(rpc):
    task = rpc.task(message(INPUT_REQUIRED))
    with rpc.subscribe(task["id"]) as stream:
        event = next(stream)
        assert event.data["jsonrpc"] == "2.0"
        assert event.data["id"] == stream.request_id
        assert event.kind == "task"


def test_9_4_6_subscribe_to_a_terminal_task_is_unsupported(rpc):
    for state in ("TASK_STATE_COMPLETED", "TASK_STATE_REJECTED", "TASK_STATE_CANCELED"):
        answer = rpc.refusal("SubscribeToTask", {"id": finished(rpc, state)["id"]})
        assert answer.error["code"] == -32004
        assert answer.body["id"] == answer.request_id


def test_9_4_7_push_config_methods(rpc):
    task_id = rpc.task(message(INPUT_REQUIRED))["id"]
    config = rpc.call("CreateTaskPushNotificationConfig", push_config(task_id)).ok()
    params = {"taskId": task_id, "id": config["id"]}
    assert rpc.call("GetTaskPushNotificationConfig", params).ok()["id"] == config["id"]
    listed = rpc.call("ListTaskPushNotificationConfigs", {"taskId": task_id}).ok()
    assert [c["id"] for c in listed["configs"]] == [config["id"]]
    rpc.call("DeleteTaskPushNotificationConfig", params).ok()


def test_9_4_8_extended_card_needs_no_params(rpc):
    body = {"jsonrpc": "2.0", "id": 6, "method": "GetExtendedAgentCard"}
    answer = rpc.http_call("POST", "/", body)
    assert problems(answer.ok(), "AgentCard") == []


@pytest.fixture
def errors(rpc):
    """Errors of JSON-RPC itself and of A2A."""
    return [
        rpc.http_call("POST", "/", "{"),
        rpc.http_call("POST", "/", {}),
        rpc.call("Nothing"),
        rpc.call("ListTasks", {"pageSize": 0}),
        rpc.call("GetTask", {"id": unique("none")}),
        rpc.with_headers(A2A_Version="9.9").call("ListTasks"),
    ]


def test_9_5_errors_have_code_message_and_data(errors):
    for answer in errors:
        assert type(answer.error["code"]) is int
        assert isinstance(answer.error["message"], str)
        assert answer.error["message"]
        assert isinstance(answer.error.get("data", []), list)
        assert set(answer.error) <= {"code", "message", "data"}


@pytest.mark.parametrize("body", ["{", "", "nonsense", '{"jsonrpc": "2.0",}', b"\xff"])
def test_9_5_invalid_json(rpc, body):
    answer = rpc.http_call("POST", "/", body)
    assert answer.error["code"] == PARSE_ERROR_CODE
    # Whose request it was is not known.
    assert answer.body["id"] is None


def test_9_5_invalid_request(rpc):
    answer = rpc.http_call("POST", "/", {"jsonrpc": "2.0", "id": 1})
    assert answer.error["code"] == INVALID_REQUEST_CODE


def test_9_5_method_not_found(rpc):
    assert rpc.call("Nothing").error["code"] == METHOD_NOT_FOUND_CODE


@pytest.mark.parametrize("params", [{}, {"message": 5}, {"message": {}}, [], "text"])
def test_9_5_invalid_params(rpc, params):
    answer = rpc.http_call("POST", "/", envelope(method="SendMessage", params=params))
    assert answer.error["code"] == -32602


def test_9_5_codes_of_a2a_are_in_their_range(rpc):
    completed = finished(rpc, "TASK_STATE_COMPLETED")["id"]
    for answer in [
        rpc.call("GetTask", {"id": unique("none")}),
        rpc.call("CancelTask", {"id": completed}),
        rpc.send(message(COMPLETE, taskId=completed)),
    ]:
        assert -32099 <= answer.error["code"] <= -32001


def test_9_5_each_detail_must_have_a_type(errors):
    for answer in errors:
        for detail in answer.error.get("data", []):
            assert detail["@type"].startswith("type.googleapis.com/")


def test_9_5_details_should_be_of_well_known_types(rpc):
    info = rpc.call("GetTask", {"id": unique("none")}).detail(ERROR_INFO)
    assert info["reason"] == "TASK_NOT_FOUND"
    assert info["domain"] == ERROR_DOMAIN
    invalid = rpc.send(message(COMPLETE, parts=[])).detail(BAD_REQUEST)
    assert [v["field"] for v in invalid["fieldViolations"]] == ["message.parts"]
