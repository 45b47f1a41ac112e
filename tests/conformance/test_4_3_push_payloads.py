"""Section 4.3.3: what a push looks like, and what comes of its answer."""

import pytest

from messages import (
    CHUNKED,
    CHUNKS,
    COMPLETE,
    CREDENTIALS,
    DIRECT_MESSAGE,
    DIRECT_TEXT,
    FILE,
    LIFECYCLE,
    TOKEN,
    message,
    texts,
    unique,
)
from pushes import (
    FIRST_RETRY_S,
    ends_with,
    ids,
    inline,
    kinds,
    register,
    text_of_artifact,
    values,
)
from receiver import Answer
from shapes import problems

DIRECT_WAIT_S = 1


def test_4_3_3_posts_to_the_configured_url(agent, hook):
    """With its query, as it was given."""
    query = "?tenant=a%20b&x=%2F+1"
    agent.task(message(COMPLETE), **inline(hook, url=hook.url + query))
    pushes = hook.wait(ends_with("COMPLETED"))
    assert {(push.method, push.path) for push in pushes} == {("POST", hook.path + query)}


def test_4_3_3_content_type_is_that_of_a2a(agent, hook):
    agent.task(message(LIFECYCLE), **inline(hook))
    pushes = hook.wait(ends_with("COMPLETED"))
    assert {push.headers["Content-Type"] for push in pushes} == {"application/a2a+json"}


def test_4_3_3_payloads_tell_what_streams_tell(agent, hook):
    """The stream of the same message has the same updates, down to the last of their fields."""
    with agent.send_stream(message(LIFECYCLE), **inline(hook)) as stream:
        first, *streamed = [event.payload for event in stream]
    assert list(first) == ["task"]
    pushed = [push.data for push in hook.wait(ends_with("COMPLETED"))]
    # The task that a stream begins with may be further on.
    assert streamed
    assert pushed[len(pushed) - len(streamed) :] == streamed
    assert pushed[0]["task"]["id"] == first["task"]["id"]


@pytest.mark.parametrize("behaviour", [COMPLETE, LIFECYCLE, FILE, CHUNKED, DIRECT_MESSAGE])
def test_4_3_3_payload_has_exactly_one_of_its_members(agent, hook, behaviour):
    agent.send(message(behaviour), **inline(hook)).ok()
    is_direct = behaviour == DIRECT_MESSAGE
    pushes = hook.wait_for(1) if is_direct else hook.wait(ends_with("COMPLETED"))
    for push in pushes:
        assert problems(push.data, "StreamResponse") == []
        assert len(push.data) == 1


def test_4_3_3_task_comes_first(agent, hook):
    """A receiver can make sense of updates: it has been told what they are of."""
    sent = message(LIFECYCLE)
    task = agent.task(sent, **inline(hook))
    pushes = hook.wait(ends_with("COMPLETED"))
    assert kinds(pushes).index("task") == 0
    assert kinds(pushes).count("task") == 1
    [first] = values(pushes, "task")
    assert (first["id"], first["contextId"]) == (task["id"], task["contextId"])
    assert [said["messageId"] for said in first["history"]] == [sent["messageId"]]
    for push in pushes[1:]:
        [update] = push.data.values()
        assert (update["taskId"], update["contextId"]) == (task["id"], task["contextId"])


def test_4_3_3_chunks_of_an_artifact_add_up(agent, hook):
    """Several may come as one."""
    agent.task(message(CHUNKED), **inline(hook))
    pushes = hook.wait(ends_with("COMPLETED"))
    updates = values(pushes, "artifactUpdate")
    assert 1 <= len(updates) <= len(CHUNKS)
    assert text_of_artifact(pushes) == "".join(CHUNKS)
    assert len({update["artifact"]["artifactId"] for update in updates}) == 1
    assert [bool(update.get("append")) for update in updates] == [False] + [True] * (
        len(updates) - 1
    )
    assert [bool(update.get("lastChunk")) for update in updates] == [False] * (
        len(updates) - 1
    ) + [True]


@pytest.mark.parametrize("immediately", [False, True])
def test_4_3_3_direct_message_is_pushed_without_a_task(agent, hook, immediately):
    """There is no task, as far as the sender knows: nothing of one is pushed."""
    answer = agent.send(message(DIRECT_MESSAGE), **inline(hook), returnImmediately=immediately)
    [push] = hook.wait_for(1)
    assert push.data == {"message": answer.ok()["message"]}
    assert texts(push.data["message"]["parts"]) == DIRECT_TEXT
    assert hook.stays_silent(2 * DIRECT_WAIT_S)


@pytest.mark.parametrize(
    ("scheme", "credentials"),
    [("Bearer", "a.b-c_d~e+f/g=="), ("Basic", "dXNlcjpwYXNzd29yZA=="), ("X-Own", "k=v, q=\"1\"")],
)
def test_4_3_3_must_include_credentials(agent, waiting, hook, scheme, credentials):
    """Of whatever scheme, as they were given."""
    authentication = {"scheme": scheme, "credentials": credentials}
    register(agent, waiting["id"], hook, authentication=authentication)
    [push] = hook.wait_for(1)
    assert push.headers.get_all("Authorization") == [f"{scheme} {credentials}"]


def test_4_3_3_token_is_in_a_header(agent, waiting, hook):
    """The specification names none: both that are in use have it."""
    register(agent, waiting["id"], hook, token=TOKEN)
    [push] = hook.wait_for(1)
    assert push.headers.get_all("X-A2A-Notification-Token") == [TOKEN]
    assert push.headers.get_all("A2A-Notification-Token") == [TOKEN]
    assert "Authorization" not in push.headers


def test_4_3_3_without_credentials_there_are_none(agent, waiting, hook):
    register(agent, waiting["id"], hook)
    [push] = hook.wait_for(1)
    for name in "Authorization", "X-A2A-Notification-Token", "A2A-Notification-Token":
        assert name not in push.headers


def test_4_3_3_must_attempt_each_webhook(agent, waiting, new_hook):
    """Each has its own secrets, and none waits for another that does not answer."""
    hooks = {name: new_hook() for name in ("first", "second", "third")}
    silent = new_hook(Answer(None))
    register(agent, waiting["id"], silent)
    for name, hook in hooks.items():
        authentication = {"scheme": "Bearer", "credentials": f"{CREDENTIALS}-{name}"}
        register(agent, waiting["id"], hook, authentication=authentication)
    agent.task(message(COMPLETE, taskId=waiting["id"]))
    bodies = []
    for name, hook in hooks.items():
        # Sooner than the other is given up.
        pushes = hook.wait(ends_with("COMPLETED"), limit_s=8)
        sent = {push.headers["Authorization"] for push in pushes}
        assert sent == {f"Bearer {CREDENTIALS}-{name}"}
        bodies.append(pushes[-1].body)
    assert len(set(bodies)) == 1
    assert len(silent.pushes) == 1


def test_4_3_3_any_2xx_acknowledges(agent, new_hook):
    hook = new_hook(Answer(204), Answer(202), Answer(201), Answer(299))
    agent.task(message(LIFECYCLE), **inline(hook))
    pushes = hook.wait(ends_with("COMPLETED"))
    assert len(pushes) == 4
    assert len(set(ids(pushes))) == 4


def test_4_3_3_only_2xx_acknowledges(both, new_hook):
    """What is answered otherwise is sent again, under the same id; a redirect is not followed."""
    elsewhere = new_hook()
    redirect = {"Location": elsewhere.url}
    answers = [Answer(500), Answer(404), Answer(302, redirect), Answer(307, redirect)]
    hooks = [new_hook(answer) for answer in answers for _ in both]
    for hook, agent in zip(hooks, both * len(answers), strict=True):
        authentication = {"scheme": "Bearer", "credentials": CREDENTIALS}
        agent.task(message(LIFECYCLE), **inline(hook, authentication=authentication))
    for hook in hooks:
        first, again, *others = hook.wait(ends_with("COMPLETED"))
        assert again.body == first.body
        assert ids([again]) == ids([first])
        # Nothing overtakes it.
        assert kinds([again, *others]) == ["task", "statusUpdate", "artifactUpdate", "statusUpdate"]
        assert len(set(ids([again, *others]))) == 4
    assert elsewhere.pushes == []


def test_4_3_3_gone_ends_it(both, new_hook):
    """A receiver that is answered for by 410 is sent nothing more, now or later."""
    gone = [new_hook(Answer(410)) for _ in both]
    failing = [new_hook(Answer(500)) for _ in both]
    for agent, *hooks in zip(both, gone, failing, strict=True):
        waiting = agent.task(message("tck-input-required"))
        for hook in hooks:
            register(agent, waiting["id"], hook, id=unique("config"))
            hook.wait_for(1)
        agent.task(message(COMPLETE, taskId=waiting["id"]))
    for hook in failing:
        hook.wait(ends_with("COMPLETED"), limit_s=FIRST_RETRY_S * 3)
    assert [len(hook.pushes) for hook in gone] == [1, 1]
