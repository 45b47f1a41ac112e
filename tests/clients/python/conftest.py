"""One server for all tests of the SDK, and a client for each of the bindings."""

import pytest
from a2a.client import ClientConfig, create_client
from httpx import AsyncClient

from server import Server

BINDINGS = ["JSONRPC", "HTTP+JSON"]


@pytest.fixture(scope="session")
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="session")
def server():
    with Server("--memory", "--port", "0", "--agent", "conformance") as server:
        yield server


@pytest.fixture
async def http():
    # Blocking sends outlast the five seconds that the client waits by itself.
    async with AsyncClient(timeout=30) as http:
        yield http


@pytest.fixture(params=BINDINGS)
def binding(request):
    return request.param


@pytest.fixture
async def client(server, http, binding):
    config = ClientConfig(httpx_client=http, supported_protocol_bindings=[binding])
    async with await create_client(server.url, config) as client:
        yield client
