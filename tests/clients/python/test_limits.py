"""The limits of owners: one who is at them is refused, and others are served as before."""

import asyncio
import json
import time
from contextlib import AsyncExitStack, asynccontextmanager
from uuid import uuid4

import httpx
import pytest

from calls import POLL_S, WAIT_LIMIT_S
from server import Server

REQUESTS, STREAMS, TASKS = 240, 2, 4
LIMITS = {
    "REQUESTS_PER_MINUTE_PER_OWNER": str(REQUESTS),
    "MAX_OPEN_STREAMS_PER_OWNER": str(STREAMS),
    "MAX_OPEN_TASKS_PER_OWNER": str(TASKS),
}
# How many messages the other owner sends, one after the other, and how many connections flood.
SENDS, CONNECTIONS = 60, 8
# What the conformance agent does: completes at once, or works for a minute.
AT_ONCE, LONG = "tck-complete-task", "tck-cancel"
WHY = ["requests in this minute", "open streams", "open tasks"]


@pytest.fixture(scope="module", params=["one process", "processes"])
def server(request):
    options = ["--memory", "--port", "0", "--agent", "conformance"]
    if request.param == "processes":
        options.append("--processes")
    with Server(*options, **LIMITS) as server:
        server.name = request.param
        yield server


class User:
    """An owner at a server: `scripts/dev` takes the bearer token for the name."""

    def __init__(self, http: httpx.AsyncClient, server: Server, name: str):
        self.http, self.url = http, server.url
        self.headers = {"A2A-Version": "1.0", "Authorization": f"Bearer {name}-{uuid4()}"}

    @staticmethod
    def message(behaviour: str, waits: bool) -> dict:
        message = {
            "messageId": f"{behaviour}-{uuid4()}",
            "role": "ROLE_USER",
            "parts": [{"text": "hello"}],
        }
        return {"message": message, "configuration": {"returnImmediately": not waits}}

    async def send(self, behaviour: str, waits: bool = False) -> httpx.Response:
        message = self.message(behaviour, waits)
        url = self.url + "/message:send"
        return await self.http.post(url, json=message, headers=self.headers)

    async def call(self, method: str, params: dict, version: str = "1.0") -> httpx.Response:
        call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        headers = self.headers | {"A2A-Version": version}
        return await self.http.post(self.url, json=call, headers=headers)

    @asynccontextmanager
    async def stream(self, behaviour: str):
        """A stream and its lines; a refusal is read whole."""
        message = self.message(behaviour, waits=False)
        url = self.url + "/message:stream"
        async with self.http.stream("POST", url, json=message, headers=self.headers) as response:
            if response.status_code != 200:
                await response.aread()
            yield response, response.aiter_lines()

    async def opened(self, stack: AsyncExitStack) -> tuple[str, object]:
        """Opens a stream of a long task; returns the task's id and the lines that are to come."""
        response, lines = await stack.enter_async_context(self.stream(LONG))
        assert response.status_code == 200, response.text
        async for line in lines:
            if line.startswith("data: "):
                return json.loads(line.removeprefix("data: "))["task"]["id"], lines

    async def cancel(self, task: str) -> httpx.Response:
        return await self.http.post(f"{self.url}/tasks/{task}:cancel", headers=self.headers)


def refusal(response: httpx.Response) -> str:
    """Why a request was refused, which must be for a limit."""
    assert response.status_code == 429, response.text
    assert int(response.headers["Retry-After"]) >= 1
    assert not response.headers["Content-Type"].startswith("text/event-stream")
    message = response.json()["error"]["message"]
    return next(why for why in WHY if why in message)


async def eventually(holds) -> None:
    deadline = time.monotonic() + WAIT_LIMIT_S
    while not await holds():
        assert time.monotonic() < deadline, "not in time"
        await asyncio.sleep(POLL_S)


@asynccontextmanager
async def clients():
    limits = httpx.Limits(max_connections=100, max_keepalive_connections=50)
    async with httpx.AsyncClient(timeout=30, limits=limits) as http, AsyncExitStack() as stack:
        yield http, stack


def test_an_owner_at_a_limit_is_refused_until_it_has_room_again(server):
    async def run():
        async with clients() as (http, stack):
            alice = User(http, server, "alice")
            streams = [await alice.opened(stack) for _ in range(STREAMS)]
            async with alice.stream(AT_ONCE) as (response, _):
                assert refusal(response) == "open streams"
            message = User.message(AT_ONCE, waits=False)
            for method in ["SendStreamingMessage", "message/stream"]:
                version = "0.3" if "/" in method else "1.0"
                params = message if version == "1.0" else {
                    "message": {
                        "kind": "message", "messageId": str(uuid4()), "role": "user",
                        "parts": [{"kind": "text", "text": "hello"}],
                    }
                }
                assert refusal(await alice.call(method, params, version)) == "open streams"

            others = [await alice.send(LONG) for _ in range(TASKS - STREAMS)]
            assert [response.status_code for response in others] == [200] * len(others)
            assert refusal(await alice.send(AT_ONCE)) == "open tasks"
            assert refusal(await alice.call("SendMessage", message)) == "open tasks"
            assert (await User(http, server, "bob").send(AT_ONCE)).status_code == 200

            # A task that is over, and with it its stream, makes room.
            task, lines = streams[0]
            assert (await alice.cancel(task)).status_code == 200
            assert "TASK_STATE_CANCELED" in "".join([line async for line in lines])

            async def is_sent():
                return (await alice.send(AT_ONCE, waits=True)).status_code == 200

            async def is_streamed():
                async with alice.stream(AT_ONCE) as (response, lines):
                    if response.status_code == 200:
                        assert "TASK_STATE_COMPLETED" in "".join([line async for line in lines])
                    return response.status_code == 200

            await eventually(is_sent)
            await eventually(is_streamed)

    asyncio.run(run())


def test_a_client_that_goes_makes_room(server):
    async def run():
        async with clients() as (http, stack):
            alice = User(http, server, "alice")
            async with AsyncExitStack() as left:
                held = [await alice.opened(left) for _ in range(STREAMS)]
                async with alice.stream(LONG) as (response, _):
                    assert refusal(response) == "open streams"
            if server.name == "processes":
                # As on Lambda, nobody tells the function: the stream goes on until its task ends.
                async with alice.stream(LONG) as (response, _):
                    assert refusal(response) == "open streams"
                assert (await alice.cancel(held[0][0])).status_code == 200

            async def is_streamed():
                async with alice.stream(LONG) as (response, _):
                    return response.status_code == 200

            await eventually(is_streamed)

    asyncio.run(run())


def percentiles(latencies: list[float]) -> str:
    ordered = sorted(latencies)
    at = lambda share: 1_000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]
    return f"p50 {at(0.5):.0f} ms, p99 {at(0.99):.0f} ms"


async def latencies(user: User) -> list[float]:
    took = []
    for _ in range(SENDS):
        start = time.perf_counter()
        response = await user.send(AT_ONCE, waits=True)
        took.append(time.perf_counter() - start)
        assert response.status_code == 200, response.text
        assert response.json()["task"]["status"]["state"] == "TASK_STATE_COMPLETED"
    return took


async def flood(user: User, over: asyncio.Event, counts: dict[str, int]) -> None:
    """Sends, streams and lists without a pause. Tasks take a minute, if they are taken."""
    while not over.is_set():
        async with user.stream(LONG) as (response, _):
            counts[refusal(response) if response.status_code != 200 else "streams"] += 1
        for name, request in [
            ("tasks", lambda: user.send(LONG)),
            ("lists", lambda: user.http.get(user.url + "/tasks?pageSize=1", headers=user.headers)),
        ]:
            response = await request()
            counts[refusal(response) if response.status_code != 200 else name] += 1


def test_one_owner_is_at_its_limits_and_another_does_not_notice(server):
    async def run():
        async with clients() as (http, stack):
            bob = User(http, server, "bob")
            await latencies(User(http, server, "warm-up"))
            alone = await latencies(bob)

            alice = User(http, server, "alice")
            # Before the first request that counts: a minute may end among these, too.
            begun = time.time()
            # What nobody holds is closed.
            _held = [await alice.opened(stack) for _ in range(STREAMS)]
            counts = dict.fromkeys(["streams", "tasks", "lists", *WHY], 0)
            over = asyncio.Event()
            floods = [asyncio.create_task(flood(alice, over, counts)) for _ in range(CONNECTIONS)]
            beside = await latencies(bob)
            over.set()
            await asyncio.gather(*floods)
            return alone, beside, counts, int(time.time() // 60) - int(begun // 60) + 1

    alone, beside, counts, minutes = asyncio.run(run())
    admitted = sum(counts[name] for name in ["streams", "tasks", "lists"])
    refused = sum(counts[why] for why in WHY)
    print(
        f"\n{server.name}: another owner alone {percentiles(alone)}, beside the flood"
        f" {percentiles(beside)}; of the flood {admitted} admitted, {refused} refused: {counts}"
    )
    # All that it had places for is taken, and what it has is counted by the minute.
    assert counts["streams"] == 0 and counts["tasks"] <= TASKS - STREAMS, counts
    assert refused > admitted and all(counts[why] for why in WHY), counts
    counted = STREAMS + admitted + counts["open streams"] + counts["open tasks"]
    assert counted <= minutes * REQUESTS, counts
