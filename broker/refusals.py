"""Senders that NATS disconnects for a topic which it cannot carry, read from its log.

NATS takes no space in a topic. It ends the connection and names the client, not the topic: everything else that the client sends is lost as well,
until it is back, and again at its next message on that topic.

NATS also quotes what it could not read of a CONNECT: where a length in it is wrong, the quote has the password. It is made unreadable in the log.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, Self

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from jeonju.broker.identity import shown

MOST_NAMED: Final = 20
ADVICE: Final = (
    "rename the device, or use a broker that takes such names: install Mosquitto and start once with --broker mosquitto"
)
WARNING: Final = "NATS disconnects whoever publishes on a topic with a space, so that the other devices of that gateway are lost too: "
_STARTS: Final = b"Starting nats-server"
_REFUSED: Final = re.compile(
    rb'^\[\d+\] .*? \[ERR\] .*? - "(.*)" - character not supported for MQTT topics$', re.MULTILINE
)

_UNREADABLE: Final = re.compile(
    rb"^\[\d+\] .*? \[ERR\] .*(?:protocol name|invalid utf8|error reading|invalid character|invalid fixed header|packet).*$",
    re.MULTILINE,
)
_QUOTED: Final = re.compile(rb'"(?:[^"\\]|\\.)*"')


class RefusedSenders:
    """Follows the log of a NATS from its end on; `number` counts the disconnections."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._read = file.stat().st_size if file.exists() else 0
        self._clients: dict[str, None] = {}
        self.number = 0

    @classmethod
    def of_last_start(cls, file: Path) -> Self:
        """Return those that stand in the log since the broker was started last."""
        found = cls(file)
        found._read = max(file.read_bytes().rfind(_STARTS), 0) if file.exists() else 0
        found.look()
        return found

    def look(self) -> list[str]:
        """Read what is new; return a line on each client that was not there before."""
        before = len(self._clients)
        try:
            with self._file.open("r+b") as log_file:
                log_file.seek(self._read)
                whole_lines = log_file.read().rpartition(b"\n")[0]
                for line in _UNREADABLE.finditer(whole_lines):
                    # The broker writes at the end of the file only; the length stays.
                    log_file.seek(self._read + line.start())
                    log_file.write(_QUOTED.sub(lambda found: b'"' + b"*" * (len(found[0]) - 2) + b'"', line[0]))
        except FileNotFoundError:
            return []
        self._read += len(whole_lines)
        for found in _REFUSED.finditer(whole_lines):
            self.number += 1
            client = shown(found[1].decode("utf-8", "replace"))
            if client not in self._clients and len(self._clients) < MOST_NAMED:
                self._clients[client] = None
        return self.notices()[before:]

    def notices(self) -> list[str]:
        """Return a line on each client."""
        return [_in_words(client) for client in tuple(self._clients)]


class RefusedSendersMetrics(Collector):
    """`jeonju_broker_senders_refused_total`, read when it is asked."""

    def __init__(self, number: Callable[[], int]) -> None:
        self._number = number

    def collect(self) -> Iterator[Metric]:
        """Return the count as it is now."""
        yield CounterMetricFamily(
            "jeonju_broker_senders_refused",
            "Connections that the embedded NATS has ended for a topic with a space",
            self._number(),
        )


def _in_words(client: str) -> str:
    return (
        f"NATS has disconnected the client {client!r}: it published on a topic with a space, or with another character that NATS does not take. "
        f"What else it sends is lost as well, that of its other devices too; {ADVICE}"
    )
