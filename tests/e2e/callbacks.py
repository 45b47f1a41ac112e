"""A task that waits for a person: the URL is shown, nothing runs, and the answer ends it."""

import asyncio
import time

from doors import Door
from journey import sent, until
from stack import Stack

WAITS_S = 30
# What a sender that is no A2A agent says of its body.
JSON = {"Content-Type": "application/json"}


async def _asked(door: Door) -> tuple[dict, str]:
    """A task of the agent `approval`, and the URL that it shows."""
    task = await sent(door, "approve-please")
    end = time.monotonic() + 60
    while True:
        read = await door.ok("GET", f"/tasks/{task['id']}")
        parts = read["status"].get("message", {}).get("parts", [])
        if parts:
            return task, parts[0]["text"]
        assert time.monotonic() < end, f"no URL was shown: {read['status']}"
        await asyncio.sleep(0.3)


async def answered(stack: Stack, door: Door) -> str:
    """Every answer that `webhook` gives at its own URL, after a wait in which nothing runs."""
    task, url = await _asked(door)
    base = stack.outputs()["CallbackUrl"]
    assert url.startswith(f"{base}/"), f"{url} is not below {base}"
    open_door = Door(base, stack.emulator.port)
    path = url.removeprefix(base)

    async def post(body, below: str = "") -> int:
        return (await open_door.raw("POST", path + below, body, JSON)).status_code

    # The executor's last line is written when the turn has ended.
    await asyncio.sleep(3)
    since = time.time()
    page = await open_door.raw("GET", path, headers={"Accept": "text/html"})
    assert page.status_code == 200 and "<form" in page.text, f"{page.status_code} {page.text}"
    await asyncio.sleep(WAITS_S)
    ran = await stack.logged("sqs-executor", task["id"], since + 1, limit_s=1)
    assert not ran, f"something ran while the task waited: {ran}"
    read = await door.ok("GET", f"/tasks/{task['id']}")
    assert read["status"]["state"] == "TASK_STATE_WORKING", read["status"]
    forged = (await open_door.raw("POST", "/forged", {"ok": True}, JSON)).status_code
    answers = [await post({"approved": True}) for _ in range(2)]
    answers += [await post({"approved": False}), await post({}, "/heartbeat"), forged]
    ended = await until(door, task["id"], "COMPLETED")
    text = ended["status"]["message"]["parts"][0]["text"]
    answers.append(await post({"approved": False}))
    assert answers == [200, 200, 409, 200, 404, 409], answers
    assert text == '{"approved":true}', text
    return (
        f"task {task['id']}: nothing ran for {WAITS_S} s; the answer, its repetition, another one, "
        f"a heartbeat, a forged token and another one after the end were answered {answers}"
    )


async def canceled(stack: Stack, door: Door) -> str:
    """A genuine token of a task that is over."""
    task, url = await _asked(door)
    base = stack.outputs()["CallbackUrl"]
    await door.ok("POST", f"/tasks/{task['id']}:cancel", {})
    await until(door, task["id"], "CANCELED")
    open_door = Door(base, stack.emulator.port)
    answer = await open_door.raw("POST", url.removeprefix(base), {"ok": 1}, JSON)
    assert answer.status_code == 410, f"{answer.status_code} {answer.text}"
    return f"the callback of the canceled task {task['id']} is answered 410"
