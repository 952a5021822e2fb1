"""A small OpenID Connect issuer: authorization code with PKCE, refresh tokens, RS256 and ES256, rotating keys.

`python -m tests.support.issuer --port 9000` runs it for `make run ISSUER=http://127.0.0.1:9000 AUDIENCE=cruddur`. It
asks for no password: whoever opens its page is who they choose to be.
"""

import argparse
import base64
import hashlib
import html
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

HOST = "127.0.0.1"
LIFETIME_SECONDS = 300
PEOPLE = [
    {"sub": "auth0|andrew", "preferred_username": "andrew", "name": "Andrew Brown", "email": "andrew@example.com"},
    {"sub": "google-oauth2|1042", "preferred_username": "bayko", "name": "Andrew Bayko", "email": "bayko@example.com"},
    {"sub": "londo@example.com", "preferred_username": "londo", "name": "Londo Mollari", "email": "londo@example.com"},
]

Claims = dict[str, Any]


class Key:
    """A signing key with an id."""

    def __init__(self, algorithm: str) -> None:
        self.algorithm = algorithm
        self.kid = uuid4().hex
        if algorithm == "RS256":
            self.private: Any = rsa.generate_private_key(65537, 2048)
            public = RSAAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        else:
            self.private = ec.generate_private_key(ec.SECP256R1())
            public = ECAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        self.jwk = {**public, "kid": self.kid, "alg": algorithm, "use": "sig"}

    def sign(self, claims: Claims) -> str:
        return jwt.encode(claims, self.private, self.algorithm, {"kid": self.kid})


class Issuer:
    """An issuer with people and keys. `keys` are published; the first signs."""

    def __init__(self, port: int, algorithm: str = "RS256") -> None:
        self.port = port
        self.url = f"http://{HOST}:{port}"
        self.people: dict[str, Claims] = {person["sub"]: {"email_verified": True, **person} for person in PEOPLE}
        self.keys = [Key(algorithm)]
        self.codes: dict[str, Claims] = {}
        self.refresh_tokens: dict[str, Claims] = {}

    def rotate(self) -> None:
        """Sign with a new key; the old ones stay published."""
        self.keys.insert(0, Key(self.keys[0].algorithm))

    def token(self, sub: str, audience: str, /, **claims: Any) -> str:
        """A token of this person for an audience, with other claims than theirs by name; None removes one."""
        now = int(time.time())
        times = {"iat": now, "exp": now + LIFETIME_SECONDS}
        found = {"iss": self.url, "aud": audience, "sub": sub, **times, **self.people.get(sub, {}), **claims}
        return self.keys[0].sign({name: value for name, value in found.items() if value is not None})

    def grant(self, request: Claims) -> Claims:
        """The answer of the token endpoint for an authorized request."""
        sub, client_id = request["sub"], request["client_id"]
        refresh_token = secrets.token_urlsafe(32)
        self.refresh_tokens[refresh_token] = request
        nonce = {"nonce": request["nonce"]} if "nonce" in request else {}
        return {
            "access_token": self.token(
                sub,
                request.get("audience") or request.get("resource") or client_id,
                scope=request.get("scope", "openid"),
            ),
            "id_token": self.token(sub, client_id, **nonce),
            "refresh_token": refresh_token,
            "token_type": "Bearer",
            "expires_in": LIFETIME_SECONDS,
        }

    def redeem(self, form: Claims) -> Claims | None:
        """The tokens for a code or a refresh token, each valid once; None for an invalid one."""
        if form.get("grant_type") == "refresh_token":
            request = self.refresh_tokens.pop(form.get("refresh_token", ""), None)
            return self.grant(request) if request and request["client_id"] == form.get("client_id") else None
        request = self.codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        wanted = {name: form.get(name) for name in ("client_id", "redirect_uri")} | {"code_challenge": challenge}
        if form.get("grant_type") != "authorization_code" or not request or not wanted.items() <= request.items():
            return None
        return self.grant(request)

    @property
    def discovery(self) -> Claims:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/.well-known/jwks.json",
            "end_session_endpoint": f"{self.url}/logout",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["none"],
            "id_token_signing_alg_values_supported": sorted({key.algorithm for key in self.keys}),
        }

    @contextmanager
    def serving(self) -> Iterator[Self]:
        """Serve the issuer during the block."""
        handler = type("Handler", (_Handler,), {"issuer": self})
        server = ThreadingHTTPServer((HOST, self.port), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    issuer: Issuer

    def do_OPTIONS(self) -> None:
        self._answer(204, "")

    def do_GET(self) -> None:
        path, query = urlsplit(self.path).path, _flat(urlsplit(self.path).query)
        match path:
            case "/.well-known/openid-configuration":
                self._json(200, self.issuer.discovery)
            case "/.well-known/jwks.json":
                self._json(200, {"keys": [key.jwk for key in self.issuer.keys]})
            case "/authorize":
                self._authorize(query)
            case "/logout":
                self._redirect(query.get("post_logout_redirect_uri", ""), {"state": query.get("state", "")})
            case _:
                self._json(404, {"error": "not_found"})

    def do_POST(self) -> None:
        form = _flat(self.rfile.read(int(self.headers.get("content-length", 0))).decode())
        tokens = self.issuer.redeem(form) if urlsplit(self.path).path == "/token" else None
        self._json(200 if tokens else 400, tokens or {"error": "invalid_grant"})

    def _authorize(self, query: Claims) -> None:
        """Let the person at the browser choose somebody, then redirect with a code."""
        if query.get("response_type") != "code" or query.get("code_challenge_method") != "S256":
            self._json(400, {"error": "invalid_request"})
        elif query.get("as") in self.issuer.people:
            code = secrets.token_urlsafe(32)
            self.issuer.codes[code] = {**query, "sub": query["as"]}
            self._redirect(
                query["redirect_uri"], {"code": code, "state": query.get("state", ""), "iss": self.issuer.url}
            )
        else:
            links = "".join(
                f'<li><a href="?{html.escape(urlencode({**query, "as": sub}))}">{html.escape(person["name"])}</a></li>'
                for sub, person in self.issuer.people.items()
            )
            page = f"<!doctype html><title>Sign in</title><h1>Sign in as</h1><ul>{links}</ul>"
            self._answer(200, page, "text/html; charset=utf-8")

    def _redirect(self, uri: str, parameters: dict[str, str]) -> None:
        """Redirect to an address of this machine."""
        if urlsplit(uri).hostname not in ("127.0.0.1", "localhost"):
            self._json(400, {"error": "invalid_request", "error_description": "redirect to 127.0.0.1 only"})
            return
        given = urlencode({name: value for name, value in parameters.items() if value})
        self._answer(302, "", location=f"{uri}{'&' if '?' in uri else '?'}{given}" if given else uri)

    def _json(self, status: int, value: Claims) -> None:
        self._answer(status, json.dumps(value), "application/json")

    def _answer(self, status: int, body: str, content_type: str = "text/plain", location: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body.encode())))
        self.send_header("Access-Control-Allow-Origin", "*")
        self.send_header("Access-Control-Allow-Headers", "content-type")
        self.send_header("Cache-Control", "no-store")
        if location:
            self.send_header("Location", location)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name it has in the standard library
        """Log nothing."""


def _flat(query: str) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(query).items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=9000)
    with Issuer(parser.parse_args().port).serving() as issuer:
        print(f"Issuer {issuer.url}; Ctrl-C ends.", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
