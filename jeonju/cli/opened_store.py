"""A store that a command reads, and the word to who has it open otherwise."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def opened_store(url: str, archive: str | None = None) -> Iterator[Any]:
    """Open a store. Raises UserError for one that is not there, or that another process has."""
    from jeonju.common.errors import UserError
    from jeonju.storage.duckdb.file import StoreInUseError
    from jeonju.storage.open import open_store

    if "://" not in url and not Path(url).exists():
        raise UserError(f"there is no store {url}; name it with --store, or ask a running service: --from URL")
    try:
        opened = open_store(url, archive=archive)
    except StoreInUseError as error:
        raise UserError(f"{url} is in use; ask the service that has it: --from http://127.0.0.1:8000") from error
    with closing(opened):
        yield opened
