"""A paho client that receives many messages in one go.

Paho reads a packet with three calls to the system, waits in select before each, takes it apart in a dozen steps, and sends every acknowledgement by
itself. At tens of thousands of messages a second that is most of its time. Here a read fills a buffer, messages in it are delivered straight from
there, and acknowledgements leave together. Everything that is no plain message, or not whole yet, is read by paho.
"""

import socket
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple, cast

from paho.mqtt.client import MQTTMessage
from paho.mqtt.enums import MQTTErrorCode, MQTTProtocolVersion

from jeonju.broker.client import Client

READ_AT_ONCE_BYTES: Final = 256 * 1024
PUBACK: Final = 0x40
ACKS_AT_ONCE: Final = 8192
# After so many the loop may write, and see to the connection.
PACKETS_AT_ONCE: Final = 5000
# First byte of a PUBLISH (MQTT 3.1.1, section 3.3.1): its kind, and bits of repetition, quality of service and retain.
_PUBLISH: Final = 0x30
_KIND: Final = 0xF0
_QOS_2: Final = 0x04
_DUP: Final = 0x08
_MORE_LENGTH: Final = 0x80


class Received(NamedTuple):
    """A message that was taken from the buffer, with what is read of paho's `MQTTMessage`."""

    topic: str
    payload: bytes
    qos: int
    mid: int
    retain: bool
    dup: bool


Published = Received | MQTTMessage


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

    def messages(self) -> Iterator[Received]:
        """Take messages of QoS 0 and 1 out of the buffer, up to whatever else there is or what is not whole."""
        buffer, size = self._buffer, len(self._buffer)
        while self._begin + 2 <= size:
            first, length, at = buffer[self._begin], buffer[self._begin + 1], self._begin + 2
            if first & _KIND != _PUBLISH or first & _QOS_2:
                return
            if length & _MORE_LENGTH:
                length &= ~_MORE_LENGTH
                for shift in (7, 14, 21):
                    if at >= size:
                        return
                    byte, at = buffer[at], at + 1
                    length |= (byte & ~_MORE_LENGTH) << shift
                    if not byte & _MORE_LENGTH:
                        break
                else:
                    return
            end = at + length
            if end > size or length < 2:
                return
            qos = (first >> 1) & 1
            after_topic = at + 2 + (buffer[at] << 8 | buffer[at + 1])
            begin = after_topic + 2 * qos
            if begin > end:
                return
            try:
                topic = buffer[at + 2 : after_topic].decode()
            except UnicodeDecodeError:
                return
            mid = buffer[after_topic] << 8 | buffer[after_topic + 1] if qos else 0
            # Before it is delivered: what is delivered may not be read again, whatever happens there.
            self._begin = end
            yield Received(topic, buffer[begin:end], qos, mid, bool(first & 1), bool(first & _DUP))

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

    def take(self, message: Published) -> None:
        """Take a message; called by the network's thread."""
        if self.on_message is not None:
            self.on_message(self, self._userdata, cast("MQTTMessage", message))

    def loop_read(self, max_packets: int = 1) -> MQTTErrorCode:
        """Handle every packet that is in the buffer."""
        handled = 0
        while True:
            handled += self._take_from_buffer() + 1
            result = super().loop_read(max_packets)
            if (
                handled >= PACKETS_AT_ONCE
                or result != MQTTErrorCode.MQTT_ERR_SUCCESS
                or self._sock is None
                or not cast("BufferedSocket", self._sock).pending()
            ):
                break
        return result

    def _take_from_buffer(self) -> int:
        """Return how many messages of the buffer were taken."""
        # Messages of MQTT 5 carry properties; in the middle of a packet only paho knows where the next one begins.
        if self._sock is None or self._protocol == MQTTProtocolVersion.MQTTv5 or self._in_packet["command"] != 0:
            return 0
        count = 0
        for message in cast("BufferedSocket", self._sock).messages():
            self.take(message)
            count += 1
        if count:
            self._last_bytes_received = time.monotonic()
        return count

    def _handle_on_message(self, message: MQTTMessage) -> None:
        # Paho looks for callbacks of single topics first, under two locks, and there are none.
        self.take(message)

    def _create_socket(self) -> Any:
        return BufferedSocket(super()._create_socket())  # type: ignore[arg-type]
