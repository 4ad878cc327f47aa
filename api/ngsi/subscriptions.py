"""Subscriptions: what is wanted, kept in the journal of the store, so that they outlive a restart (ETSI GS CIM 009, clause 5.8)."""

import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Literal

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from jeonju.api.http.instants import Instant
from jeonju.api.ngsi.entities import Entity
from jeonju.api.ngsi.geo import LONGEST_CHARACTERS as LONGEST_COORDINATES
from jeonju.api.ngsi.geo import parse_geo
from jeonju.api.ngsi.models import short_term, short_type
from jeonju.api.ngsi.problems import NgsiError, bad
from jeonju.api.ngsi.query import Condition, matches_pattern, parse_query
from jeonju.common.rising_ids import rising_id
from jeonju.contract.journal import JournalAction
from jeonju.contract.records import JournalEntry
from jeonju.contract.site import Site
from jeonju.storage.port import Store

MOST: Final = 20
# However often something changes, an endpoint is told no more often.
SHORTEST_S: Final = 10.0
SUBJECT: Final = "ngsi-subscriptions"
SUBSCRIBED: Final = "ngsi-subscribed"
UNSUBSCRIBED: Final = "ngsi-unsubscribed"
_ID: Final = r"^urn:[A-Za-z0-9][A-Za-z0-9:._-]{0,200}$"

Type = Annotated[
    Literal["AirQualityObserved", "WeatherObserved", "Alert"], BeforeValidator(lambda name: short_type(str(name)))
]
Term = Annotated[str, Field(max_length=200), BeforeValidator(lambda name: short_term(str(name)))]
Terms = Annotated[list[Term], Field(max_length=50)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Wanted(_Strict):
    """Entities of a type, all or those of an id or a pattern."""

    type: Type
    id: Annotated[str | None, Field(max_length=300)] = None
    id_pattern: Annotated[str | None, Field(alias="idPattern", max_length=200)] = None


class Address(_Strict):
    """Where notifications are posted."""

    uri: Annotated[str, Field(max_length=500)]
    accept: Literal["application/json", "application/ld+json"] = "application/json"


class Notified(_Strict):
    """What a notification holds."""

    endpoint: Address
    attributes: Terms = []
    format: Literal["normalized", "keyValues", "simplified"] = "normalized"


class GeoQuery(_Strict):
    """Where entities must be."""

    georel: Annotated[str, Field(max_length=60)]
    geometry: Annotated[str, Field(max_length=30)]
    coordinates: str | list[Any]
    geoproperty: Annotated[str, Field(max_length=200)] = "location"


class Subscription(_Strict):
    """A subscription as clients give it; other members of the standard are refused, not left out in silence."""

    id: Annotated[str, Field(pattern=_ID)] = ""
    type: Literal["Subscription"]
    name: Annotated[str, Field(alias="subscriptionName", max_length=200)] = ""
    description: Annotated[str, Field(max_length=1000)] = ""
    entities: Annotated[list[Wanted], Field(min_length=1, max_length=20)]
    watched: Annotated[Terms, Field(alias="watchedAttributes")] = []
    q: Annotated[str | None, Field(max_length=4000)] = None
    geo: Annotated[GeoQuery | None, Field(alias="geoQ")] = None
    notification: Notified
    throttling: Annotated[float, Field(ge=0, le=86_400)] = 0.0
    expires_at: Annotated[Instant | None, Field(alias="expiresAt")] = None
    is_active: Annotated[bool, Field(alias="isActive")] = True
    context: Annotated[Any, Field(alias="@context", exclude=True)] = None

    @property
    def every_s(self) -> float:
        """How long to wait after a notification [s]."""
        return max(self.throttling, SHORTEST_S)

    def to_json(self) -> dict[str, Any]:
        """Return it as clients gave it."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude_none=True) | {
            "type": self.type
        }

    def condition(self, site: Site) -> Condition:
        """Return which entities are wanted. Raises NgsiError where it cannot be read."""
        parts: list[Condition] = [_is_wanted(self.entities)]
        if self.q is not None:
            parts.append(parse_query(self.q))
        if self.geo is not None:
            given = self.geo.coordinates
            text = given if isinstance(given, str) else orjson.dumps(given).decode()
            if len(text) > LONGEST_COORDINATES:
                raise bad(f"coordinates: longer than {LONGEST_COORDINATES} characters")
            parts.append(parse_geo(site.map, self.geo.georel, self.geo.geometry, text, self.geo.geoproperty))
        return lambda entity: all(part(entity) for part in parts)

    def is_due(self, entity: Entity) -> bool:
        """Return whether an entity has anything that is watched."""
        return not self.watched or any(name in entity.attributes for name in self.watched)


def read_subscription(body: bytes) -> Subscription:
    """Return the subscription that a client sends. Raises NgsiError for what is none."""
    try:
        made = Subscription.model_validate(orjson.loads(body))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise bad(f"{where or 'subscription'}: {first['msg']}"[:300]) from error
    except (orjson.JSONDecodeError, RecursionError) as error:
        raise NgsiError("InvalidRequest", "the body is no JSON") from error
    if made.id:
        return made
    return made.model_copy(update={"id": f"urn:ngsi-ld:Subscription:{rising_id()}"})


class Subscriptions:
    """The subscriptions of a site. Safe to use from several threads."""

    def __init__(self, site: str, store: Store, now: Callable[[], datetime]) -> None:
        self._site, self._store, self._now = site, store, now
        self._lock = threading.Lock()

    def known(self) -> Mapping[str, Subscription]:
        """Return those that have not expired, by id, the oldest first. Raises UnavailableError while the store is away."""
        return {name: one for name, (_, one) in self._kept().items()}

    def _kept(self) -> dict[str, tuple[str, Subscription]]:
        """Return each with the entry of the journal that began it: those of two processes at once have no order, so an end names what it ends."""
        entries, now = self._store.journal(self._site, subject=SUBJECT), self._now()
        ended = {orjson.loads(entry.details)["entry"] for entry in entries if entry.action == UNSUBSCRIBED}
        kept: dict[str, tuple[str, Subscription]] = {}
        for entry in entries:
            if entry.action == SUBSCRIBED and entry.id not in ended:
                made = Subscription.model_validate_json(entry.details)
                if made.expires_at is None or made.expires_at > now:
                    kept[made.id] = entry.id, made
        return kept

    def add(self, made: Subscription, who: str) -> None:
        """Keep one more. Raises NgsiError where there are too many, or one of that id."""
        if made.expires_at is not None and made.expires_at <= self._now():
            raise bad("expiresAt: has passed already")
        with self._lock:
            kept = self._kept()
            if made.id in kept:
                raise NgsiError("AlreadyExists", f"there is a subscription {made.id!r} already")
            if len(kept) >= MOST:
                raise NgsiError(
                    "TooManyResults", f"there are {MOST} subscriptions, as many as may be; delete one first"
                )
            self._write(SUBSCRIBED, who, made.to_json())

    def remove(self, subscription: str, who: str) -> None:
        """Forget one. Raises NgsiError where there is none."""
        with self._lock:
            kept = self._kept().get(subscription)
            if kept is None:
                raise NgsiError("ResourceNotFound", f"there is no subscription {subscription[:200]!r}")
            self._write(UNSUBSCRIBED, who, {"id": subscription, "entry": kept[0]})

    def _write(self, action: JournalAction, who: str, content: Mapping[str, Any]) -> None:
        details = orjson.dumps(content).decode()
        entry = JournalEntry(rising_id(), self._site, self._now(), who, action, SUBJECT, details)
        self._store.write_journal([entry])


def _is_wanted(wanted: list[Wanted]) -> Condition:
    patterns = {one.id_pattern: matches_pattern(one.id_pattern) for one in wanted if one.id_pattern is not None}

    def holds(entity: Entity) -> bool:
        return any(
            one.type == entity.type
            and one.id in (None, entity.id)
            and (one.id_pattern is None or patterns[one.id_pattern](entity.id))
            for one in wanted
        )

    return holds
