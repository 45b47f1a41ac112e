"""Section 11: the HTTP+JSON binding."""

import json

import pytest

from client import send_params
from errors import BAD_REQUEST, ERROR_DOMAIN, ERROR_INFO, INVALID_PARAMS
from messages import (
    CHUNKED,
    COMPLETE,
    DIRECT_MESSAGE,
    INPUT_REQUIRED,
    REQUIRED_EXTENSION,
    TEXT,
    finished,
    message,
    push_config,
    unique,
)
from shapes import problems


def stream_at(rest, method: str, target: str, body=None):
    """The events at a path."""
    request = rest.http_request(method, target, body)
    response = rest.http.send(request)
    assert response.headers["Content-Type"].startswith("text/event-stream")
    return response


@pytest.fixture
def strict_rest(client_of):
    return client_of("strict", "HTTP+JSON")


@pytest.fixture
def task(rest) -> dict:
    """A task that waits for input."""
    return rest.task(message(INPUT_REQUIRED))


def test_11_1_responses_should_be_a2a_json(rest):
    task = rest.send(message(COMPLETE))
    answers = [task, rest.call("ListTasks"), rest.call("GetTask", {"id": "none"})]
    assert {answer.media_type for answer in answers} == {"application/a2a+json"}


def test_11_1_requests_should_be_a2a_json(rest):
    """It is a SHOULD: whoever sends plain JSON is understood as well."""
    for content_type in ("application/a2a+json", "application/json"):
        rest.with_headers(Content_Type=content_type).task(message(COMPLETE))


def test_11_1_methods_are_those_of_http(rest, task):
    """Another method is no way to reach an operation."""
    for method, target in [
        ("GET", "/message:send"),
        ("DELETE", f"/tasks/{task['id']}"),
        ("GET", f"/tasks/{task['id']}:cancel"),
        ("POST", "/extendedAgentCard"),
    ]:
        assert rest.http_call(method, target).response.status_code in (404, 405)
    assert rest.get(task["id"]) == task


def test_11_1_streams_are_server_sent_events(rest):
    with rest.send_stream(message(COMPLETE)) as stream:
        assert stream.response.headers["Content-Type"].startswith("text/event-stream")
        assert all("data" in event.fields for event in stream)


def test_11_2_service_parameters_must_be_headers(rest):
    answer = rest.with_headers(A2A_Version="9.9").call("ListTasks")
    assert answer.response.status_code == 400
    rest.with_headers(A2A_Version="1.0").list()


def test_11_2_header_names_are_case_insensitive(rest):
    rest.headers = {"a2a-VERSION": "1.0", "authorization": rest.headers["Authorization"]}
    rest.task(message(COMPLETE))


def test_11_2_values_should_be_comma_separated(strict_rest):
    other = "https://example.com/extensions/unknown/v1"
    for value in (f"{other},{REQUIRED_EXTENSION}", f"{REQUIRED_EXTENSION} , {other}"):
        strict_rest.with_headers(A2A_Extensions=value).task(message(COMPLETE))


def test_11_3_tenant_may_be_in_the_path(rest, rpc):
    """As the proto has it; it is the tenant that stands in the parameters over JSON-RPC."""
    rpc.headers = rest.headers
    body = send_params(message(INPUT_REQUIRED))
    task = rest.http_call("POST", "/acme/message:send", body).ok()["task"]
    assert rest.http_call("GET", f"/acme/tasks/{task['id']}").ok() == task
    assert rpc.call("GetTask", {"tenant": "acme", "id": task["id"]}).ok() == task
    [listed] = rest.http_call("GET", "/acme/tasks").ok()["tasks"]
    assert listed["id"] == task["id"]
    canceled = rest.http_call("POST", f"/acme/tasks/{task['id']}:cancel").ok()
    assert canceled["status"]["state"] == "TASK_STATE_CANCELED"


def test_11_3_1_post_message_send(rest):
    answer = rest.http_call("POST", "/message:send", send_params(message(COMPLETE)))
    assert answer.response.status_code == 200
    assert answer.body["task"]["status"]["state"] == "TASK_STATE_COMPLETED"


def test_11_3_1_post_message_stream(rest):
    response = stream_at(rest, "POST", "/message:stream", send_params(message(COMPLETE)))
    assert response.status_code == 200
    assert response.text.count("data:") >= 2


def test_11_3_2_get_task(rest, task):
    answer = rest.http_call("GET", f"/tasks/{task['id']}")
    assert answer.response.status_code == 200
    assert answer.body == task


def test_11_3_2_get_tasks(rest, task):
    answer = rest.http_call("GET", "/tasks?pageSize=10")
    assert answer.response.status_code == 200
    assert [listed["id"] for listed in answer.body["tasks"]] == [task["id"]]


@pytest.mark.parametrize("body", [None, {}])
def test_11_3_2_post_cancel(rest, task, body):
    """The path says it all: the body may be absent."""
    answer = rest.http_call("POST", f"/tasks/{task['id']}:cancel", body)
    assert answer.response.status_code == 200
    assert answer.body["status"]["state"] == "TASK_STATE_CANCELED"


@pytest.mark.parametrize(("method", "body"), [("POST", None), ("POST", {}), ("GET", None)])
def test_11_3_2_subscribe(rest, task, method, body):
    """POST in the text, GET in the proto: both are served."""
    request = rest.http_request(method, f"/tasks/{task['id']}:subscribe", body)
    response = rest.http.send(request, stream=True)
    try:
        assert response.status_code == 200
        assert response.headers["Content-Type"].startswith("text/event-stream")
    finally:
        response.close()


def test_11_3_2_subscribe_is_an_error_for_terminal_tasks(rest):
    for state in ("TASK_STATE_COMPLETED", "TASK_STATE_REJECTED", "TASK_STATE_CANCELED"):
        task = finished(rest, state)
        answer = rest.http_call("POST", f"/tasks/{task['id']}:subscribe")
        assert answer.response.status_code == 400
        assert answer.detail(ERROR_INFO)["reason"] == "UNSUPPORTED_OPERATION"


@pytest.fixture
def configs_path(task) -> str:
    return f"/tasks/{task['id']}/pushNotificationConfigs"


def created(rest, path: str) -> dict:
    config = push_config("")
    del config["taskId"]
    answer = rest.http_call("POST", path, config)
    assert answer.response.status_code in (200, 201), answer
    return answer.body


def test_11_3_3_post_push_config(rest, task, configs_path):
    config = created(rest, configs_path)
    assert config["id"]
    assert config["taskId"] == task["id"]


def test_11_3_3_get_push_config(rest, configs_path):
    config = created(rest, configs_path)
    answer = rest.http_call("GET", f"{configs_path}/{config['id']}")
    assert answer.response.status_code == 200
    assert answer.body["id"] == config["id"]


def test_11_3_3_get_push_configs(rest, configs_path):
    config = created(rest, configs_path)
    answer = rest.http_call("GET", configs_path)
    assert answer.response.status_code == 200
    assert [c["id"] for c in answer.body["configs"]] == [config["id"]]


def test_11_3_3_delete_push_config(rest, configs_path):
    config = created(rest, configs_path)
    path = f"{configs_path}/{config['id']}"
    assert rest.http_call("DELETE", path).response.status_code in (200, 204)
    assert rest.http_call("GET", path).response.status_code == 404


def test_11_3_4_get_extended_agent_card(rest):
    answer = rest.http_call("GET", "/extendedAgentCard")
    assert answer.response.status_code == 200
    assert problems(answer.body, "AgentCard") == []


def test_11_4_bodies_are_structured_as_the_proto(rest):
    """Bare: without any envelope but that of the proto."""
    for behaviour in (COMPLETE, DIRECT_MESSAGE):
        answer = rest.http_call("POST", "/message:send", send_params(message(behaviour)))
        assert problems(answer.body, "SendMessageResponse") == []
    listed = rest.http_call("GET", "/tasks").body
    assert problems(listed, "ListTasksResponse") == []
    task = rest.http_call("GET", f"/tasks/{listed['tasks'][0]['id']}").body
    assert problems(task, "Task") == []


def test_11_5_parameters_must_be_in_path_and_query(rest, task):
    assert rest.http_call("GET", f"/tasks/{task['id']}?historyLength=0").ok() == {
        name: value for name, value in task.items() if name != "history"
    }
    listed = rest.http_call("GET", f"/tasks?contextId={task['contextId']}&pageSize=1").ok()
    assert [found["id"] for found in listed["tasks"]] == [task["id"]]
    listed = rest.http_call("GET", "/tasks?contextId=none").ok()
    assert listed["tasks"] == []


def test_11_5_query_names_must_be_camel_case(rest, task):
    """Each parameter of ListTasks has its effect by that name."""
    later = rest.task(message(TEXT))
    at = later["status"]["timestamp"]

    def ids(query: str) -> list[str]:
        return [found["id"] for found in rest.http_call("GET", f"/tasks?{query}").ok()["tasks"]]

    assert ids(f"contextId={task['contextId']}") == [task["id"]]
    assert ids("status=TASK_STATE_COMPLETED") == [later["id"]]
    assert ids("pageSize=1") == [later["id"]]
    assert task["id"] not in ids(f"statusTimestampAfter={at}") or at == task["status"]["timestamp"]
    token = rest.list(pageSize=1)["nextPageToken"]
    assert ids(f"pageSize=1&pageToken={token}") == [task["id"]]


@pytest.mark.parametrize(
    ("query", "holds"),
    [
        ("includeArtifacts=true", lambda task: "artifacts" in task),
        ("includeArtifacts=false", lambda task: "artifacts" not in task),
        ("historyLength=0", lambda task: "history" not in task),
        ("historyLength=1", lambda task: len(task["history"]) == 1),
        ("status=TASK_STATE_COMPLETED", lambda task: True),
        ("statusTimestampAfter=2025-11-09T10:30:00Z", lambda task: True),
        ("statusTimestampAfter=2025-11-09T10%3A30%3A00Z", lambda task: True),
    ],
)
def test_11_5_values_are_read_by_their_type(rest, query, holds):
    rest.task(message(TEXT))
    [task] = rest.http_call("GET", f"/tasks?{query}").ok()["tasks"]
    assert holds(task)


@pytest.mark.parametrize(
    "query", ["pageSize=ten", "includeArtifacts=yes", "status=done", "statusTimestampAfter=now"]
)
def test_11_5_values_of_other_types_are_refused(rest, query):
    rest.http_call("GET", f"/tasks?{query}").refused_as(INVALID_PARAMS)


def test_11_5_values_must_be_url_encoded(rest):
    """An id with everything that means something in a URL."""
    context = unique("a b+c&d=e?f#g%h/ä")
    task = rest.task(message(COMPLETE, contextId=context))
    assert [found["id"] for found in rest.list(contextId=context)["tasks"]] == [task["id"]]


@pytest.fixture
def errors(rest):
    return [
        rest.call("GetTask", {"id": unique("none")}),
        rest.call("CancelTask", {"id": finished(rest, "TASK_STATE_COMPLETED")["id"]}),
        rest.call("ListTasks", {"pageSize": 0}),
        rest.with_headers(A2A_Version="9.9").call("ListTasks"),
        rest.http_call("POST", "/message:send", "{"),
        rest.http_call("GET", "/no/such/path"),
        rest.http_call("GET", "/message:send"),
    ]


def test_11_6_errors_are_google_rpc_status(errors):
    for answer in errors:
        assert set(answer.body) == {"error"}
        assert answer.error["code"] == answer.response.status_code
        assert answer.error["message"]
        assert answer.error["status"] == answer.error["status"].upper()
        assert isinstance(answer.error["details"], list)


def test_11_6_errors_are_sent_as_a2a_json(errors):
    assert {answer.media_type for answer in errors} == {"application/a2a+json"}


def test_11_6_each_detail_must_have_a_type(errors):
    for answer in errors:
        assert answer.details
        for detail in answer.details:
            assert detail["@type"].startswith("type.googleapis.com/")


def test_11_6_validation_errors_should_be_bad_request(rest):
    answer = rest.send(message(COMPLETE, parts=[]))
    violations = answer.detail(BAD_REQUEST)["fieldViolations"]
    assert [violation["field"] for violation in violations] == ["message.parts"]
    assert violations[0]["description"]


def test_11_6_errors_of_a2a_must_have_an_error_info(rest):
    completed = finished(rest, "TASK_STATE_COMPLETED")["id"]
    for answer, status, reason in [
        (rest.call("GetTask", {"id": unique("none")}), 404, "TASK_NOT_FOUND"),
        (rest.call("CancelTask", {"id": completed}), 400, "TASK_NOT_CANCELABLE"),
        (rest.send(message(COMPLETE, taskId=completed)), 400, "UNSUPPORTED_OPERATION"),
        (
            rest.with_headers(A2A_Version="9.9").call("ListTasks"),
            400,
            "VERSION_NOT_SUPPORTED",
        ),
    ]:
        assert answer.response.status_code == status
        [info] = [detail for detail in answer.details if detail["@type"] == ERROR_INFO]
        assert info["reason"] == reason
        assert info["domain"] == ERROR_DOMAIN


def test_11_6_malformed_json_is_a_bad_request(rest):
    for body in ("{", "", "nonsense", "[]", "5", b"\xff"):
        answer = rest.http_call("POST", "/message:send", body)
        assert answer.response.status_code == 400, answer
        assert answer.error["message"]


@pytest.mark.parametrize("behaviour", [COMPLETE, CHUNKED, DIRECT_MESSAGE])
def test_11_7_data_is_a_bare_stream_response(rest, behaviour):
    with rest.send_stream(message(behaviour)) as stream:
        assert stream.response.status_code == 200
        for event in stream:
            assert problems(event.data, "StreamResponse") == []


def test_11_7_stream_of_a_message_closes_at_an_interrupted_state(agent):
    """Over JSON-RPC as well: the bindings behave alike (section 5.1)."""
    with agent.send_stream(message(INPUT_REQUIRED)) as stream:
        events = list(stream)
    assert events[0].kind == "task"
    states = [event.state for event in events if event.state]
    assert states[-1] == "TASK_STATE_INPUT_REQUIRED"


def test_11_7_each_event_is_one_json_text(rest):
    response = stream_at(rest, "POST", "/message:stream", send_params(message(TEXT)))
    lines = [line for line in response.text.splitlines() if line.startswith("data:")]
    payloads = [json.loads(line.removeprefix("data:")) for line in lines]
    assert "task" in payloads[0]
    assert any("artifactUpdate" in payload for payload in payloads)
