"""Secrets come from files: on a command line or in the environment more than their owner could read them."""

from pathlib import Path

from jeonju.common.errors import UserError


def read_secret(path: Path, named_by: str) -> str:
    """Return the one line that a file of a secret holds.

    Raises UserError where it is missing, unreadable or empty.
    """
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise UserError(f"the secret file {path} ({named_by}) cannot be read: {why}") from None
    if not secret:
        raise UserError(f"the secret file {path} ({named_by}) is empty")
    return secret
