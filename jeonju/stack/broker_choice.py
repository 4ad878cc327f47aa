"""Which broker `jeonju up` brings along: NATS, or Mosquitto for sites with gateways, whose topics may have spaces."""

import logging
from pathlib import Path
from typing import Final

from jeonju.broker.embedded import Kind, find_program, folder_of
from jeonju.broker.refusals import ADVICE, WARNING
from jeonju.common.errors import UserError
from jeonju.contract.site import Site

log = logging.getLogger(__name__)

# Only our own program publishes on their topics.
OURS: Final = frozenset({"airkorea"})
BY_NAME: Final[dict[str, Kind]] = {"nats": "embedded", "mosquitto": "mosquitto"}


def choose_broker(asked: str, site: Site, data: Path) -> Kind | None:
    """Return the broker that `--broker` stands for, None where it is an address.

    `embedded` leaves the choice to us. A folder keeps the broker that it had last, as messages may wait in it; a new one gets Mosquitto where the
    site has gateways of others and Mosquitto is installed.
    """
    if asked != "embedded":
        return BY_NAME.get(asked)
    had = _had_last(data)
    if had == "mosquitto" or not any(gateway.format not in OURS for gateway in site.gateways):
        return had or "embedded"
    if had is not None:
        log.warning("%s%s. This data folder stays with NATS, as messages may wait in it", WARNING, ADVICE)
        return had
    try:
        find_program("mosquitto")
    except UserError as error:
        log.warning("%s%s, and start with a new data folder or --broker mosquitto", WARNING, error)
        return "embedded"
    return "mosquitto"


def _had_last(data: Path) -> Kind | None:
    """Return the broker that was started last on a data folder: each start writes its configuration."""
    written: dict[Kind, float] = {}
    for kind in BY_NAME.values():
        file = folder_of(kind, data) / "broker.conf"
        if file.exists():
            written[kind] = file.stat().st_mtime
    return max(written, key=lambda kind: written[kind], default=None)
