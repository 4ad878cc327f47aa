"""Publish the truth too: once a minute, what every device would have measured without noise and faults, as readings of the site `{site}-truth`."""

from math import isfinite
from typing import Final

import numpy as np

from jeonju.airquality.pollutants import KEYS
from jeonju.broker.client import Client
from jeonju.broker.identity import passing_id
from jeonju.contract import topics
from jeonju.contract.reading import Reading, encode, from_posix_s
from jeonju.simulator.block import Block, Sink

EVERY_S: Final = 60.0


class TruthSink:
    """Passes blocks to another sink and publishes their truth, which goes through broker, ingest and store like any gateway's readings."""

    def __init__(self, sink: Sink, broker_url: str, *, site: str) -> None:
        """Raises UserError when the broker cannot be reached."""
        self._sink = sink
        self._site = topics.TRUTH.format(site=site)
        self._client = Client(broker_url, passing_id(f"jeonju-simulator-{self._site}"))
        self._client.begin(patiently=True)

    def send(self, block: Block) -> None:
        """Pass the block on, and publish a message with the truth of each whole minute in it."""
        self._sink.send(block)
        for step in np.flatnonzero(block.true_times_s % EVERY_S == 0):
            self._client.publish(topics.readings(self._site, topics.SIMULATOR), encode(_truth(block, int(step))), qos=1)

    def close(self) -> None:
        """Close the other sink and disconnect."""
        self._sink.close()
        self._client.end()


def _truth(block: Block, step: int) -> list[Reading]:
    time = from_posix_s(float(block.true_times_s[step]))
    lat, lon, truth = block.true_lat[step], block.true_lon[step], np.round(block.truth[step], 6)
    return [
        Reading(
            device=device,
            time=time,
            position=position,
            values={key: value for key, value in zip(KEYS, values, strict=True) if isfinite(value)},
        )
        for device, position, values in zip(
            block.devices, zip(lat.tolist(), lon.tolist(), strict=True), truth.tolist(), strict=True
        )
    ]
