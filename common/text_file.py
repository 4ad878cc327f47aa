"""Text files as people save them: UTF-8, with or without a byte order mark. Others are refused in one line, not guessed at."""

from collections.abc import Generator
from pathlib import Path

from jeonju.common.errors import UserError


def read_text(path: Path) -> str:
    """Return the whole text of a file. Raises UserError, naming the file, where it cannot be read or is not in UTF-8."""
    return "".join(lines_of(path))


def lines_of(path: Path) -> Generator[str, None, None]:
    """Yield the lines of a file as they are, with their ends. Raises UserError as `read_text` does, once it comes to the fault."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from file
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not in UTF-8; save it as UTF-8 (not as ANSI, CP949 or UTF-16)") from error
