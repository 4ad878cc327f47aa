"""Which devices have fallen silent, judged by the time of the network and not by the clock on the wall.

So a backfill, a replay or a broker that was away do not make devices look silent: they are, when others go on and they do not.
"""

from collections.abc import Sequence
from typing import Final

# Longer than a link needs to come back, and than three of the device's own intervals.
SILENT_AFTER_S: Final = 180.0
SILENT_AFTER_INTERVALS: Final = 3.0
# A last will is believed sooner.
OFFLINE_AFTER_S: Final = 15.0
# Where more than this share is silent at once, the network is gone, not the devices.
MOST_AT_ONCE: Final = 0.5


def silent_devices(
    devices: Sequence[str], newest_s: Sequence[float], interval_s: Sequence[float], network_s: float, offline: set[str]
) -> dict[str, float]:
    """Return each silent device with the seconds since its last reading; nothing where half of the network is silent."""
    silent = {
        device: network_s - last_s
        for device, last_s, each_s in zip(devices, newest_s, interval_s, strict=True)
        if network_s - last_s
        > (OFFLINE_AFTER_S if device in offline else max(SILENT_AFTER_S, SILENT_AFTER_INTERVALS * each_s))
    }
    return silent if len(silent) <= MOST_AT_ONCE * len(devices) else {}
