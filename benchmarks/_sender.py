"""Publishes readings at a rate, from a process of its own: `python -m benchmarks._sender PORT RATE IN_A_MESSAGE SECONDS`.

It speaks MQTT by itself, because no client in Python publishes as fast as ingest receives.
"""

import socket
import sys
import threading
import time
from datetime import UTC, datetime, timedelta

from benchmarks.pipe import DEVICES, values
from jeonju.contract import topics
from jeonju.contract.reading import Reading, encode

EVERY_S = 0.005
PACKET_IDS = 65_535


def _packet(kind: int, body: bytes) -> bytes:
    length, rest = b"", len(body)
    while True:
        rest, part = divmod(rest, 128)[0], rest % 128
        length += bytes((part | (0x80 if rest else 0),))
        if not rest:
            return bytes((kind,)) + length + body


def _text(text: str) -> bytes:
    return len(text).to_bytes(2, "big") + text.encode()


def main(port: int, rate: float, in_a_message: int, seconds: float) -> None:
    """Send until the time is over; the time of a reading is that of its publish."""
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
    begun, sent, messages = time.monotonic(), 0, 0
    while (now := time.monotonic() - begun) < seconds:
        at, burst = datetime.now(UTC), []
        while sent < int(now * rate):
            # Readings of one device and instant would be one row: each is a microsecond later.
            device = f"device-{messages % DEVICES}"
            begun = messages // DEVICES * in_a_message
            parts = [
                Reading(
                    device=device,
                    seq=begun + n,
                    boot="1",
                    time=at + timedelta(microseconds=n + 1),
                    values=values(messages + n),
                )
                for n in range(in_a_message)
            ]
            at = parts[-1].time or at
            topic = topics.readings("jeonju", device)
            messages += 1
            burst.append(
                _packet(
                    0x32,
                    _text(topic)
                    + (messages % PACKET_IDS + 1).to_bytes(2, "big")
                    + encode(parts if in_a_message > 1 else parts[0]),
                )
            )
            sent += in_a_message
        stream.sendall(b"".join(burst))
        time.sleep(EVERY_S)
    for _ in range(messages):
        acknowledged.acquire(timeout=10)
    print(sent)


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
