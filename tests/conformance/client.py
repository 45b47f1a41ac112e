"""A2A 1.0 in raw HTTP: how each binding spells an operation, its answer, its errors, its stream."""

import itertools
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

import httpx

import sse
from errors import BAD_REQUEST, ERROR_DOMAIN, ERROR_INFO, HTTP_JSON, JSON_RPC, ErrorKind

VERSION = "1.0"
CARD_PATH = "/.well-known/agent-card.json"
MEDIA_TYPES = {JSON_RPC: "application/json", HTTP_JSON: "application/a2a+json"}
# Nothing that the tests ask for takes longer: what does, hangs.
LIMIT_S = 20
POLL_S = 0.05

# The operations (section 5.3) at HTTP+JSON. Names in braces are parameters that go into the path;
# the others go into the body, or into the query where the method has no body (section 11.5).
ENDPOINTS = {
    "SendMessage": ("POST", "/message:send"),
    "SendStreamingMessage": ("POST", "/message:stream"),
    "GetTask": ("GET", "/tasks/{id}"),
    "ListTasks": ("GET", "/tasks"),
    "CancelTask": ("POST", "/tasks/{id}:cancel"),
    "SubscribeToTask": ("POST", "/tasks/{id}:subscribe"),
    "CreateTaskPushNotificationConfig": ("POST", "/tasks/{taskId}/pushNotificationConfigs"),
    "GetTaskPushNotificationConfig": ("GET", "/tasks/{taskId}/pushNotificationConfigs/{id}"),
    "ListTaskPushNotificationConfigs": ("GET", "/tasks/{taskId}/pushNotificationConfigs"),
    "DeleteTaskPushNotificationConfig": ("DELETE", "/tasks/{taskId}/pushNotificationConfigs/{id}"),
    "GetExtendedAgentCard": ("GET", "/extendedAgentCard"),
}

_request_ids = itertools.count(1)


class Answer:
    """One answer that is not a stream. Whatever a binding wraps around it is taken off."""

    def __init__(self, binding: str, response: httpx.Response, request_id=None):
        self.binding = binding
        self.response = response
        self.request_id = request_id

    def __repr__(self):
        request = self.response.request
        sent = request.content.decode(errors="replace")[:2000]
        return (
            f"\n> {request.method} {request.url}\n> {sent}"
            f"\n< {self.response.status_code} {dict(self.response.headers)}"
            f"\n< {self.response.text[:2000]}"
        )

    @property
    def body(self):
        return json.loads(self.response.content)

    @property
    def media_type(self) -> str:
        """Without parameters such as the charset."""
        return self.response.headers["Content-Type"].partition(";")[0].strip()

    @property
    def is_error(self) -> bool:
        if self.binding == HTTP_JSON:
            return self.response.status_code >= 400
        return "error" in self.body

    def ok(self):
        """The result, which there must be."""
        assert not self.is_error, self
        if self.binding == HTTP_JSON:
            assert self.response.status_code in (200, 204), self
            return self.body if self.response.content else {}
        assert "result" in self.body, self
        return self.body["result"]

    @property
    def error(self) -> dict:
        """The error as its binding has it: `code`, `message`, and details under some name."""
        assert self.is_error, self
        assert isinstance(self.body.get("error"), dict), self
        return self.body["error"]

    @property
    def details(self) -> list[dict]:
        return self.error.get("details" if self.binding == HTTP_JSON else "data", [])

    def detail(self, type_url: str) -> dict | None:
        """The first detail of a type."""
        return next((d for d in self.details if d["@type"] == type_url), None)

    def violated_fields(self) -> list[str]:
        """The fields that a validation error names."""
        detail = self.detail(BAD_REQUEST)
        assert detail, self
        return [violation["field"] for violation in detail["fieldViolations"]]

    def refused_as(self, kind: ErrorKind) -> "Answer":
        """Is this error, by what section 5.4 says of its binding."""
        if self.binding == JSON_RPC:
            assert self.error["code"] == kind.code, self
            return self
        assert self.response.status_code == kind.status, self
        if kind.is_of_a2a:
            info = self.detail(ERROR_INFO)
            assert info and info["domain"] == ERROR_DOMAIN, self
            assert info["reason"] == kind.reason, self
        return self


class Event:
    """An event of a stream: what it carries, and what was around it."""

    def __init__(self, binding: str, event: sse.SseEvent):
        self.id = event.id
        self.fields = event.fields
        self.data = json.loads(event.data)
        if binding == JSON_RPC:
            assert "error" not in self.data, self.data
            self.payload = self.data["result"]
        else:
            self.payload = self.data

    def __repr__(self):
        return f"{self.id}: {self.payload}"

    @property
    def kind(self) -> str:
        """`task`, `message`, `statusUpdate` or `artifactUpdate`."""
        [kind] = self.payload
        return kind

    @property
    def value(self) -> dict:
        return self.payload[self.kind]

    @property
    def state(self) -> str | None:
        """The task's state, if the event tells it."""
        return self.value["status"]["state"] if self.kind in ("task", "statusUpdate") else None


class Stream:
    """A stream that is being read. Iterating goes on until the server closes it."""

    def __init__(self, binding: str, response: httpx.Response, request_id):
        self.binding = binding
        self.response = response
        self.request_id = request_id
        self._events = self._read()

    @property
    def is_refused(self) -> bool:
        content_type = self.response.headers.get("content-type", "")
        return content_type.partition(";")[0].strip() != "text/event-stream"

    def refusal(self) -> Answer:
        """The answer in place of a stream."""
        self.response.read()
        assert self.is_refused, f"a stream: {self.response.text}"
        return Answer(self.binding, self.response, self.request_id)

    def __iter__(self) -> Iterator[Event]:
        return self._events

    def __next__(self) -> Event:
        return next(self._events)

    def take_until(self, holds) -> list[Event]:
        """The events up to the first of which something holds."""
        taken = []
        for event in self:
            taken.append(event)
            if holds(event):
                return taken
        raise AssertionError(f"the stream ended before: {taken}")

    def _read(self) -> Iterator[Event]:
        if self.is_refused:
            raise AssertionError(f"not a stream: {self.refusal()}")
        assert self.response.status_code == 200
        for event in sse.events(self._chunks()):
            yield Event(self.binding, event)

    def _chunks(self) -> Iterator[bytes]:
        # Comments keep a stream alive, so that the limit for silence never ends it.
        deadline = time.monotonic() + LIMIT_S
        for chunk in self.response.iter_bytes():
            assert time.monotonic() < deadline, "the stream is still open"
            yield chunk


class Client:
    """One caller of one agent, over one binding."""

    def __init__(self, http: httpx.Client, url: str, binding: str, headers: dict | None = None):
        self.http = http
        self.url = url
        self.binding = binding
        self.headers = {"A2A-Version": VERSION} | (headers or {})

    def using(self, binding: str) -> "Client":
        """The same caller over a binding."""
        return Client(self.http, self.url, binding, self.headers)

    def with_headers(self, **headers: str | None) -> "Client":
        """The same with other headers, `_` for `-`; `None` leaves one out."""
        changed = self.headers | {name.replace("_", "-"): v for name, v in headers.items()}
        client = self.using(self.binding)
        client.headers = {name: value for name, value in changed.items() if value is not None}
        return client

    def as_caller(self, name: str | None) -> "Client":
        """Somebody else, or nobody in particular."""
        return self.with_headers(Authorization=name and f"Bearer {name}")

    def call(self, operation: str, params: dict | None = None, query: str = "") -> Answer:
        request, request_id = self.request(operation, params or {}, query)
        return Answer(self.binding, self.http.send(request), request_id)

    def refusal(self, operation: str, params: dict) -> Answer:
        """What is answered in place of a result or a stream."""
        with self.stream(operation, params) as stream:
            return stream.refusal()

    @contextmanager
    def stream(self, operation: str, params: dict) -> Iterator[Stream]:
        request, request_id = self.request(operation, params)
        response = self.http.send(request, stream=True)
        try:
            yield Stream(self.binding, response, request_id)
        finally:
            response.close()

    def request(self, operation: str, params: dict, query: str = ""):
        """The HTTP request for an operation, and the id that JSON-RPC gives it."""
        if self.binding == JSON_RPC:
            request_id = next(_request_ids)
            body = {"jsonrpc": "2.0", "id": request_id, "method": operation, "params": params}
            return self.http_request("POST", "/" + query, body), request_id
        params = dict(params)
        method, template = ENDPOINTS[operation]
        names = [part.partition("}")[0] for part in template.split("{")[1:]]
        path = template.format(**{name: quote(str(params.pop(name)), safe="") for name in names})
        if tenant := params.pop("tenant", None):
            path = f"/{quote(tenant, safe='')}{path}"
        if method == "POST":
            return self.http_request(method, path + query, params), None
        pairs = [f"{name}={quote(query_text(value), safe='')}" for name, value in params.items()]
        return self.http_request(method, path + (query or "?") + "&".join(pairs)), None

    def http_request(self, method: str, target: str, body=None) -> httpx.Request:
        """Any HTTP request of this caller; a body that is no text is sent as JSON."""
        headers = dict(self.headers)
        if body is not None:
            headers = {"Content-Type": MEDIA_TYPES[self.binding]} | headers
            body = body if isinstance(body, str | bytes) else json.dumps(body)
        return self.http.build_request(method, self.url + target, content=body, headers=headers)

    def http_call(self, method: str, target: str, body=None) -> Answer:
        return Answer(self.binding, self.http.send(self.http_request(method, target, body)))

    # What most tests begin with.

    def send(self, message: dict, **configuration) -> Answer:
        return self.call("SendMessage", send_params(message, configuration))

    def task(self, message: dict, **configuration) -> dict:
        """The task that answers a message."""
        result = self.send(message, **configuration).ok()
        assert list(result) == ["task"], result
        return result["task"]

    def get(self, task_id: str, **params) -> dict:
        return self.call("GetTask", {"id": task_id} | params).ok()

    def list(self, **params) -> dict:
        return self.call("ListTasks", params).ok()

    def wait_for(self, task_id: str, *states: str) -> dict:
        """The task, as soon as it is in one of the states."""
        return poll(lambda: self.get(task_id), lambda task: task["status"]["state"] in states)

    def send_stream(self, message: dict, **configuration):
        return self.stream("SendStreamingMessage", send_params(message, configuration))

    def subscribe(self, task_id: str):
        return self.stream("SubscribeToTask", {"id": task_id})


def poll(read, holds):
    """What is read, as soon as something holds of it."""
    deadline = time.monotonic() + LIMIT_S
    while not holds(value := read()):
        assert time.monotonic() < deadline, f"waited for too long: {value}"
        time.sleep(POLL_S)
    return value


def send_params(message: dict, configuration: dict | None = None) -> dict:
    return {"message": message} | ({"configuration": configuration} if configuration else {})


def query_text(value) -> str:
    """A value as section 11.5 has it in a query."""
    return str(value).lower() if isinstance(value, bool) else str(value)
