"""A first look at a deployed stack through its front door: the card, and one message."""

import http.client
import json
import os
import time
import uuid
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from tools import Fault

CARD = "/.well-known/agent-card.json"
# A cold start and a blocking send.
LONGEST_S = 40
# How long the task may take after that, and how often it is looked at.
DONE_WITHIN_S, LOOK_S = 60, 2
ENDED = ("TASK_STATE_COMPLETED", "TASK_STATE_FAILED", "TASK_STATE_CANCELED", "TASK_STATE_REJECTED")


class Door:
    """Requests to the front door, which in an emulator is not where its name says."""

    def __init__(self, url: str, endpoint: str | None, session, region: str):
        self.url = url.rstrip("/")
        self.endpoint = endpoint
        self.session = session
        self.region = region

    def request(self, method: str, path: str, body: bytes = b"", signed=False, credentials=()):
        """The status and the body of the answer. `credentials` are a header, if there is one."""
        url = urlsplit(self.url + path)
        headers = {"A2A-Version": "1.0", **dict([credentials] if credentials else [])}
        if body:
            headers["Content-Type"] = "application/a2a+json"
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
        except (OSError, http.client.HTTPException) as error:
            raise Fault(
                f"the stack is deployed, but {url.netloc} does not answer ({error}). If the name is "
                "new, it may not be known yet; --no-smoke-test leaves this out"
            ) from error
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


def run(door: Door, parameters: dict[str, str]) -> None:
    """Reads the card and sends a message, as far as this caller is let in; tells what it saw.

    `parameters` are those of the stack.
    """
    auth = parameters.get("Authorizer", "")
    signed = auth == "iam"
    credentials = shown_by(parameters, os.environ.get("A2A_TOKEN"))
    tenant, agent = first_agent(parameters.get("Agent", ""))
    status, body = door.request("GET", tenant + CARD)
    if status == 403 and signed and ".lambda-url." in door.url:
        # A Function URL has one authorizer for all its paths.
        status, body = door.request("GET", tenant + CARD, signed=True)
    if status != 200:
        raise Fault(f"the agent card was answered {status}: {shown(body)}")
    name = json.loads(body)["name"]
    # An agent of one's own is there whatever the parameter says.
    is_echo = agent == name == "echo"
    print(f"smoke test: the card of {name!r} is there")
    if auth not in ("none", "iam") and not credentials:
        print("smoke test: no message was sent; set A2A_TOKEN to a token for the front door")
        return
    message = {
        "messageId": f"smoke-{uuid.uuid4()}",
        "role": "ROLE_USER",
        "parts": [{"text": "smoke test"}],
    }
    content = json.dumps({"message": message}).encode()
    status, body = door.request("POST", f"{tenant}/message:send", content, signed, credentials)
    if status != 200:
        raise Fault(f"a message was answered {status}: {shown(body)}")
    task = json.loads(body).get("task")
    if task is None:
        print("smoke test: a message was answered with a message")
        return
    # What echo begins it ends at once; others may take their time, or ask.
    end = time.monotonic() + DONE_WITHIN_S
    while is_echo and task["status"]["state"] not in ENDED and time.monotonic() < end:
        time.sleep(LOOK_S)
        path = f"{tenant}/tasks/{task['id']}"
        status, body = door.request("GET", path, signed=signed, credentials=credentials)
        if status != 200:
            raise Fault(f"the task {task['id']} was answered {status}: {shown(body)}")
        task = json.loads(body)
    state = task["status"]["state"]
    print(f"smoke test: a message became task {task['id']}, {state}")
    if is_echo and state != "TASK_STATE_COMPLETED":
        raise Fault(
            f"the task is {state} and not TASK_STATE_COMPLETED: see the log of the sqs-executor"
        )


def first_agent(agents: str) -> tuple[str, str]:
    """The path of a tenant, and its agent: the one for those without a tenant, if there is one."""
    words = [one.strip() for one in agents.split(",")]
    for word in words:
        if "=" not in word:
            return "", word
    tenant, _, agent = words[0].partition("=")
    return f"/{tenant}", agent


def shown_by(parameters: dict[str, str], token: str | None) -> tuple[str, str] | None:
    """The header by which a caller with a token comes in."""
    if not token:
        return None
    header = parameters.get("AuthorizerHeader") or "Authorization"
    # What other functions and user pools want in that header is the token alone.
    is_ours = parameters.get("Authorizer") in ("jwt", "key")
    if is_ours and header.lower() in ("authorization", "any"):
        return "Authorization", f"Bearer {token}"
    return header, token


def shown(body: bytes) -> str:
    return body[:500].decode(errors="replace")
