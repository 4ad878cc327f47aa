"""The files in which a broker keeps sessions and queues, looked at before it starts: both start without a word on most that is damaged, and lose it.

NATS leaves out a stream or a consumer whose description it cannot read, and cuts a block of messages where its first damaged record is. What is
damaged within a record is not seen here, only by NATS itself, and counts in the loss ledger.
"""

import json
import re
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from jeonju.common.errors import UserError

_MOSQUITTO_DB: Final = "mosquitto.db"
_MOSQUITTO_BEGINS: Final = b"\x00\xb5\x00mosquitto db"
_CHECKSUM: Final = re.compile(rb"[0-9a-f]{16}")
_CONSUMER_BEGINS: Final = 22
# Length with a bit for headers, sequence number, time, length of the subject; the checksum stands last.
_RECORD: Final = struct.Struct("<IQqH")
_HEADERS: Final = 1 << 31
_SHORTEST: Final = _RECORD.size + 8
_LONGEST: Final = 64 * 1024 * 1024


def check_queues(folder: Path) -> None:
    """Look at the files of a broker in a folder; none are well.

    Raises UserError for one that is damaged.
    """
    for file in _damaged(folder):
        raise UserError(
            f"{file} is damaged, and the broker would drop what it holds; to go on without the messages that wait there, "
            f"move the folder {folder} away"
        )


def _damaged(folder: Path) -> Iterator[Path]:
    database = folder / _MOSQUITTO_DB
    if database.is_file() and not _begins(database, _MOSQUITTO_BEGINS):
        yield database
    for file in sorted((folder / "jetstream").rglob("*")):
        is_well = _CHECKS.get(file.name) or _CHECKS.get(file.suffix)
        # One that is empty was being written when the disk was full, or at a kill: NATS had promised nothing yet.
        if is_well and file.is_file() and file.stat().st_size and not is_well(file):
            yield file


def _begins(file: Path, with_bytes: bytes) -> bool:
    with file.open("rb") as opened:
        return opened.read(len(with_bytes)) == with_bytes


def _is_json(file: Path) -> bool:
    try:
        return isinstance(json.loads(file.read_bytes()), dict)
    except ValueError:
        return False


def _is_chain(file: Path) -> bool:
    """Return whether each record leads to the next one; the last may be cut off, as by a kill."""
    size, at = file.stat().st_size, 0
    with file.open("rb") as opened:
        while at + _RECORD.size <= size:
            opened.seek(at)
            length, _, _, subject = _RECORD.unpack(opened.read(_RECORD.size))
            length &= ~_HEADERS
            if not _SHORTEST + subject <= length <= _LONGEST:
                return False
            at += length
    return True


_CHECKS: Final[dict[str, Callable[[Path], bool]]] = {
    "meta.inf": _is_json,
    "meta.sum": lambda file: _CHECKSUM.fullmatch(file.read_bytes()) is not None,
    "o.dat": lambda file: _begins(file, bytes([_CONSUMER_BEGINS])),
    ".blk": _is_chain,
}
