"""Clients that reach a front door of the emulator by the name that it has at AWS."""

import json
from urllib.parse import urlsplit

import httpx
from a2a.client import ClientConfig, create_client
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

CARD = "/.well-known/agent-card.json"
LIMIT_S = 60


def host_for(host: str, port: int) -> str:
    """The name by which the emulator knows an API: its own host instead of Amazon's."""
    if ".execute-api." in host:
        return f"{host.split('.')[0]}.execute-api.localhost:{port}"
    return host


class ToEmulator(httpx.AsyncBaseTransport):
    """Connects to the emulator whatever the URL says, with the name in `Host`."""

    def __init__(self, port: int):
        self.port = port
        self.inner = httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        request.headers["Host"] = host_for(url.host, self.port)
        request.url = url.copy_with(scheme="http", host="127.0.0.1", port=self.port)
        return await self.inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self.inner.aclose()


class Signed(httpx.Auth):
    """Signs requests as a user of IAM."""

    requires_request_body = True

    def __init__(self, credentials, service: str, region: str):
        self.signer = SigV4Auth(credentials, service, region)

    def auth_flow(self, request):
        headers = {"Content-Type": request.headers.get("Content-Type", "application/json")}
        headers |= {"Host": request.url.netloc.decode()}
        made = AWSRequest(request.method, str(request.url), data=request.content, headers=headers)
        self.signer.add_auth(made)
        for name in ("Authorization", "X-Amz-Date", "X-Amz-Security-Token"):
            if name in made.headers:
                request.headers[name] = made.headers[name]
        yield request


class Door:
    """A front door of the stack."""

    def __init__(self, url: str, port: int, auth: httpx.Auth | None = None):
        self.url = url.rstrip("/")
        self.port = port
        self.auth = auth

    def http(self, auth: httpx.Auth | None = None) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            transport=ToEmulator(self.port), timeout=LIMIT_S, auth=auth or self.auth
        )

    async def raw(self, method: str, path: str, body=None, headers=None, anonymous=False):
        """A request without an SDK; the answer as it is."""
        headers = {"A2A-Version": "1.0", **(headers or {})}
        content = None
        if body is not None:
            content = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/a2a+json")
        async with self.http() as http:
            auth = None if anonymous else self.auth
            return await http.request(
                method, self.url + path, content=content, headers=headers, auth=auth
            )

    async def ok(self, method: str, path: str, body=None, headers=None):
        answer = await self.raw(method, path, body, headers)
        assert answer.status_code in (200, 204), (
            f"{method} {path}: {answer.status_code} {answer.text}"
        )
        return answer.json() if answer.content else {}

    async def sdk(self, http: httpx.AsyncClient, binding: str, streaming: bool):
        """A client of the official SDK, made from the card that the door shows."""
        config = ClientConfig(
            httpx_client=http, supported_protocol_bindings=[binding], streaming=streaming
        )
        return await create_client(self.url, config)

    @property
    def name(self) -> str:
        return urlsplit(self.url).netloc
