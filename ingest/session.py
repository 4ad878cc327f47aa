"""One connection of ingest that the broker remembers."""

from collections.abc import Callable

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

    def take(self, message: Published) -> None:
        """Hand a message on."""
        self.deliver(self, message)

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
