"""Compressed payloads, as the library Tahu and the gateways built on it send them: an envelope around the packed payload."""

import zlib
from typing import Final

from jeonju.common.errors import RejectedError
from jeonju.decoders.message import LARGEST_PAYLOAD_BYTES

# How an envelope is known.
UUID: Final = "SPBV1.0_COMPRESSED"
_ALGORITHMS: Final = ("", "GZIP", "DEFLATE")
# A gzip file may be several files one after the other.
MOST_MEMBERS: Final = 100
_GZIP_MAGIC: Final = b"\x1f\x8b"
_GZIP_BITS: Final = 16 + zlib.MAX_WBITS
# DEFLATE comes in the wrapping of zlib, as Java and Python write it, or bare, as .NET does.
_DEFLATE_BITS: Final = (zlib.MAX_WBITS, -zlib.MAX_WBITS)


def unpack(body: bytes, algorithm: object) -> bytes:
    """Return what was compressed; raises RejectedError for what is cut off, damaged, too large or packed in another way."""
    named = algorithm.strip().upper() if isinstance(algorithm, str) else None
    if named not in _ALGORITHMS:
        raise RejectedError(f"is compressed by {str(algorithm)[:40]!r}; GZIP and DEFLATE are read")
    if body.startswith(_GZIP_MAGIC):
        return _members(body, _GZIP_BITS)
    if named == "GZIP" and not body:
        raise RejectedError("says it is compressed, and is empty")
    try:
        return _members(body, _DEFLATE_BITS[0])
    except _DamagedError as error:
        try:
            return _members(body, _DEFLATE_BITS[1])
        except _DamagedError:
            raise error from None


class _DamagedError(RejectedError):
    """What is compressed cannot be read, at least not in this way."""


def _members(body: bytes, bits: int) -> bytes:
    unpacked, size = list[bytes](), 0
    for _ in range(MOST_MEMBERS):
        stream = zlib.decompressobj(wbits=bits)
        try:
            # One byte more than is allowed tells what is too large from what just fits.
            unpacked.append(stream.decompress(body, LARGEST_PAYLOAD_BYTES - size + 1))
        except zlib.error as error:
            raise _DamagedError("is compressed, and damaged: it cannot be unpacked") from error
        size += len(unpacked[-1])
        if size > LARGEST_PAYLOAD_BYTES:
            raise RejectedError(f"is compressed, and unpacks to more than {LARGEST_PAYLOAD_BYTES} bytes")
        if not stream.eof:
            raise _DamagedError("is compressed, and cut off")
        # Some writers fill up the last block.
        body = stream.unused_data.lstrip(b"\0")
        if not body:
            return b"".join(unpacked)
        if bits != _GZIP_BITS or not body.startswith(_GZIP_MAGIC):
            raise _DamagedError(f"is compressed, with {len(body)} bytes behind the end")
    raise RejectedError(f"is compressed in more than {MOST_MEMBERS} parts")
