"""The servers, and a caller of them for each binding."""

import json
from contextlib import ExitStack

import httpx
import pytest

from client import CARD_PATH, LIMIT_S, Client
from errors import BINDINGS
from messages import INPUT_REQUIRED, REQUIRED_EXTENSION, message, unique
from receiver import Answer, Hook, Receiver
from server import Server


# With a way to authenticate the card has an extended one.
BEARER = json.dumps({"bearer": {"httpAuthSecurityScheme": {"scheme": "Bearer"}}})


class Servers:
    """A server for each agent and its variables, started when a test first asks for it."""

    def __init__(self, stack: ExitStack):
        self.stack = stack
        self.outcomes = {}

    def url(self, agent: str, **variables: str) -> str:
        key = agent, *sorted(variables.items())
        if key not in self.outcomes:
            self.outcomes[key] = self.start(agent, variables)
        outcome = self.outcomes[key]
        # One that does not start is not started again for each of its tests.
        if isinstance(outcome, Exception):
            raise AssertionError(f"the agent {agent!r} does not start") from outcome
        return outcome

    def start(self, agent: str, variables: dict[str, str]) -> str | Exception:
        if agent == "conformance":
            variables = {"CARD_SECURITY_SCHEMES": BEARER} | variables
        try:
            server = Server("--memory", "--port", "0", "--agent", agent, **variables)
        except RuntimeError as error:
            return error
        return self.stack.enter_context(server).url


@pytest.fixture(scope="session")
def servers():
    with ExitStack() as stack:
        yield Servers(stack)


@pytest.fixture(scope="session")
def http():
    with httpx.Client(timeout=LIMIT_S) as http:
        yield http


@pytest.fixture(params=BINDINGS)
def binding(request) -> str:
    return request.param


@pytest.fixture
def client_of(servers, http):
    """Makes a client of an agent by its name, and the variables of its server.

    Each is a caller of its own: nobody else's tasks are in its lists.
    """

    def client_of(agent: str, binding: str, **variables: str) -> Client:
        url = servers.url(agent, **variables)
        return Client(http, url, binding).as_caller(unique("caller"))

    return client_of


@pytest.fixture
def agent(client_of, binding) -> Client:
    """The conformance agent, which claims every capability."""
    return client_of("conformance", binding)


@pytest.fixture
def rest(client_of) -> Client:
    """The conformance agent over HTTP+JSON."""
    return client_of("conformance", "HTTP+JSON")


@pytest.fixture
def rpc(client_of) -> Client:
    """The conformance agent over JSON-RPC."""
    return client_of("conformance", "JSONRPC")


@pytest.fixture
def both(rpc, rest) -> list[Client]:
    """Both bindings at once, for what takes so long that it is done once."""
    return [rpc, rest]


@pytest.fixture
def bare_strict(client_of, binding) -> Client:
    """An agent that claims no capability and requires an extension, which is not asked for."""
    return client_of("strict", binding)


@pytest.fixture
def strict(bare_strict) -> Client:
    """The same, with the extension asked for."""
    return bare_strict.with_headers(A2A_Extensions=REQUIRED_EXTENSION)


@pytest.fixture
def echo(client_of, binding) -> Client:
    """An agent that takes plain text only."""
    return client_of("echo", binding)


@pytest.fixture
def card(http, servers) -> dict:
    return http.get(servers.url("conformance") + CARD_PATH).json()


@pytest.fixture
def waiting(agent) -> dict:
    """A task that waits for its next message."""
    return agent.task(message(INPUT_REQUIRED))


@pytest.fixture(scope="session")
def receiver():
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def new_hook(receiver):
    """Makes hooks, to which pushes can be sent: what they answer first, and then 200."""

    def new_hook(*answers: Answer) -> Hook:
        return receiver.hook(*answers)

    return new_hook


@pytest.fixture
def hook(new_hook) -> Hook:
    return new_hook()


@pytest.fixture
def other_hook(new_hook) -> Hook:
    return new_hook()
