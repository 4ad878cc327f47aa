"""What an attempt is, and what is seen of it."""

from collections.abc import Callable
from typing import NamedTuple

from attack.target import Target


class Seen(NamedTuple):
    """What was seen, and whether the platform held; None where the attempt could not be made here."""

    text: str
    held: bool | None


class Attempt(NamedTuple):
    """What is tried, in words, and how. `restarts` where the target is ended and started in it."""

    tries: str
    act: Callable[[Target], Seen]
    restarts: bool = False
