"""Proof of a password to Cognito without sending it: Secure Remote Password (SRP-6a), Cognito's variant.

AWS does not document Cognito's sizes and labels: they come from its own clients, such as aws-amplify. The group
is the 3072-bit one of RFC 5054. web/assets/srp.js is the same in JavaScript.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime

from cruddur_messages.api import Refused

_PRIME = int(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD"
    "EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
    "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F"
    "83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B"
    "E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6955817183995497CEA956AE515D2261898FA0510"
    "15728E5A8AAAC42DAD33170D04507A33A85521ABDF1CBA64ECFB850458DBEF0A8AEA71575D060C7DB3970F85A6E1E4C7"
    "ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6BF12FFA06D98A0864D87602733EC86A64521F2B18177B200C"
    "BBE117577A615D6C770988C0BAD946E208E24FA074E5AB3143DB5BFCE0FD108E4B82D120A93AD2CAFFFFFFFFFFFFFFFF",
    16,
)
_GENERATOR = 2
_SECRET_BITS = 1024  # as in AWS's own clients
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")  # strftime would write them in the user's language
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Proof:
    """One sign-in: `public` goes to Cognito, and `answer` answers its challenge."""

    def __init__(self, user_pool_id: str, password: str) -> None:
        self._pool = user_pool_id.partition("_")[2]
        self._password = password
        self._secret = secrets.randbits(_SECRET_BITS)
        self._public = pow(_GENERATOR, self._secret, _PRIME)

    @property
    def public(self) -> str:
        """SRP_A of InitiateAuth."""
        return f"{self._public:x}"

    def answer(self, challenge: Mapping[str, str], now: datetime) -> dict[str, str]:
        """The ChallengeResponses to a PASSWORD_VERIFIER with these ChallengeParameters. Raises Refused."""
        user_id, block = challenge["USER_ID_FOR_SRP"], challenge["SECRET_BLOCK"]
        at = _written(now)
        signed = self._pool.encode() + user_id.encode() + base64.b64decode(block) + at.encode()
        key = self._key(user_id, int(challenge["SALT"], 16), int(challenge["SRP_B"], 16))
        return {
            "USERNAME": user_id,
            "TIMESTAMP": at,
            "PASSWORD_CLAIM_SECRET_BLOCK": block,
            "PASSWORD_CLAIM_SIGNATURE": base64.b64encode(hmac.digest(key, signed, "sha256")).decode(),
        }

    def _key(self, user_id: str, salt: int, other: int) -> bytes:
        scramble = _hash(_bytes(self._public) + _bytes(other))
        if other % _PRIME == 0 or scramble == 0:
            raise Refused("The server's part of the sign-in would reveal the password.")
        identity = hashlib.sha256(f"{self._pool}{user_id}:{self._password}".encode()).digest()
        private = _hash(_bytes(salt) + identity)
        multiplier = _hash(_bytes(_PRIME) + _bytes(_GENERATOR))
        base = other - multiplier * pow(_GENERATOR, private, _PRIME)
        shared = pow(base, self._secret + scramble * private, _PRIME)
        prk = hmac.digest(_bytes(scramble), _bytes(shared), "sha256")
        return hmac.digest(prk, b"Caldera Derived Key\x01", "sha256")[:16]


def _bytes(number: int) -> bytes:
    """Big-endian bytes, with a leading zero if they would be read as negative."""
    return number.to_bytes(number.bit_length() // 8 + 1)


def _hash(content: bytes) -> int:
    return int.from_bytes(hashlib.sha256(content).digest())


def _written(now: datetime) -> str:
    utc = now.astimezone(UTC)
    return f"{_DAYS[utc.weekday()]} {_MONTHS[utc.month - 1]} {utc.day} {utc:%H:%M:%S} UTC {utc.year}"
