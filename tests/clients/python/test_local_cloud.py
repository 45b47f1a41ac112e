"""The local cloud as a program of one's own machine: who may call it, how it ends, what it says."""

import json
import os
import signal
import subprocess
import time

import httpx
import pytest

from calls import POLL_S, WAIT_LIMIT_S
from server import Server

MESSAGE = {
    "message": {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "hello"}]},
    "configuration": {"returnImmediately": True},
}
PAGE = "http://localhost:5173"
FUNCTIONS = ["request", "sqs-executor", "stream-recovery", "scheduled-reco"]


def send(server, text: str = "hello", **headers: str) -> httpx.Response:
    message = MESSAGE | {"message": MESSAGE["message"] | {"parts": [{"text": text}]}}
    headers = {"A2A-Version": "1.0"} | headers
    url = server.url + "/message:send"
    return httpx.post(url, content=json.dumps(message), headers=headers, timeout=WAIT_LIMIT_S)


def count(server) -> int:
    """How many tasks there are."""
    url = server.url + "/tasks?pageSize=1"
    response = httpx.get(url, headers={"A2A-Version": "1.0"}, timeout=WAIT_LIMIT_S)
    return response.raise_for_status().json()["totalSize"]


def eventually(holds) -> bool:
    deadline = time.monotonic() + WAIT_LIMIT_S
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True


def children(server) -> list[int]:
    return [pid for name in FUNCTIONS for pid in server.children(name)]


def is_alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(") ")[2][0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture(scope="module")
def server():
    options = ("--memory", "--port", "0", "--aws-port", "0")
    with Server(*options, "--allow-origin", PAGE, "--allow-host", "dev.example") as server:
        yield server


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 200),
        ({"Origin": PAGE}, 200),
        ({"Host": "localhost:80"}, 200),
        ({"Host": "dev.example"}, 200),
        ({"Origin": "https://evil.example", "Content-Type": "text/plain"}, 403),
        ({"Origin": "null", "Content-Type": "text/plain"}, 403),
        ({"Host": "evil.example"}, 421),
    ],
)
def test_pages_and_hosts_are_let_in_by_name(server, headers, status):
    before = count(server)
    response = send(server, **headers)
    assert response.status_code == status, response.text
    assert count(server) == before + (status == 200)
    assert response.headers.get("access-control-allow-origin") == (
        PAGE if headers.get("Origin") == PAGE else None
    )
    if status != 200:
        assert "--allow-" in response.json()["message"]


def test_a_preflight_is_answered_with_what_a_client_sends(server):
    asked = {
        "Origin": PAGE,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "a2a-version,content-type",
    }
    response = httpx.options(server.url + "/message:send", headers=asked)
    assert response.status_code == 204
    allowed = response.headers["access-control-allow-headers"]
    for name in "a2a-version", "a2a-extensions", "last-event-id", "idempotency-key":
        assert name in allowed


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": PAGE}])
def test_operators_port_is_for_programs_only(headers):
    options = ("--memory", "--port", "0", "--aws-port", "0")
    with Server(*options, "--allow-origin", PAGE, stderr=subprocess.PIPE) as server:
        lines = iter(server.process.stderr.readline, "")
        url = next(line for line in lines if "AWS_ENDPOINT_URL_SQS=" in line).split("=")[1].strip()
        target = {"X-Amz-Target": "DynamoDB_20120810.ListTables"}
        assert httpx.post(url, content="{}", headers=target).status_code == 200
        refused = httpx.post(url, content="{}", headers=target | headers)
        assert refused.status_code in (403, 421)


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_and_its_functions(by):
    options = ("--memory", "--port", "0", "--processes", "--agent", "conformance")
    with Server(*options) as server:
        send(server, "test-resubscribe-message-id")
        assert eventually(lambda: server.children("sqs-executor"))
        functions = children(server)
        assert server.end(by) == 0
        assert eventually(lambda: not any(map(is_alive, functions)))


def test_functions_end_with_a_server_that_is_killed():
    # Their agent never yields.
    options = ("--memory", "--port", "0", "--processes", "--agent", "poison")
    with Server(*options) as server:
        send(server, "loop")
        assert eventually(lambda: server.children("sqs-executor"))
        functions = children(server)
        server.kill()
        assert eventually(lambda: not any(map(is_alive, functions)))


def test_agents_that_never_yield_hold_up_no_request_and_no_end():
    with Server("--memory", "--port", "0", "--agent", "poison") as server:
        # More than there are threads.
        for _ in range(64):
            send(server, "loop")
        assert eventually(lambda: count(server) == 64)
        assert server.end(signal.SIGINT) == 0


@pytest.mark.parametrize(
    ("arguments", "code"), [(["--help"], 0), (["--unknown"], 2), (["--memory", "--agent", "nobody"], 1)]
)
def test_a_reader_that_has_gone_is_no_panic(server, arguments, code):
    program = f"/proc/{server.process.pid}/exe"
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([program, *arguments], stdout=writer, stderr=writer, timeout=60)
    os.close(writer)
    assert done.returncode == code


@pytest.mark.parametrize("content", [b"", b"no database"])
def test_a_damaged_database_is_named_with_the_way_out(server, tmp_path, content):
    program = f"/proc/{server.process.pid}/exe"
    with Server("--port", "0", "--data", str(tmp_path)) as started:
        started.end(signal.SIGTERM)
    database = tmp_path / "dynamodb.sqlite"
    for file in tmp_path.glob("dynamodb.sqlite*"):
        file.unlink()
    database.write_bytes(content)
    command = [program, "--port", "0", "--data", tmp_path]
    done = subprocess.run(command, text=True, capture_output=True, timeout=60)
    assert done.returncode == 1
    for named in str(database), "move it away", "--data":
        assert named in done.stderr
    assert "encrypt" not in done.stderr
    assert database.read_bytes() == content


def test_a_variable_that_is_not_taken_is_named(tmp_path):
    command = ("--memory", "--port", "0")
    with Server(*command, stderr=subprocess.PIPE, TABLE_NAME="mine") as server:
        assert server.end(signal.SIGTERM) == 0
        said = server.process.stderr.read()
    assert "TABLE_NAME" in said and "its own table" in said


def test_a_variable_of_the_functions_is_taken():
    # In both ways to run them, where the functions' defaults are others.
    for more in (), ("--processes",):
        with Server("--memory", "--port", "0", *more, MAX_BODY_BYTES="1024") as server:
            assert send(server, "x" * 2000).status_code == 413
