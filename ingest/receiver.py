"""A paho client that receives many messages in one go.

Paho reads a packet with three calls to the system and waits in select before each, and sends every acknowledgement by itself. At tens of thousands
of messages a second that is most of its time. Here a read fills a buffer, all packets in it are handled before the next wait, and acknowledgements
leave together.
"""

import socket
from collections.abc import Sequence
from typing import Any, Final, cast

from paho.mqtt.client import MQTTMessage
from paho.mqtt.enums import MQTTErrorCode

from jeonju.broker.client import Client

READ_AT_ONCE_BYTES: Final = 256 * 1024
PUBACK: Final = 0x40
ACKS_AT_ONCE: Final = 8192
# After so many the loop may write, and see to the connection.
PACKETS_AT_ONCE: Final = 5000


class BufferedSocket:
    """A socket whose small reads are served from a buffer; `pending` tells paho's loop not to wait while there is something in it."""

    def __init__(self, inner: socket.socket) -> None:
        self._inner = inner
        self._buffer = b""
        self._begin = 0

    def recv(self, size: int) -> bytes:
        """Return up to `size` bytes; raises BlockingIOError where there are none yet."""
        if self._begin >= len(self._buffer):
            self._buffer, self._begin = self._inner.recv(max(READ_AT_ONCE_BYTES, size)), 0
        part = self._buffer[self._begin : self._begin + size]
        self._begin += len(part)
        return part

    def pending(self) -> int:
        """Return how many bytes can be had without asking the system."""
        inside = self._inner.pending() if hasattr(self._inner, "pending") else 0
        return len(self._buffer) - self._begin + int(inside)

    def __getattr__(self, name: str) -> Any:
        """Everything else is the socket's."""
        return getattr(self._inner, name)


class Receiver(Client):
    """A client for those who receive much and acknowledge late."""

    def acknowledge(self, mids: Sequence[int]) -> None:
        """Acknowledge messages of QoS 1, in this order."""
        for begin in range(0, len(mids), ACKS_AT_ONCE):
            some = mids[begin : begin + ACKS_AT_ONCE]
            packets = b"".join(bytes((PUBACK, 2, mid >> 8, mid & 0xFF)) for mid in some)
            self._packet_queue(PUBACK, packets, some[-1], 0)

    def loop_read(self, max_packets: int = 1) -> MQTTErrorCode:
        """Handle every packet that is in the buffer."""
        for _ in range(PACKETS_AT_ONCE):
            result = super().loop_read(max_packets)
            if (
                result != MQTTErrorCode.MQTT_ERR_SUCCESS
                or self._sock is None
                or not cast("BufferedSocket", self._sock).pending()
            ):
                break
        return result

    def _handle_on_message(self, message: MQTTMessage) -> None:
        # Paho looks for callbacks of single topics first, under two locks: a quarter of what it does for a message, and there are none.
        if self.on_message is not None:
            self.on_message(self, self._userdata, message)

    def _create_socket(self) -> Any:
        return BufferedSocket(super()._create_socket())  # type: ignore[arg-type]
