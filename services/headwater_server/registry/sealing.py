"""Secrets as they lie in Postgres: sealed with a key that is not there. Who reads the table alone learns none of them.

A sealed text begins with "sealed:v1:"; what does not was stored before there was sealing. Pure.
"""

import base64

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from headwater_server.kit.errors import FailedPrecondition

SEALED = "sealed:v1:"
SETTING = "HEADWATER_REGISTRY_SECRETS_KEY"


class Seal:
    """keys: passphrases of any length, the newest first: it seals, the others still open."""

    def __init__(self, keys: list[str]) -> None:
        self._fernet = MultiFernet([Fernet(_key(key)) for key in keys])

    def close(self, secret: str) -> str:
        """The secret, sealed; no secret stays none."""
        return SEALED + self._fernet.encrypt(secret.encode()).decode() if secret else ""

    def open(self, text: str) -> str:
        """Raises FailedPrecondition where it was sealed with another key."""
        if not text.startswith(SEALED):
            return text
        try:
            return self._fernet.decrypt(text.removeprefix(SEALED)).decode()
        except InvalidToken:
            raise FailedPrecondition(
                "the secret of the webhook cannot be read: it was stored with another key",
                hint=f"add the old key to {SETTING} after the new one and a comma, or give the webhook its secret anew",
                reason="SECRET_UNREADABLE",
            ) from None


def _key(passphrase: str) -> bytes:
    derived = HKDF(SHA256(), 32, salt=None, info=b"headwater registry secrets v1").derive(passphrase.encode())
    return base64.urlsafe_b64encode(derived)
