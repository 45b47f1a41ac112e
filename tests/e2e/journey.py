"""What a client does at a front door, with the official SDK and in raw HTTP."""

import asyncio
import json
import sys
import time
import uuid
from pathlib import Path

# The receiver and the words of the SDK tests are the same here.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "clients/python"))
from a2a.types import CancelTaskRequest, GetTaskRequest, SendMessageRequest, TaskState  # noqa: E402
from calls import message, send_for_task, wait_for  # noqa: E402
from receiver import Answer, Hook, Receiver  # noqa: E402
from streams import TICKS, TICKS_TEXT, events, fold, kinds, sending, state  # noqa: E402

from doors import CARD, Door  # noqa: E402

BINDINGS = ("JSONRPC", "HTTP+JSON")
WAIT_LIMIT_S = 60
POLL_S = 0.2
MOST_SENDS = 10


def receiver() -> Receiver:
    """A receiver of pushes, for as long as this process runs."""
    return Receiver().__enter__()


def raw_message(behaviour: str, **fields) -> dict:
    return {
        "messageId": f"{behaviour}-{uuid.uuid4()}",
        "role": "ROLE_USER",
        "parts": [{"text": "hello"}],
        **fields,
    }


async def sent(door: Door, behaviour: str, immediately=True, **configuration) -> dict:
    body = {"message": raw_message(behaviour)}
    body["configuration"] = {"returnImmediately": immediately, **configuration}
    return (await door.ok("POST", "/message:send", body))["task"]


async def sent_surely(door: Door, message: dict) -> tuple[dict, int]:
    """Sends as a careful client does: again if there was no answer, under one idempotency key.

    Returns the task, and how often it was sent again.
    """
    body = {"message": message, "configuration": {"returnImmediately": True}}
    headers = {"Idempotency-Key": message["messageId"]}
    for again in range(MOST_SENDS):
        answer = await door.raw("POST", "/message:send", body, headers)
        if answer.status_code == 200:
            return answer.json()["task"], again
        assert answer.status_code in (500, 502, 503), f"{answer.status_code} {answer.text}"
        await asyncio.sleep(POLL_S)
    raise AssertionError(f"sent {MOST_SENDS} times, and last answered {answer.status_code}")


async def until(door: Door, task_id: str, wanted: str, limit_s: float = WAIT_LIMIT_S) -> dict:
    end = time.monotonic() + limit_s
    while True:
        task = await door.ok("GET", f"/tasks/{task_id}")
        if task["status"]["state"] == f"TASK_STATE_{wanted}":
            return task
        assert time.monotonic() < end, f"not {wanted} after {limit_s} s: {json.dumps(task)[:400]}"
        await asyncio.sleep(POLL_S)


async def pushed(hook: Hook, wanted: str, limit_s: float = WAIT_LIMIT_S) -> list:
    """What a receiver was sent, once it was told of a state."""
    end = time.monotonic() + limit_s
    while True:
        states = [
            value.get("status", {}).get("state") for p in hook.pushes for value in p.data.values()
        ]
        if f"TASK_STATE_{wanted}" in states:
            return list(hook.pushes)
        assert time.monotonic() < end, f"the receiver has {states} after {limit_s} s"
        await asyncio.sleep(POLL_S)


async def card(door: Door) -> str:
    """The card, without credentials."""
    answer = await door.raw("GET", CARD, anonymous=True)
    assert answer.status_code == 200, f"{answer.status_code} {answer.text}"
    content = answer.json()
    urls = {one["url"] for one in content["supportedInterfaces"]}
    return f"200 without credentials, {content['name']}, interfaces at {', '.join(sorted(urls))}"


async def refused(door: Door) -> str:
    """Without credentials nothing but the card is to be had."""
    answer = await door.raw("POST", "/message:send", {"message": raw_message("m")}, anonymous=True)
    assert answer.status_code in (401, 403), f"{answer.status_code} {answer.text}"
    return f"a message without credentials is answered {answer.status_code}"


async def send(door: Door) -> str:
    seen = []
    for binding in BINDINGS:
        async with door.http() as http, await door.sdk(http, binding, streaming=False) as client:
            task = await send_for_task(client, message("tck-artifact-text"))
            assert state_of(task) == "COMPLETED", task
            assert task.artifacts[0].parts[0].text == "Generated text content", task
            read = await client.get_task(GetTaskRequest(id=task.id))
            assert read.id == task.id and state_of(read) == "COMPLETED", read
            seen.append(f"{binding} {task.id}")
    return f"SDK: completed, with the artifact, and read again: {', '.join(seen)}"


async def stream(door: Door) -> str:
    seen = []
    for binding in BINDINGS:
        async with door.http() as http, await door.sdk(http, binding, streaming=True) as client:
            heard = await events(sending(client, message(TICKS)))
            task = fold(heard)
            texts = "".join(part.text for part in task.artifacts[0].parts)
            assert texts == TICKS_TEXT, texts
            assert state(heard[-1]) == TaskState.TASK_STATE_COMPLETED, heard[-1]
            seen.append(f"{binding} {len(heard)} events ({kinds(heard)[0]} first)")
    return f"SDK: {', '.join(seen)}; the fold of the events is the whole task"


async def cancel(door: Door) -> str:
    async with door.http() as http, await door.sdk(http, "JSONRPC", streaming=False) as client:
        request = SendMessageRequest(
            message=message("tck-cancel"), configuration={"return_immediately": True}
        )
        [answer] = [event async for event in client.send_message(request)]
        task = answer.task
        await wait_for(client, task.id, lambda task: state_of(task) == "WORKING")
        start = time.monotonic()
        canceled = await client.cancel_task(CancelTaskRequest(id=task.id))
        assert state_of(canceled) == "CANCELED", canceled
        took_s = time.monotonic() - start
        await asyncio.sleep(3)
        later = await client.get_task(GetTaskRequest(id=task.id))
        assert state_of(later) == "CANCELED", later
    return f"SDK: a task that was running is canceled in {took_s:.2f} s, and stays so"


async def follow_up(door: Door) -> str:
    async with door.http() as http, await door.sdk(http, "HTTP+JSON", streaming=False) as client:
        task = await send_for_task(client, message("tck-multi-turn"))
        states = [state_of(task)]
        for answer in ("one", "two"):
            more = message("an-answer", answer, task_id=task.id, context_id=task.context_id)
            task = await send_for_task(client, more)
            states.append(state_of(task))
        assert states == ["INPUT_REQUIRED", "INPUT_REQUIRED", "COMPLETED"], states
        users = [one for one in task.history if one.role == 1]
        assert len(users) == 3, task.history
    return f"SDK: two questions answered on one task: {' -> '.join(states)}"


def server_sent(text: str) -> list[tuple[int, dict]]:
    """The events of a stream, each with its id."""
    found = []
    for block in text.replace("\r\n", "\n").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line[1:])
        if "data" in fields:
            found.append((int(fields["id"]), json.loads(fields["data"])))
    return found


async def resume(door: Door) -> str:
    """A stream that was cut goes on behind the last event that came."""
    task = await sent(door, TICKS)
    whole = await door.raw("GET", f"/tasks/{task['id']}:subscribe", headers={"Last-Event-ID": "1"})
    first = server_sent(whole.text)
    assert first, f"{whole.status_code} {whole.text}"
    await until(door, task["id"], "COMPLETED")
    ids = []
    cut = first[0][0]
    while True:
        headers = {"Last-Event-ID": str(cut)}
        answer = await door.raw("GET", f"/tasks/{task['id']}:subscribe", headers=headers)
        got = server_sent(answer.text)
        ids += [number for number, _ in got]
        if not got or "statusUpdate" in got[-1][1]:
            break
        cut = ids[-1]
    assert ids == list(range(first[0][0] + 1, ids[-1] + 1)), ids
    last = got[-1][1]["statusUpdate"]["status"]["state"]
    assert last == "TASK_STATE_COMPLETED", got[-1]
    return (
        f"curl-like: cut after event {first[0][0]}, resumed: events {ids[0]} to {ids[-1]}, no gap"
    )


async def push_recovers(door: Door, hook: Hook) -> str:
    """A webhook that fails twice gets everything, in order, once it is well."""
    hook.answers = [Answer(503), Answer(500)]
    config = {"url": hook.url, "token": "for-my-eyes"}
    task = await sent(door, "tck-artifact-text", taskPushNotificationConfig=config)
    pushes = await pushed(hook, "COMPLETED")
    ids = [push.headers["webhook-id"] for push in pushes]
    assert ids[0] == ids[1] == ids[2], ids
    assert len(set(ids[2:])) == len(ids[2:]), f"a push came twice: {ids}"
    assert all(push.headers["X-A2A-Notification-Token"] == "for-my-eyes" for push in pushes)
    kinds_seen = [next(iter(push.data)) for push in pushes[2:]]
    assert kinds_seen[0] == "task" and "artifactUpdate" in kinds_seen, kinds_seen
    waits = [
        round(after.at - before.at, 1)
        for before, after in zip(pushes[:2], pushes[1:3], strict=True)
    ]
    return (
        f"task {task['id']}: answered 503 and 500, sent again after {waits[0]} s and {waits[1]} s, "
        f"then {len(set(ids))} pushes in order, each once: {', '.join(kinds_seen)}"
    )


async def stream_recovery(door: Door, hook: Hook, logs) -> str:
    """A config on a task that is over has no executor: the table's stream leads to its push."""
    task = await sent(door, "tck-complete-task", immediately=False)
    start = time.time()
    await door.ok("POST", f"/tasks/{task['id']}/pushNotificationConfigs", {"url": hook.url})
    [push] = await pushed(hook, "COMPLETED")
    found = await logs("stream-recovery", task["id"], start)
    assert found, "stream-recovery logged nothing about the task"
    return (
        f"a config on the finished task {task['id']} was pushed to after "
        f"{(push.at - start) * 1000:.0f} ms; stream-recovery logged {found[0]!r}"
    )


async def inline(door: Door, logs) -> str:
    """A sender that waits has its task run by request itself."""
    start = time.time()
    task = await sent(door, "tck-artifact-text", immediately=False)
    assert task["status"]["state"] == "TASK_STATE_COMPLETED", task["status"]
    took_ms = (time.time() - start) * 1000
    found = await logs("request", task["id"], start)
    ended = [line for line in found if '"task_run"' in line]
    assert ended, f"request logged {found}"
    return f"task {task['id']} was completed by request in {took_ms:.0f} ms"


def state_of(task) -> str:
    return TaskState.Name(task.status.state).removeprefix("TASK_STATE_")
