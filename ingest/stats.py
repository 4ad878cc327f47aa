"""What ingest counts."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime


@dataclass
class Stats:
    """Counts since the start, and the state now."""

    messages: int = 0
    readings: int = 0
    rejected: int = 0
    turned_away: int = 0
    # Messages that took too long or held too much.
    over_budget: int = 0
    # Messages that say nothing that is stored, by format and why.
    nothing: Counter[tuple[str, str]] = field(default_factory=Counter)
    devices: int = 0
    commits: int = 0
    maintenance_failures: int = 0
    last_commit_at: datetime | None = None
    lag_s: float | None = None
    waiting: int = 0
    connected: bool = False
    store_available: bool = True
    trouble: str | None = None
    refusal: str | None = None
    refused: int = 0
    left_out: int = 0
    # Whether the broker has answered to all subscriptions, and how often it has forgotten a session.
    subscribed: bool = True
    sessions_forgotten: int = 0

    @property
    def trouble_now(self) -> str | None:
        """Why nothing is stored at the moment, or not all of it; None when all is well."""
        if not self.connected:
            return "the broker is away"
        if not self.subscribed:
            return "the broker has not answered the subscriptions of ingest yet"
        if not self.store_available:
            return self.trouble or "the store is away"
        return self.refusal
