"""Who pushes can be told: by Standard Webhooks and by tokens, as foreign libraries check them."""

import base64
import hashlib
import secrets
import time

import jwt
import pytest
from a2a.types import AuthenticationInfo, TaskPushNotificationConfig
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from standardwebhooks import Webhook, WebhookVerificationError

from calls import message, send_for_task
from server import Server

pytestmark = pytest.mark.anyio

KEY_ID = "push-1"
LIFETIME_S = 300
KEYS = {
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
}
PROCESSES = [(), ("--processes",)]


def hmac_key() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


# The present keys and the ones before, of either kind.
HMAC_KEYS = [hmac_key(), hmac_key()]
ED25519_KEYS = [ed25519.Ed25519PrivateKey.generate() for _ in range(2)]


def signing_key(key) -> str:
    return "whsk_" + base64.b64encode(key.private_bytes_raw()).decode()


def pem(key) -> str:
    formats = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(*formats, serialization.NoEncryption()).decode()


@pytest.fixture(scope="module", params=[(alg, options) for alg in KEYS for options in PROCESSES])
def signing(request):
    """A server that signs its pushes and makes tokens, and by which algorithm."""
    algorithm, options = request.param
    keys = HMAC_KEYS + [signing_key(key) for key in ED25519_KEYS]
    variables = {
        "PUSH_SIGNING_KEYS": " ".join(keys),
        "PUSH_JWT_KEY": pem(KEYS[algorithm]()),
        "PUSH_JWT_KEY_ID": KEY_ID,
    }
    options = ("--memory", "--port", "0", "--agent", "conformance", *options)
    with Server(*options, **variables) as server:
        yield server, algorithm


@pytest.fixture
def server(signing):
    return signing[0]


@pytest.fixture
def pushes(client, hook):
    """Sends a message, and returns all that is pushed of its task."""

    async def pushes(**fields):
        config = TaskPushNotificationConfig(url=hook.url, **fields)
        sent = message("tck-stream-001")
        await send_for_task(client, sent, task_push_notification_config=config)
        return hook.wait_for(4)

    return pushes


def authentication(scheme: str, credentials: str = "") -> dict:
    return {"authentication": AuthenticationInfo(scheme=scheme, credentials=credentials)}


def verify(key: str, push, body: bytes | None = None, **changed: str):
    headers = dict(push.headers.items())
    headers |= {name.replace("_", "-"): value for name, value in changed.items()}
    return Webhook(key).verify(push.body if body is None else body, headers)


def signatures(push, version: str) -> list[bytes]:
    pairs = [each.split(",") for each in push.headers["webhook-signature"].split(" ")]
    return [base64.b64decode(signature) for of, signature in pairs if of == version]


def signed_by(key, push, body: bytes | None = None) -> bool:
    """Whether one of the signatures is of this Ed25519 key."""
    body = push.body if body is None else body
    content = f"{push.headers['webhook-id']}.{push.headers['webhook-timestamp']}.".encode() + body
    for signature in signatures(push, "v1a"):
        try:
            key.public_key().verify(signature, content)
            return True
        except InvalidSignature:
            pass
    return False


async def test_each_key_verifies_alone(pushes):
    """So that receivers can change from one to the next."""
    for push in await pushes():
        for key in HMAC_KEYS:
            assert verify(key, push) == push.data
        for key in ED25519_KEYS:
            assert signed_by(key, push)
        assert len(signatures(push, "v1")) == len(signatures(push, "v1a")) == 2


async def test_what_was_changed_does_not_verify(pushes):
    first, second, *_ = await pushes()
    changed_body = first.body.replace(b"SUBMITTED", b"COMPLETED")
    assert changed_body != first.body
    later = str(int(first.headers["webhook-timestamp"]) + 1)
    for change in (
        {"body": changed_body},
        {"body": second.body},
        {"webhook_timestamp": later},
        {"webhook_id": second.headers["webhook-id"]},
    ):
        with pytest.raises(WebhookVerificationError, match="No matching signature"):
            verify(HMAC_KEYS[0], first, **change)
    with pytest.raises(WebhookVerificationError, match="No matching signature"):
        verify(hmac_key(), first)
    assert not signed_by(ED25519_KEYS[0], first, changed_body)
    assert not signed_by(ed25519.Ed25519PrivateKey.generate(), first)


async def test_the_timestamp_is_that_of_the_push(pushes):
    for push in await pushes():
        assert abs(int(push.headers["webhook-timestamp"]) - push.at) < 5


@pytest.mark.parametrize("scheme", ["StandardWebhooks", "standardwebhooks"])
async def test_a_config_has_its_own_keys(pushes, scheme):
    """In place of the deployment's, which others have, too; and they are not sent."""
    own = [hmac_key(), hmac_key()]
    for push in await pushes(**authentication(scheme, " ".join(own))):
        for key in own:
            assert verify(key, push) == push.data
        for key in HMAC_KEYS:
            with pytest.raises(WebhookVerificationError, match="No matching signature"):
                verify(key, push)
        assert all(signed_by(key, push) for key in ED25519_KEYS)
        assert "Authorization" not in push.headers
        assert not any(key.removeprefix("whsec_") in str(push.headers) for key in own)


@pytest.mark.parametrize("scheme", ["", "Bearer"])
async def test_a_token_says_who_pushes_what_to_whom(pushes, signing, http, receiver, scheme):
    server, algorithm = signing
    answer = await http.get(f"{server.url}/.well-known/jwks.json")
    public = answer.raise_for_status().json()
    assert all("d" not in key for key in public["keys"])
    fields = authentication(scheme) if scheme else {}
    for push in await pushes(**fields):
        kind, token = push.headers["Authorization"].split(" ")
        assert kind == "Bearer"
        header = jwt.get_unverified_header(token)
        assert header == {"alg": algorithm, "typ": "JWT", "kid": KEY_ID}
        claims = jwt.decode(
            token,
            jwt.PyJWKSet.from_dict(public)[header["kid"]],
            algorithms=[algorithm],
            audience=receiver.origin,
            issuer=server.url,
            options={"require": ["exp", "iat", "aud", "iss", "jti"]},
        )
        assert claims["exp"] - claims["iat"] == LIFETIME_S
        assert abs(claims["iat"] - time.time()) < 60
        assert claims["jti"] == push.headers["webhook-id"]
        assert claims["request_body_sha256"] == hashlib.sha256(push.body).hexdigest()


async def test_a_token_of_another_key_is_none(pushes, signing):
    _, algorithm = signing
    [push, *_] = await pushes()
    token = push.headers["Authorization"].removeprefix("Bearer ")
    with pytest.raises(jwt.InvalidSignatureError):
        key = KEYS[algorithm]().public_key()
        jwt.decode(token, key, algorithms=[algorithm], options={"verify_aud": False})


async def test_credentials_take_the_place_of_tokens(pushes):
    for push in await pushes(**authentication("Bearer", "own-credentials")):
        assert push.headers.get_all("Authorization") == ["Bearer own-credentials"]


async def test_without_keys_nothing_is_signed(one_process, http, hook):
    config = {"url": hook.url}
    body = {
        "message": {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "hello"}]},
        "configuration": {"taskPushNotificationConfig": config},
    }
    headers = {"A2A-Version": "1.0"}
    answer = await http.post(f"{one_process.url}/message:send", json=body, headers=headers)
    answer.raise_for_status()
    [push, *_] = hook.wait_for(1)
    assert push.headers["webhook-id"]
    assert "webhook-signature" not in push.headers
    assert "Authorization" not in push.headers
