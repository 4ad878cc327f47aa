"""Publishes readings at a rate, from a process of its own: `python -m benchmarks._sender PORT RATE IN_A_MESSAGE SECONDS [--devices N --episodes]`.

It speaks MQTT by itself, because no client in Python publishes as fast as ingest receives. Every second it says how many readings it has sent,
and at the end how many there were.
"""

import argparse
import socket
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Final

from benchmarks.pipe import DEVICES, values
from jeonju.contract import topics
from jeonju.contract.reading import Reading, encode

EVERY_S: Final = 0.005
SAID_EVERY_S: Final = 1.0
PACKET_IDS: Final = 65_535
# With `--episodes` the first device measures what is too high for the first of every so many minutes.
EPISODE_EVERY_MIN: Final = 10
HIGH_PM25: Final = 200.0


def _packet(kind: int, body: bytes) -> bytes:
    length, rest = b"", len(body)
    while True:
        rest, part = divmod(rest, 128)[0], rest % 128
        length += bytes((part | (0x80 if rest else 0),))
        if not rest:
            return bytes((kind,)) + length + body


def _text(text: str) -> bytes:
    return len(text).to_bytes(2, "big") + text.encode()


def _connected(port: int) -> tuple[socket.socket, threading.Semaphore]:
    """Return a connection, and what counts its acknowledged messages."""
    stream = socket.create_connection(("127.0.0.1", port))
    stream.sendall(_packet(0x10, _text("MQTT") + bytes((4, 2, 0, 0)) + _text("bench-sender")))
    assert stream.recv(4)[:1] == b"\x20"
    acknowledged = threading.Semaphore(0)

    def read_acknowledgements() -> None:
        count = 0
        while data := stream.recv(65_536):
            count += len(data)
            acknowledged.release(count // 4) if count >= 4 else None
            count %= 4

    threading.Thread(target=read_acknowledgements, daemon=True).start()
    return stream, acknowledged


def _message(number: int, devices: int, in_a_message: int, at: datetime, *, episodes: bool) -> bytes:
    """Return a PUBLISH of one device. Readings of one device and instant would be one row: each is a microsecond later."""
    device, first = f"device-{number % devices}", number // devices * in_a_message
    high = episodes and number % devices == 0 and at.minute % EPISODE_EVERY_MIN == 0
    parts = [
        Reading(
            device=device,
            seq=first + n,
            boot="1",
            time=at + timedelta(microseconds=n + 1),
            values=values(number + n) | ({"pm25": HIGH_PM25} if high else {}),
        )
        for n in range(in_a_message)
    ]
    payload = encode(parts if in_a_message > 1 else parts[0])
    packet_id = (number + 1) % PACKET_IDS + 1
    return _packet(0x32, _text(topics.readings("jeonju", device)) + packet_id.to_bytes(2, "big") + payload)


def main() -> None:
    """Send until the time is over; the time of a reading is that of its publish."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks._sender")
    parser.add_argument("port", type=int)
    parser.add_argument("rate", type=float)
    parser.add_argument("in_a_message", type=int)
    parser.add_argument("seconds", type=float)
    parser.add_argument("--devices", type=int, default=DEVICES)
    parser.add_argument("--episodes", action="store_true")
    asked = parser.parse_args()
    stream, acknowledged = _connected(asked.port)
    begun_s, said_s, messages = time.monotonic(), 0.0, 0
    in_a_message: int = asked.in_a_message
    while (now_s := time.monotonic() - begun_s) < asked.seconds:
        at, burst = datetime.now(UTC), []
        while messages * in_a_message < int(now_s * asked.rate):
            burst.append(_message(messages, asked.devices, in_a_message, at, episodes=asked.episodes))
            at += timedelta(microseconds=in_a_message)
            messages += 1
        stream.sendall(b"".join(burst))
        if now_s - said_s >= SAID_EVERY_S:
            said_s = now_s
            print(messages * in_a_message, flush=True)
        time.sleep(EVERY_S)
    for _ in range(messages):
        acknowledged.acquire(timeout=10)
    print(messages * in_a_message)


if __name__ == "__main__":
    main()
