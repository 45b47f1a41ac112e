"""How long clients and receivers wait, at given rates, over the local cloud: never a budget.

Tasks arrive at a fixed rate, whether earlier ones have ended or not, and each is counted from when it was to
arrive: a server that falls behind is seen to. Each is sent by a stream, with a push config. When it has
ended, another config is made for it; beside it a task that asks a question is canceled. At the end every
task must be listed once, as it was seen to end. The receiver is in this process, so both have one clock.
`scripts/dev` is built for tests, without most optimisations, and its database takes one write at a time.
With INLINE=true in the environment the sender's invocation runs the agent.
"""

import asyncio
import json
import math
import subprocess
import time
import uuid
from collections import defaultdict
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

from bench import table
from tools import ROOT, Fault

# What takes longer has failed.
LIMIT_S = 60
# Echo answers at once; this tenant's agent asks.
ASKING = "/ask"
PERCENTILES = {"p50": 50, "p99": 99, "p99.9": 99.9, "max": 100}

FIRST = "send to first event"
ENDED = "send to completion"
PARTS = {
    FIRST: "stored, and seen by the stream",
    "  to the claim": "the queue, and the executor's start",
    "  to the end's commit": "the agent, and the commits",
    "  to the last event": "seen by the stream",
    ENDED: "all of it",
    "commit to push, beside the agent": "from status.timestamp",
    "commit to push, canceled": "from status.timestamp, by stream-recovery",
    "new config to push, a finished task": "from the request, by stream-recovery",
}
_, CLAIMED, COMMITTED, SEEN, _, BESIDE, CANCELED, REGISTERED = PARTS


def add(commands) -> None:
    parser = commands.add_parser(
        "latency", help="times of tasks, events and pushes at given rates, over scripts/dev",
        description=__doc__,
    )  # fmt: skip
    parser.add_argument(
        "--rate", type=rate, action="append", metavar="N",
        help="so many tasks a second; can be given several times [default: 5 and 20]",
    )  # fmt: skip
    parser.add_argument(
        "--seconds", type=rate, default=20, metavar="S", help="for so long each [default: 20]"
    )
    parser.add_argument(
        "--processes", action="store_true", help="with the functions as processes of their own"
    )
    table.add_json(parser)
    parser.set_defaults(run=run)


def rate(text: str) -> float:
    number = float(text)
    if not 0 < number <= 10_000:
        raise ValueError
    return number


async def head(reader: asyncio.StreamReader) -> tuple[str, dict[str, str]]:
    """The first line of an HTTP message, and its headers."""
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
    return first, dict(line.lower().split(": ", 1) for line in lines if line)


async def chunks(reader: asyncio.StreamReader, headers: dict[str, str]):
    """The body of an HTTP message, as it comes."""
    if headers.get("transfer-encoding") != "chunked":
        yield await reader.readexactly(int(headers.get("content-length", 0)))
        return
    # Each chunk, the last and empty one as well, is between its size and the end of a line.
    while size := int(await reader.readline(), 16):
        yield await reader.readexactly(size)
        await reader.readline()
    await reader.readline()


class Receiver:
    """Takes pushes; each path has a queue of what came, and when."""

    def __init__(self):
        self.queues: dict[str, asyncio.Queue] = {}

    async def handle(self, reader, writer):
        try:
            while True:
                first, headers = await head(reader)
                body = b"".join([chunk async for chunk in chunks(reader, headers)])
                arrived = time.time()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                path = first.split()[1]
                if path in self.queues:
                    self.queues[path].put_nowait((arrived, json.loads(body)))
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            # The sender keeps connections until the measurement is over.
            pass
        finally:
            writer.close()

    async def __aenter__(self):
        self.server = await asyncio.start_server(self.handle, "127.0.0.1", 0, backlog=1000)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self.server.close()

    def hook(self) -> tuple[str, asyncio.Queue]:
        path = f"/{uuid.uuid4()}"
        return f"http://127.0.0.1:{self.port}{path}", self.queues.setdefault(path, asyncio.Queue())


async def pushes(queue: asyncio.Queue, state: str) -> list[tuple[float, dict]]:
    """What comes up to the first push that tells a state, each with when it came."""
    taken = []
    while True:
        arrived, payload = await queue.get()
        taken.append((arrived, payload))
        [value] = payload.values()
        if value.get("status", {}).get("state") == f"TASK_STATE_{state}":
            return taken


def at(status: dict) -> float:
    return datetime.fromisoformat(status["timestamp"]).timestamp()


class Client:
    """A user of the server, who has no tasks yet. Connections are kept alive between requests."""

    def __init__(self, address: str):
        self.host, port = address.split(":")
        self.port = int(port)
        self.headers = (
            f"Host: {address}\r\nA2A-Version: 1.0\r\nAuthorization: Bearer bench-{uuid.uuid4()}\r\n"
            "Content-Type: application/a2a+json\r\n"
        )
        self.free: list[tuple] = []

    @asynccontextmanager
    async def answer(self, method: str, path: str, body: dict | None = None):
        """The body of an answer, as it comes; it must be read to its end."""
        reader, writer = self.free.pop() if self.free else await asyncio.open_connection(self.host, self.port)
        content = b"" if body is None else json.dumps(body).encode()
        lines = f"{method} {path} HTTP/1.1\r\n{self.headers}Content-Length: {len(content)}\r\n\r\n"
        writer.write(lines.encode() + content)
        first, headers = await head(reader)
        if first.split()[1] != "200":
            told = b"".join([chunk async for chunk in chunks(reader, headers)])
            raise Fault(f"{method} {path}: {first}: {told.decode()}")
        yield chunks(reader, headers)
        self.free.append((reader, writer))

    async def ask(self, method: str, path: str, body: dict | None = None) -> dict:
        async with self.answer(method, path, body) as parts:
            return json.loads(b"".join([part async for part in parts]))

    async def stream(self, body: dict) -> list[tuple[float, dict]]:
        """The events of a message that is sent, each with when it came."""
        events, text = [], ""
        async with self.answer("POST", "/message:stream", body) as parts:
            async for part in parts:
                arrived = time.time()
                text += part.decode()
                *whole, text = text.split("\n\n")
                for event in whole:
                    lines = [line[5:] for line in event.splitlines() if line.startswith("data:")]
                    if lines:
                        events.append((arrived, json.loads("".join(lines))))
        return events

    async def list_all(self, tenant: str) -> tuple[list[dict], set[int]]:
        """All tasks of the user of a tenant, page by page, and what the pages said the total was."""
        tasks, totals, token = [], set(), ""
        while True:
            page = await self.ask("GET", f"{tenant}/tasks?pageSize=100&pageToken={token}")
            tasks += page["tasks"]
            totals.add(page["totalSize"])
            token = page["nextPageToken"]
            if not token:
                return tasks, totals


def message(text: str, hook: str, **configuration) -> dict:
    sent = {"messageId": str(uuid.uuid4()), "role": "ROLE_USER", "parts": [{"text": text}]}
    config = {"taskPushNotificationConfig": {"url": hook}, **configuration}
    return {"message": sent, "configuration": config}


class Load:
    def __init__(self, client: Client, receiver: Receiver):
        self.client, self.receiver = client, receiver
        self.found: dict[str, list[float]] = defaultdict(list)
        # How each task of each tenant ended.
        self.ended: dict[str, dict[str, str]] = {"": {}, ASKING: {}}

    async def streamed(self, began: float) -> None:
        """A task from its message to its end, and what is pushed of it then."""
        url, queue = self.receiver.hook()
        events = await self.client.stream(message("hello", url))
        self.found[FIRST].append(events[0][0] - began)
        updates = [(came, event["statusUpdate"]) for came, event in events if "statusUpdate" in event]
        by_state = {update["status"]["state"]: (came, update) for came, update in updates}
        # The stream of a task that runs inline begins with the task at work.
        begun = by_state.get("TASK_STATE_WORKING", events[0])[1]
        claimed = at((begun.get("task") or begun)["status"])
        came, last = by_state["TASK_STATE_COMPLETED"]
        committed, task = at(last["status"]), last["taskId"]
        self.found[CLAIMED].append(max(0.0, claimed - events[0][0]))
        self.found[COMMITTED].append(committed - claimed)
        self.found[SEEN].append(came - committed)
        self.found[ENDED].append(came - began)
        self.ended[""][task] = "TASK_STATE_COMPLETED"
        for arrived, payload in await pushes(queue, "COMPLETED"):
            if "statusUpdate" in payload:
                self.found[BESIDE].append(arrived - at(payload["statusUpdate"]["status"]))

        url, queue = self.receiver.hook()
        asked = time.time()
        await self.client.ask("POST", f"/tasks/{task}/pushNotificationConfigs", {"url": url})
        [(arrived, _)] = await pushes(queue, "COMPLETED")
        self.found[REGISTERED].append(arrived - asked)

    async def canceled(self) -> None:
        url, queue = self.receiver.hook()
        body = message("tck-input-required", url, returnImmediately=True)
        task = (await self.client.ask("POST", f"{ASKING}/message:send", body))["task"]["id"]
        await pushes(queue, "INPUT_REQUIRED")
        await self.client.ask("POST", f"{ASKING}/tasks/{task}:cancel", {})
        self.ended[ASKING][task] = "TASK_STATE_CANCELED"
        arrived, payload = (await pushes(queue, "CANCELED"))[-1]
        self.found[CANCELED].append(arrived - at(payload["statusUpdate"]["status"]))

    async def arrivals(self, a_second: float, seconds: float) -> None:
        """Tasks that arrive at this rate. All are awaited."""
        began = time.time()
        async with asyncio.TaskGroup() as group:
            for number in range(max(1, round(a_second * seconds))):
                due = began + number / a_second
                await asyncio.sleep(max(0.0, due - time.time()))
                for work in self.streamed(due), self.canceled():
                    group.create_task(asyncio.wait_for(work, LIMIT_S))


def problems(ended: dict[str, str], listed: list[dict], totals: set[int]) -> list[str]:
    """What is not as it must be: each task listed once, as it was seen to end."""
    found = []
    if sorted(task["id"] for task in listed) != sorted(ended):
        found.append(f"{len(listed)} tasks are listed, not the {len(ended)} that have ended")
    wrong = [task["id"] for task in listed if ended.get(task["id"]) != task["status"]["state"]]
    if wrong:
        found.append(f"{len(wrong)} tasks are not listed as they ended, such as {wrong[0]}")
    if totals != {len(ended)}:
        found.append(f"the pages give {sorted(totals)} as their total, not {len(ended)}")
    return found


def percentile(values: list[float], percent: float) -> float:
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


async def measure(address: str, a_second: float, seconds: float) -> dict[str, dict]:
    client = Client(address)
    async with Receiver() as receiver:
        load = Load(client, receiver)
        try:
            await load.arrivals(a_second, seconds)
        except* (TimeoutError, KeyError, ConnectionError) as group:
            raise Fault(
                f"at {a_second:g} a second not every task came to its end in {LIMIT_S} s: {group.exceptions[0]!r}"
            ) from None
        for tenant, ended in load.ended.items():
            if wrong := problems(ended, *await client.list_all(tenant)):
                raise Fault(f"at {a_second:g} a second: {'; '.join(wrong)}")
    return {
        name: {
            "count": len(load.found[name]),
            **{words: round(1000 * percentile(load.found[name], of), 1) for words, of in PERCENTILES.items()},
        }
        for name in PARTS
    }


def peak_memory_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def show(a_second: float, found: dict[str, dict]) -> None:
    rows = []
    for name, one in found.items():
        rows.append([name, str(one["count"]), *(f"{one[words]:.1f}" for words in PERCENTILES), PARTS[name]])
    table.show([f"{a_second:g} a second; ms", "count", *PERCENTILES, ""], rows)


def run(options) -> int:
    command = [ROOT / "scripts/dev", "--port", "0", "--memory", "--agent", "ask=conformance,echo"]
    command += ["--processes"] if options.processes else []
    results = {}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            line = server.stdout.readline().strip()
            if not line.startswith("listening on "):
                raise Fault("the local cloud did not start, as it says above")
            address = line.removeprefix("listening on http://")
            # Its first tasks take longer.
            asyncio.run(measure(address, 5, 1))
            for a_second in options.rate or [5.0, 20.0]:
                results[f"{a_second:g}"] = asyncio.run(measure(address, a_second, options.seconds))
                show(a_second, results[f"{a_second:g}"])
            print("each task is listed once, as it ended")
            print(f"the local cloud took at most {peak_memory_mb(server.pid):.0f} MB")
        finally:
            server.kill()
    table.write(options.json, {"seconds": options.seconds, "processes": options.processes, "ms": results})
    return 0
