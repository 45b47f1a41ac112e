"""A first look at a deployed stack through its front door: the card, and one message."""

import http.client
import json
import os
import uuid
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from tools import Fault

CARD = "/.well-known/agent-card.json"
# A cold start and a blocking send.
LONGEST_S = 40


class Door:
    """Requests to the front door, which in an emulator is not where its name says."""

    def __init__(self, url: str, endpoint: str | None, session, region: str):
        self.url = url.rstrip("/")
        self.endpoint = endpoint
        self.session = session
        self.region = region

    def request(self, method: str, path: str, body: bytes = b"", signed=False, token=None):
        """The status and the body of the answer."""
        url = urlsplit(self.url + path)
        headers = {"A2A-Version": "1.0"}
        if body:
            headers["Content-Type"] = "application/a2a+json"
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if signed:
            service = "lambda" if ".lambda-url." in url.netloc else "execute-api"
            request = AWSRequest(method, url.geturl(), data=body, headers=headers)
            SigV4Auth(self.session.get_credentials(), service, self.region).add_auth(request)
            headers = dict(request.headers)
        headers["Host"] = emulated_host(url.netloc, self.endpoint)
        connection = self._connect(url)
        try:
            connection.request(method, url.path or "/", body or None, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def _connect(self, url):
        if self.endpoint:
            at = urlsplit(self.endpoint)
            return http.client.HTTPConnection(at.hostname, at.port, timeout=LONGEST_S)
        return http.client.HTTPSConnection(url.hostname, url.port, timeout=LONGEST_S)


def emulated_host(host: str, endpoint: str | None) -> str:
    """The name that an emulator knows an API by: its own host instead of Amazon's."""
    if endpoint is None or ".execute-api." not in host:
        return host
    return f"{host.split('.')[0]}.execute-api.localhost:{urlsplit(endpoint).port}"


def run(door: Door, auth: str, agent: str) -> None:
    """Reads the card and sends a message, as far as this caller is let in; tells what it saw.

    `auth` is `none`, `iam` or `token`: who may come in.
    """
    signed = auth == "iam"
    token = os.environ.get("A2A_TOKEN")
    status, body = door.request("GET", CARD)
    if status == 403 and signed and ".lambda-url." in door.url:
        # A Function URL has one authorizer for all its paths.
        status, body = door.request("GET", CARD, signed=True)
    if status != 200:
        raise Fault(f"the agent card was answered {status}: {shown(body)}")
    print(f"smoke test: the card of {json.loads(body)['name']!r} is there")
    if auth == "token" and not token:
        print("smoke test: no message was sent; set A2A_TOKEN to a token for the front door")
        return
    message = {
        "messageId": f"smoke-{uuid.uuid4()}",
        "role": "ROLE_USER",
        "parts": [{"text": "smoke test"}],
    }
    content = json.dumps({"message": message}).encode()
    status, body = door.request("POST", "/message:send", content, signed, token)
    if status != 200:
        raise Fault(f"a message was answered {status}: {shown(body)}")
    task = json.loads(body).get("task")
    state = task["status"]["state"] if task else "a direct message"
    print(f"smoke test: a message became task {task['id'] if task else '(none)'}, {state}")
    if agent.split(",")[0] == "echo" and state != "TASK_STATE_COMPLETED":
        raise Fault(
            f"the task is {state} and not TASK_STATE_COMPLETED: see the log of the sqs-executor"
        )


def shown(body: bytes) -> str:
    return body[:500].decode(errors="replace")


def who_may_enter(parameters: dict[str, str]) -> str:
    """What a caller has to show at the front door, by the parameters of the stack."""
    return {"none": "none", "iam": "iam"}.get(parameters.get("Authorizer", ""), "token")
