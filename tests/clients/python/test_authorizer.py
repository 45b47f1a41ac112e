"""Callers with tokens of PyJWT and jwcrypto, good and bad, and with API keys, at `scripts/dev --auth`."""

import base64
import hashlib
import hmac
import json
import os
import subprocess
import tempfile
import time
import uuid
from pathlib import Path

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jwcrypto.jwe import JWE
from jwcrypto.jwk import JWK
from jwcrypto.jwt import JWT

from issuer import AUDIENCE, DISCOVERY, HANGS_S, KEYS, Issuer
from server import ROOT, Server

TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
OPTIONS = ("--memory", "--port", "0", "--agent", "conformance", "--auth")
# As the template's REST API has it.
REFUSED, UNAVAILABLE = 401, 503


@pytest.fixture(scope="module")
def issuer():
    with Issuer() as issuer:
        yield issuer


@pytest.fixture(scope="module", params=["one process", "processes"])
def guarded(request, issuer):
    more = ["--processes"] if request.param == "processes" else []
    with Server(*OPTIONS, *more, JWT_ISSUERS=f"{issuer.url} aud={AUDIENCE}") as server:
        yield server


def ask(server, token=None, path="/tasks", headers=None, **more):
    headers = {"A2A-Version": "1.0", **(headers or {})}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    method = "POST" if "json" in more else "GET"
    return httpx.request(method, server.url + path, headers=headers, timeout=30, **more)


def status(server, token, **more):
    return ask(server, token, **more).status_code


def send(server, token, **headers):
    message = {"messageId": str(uuid.uuid4()), "role": "ROLE_USER", "parts": [{"text": "hello"}]}
    body = {"message": message, "configuration": {"returnImmediately": True}}
    return ask(server, token, "/message:send", headers, json=body)


def test_the_card_is_for_everybody_and_all_else_is_not(guarded):
    assert ask(guarded, path="/.well-known/agent-card.json").status_code == 200
    for path in ["/tasks", "/tasks/.well-known", "/message:send", "/"]:
        refused = ask(guarded, path=path)
        assert refused.status_code == REFUSED, path
        assert refused.headers["WWW-Authenticate"] == "Bearer"
        assert refused.json()["error"]["status"] == "UNAUTHENTICATED"


def test_the_card_says_how_to_come_in(guarded):
    card = ask(guarded, path="/.well-known/agent-card.json").json()
    # The fields of 0.3 are beside it.
    assert list(card["securitySchemes"]) == ["caller"]
    bearer = card["securitySchemes"]["caller"]["httpAuthSecurityScheme"]
    assert bearer == {"scheme": "Bearer", "bearerFormat": "JWT"}
    [requirement] = card["securityRequirements"]
    assert list(requirement["schemes"]) == ["caller"]


def test_a_caller_who_lacks_a_scope_that_all_need_is_known_and_refused(issuer):
    issuers = {"JWT_ISSUERS": f"{issuer.url} aud={AUDIENCE}", "REQUIRED_SCOPES": "a2a:all"}
    with Server(*OPTIONS, "--processes", **issuers) as server:
        refused = ask(server, issuer.token())
        assert refused.status_code == 403 and "WWW-Authenticate" not in refused.headers
        assert refused.json()["error"]["status"] == "PERMISSION_DENIED"
        assert status(server, issuer.token(scope="a2a:all")) == 200


@pytest.mark.parametrize("options", [(), ("--processes",)])
def test_where_nobody_could_call_it_does_not_start(options):
    ended = subprocess.run(
        [TARGET / "debug/a2a-lambda-local", *OPTIONS, *options], capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 1
    assert "JWT_ISSUERS" in ended.stderr and "API_KEYS" in ended.stderr


@pytest.mark.parametrize(
    ("kid", "algorithm"),
    [
        *(("rsa", f"{kind}S{size}") for kind in "RP" for size in [256, 384, 512]),
        ("p256", "ES256"),
        ("p384", "ES384"),
        ("ed", "EdDSA"),
    ],
)
def test_tokens_of_both_libraries_are_taken(guarded, issuer, kid, algorithm):
    assert status(guarded, issuer.token(kid, algorithm)) == 200
    header = {"alg": algorithm, "kid": kid, "typ": "at+jwt"}
    token = JWT(header=header, claims=issuer.claims())
    token.make_signed_token(issuer.keys[kid])
    assert status(guarded, token.serialize()) == 200


def test_tasks_are_their_owner_s(guarded, issuer):
    alice, bob = issuer.token(), issuer.token(sub="bob")
    task = send(guarded, alice).json()["task"]["id"]
    assert status(guarded, alice, path=f"/tasks/{task}") == 200
    assert status(guarded, bob, path=f"/tasks/{task}") == 404


def encoded(content) -> str:
    content = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def confused(issuer, secret: bytes, algorithm="HS256", kid="rsa") -> str:
    """A token whose HMAC has a public key, which everybody knows, as its secret."""
    text = f"{encoded({'alg': algorithm, 'kid': kid})}.{encoded(issuer.claims(sub='mallory'))}"
    return f"{text}.{encoded(hmac.new(secret, text.encode(), hashlib.sha256).digest())}"


def bad_tokens(issuer):
    now = int(time.time())
    rsa = issuer.keys["rsa"]
    mallory = JWK.generate(kty="EC", crv="P-256", kid="p256")
    forged = jwt.PyJWK(mallory.export(as_dict=True)).key
    good = issuer.token()
    head, body, signature = good.split(".")
    der = issuer.private("p256").public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    yield "none", jwt.encode(issuer.claims(), None, "none")
    yield "none, spelt otherwise", f"{encoded({'alg': 'nOnE', 'kid': 'p256'})}.{body}."
    yield "none with a signature", f"{encoded({'alg': 'none', 'kid': 'p256'})}.{body}.{signature}"
    yield "HS256 with the PEM", confused(issuer, rsa.export_to_pem())
    yield "HS256 with the PEM, stripped", confused(issuer, rsa.export_to_pem().strip())
    yield "HS256 with the DER", confused(issuer, der, kid="p256")
    yield "HS256 with the JWK", confused(issuer, rsa.export_public().encode())
    yield "HS256 with the modulus", confused(
        issuer, base64.urlsafe_b64decode(rsa.export_public(as_dict=True)["n"] + "==")
    )
    yield "HS256 with nothing", confused(issuer, b"")
    yield "RS256 of an EC key", issuer.token("rsa", "RS256", {"kid": "p256"})
    yield "ES256 of an RSA key", issuer.token("p256", "ES256", {"kid": "rsa"})
    yield "ES384 of P-256", f"{encoded({'alg': 'ES384', 'kid': 'p256'})}.{body}.{signature}"
    yield "another key of its name", jwt.encode(issuer.claims(), forged, "ES256", {"kid": "p256"})
    yield "the key in the header", jwt.encode(
        issuer.claims(), forged, "ES256", {"jwk": mallory.export_public(as_dict=True)}
    )
    for name in ["jku", "x5u"]:
        url = issuer.url + "/mallory"
        yield name, jwt.encode(issuer.claims(), forged, "ES256", {"kid": "m", name: url})
    for kid in ["../../../../dev/null", "/etc/passwd", "http://127.0.0.1/", "x' or '1'='1", "p256\0"]:
        yield f"kid {kid!r}", jwt.encode(issuer.claims(), forged, "ES256", {"kid": kid})
    yield "an empty kid", jwt.encode(issuer.claims(), forged, "ES256", {"kid": ""})
    yield "crit", issuer.token(headers={"crit": ["exp"], "exp": now + 300})
    yield "crit of RFC 7797", issuer.token(headers={"crit": ["b64"], "b64": True})
    yield "typ", issuer.token(headers={"typ": "logout+jwt"})
    yield "expired", issuer.token(exp=now - 61)
    yield "not yet valid", issuer.token(nbf=now + 120)
    yield "issued later", issuer.token(iat=now + 120)
    yield "without an end", issuer.token(exp=None)
    yield "another audience", issuer.token(aud="others")
    yield "other audiences", issuer.token(aud=["others", "agents2"])
    yield "without an audience", issuer.token(aud=None)
    yield "another issuer", issuer.token(iss=issuer.url + "/")
    yield "without an issuer", issuer.token(iss=None)
    yield "a DER signature", f"{head}.{body}.{encoded(der_signature(issuer, f'{head}.{body}'))}"
    yield "a changed claim", f"{head}.{encoded(issuer.claims(sub='mallory'))}.{signature}"
    yield "a cut signature", good[:-4]
    yield "no signature", f"{head}.{body}."
    yield "four parts", f"{good}.{signature}"
    yield "100 KB", issuer.token(more="x" * 100_000)
    yield "9 KB", issuer.token(more="x" * 9_000)
    yield "nesting", f"{encoded(b'[' * 5_000)}.{body}.{signature}"
    yield "a member twice", f"{encoded(TWICE)}.{body}.{signature}"
    secret = JWE(b"{}", json.dumps({"alg": "RSA-OAEP", "enc": "A256GCM"}))
    secret.add_recipient(rsa)
    yield "encrypted", secret.serialize(compact=True)
    yield "JSON", JWS_JSON
    yield "nothing", "x"


TWICE = b'{"alg":"none","alg":"ES256","kid":"p256"}'
JWS_JSON = encoded({"payload": "e30", "signatures": []})


def der_signature(issuer, text: str) -> bytes:
    return issuer.private("p256").sign(text.encode(), ec.ECDSA(hashes.SHA256()))


def test_bad_tokens_are_refused(guarded, issuer):
    assert status(guarded, issuer.token()) == 200
    taken, before = {}, len(issuer.asked)
    for name, token in bad_tokens(issuer):
        try:
            found = status(guarded, token)
        except httpx.RemoteProtocolError:
            # Too much for the server's heads.
            found = REFUSED
        # 431 where the head is too large for the server.
        if found not in (REFUSED, 431):
            taken[name] = found
    assert taken == {}
    assert "/mallory" not in issuer.asked
    # Whatever they name, keys are fetched again once a minute at most, by each process.
    assert len(issuer.asked) - before <= 2 * 2
    assert status(guarded, issuer.token()) == 200


def test_two_tokens_are_none(guarded, issuer):
    good = issuer.token()
    for headers in [
        [("Authorization", f"Bearer {good}"), ("Authorization", f"Bearer {good}")],
        [("Authorization", f"Basic {good}")],
        [("Authorization", good + " " + good)],
    ]:
        headers = [("A2A-Version", "1.0"), *headers]
        assert httpx.get(guarded.url + "/tasks", headers=headers).status_code == REFUSED


# What a server of keys answers that is broken, or lies; a function of the issuer and the path.
LIES = {
    "hangs": lambda issuer, path: time.sleep(HANGS_S) or (200, {}, b"{}"),
    "fails": lambda issuer, path: (500, {}, b"no"),
    "redirects": lambda issuer, path: (302, {"Location": issuer.url + "/elsewhere"}, b""),
    "is a page": lambda issuer, path: (200, {"Content-Type": "text/html"}, b"<html>"),
    "is somebody else": lambda issuer, path: path == DISCOVERY
    and issuer.json({"issuer": "https://mallory.example", "jwks_uri": issuer.url + KEYS}),
    "names a file": lambda issuer, path: path == DISCOVERY
    and issuer.json({"issuer": issuer.url, "jwks_uri": "file:///etc/passwd"}),
    "names plain HTTP": lambda issuer, path: path == DISCOVERY
    and issuer.json({"issuer": issuer.url, "jwks_uri": "http://192.0.2.1/keys"}),
    "has no keys": lambda issuer, path: path == KEYS and issuer.json({"keys": []}),
    "has secrets only": lambda issuer, path: path == KEYS
    and issuer.json({"keys": [{"kty": "oct", "k": "AAAA", "kid": "p256"}]}),
    "has too much": lambda issuer, path: path == KEYS
    and (200, {}, b'{"keys": [], "more": "' + b"x" * 300_000 + b'"}'),
}


@pytest.mark.parametrize("lie", LIES)
def test_without_an_issuer_s_keys_nobody_is_called_unknown(lie):
    """They are let in as soon as the keys are there."""
    with Issuer() as issuer:
        issuer.lie = lambda path: LIES[lie](issuer, path)
        with Server(*OPTIONS, JWT_ISSUERS=f"{issuer.url} aud={AUDIENCE}") as server:
            begin = time.monotonic()
            assert status(server, issuer.token()) == UNAVAILABLE
            assert time.monotonic() - begin < HANGS_S
            assert "/elsewhere" not in issuer.asked
            issuer.lie = None
            # Another try is five seconds away.
            time.sleep(max(0, 5.5 - (time.monotonic() - begin)))
            assert status(server, issuer.token()) == 200


def test_a_new_key_is_looked_for_once_and_an_old_one_stays_good(guarded, issuer):
    """The rest of a rotation takes minutes: functions/authorizer/tests/it/keys.rs has it."""
    assert status(guarded, issuer.token()) == 200
    new = JWK.generate(kty="EC", crv="P-256", kid="new")
    token = jwt.encode(
        issuer.claims(), jwt.PyJWK(new.export(as_dict=True)).key, "ES256", {"kid": "new"}
    )
    before = len(issuer.asked)
    for _ in range(20):
        assert status(guarded, token) == REFUSED
    assert len(issuer.asked) - before <= 2
    assert status(guarded, issuer.token()) == 200


class Keys:
    """A server with API keys, and the operators' command line beside it."""

    def __init__(self, *options, **variables):
        self.log = tempfile.TemporaryFile("w+")
        self.server = Server(
            *OPTIONS, "--aws-port", "0", *options, stderr=self.log, API_KEYS="true", **variables
        )
        self.log.seek(0)
        lines = [line for line in self.log.read().splitlines() if line.startswith("export ")]
        self.variables = dict(line.removeprefix("export ").split("=", 1) for line in lines)

    def ops(self, *words):
        command = [TARGET / "debug/a2a-lambda", *words, "--json"]
        ran = subprocess.run(command, env=self.variables, text=True, capture_output=True)
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)

    def make(self, *words):
        made = self.ops("make-key", *words)
        return made["key"], made["id"]


@pytest.fixture(params=["one process", "processes"])
def keys(request):
    scopes = {f"{name}_SCOPE": f"a2a:{name.lower()}" for name in ["READ", "SEND", "CANCEL", "PUSH"]}
    options = ["--processes"] if request.param == "processes" else []
    made = Keys(*options, AUTHORIZER_HEADER="any", **scopes)
    yield made
    made.server.kill()
    made.log.seek(0)
    # No key is in a log.
    assert "a2al_" not in made.log.read()


def test_api_keys_are_taken_by_either_header_until_they_are_revoked(keys):
    server = keys.server
    key, id = keys.make("--owner", "billing", "--scopes", "a2a:read,a2a:send")
    other, _ = keys.make("--owner", "other", "--scopes", "a2a:read")
    task = send(server, key).json()["task"]["id"]
    for headers in [{"Authorization": f"Bearer {key}"}, {"x-api-key": key}]:
        assert ask(server, path=f"/tasks/{task}", headers=headers).status_code == 200
    assert status(server, key, headers={"x-api-key": key}) == REFUSED, "two are none"
    assert status(server, other, path=f"/tasks/{task}") == 404
    for wrong in [key[:-1] + ("A" if key[-1] != "A" else "B"), key[:-1], key.upper(), "a2al_"]:
        assert status(server, wrong) == REFUSED
    # Scopes are of operations, and a key has those that it was given.
    for path, scope in [
        (f"/tasks/{task}:cancel", "a2a:cancel"),
        (f"/tasks/{task}/pushNotificationConfigs", "a2a:push"),
    ]:
        answer = ask(server, key, path, json={"url": "https://hooks.example"})
        assert answer.status_code == 403, answer.text
        challenge = f'Bearer error="insufficient_scope", scope="{scope}"'
        assert answer.headers["WWW-Authenticate"] == challenge
    assert send(server, other).status_code == 403
    shown = json.dumps(keys.ops("keys"))
    assert id in shown and key not in shown
    keys.ops("revoke-key", id)
    assert status(server, key) == REFUSED
    assert status(server, other) == 200


def test_keys_are_looked_for_in_the_header_that_is_named_alone():
    bearer = {"httpAuthSecurityScheme": {"scheme": "Bearer"}}
    in_header = {"apiKeySecurityScheme": {"location": "header", "name": "x-api-key"}}
    for variables, header, other, scheme in [
        ({}, "Authorization", "x-api-key", bearer),
        ({"AUTHORIZER_HEADER": "x-api-key"}, "x-api-key", "Authorization", in_header),
    ]:
        keys = Keys(**variables)
        key, _ = keys.make("--owner", "billing")
        assert ask(keys.server, headers={header: key}).status_code == 200
        assert ask(keys.server, headers={other: key}).status_code == REFUSED
        card = ask(keys.server, path="/.well-known/agent-card.json").json()
        assert scheme.items() <= card["securitySchemes"]["caller"].items()
        keys.server.kill()


def test_a_key_of_a_tenant_has_that_tenant_alone(keys):
    key, _ = keys.make("--owner", "billing", "--tenant", "acme", "--scopes", "a2a:read,a2a:send")
    task = send(keys.server, key).json()["task"]["id"]
    for path, expected in [
        (f"/tasks/{task}", 200),
        (f"/acme/tasks/{task}", 200),
        (f"/other/tasks/{task}", 403),
    ]:
        assert status(keys.server, key, path=path) == expected, path
