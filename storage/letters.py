"""What both stores do with dead letters in the same way."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator

from jeonju.contract.records import DeadLetter


def numbered(letters: Iterable[DeadLetter]) -> Iterator[tuple[DeadLetter, int]]:
    """Count the letters of each instant, the same in every repetition of a commit."""
    counts: Counter[object] = Counter()
    for letter in letters:
        yield letter, counts[letter.received_at]
        counts[letter.received_at] += 1


def digest(letter: DeadLetter, size: int) -> bytes:
    """Return a few bytes that differ for letters that differ."""
    content = b"\0".join((letter.topic.encode(), letter.payload, letter.reason.encode()))
    return hashlib.blake2b(content, digest_size=size).digest()


def topic_pattern(topic_filter: str) -> str:
    """Return the regular expression, for RE2 too, that a topic fits as a whole where the MQTT topic filter fits it."""
    head, separator, tail = topic_filter.rpartition("#")
    if separator and not tail:
        base = head.removesuffix("/")
        return f"{_levels(base)}(/.*)?" if base else ".*"
    return _levels(topic_filter)


def _levels(text: str) -> str:
    return "/".join("[^/]*" if level == "+" else re.escape(level) for level in text.split("/"))
