"""The servers, and a caller of them for each binding."""

from contextlib import ExitStack

import httpx
import pytest

from client import CARD_PATH, LIMIT_S, Client
from errors import BINDINGS
from messages import INPUT_REQUIRED, REQUIRED_EXTENSION, message, unique
from server import Server


class Servers:
    """A server for each agent that a test asks for, started at the first time."""

    def __init__(self, stack: ExitStack):
        self.stack = stack
        self.outcomes = {}

    def url(self, agent: str) -> str:
        if agent not in self.outcomes:
            self.outcomes[agent] = self.start(agent)
        outcome = self.outcomes[agent]
        # One that does not start is not started again for each of its tests.
        if isinstance(outcome, Exception):
            raise AssertionError(f"the agent {agent!r} does not start") from outcome
        return outcome

    def start(self, agent: str) -> str | Exception:
        try:
            server = Server("--memory", "--port", "0", "--agent", agent)
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
    """Makes a client of an agent by its name.

    Each is a caller of its own: nobody else's tasks are in its lists.
    """

    def client_of(agent: str, binding: str) -> Client:
        return Client(http, servers.url(agent), binding).as_caller(unique("caller"))

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

