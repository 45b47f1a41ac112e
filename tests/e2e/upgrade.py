"""Changing the code of a stack while 200 tasks are under way: none may be lost.

The emulator is harder than AWS here: it ends the invocations that run when the code changes. A sender
that gets no answer sends again, under the same idempotency key.
"""

import asyncio
import time
import uuid
from collections import Counter

from doors import Door
from journey import POLL_S, raw_message, sent_surely, until
from stack import Stack

TASKS = 200
# Each takes 4 s.
SLOW = "test-resubscribe-message-id"
LIMIT_S = 300
SENDERS = 8


class Load:
    """Tasks of one context, by which they are listed."""

    def __init__(self, door: Door):
        self.door = door
        self.context = str(uuid.uuid4())
        self.ids: list[str] = []
        self.again = 0

    async def send(self) -> None:
        message = raw_message(SLOW, contextId=self.context)
        task, again = await sent_surely(self.door, message)
        self.ids.append(task["id"])
        self.again += again

    async def send_all(self, count: int) -> None:
        numbers = iter(range(count))

        async def sender():
            for _ in numbers:
                await self.send()

        async with asyncio.TaskGroup() as group:
            for _ in range(SENDERS):
                group.create_task(sender())

    async def states(self) -> dict[str, str]:
        """The states of all tasks of the context, by their ids."""
        states: dict[str, str] = {}
        token = ""
        while True:
            query = f"contextId={self.context}&pageSize=100&historyLength=0&pageToken={token}"
            answer = await self.door.raw("GET", f"/tasks?{query}")
            if answer.status_code in (500, 502, 503):
                await asyncio.sleep(1)
                continue
            assert answer.status_code == 200, f"{answer.status_code} {answer.text}"
            page = answer.json()
            for task in page["tasks"]:
                states[task["id"]] = task["status"]["state"].removeprefix("TASK_STATE_")
            token = page["nextPageToken"]
            if not token:
                return states

    async def count(self) -> Counter:
        return Counter((await self.states()).values())


async def under_load(stack: Stack, door: Door, change) -> str:
    """`change` deploys other code. Tasks of before it and tasks sent during it are all completed."""
    before = stack.code()
    # No text: the echo agent asks for some, too.
    question = raw_message("tck-auth-required", parts=[{"data": {"a": 1}}])
    waiting = (await door.ok("POST", "/message:send", {"message": question}))["task"]
    assert waiting["status"]["state"].endswith("_REQUIRED"), waiting
    load = Load(door)
    start = time.monotonic()
    # The executor waits meanwhile, so that none is done when the last is sent.
    mapping = stack.mapping("sqs-executor")
    stack.lambdas.update_event_source_mapping(UUID=mapping, Enabled=False)
    await asyncio.sleep(2)
    await load.send_all(TASKS)
    print(f"{TASKS} tasks were sent in {time.monotonic() - start:.1f} s", flush=True)
    stack.lambdas.update_event_source_mapping(UUID=mapping, Enabled=True)
    while set(begun := await load.count()) == {"SUBMITTED"}:
        await asyncio.sleep(POLL_S)
    open_before = begun.total() - begun["COMPLETED"]
    assert open_before > TASKS // 2, f"only {open_before} tasks were under way: {begun}"
    start = time.monotonic()
    deployed = asyncio.create_task(asyncio.to_thread(change))
    while not deployed.done():
        await load.send()
        await asyncio.sleep(POLL_S)
    await deployed
    took_s = time.monotonic() - start
    ended = await load.count()
    open_after = ended.total() - ended["COMPLETED"]
    after = stack.code()
    changed = [name for name in before if before[name] != after[name]]
    assert changed, "the code of no function changed"

    # A task that waited for its user goes on with the new code.
    message = raw_message("an-answer", taskId=waiting["id"], contextId=waiting["contextId"])
    await door.ok("POST", "/message:send", {"message": message})
    await until(door, waiting["id"], "COMPLETED", LIMIT_S)

    end = time.monotonic() + LIMIT_S
    while (states := await load.states()) and set(states.values()) != {"COMPLETED"}:
        assert time.monotonic() < end, f"after {LIMIT_S} s: {Counter(states.values())}"
        await asyncio.sleep(1)
    # Each send made one task, whose id its sender was told, and no send made two.
    assert len(set(load.ids)) == len(load.ids), "two sends were told of one task"
    assert set(states) == set(load.ids), f"{len(states)} tasks of {len(load.ids)} sends"
    return (
        f"{len(load.ids)} sends, {load.again} of them repeated for want of an answer; {open_before} "
        f"tasks under way when the change began ({begun['WORKING']} of them running), {open_after} "
        f"when it was done after {took_s:.1f} s: all {len(states)} completed, none lost or doubled; "
        f"a question of before was answered after; changed: {', '.join(changed)}"
    )
