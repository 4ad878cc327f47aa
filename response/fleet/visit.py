"""One robot's visit to an incident: what it was told, how far that came, and why it ended."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

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


@dataclass
class Visit:
    """All of it is kept in the journal and read back after a restart; `places` are the stops the robot was sent to, `outcome` why it ended.

    `order` is what the robot was told last, at `told_at`, `sendings` times; `taken` tells that it was heard to have the order.
    """

    incident: str
    robot: str
    order_id: str
    sent_at: datetime
    places: list[Stop] = field(default_factory=list)
    update_id: int = 0
    order: Order | None = None
    told_at: datetime | None = None
    sendings: int = 1
    taken: bool = False
    turned_back: int = 0
    turning: bool = False
    ended_at: datetime | None = None
    outcome: Outcome | Literal[""] = ""
    revision: int = 0  # so many entries of the journal tell of it

    @property
    def base_end(self) -> Node | None:
        """Where the robot waits for what comes next."""
        return [node for node in self.order.nodes if node.released][-1] if self.order else None

    def is_in(self, state: State) -> bool:
        """Whether a robot that tells this state has all that it was told."""
        return (state.order_id, state.order_update_id) == (self.order_id, self.update_id)

    def end(self, now: datetime, outcome: Outcome) -> None:
        """It is over."""
        self.ended_at, self.outcome = now, outcome
