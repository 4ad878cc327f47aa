"""Devices that send too much twice."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from jeonju.contract.records import AlertRecord, LedgerEntry
from jeonju.detection.condition import Condition
from jeonju.detection.health.causes import REPEATS_SHARE
from jeonju.detection.health.repeats import Repeats

REPEATS: Final = "repeats"


@dataclass
class RepeatsWatcher:
    """Judged by the ledger, not by bins: what is repeated is stored once, so no reading shows it."""

    kinds: frozenset[str] = frozenset([REPEATS])
    _repeats: Repeats = field(default_factory=Repeats)

    def resume(self, alerts: Iterable[AlertRecord]) -> None:
        """Go on after a restart with what lasts."""
        self._repeats.shares = {a.device: a.value or 0.0 for a in alerts if a.kind == REPEATS and a.device}

    def judge(self, ledger: Iterable[LedgerEntry], now: datetime) -> Iterator[Condition]:
        """Take the ledger as it stands now; return every device that repeats too much."""
        self._repeats.take(ledger, now)
        for device, share in self._repeats.shares.items():
            yield Condition(
                kind=REPEATS,
                place=device,
                severity="info",
                value=round(share, 3),
                limit=REPEATS_SHARE,
            )
