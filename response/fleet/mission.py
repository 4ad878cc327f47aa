"""One robot's mission to an incident: what it was ordered, how far that came, and why it ended."""

from datetime import datetime
from typing import Any, Final, Literal

import msgspec

from jeonju.contract.site import Site
from jeonju.contract.vda5050 import Node, Order, State, Stop

Outcome = Literal[
    "located",
    "nothing more to gain",
    "time is up",
    "done",
    "recalled",
    "incident closed",
    "refused",
    "lost",
    "failed",
    "forbidden",
    "on another order",
    "order forgotten",
]
# After these another robot may be sent to the same incident.
TRY_ANOTHER: Final[tuple[Outcome, ...]] = (
    "refused",
    "lost",
    "failed",
    "forbidden",
    "on another order",
    "order forgotten",
)
# The members of a mission in the journal, which are called as they were at first.
STORED_NAMES: Final = {
    "stops": "places",
    "order_sent_at": "told_at",
    "is_accepted": "taken",
    "is_turning_back": "turning",
}


class Mission(msgspec.Struct, rename=STORED_NAMES):
    """All of it is kept in the journal and read back after a restart.

    `order` is what the robot was sent last, at `order_sent_at`, `sendings` times; `is_accepted` says that its state showed the order.
    """

    incident: str
    robot: str
    order_id: str
    sent_at: datetime
    stops: list[Stop] = []  # where it was sent
    update_id: int = 0
    order: Order | None = None
    order_sent_at: datetime | None = None
    sendings: int = 1
    is_accepted: bool = False
    turned_back: int = 0
    is_turning_back: bool = False
    ended_at: datetime | None = None
    outcome: Outcome | Literal[""] = ""  # why it ended
    revision: int = 0  # so many entries of the journal are about it

    @property
    def base_end(self) -> Node | None:
        """Where the robot waits for what comes next."""
        return [node for node in self.order.nodes if node.released][-1] if self.order else None

    def matches(self, state: State) -> bool:
        """Whether a robot of this state has the whole order."""
        return (state.order_id, state.order_update_id) == (self.order_id, self.update_id)

    def end(self, now: datetime, outcome: Outcome) -> None:
        """It is over."""
        self.ended_at, self.outcome = now, outcome

    def to_json(self, site: Site) -> dict[str, Any]:
        """Return what incidents and the journal say of it."""
        places = [[round(float(value), 6) for value in site.map.to_latlon(stop.x_m, stop.y_m)] for stop in self.stops]
        return {
            "incident": self.incident,
            "robot": self.robot,
            "sent_at": self.sent_at.isoformat(),
            "places": places,
            "outcome": self.outcome,
            "ended_at": self.ended_at.isoformat() if self.ended_at else None,
        }
