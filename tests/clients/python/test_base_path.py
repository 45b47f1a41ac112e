"""A service below a base path that its front door leaves in the path, as the A2A SDK for Python sees it."""

import pytest
from a2a.client import ClientConfig, create_client
from a2a.types import GetTaskRequest

from calls import is_completed, message, send_for_task
from server import Server, free_port

pytestmark = pytest.mark.anyio

# The base path, and the tenant: also one of the base path's name.
PLACES = [("/agents", ""), ("/agents", "/acme"), ("/agents", "/agents"), ("/a/acme/b", "/acme")]


@pytest.fixture(scope="module")
def below():
    """Starts a server whose clients find it below a base path, once for each."""
    running = {}

    def below(base: str) -> str:
        if base not in running:
            port = free_port()
            url = f"http://127.0.0.1:{port}{base}"
            options = ["--memory", "--port", port, "--agent", "conformance"]
            running[base] = url, Server(*options, PUBLIC_URL=f"{url}/")
        return running[base][0]

    yield below
    for _, server in running.values():
        server.kill()


@pytest.fixture(params=PLACES, ids="".join)
async def client(request, below, http, binding):
    base, tenant = request.param
    config = ClientConfig(httpx_client=http, supported_protocol_bindings=[binding], streaming=False)
    async with await create_client(below(base) + tenant, config) as client:
        yield client


async def test_what_the_card_names_answers(client):
    task = await send_for_task(client, message("tck-complete-task"))
    assert is_completed(task)
    assert await client.get_task(GetTaskRequest(id=task.id)) == task


@pytest.mark.parametrize(("base", "tenant"), PLACES, ids="".join)
async def test_the_card_names_the_service_once(below, http, base, tenant):
    url = below(base)
    card = (await http.get(f"{url}{tenant}/.well-known/agent-card.json")).json()
    urls = [interface["url"] for interface in card["supportedInterfaces"]]
    # 0.3 knows no tenants: there they are part of the URL.
    assert urls == [url, url, url + tenant, url + tenant]
