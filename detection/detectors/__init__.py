"""What can be wrong: one file for each kind of judgement. A watcher is given every bin in order and says what holds now."""

from collections.abc import Iterable
from typing import Protocol

from jeonju.detection.condition import Condition
from jeonju.detection.windows import Bin


class Watcher(Protocol):
    """Judges bins in order. It keeps what it must remember; it knows no clock and does nothing but return conditions."""

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of alert that it may raise; whatever of these it does not return has ended."""

    def step(self, one: Bin) -> Iterable[Condition] | None:
        """Take a bin; return all that holds now, or None when nothing can have changed."""
