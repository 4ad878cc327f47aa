"""Small files that commands leave in the data folder for a city that runs: replaced whole, read within a bound."""

from pathlib import Path
from typing import Final, TypeVar

import msgspec

from jeonju.common.secret_file import write_secret

LARGEST_BYTES: Final = 1_000_000
READABLE: Final = 0o644
Content = TypeVar("Content", bound=msgspec.Struct)


def keep(content: msgspec.Struct, file: Path) -> None:
    """Replace what is kept. Raises OSError."""
    file.parent.mkdir(parents=True, exist_ok=True)
    write_secret(file, msgspec.json.encode(content), READABLE)


def kept(file: Path, shape: type[Content], name: str) -> Content | None:
    """Return what is kept, None where there is nothing. Raises ValueError for a file of something else, OSError where it cannot be read."""
    try:
        with file.open("rb") as opened:
            return msgspec.json.decode(opened.read(LARGEST_BYTES), type=shape)
    except FileNotFoundError:
        return None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{file} is no {name}: {error}") from None
