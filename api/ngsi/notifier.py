"""Tells the endpoints of subscriptions what has changed: one thread, a bounded time for each, no more of them than may be."""

import logging
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import orjson

from jeonju.api.http.answers import OPTIONS
from jeonju.api.http.state import State
from jeonju.api.ngsi.endpoint import Endpoint
from jeonju.api.ngsi.entities import Entities, Entity
from jeonju.api.ngsi.models import CORE_CONTEXT, context
from jeonju.api.ngsi.problems import NgsiError
from jeonju.api.ngsi.rendering import JSON_LD, Form, entity_json, text
from jeonju.api.ngsi.subscriptions import Subscription, Subscriptions
from jeonju.common.errors import UnavailableError, UserError

log = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 5.0
# Subscriptions are read anew when one has come or gone here, and after so many looks.
READ_EVERY_LOOKS: Final = 12
# An endpoint that is down is tried again after 10, 20, 40 … seconds, at last every 5 minutes.
FIRST_WAIT_S: Final = 10.0
LONGEST_WAIT_S: Final = 300.0
MOST_ENTITIES: Final = 1000


@dataclass
class Progress:
    """What was told of one subscription, since the start of this process."""

    sent: int = 0
    failed_in_a_row: int = 0
    next_at: datetime | None = None
    last_at: datetime | None = None
    success_at: datetime | None = None
    failure_at: datetime | None = None
    trouble: str | None = None
    # When each entity changed that was told.
    told: dict[str, datetime] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return it as the standard has it."""
        times = {"lastNotification": self.last_at, "lastSuccess": self.success_at, "lastFailure": self.failure_at}
        return {
            "status": "ok" if self.failed_in_a_row == 0 else "failed",
            "timesSent": self.sent,
            "timesFailed": self.failed_in_a_row,
            **{name: text(at) for name, at in times.items() if at is not None},
            **({"lastErrorReason": self.trouble} if self.trouble else {}),
        }


class Notifier:
    """Looks every few seconds what is new to whom. Where another process responds to alerts, that one notifies."""

    def __init__(self, air: State) -> None:
        self._air = air
        self.subscriptions = Subscriptions(air.site.name, air.store, air.now)
        self._progress: dict[str, Progress] = {}
        self._known: Mapping[str, Subscription] = {}
        self._looks = 0
        self._wake, self._stopping = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="ngsi-notify", daemon=True)

    @property
    def notifies(self) -> bool:
        """Whether notifications are sent from here: this process is the one that responds now."""
        return self._thread.is_alive() and self._air.response.responds

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Finish what is being sent, and leave."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def wake(self) -> None:
        """Say that a subscription has come or gone."""
        self._wake.set()

    def progress(self, subscription: str) -> Progress:
        """Return what was told of a subscription."""
        return self._progress.get(subscription, Progress())

    def _run(self) -> None:
        while not self._stopping.is_set():
            is_woken = self._wake.is_set()
            self._wake.clear()
            try:
                if self._air.response.responds:
                    self._look_anew(is_woken=is_woken)
                else:
                    self._progress = {}
            except UnavailableError:
                log.debug("the store is away; looked for again")
            except Exception:
                # The one supervisor of this thread: a fault in one subscription must not end all others.
                log.exception("subscriptions of NGSI-LD could not be served")
            self._wake.wait(LOOK_EVERY_S)

    def _look_anew(self, *, is_woken: bool) -> None:
        if is_woken or self._looks % READ_EVERY_LOOKS == 0:
            self._known = self.subscriptions.known()
        self._look()
        self._looks += 1

    def _look(self) -> None:
        known = self._known
        self._progress = {name: self._progress.get(name, Progress()) for name in known}
        now = self._air.now()
        due = [
            one
            for name, one in known.items()
            if one.is_active
            and (one.expires_at is None or one.expires_at > now)
            and ((at := self._progress[name].next_at) is None or at <= now)
        ]
        if not due:
            return
        everything = list(Entities(self._air).of_types(_types(due)))
        for subscription in due:
            if self._stopping.is_set():
                return
            self._tell(subscription, everything, self._progress[subscription.id])

    def _tell(self, subscription: Subscription, everything: list[Entity], progress: Progress) -> None:
        try:
            holds = subscription.condition(self._air.site)
        except NgsiError as error:
            progress.trouble = str(error.detail)
            return
        new = [
            entity
            for entity in everything
            if progress.told.get(entity.id) != entity.changed_at and subscription.is_due(entity) and holds(entity)
        ][:MOST_ENTITIES]
        if not new:
            return
        now = self._air.now()
        progress.last_at = now
        try:
            self._post(subscription, new, now)
        except (UnavailableError, UserError) as error:
            progress.failed_in_a_row += 1
            progress.failure_at, progress.trouble = now, str(error)
            wait_s = min(FIRST_WAIT_S * 2.0 ** min(progress.failed_in_a_row - 1, 10), LONGEST_WAIT_S)
            progress.next_at = now + timedelta(seconds=wait_s)
            return
        progress.sent += 1
        progress.failed_in_a_row, progress.success_at, progress.trouble = 0, now, None
        progress.next_at = now + timedelta(seconds=subscription.every_s)
        here = {entity.id for entity in everything}
        told = progress.told | {entity.id: entity.changed_at for entity in new}
        progress.told = {name: at for name, at in told.items() if name in here}

    def _post(self, subscription: Subscription, entities: list[Entity], now: datetime) -> None:
        wanted = subscription.notification
        form: Form = "normalized" if wanted.format == "normalized" else "keyValues"
        content: dict[str, Any] = {
            "id": f"urn:ngsi-ld:Notification:{uuid.uuid4().hex}",
            "type": "Notification",
            "subscriptionId": subscription.id,
            "notifiedAt": text(now),
            "data": [entity_json(entity, form, wanted.attributes) for entity in entities],
        }
        if wanted.endpoint.accept == JSON_LD:
            # Whole, as the receiver may not be able to ask for ours.
            content["@context"] = context()["@context"]
            headers = {"Content-Type": JSON_LD}
        else:
            link = f'<{CORE_CONTEXT}>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'
            headers = {"Content-Type": "application/json", "Link": link}
        Endpoint(wanted.endpoint.uri).post(orjson.dumps(content, option=OPTIONS), headers)


def _types(subscriptions: list[Subscription]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(wanted.type for one in subscriptions for wanted in one.entities))
