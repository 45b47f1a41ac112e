"""A deleted push config is silent: no push to it is begun once its deletion was answered."""

import asyncio
import json

import pytest
from httpx import AsyncClient, Limits

from streams import TICKS

pytestmark = pytest.mark.anyio

# How many configs are deleted in all, and at a time.
DELETES = 200
AT_A_TIME = 20

# Longer than the agent takes.
WAIT_LIMIT_S = 60

# How often the event loop looks for what has arrived: to accept, to read the head, to read the body.
LOOKS = 50

HEADERS = {"A2A-Version": "1.0"}


@pytest.fixture(params=["one_process", "processes"])
def server(request):
    return request.getfixturevalue(request.param)


class Hooks:
    """A receiver in the event loop of the test, so that both see things in one order."""

    def __init__(self):
        self.pushes = {}
        self.over = {}
        self.news = asyncio.Condition()

    async def __aenter__(self):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        port = self.server.sockets[0].getsockname()[1]
        self.origin = f"http://127.0.0.1:{port}"
        return self

    async def __aexit__(self, *_):
        self.server.close()

    def url(self, path: str) -> str:
        self.pushes[path] = 0
        self.over[path] = asyncio.Event()
        return self.origin + path

    async def serve(self, reader, writer):
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                path = head[0].split(" ")[1]
                # It has begun with its first byte.
                self.pushes[path] += 1
                async with self.news:
                    self.news.notify_all()
                fields = dict(line.lower().split(": ", 1) for line in head[1:] if line)
                body = await reader.readexactly(int(fields["content-length"]))
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                await writer.drain()
                # A config that is made when the task is over is sent the task only.
                update = json.loads(body)
                shown = update.get("statusUpdate") or update.get("task") or {}
                if shown.get("status", {}).get("state") == "TASK_STATE_COMPLETED":
                    self.over[path].set()
                    async with self.news:
                        self.news.notify_all()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


async def begun(hooks: Hooks, path: str) -> int:
    """How many pushes have begun by now, with those whose first bytes are on this machine."""
    for _ in range(LOOKS):
        await asyncio.sleep(0)
    return hooks.pushes[path]


async def delete_while_chunks_come(http: AsyncClient, hooks: Hooks, number: int) -> tuple[int, int]:
    """How many pushes had begun when the deletion was answered, and when the task was over."""
    path, kept = f"/deleted/{number}", f"/kept/{number}"
    config = {"url": hooks.url(path), "id": "deleted"}
    body = {
        "message": {"messageId": f"m{number}", "role": "ROLE_USER", "parts": [{"text": TICKS}]},
        "configuration": {"returnImmediately": True, "taskPushNotificationConfig": config},
    }
    sent = await http.post("/message:send", json=body)
    configs = f"/tasks/{sent.raise_for_status().json()['task']['id']}/pushNotificationConfigs"
    made = await http.post(configs, json={"url": hooks.url(kept), "id": "kept"})
    made.raise_for_status()
    # At another chunk each time, and sooner or later after it. Chunks may come together as one.
    async with hooks.news:
        await hooks.news.wait_for(
            lambda: hooks.pushes[path] > number % 7 or hooks.over[path].is_set()
        )
    (await http.delete(f"{configs}/deleted")).raise_for_status()
    at_answer = await begun(hooks, path)
    # The other one is sent all that there is, and so would this one be.
    await asyncio.wait_for(hooks.over[kept].wait(), WAIT_LIMIT_S)
    return at_answer, await begun(hooks, path)


async def test_no_push_is_begun_once_a_deletion_was_answered(server):
    limits = Limits(max_connections=AT_A_TIME)
    base = {"base_url": server.url, "headers": HEADERS, "timeout": WAIT_LIMIT_S, "limits": limits}
    late = []
    pushed = 0
    async with Hooks() as hooks, AsyncClient(**base) as http:
        for first in range(0, DELETES, AT_A_TIME):
            numbers = range(first, first + AT_A_TIME)
            deletes = [delete_while_chunks_come(http, hooks, number) for number in numbers]
            for at_answer, in_the_end in await asyncio.gather(*deletes):
                pushed += at_answer
                late.append(in_the_end - at_answer)
    assert (len(late), sum(late)) == (DELETES, 0)
    assert pushed > DELETES, "there was much to push meanwhile"
