"""The MQTT topics of the native wire contract: how they are made and how they are read back.

air/v1/{site}/{device}/readings   device or gateway → ingest       QoS 1
air/v1/{site}/{device}/status     device, `offline` as last will   QoS 1, retained
air/v1/{site}/{device}/command    api → device or simulator        QoS 1
air/v1/{site}/{device}/adopt      api → ingest                     QoS 1, which zone and kind a device that nobody knew is given
air/v1/{site}/alerts/{alert}      detection → everyone             QoS 1, retained
air/v1/{site}/committed           ingest → everyone                QoS 0, what the store has just committed
air/v1/{site}/heartbeat           api → itself                     QoS 1, whether the broker takes messages and delivers them
vda5050/v3/{manufacturer}/{serial}/{order,instantActions,state,connection,factsheet,visualization}
                                  api ↔ robots                     QoS 0, connection 1 and retained, factsheet retained
"""

import re

ROOT = "air/v1"
VDA5050 = "vda5050/v3"
# One level of a topic that MQTT, NATS subjects, file names and InfluxDB tags all take as it is.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
# The simulator takes commands (light a fire now) under this device name.
SIMULATOR = "simulator"
# Under this site name it sends the truth behind the readings of a site.
TRUTH = "{site}-truth"
_OF_TRUTH = TRUTH.format(site="")


def readings(site: str, device: str) -> str:
    """Topic on which a device sends its readings."""
    return f"{ROOT}/{site}/{device}/readings"


def status(site: str, device: str) -> str:
    """Topic that holds whether a device is online."""
    return f"{ROOT}/{site}/{device}/status"


def command(site: str, device: str) -> str:
    """Topic on which a device receives commands."""
    return f"{ROOT}/{site}/{device}/command"


def adopt(site: str, device: str) -> str:
    """Topic of the message that gives ingest the zone of a device that no site file names."""
    return f"{ROOT}/{site}/{device}/adopt"


def alert(site: str, alert_id: str) -> str:
    """Topic that holds an alert as long as it lasts."""
    return f"{ROOT}/{site}/alerts/{alert_id}"


def of_site(site: str, kind: str) -> list[str]:
    """Return the filters of what all devices of one site send, and of the truth behind it."""
    return [f"{ROOT}/{name}/+/{kind}" for name in (site, TRUTH.format(site=site))]


def committed(site: str) -> str:
    """Topic that carries every batch of readings after the store has committed it."""
    return f"{ROOT}/{site}/committed"


def heartbeat(site: str) -> str:
    """Topic on which the api finds out whether the broker takes messages and delivers them."""
    return f"{ROOT}/{site}/heartbeat"


def vda5050(identity: str, kind: str) -> str:
    """Topic of a robot named `manufacturer/serialNumber`; `kind` as in `jeonju.contract.vda5050.Kind`."""
    return f"{VDA5050}/{identity}/{kind}"


def robot_and_kind(topic: str) -> tuple[str, str] | None:
    """Return (manufacturer/serialNumber, kind) of a VDA 5050 topic, or None for any other topic."""
    levels = topic.split("/")
    if len(levels) != 5 or "/".join(levels[:2]) != VDA5050:
        return None
    return f"{levels[2]}/{levels[3]}", levels[4]


def speaks_for_all(site: str, device: str) -> bool:
    """Return whether messages on a device's topic may hold readings of others: the simulator's alone, with the truth of all of them."""
    return device == SIMULATOR and site.endswith(_OF_TRUTH)


def is_filter(text: str) -> bool:
    """Return whether a text may be subscribed to: `+` and a last `#` stand for whole levels."""
    levels = text.split("/")
    wild = (("+" in level and level != "+") or ("#" in level and level != "#") for level in levels)
    return bool(text) and not any(wild) and "#" not in levels[:-1]


def site_and_device(topic: str) -> tuple[str, str] | None:
    """Return (site, device) of a `…/{site}/{device}/{readings|status|command}` topic, or None for any other topic."""
    levels = topic.split("/")
    if len(levels) != 5 or "/".join(levels[:2]) != ROOT or levels[3] == "alerts":
        return None
    return levels[2], levels[3]
