"""Sections 3.1.2, 3.1.6, 3.2.3 and 3.5.2: streams."""

import pytest

from errors import (
    BINDINGS,
    CONTENT_TYPE_NOT_SUPPORTED,
    TASK_NOT_FOUND,
    UNSUPPORTED_OPERATION,
)
from messages import (
    CHUNKED,
    CHUNKS,
    COMPLETE,
    DIRECT_MESSAGE,
    DIRECT_TEXT,
    IN_PROGRESS,
    INPUT_REQUIRED,
    LIFECYCLE,
    REACHABLE_TERMINAL,
    REJECT,
    SLOW,
    TERMINAL,
    TEXT,
    TICKS,
    finished,
    message,
    texts,
    unique,
)
from shapes import problems

UPDATE = "artifactUpdate"
UPDATES = {"statusUpdate", UPDATE}


def is_terminal(event) -> bool:
    return event.state in TERMINAL


def updates(events) -> list:
    """Without the snapshots of the task: one may come at the end as well (section 11.7)."""
    return [event for event in events if event.kind in UPDATES]


def check_lifecycle(events: list) -> None:
    """First the task, then updates, until a terminal state."""
    assert events[0].kind == "task", events
    # A last snapshot is allowed before the stream closes.
    body = events[1:-1] if events[-1].kind == "task" and len(events) > 1 else events[1:]
    assert {event.kind for event in body} <= UPDATES, events
    terminal = [index for index, event in enumerate(events) if is_terminal(event)]
    assert terminal, events
    assert all(event.kind == "task" for event in events[terminal[0] + 1 :]), events


def artifacts_after(events: list) -> list[dict]:
    """The artifacts, as a client puts them together from the first snapshot and the updates."""
    artifacts = {a["artifactId"]: list(a["parts"]) for a in events[0].value.get("artifacts", [])}
    for event in events:
        if event.kind == UPDATE:
            artifact = event.value["artifact"]
            if not event.value.get("append"):
                artifacts[artifact["artifactId"]] = []
            artifacts[artifact["artifactId"]] += artifact["parts"]
    return [{"id": name, "text": texts(parts)} for name, parts in artifacts.items()]


def test_3_1_2_must_establish_a_stream(agent):
    with agent.send_stream(message(COMPLETE)) as stream:
        assert stream.response.status_code == 200
        assert not stream.is_refused
        assert list(stream)


def test_3_1_2_first_is_a_task_or_a_message(agent):
    for behaviour, kind in [(COMPLETE, "task"), (DIRECT_MESSAGE, "message")]:
        with agent.send_stream(message(behaviour)) as stream:
            assert next(stream).kind == kind


def test_3_1_2_message_only_stream_must_have_exactly_one_message(agent):
    with agent.send_stream(message(DIRECT_MESSAGE)) as stream:
        [event] = stream
    assert event.kind == "message"
    assert texts(event.value["parts"]) == DIRECT_TEXT


@pytest.mark.parametrize("behaviour", [COMPLETE, REJECT, LIFECYCLE, CHUNKED])
def test_3_1_2_task_stream_must_begin_with_the_task_and_go_on_with_updates(agent, behaviour):
    with agent.send_stream(message(behaviour)) as stream:
        events = list(stream)
    check_lifecycle(events)
    task = events[0].value
    assert {event.value["taskId"] for event in updates(events)} == {task["id"]}
    assert {event.value["contextId"] for event in updates(events)} == {task["contextId"]}


@pytest.mark.parametrize(
    ("behaviour", "state"),
    [(COMPLETE, "TASK_STATE_COMPLETED"), (REJECT, "TASK_STATE_REJECTED")],
)
def test_3_1_2_stream_must_close_at_a_terminal_state(agent, behaviour, state):
    with agent.send_stream(message(behaviour)) as stream:
        events = list(stream)
    assert [event.state for event in events if event.state][-1] == state
    assert agent.get(events[0].value["id"])["status"]["state"] == state


def test_3_1_2_stream_must_close_when_the_task_is_canceled(agent):
    with agent.send_stream(message(SLOW)) as stream:
        task = next(stream).value
        agent.call("CancelTask", {"id": task["id"]}).ok()
        assert list(stream)[-1].state == "TASK_STATE_CANCELED"


def test_3_1_2_must_give_immediate_feedback(agent):
    """That work has begun is told while it is going on."""
    with agent.send_stream(message(SLOW)) as stream:
        events = stream.take_until(lambda event: event.state == "TASK_STATE_WORKING")
        task = agent.get(events[0].value["id"])
    assert task["status"]["state"] == "TASK_STATE_WORKING"


def test_3_1_2_must_give_intermediate_results(agent):
    with agent.send_stream(message(CHUNKED)) as stream:
        events = list(stream)
    task = agent.get(events[0].value["id"])
    [artifact] = artifacts_after(events)
    assert artifact["text"] == "".join(CHUNKS)
    assert artifact["text"] == texts(task["artifacts"][0]["parts"])
    # The first snapshot may hold some of it already, but not all.
    shown = [event for event in events if event.kind == UPDATE]
    assert shown
    ends = [event.value.get("lastChunk", False) for event in shown]
    assert ends == [False] * (len(shown) - 1) + [True]
    assert is_terminal(updates(events)[-1])


def test_3_1_2_must_give_results_while_work_goes_on(agent):
    with agent.send_stream(message(TICKS)) as stream:
        events = stream.take_until(lambda event: event.kind == UPDATE)
        task_id = events[0].value["id"]
        assert agent.get(task_id)["status"]["state"] == "TASK_STATE_WORKING"
    agent.call("CancelTask", {"id": task_id}).ok()


@pytest.mark.parametrize("state", REACHABLE_TERMINAL)
def test_3_1_2_terminal_task_takes_no_message(agent, state):
    task = finished(agent, state)
    params = {"message": message(COMPLETE, taskId=task["id"])}
    agent.refusal("SendStreamingMessage", params).refused_as(UNSUPPORTED_OPERATION)


def test_3_1_2_unsupported_content_type_is_refused(echo):
    params = {"message": message("m", parts=[{"raw": "AAAA", "mediaType": "image/png"}])}
    echo.refusal("SendStreamingMessage", params).refused_as(CONTENT_TYPE_NOT_SUPPORTED)


def test_3_1_2_message_to_unknown_task_is_refused(agent):
    params = {"message": message(COMPLETE, taskId=unique("none"))}
    agent.refusal("SendStreamingMessage", params).refused_as(TASK_NOT_FOUND)


def test_3_1_6_must_return_the_task_first(agent, waiting):
    with agent.subscribe(waiting["id"]) as stream:
        event = next(stream)
    assert event.kind == "task"
    for field in ("id", "contextId", "status"):
        assert event.value[field] == waiting[field]


def test_3_1_6_updates_follow_the_task(agent, waiting):
    with agent.subscribe(waiting["id"]) as stream:
        first = next(stream)
        task = agent.task(message(TEXT, taskId=waiting["id"]))
        events = [first, *stream]
    check_lifecycle(events)
    [artifact] = artifacts_after(events)
    assert artifact["text"] == texts(task["artifacts"][0]["parts"])


@pytest.mark.parametrize(
    ("behaviour", "state"),
    [(COMPLETE, "TASK_STATE_COMPLETED"), (REJECT, "TASK_STATE_REJECTED")],
)
def test_3_1_6_stream_must_terminate_at_a_terminal_state(agent, waiting, behaviour, state):
    with agent.subscribe(waiting["id"]) as stream:
        next(stream)
        agent.task(message(behaviour, taskId=waiting["id"]))
        assert [event.state for event in stream if event.state][-1] == state


def test_3_1_6_stream_must_terminate_when_the_task_is_canceled(agent, waiting):
    with agent.subscribe(waiting["id"]) as stream:
        next(stream)
        agent.call("CancelTask", {"id": waiting["id"]}).ok()
        assert list(stream)[-1].state == "TASK_STATE_CANCELED"


def test_3_1_6_can_be_used_with_a_task_at_work(agent):
    task = agent.task(message(SLOW), returnImmediately=True)
    with agent.subscribe(task["id"]) as stream:
        event = next(stream)
        assert event.value["status"]["state"] in IN_PROGRESS
        agent.call("CancelTask", {"id": task["id"]}).ok()
        assert is_terminal(list(stream)[-1])


def test_3_1_6_interrupted_task_stays_subscribed_until_it_is_terminal(agent, waiting):
    """Unlike the stream of a message, a subscription outlasts the wait for more input."""
    with agent.subscribe(waiting["id"]) as stream:
        next(stream)
        again = agent.task(message(INPUT_REQUIRED, taskId=waiting["id"]))
        assert again["status"]["state"] == "TASK_STATE_INPUT_REQUIRED"
        agent.task(message(COMPLETE, taskId=waiting["id"]))
        states = [event.state for event in stream if event.state]
    assert "TASK_STATE_INPUT_REQUIRED" in states
    assert states[-1] == "TASK_STATE_COMPLETED"


@pytest.mark.parametrize("state", REACHABLE_TERMINAL)
def test_3_1_6_terminal_task_is_refused(agent, state):
    task = finished(agent, state)
    agent.refusal("SubscribeToTask", {"id": task["id"]}).refused_as(UNSUPPORTED_OPERATION)


def test_3_1_6_unknown_task_is_not_found(agent):
    agent.refusal("SubscribeToTask", {"id": unique("none")}).refused_as(TASK_NOT_FOUND)


@pytest.mark.parametrize("behaviour", [COMPLETE, LIFECYCLE, CHUNKED, DIRECT_MESSAGE])
def test_3_2_3_each_event_has_exactly_one_payload(agent, behaviour):
    with agent.send_stream(message(behaviour)) as stream:
        for event in stream:
            assert problems(event.payload, "StreamResponse") == []


def test_3_5_2_events_must_be_in_order(agent, waiting):
    """The order of the agent's work: begun, the chunks one by one, done."""
    with agent.subscribe(waiting["id"]) as stream:
        next(stream)
        agent.task(message(CHUNKED, taskId=waiting["id"]))
        events = updates(stream)
    chunks = [texts(e.value["artifact"]["parts"]) for e in events if e.kind == UPDATE]
    assert chunks == CHUNKS
    states = [event.state for event in events if event.state]
    assert states == ["TASK_STATE_WORKING", "TASK_STATE_COMPLETED"]
    assert events[0].state == "TASK_STATE_WORKING"
    assert events[-1].state == "TASK_STATE_COMPLETED"


def test_3_5_2_all_streams_must_get_the_same_events_in_the_same_order(agent, waiting):
    [other] = [agent.using(binding) for binding in BINDINGS if binding != agent.binding]
    one, two, three = (client.subscribe(waiting["id"]) for client in (agent, agent, other))
    with one as one, two as two, three as three:
        streams = [one, two, three]
        for stream in streams:
            assert next(stream).kind == "task"
        agent.task(message(CHUNKED, taskId=waiting["id"]))
        seen = [[event.payload for event in stream] for stream in streams]
    assert any("artifactUpdate" in payload for payload in seen[0])
    assert seen[1] == seen[0]
    assert seen[2] == seen[0]


def test_3_5_2_closing_a_stream_must_not_affect_others(agent, waiting):
    with agent.subscribe(waiting["id"]) as stays:
        next(stays)
        with agent.subscribe(waiting["id"]) as leaves:
            next(leaves)
        agent.task(message(TEXT, taskId=waiting["id"]))
        events = list(stays)
    assert UPDATE in {event.kind for event in events}
    assert events[-1].state == "TASK_STATE_COMPLETED"


def test_3_5_2_task_outlives_its_stream(both):
    tasks = []
    for agent in both:
        with agent.send_stream(message(SLOW)) as stream:
            tasks.append(next(stream).value)
    for agent, task in zip(both, tasks, strict=True):
        assert agent.get(task["id"])["status"]["state"] in IN_PROGRESS
    for agent, task in zip(both, tasks, strict=True):
        agent.wait_for(task["id"], "TASK_STATE_COMPLETED")


def test_3_5_2_reconnecting_goes_on_with_a_new_stream(agent, waiting):
    with agent.subscribe(waiting["id"]) as first:
        next(first)
    agent.task(message(INPUT_REQUIRED, taskId=waiting["id"]))
    with agent.subscribe(waiting["id"]) as second:
        snapshot = next(second)
        assert snapshot.value["status"] == agent.get(waiting["id"])["status"]
        agent.task(message(COMPLETE, taskId=waiting["id"]))
        assert is_terminal(list(second)[-1])


def test_3_5_2_reconnecting_with_the_last_event_id_misses_nothing(agent, waiting):
    """`Last-Event-ID` is how Server-Sent Events go on where they were cut off."""
    task_id = waiting["id"]
    with agent.subscribe(task_id) as whole:
        next(whole)
        with agent.subscribe(task_id) as cut:
            next(cut)
            agent.task(message(INPUT_REQUIRED, taskId=task_id))
            seen = cut.take_until(lambda event: event.state == "TASK_STATE_INPUT_REQUIRED")
        agent.task(message(INPUT_REQUIRED, taskId=task_id))
        with agent.with_headers(Last_Event_ID=seen[-1].id).subscribe(task_id) as resumed:
            agent.task(message(COMPLETE, taskId=task_id))
            rest = list(resumed)
        expected = updates(whole)

    def key(events):
        return [(event.id, event.payload) for event in updates(events)]

    assert key(seen) + key(rest) == key(expected)
