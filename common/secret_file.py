"""Secrets come from files: on a command line or in the environment more than their owner could read them."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from jeonju.common.errors import UserError

OWNER_ONLY: Final = 0o600


def read_secret(path: Path, named_by: str) -> str:
    """Return the one line that a file of a secret holds.

    Raises UserError where it is missing, unreadable or empty.
    """
    try:
        secret = path.read_text(encoding="utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise UserError(f"the secret file {path} ({named_by}) cannot be read: {why}") from None
    if not secret:
        raise UserError(f"the secret file {path} ({named_by}) is empty")
    return secret


def write_secret(
    path: Path, content: bytes, mode: int = OWNER_ONLY, *, once: bool = False, as_folder: bool = False
) -> None:
    """Write a file whole or not at all; nobody whom `mode` does not allow can read it at any moment.

    With `once` a file that is there already stays as it is, and a new one is on the disk when this returns. With `as_folder` the file belongs
    to the owner of its folder where we may give it away. Raises OSError.
    """
    new = path.with_name(f".{path.name}.{os.getpid()}.new")
    new.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY), "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(content)
            if as_folder and os.geteuid() == 0:
                owner = path.parent.stat()
                os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
            if once:
                file.flush()
                os.fsync(file.fileno())
        if once:
            # Of two that start at the same time the first one's.
            with suppress(FileExistsError):
                os.link(new, path)
        else:
            new.replace(path)
    finally:
        new.unlink(missing_ok=True)
