"""A server, a client of A2A 0.3 for each of its transports, and a client of 1.0 beside it."""

import json

import pytest
from a2a.client import A2ACardResolver, ClientConfig, ClientFactory
from httpx import AsyncClient

from receiver import Hook, Receiver
from server import Server

TRANSPORTS = ["JSONRPC", "HTTP+JSON"]

# With a way to authenticate the card has an extended one.
BEARER = json.dumps({"bearer": {"httpAuthSecurityScheme": {"scheme": "Bearer"}}})


@pytest.fixture(scope="session")
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="session")
def server():
    options = ["--memory", "--port", "0", "--agent", "conformance"]
    with Server(*options, CARD_SECURITY_SCHEMES=BEARER) as server:
        yield server


@pytest.fixture
async def http():
    # Blocking sends outlast the five seconds that the client waits by itself.
    async with AsyncClient(timeout=30) as http:
        yield http


@pytest.fixture
async def card(server, http):
    return await A2ACardResolver(http, server.url).get_agent_card()


@pytest.fixture(params=TRANSPORTS)
def transport(request):
    return request.param


@pytest.fixture
def connect(card, http, transport):
    """Makes a client that streams what it sends, or does not."""

    def connect(**config):
        config = ClientConfig(
            httpx_client=http,
            supported_transports=[transport],
            use_client_preference=True,
            **config,
        )
        return ClientFactory(config).create(card)

    return connect


@pytest.fixture
def client(connect):
    return connect(streaming=False)


@pytest.fixture
def streamer(connect):
    return connect()


class Current:
    """A client of A2A 1.0, which reads the same tasks."""

    def __init__(self, server, http):
        self.url = server.url
        self.http = http

    async def get(self, path: str) -> dict:
        response = await self.http.get(self.url + path, headers={"A2A-Version": "1.0"})
        assert response.status_code == 200, response.text
        return response.json()

    async def task(self, task_id: str) -> dict:
        return await self.get(f"/tasks/{task_id}")

    async def post(self, path: str, body: dict) -> dict:
        headers = {"A2A-Version": "1.0"}
        response = await self.http.post(self.url + path, json=body, headers=headers)
        assert response.status_code == 200, response.text
        return response.json()

    async def send(self, message: dict) -> dict:
        return (await self.post("/message:send", {"message": message}))["task"]

    async def register(self, task_id: str, url: str) -> dict:
        return await self.post(f"/tasks/{task_id}/pushNotificationConfigs", {"url": url})


@pytest.fixture
def current(server, http):
    return Current(server, http)


@pytest.fixture(scope="session")
def receiver():
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def hook(receiver) -> Hook:
    return receiver.hook()


@pytest.fixture
def other_hook(receiver) -> Hook:
    return receiver.hook()
