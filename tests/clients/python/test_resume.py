"""A stream that was cut goes on exactly where it was, by `Last-Event-ID`, from any instance."""

import os
import signal
from contextlib import suppress

import anyio
import pytest
from httpx import AsyncClient, RemoteProtocolError

from calls import WAIT_LIMIT_S
from raw import Raw, Refused, collect, text_of
from server import Server
from streams import TICKS, TICKS_TEXT

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["one_process", "processes"])
def server(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
async def raw(server, http, binding):
    return Raw(http, server.url, binding)


def task_id(events) -> str:
    return events[0].data["task"]["id"]


async def next_one(stream):
    async with stream as events:
        return await anext(events)


async def test_a_stream_cut_at_every_event_is_the_same(server, raw):
    whole, cut = [], []

    async def follow():
        cut.append(whole[0])
        while not cut[-1].is_last:
            cut.append(await next_one(raw.subscribe(task_id(whole), cut[-1].id)))

    async with anyio.create_task_group() as group:
        async with raw.send(TICKS) as events:
            async for event in events:
                whole.append(event)
                if len(whole) == 1:
                    group.start_soon(follow)
    assert whole[-1].is_last
    assert text_of(whole) == TICKS_TEXT
    assert cut == whole


async def test_instances_can_take_turns(processes, http, binding):
    raw = Raw(http, processes.url, binding)
    async with raw.send(TICKS) as events:
        first = [await anext(events)]
        # The process that carries this stream is busy: each resumption is another one's.
        resumed = await collect(raw.subscribe(task_id(first), first[0].id))
        first += [event async for event in events]
    assert len(processes.children("request")) > 1
    assert first[1:] == resumed


async def test_a_stream_can_be_had_again_after_its_end(raw):
    whole = await collect(raw.send("tck-stream-artifact-chunked"))
    assert whole[-1].is_last
    for n, event in enumerate(whole[:-1], start=1):
        assert await collect(raw.subscribe(task_id(whole), event.id)) == whole[n:]
    # Nothing is left to be told.
    with pytest.raises(Refused, match="UNSUPPORTED_OPERATION"):
        await collect(raw.subscribe(task_id(whole), whole[-1].id))


async def test_the_ids_of_a_task_with_two_follow_ups_have_no_gap(raw):
    """A message has no event and takes no number: a gap would mean that an event was lost."""
    asked = await collect(raw.send("tck-input-required"))
    events = list(asked)
    for behaviour in ("tck-input-required", "tck-complete-task"):
        opening, *more = await collect(raw.send(behaviour, task_id(asked)))
        # The stream begins with the task, under the number of the newest event.
        assert opening.id == events[-1].id
        events += more
    assert [event.id for event in events] == [str(n) for n in range(1, len(events) + 1)]
    for n, event in enumerate(events[:-1], start=1):
        assert await collect(raw.subscribe(task_id(asked), event.id)) == events[n:]


async def until_cut(stream, count: int, cut) -> list:
    """The events until the stream ends or breaks, which `cut` sees to after some of them."""
    found = []
    with suppress(RemoteProtocolError):
        async with stream as events:
            async for event in events:
                found.append(event)
                if len(found) == count:
                    cut()
    return found


async def test_a_stream_outlives_the_process_that_carries_it(binding):
    options = ("--memory", "--port", "0", "--agent", "conformance", "--processes")
    with Server(*options) as server:

        def kill():
            # Nobody else asks anything, so there is no other.
            [carrier] = server.children("request")
            os.kill(carrier, signal.SIGKILL)
            killed.append(carrier)

        killed = []
        async with AsyncClient(timeout=WAIT_LIMIT_S) as http:
            raw = Raw(http, server.url, binding)
            found = await until_cut(raw.send(TICKS), 4, kill)
            assert not found[-1].is_last
            for _ in range(2):
                stream = raw.subscribe(task_id(found), found[-1].id)
                found += await until_cut(stream, 3, kill)
                assert not found[-1].is_last
            found += await collect(raw.subscribe(task_id(found), found[-1].id))
            assert len(set(killed)) == 3
            assert text_of(found) == TICKS_TEXT
            assert found[-1].is_last
            again = await collect(raw.subscribe(task_id(found), found[0].id))
            assert again == found[1:]
