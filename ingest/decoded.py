"""What a decoder returns."""

from typing import Any, NamedTuple

from airquality.reading import Reading


class Decoded(NamedTuple):
    """One reading, and what the message held besides."""

    reading: Reading
    extra: dict[str, Any] | None = None
