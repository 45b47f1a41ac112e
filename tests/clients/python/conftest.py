"""The servers, each started for the first test that wants it, and clients for each binding."""

import pytest
from a2a.client import A2ACardResolver, ClientConfig, create_client
from a2a.types import AgentCard
from httpx import AsyncClient

from receiver import Hook, Receiver
from server import Server

BINDINGS = ["JSONRPC", "HTTP+JSON"]


@pytest.fixture(scope="session")
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="session")
def one_process():
    with Server("--memory", "--port", "0", "--agent", "conformance") as server:
        yield server


@pytest.fixture(scope="session")
def processes():
    """The functions are processes, so that the agent runs in another one than its clients ask."""
    options = ("--memory", "--port", "0", "--agent", "conformance", "--processes")
    with Server(*options) as server:
        yield server


@pytest.fixture(scope="session")
def strict_server():
    """An agent that claims no capability and requires an extension."""
    with Server("--memory", "--port", "0", "--agent", "strict") as server:
        yield server


@pytest.fixture
def server(one_process):
    return one_process


@pytest.fixture
async def http():
    # Blocking sends outlast the five seconds that the client waits by itself.
    async with AsyncClient(timeout=30) as http:
        yield http


@pytest.fixture
async def card(server, http) -> AgentCard:
    return await A2ACardResolver(http, server.url).get_agent_card()


@pytest.fixture(params=BINDINGS)
def binding(request):
    return request.param


@pytest.fixture
async def client(server, http, binding):
    """A client that sends without streaming, which the card would have it do."""
    config = ClientConfig(
        httpx_client=http, supported_protocol_bindings=[binding], streaming=False
    )
    async with await create_client(server.url, config) as client:
        yield client


@pytest.fixture
async def streamer(server, http, binding):
    """A client that streams what it sends."""
    config = ClientConfig(httpx_client=http, supported_protocol_bindings=[binding])
    async with await create_client(server.url, config) as client:
        yield client


@pytest.fixture(scope="session")
def receiver():
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def hook(receiver) -> Hook:
    return receiver.hook()
