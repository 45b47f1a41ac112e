"""Streams where the front door does not stream, as an HTTP API: all events come when the task ends."""

import pytest
from a2a.helpers import get_artifact_text

from calls import is_completed, message, send_for_task
from server import Server
from streams import TICK_COUNT, TICKS, TICKS_TEXT, fold, hear, sending, subscribing

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def buffering():
    with Server("--memory", "--port", "0", "--agent", "conformance", "--buffer") as server:
        yield server


@pytest.fixture
def server(buffering):
    return buffering


def assert_whole_and_late(heard) -> None:
    task = fold([each.event for each in heard])
    assert is_completed(task)
    [artifact] = task.artifacts
    assert get_artifact_text(artifact, delimiter="") == TICKS_TEXT
    assert min(each.at_ms for each in heard) >= task.status.timestamp.ToMilliseconds()


async def test_a_stream_comes_at_its_end(streamer):
    heard = await hear(sending(streamer, message(TICKS)))
    assert [each.kind for each in heard].count("artifact_update") == TICK_COUNT
    assert_whole_and_late(heard)


async def test_a_subscription_comes_at_its_end(client, streamer):
    task = await send_for_task(client, message(TICKS), return_immediately=True)
    assert_whole_and_late(await hear(subscribing(streamer, task.id)))
