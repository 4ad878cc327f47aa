"""Devices that have fallen silent while others go on, and a network that has fallen silent as a whole."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from api.alerts.bins import Bins
from api.alerts.condition import Condition
from api.alerts.silence import silent_devices
from api.alerts.wording import Labels


@dataclass
class SilenceWatcher:
    """Unlike the others it judges what does not come, so it looks at all devices after every batch, whether a bin was closed or not."""

    labels: Labels
    kinds: frozenset[str] = frozenset(["silent"])
    offline: set[str] = field(default_factory=set)

    def judge(self, bins: Bins) -> Iterator[Condition]:
        """Return every device that is silent now, by the time of the network."""
        silent = silent_devices(bins.devices, bins.newest_s, bins.interval_s, bins.watermark_s, self.offline)
        for device, since_s in silent.items():
            place_ko, place_en = self.labels[device]
            minutes = max(since_s / 60, 0)
            yield Condition(
                kind="silent", place=device, severity="info",
                summary_ko=f"{place_ko}: {minutes:.0f}분째 자료 없음", summary_en=f"{place_en}: nothing heard for {minutes:.0f} min",
                details={"offline": device in self.offline},
            )  # fmt: skip


NO_DATA = Condition(
    kind="no-data", place="", severity="critical", summary_ko="모든 장비의 자료가 끊겼습니다", summary_en="No device is heard"
)  # fmt: skip
