"""The protocol of detectors, and what they are given."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import NamedTuple, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from jeonju.contract.forecast import CityForecast
from jeonju.contract.records import AlertRecord, LedgerEntry
from jeonju.detection.condition import Condition
from jeonju.detection.windows import History, Window


class Rows(NamedTuple):
    """Readings as they have arrived, in the READINGS schema, and the number of each row's device."""

    table: pa.Table
    device: NDArray[np.int64]


class LinkState(NamedTuple):
    """Whether store and broker can be reached, and when readings last came, None before the first."""

    store: bool
    broker: bool
    heard_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Observations:
    """What is known besides windows. `at` is the clock's time, None for what is timed by the readings themselves."""

    at: datetime | None = None
    rows: Rows | None = None
    device_states: Mapping[str, str] = field(
        default_factory=dict
    )  # what a device, or its last will, says of its connection
    ledger: Sequence[LedgerEntry] | None = None
    links: LinkState | None = None
    forecast: CityForecast | None = None


@dataclass(frozen=True)
class Past:
    """What a store holds at a restart: alerts that last, the newest row of every device (READINGS), means of the last day."""

    alerts: Sequence[AlertRecord]
    latest: pa.Table
    history: History


class Pace(Enum):
    """When a detector is asked for its conditions."""

    WINDOW = "after each window"
    BATCH = (
        "after all windows that a batch of readings completed, as what is silent shows at the network's present only"
    )
    CLOCK = "after each observation that was made at a time of the clock"


class Detector(Protocol):
    """Judges one family of kinds. It keeps what it must remember; it has no clock and does no I/O."""

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of alert that it may raise; whatever of these is not among its conditions has ended."""

    @property
    def pace(self) -> Pace:
        """When it is asked for its conditions."""

    def restore(self, past: Past) -> None:
        """Go on after a restart; called once, before everything else."""

    def observe(self, seen: Observations) -> None:
        """Note what is known besides windows; most detectors need only some of it."""

    def step(self, window: Window) -> None:
        """Take the next window; windows come in order."""

    def conditions(self, now: datetime) -> Iterable[Condition] | None:
        """Return all that holds now, or None when nothing can have changed since it was last asked."""


class WindowDetector:
    """What detectors that judge windows alone have in common."""

    pace = Pace.WINDOW

    def observe(self, seen: Observations) -> None:
        """Windows hold all that is needed."""
