"""Devices that send too much twice, by the ledger of what has arrived."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from jeonju.contract.records import LedgerEntry
from jeonju.detection.health.causes import (
    REPEATS_LEAST,
    REPEATS_SHARE,
    REPEATS_WELL_SHARE,
    REPEATS_WINDOW_S,
    REPEATS_WINDOWS,
)


@dataclass
class Repeats:
    """Compares the totals of the ledger every ten minutes. `shares` holds the devices that repeat too much; without messages they stay in it."""

    shares: dict[str, float] = field(default_factory=dict)
    _window_began_at: datetime | None = None
    _totals: dict[str, tuple[int, int]] = field(default_factory=dict)
    _windows: dict[str, int] = field(default_factory=dict)

    def update(self, ledger: Iterable[LedgerEntry], now: datetime) -> None:
        """Compare the ledger as it stands now with what it was ten minutes ago."""
        if self._window_began_at is not None and 0 <= (now - self._window_began_at).total_seconds() < REPEATS_WINDOW_S:
            return
        totals = {entry.device: (entry.received, entry.repeated) for entry in ledger}
        if self._window_began_at is not None:
            for device, (received, repeated) in totals.items():
                before = self._totals.get(device, (0, 0))
                self._judge(device, received - before[0], repeated - before[1])
        self._window_began_at, self._totals = now, totals

    def _judge(self, device: str, received: int, repeated: int) -> None:
        if received < REPEATS_LEAST:
            return
        share = repeated / received
        many = share >= REPEATS_SHARE and repeated >= REPEATS_LEAST
        self._windows[device] = self._windows.get(device, 0) + 1 if many else 0
        if self._windows[device] >= REPEATS_WINDOWS or (device in self.shares and share >= REPEATS_WELL_SHARE):
            self.shares[device] = share
        else:
            self.shares.pop(device, None)
