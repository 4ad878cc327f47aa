"""What if, as the api uses it: gathers the present, has the fork run in its process, and keeps the answer in the journal of the store."""

import base64
import json
import threading
import uuid
import zlib
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import orjson

from jeonju.common.errors import UnavailableError
from jeonju.contract.journal import JournalAction
from jeonju.contract.records import JournalEntry
from jeonju.contract.site import Site
from jeonju.contract.what_if import WhatIf
from jeonju.evaluation.what_if.compare import beside
from jeonju.evaluation.what_if.gathered import gather
from jeonju.evaluation.what_if.worker_process import WorkerProcess
from jeonju.rules.rules import Rules
from jeonju.storage.port import Store

# The list has entries of this subject, each answer one of its own.
SUBJECT: Final = "what-if"
ASKED: Final[JournalAction] = "what-if"
# A fork takes two to three seconds for two hours; one of a new installation compiles the physics first.
WITHIN_S: Final = 90.0
WITHIN_S_PER_HOUR: Final = 10.0
KEPT_DAYS: Final = 400
# InfluxDB takes no longer text.
MOST_PACKED: Final = 60_000
MOST_KEPT_A_DAY: Final = 200


class WhatIfs:
    """The what-ifs of one site; safe from several threads. Every method raises UnavailableError while the store is away."""

    def __init__(self, site: Site, store: Store, rules: Rules, now: Callable[[], datetime]) -> None:
        self._site, self._store, self._rules, self._now = site, store, rules, now
        self._process = WorkerProcess()
        self._running: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()
        self._kept_at: deque[datetime] = deque()

    def ask(self, wanted: WhatIf, who: str) -> dict[str, Any]:
        """Return the answer, which is kept. Raises UserError for what cannot be answered, UnavailableError where it takes too long."""
        now = self._now()
        gathered = gather(self._site, self._store, wanted, self._rules, now)
        what_if = uuid.uuid4().hex[:12]
        progress: dict[str, Any] = {"asked_at": now.astimezone(UTC), "who": who, "share": 0.0}
        self._running[what_if] = progress
        try:
            found = self._process.ask(
                gathered,
                within_s=WITHIN_S + WITHIN_S_PER_HOUR * wanted.hours,
                on_progress=lambda share: progress.update(share=round(share, 3)),
            )
        finally:
            del self._running[what_if]
        about = {
            "id": what_if,
            "title": wanted.title,
            "asked_at": now,
            "who": who,
            "at": gathered.at,
            "until": gathered.at + timedelta(hours=wanted.hours),
            "hours": wanted.hours,
            "seed": wanted.seed,
            "changes": [change.model_dump(mode="json", exclude_none=True) for change in wanted.changes],
        }
        answer: dict[str, Any] = _plain({**about, **found})
        return {**answer, "kept": self._keep(answer, who, now)}

    def kept(self, limit: int) -> list[dict[str, Any]]:
        """Return what was asked, the newest first, in short."""
        since = self._now() - timedelta(days=KEPT_DAYS)
        entries = self._store.journal(self._site.name, since=since, subject=SUBJECT)[-limit:]
        return [json.loads(entry.details) for entry in reversed(entries)]

    def one(self, what_if: str) -> dict[str, Any] | None:
        """Return a kept answer beside what has happened since, None where there is none of that id."""
        entry = next(iter(self._store.journal(self._site.name, subject=_subject(what_if))), None)
        if entry is None:
            return None
        answer = json.loads(zlib.decompress(base64.b64decode(json.loads(entry.details)["packed"])))
        return {**answer, "kept": True, "then": beside(self._site.name, self._store, answer, self._now())}

    def running(self) -> list[dict[str, Any]]:
        """Return what is being answered, with the share of it that is done."""
        return [dict(one) for one in list(self._running.values())]

    def warm_up(self) -> None:
        """Have the process ready for a question that is probably coming."""
        self._process.warm_up()

    def stop(self) -> None:
        """End the process; who still waits is told so."""
        self._process.stop()

    def _keep(self, answer: Mapping[str, Any], who: str, now: datetime) -> bool:
        """Write an answer down; return whether it could be: so many a day are kept, and the answer counts without as well."""
        with self._lock:
            while self._kept_at and now - self._kept_at[0] > timedelta(days=1):
                self._kept_at.popleft()
            if len(self._kept_at) >= MOST_KEPT_A_DAY:
                return False
            self._kept_at.append(now)
        packed = _packed(answer)
        if len(packed) > MOST_PACKED:
            packed = _packed({**answer, "downwind": [{**one, "plume": None} for one in answer["downwind"]]})
        if len(packed) > MOST_PACKED:
            return False
        entries = [
            JournalEntry(
                answer["id"],
                self._site.name,
                now,
                who,
                ASKED,
                SUBJECT,
                json.dumps(_in_short(answer), ensure_ascii=False),
            ),
            JournalEntry(
                f"{answer['id']}-answer",
                self._site.name,
                now,
                who,
                ASKED,
                _subject(answer["id"]),
                json.dumps({"packed": packed}),
            ),
        ]
        try:
            self._store.write_journal(entries)
        except UnavailableError:
            return False
        return True


def _subject(what_if: str) -> str:
    return f"{SUBJECT}-{what_if}"


def _in_short(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the list says: what was asked, and how much would come of it."""
    names = ("id", "title", "asked_at", "who", "at", "until", "hours", "seed", "changes", "noticed")
    short = {name: answer[name] for name in names}
    short["noticed"] = [{key: one[key] for key in ("change", "at", "device", "after_s")} for one in answer["noticed"]]
    return {
        **short,
        "alerts": answer["alerts_total"],
        "zones": sorted({zone["zone"] for one in answer["downwind"] for zone in one["zones"]}),
    }


def _packed(answer: Mapping[str, Any]) -> str:
    return base64.b64encode(zlib.compress(json.dumps(answer, ensure_ascii=False).encode(), 9)).decode()


def _plain(thing: Any) -> Any:
    """Return JSON of what holds instants and arrays of numpy."""
    return orjson.loads(orjson.dumps(thing, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_UTC_Z))
