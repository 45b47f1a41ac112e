"""A task's journey as one trace: spans of four processes, read by OpenTelemetry's own types."""

import base64
import json
import os
import re
import secrets
import signal
import time
from dataclasses import dataclass

import httpx
import pytest
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from receiver import Answer, Hook
from server import Server

VERSION = {"A2A-Version": "1.0"}
FUNCTIONS = {"request", "sqs-executor", "stream-recovery", "scheduled-recovery"}
COLLECTOR = "/otel"
# A push of a dead process is made again when its claim is over.
TIMES = {"PUSH_TIMEOUT_SECONDS": "3", "PUSH_CLAIM_SECONDS": "9"}


@dataclass(frozen=True)
class Seen:
    """A span, and the process that it is of."""

    function: str
    span: Span

    @property
    def id(self) -> str:
        return self.span.span_id.hex()

    @property
    def parent(self) -> str:
        return self.span.parent_span_id.hex()

    @property
    def attributes(self) -> dict:
        return _values(self.span.attributes)


def _values(pairs) -> dict:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in pairs}


def _read(body: bytes) -> ExportTraceServiceRequest:
    """OTLP's JSON is that of protocol buffers, but that its ids are hexadecimal. What the types do
    not have is an error."""
    message = json.loads(body)
    for resource in message["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                for name in {"traceId", "spanId", "parentSpanId"} & set(span):
                    span[name] = base64.b64encode(bytes.fromhex(span[name])).decode()
    return ParseDict(message, ExportTraceServiceRequest())


def _seen(pushes) -> list[Seen]:
    found = []
    for push in pushes:
        assert push.headers["Content-Type"] == "application/json"
        for resource in _read(push.body).resource_spans:
            about = _values(resource.resource.attributes)
            assert about["service.name"] == "a2a-lambda" and about["cloud.provider"] == "aws"
            for scope in resource.scope_spans:
                found += [Seen(about["faas.name"], span) for span in scope.spans]
    return found


@pytest.fixture
def collector(receiver) -> Hook:
    path = f"{COLLECTOR}/v1/traces"
    hook = receiver.hooks[path] = Hook(receiver, path)
    return hook


def test_the_journey_of_a_task_is_one_trace_of_four_processes(receiver, collector):
    trace, client = secrets.token_hex(16), secrets.token_hex(8)
    headers = {**VERSION, "traceparent": f"00-{trace}-{client}-01"}
    options = ("--memory", "--port", "0", "--agent", "conformance", "--processes")
    where = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.origin + COLLECTOR}
    first, second = receiver.hook(), receiver.hook()
    second.answers = [Answer(None)]
    with (
        Server(*options, TRACES="otlp", **where, **TIMES) as server,
        httpx.Client(base_url=server.url, headers=headers, timeout=30) as http,
    ):
        message = {"messageId": "m1", "role": "ROLE_USER", "parts": [{"text": "tck-complete-task"}]}
        sent = http.post("/message:send", json={"message": message})
        task = sent.raise_for_status().json()["task"]
        assert task["status"]["state"] == "TASK_STATE_COMPLETED"
        configs = f"/tasks/{task['id']}/pushNotificationConfigs"
        # Nobody runs the task any more, so the table's stream wakes who delivers.
        http.post(configs, json={"url": first.url}).raise_for_status()
        [pushed] = first.wait_for(1)
        # Who delivers this dies of it, and the sweep takes it up.
        http.post(configs, json={"url": second.url}).raise_for_status()
        second.wait_for(1)
        for process in server.children("stream-recovery"):
            os.kill(process, signal.SIGKILL)
        second.wait_for(2)

        def is_whole(pushes) -> bool:
            of_trace = [one for one in _seen(pushes) if one.span.trace_id.hex() == trace]
            return {one.function for one in of_trace} == FUNCTIONS

        spans = [one for one in _seen(collector.wait(is_whole)) if one.span.trace_id.hex() == trace]

    by_id = {one.id: one for one in spans}
    assert len(by_id) == len(spans), "no two spans have one id"
    for one in spans:
        assert one.parent == client or one.parent in by_id, one
        assert one.span.start_time_unix_nano <= one.span.end_time_unix_nano
        assert one.span.status.code == Status.STATUS_CODE_UNSET, one

    def named(name: str, function: str) -> list[Seen]:
        return [one for one in spans if (one.span.name, one.function) == (name, function)]

    [turn] = named("invoke_agent conformance", "sqs-executor")
    assert turn.attributes["gen_ai.conversation.id"] == task["contextId"]
    assert turn.attributes["a2a.task.id"] == task["id"]
    attempt = by_id[turn.parent]
    assert (attempt.span.name, attempt.span.kind) == ("attempt", Span.SPAN_KIND_INTERNAL)
    of_signal = by_id[attempt.parent]
    assert (of_signal.span.name, of_signal.span.kind) == (
        "process signals",
        Span.SPAN_KIND_CONSUMER,
    )
    assert of_signal.attributes["messaging.system"] == "aws_sqs"
    request = by_id[of_signal.parent]
    assert (request.function, request.span.kind) == ("request", Span.SPAN_KIND_SERVER)
    assert request.parent == client and request.attributes["http.response.status_code"] == 200
    [push] = named("POST", "stream-recovery")
    assert push.span.kind == Span.SPAN_KIND_CLIENT
    assert push.attributes["http.response.status_code"] == 200
    assert pushed.headers["traceparent"] == f"00-{trace}-{push.id}-01"
    assert by_id[push.parent].function == "request"
    assert named("POST", "scheduled-recovery")


# A line of a function, as `scripts/dev --processes` shows it.
LINE = re.compile(rf"({'|'.join(FUNCTIONS)}) \| (\{{.*\}})")


class Lines:
    """What the functions have written."""

    def __init__(self, file):
        self.file = file

    def __call__(self) -> list[dict]:
        shown = LINE.findall(self.file.read_text())
        return [json.loads(line) for _, line in shown]

    def of_log(self) -> list[dict]:
        return [line for line in self() if "message" in line]

    def spans(self) -> list[Seen]:
        told = [json.dumps(line).encode() for line in self() if "resourceSpans" in line]
        found = []
        for resource in (one for body in told for one in _read(body).resource_spans):
            function = _values(resource.resource.attributes)["faas.name"]
            found += [Seen(function, span) for scope in resource.scope_spans for span in scope.spans]
        return found

    def until(self, holds) -> None:
        end = time.monotonic() + 30
        while not holds():
            assert time.monotonic() < end, self.file.read_text()
            time.sleep(0.05)


def test_what_is_done_later_is_in_the_trace_of_its_task_and_so_is_each_line_that_names_it(
    receiver, tmp_path
):
    options = ("--memory", "--port", "0", "--agent", "conformance", "--processes", "--log", "info")
    lines = Lines(tmp_path / "stderr")
    down = [Answer(503), Answer(503)]
    tasks = {}
    with (
        lines.file.open("w") as stderr,
        Server(*options, stderr=stderr, TRACES="stdout", PUSH_WAITS_SECONDS="1,1,1", **TIMES) as server,
        httpx.Client(base_url=server.url, headers=VERSION, timeout=30) as http,
    ):

        def done(task: str, function: str, event: str) -> int:
            found = lines.of_log()
            names = {"task": task, "function_name": function, "event": event}
            return sum(names.items() <= line.items() for line in found)

        # Two tasks at a time, so that batches have both.
        for _ in range(2):
            trace = secrets.token_hex(16)
            headers = {"traceparent": f"00-{trace}-{secrets.token_hex(8)}-01"}
            early, late = receiver.hook(*down), receiver.hook(*down)
            message = {"messageId": trace, "role": "ROLE_USER"}
            message["parts"] = [{"text": "tck-complete-task"}]
            body = {
                "message": message,
                "configuration": {"taskPushNotificationConfig": {"url": early.url}},
            }
            sent = http.post("/message:send", json=body, headers=headers)
            task = sent.raise_for_status().json()["task"]["id"]
            tasks[task] = trace
            # Nobody runs the task any more: the table's stream wakes who delivers this.
            configs = f"/tasks/{task}/pushNotificationConfigs"
            made = http.post(configs, json={"url": late.url}, headers=headers)
            made.raise_for_status()
            http.get(f"{configs}/{made.json()['id']}", headers=headers).raise_for_status()
            for hook in early, late:
                # Two attempts that failed, and one that a signal of its own has made.
                pushes = hook.wait_for(3)
                assert {push.headers["traceparent"].split("-")[1] for push in pushes} == {trace}
        for task in tasks:
            lines.until(lambda: done(task, "stream-recovery", "stream_record_done"))
            lines.until(lambda: done(task, "sqs-executor", "signal_done") >= 3)
            lines.until(lambda: done(task, "sqs-executor", "pushes_attempted") >= 2)

    log, spans = lines.of_log(), lines.spans()
    for task, trace in tasks.items():
        naming = [line for line in log if line.get("task") == task]
        assert [line for line in log if line.get("trace_id") == trace] == naming
        assert {line["function_name"] for line in naming} >= FUNCTIONS - {"scheduled-recovery"}
        of_trace = [one for one in spans if one.span.trace_id.hex() == trace]
        names = {(one.function, one.span.name) for one in of_trace}
        assert ("stream-recovery", "process records") in names
        retries = [one for one in of_trace if one.span.name == "process signals"]
        assert len(retries) >= 3
        posts = [one for one in of_trace if one.span.name == "POST" and one.function != "request"]
        assert {one.attributes["server.address"] for one in posts} == {"127.0.0.1"}
        assert {one.attributes["server.port"] for one in posts} == {receiver.port}
