"""A product with accounts of its own. It signs tokens that Cruddur Messages accepts: it is an OpenID Connect issuer.

Run the messages with: make run ISSUER=http://127.0.0.1:5000 AUDIENCE=messages ORIGINS=http://127.0.0.1:5000
"""

import json
import os
import secrets
import time
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from flask import Flask, abort, redirect, render_template, request, session
from jwt.algorithms import RSAAlgorithm
from werkzeug.wrappers import Response

ISSUER = os.environ.get("ISSUER", "http://127.0.0.1:5000")
SYSTEM = os.environ.get("SYSTEM", "http://127.0.0.1:4567")  # `make run`, for the addresses and the JavaScript client
AUDIENCE = "messages"
TOKEN_SECONDS = 600
KEY_ID = "1"
KEY_FILE = Path(os.environ.get("KEY_FILE", Path(__file__).with_name("key.pem")))

# Your own accounts. A user id may be anything, and must never change.
ACCOUNTS = {"ana": {"id": "1001", "name": "Ana Souza"}, "ben": {"id": "1002", "name": "Ben Adeyemi"}}


def signing_key() -> str:
    """The private key, the same after a restart: API Gateway caches the public one for up to two hours."""
    if not KEY_FILE.exists():
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        KEY_FILE.touch(mode=0o600)
        KEY_FILE.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return KEY_FILE.read_text()


app = Flask(__name__)
app.config.update(SECRET_KEY=secrets.token_hex(), SESSION_COOKIE_SAMESITE="Lax")
key = signing_key()


@app.get("/.well-known/openid-configuration")
def configuration() -> dict[str, object]:
    """Where the API finds the keys. API Gateway reads `issuer` and `jwks_uri`."""
    return {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/keys.json", "id_token_signing_alg_values_supported": ["RS256"]}


@app.get("/keys.json")
def keys() -> dict[str, object]:
    algorithm = RSAAlgorithm(RSAAlgorithm.SHA256)
    public = json.loads(RSAAlgorithm.to_jwk(algorithm.prepare_key(key).public_key()))
    return {"keys": [{**public, "kid": KEY_ID, "alg": "RS256", "use": "sig"}]}


@app.post("/sign-in")
def sign_in() -> Response:
    """Your own sign-in: a password, a passkey, a link by mail."""
    if request.form["handle"] not in ACCOUNTS:
        abort(404)
    session["handle"] = request.form["handle"]
    return redirect("/")


@app.post("/token")
def token() -> dict[str, str]:
    """A token for the messages, for the person of this session."""
    handle = session.get("handle") or abort(401)
    account, now = ACCOUNTS[handle], int(time.time())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": account["id"], "iat": now, "exp": now + TOKEN_SECONDS}
    claims |= {"preferred_username": handle, "name": account["name"]}
    return {"token": jwt.encode(claims, key, "RS256", headers={"kid": KEY_ID})}


@app.get("/")
def page() -> str:
    handle = session.get("handle")
    others = [other for other in ACCOUNTS if other != handle]
    return render_template("page.html", handle=handle, accounts=ACCOUNTS, other=others[0], system=SYSTEM)


if __name__ == "__main__":
    app.run(host="127.0.0.1", port=int(ISSUER.rpartition(":")[2]))
