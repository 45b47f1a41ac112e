"""The functions as processes, over an emulated AWS that counts what it is asked."""

import json
import os
import signal
import subprocess
import sys
import uuid
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import Request, urlopen

from bench.runtime_api import DEADLINE_S, Handler, RuntimeApi, Server
from tools import ROOT, Fault, need

# 32 bytes, all of them 0.
NO_SECRET = "A" * 43 + "="


@dataclass
class Count:
    """What one operation asked of AWS and of receivers."""

    calls: int = 0
    written: float = 0.0
    read: float = 0.0
    refused: int = 0
    sqs: int = 0
    scheduler: int = 0
    pushes: int = 0
    # Of the calls and the read units, those of requests that only count items.
    counting_calls: int = 0
    counting_read: float = 0.0
    # The write units by what is written to: the table, and each index.
    places: Counter = field(default_factory=Counter)

    def __add__(self, other: "Count") -> "Count":
        return Count(**{name: getattr(self, name) + getattr(other, name) for name in vars(self)})


class Account:
    """DynamoDB and SQS, by crates/aws-emulator/examples/account.rs."""

    def __init__(self, folder: Path):
        self.process = subprocess.Popen(
            [folder / "examples/account"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        places = self._line()
        self.url, self.queue = places["url"], places["queue"]

    def _line(self):
        line = self.process.stdout.readline()
        if not line:
            raise Fault("the emulated AWS has ended, as it says above")
        return json.loads(line)

    def ask(self, command: str):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return self._line()

    def dynamodb(self, operation: str, **request) -> dict:
        headers = {"x-amz-target": f"DynamoDB_20120810.{operation}"}
        with urlopen(Request(self.url, json.dumps(request).encode(), headers)) as answer:
            return json.load(answer)


class World(Server):
    """Who else is there: EventBridge Scheduler, and receivers of pushes."""

    def __init__(self):
        self.posts: list[str] = []
        # What receivers answer.
        self.status = 200
        world = self

        class WorldHandler(Handler):
            def do_POST(self):
                self.body()
                world.posts.append(self.path)
                if self.path.startswith("/schedules/"):
                    self.answer(200, b'{"ScheduleArn": "arn:aws:scheduler"}')
                else:
                    self.answer(world.status)

        super().__init__(WorldHandler)

    @property
    def receiver(self) -> str:
        return f"http://{self.address}/receiver"


class Rig:
    """All of it. A function begins when it is first invoked, and ends with the rig."""

    def __init__(self, folder: Path, **variables: str):
        self.folder = folder
        self.account, self.world = Account(folder), World()
        self.functions: dict[str, tuple[RuntimeApi, subprocess.Popen]] = {}
        # How often each function was invoked.
        self.invoked: Counter = Counter()
        self.variables = {
            "AGENT": "paced=paced,steps=steps,approval=approval,ask=conformance,echo",
            "QUEUE_URL": self.account.queue,
            "QUEUE_ARN": "arn:aws:sqs:eu-central-1:000000000000:signals",
            "SCHEDULER_ROLE_ARN": "arn:aws:iam::000000000000:role/scheduler",
            "SCHEDULE_GROUP": "waits",
            "AWS_ENDPOINT_URL_DYNAMODB": self.account.url,
            "AWS_ENDPOINT_URL_SQS": self.account.url,
            "AWS_ENDPOINT_URL_SCHEDULER": f"http://{self.world.address}",
            "CALLBACK_URL": "https://agents.example/callbacks",
            "PUSH_ALLOW_HTTP": "true",
            "PUSH_ALLOW_LOCAL": "true",
            "PUSH_SECRETS_KEY": NO_SECRET,
            # What is streamed is also counted.
            "RESPONSE_MODE": "stream",
            **variables,
        }

    def __enter__(self) -> "Rig":
        return self

    def __exit__(self, *_) -> None:
        for name in list(self.functions):
            self.end(name)
        self.account.process.stdin.close()
        self.account.process.wait()

    def start(self, name: str, command: list) -> None:
        """Starts a function; in place of the one of this name, if that runs."""
        if name in self.functions:
            self.end(name)
        api = RuntimeApi()
        self.functions[name] = api, api.start(name, command, 60, self.variables)[0]

    def end(self, name: str) -> None:
        api, process = self.functions.pop(name)
        api.end(process, signal.SIGTERM)

    @contextmanager
    def variables_of(self, function: str, **variables: str):
        """Has a function start anew with variables, and anew without them afterwards."""
        before = self.variables
        self.variables = before | variables
        self.start(function, [self.folder / function])
        yield
        self.end(function)
        self.variables = before

    def invoke(self, name: str, event, deadline_s: float = DEADLINE_S):
        if name not in self.functions:
            self.start(name, [self.folder / name])
        self.invoked[name] += 1
        return self.functions[name][0].invoke(json.dumps(event).encode(), deadline_s)

    def request(
        self, method: str, path: str, body=None, owner: str = "alice", deadline_s: float = DEADLINE_S
    ) -> dict:
        """A request to the function `request`, whose answer must be a good one."""
        answer = self.invoke("request", http_event(method, path, body, owner), deadline_s)
        # A streamed answer has its status in front, and eight zero bytes behind that.
        head, _, content = answer.partition(b"\0" * 8)
        status = json.loads(head).get("statusCode", 500)
        if status != 200:
            raise Fault(f"{method} {path} was answered with {status}: {content.decode()[:500]}")
        is_json = content.startswith(b"{")
        return json.loads(content) if is_json else {"events": content.decode()}

    def send(self, text: str = "hello", tenant: str = "", owner: str = "alice", **configuration) -> dict:
        body = message(text, **configuration)
        return self.request("POST", f"{tenant}/message:send", body, owner)["task"]

    def answer(self, path: str, body) -> None:
        """An answer to a callback, to the function `webhook`."""
        answer = json.loads(self.invoke("webhook", http_event("POST", path, body, "")))
        if answer["statusCode"] != 200:
            raise Fault(f"a callback's answer was answered with {answer}")

    def execute(self) -> None:
        """Has the executor take the signals that there are."""
        event = self.account.ask("signals")
        if event is None:
            raise Fault("no signal was sent")
        answer = json.loads(self.invoke("sqs-executor", event))
        if answer["batchItemFailures"]:
            raise Fault(f"the executor has failed: {answer}")

    def drain(self) -> None:
        """Deletes the signals that there are."""
        while self.account.ask("signals"):
            pass

    def take(self) -> Count:
        """What was asked since the last look."""
        count = Count()
        for one in self.account.ask("take"):
            if one["name"] in OF_QUEUES:
                count.sqs += 1
                continue
            count.calls += 1
            count.read += one["read"]
            count.written += sum(one["written"].values())
            count.places.update(one["written"])
            count.refused += one["name"] == "error"
            if one["counts"]:
                count.counting_calls += 1
                count.counting_read += one["read"]
        posts, self.world.posts = self.world.posts, []
        count.scheduler = sum(path.startswith("/schedules/") for path in posts)
        count.pushes = len(posts) - count.scheduler
        return count


OF_QUEUES = {
    "ChangeMessageVisibilityBatch",
    "DeleteMessageBatch",
    "SendMessage",
    "SendMessageBatch",
}


def message(text: str, context: str | None = None, **configuration) -> dict:
    """A request that sends a message; by default it does not wait for the answer."""
    sent = {"messageId": str(uuid.uuid4()), "role": "ROLE_USER", "parts": [{"text": text}]}
    if context:
        sent["contextId"] = context
    return {"message": sent, "configuration": {"returnImmediately": True, **configuration}}


def http_event(method: str, path: str, body, owner: str) -> dict:
    """A request as an HTTP API's payload 2.0 has it."""
    path, _, query = path.partition("?")
    return {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"a2a-version": "1.0", "host": "agents.example"},
        "requestContext": {
            "domainName": "agents.example",
            "http": {"method": method, "path": path, "sourceIp": "127.0.0.1"},
            "authorizer": {"jwt": {"claims": {"sub": owner}, "scopes": None}},
        },
        "body": json.dumps(body) if body is not None else None,
    }


def build() -> Path:
    """The folder of the functions' executables, built as scripts/dev does it."""
    need("cargo", "Rust, with rustup (https://rustup.rs)")
    command = ["cargo", "build", "--workspace", "--bins", "--examples"]
    if subprocess.run(command, cwd=ROOT, stdout=sys.stderr).returncode:
        raise Fault("the functions do not build, as the compiler says above")
    return Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"), "debug")
