"""Readings that no policy of the server keeps, as dead letters."""

from typing import Any

from jeonju.airquality.pollutants import KEYS
from jeonju.contract import topics
from jeonju.contract.reading import Reading, encode
from jeonju.contract.records import DeadLetter


def letter_of_reading(row: dict[str, Any]) -> DeadLetter:
    """Return a reading that no policy keeps as the message that it was."""
    place = (row["lat"], row["lon"])
    reading = Reading(
        device=row["device"],
        seq=row["seq"],
        boot=row["boot"],
        time=row["time"],
        position=None if None in place else place,
        values={key: row[key] for key in KEYS if row[key] is not None},
    )
    topic = topics.readings(row["site"], row["device"])
    return DeadLetter(
        row["received_at"], topic, encode(reading), "is older than the store keeps readings, minutes and hours"
    )
