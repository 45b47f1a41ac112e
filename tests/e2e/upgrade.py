"""Changing the code of a stack while 200 tasks are under way: none may be lost."""

import asyncio
import time
from collections import Counter

from doors import Door
from journey import raw_message, sent, until
from stack import Stack

TASKS = 200
# Each takes 4 s: most of them are waiting or running when the code changes.
SLOW = "test-resubscribe-message-id"
LIMIT_S = 240
SENDERS = 8


async def _start_all(door: Door, count: int) -> list[str]:
    ids: list[str] = []
    numbers = iter(range(count))

    async def sender():
        for _ in numbers:
            ids.append((await sent(door, SLOW))["id"])

    async with asyncio.TaskGroup() as group:
        for _ in range(SENDERS):
            group.create_task(sender())
    return ids


async def _states(door: Door, ids: list[str]) -> dict[str, str]:
    states: dict[str, str] = {}
    numbers = iter(ids)

    async def reader():
        for one in numbers:
            task = await door.ok("GET", f"/tasks/{one}?historyLength=0")
            states[one] = task["status"]["state"].removeprefix("TASK_STATE_")

    async with asyncio.TaskGroup() as group:
        for _ in range(SENDERS):
            group.create_task(reader())
    return states


async def under_load(stack: Stack, door: Door, change) -> str:
    """`change` deploys other code. Tasks of before it and tasks sent during it are all completed."""
    before = stack.code()
    waiting = await sent(door, "tck-multi-turn", immediately=False)
    ids = await _start_all(door, TASKS)
    under_way = Counter((await _states(door, ids)).values())
    start = time.monotonic()
    deployed = asyncio.create_task(asyncio.to_thread(change))
    sent_meanwhile: list[str] = []
    while not deployed.done():
        sent_meanwhile.append((await sent(door, SLOW))["id"])
        await asyncio.sleep(0.2)
    await deployed
    took_s = time.monotonic() - start
    at_change = Counter((await _states(door, ids)).values())
    after = stack.code()
    changed = [name for name in before if before[name] != after[name]]
    assert changed, "the code of no function changed"
    open_before = TASKS - under_way["COMPLETED"]
    assert open_before > 0, "no task was under way when the code changed"

    # A task that waited for its user goes on with the new code.
    for text in ("one", "two"):
        message = raw_message("an-answer", taskId=waiting["id"], contextId=waiting["contextId"])
        message["parts"] = [{"text": text}]
        await door.ok("POST", "/message:send", {"message": message})
    await until(door, waiting["id"], "COMPLETED")

    everything = ids + sent_meanwhile
    end = time.monotonic() + LIMIT_S
    while True:
        states = Counter((await _states(door, everything)).values())
        if set(states) == {"COMPLETED"}:
            break
        assert time.monotonic() < end, f"after {LIMIT_S} s: {dict(states)}"
        await asyncio.sleep(1)
    assert states["COMPLETED"] == TASKS + len(sent_meanwhile), states
    return (
        f"{TASKS} tasks, {open_before} of them under way when the change began and "
        f"{TASKS - at_change['COMPLETED']} when it was done ({took_s:.1f} s), and "
        f"{len(sent_meanwhile)} sent meanwhile: all completed; "
        f"a question of before was answered after; changed: {', '.join(changed)}"
    )
