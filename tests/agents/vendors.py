"""The agents of other vendors, as their users run them, and how a2a-lambda is told of each."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from socket import create_connection, socket

from a2a.types import Part, Task
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.struct_pb2 import Value

from server import ROOT, Server

APPS = Path(__file__).parent / "apps"
# The vendors' packages have an environment of their own: some need the A2A SDK of version 0.3.
PYTHON = ROOT / ".tools/agents/bin/python"
# They import much, while all cores are busy.
START_LIMIT_S = 60


WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
# The system gives none of these to whoever wants any: the port of an app that was killed stays free.
PORTS = iter(range(20_000 + WORKER * 500, 20_500 + WORKER * 500))


def own_port() -> str:
    for port in PORTS:
        with suppress(OSError), socket() as free:
            free.bind(("127.0.0.1", port))
            return str(port)
    raise RuntimeError("there is no free port")


@dataclass(frozen=True)
class Vendor:
    """An app, and the agent that a2a-lambda calls it by."""

    name: str
    app: str
    # What `--agent` says: {port} is the app's.
    agent: str
    # Whether its answer comes piece by piece.
    streams: bool = True
    # Whether it stops when its task is canceled, or nobody listens any more. AgentCore's SDK and LangGraph do
    # not notice.
    stops: bool = False
    # Whether it has a task of its own, which goes on without its caller and is gone with its process.
    has_task: bool = False
    # How a question of it is answered, which is a task, by a text. `None` if it asks nothing.
    answer: Callable[[Task, str], Part] | None = lambda _, text: Part(text=text)
    # Those of a2a-lambda: {port} is the app's here, too.
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def is_child(self) -> bool:
        """Whether a2a-lambda starts it."""
        return self.agent == "process"

    @property
    def command(self) -> list[str]:
        return [str(PYTHON), str(APPS / f"{self.app}.py")]


def to_interrupt(task: Task, text: str) -> Part:
    """Strands takes an answer only with the id of the interrupt that asks."""
    _, asked = task.status.message.parts
    [interrupt] = MessageToDict(asked.data)["interrupts"]
    response = {"interruptId": interrupt["interruptId"], "response": text}
    return Part(data=ParseDict({"interruptResponse": response}, Value()))


VENDORS = [
    Vendor("agentcore-whole", "agentcore_whole", "http:http://127.0.0.1:{port}", streams=False),
    Vendor("agentcore-generator", "agentcore_generator", "http:http://127.0.0.1:{port}"),
    Vendor("agentcore-process", "agentcore_generator", "process"),
    Vendor(
        "strands-a2a", "strands_a2a", "a2a:http://127.0.0.1:{port}", stops=True, has_task=True,
        answer=to_interrupt,
    ),
    # The card names localhost, unless `to_a2a` is told another host.
    Vendor(
        "adk-a2a", "adk_a2a", "a2a:http://localhost:{port}", streams=False, stops=True, has_task=True
    ),
    Vendor(
        "langgraph-ag-ui", "langgraph_agui", "http:http://127.0.0.1:{port}/agent",
        variables={"HTTP_AGENT_CONTRACT": "ag-ui"},
    ),
    Vendor(
        "openai-lm-proxy", "openai_lm_proxy", "http:http://127.0.0.1:{port}/v1", stops=True,
        answer=None,
        variables={
            "HTTP_AGENT_CONTRACT": "openai", "HTTP_AGENT_MODEL": "scripted",
            "HTTP_AGENT_AUTHORIZATION": "Bearer the-key",
        },
    ),
    Vendor(
        "fastapi-mangum", "lambda_mangum", "lambda:agent", streams=False,
        variables={"AWS_ENDPOINT_URL_LAMBDA": "http://127.0.0.1:{port}"},
    ),
]  # fmt: skip


class App:
    """A vendor's app as a process at a port that stays the same."""

    def __init__(self, vendor: Vendor, variables: dict[str, str]):
        self.vendor = vendor
        self.port = own_port()
        self.variables = variables | {"PORT": self.port}
        self.process = None

    def start(self) -> None:
        self.process = subprocess.Popen(self.vendor.command, env=os.environ | self.variables)
        ends = time.monotonic() + START_LIMIT_S
        while True:
            with suppress(ConnectionRefusedError), closing(create_connection(("127.0.0.1", self.port))):
                return
            code = self.process.poll()
            assert code is None, f"{self.vendor.app} ended with {code}"
            assert time.monotonic() < ends, f"{self.vendor.app} does not listen"
            time.sleep(0.05)

    def kill(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()


class Stack:
    """A vendor's app behind the local cloud, whose functions are processes."""

    def __init__(self, vendor: Vendor, folder: Path, **variables: str):
        self.vendor = vendor
        self.effects_file = folder / "effects"
        self.effects_file.touch()
        own = {"EFFECTS": str(self.effects_file), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONWARNINGS": "ignore"}
        self.app = App(vendor, own)
        self.server = None
        agent = vendor.agent.format(port=self.app.port)
        told = {name: value.format(port=self.app.port) for name, value in vendor.variables.items()}
        options = ["--memory", "--port", "0", "--processes", "--agent", agent]
        with ExitStack() as undo:
            undo.callback(self.end)
            if vendor.is_child:
                options += ["--", *vendor.command]
            else:
                self.app.start()
            self.server = Server(*options, **own, **told, **variables)
            undo.pop_all()
        self.url = self.server.url

    def effects(self, told: str) -> list[str]:
        """What the model has done for a text: `begin`, `end` and `stop`, in their order."""
        lines = (line.split(" ", 1) for line in self.effects_file.read_text().splitlines())
        return [what for what, text in lines if text == told]

    def kill_agent(self) -> None:
        if self.vendor.is_child:
            [executor] = self.executors()
            [agent] = [pid for pid, words in commands(executor) if words[1:2] == self.vendor.command[1:]]
            os.kill(agent, signal.SIGKILL)
        else:
            self.app.kill()
            self.app.start()

    def executors(self) -> list[int]:
        return self.server.children("sqs-executor")

    def kill_executor(self) -> None:
        for executor in self.executors():
            os.kill(executor, signal.SIGKILL)

    def end(self) -> None:
        if self.server:
            self.server.kill()
        self.app.kill()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()


def commands(parent: int):
    """The children of a process, and the words of their commands."""
    for children in Path(f"/proc/{parent}/task").glob("*/children"):
        for pid in children.read_text().split():
            words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
            yield int(pid), words
