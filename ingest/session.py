"""One connection of ingest that the broker remembers."""

from collections.abc import Callable, Sequence
from typing import Any

from jeonju.ingest.receiver import Published, Receiver


class Session(Receiver):
    """One connection that the broker remembers. `connection` counts how often it was made, `bytes_in` what came over it.

    `deliver` is called for each message; it is no callback of paho's, which cost a lock or two more functions for each.
    """

    deliver: Callable[["Session", Published], None]
    connection = 0
    bytes_in = 0
    # Whether the broker is known to have had the session: what it acknowledges while it has none, nobody receives.
    was_there = False
    # Messages of QoS 1 that came over this connection: counted by the network's thread, and by the worker's.
    messages_in = 0
    acknowledged = 0
    # Messages that came over another session too: counted by the network's thread.
    left_out = 0
    acknowledged_at_once = 0

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        # Numbers of messages that came over this connection and wait for their commit.
        self._under_way: set[int] = set()

    def take(self, message: Published) -> None:
        """Hand a message on, unless it is here already: a broker repeats what a slow store keeps waiting, and each time there would be more."""
        if message.qos:
            if message.dup and message.mid in self._under_way:
                return
            self._under_way.add(message.mid)
        self.deliver(self, message)

    def acknowledge(self, mids: Sequence[int]) -> None:
        """Acknowledge messages of QoS 1, in this order."""
        self._under_way.difference_update(mids)
        super().acknowledge(mids)

    def forget_connection(self) -> None:
        """Begin anew: what came over a connection that is gone comes again, under other numbers."""
        self.connection += 1
        self.messages_in = self.acknowledged = self.acknowledged_at_once = 0
        self._under_way = set()

    def leave_out(self, message: Published) -> None:
        """Acknowledge a message that is taken over another session."""
        self.left_out += 1
        if message.qos:
            self.acknowledge([message.mid])
            self.acknowledged_at_once += 1

    def was_forgotten(self) -> bool:
        """Return, after each connection, whether the broker has forgotten a session that it had."""
        was_there, self.was_there = self.was_there, True
        return was_there and not self.had_session
