"""The devices that ingest knows: which are admitted, where they belong, and whether they are online."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from jeonju.common.errors import RejectedError
from jeonju.contract.records import DeviceRecord
from jeonju.contract.site import Site
from jeonju.decoders.decoded import DeviceUpdate
from jeonju.ingest.allowance import HourlyAllowance

# A sender that makes up names must not fill the memory. Devices of the site file are admitted all the same.
MOST_DEVICES: Final = 50_000
# Nor may one message of a gateway: no gateway has so many devices that nobody has heard of.
MOST_NEW_IN_A_MESSAGE: Final = 1000


class DeviceRegistry:
    """Records of devices by (site, device). `turned_away` counts messages for whose devices there was no room."""

    def __init__(self, site: Site) -> None:
        self._site_name = site.name
        self._of_site = {device.name: device for device in site.devices}
        self._robots = frozenset(robot.name for robot in site.robots)
        self._records: dict[tuple[str, str], DeviceRecord] = {}
        self._changed: set[tuple[str, str]] = set()
        self._new = HourlyAllowance(site.new_devices_per_hour)
        self.turned_away = 0

    def __len__(self) -> int:
        return len(self._records)

    def __contains__(self, place: tuple[str, str]) -> bool:
        return place in self._records

    def restore(self, records: Iterable[DeviceRecord]) -> None:
        """Add what an earlier run knew."""
        self._records.update({(record.site, record.device): record for record in records})

    def admit(self, site: str, names: Iterable[str], now: datetime) -> None:
        """Register the devices of a message that is right in everything else: all of them or, raising RejectedError, none."""
        new = [name for name in names if (site, name) not in self._records]
        if not new:
            return
        made_up = sum(not self._is_of_site(site, name) for name in new)
        if made_up > MOST_NEW_IN_A_MESSAGE:
            self.turned_away += 1
            raise RejectedError(
                f"names {made_up} devices that are new, more than {MOST_NEW_IN_A_MESSAGE} in one message"
            )
        if made_up and len(self._records) + made_up > MOST_DEVICES:
            self.turned_away += 1
            raise RejectedError(f"more than {MOST_DEVICES} devices; {min(new)!r} is new")
        if made_up and not self._new.take(made_up, now):
            self.turned_away += 1
            raise RejectedError(
                f"more than {self._new.an_hour} new devices in an hour (new_devices_per_hour of the site file); {min(new)!r} is new"
            )
        for name in new:
            self._register(site, name, now)

    def update(self, site: str, update: DeviceUpdate, now: datetime) -> None:
        """Change the record of a device that is admitted. Raises RejectedError where one is adopted that never spoke."""
        known = self._records.get((site, update.device))
        if known is None:
            raise RejectedError(f"adopts {update.device!r}, which has never spoken")
        said = {name: value for name, value in update._asdict().items() if value is not None}
        if update.state is not None:
            said["state_at"] = now
        self._set(known._replace(**said))

    def zone_of_station(self, site: str, device: str) -> str:
        """Return the zone in which a device is a station, "" for robots and for those that belong nowhere."""
        record = self._records.get((site, device))
        return record.zone if record is not None and record.kind != "robot" else ""

    def changes(self) -> list[DeviceRecord]:
        """Return the records that changed since the last call."""
        changed = [self._records[place] for place in sorted(self._changed)]
        self._changed.clear()
        return changed

    def _is_of_site(self, site: str, name: str) -> bool:
        return site == self._site_name and name in self._of_site

    def _register(self, site: str, name: str, now: datetime) -> None:
        zone = kind = ""
        if self._is_of_site(site, name):
            zone, kind = self._of_site[name].zone, "robot" if name in self._robots else "station"
        self._set(DeviceRecord(site, name, zone, kind, "real", "online", now))

    def _set(self, record: DeviceRecord) -> None:
        self._records[record.site, record.device] = record
        self._changed.add((record.site, record.device))
