"""The agent card with its signatures, as a client checks it: by the SDK, and by JOSE alone."""

import json

import pytest
from a2a.client.card_resolver import A2ACardResolver, parse_agent_card
from a2a.types import AgentCard
from a2a.utils.signing import InvalidSignaturesError, create_signature_verifier
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils
from google.protobuf.json_format import MessageToDict
from httpx import AsyncClient
from jwt.utils import base64url_decode, base64url_encode

from server import Server

pytestmark = pytest.mark.anyio

CARD = "/.well-known/agent-card.json"
KEY_ID = "key-1"
JWKS_URL = "https://keys.example/jwks.json"
# Of a scheme without scopes the SDK's canonical form leaves nothing.
SECURITY = {
    "CARD_SECURITY_SCHEMES": json.dumps(
        {
            "bearer": {"httpAuthSecurityScheme": {"scheme": "Bearer"}},
            "login": {"openIdConnectSecurityScheme": {"openIdConnectUrl": "https://id.example"}},
        }
    ),
    "CARD_SECURITY_REQUIREMENTS": json.dumps(
        [
            {"schemes": {"bearer": {"list": []}}},
            {"schemes": {"login": {"list": ["grüße"]}}},
        ]
    ),
}
KEYS = {
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
}


@pytest.fixture(scope="module", params=[(a, s) for a in KEYS for s in ({}, SECURITY)])
def signed(request):
    """A server that signs its cards, the algorithm, and the public key."""
    algorithm, settings = request.param
    key = KEYS[algorithm]()
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    variables = settings | {
        "CARD_SIGNING_KEY": pem.decode(),
        "CARD_SIGNING_KEY_ID": KEY_ID,
        "CARD_SIGNING_JWKS_URL": JWKS_URL,
    }
    with pytest.MonkeyPatch.context() as environment:
        for name, value in variables.items():
            environment.setenv(name, value)
        server = Server("--memory", "--port", "0", "--agent", "conformance")
    with server:
        yield server, algorithm, key.public_key()


@pytest.fixture
async def document(signed, http) -> dict:
    response = await http.get(signed[0].url + CARD)
    return response.raise_for_status().json()


def verifier(algorithm, key):
    def find(key_id, jwks_url):
        assert (key_id, jwks_url) == (KEY_ID, JWKS_URL)
        return key

    return create_signature_verifier(find, [algorithm])


def is_signed(content: dict, signatures: list[dict], algorithm: str, key) -> bool:
    """Whether a signature is of this content, by RFC 7515 and RFC 8785, without the SDK."""
    # There are ASCII names and no numbers in a card: this is their canonical form.
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    payload = base64url_encode(text.encode()).decode()
    for signature in signatures:
        header = json.loads(base64url_decode(signature["protected"]))
        assert header == {"alg": algorithm, "typ": "JOSE", "kid": KEY_ID, "jku": JWKS_URL}
        signed = f"{signature['protected']}.{payload}".encode()
        raw = base64url_decode(signature["signature"])
        try:
            if algorithm == "EdDSA":
                key.verify(raw, signed)
            else:
                r, s = (int.from_bytes(half, "big") for half in (raw[:32], raw[32:]))
                encoded = utils.encode_dss_signature(r, s)
                key.verify(encoded, signed, ec.ECDSA(hashes.SHA256()))
            return True
        except InvalidSignature:
            continue
    return False


async def test_the_sdk_verifies_the_card(signed, http):
    server, algorithm, key = signed
    resolver = A2ACardResolver(http, server.url)
    card = await resolver.get_agent_card(signature_verifier=verifier(algorithm, key))
    assert card.name == "conformance"
    versions = [interface.protocol_version for interface in card.supported_interfaces]
    assert versions == ["1.0", "1.0", "0.3", "0.3"]


async def test_the_sdk_refuses_a_card_that_was_changed(signed, document):
    _, algorithm, key = signed
    verify = verifier(algorithm, key)
    card = parse_agent_card(document)
    verify(card)
    card.supported_interfaces[0].url = "https://elsewhere.example"
    with pytest.raises(InvalidSignaturesError):
        verify(card)


async def test_the_document_is_signed_as_it_is(signed, document):
    _, algorithm, key = signed
    signatures = document.pop("signatures")
    assert is_signed(document, signatures, algorithm, key)
    assert not is_signed(document | {"url": "x"}, signatures, algorithm, key)


async def test_the_card_of_1_0_is_signed(signed, document):
    """By the rules of the specification, section 8.4.1, which ProtoJSON has but for REQUIRED
    fields that are empty: there are none."""
    _, algorithm, key = signed
    signatures = document.pop("signatures")
    card = MessageToDict(parse_agent_card(document))
    assert is_signed(card, signatures, algorithm, key)
    assert not is_signed(card | {"name": "x"}, signatures, algorithm, key)


async def test_a_card_without_a_key_is_not_signed(server, http):
    card: AgentCard = await A2ACardResolver(http, server.url).get_agent_card()
    assert not card.signatures


async def test_a_copy_of_a_signed_card_stays_good(signed):
    server, *_ = signed
    async with AsyncClient(base_url=server.url) as http:
        first = await http.get(CARD)
        again = await http.get(CARD, headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.content) == (304, b"")
        modified = {"If-Modified-Since": first.headers["Last-Modified"]}
        assert (await http.get(CARD, headers=modified)).status_code == 304
        head = await http.head(CARD)
        assert (head.status_code, head.headers["ETag"]) == (200, first.headers["ETag"])
