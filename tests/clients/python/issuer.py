"""An issuer of tokens: its keys, its discovery, and what a bad one does instead."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
from jwcrypto.jwk import JWK

AUDIENCE = "agents"
DISCOVERY = "/.well-known/openid-configuration"
KEYS = "/keys"
# Longer than the function waits for a document.
HANGS_S = 8


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        issuer = self.server.issuer
        issuer.asked.append(self.path)
        status, headers, body = issuer.answer(self.path)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Issuer:
    """It listens on this machine, so that its tokens need no TLS. `lie` is called for each answer."""

    def __init__(self):
        self.keys = {
            "rsa": JWK.generate(kty="RSA", size=2048, kid="rsa"),
            "p256": JWK.generate(kty="EC", crv="P-256", kid="p256"),
            "p384": JWK.generate(kty="EC", crv="P-384", kid="p384"),
            "ed": JWK.generate(kty="OKP", crv="Ed25519", kid="ed"),
        }
        self.asked = []
        self.lie = None
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.issuer = self
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, path):
        if self.lie and (lie := self.lie(path)):
            return lie
        if path == DISCOVERY:
            return self.json({"issuer": self.url, "jwks_uri": self.url + KEYS})
        if path == KEYS:
            return self.json({"keys": [key.export_public(as_dict=True) for key in self.keys.values()]})
        return 404, {}, b""

    @staticmethod
    def json(content):
        return 200, {"Content-Type": "application/json"}, json.dumps(content).encode()

    def claims(self, **changed):
        now = int(time.time())
        claims = {"iss": self.url, "aud": AUDIENCE, "sub": "alice", "iat": now, "exp": now + 300}
        return {name: value for name, value in (claims | changed).items() if value is not None}

    def private(self, kid):
        """The private key as PyJWT takes it."""
        return jwt.PyJWK(self.keys[kid].export(as_dict=True)).key

    def token(self, kid="p256", algorithm="ES256", headers=None, **changed):
        """A token that PyJWT has made."""
        headers = {"kid": kid, **(headers or {})}
        return jwt.encode(self.claims(**changed), self.private(kid), algorithm, headers)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
