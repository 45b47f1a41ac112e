"""Callers with tokens and API keys, at a REST API and at an HTTP API that cache what the authorizer says."""

import hashlib
import secrets
import sys
import time
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "clients/python"))
from issuer import AUDIENCE, Issuer  # noqa: E402

from doors import CARD, Door  # noqa: E402
from journey import raw_message  # noqa: E402
from stack import Stack  # noqa: E402

# Longer than the steps take, so that what is cached is seen to be.
TTL_S = 120
# What each door says to a caller who is not known.
REFUSED = {"rest": 401, "http": 403}


# What takes all of it back.
NONE = {
    "JwtIssuers": "",
    "ApiKeys": "false",
    "AuthorizerResultTtlSeconds": "300",
    "AuthorizerHeader": "Authorization",
    "SendScope": "",
}


class Bearer(httpx.Auth):
    def __init__(self, token: str):
        self.token = token

    def auth_flow(self, request):
        request.headers["Authorization"] = f"Bearer {self.token}"
        yield request


def parameters(issuer: Issuer, door: str, ttl_s: int = TTL_S) -> dict[str, str]:
    return {
        "FrontDoor": door,
        "Authorizer": "jwt",
        "AllowAnonymous": "false",
        "JwtIssuers": f"{issuer.url} aud={AUDIENCE}",
        "ApiKeys": "true",
        "AuthorizerResultTtlSeconds": str(ttl_s),
        "SendScope": "a2a:send",
        "Agent": "echo",
    }


def as_caller(door: Door, token: str) -> Door:
    return Door(door.url, door.port, Bearer(token))


async def send(door: Door):
    return await door.raw("POST", "/message:send", {"message": raw_message("m")})


async def status(door: Door, token: str, path: str = "/tasks") -> int:
    return (await as_caller(door, token).raw("GET", path)).status_code


async def card(door: Door) -> str:
    answer = await door.raw("GET", CARD, anonymous=True)
    assert answer.status_code == 200, f"{answer.status_code} {answer.text}"
    schemes = answer.json()["securitySchemes"]
    # Beside it stand the words of 0.3.
    expected = {"scheme": "Bearer", "bearerFormat": "JWT"}
    assert schemes["caller"]["httpAuthSecurityScheme"] == expected, schemes
    nobody = await door.raw("GET", "/tasks", anonymous=True)
    assert nobody.status_code == 401, f"{nobody.status_code} {nobody.text}"
    return "the card is open and names a bearer token; /tasks without one is answered 401"


async def tokens(door: Door, issuer: Issuer, kind: str) -> str:
    """Good tokens are taken on every path, by one policy, and bad ones on none."""
    good = as_caller(door, issuer.token(scope="a2a:send"))
    sent = await send(good)
    assert sent.status_code == 200, f"{sent.status_code} {sent.text}"
    task = sent.json()["task"]["id"]
    for path in ["/tasks", f"/tasks/{task}", f"/tasks/{task}/pushNotificationConfigs"]:
        answer = await good.raw("GET", path)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
    other = await status(door, issuer.token(sub="bob"), f"/tasks/{task}")
    assert other == 404, other
    lacking = await send(as_caller(door, issuer.token()))
    assert lacking.status_code == 403 and "a2a:send" in lacking.text, lacking.text
    now = int(time.time())
    bad = {
        "expired": issuer.token(exp=now - 100),
        "for another": issuer.token(aud="other"),
        "forged": issuer.token()[:-6] + "AAAAAA",
        "no token": "x",
    }
    for name, token in bad.items():
        found = await status(door, token)
        assert found == REFUSED[kind], f"{name}: {found}"
    return (
        f"a token sent and read task {task} on 4 paths; another owner was answered 404, one without "
        f"the scope 403, and {', '.join(bad)} {REFUSED[kind]}"
    )


async def expires(door: Door, issuer: Issuer) -> str:
    """What is cached does not outlive the token. The leeway of a minute is part of its time."""
    token = issuer.token(exp=int(time.time()) - 60 + 8)
    assert await status(door, token) == 200
    end = time.monotonic() + 20
    while (found := await status(door, token)) == 200:
        assert time.monotonic() < end, "it is good for ever"
        time.sleep(0.5)
    assert found == 401, found
    return f"a cached token was answered 401 when it was over, long before {TTL_S} s"


class ApiKey:
    """An API key, stored as `a2a-lambda make-key` stores it: `crates/core/src/api_key.rs`."""

    def __init__(self, stack: Stack):
        self.table = stack.outputs()["TableName"]
        self.dynamodb = stack.emulator.client("dynamodb")
        self.id = secrets.token_hex(8)
        self.text = f"a2al_{self.id}_{secrets.token_urlsafe(32)}"
        digest = hashlib.sha256(self.text.encode()).hexdigest()
        item = {**self.name, "v": {"N": "1"}, "dg": {"S": digest}, "ow": {"S": "billing"}}
        item |= {"sc": {"S": "a2a:send"}, "ca": {"N": str(int(time.time() * 1000))}}
        self.dynamodb.put_item(TableName=self.table, Item=item)

    @property
    def name(self) -> dict:
        return {"pk": {"S": "!keys"}, "sk": {"S": self.id}}

    def revoke(self) -> None:
        self.dynamodb.delete_item(TableName=self.table, Key=self.name)


async def api_keys(stack: Stack, door: Door, kind: str) -> str:
    """A key is good at once; a revoked one for as long as the answer is kept, and one that was never
    cached not at all."""
    key, other = ApiKey(stack), ApiKey(stack)
    sent = await send(as_caller(door, key.text))
    assert sent.status_code == 200, f"{sent.status_code} {sent.text}"
    task = sent.json()["task"]["id"]
    # Keys of one owner see the same tasks.
    assert await status(door, other.text, f"/tasks/{task}") == 200
    new = ApiKey(stack)
    for one in (key, new):
        one.revoke()
    cached, fresh = await status(door, key.text), await status(door, new.text)
    assert (cached, fresh) == (200, REFUSED[kind]), (cached, fresh)
    return f"task {task} by a key; revoked, it was good while cached ({cached}); a key that was not, {fresh}"


async def uncached(stack: Stack, door: Door, kind: str) -> str:
    """With AuthorizerResultTtlSeconds=0 a revoked key is good for nothing at once, by either header."""
    key = ApiKey(stack)
    plain = Door(door.url, door.port)
    assert await status(door, key.text) == 200
    # The emulator gives an HTTP API's authorizer an identity source where there is none.
    if kind == "rest":
        by_header = await plain.raw("GET", "/tasks", headers={"x-api-key": key.text})
        assert by_header.status_code == 200, f"{by_header.status_code} {by_header.text}"
    key.revoke()
    found = await status(door, key.text)
    assert found == REFUSED[kind], found
    headers = "Authorization and by x-api-key" if kind == "rest" else "Authorization"
    return f"a key by {headers}; revoked, it is answered {found} at once"
