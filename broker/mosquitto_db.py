"""The file in which Mosquitto 2 keeps its sessions, written before its very first start.

A broker acknowledges also what no session waits for. So the session of ingest is in the file before Mosquitto opens its listeners to devices.
Format 6 of `persist.h`, which every 2.x reads; it is not changed where it is there already. The listener and the user are part of a session: with
them Mosquitto finds the ACL by which what waits is chosen.
"""

import struct
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from jeonju.common.errors import UserError
from jeonju.common.secret_file import write_secret

FILE_NAME: Final = "mosquitto.db"
# Of our own services, in mosquitto-server.conf.
SERVICES_PORT: Final = 8885
_MAGIC: Final = b"\x00\xb5\x00mosquitto db"
_FORMAT: Final = 6
_CONFIGURATION, _SUBSCRIPTION, _CLIENT = 1, 5, 6
_NEVER_EXPIRES: Final = 0xFFFF_FFFF
_BYTES_OF_IDS: Final = 8


class WaitingSession(NamedTuple):
    """A session: its client id and the filters that it has subscribed with QoS 1."""

    client_id: str
    filters: Sequence[str]


def prepare_mosquitto(folder: Path, user: str, sessions: Iterable[WaitingSession], port: int = SERVICES_PORT) -> bool:
    """Write the sessions of a user for a Mosquitto that has never run in a folder; return False where it has. Raises UserError."""
    file = folder / FILE_NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if file.exists():
            return False
        write_secret(file, _content(user, list(sessions), port), once=True, as_folder=True)
    except OSError as error:
        raise UserError(
            f"the sessions of Mosquitto cannot be written to {file}: {error.strerror}; may you write there?"
        ) from None
    return True


def _content(user: str, sessions: Sequence[WaitingSession], port: int) -> bytes:
    parts = [_MAGIC, struct.pack(">II", 0, _FORMAT)]
    # The two numbers that Mosquitto does not turn into the byte order of networks are 0: the last message's, and when a session ended.
    parts.append(_chunk(_CONFIGURATION, struct.pack(">QBB6x", 0, 1, _BYTES_OF_IDS)))
    name = user.encode()
    for session in sessions:
        client = session.client_id.encode()
        head = struct.pack(">qIHHHH4x", 0, _NEVER_EXPIRES, 0, len(client), port, len(name))
        parts.append(_chunk(_CLIENT, head + client + name))
    for session in sessions:
        client = session.client_id.encode()
        for topic_filter in map(str.encode, session.filters):
            head = struct.pack(">IHHBB2x", 0, len(client), len(topic_filter), 1, 0)
            parts.append(_chunk(_SUBSCRIPTION, head + client + topic_filter))
    return b"".join(parts)


def _chunk(kind: int, content: bytes) -> bytes:
    return struct.pack(">II", kind, len(content)) + content
