"""What paho waits with: `select` takes no descriptor above 1023, so that a process with a thousand listeners could not come back to its broker."""

import math
import select
from collections.abc import Sequence
from typing import Any

import paho.mqtt.client as mqtt

_READABLE = select.POLLIN | select.POLLHUP | select.POLLERR


class _Poll:
    """In the place of the module `select`, for the one function that paho uses of it."""

    @staticmethod
    def select(
        readers: Sequence[Any], writers: Sequence[Any], _exceptional: Sequence[Any], timeout_s: float
    ) -> tuple[list[Any], list[Any], list[Any]]:
        """Wait as `select.select` does, with its exceptions."""
        poll, events = select.poll(), dict[int, int]()
        for wanted, sockets in ((select.POLLIN, readers), (select.POLLOUT, writers)):
            for each in sockets:
                if each is None:
                    raise TypeError("no socket")
                events[each.fileno()] = events.get(each.fileno(), 0) | wanted
        for descriptor, wanted in events.items():
            if descriptor < 0:
                raise ValueError("a socket that is closed")
            poll.register(descriptor, wanted)
        found = dict(poll.poll(math.ceil(timeout_s * 1000)))
        if any(happened & select.POLLNVAL for happened in found.values()):
            raise OSError("a descriptor that is closed")
        read = [each for each in readers if found.get(each.fileno(), 0) & _READABLE]
        write = [each for each in writers if found.get(each.fileno(), 0) & (select.POLLOUT | select.POLLERR)]
        return read, write, []


def wait_with_poll() -> None:
    """Let every client of paho in this process wait so."""
    mqtt.select = _Poll  # type: ignore[attr-defined, assignment]
