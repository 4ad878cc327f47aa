"""Client ids of our services that nobody can guess.

Whoever connects with the client id of another takes over its session, and can throw away what waits in it; no account is asked for. So the id of a
service that has a session is a secret, made once and kept in a file, so that the session lives on over restarts.
"""

import hashlib
import re
import secrets
from pathlib import Path
from typing import Final

from jeonju.common.errors import UserError
from jeonju.common.secret_file import read_secret, write_secret

FILE_NAME: Final = "client-id"
NAMED_BY: Final = "--client-id-file"
_BYTES: Final = 16
_SECRET_PART: Final = re.compile(r"-[0-9a-f]{32}.*")


def passing_id(name: str) -> str:
    """Return an id for a client that leaves no session behind: another one each time."""
    return f"{name}-{secrets.token_hex(_BYTES)}"


def lasting_id(name: str, file: Path) -> str:
    """Return the same id at every start, from the secret in a file, which is made where there is none.

    Raises UserError where it can neither be read nor be made.
    """
    if not file.exists():
        _make(file)
    digest = hashlib.sha256(read_secret(file, NAMED_BY).encode()).hexdigest()
    return f"{name}-{digest[: 2 * _BYTES]}"


def shown(client_id: str) -> str:
    """Return an id as logs may have it, without its secret part."""
    return _SECRET_PART.sub("-…", client_id)


def _make(file: Path) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_secret(file, f"{secrets.token_hex(_BYTES)}\n".encode(), once=True)
    except OSError as error:
        raise UserError(
            f"the file {file} for the secret client id cannot be written: {error.strerror}; name another with {NAMED_BY}"
        ) from None
