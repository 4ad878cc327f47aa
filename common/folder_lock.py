"""A folder that one process at a time may use: the lock is the system's, and is gone with the process that had it, however that ended."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from jeonju.common.errors import UserError
from jeonju.common.secret_file import OWNER_ONLY

NAME: Final = "in-use"
# The broker of another user must get through to its part; nobody else may list what is there.
PASSABLE: Final = 0o711


@contextmanager
def only_user_of(folder: Path, option: str) -> Iterator[None]:
    """Lock a folder, which is made where there is none, while the context lasts.

    Raises UserError where another process has it, or it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=PASSABLE)
        lock = os.open(folder / NAME, os.O_RDWR | os.O_CREAT, OWNER_ONLY)
    except OSError as error:
        raise UserError(
            f"{error.filename or folder} cannot be written: {error.strerror}; choose another {option}"
        ) from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            who = os.read(lock, 20).decode(errors="replace").strip() or "unknown"
            raise UserError(
                f"another process (number {who}) uses the folder {folder}; stop it, or choose another {option}"
            ) from None
        with suppress(OSError):  # a disk that is full
            os.ftruncate(lock, 0)
            os.write(lock, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(lock)
