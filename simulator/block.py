"""The contract between the world and its sinks: a block of readings in the order in which they are sent, and the true air behind them."""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from jeonju.airquality.pollutants import KEYS
from jeonju.common.arrays import Floats
from jeonju.contract.vda5050 import Kind


@dataclass(frozen=True, kw_only=True, slots=True)
class Readings:
    """Readings as rows in sending order; `device` counts into the block's devices, NaN is what was not measured."""

    times_s: Floats  # (N,) by the device's own clock
    device: NDArray[np.int64]
    boot: NDArray[np.int64]
    seq: NDArray[np.int64]
    lat: Floats
    lon: Floats
    values: Floats  # (N, len(KEYS))

    def __len__(self) -> int:
        return len(self.times_s)

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> "Readings":
        """Return some of the rows, in the order given."""
        return Readings(
            times_s=self.times_s[rows],
            device=self.device[rows],
            boot=self.boot[rows],
            seq=self.seq[rows],
            lat=self.lat[rows],
            lon=self.lon[rows],
            values=self.values[rows],
        )


class RobotMessage(NamedTuple):
    """A VDA 5050 message that a robot publishes, encoded."""

    robot: str
    kind: Kind
    payload: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """A stretch of simulated time. `offline` names the devices without a connection at its end, `messages` are those that robots publish then."""

    devices: tuple[str, ...]
    kinds: tuple[str, ...]
    readings: Readings
    offline: frozenset[str]
    true_times_s: Floats  # (T,)
    true_lat: Floats  # (T, D)
    true_lon: Floats  # (T, D)
    truth: Floats  # (T, D, len(KEYS))
    messages: tuple[RobotMessage, ...] = ()


class Sink(Protocol):
    """Receives the blocks of a run, in order."""

    def send(self, block: Block) -> None:
        """Handle one block; may block while the receiver is slow."""

    def close(self) -> None:
        """Flush and release everything; no block follows."""


def joined(parts: list[Readings]) -> Readings:
    """Return all rows, one part after the other."""
    if not parts:
        none = np.empty(0)
        whole = np.empty(0, dtype=np.int64)
        return Readings(
            times_s=none, device=whole, boot=whole, seq=whole, lat=none, lon=none, values=np.empty((0, len(KEYS)))
        )
    if len(parts) == 1:
        return parts[0]
    return Readings(
        **{name: np.concatenate([getattr(part, name) for part in parts]) for name in Readings.__dataclass_fields__}
    )
