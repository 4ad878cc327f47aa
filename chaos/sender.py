"""A process that publishes a plan with QoS 1 and keeps a journal of what the broker has acknowledged.

Each line of the journal is one reading: device, seq, when it was sent and when it was acknowledged (both of the machine's monotonic clock).
"""

import argparse
import signal
import threading
import time
from collections import deque
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final, TextIO

from chaos import plans
from jeonju.broker.client import Client

MOST_UNACKNOWLEDGED: Final = 5000
ACKNOWLEDGED_WITHIN_S: Final = 60.0


class Sender:
    """Publishes at a rate; `stop` ends it, after which it waits for the acknowledgements that are due."""

    def __init__(self, broker_url: str, name: str, journal: TextIO) -> None:
        # No Event: a handler of signals may run while the main thread holds an Event's lock.
        self._stopping = False
        self.messages = 0
        self._journal = journal
        self._unacknowledged: dict[int, tuple[float, plans.Said]] = {}
        # The network thread only appends here: it holds paho's locks, so it must not wait for ours.
        self._acknowledged: deque[tuple[int, float]] = deque()
        self._client = Client(broker_url, name)
        self._client.max_inflight_messages_set(500)
        self._client.reconnect_delay_set(min_delay=1, max_delay=1)
        self._client.on_publish = self._on_publish
        self._client.begin()

    def stop(self, _number: int, _frame: object) -> None:
        """Handle a signal."""
        self._stopping = True

    def run(self, stream: Any, per_s: float) -> None:
        """Publish until asked to stop or the stream ends."""
        begun = time.monotonic()
        for number, said in enumerate(stream):
            while not self._stopping:
                self._note()
                ahead_s = begun + number / per_s - time.monotonic() if per_s else 0.0
                if ahead_s <= 0 and len(self._unacknowledged) < MOST_UNACKNOWLEDGED:
                    break
                time.sleep(min(max(ahead_s, 0.001), 0.05))
            if self._stopping:
                break
            info = self._client.publish(said.topic, said.payload, qos=1)
            self._unacknowledged[info.mid] = (time.monotonic(), said)
            self.messages += 1
        self._finish()

    def _finish(self) -> None:
        deadline = time.monotonic() + ACKNOWLEDGED_WITHIN_S
        patience = threading.Event()
        while self._unacknowledged and time.monotonic() < deadline:
            self._note()
            patience.wait(0.02)
        self._client.end()

    def _on_publish(self, _client: Any, _data: Any, mid: int, _reason: Any, _properties: Any) -> None:
        self._acknowledged.append((mid, time.monotonic()))

    def _note(self) -> None:
        while self._acknowledged:
            mid, at = self._acknowledged.popleft()
            sent, said = self._unacknowledged.pop(mid)
            for device, seq in said.readings:
                self._journal.write(f"{device} {seq} {sent:.6f} {at:.6f}\n")
        self._journal.flush()


def main() -> None:
    """Send until SIGTERM, or until so many messages are out; print how many there were."""
    parser = argparse.ArgumentParser(prog="chaos.sender")
    parser.add_argument("--broker", required=True, help="mqtt://host:port, or several nodes with commas between them")
    parser.add_argument("--name", required=True)
    parser.add_argument("--plan", choices=plans.PLANS, required=True)
    parser.add_argument("--devices", type=int, required=True, help="how many, where --named names none")
    parser.add_argument(
        "--named", type=lambda text: text.split(","), help="devices by name, or of the plan live as site/device"
    )
    parser.add_argument("--per-second", type=float, required=True, help="0 is as fast as the broker takes it")
    parser.add_argument("--messages", type=int, help="stop after so many")
    parser.add_argument("--start", type=datetime.fromisoformat, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--journal", type=Path, required=True)
    asked = parser.parse_args()
    devices = asked.named or [f"{asked.name}-{number:02d}" for number in range(asked.devices)]
    stream = islice(plans.messages(asked.plan, devices, asked.start, asked.seed), asked.messages)
    with asked.journal.open("w", encoding="utf-8") as journal:
        sender = Sender(asked.broker, asked.name, journal)
        signal.signal(signal.SIGTERM, sender.stop)
        sender.run(stream, asked.per_second)
    print(sender.messages)


if __name__ == "__main__":
    main()
