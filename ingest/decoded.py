"""What a decoder returns."""

from collections.abc import Sequence
from typing import NamedTuple

from jeonju.contract.reading import Reading


class Decoded(NamedTuple):
    """One reading, and the values that the sender itself does not trust: key → (flag, reason)."""

    reading: Reading
    flags: dict[str, tuple[str, str]] | None = None


class Decoding(NamedTuple):
    """All that one message of a gateway says: readings, devices that are now online or offline, and messages it asks to be sent back."""

    readings: Sequence[Decoded] = ()
    states: Sequence[tuple[str, str]] = ()
    answers: Sequence[tuple[str, bytes]] = ()
