"""Section 13.2: credentials, timeouts and retries of pushes, and where none may go."""

import pytest

from errors import INVALID_PARAMS
from messages import COMPLETE, CREDENTIALS, INPUT_REQUIRED, TOKEN, message, push_config
from pushes import FIRST_RETRY_S, ends_with, ids, inline, register
from receiver import Answer

CREATE = "CreateTaskPushNotificationConfig"
AUTHENTICATION = {"scheme": "Bearer", "credentials": CREDENTIALS}
# Some are written as some parsers take them, and others do not.
PRIVATE = [
    "127.0.0.1",
    "127.255.255.254",
    "127.1",
    "2130706433",
    "0x7f.0.0.1",
    "0177.0.0.1",
    "10.0.0.1",
    "10.255.255.255",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "100.64.0.1",
    "0.0.0.0",
    "[fd00::1]",
    "[::ffff:10.0.0.1]",
    "[64:ff9b::a00:1]",
]
LOCAL = [
    "localhost",
    "LOCALHOST",
    "localhost.",
    "hook.localhost",
    "printer.local",
    "metadata.google.internal",
    "169.254.0.1",
    "169.254.169.254",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[fe80::1]",
]
# Those of metadata services, which hand out the credentials of a machine.
METADATA = ["169.254.169.254", "169.254.170.2", "[fd00:ec2::254]", "[::ffff:169.254.169.254]"]


def refused(agent, task_id: str, url: str):
    config = push_config(task_id, url=url)
    return agent.call(CREATE, config).refused_as(INVALID_PARAMS)


@pytest.fixture
def closed(client_of, binding):
    """An agent as it is on the open Internet, where it pushes to no machine of its own."""
    return client_of("conformance", binding, PUSH_ALLOW_HTTP="false", PUSH_ALLOW_LOCAL="false")


@pytest.fixture
def closed_task(closed) -> str:
    return closed.task(message(INPUT_REQUIRED))["id"]


@pytest.fixture
def listing(client_of, binding):
    """An agent that pushes to some hosts only."""
    hosts = "127.0.0.1,hooks.example,*.hooks.example"
    return client_of("conformance", binding, PUSH_ALLOWED_HOSTS=hosts)


@pytest.fixture
def listing_task(listing) -> str:
    return listing.task(message(INPUT_REQUIRED))["id"]


def test_13_2_credentials_must_be_in_each_request(agent, hook):
    agent.task(message(COMPLETE), **inline(hook, authentication=AUTHENTICATION, token=TOKEN))
    pushes = hook.wait(ends_with("COMPLETED"))
    assert len(pushes) > 1
    for push in pushes:
        assert push.headers.get_all("Authorization") == [f"Bearer {CREDENTIALS}"]
        assert push.headers["X-A2A-Notification-Token"] == TOKEN


def test_13_2_secrets_should_not_be_pushed_or_shown_afterwards(agent, hook):
    """They are in their headers and nowhere else."""
    config = inline(hook, authentication=AUTHENTICATION, token=TOKEN, id="mine")
    task = agent.task(message(COMPLETE), **config)
    for push in hook.wait(ends_with("COMPLETED")):
        assert TOKEN.encode() not in push.body
        assert CREDENTIALS.encode() not in push.body
    for operation, params in [
        ("GetTaskPushNotificationConfig", {"taskId": task["id"], "id": "mine"}),
        ("ListTaskPushNotificationConfigs", {"taskId": task["id"]}),
        ("GetTask", {"id": task["id"]}),
    ]:
        answer = agent.call(operation, params)
        answer.ok()
        assert TOKEN not in answer.response.text
        assert CREDENTIALS not in answer.response.text


@pytest.mark.parametrize("evil", ["a\r\nX-Evil: 1", "a\nb", "a\u0000", "ä"])
def test_13_2_credentials_cannot_be_more_than_a_header(agent, waiting, evil):
    """A caller cannot make up headers, or requests, of the agent's."""
    for fields in (
        {"token": evil},
        {"authentication": {"scheme": "Bearer", "credentials": evil}},
        {"authentication": {"scheme": evil, "credentials": "x"}},
    ):
        config = push_config(waiting["id"], **fields)
        agent.call(CREATE, config).refused_as(INVALID_PARAMS)


def test_13_2_timeout_should_be_reasonable(both, new_hook):
    """A receiver that does not answer is left after 10 to 30 seconds."""
    hooks = [new_hook(Answer(None)) for _ in both]
    for agent, hook in zip(both, hooks, strict=True):
        agent.task(message(COMPLETE), **inline(hook))
    for hook in hooks:
        hook.wait(lambda _, hook=hook: hook.waited_s)
        [waited_s] = hook.waited_s
        # The sender's clock begins with the connection.
        assert 9.5 <= waited_s <= 30


def test_13_2_should_retry_with_growing_waits(both, new_hook):
    hooks = [new_hook(Answer(500), Answer(503)) for _ in both]
    for agent, hook in zip(both, hooks, strict=True):
        agent.task(message(COMPLETE), **inline(hook))
    for hook in hooks:
        first, second = hook.wait_for(2)
        wait_s = second.at - first.at
        assert FIRST_RETRY_S - 0.5 <= wait_s <= FIRST_RETRY_S + 3
        assert ids([first]) == ids([second])
    # The next is not until long after the first wait would be over once more.
    assert hooks[-1].stays_silent(wait_s + 1)
    assert [len(hook.pushes) for hook in hooks] == [2, 2]


@pytest.mark.parametrize("host", PRIVATE)
def test_13_2_private_addresses_should_be_rejected(closed, closed_task, host):
    refused(closed, closed_task, f"https://{host}/hook")
    refused(closed, closed_task, f"https://{host}:8443/hook")


@pytest.mark.parametrize("host", LOCAL)
def test_13_2_local_hosts_should_be_rejected(closed, closed_task, host):
    refused(closed, closed_task, f"https://{host}/hook")


def test_13_2_a_refused_url_should_not_be_asked_for(closed, closed_task, hook):
    """Neither by a config nor by one that comes with a message, of which nothing is left."""
    refused(closed, closed_task, hook.url)
    answer = closed.send(message(COMPLETE), **inline(hook))
    answer.refused_as(INVALID_PARAMS)
    assert closed.list()["totalSize"] == 1
    assert hook.pushes == []


@pytest.mark.parametrize("url", ["https://u:p@client.example/", "https://client.example:22/"])
def test_13_2_urls_should_be_plain(closed, closed_task, url):
    refused(closed, closed_task, url)


def test_13_2_plain_http_should_be_rejected(closed, closed_task):
    refused(closed, closed_task, "http://client.example/hook")
    register_url = {"taskId": closed_task, "url": "https://client.example/hook"}
    closed.call(CREATE, register_url).ok()


@pytest.mark.parametrize("host", METADATA)
def test_13_2_metadata_services_should_be_rejected_everywhere(agent, waiting, host):
    """Also by an agent that may push to its own network."""
    refused(agent, waiting["id"], f"http://{host}/latest/meta-data/")


def test_13_2_allowlist_should_let_its_hosts_through(listing, listing_task, hook):
    register(listing, listing_task, hook)
    hook.wait_for(1)
    for host in "hooks.example", "a.hooks.example", "A.B.hooks.example":
        config = {"taskId": listing_task, "url": f"https://{host}/"}
        listing.call(CREATE, config).ok()


@pytest.mark.parametrize(
    "host", ["example", "evilhooks.example", "hooks.example.evil", "127.0.0.2", "localhost"]
)
def test_13_2_allowlist_should_keep_others_out(listing, listing_task, host):
    refused(listing, listing_task, f"https://{host}/")
