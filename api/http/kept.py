"""Answers that take a second of work and stay as they are: made once, and kept within a bound."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Final

MOST: Final = 64


class Kept:
    """The newest answers by key."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: OrderedDict[Hashable, Any] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """Return the answer to a key, made now if it is not there; others wait for it, as they would make the same."""
        with self._lock:
            if key not in self._answers:
                self._answers[key] = make()
                while len(self._answers) > MOST:
                    self._answers.popitem(last=False)
            return self._answers[key]
