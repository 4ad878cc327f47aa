"""Known sources, as the journal has them: places that people have marked because they smoke, smell or dust again and again.

In the journal, in the store and over REST they are called nuisances.
"""

import threading
from collections.abc import Mapping

from jeonju.common.errors import UserError
from jeonju.contract.known_source import MARKED, REMOVED, SUBJECT, KnownSource, known_sources
from jeonju.response.journal import Journal


class KnownSources:
    """The marked places of a site. Safe to use from several threads."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._lock = threading.RLock()
        self._loaded = False
        self._marked: Mapping[str, KnownSource] = {}  # replaced as a whole, so readers need no lock

    @property
    def marked(self) -> Mapping[str, KnownSource]:
        """The places that are marked now, by id."""
        return self._marked

    def load(self) -> None:
        """Read the journal, once. Raises UnavailableError while the store is away."""
        with self._lock:
            if not self._loaded:
                self._marked = known_sources(self._journal.read(SUBJECT))
                self._loaded = True

    def refresh(self) -> None:
        """Read the journal again, after another process wrote into it. Raises UnavailableError while the store is away."""
        with self._lock:
            self._marked = known_sources(self._journal.read(SUBJECT))
            self._loaded = True

    def add(self, place: KnownSource, who: str) -> str:
        """Mark a place and return its id. Raises UnavailableError while the store is away."""
        with self._lock:
            self.load()
            entry = self._journal.entry(MARKED, SUBJECT, who, place.model_dump())
            self._journal.write(entry)
            self._marked = {**self._marked, entry.id: place}
            return entry.id

    def remove(self, source_id: str, who: str) -> None:
        """Take a mark away. Raises UserError where there is none, UnavailableError while the store is away."""
        with self._lock:
            self.load()
            if source_id not in self._marked:
                raise UserError(f"no known source has the id {source_id[:100]!r}")
            self._journal.write(self._journal.entry(REMOVED, SUBJECT, who, {"nuisance": source_id}))
            self._marked = {key: place for key, place in self._marked.items() if key != source_id}
