"""Home Assistant's MQTT discovery: configs say what the values on other topics mean. See README.md beside this file."""

from bisect import bisect_left, insort
from collections import Counter
from functools import partial
from typing import Any, Final

import msgspec
from paho.mqtt.matcher import MQTTMatcher

from jeonju.common.errors import RejectedError
from jeonju.contract.gateways import Gateway
from jeonju.decoders.budget import look, spend
from jeonju.decoders.decoded import Decoding, DeviceUpdate
from jeonju.decoders.fields import at_pointer
from jeonju.decoders.gathered import Gathered
from jeonju.decoders.ha_discovery.config import Availability, Entity, EntityId, Rank, component_of, entities
from jeonju.decoders.ha_discovery.values import MISSING, Scope, TemplateError
from jeonju.decoders.message import Message, bare_text, refuse_too_large
from jeonju.decoders.numbers import is_absent
from jeonju.decoders.times import When, site_time

# What is remembered of all configs together; a sender that makes entities up must not fill the memory.
MOST_ENTITIES: Final = 10_000
# Each of them is asked what a message on its topic says.
MOST_OF_TOPIC: Final = 1000
# Retained states of availability may come before the configs that say what they mean.
MOST_SAID: Final = 20_000
LONGEST_SAID: Final = 256
LONGEST_TOPIC: Final = 1000
# Why a config says nothing that is stored: it says how to read other messages.
CONFIG: Final = "config"
ONLINE, OFFLINE = "online", "offline"


class HomeAssistant:
    """Remembers the sensors of all configs, by the topics on which their values and availability come."""

    def __init__(self) -> None:
        self._of_config: dict[str, list[Entity]] = {}
        self._by_topic: dict[str, dict[EntityId, Entity]] = {}
        self._by_availability: dict[str, dict[EntityId, Entity]] = {}
        # The entities of one quantity of a device, in the order of their ranks.
        self._rivals: dict[tuple[str, str], list[Rank]] = {}
        self._said: dict[str, str] = {}
        # Filters with wildcards among those topics, with the number of their entities.
        self._wild: Counter[str] = Counter()
        self._matcher = MQTTMatcher()  # type: ignore[no-untyped-call]
        self._count = 0

    def __call__(self, message: Message, gateway: Gateway) -> Decoding:
        """Return what a value or availability says; a config says how to read them, and is nothing itself."""
        component = component_of(message.levels)
        if component is not None:
            return self._config(message, component, gateway)
        if not message.payload:
            return Decoding(nothing="empty")
        refuse_too_large(message.payload)
        text = bare_text(message.payload).decode("utf-8", "replace")
        filters = self._filters_of(message.topic)
        sensors = [entity for item in filters for entity in self._by_topic.get(item, {}).values()]
        watched = [item for item in filters if item in self._by_availability]
        for item in watched or ([message.topic] if message.retained and not sensors else []):
            self._remember(item, text)
        if not sensors and not watched:
            return Decoding(nothing="no-config")
        updates = [
            update for item in watched for update in self._states(self._by_availability[item].values(), gateway, item)
        ]
        return self._values(sensors, text, gateway, updates)

    def topics(self, config: str) -> list[str]:
        """Return the topics on which the values of a config come, those of its quantities first."""
        known = sorted(self._of_config.get(config, []), key=lambda entity: entity.key is None)
        return list(dict.fromkeys(entity.topic for entity in known))

    def _filters_of(self, topic: str) -> list[str]:
        """Return what configs call a topic: itself, and filters with wildcards that it matches."""
        return [topic, *self._matcher.iter_match(topic)] if self._wild else [topic]  # type: ignore[no-untyped-call]

    # Configs

    def _config(self, message: Message, component: str, gateway: Gateway) -> Decoding:
        topic = message.topic
        found = entities(topic, component, message.object()) if message.payload else []
        before = len(self._of_config.get(topic, []))
        if self._count - before + len(found) > MOST_ENTITIES:
            raise RejectedError(f"more than {MOST_ENTITIES} entities; those of this config are not remembered")
        self._forget(topic)
        if not message.payload:
            return Decoding(nothing="config-removed")
        rejected = Gathered()
        for entity in found:
            fault = entity.fault if self._is_wanted(entity, gateway) else None
            if len(self._by_topic.get(entity.topic, ())) >= MOST_OF_TOPIC:
                fault = f"more than {MOST_OF_TOPIC} entities have the topic {entity.topic[:200]!r}; this one is not remembered"
            else:
                self._learn(topic, entity)
            if fault is not None:
                rejected.reject(fault, partial(msgspec.json.encode, {"entity": entity.id, "topic": entity.topic}))
        return rejected.decoding(updates=self._states(found, gateway), nothing=CONFIG)

    def _learn(self, config: str, entity: Entity) -> None:
        self._of_config.setdefault(config, []).append(entity)
        self._by_topic.setdefault(entity.topic, {})[entity.id] = entity
        for item in entity.availability:
            self._by_availability.setdefault(item.topic, {})[entity.id] = entity
        for one_filter in entity.wildcards:
            self._wild[one_filter] += 1
            self._matcher[one_filter] = one_filter
        if entity.key is not None:
            insort(self._rivals.setdefault((entity.device, entity.key), []), entity.rank)
        self._count += 1

    def _forget(self, config: str) -> None:
        for entity in self._of_config.pop(config, []):
            _drop(self._by_topic, entity.topic, entity.id)
            for topic in {item.topic for item in entity.availability}:
                _drop(self._by_availability, topic, entity.id)
                if topic not in self._by_availability:
                    self._said.pop(topic, None)
            for one_filter in entity.wildcards:
                self._wild[one_filter] -= 1
                if not self._wild[one_filter]:
                    del self._wild[one_filter]
                    del self._matcher[one_filter]  # type: ignore[no-untyped-call]
            if entity.key is not None:
                rivals = self._rivals[entity.device, entity.key]
                del rivals[bisect_left(rivals, entity.rank)]
                if not rivals:
                    del self._rivals[entity.device, entity.key]
            self._count -= 1

    # Availability

    def _remember(self, topic: str, text: str) -> None:
        if len(text) > LONGEST_SAID or len(topic) > LONGEST_TOPIC:
            self._said.pop(topic, None)
            return
        if topic not in self._said and len(self._said) >= MOST_SAID:
            self._said.clear()
        self._said[topic] = text

    def _states(self, watching: Any, gateway: Gateway, topic: str | None = None) -> list[DeviceUpdate]:
        """Return the state of each device of some entities, after a message on `topic`; a device is there where one of its entities is."""
        said: dict[str, set[str]] = {}
        for entity in watching:
            spend()
            state = self._state(entity, topic)
            if state is not None and self._is_wanted(entity, gateway):
                said.setdefault(entity.device, set()).add(state)
        return [DeviceUpdate(device, ONLINE if ONLINE in states else OFFLINE) for device, states in said.items()]

    def _state(self, entity: Entity, topic: str | None) -> str | None:
        known = {item.topic: self._said_by(item) for item in entity.availability}
        states = set(known.values())
        if entity.mode == "all":
            return OFFLINE if OFFLINE in states else ONLINE if states == {ONLINE} else None
        if entity.mode == "any":
            return ONLINE if ONLINE in states else OFFLINE if states == {OFFLINE} else None
        return known.get(topic) if topic is not None else next((state for state in known.values() if state), None)

    def _said_by(self, item: Availability) -> str | None:
        text = self._said.get(item.topic)
        if text is None:
            return None
        if item.template is not None:
            look()
            try:
                text = str(item.template.render(Scope(text)))
            except (TemplateError, RejectedError):
                return None
        return {item.not_available: OFFLINE, item.available: ONLINE}.get(text.strip())

    # Values

    def _values(self, sensors: list[Entity], text: str, gateway: Gateway, updates: list[DeviceUpdate]) -> Decoding:
        if not sensors or is_absent(text):
            return Decoding(updates=updates, nothing="no-value")
        gathered, scope, read = Gathered(), Scope(text), set[str]()
        at = site_time(gateway, _content(scope)) if gateway.time else None
        mapped = {entry.pointer: entry for entry in gateway.mapping}
        unread: RejectedError | None = None
        for entity in sensors:
            # A template may read the whole payload.
            look()
            pointer = next((pointer for pointer in entity.pointers if pointer in mapped), None)
            if pointer is None and not self._is_first(entity):
                continue
            if entity.fault is not None:
                continue
            try:
                value = _value(entity, scope)
            except RejectedError as error:
                unread = error
                continue
            if value is MISSING or is_absent(value):
                continue
            if pointer is not None:
                read.update(entity.pointers)
                gathered.put_entry(entity.device, at, mapped[pointer], value, unit=entity.unit)
            elif entity.key is not None:
                gathered.put_raw(entity.device, at, entity.key, value, unit=entity.unit)
        if unread is not None and not gathered and not updates:
            raise unread
        self._rest(gathered, sensors[0].device, at, scope, gateway, read)
        blind = any(entity.fault is not None for entity in sensors)
        return gathered.decoding(updates=updates, nothing="template" if blind else "no-quantity")

    @staticmethod
    def _rest(gathered: Gathered, device: str, at: When, scope: Scope, gateway: Gateway, read: set[str]) -> None:
        """Add what the mapping points at in a payload of JSON, besides what entities have read."""
        entries = [entry for entry in gateway.mapping if entry.pointer and entry.pointer not in read]
        if entries and (content := _content(scope)) is not None:
            for entry in entries:
                if not is_absent(value := at_pointer(content, entry.pointer)):
                    gathered.put_entry(device, at, entry, value)

    def _is_first(self, entity: Entity) -> bool:
        """Tell whether an entity is the one whose value of a quantity counts: of two thermometers of one device it is the first by id."""
        return entity.key is not None and self._rivals[entity.device, entity.key][0] == entity.rank

    @staticmethod
    def _is_wanted(entity: Entity, gateway: Gateway) -> bool:
        return entity.key is not None or any(entry.pointer in entity.pointers for entry in gateway.mapping)


def _value(entity: Entity, scope: Scope) -> Any:
    """Return what an entity says; where its template cannot be applied, an object that names it, which is kept and flagged."""
    if entity.template is None:
        return scope.value
    try:
        return entity.template.render(scope)
    except TemplateError as error:
        return {"template": entity.template.text, "fault": str(error)[:200]}


def _content(scope: Scope) -> Any:
    try:
        return scope.value_json()
    except RejectedError:
        return None


def _drop(index: dict[str, dict[EntityId, Entity]], topic: str, entity: EntityId) -> None:
    index[topic].pop(entity, None)
    if not index[topic]:
        del index[topic]
