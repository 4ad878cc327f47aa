"""A client of a running service, for the commands that ask one."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jeonju.client import Client


def api_client(url: str, key_file: Path | None) -> "Client":
    """Return a client, to be closed; its methods raise ApiError."""
    # Here, because every command loads this file and few need a client.
    from jeonju import client

    return client.Client(url, key_file=key_file)
