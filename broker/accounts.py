"""The accounts file: who may log in to the broker, as what is needed to check a password or certificate, never the secret itself."""

import base64
import hashlib
import os
import secrets
from datetime import datetime
from pathlib import Path
from typing import Final

import bcrypt
import msgspec

from jeonju.common.errors import UserError

# Passwords are random: slow hashing, which guards weak ones, would only help those who flood the broker with logins.
PASSWORD_BYTES: Final = 24
SHORTEST_PASSWORD: Final = 20
# bcrypt sees no more.
LONGEST_PASSWORD_BYTES: Final = 72
PBKDF2_ITERATIONS: Final = 1000
PBKDF2_SALT_BYTES: Final = 12
BCRYPT_COST: Final = 5


class Certificate(msgspec.Struct, kw_only=True):
    """A certificate that was issued to an account, by its serial number in hex."""

    serial: str
    expires_at: datetime
    revoked_at: datetime | None = None


class Account(msgspec.Struct, kw_only=True):
    """One who may log in: a device as `site.device`, a service of ours by its name."""

    name: str
    is_service: bool = False
    publish: tuple[str, ...]
    subscribe: tuple[str, ...]
    mosquitto_hash: str | None = None
    nats_hash: str | None = None
    certificates: list[Certificate] = []
    added_at: datetime
    revoked_at: datetime | None = None

    def set_password(self, password: str) -> None:
        """Keep the hashes of a password: PBKDF2 as Mosquitto wants it, bcrypt as NATS does.

        Raises UserError for one that is too short or too long.
        """
        if len(password) < SHORTEST_PASSWORD or len(password.encode()) > LONGEST_PASSWORD_BYTES:
            raise UserError(
                f"the password of {self.name} must have {SHORTEST_PASSWORD} characters or more, and {LONGEST_PASSWORD_BYTES} bytes at most"
            )
        salt = os.urandom(PBKDF2_SALT_BYTES)
        digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, PBKDF2_ITERATIONS)
        parts = (str(PBKDF2_ITERATIONS), base64.b64encode(salt).decode(), base64.b64encode(digest).decode())
        self.mosquitto_hash = "$7$" + "$".join(parts)
        self.nats_hash = bcrypt.hashpw(password.encode(), bcrypt.gensalt(BCRYPT_COST, prefix=b"2a")).decode()

    def revoke_certificates(self, now: datetime) -> None:
        """Mark every certificate as revoked."""
        for certificate in self.certificates:
            certificate.revoked_at = certificate.revoked_at or now


def new_password() -> str:
    """Return a password that nobody will guess."""
    return secrets.token_urlsafe(PASSWORD_BYTES)


def load(path: Path) -> dict[str, Account]:
    """Return the accounts by name.

    Raises UserError when the file cannot be read or is damaged.
    """
    try:
        accounts = msgspec.json.decode(path.read_bytes(), type=list[Account])
    except OSError as error:
        raise UserError(
            f"the accounts in {path} cannot be read: {error.strerror}; make them with `jeonju device setup`"
        ) from None
    except msgspec.DecodeError as error:
        raise UserError(f"the accounts file {path} is damaged: {error}; restore it from a backup") from None
    return {account.name: account for account in accounts}


def dump(accounts: dict[str, Account]) -> bytes:
    """Return the file's content."""
    return msgspec.json.format(
        msgspec.json.encode(sorted(accounts.values(), key=lambda account: account.name)), indent=1
    )
