"""Dead letters as ingest wrote them."""

from collections.abc import Iterable

from jeonju.contract.records import DeadLetter


def as_written(letters: Iterable[DeadLetter]) -> list[DeadLetter]:
    """Return the letters without the ids that the store gave them."""
    return [letter._replace(id="") for letter in letters]
