"""Agents of other vendors behind a2a-lambda: each is unchanged, and its model says what it is told, word
by word. A task of each ends, whoever is killed in its middle, and its log has nothing twice."""

from uuid import uuid4

import anyio
import pytest
from a2a.client import ClientConfig, create_client
from a2a.types import CancelTaskRequest, Role, TaskState

from calls import is_completed, message, send_for_task, wait_for
from raw import Raw, collect
from vendors import VENDORS, Stack

pytestmark = pytest.mark.anyio

TEXT = "one two three four five six seven eight"
UNKNOWN = "The outcome is unknown."


async def connect(stack, http):
    return await create_client(stack.url, ClientConfig(httpx_client=http, streaming=False))


def texts(task) -> list[str]:
    """What its artifacts say, without those of data alone, such as a state."""
    found = ["".join(part.text for part in artifact.parts) for artifact in task.artifacts]
    return [text.strip() for text in found if text]


def said(task) -> str:
    return "".join(texts(task))


def unique(text: str) -> str:
    """Effects are told apart by the texts that they are about."""
    return f"{text} {uuid4()}"


async def has_done(stack, text: str, effects: list[str]) -> None:
    """Waits until the model has done this for a text."""
    with anyio.move_on_after(20):
        while stack.effects(text) != effects:
            await anyio.sleep(0.05)
    assert stack.effects(text) == effects


def text_in(update: dict) -> str:
    parts = update.get("artifact", {}).get("parts", [])
    return "".join(part.get("text", "") for part in parts)


class Listener:
    """A client that sends by a stream, and has each event of it."""

    def __init__(self, stack, http, text: str):
        self.raw = Raw(http, stack.url, "HTTP+JSON")
        sent = {"messageId": str(uuid4()), "role": "ROLE_USER", "parts": [{"text": text}]}
        self.stream = self.raw.open(
            "SendStreamingMessage", "POST", "/message:stream", {"message": sent}
        )
        self.heard = []
        self.times = []

    async def until(self, holds=lambda: False) -> None:
        """Listens until the stream ends, or something holds after an event."""
        if not self.heard:
            self.events = await self.stream.__aenter__()
        async for event in self.events:
            self.heard.append(event)
            self.times.append(anyio.current_time())
            if holds():
                return
        await self.stream.__aexit__(None, None, None)

    @property
    def task_id(self) -> str:
        return self.heard[0].data["task"]["id"]

    def chunks(self) -> list[tuple[str, float]]:
        """The texts of its artifacts' events, and when each came."""
        found = []
        for event, at in zip(self.heard, self.times):
            if update := event.data.get("artifactUpdate"):
                found.append((text_in(update), at))
        return [(text, at) for text, at in found if text]

    def said(self) -> str:
        """What the last artifact with a text says in the end."""
        said = ""
        for event in self.heard:
            if text := text_in(update := event.data.get("artifactUpdate", {})):
                said = said + text if update.get("append") else text
        return said.strip()

    async def check_log(self) -> None:
        """No event has come twice, the end is the last, and the log has what was heard."""
        ids = [event.id for event in self.heard]
        assert len(set(ids)) == len(ids)
        assert [event.is_last for event in self.heard] == [False] * (len(ids) - 1) + [True]
        assert await collect(self.raw.subscribe(self.task_id, ids[0])) == self.heard[1:]


async def test_it_answers(stack, http):
    text = unique("never lose a task")
    async with await connect(stack, http) as client:
        task = await send_for_task(client, message("m", text))
    assert is_completed(task) and said(task) == text
    assert stack.effects(text) == ["begin", "end"]


async def test_it_streams(stack, vendor, http):
    text = unique("one two three")
    listener = Listener(stack, http, text)
    await listener.until()
    await listener.check_log()
    assert listener.said() == text
    chunks = listener.chunks()
    if vendor.streams:
        assert [words.strip() for words, _ in chunks] == text.split()
        # The model waits for 0.2 s behind each of the four words.
        (_, first), *_, (_, last) = chunks
        assert last - first > 0.3
    else:
        assert len(chunks) == 1


async def check_question(stack, http) -> None:
    """It asks, and goes on with the answer."""
    text = unique("this")
    async with await connect(stack, http) as client:
        task = await send_for_task(client, message("m", "ask"))
        assert task.status.state == TaskState.TASK_STATE_INPUT_REQUIRED
        assert "What shall I say?" in str(task.status.message.parts)
        answer = message("m", task_id=task.id, context_id=task.context_id)
        answer.parts[0].CopyFrom(stack.vendor.answer(task, text))
        task = await send_for_task(client, answer)
    assert is_completed(task) and said(task) == text
    assert stack.effects(text) == ["begin", "end"]


@pytest.mark.asking
async def test_it_asks_and_goes_on_with_the_answer(stack, http):
    await check_question(stack, http)


async def test_langgraph_may_ask_as_ag_ui_1_0_does(http, tmp_path, monkeypatch):
    monkeypatch.setenv("INTERRUPT_OUTCOME", "true")
    [langgraph] = [vendor for vendor in VENDORS if vendor.app == "langgraph_agui"]
    with Stack(langgraph, tmp_path) as stack:
        await check_question(stack, http)


async def test_a_canceled_task_stops_it(stack, vendor, http):
    text = unique("word " * 10)
    async with await connect(stack, http) as client:
        task = await send_for_task(client, message("m", text), return_immediately=True)
        await has_done(stack, text, ["begin"])
        await client.cancel_task(CancelTaskRequest(id=task.id))
        await has_done(stack, text, ["begin", "stop" if vendor.stops else "end"])
        task = await wait_for(client, task.id, lambda task: True)
        assert task.status.state == TaskState.TASK_STATE_CANCELED
        assert text not in said(task)


@pytest.mark.parametrize("semantics", ["at-least-once", "at-most-once"])
@pytest.mark.parametrize("killed", ["agent", "executor"])
async def test_killed_in_its_middle(vendor, http, tmp_path, killed, semantics):
    is_repeated = semantics == "at-least-once"
    variables = {
        "HTTP_AGENT_SEMANTICS": semantics,
        "A2A_AGENT_SEMANTICS": semantics,
        "A2A_AGENT_FORGOTTEN": "send-again" if is_repeated else "fail",
        # The least that there is: nobody else runs the task before.
        "LEASE_SECONDS": "6",
        # An agent that imports much is down for long, while all cores are busy.
        "MAX_ATTEMPTS": "20",
    }
    with Stack(vendor, tmp_path, **variables) as stack:
        listener = Listener(stack, http, TEXT)
        first = "one two" if vendor.streams else ""
        await listener.until(lambda: first in listener.said())
        await has_done(stack, TEXT, ["begin"])
        await anyio.to_thread.run_sync(getattr(stack, f"kill_{killed}"))
        with anyio.fail_after(120):
            await listener.until()
        await listener.check_log()
        status = listener.heard[-1].data["statusUpdate"]["status"]
        outlives = vendor.has_task and killed == "executor"
        if is_repeated or outlives:
            assert status["state"] == "TASK_STATE_COMPLETED"
            assert listener.said() == TEXT
        else:
            assert status["state"] == "TASK_STATE_FAILED"
            why = "The remote agent has forgotten the task." if vendor.has_task else UNKNOWN
            assert why in status["message"]["parts"][0]["text"]
        begins = 2 if is_repeated and not outlives else 1
        assert stack.effects(TEXT).count("begin") == begins
        async with await connect(stack, http) as client:
            task = await wait_for(client, listener.task_id, lambda task: True)
            assert [said.role for said in task.history].count(Role.ROLE_USER) == 1
            found = texts(task)
            if vendor.has_task and begins == 2:
                # What a forgotten task had shown stays, beside the artifact of the new one.
                found = found[-1:]
            assert found == ([listener.said()] if listener.said() else [])
