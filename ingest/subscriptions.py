"""Which filters are subscribed in which session, so that every message comes once, whatever filters the site file names.

NATS delivers a message once for each subscription that matches. So a filter that another one covers is left out, and filters that overlap only in
part go into groups, each of which has sessions of its own: a message counts over the first group that has a filter for it.

What is subscribed is remembered in a file: a broker does not say it, and a session keeps the filters that the site file names no more, with what
waits for them. Such a filter is unsubscribed where nothing wanted waits for it alone; otherwise there are new sessions, and the old ones are
emptied.
"""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

from paho.mqtt.matcher import MQTTMatcher

from jeonju.broker.filters import FilterTree, apart, without_covered
from jeonju.common.errors import UserError

log = logging.getLogger(__name__)

Groups = list[list[str]]
# Filters are compared once for each topic; a sender that makes topics up must not fill the memory.
MOST_REMEMBERED: Final = 50_000
LONGEST_REMEMBERED: Final = 500
# Each group has connections and threads of its own.
MOST_GROUPS: Final = 20


class Generation(NamedTuple):
    """Sessions that belong together: their number in the order of time, and their filters in groups."""

    number: int
    groups: Groups

    def session_name(self, client_id: str, group: int) -> str:
        """Return the client id of the first session of a group; that of the very first one is as it was before there were groups."""
        generation = f"-g{self.number}" if self.number > 1 else ""
        return f"{client_id}{generation}" + (f"-o{group + 1}" if group else "")


@dataclass
class Subscriptions:
    """What to subscribe, what to unsubscribe (`gone`, in every session), and the sessions to be emptied (`former`)."""

    now: Generation
    gone: list[str] = field(default_factory=list)
    former: list[Generation] = field(default_factory=list)
    file: Path | None = None

    @property
    def were_made(self) -> bool:
        """Whether an earlier start has subscribed, so that the broker must know the first session."""
        return self.now.number == 1 and self.file is not None and self.file.exists()

    @classmethod
    def of(
        cls,
        wanted: Sequence[str],
        file: Path | None = None,
        *,
        same_for_all: bool = False,
        before: tuple[Generation, list[Generation]] | None = None,
    ) -> Self:
        """Return how to subscribe filters, given what a file says of earlier starts, or `before`.

        `same_for_all`: several processes share the subscriptions, so each must group them in the same way, whatever it had before.
        """
        needed = without_covered(wanted)
        grouped = apart(needed)
        if len(grouped) > MOST_GROUPS:
            raise UserError(
                f"the topics of [[gateways]] overlap in {len(grouped)} layers, each of which needs a connection of its own; at most "
                f"{MOST_GROUPS} are made: write one filter with wildcards that covers those which overlap"
            )
        had, former = before or _read(file, wanted)
        is_needed, tree = frozenset(needed), FilterTree(needed)
        gone = [topic_filter for group in had.groups for topic_filter in group if topic_filter not in is_needed]
        kept = [[topic_filter for topic_filter in group if topic_filter in is_needed] for group in had.groups]
        groups = grouped if same_for_all else apart(needed, kept)
        stays = (
            len(groups) <= MOST_GROUPS
            and all(apart(group) == [group] for group in kept)
            and all(_are_free(group, FilterTree(left), tree) for group, left in zip(had.groups, kept, strict=True))
            and all(set(group) <= set(now) for group, now in zip_longest(kept, groups, fillvalue=()))
        )
        if stays:
            return cls(Generation(had.number, groups), gone, former, file)
        number = max(topic_filter.number for topic_filter in (had, *former)) + 1
        return cls(Generation(number, grouped), [], [*former, had], file)

    def remember(self) -> None:
        """Write down what is subscribed. To be called once it is, and when sessions are cleared."""
        if self.file is None:
            return
        text = json.dumps({"now": self.now, "former": self.former}, ensure_ascii=False, indent=1)
        new = self.file.with_name(f"{self.file.name}.new")
        try:
            if self.file.exists() and self.file.read_text(encoding="utf-8") == text:
                return
            new.write_text(text, encoding="utf-8")
            new.replace(self.file)
        except OSError as error:
            # Without it all is well until filters are taken from the site file.
            log.info("%s, which remembers the subscriptions, cannot be written: %s", self.file, error.strerror)


class Owners:
    """Over which group the messages of a topic count: the first that has a filter for it, None where none has."""

    def __init__(self, groups: Groups) -> None:
        self._groups = groups
        self._refused: frozenset[str] = frozenset()
        self._of_topic: dict[str, int | None] = {}
        self._matcher = self._made_matcher()

    def refuse(self, refused: frozenset[str]) -> None:
        """Leave filters out that the broker does not grant: nothing comes over them."""
        if refused != self._refused:
            self._refused = refused
            self._matcher = self._made_matcher()
            self._of_topic = {}

    def group_of(self, topic: str) -> int | None:
        """Return the number of the group."""
        of_topic = self._of_topic
        try:
            return of_topic[topic]
        except KeyError:
            if len(of_topic) >= MOST_REMEMBERED:
                of_topic = self._of_topic = {}
            found: int | None = min(self._matcher.iter_match(topic), default=None)  # type: ignore[no-untyped-call]
            if len(topic) <= LONGEST_REMEMBERED:
                of_topic[topic] = found
            return found

    def _made_matcher(self) -> MQTTMatcher:
        matcher = MQTTMatcher()  # type: ignore[no-untyped-call]
        for at, group in reversed(list(enumerate(self._groups))):
            for topic_filter in group:
                if topic_filter not in self._refused:
                    matcher[topic_filter] = at
        return matcher


def remembered_beside(client_id_file: Path, member: str | None = None) -> Path:
    """Return the file that remembers what the sessions of a client id have subscribed."""
    return client_id_file.with_name(f"{client_id_file.name}{f'-{member}' if member else ''}.subscriptions")


def _are_free(group: Sequence[str], kept: FilterTree, needed: FilterTree) -> bool:
    """Return whether nothing that is wanted waits for filters of a group alone which are not kept."""
    return all(kept.covers(topic_filter) or not needed.overlaps(topic_filter) for topic_filter in group)


def _read(file: Path | None, wanted: Sequence[str]) -> tuple[Generation, list[Generation]]:
    """Return what was subscribed; earlier versions kept no file and subscribed everything in one group."""
    if file is None:
        return Generation(1, []), []
    try:
        content: Any = json.loads(file.read_text(encoding="utf-8"))
        now, *former = (
            Generation(int(number), [[str(topic_filter) for topic_filter in group] for group in groups])
            for number, groups in (content["now"], *content["former"])
        )
    except FileNotFoundError:
        return Generation(1, [list(wanted)]), []
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("%s, which remembers the subscriptions, cannot be read: %s; it is made anew", file, error)
        return Generation(1, [list(wanted)]), []
    return now, former
