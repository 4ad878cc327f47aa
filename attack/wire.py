"""MQTT 3.1.1 as bytes on a socket: an attacker sends what no library would, and holds more connections than select can watch."""

import socket
import ssl
import struct
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Final, NamedTuple, Self

HOST: Final = "127.0.0.1"
PATIENCE_S: Final = 12.0
CONNACK, PUBLISH, PUBACK, SUBACK = 0x20, 0x30, 0x40, 0x90
KEEPALIVE_S: Final = 60


class Login(NamedTuple):
    """Where a broker is, its CA, and an account's password."""

    port: int
    ca: Path
    user: str
    password: str


class Will(NamedTuple):
    """A last will."""

    topic: str
    payload: bytes
    retained: bool = False


class ClosedError(Exception):
    """The broker has ended the connection, or does not answer."""


def text(content: str | bytes) -> bytes:
    """Return a string as MQTT writes it."""
    raw = content.encode() if isinstance(content, str) else content
    return struct.pack(">H", len(raw)) + raw


def packet(first: int, body: bytes) -> bytes:
    """Return a packet with its length."""
    size, length = len(body), b""
    while True:
        size, digit = divmod(size, 128)
        length += bytes([digit | (128 if size else 0)])
        if not size:
            return bytes([first]) + length + body


def connect_packet(client_id: str, user: str, password: str, *, clean: bool = True, will: Will | None = None) -> bytes:
    """Return a CONNECT."""
    flags = 0xC0 | (0x02 if clean else 0)
    last = b""
    if will is not None:
        flags |= 0x0C | (0x20 if will.retained else 0)
        last = text(will.topic) + text(will.payload)
    head = text("MQTT") + bytes([4, flags]) + struct.pack(">H", KEEPALIVE_S)
    return packet(0x10, head + text(client_id) + last + text(user) + text(password))


def opened(login: Login, *, tls: bool = True) -> socket.socket:
    """Return a connection on which nothing has been said. Raises OSError."""
    plain = socket.create_connection((HOST, login.port), timeout=PATIENCE_S)
    if not tls:
        return plain
    try:
        return ssl.create_default_context(cafile=str(login.ca)).wrap_socket(plain, server_hostname=HOST)
    except OSError:
        plain.close()
        raise


class Wire:
    """One client that has logged in. Raises ClosedError where the broker does not take it."""

    def __init__(self, login: Login, client_id: str, *, clean: bool = True, will: Will | None = None) -> None:
        self._mids = count(1)
        self.had_session = False
        self.heard: list[tuple[str, bytes]] = []
        try:
            self.socket = opened(login)
            self.socket.sendall(connect_packet(client_id, login.user, login.password, clean=clean, will=will))
        except OSError as error:
            raise ClosedError(str(error)) from error
        _, body = self._wait_for(CONNACK)
        self.had_session = bool(body[0])
        if body[1]:
            self.drop()
            raise ClosedError(f"refused with code {body[1]}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self.socket.sendall(packet(0xE0, b""))
        self.drop()

    def drop(self) -> None:
        """End the connection without a word."""
        self.socket.close()

    def publish(self, topic: str, payload: bytes, *, retained: bool = False, waits: bool = True) -> None:
        """Publish with QoS 1, and wait for the PUBACK."""
        mid = (next(self._mids) - 1) % 65_535 + 1
        body = text(topic) + struct.pack(">H", mid) + payload
        self.send(packet(0x32 | retained, body))
        while waits:
            _, answer = self._wait_for(PUBACK)
            if answer == struct.pack(">H", mid):
                return

    def subscribe(self, topic_filter: str) -> bool:
        """Subscribe with QoS 1; return whether it was granted."""
        self.send(packet(0x82, struct.pack(">H", next(self._mids) % 65_536) + text(topic_filter) + b"\x01"))
        _, body = self._wait_for(SUBACK)
        return body[2] != 0x80

    def send(self, raw: bytes) -> None:
        """Send bytes."""
        try:
            self.socket.sendall(raw)
        except OSError as error:
            raise ClosedError(str(error)) from error

    def hear(self, within_s: float) -> list[tuple[str, bytes]]:
        """Return all that was delivered, waiting so long for more."""
        self.socket.settimeout(within_s)
        with suppress(ClosedError):
            while True:
                self._read()
        return self.heard

    def _wait_for(self, kind: int) -> tuple[int, bytes]:
        while True:
            first, body = self._read()
            if first & 0xF0 == kind:
                return first, body

    def _read(self) -> tuple[int, bytes]:
        first, shift, size = self._exactly(1)[0], 0, 0
        while True:
            digit = self._exactly(1)[0]
            size |= (digit & 127) << shift
            shift += 7
            if digit < 128:
                break
        body = self._exactly(size)
        if first & 0xF0 == PUBLISH:
            length = struct.unpack(">H", body[:2])[0]
            begin = 2 + length + (2 if first & 0x06 else 0)
            self.heard.append((body[2 : 2 + length].decode("utf-8", "replace"), body[begin:]))
        return first, body

    def _exactly(self, size: int) -> bytes:
        parts = b""
        while len(parts) < size:
            try:
                part = self.socket.recv(size - len(parts))
            except OSError as error:
                raise ClosedError(str(error)) from error
            if not part:
                raise ClosedError("the broker ended the connection")
            parts += part
        return parts
