"""What a discovery config says of its entities. See README.md beside this file."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from jeonju.common.errors import RejectedError
from jeonju.contract.gateways import conversion
from jeonju.decoders.budget import look
from jeonju.decoders.fields import key_of
from jeonju.decoders.ha_discovery import words
from jeonju.decoders.ha_discovery.template import Template, parse
from jeonju.decoders.ha_discovery.values import TemplateError

# Of the abbreviations of MQTT discovery those that say something of measurements.
ABBREVIATIONS: Final = {
    "avty": "availability",
    "avty_mode": "availability_mode",
    "avty_t": "availability_topic",
    "avty_tpl": "availability_template",
    "cmps": "components",
    "cns": "connections",
    "dev": "device",
    "dev_cla": "device_class",
    "en": "enabled_by_default",
    "ent_cat": "entity_category",
    "ids": "identifiers",
    "obj_id": "object_id",
    "p": "platform",
    "pl_avail": "payload_available",
    "pl_not_avail": "payload_not_available",
    "stat_t": "state_topic",
    "t": "topic",
    "uniq_id": "unique_id",
    "unit_of_meas": "unit_of_measurement",
    "val_tpl": "value_template",
}
# What kinds of entities there are: by them a config's topic is known.
COMPONENTS: Final = frozenset(
    [
        "alarm_control_panel",
        "binary_sensor",
        "button",
        "camera",
        "climate",
        "cover",
        "device",
        "device_automation",
        "device_tracker",
        "event",
        "fan",
        "humidifier",
        "image",
        "lawn_mower",
        "light",
        "lock",
        "notify",
        "number",
        "scene",
        "select",
        "sensor",
        "siren",
        "switch",
        "tag",
        "text",
        "update",
        "vacuum",
        "valve",
        "water_heater",
    ]
)
BUNDLE, SENSOR = "device", "sensor"
KEY_OF_CLASS: Final = {
    "atmospheric_pressure": "pressure",
    "battery": "battery",
    "carbon_dioxide": "co2",
    "carbon_monoxide": "co",
    "humidity": "humidity",
    "nitrogen_dioxide": "no2",
    "ozone": "o3",
    "pm1": "pm1",
    "pm10": "pm10",
    "pm25": "pm25",
    "pressure": "pressure",
    "sound_pressure": "noise",
    "sulphur_dioxide": "so2",
    "temperature": "temperature",
    "volatile_organic_compounds": "tvoc",
    "volatile_organic_compounds_parts": "tvoc",
    "voltage": "voltage",
    "wind_direction": "wind_direction",
    "wind_speed": "wind_speed",
}
# What a device may say of itself; anything else that is marked so, such as the temperature of its chip, is not of the air.
OF_THE_DEVICE: Final = frozenset(("battery", "voltage", "rssi", "snr"))
DIAGNOSTIC: Final = "diagnostic"
SIGNAL: Final = "signal_strength"
# The class of indices, for want of another.
INDEX, VOC_INDEX = "aqi", "voc_index"
# What is switched off until somebody wants it comes after what is shown.
SWITCHED_OFF: Final = 10
BASE: Final = "~"
LONGEST_TEXT: Final = 1000
MOST_TOPICS: Final = 8


# The topic of the config, and the name in it.
EntityId = tuple[str, str]
# Whether the unit does not fit, how far the sensor is from the air outside, and the id.
Rank = tuple[bool, int, EntityId]


@dataclass(frozen=True, slots=True)
class Availability:
    """A topic that says whether a device is there, and in which words."""

    topic: str
    available: str
    not_available: str
    template: Template | None


@dataclass(frozen=True, slots=True)
class Entity:
    """One sensor of a device. `fault` is why its template is not understood; `names` are what a mapping may call it."""

    id: EntityId
    names: tuple[str, ...]
    device: str
    key: str | None
    unit: str | None
    topic: str
    template: Template | None
    distance: int
    fault: str | None
    availability: tuple[Availability, ...]
    mode: str

    @property
    def rank(self) -> Rank:
        """Which of several entities of one quantity of a device counts: the one whose unit fits, nearest to the air outside, first by its id."""
        return self.key is not None and not _fits(self.key, self.unit), self.distance, self.id

    @property
    def wildcards(self) -> set[str]:
        """Its topics that are filters: Home Assistant subscribes to them as they are."""
        return {topic for topic in (self.topic, *(item.topic for item in self.availability)) if is_wild(topic)}

    @property
    def pointers(self) -> list[str]:
        """The pointers by which a mapping may mean it: `/` and a name, or the member that it reads."""
        named = ["/" + name.replace("~", "~0").replace("/", "~1") for name in self.names]
        if self.template is None:
            return [*named, ""]
        return [*named, self.template.pointer] if self.template.pointer is not None else named


def is_wild(topic: str) -> bool:
    """Tell whether a topic is a filter with wildcards."""
    return "+" in topic or "#" in topic


def component_of(levels: list[str]) -> str | None:
    """Return the kind of entity of a config's topic: {prefix}/{component}[/{node}]/{object}/config; None for other topics."""
    if levels[-1] != "config" or len(levels) < 4:
        return None
    # The second level of the usual prefix of one level goes before a node that is called like a component.
    places = (levels[1], levels[-3]) if len(levels) < 6 else (levels[-4], levels[-3])
    return next((level for level in places if level in COMPONENTS), None)


def entities(topic: str, component: str, config: dict[str, Any]) -> list[Entity]:
    """Return the sensors that a config describes; raises RejectedError for texts that are too long."""
    shared = _written_out(config)
    found = []
    for name, described in _described(topic, component, shared):
        if (state := _text(described, "state_topic")) is not None:
            found.append(_entity(topic, name, described, state))
    return found


def _described(topic: str, component: str, config: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    if component == SENSOR:
        yield topic.split("/")[-2], config
    elif component == BUNDLE:
        parts = config.get("components")
        if not isinstance(parts, dict):
            return
        shared = {name: value for name, value in config.items() if name not in ("components", "name", "platform")}
        for name, part in parts.items():
            # The members that all parts share are copied for each of them.
            look()
            if isinstance(part, dict) and (own := _written_out(part, shared.get(BASE))).get("platform") == SENSOR:
                yield name, shared | own


def _written_out(config: dict[str, Any], base: Any = None) -> dict[str, Any]:
    """Return a config without abbreviations, and without `~` for the base of its topics."""
    full = {ABBREVIATIONS.get(name, name): value for name, value in config.items()}
    base = full.get(BASE, base)
    for name, value in full.items():
        if name == "device" and isinstance(value, dict):
            full[name] = {ABBREVIATIONS.get(inner, inner): said for inner, said in value.items()}
        elif name == "availability":
            listed = value if isinstance(value, list) else [value]
            full[name] = [_written_out(item, base) for item in listed[:MOST_TOPICS] if isinstance(item, dict)]
        elif isinstance(value, str) and isinstance(base, str) and (name == "topic" or name.endswith("_topic")):
            full[name] = _with_base(value, base)
    return full


def _with_base(topic: str, base: str) -> str:
    if topic.startswith(BASE):
        topic = base + topic[1:]
    return topic[:-1] + base if topic.endswith(BASE) else topic


def _entity(topic: str, name: str, described: Mapping[str, Any], state: str) -> Entity:
    template, fault, unit = None, None, _text(described, "unit_of_measurement")
    if (text := _text(described, "value_template")) is not None:
        try:
            template = parse(text)
        except TemplateError as error:
            fault = f"the template {text[:200]!r} is not understood: {error}"
    names = (_text(described, "unique_id"), _text(described, "object_id"), name, _text(described, "name"))
    said = [item for item in names if item]
    told = words.told((_member(template), *said))
    return Entity(
        id=(topic, name),
        names=tuple(dict.fromkeys(said)),
        device=_device(described.get("device"), state),
        key=_key(described, template, unit, said, told),
        unit=unit,
        topic=state,
        template=template,
        distance=words.distance(told) + SWITCHED_OFF * (described.get("enabled_by_default") is False),
        fault=fault,
        availability=tuple(_availability(described)),
        mode=_text(described, "availability_mode") or "latest",
    )


def _availability(described: Mapping[str, Any]) -> Iterator[Availability]:
    listed = described.get("availability")
    single = {
        "topic": described.get("availability_topic"),
        "value_template": described.get("availability_template"),
        **{name: described[name] for name in ("payload_available", "payload_not_available") if name in described},
    }
    for item in listed if isinstance(listed, list) else [single]:
        if (topic := _text(item, "topic")) is None:
            continue
        template = None
        if (text := _text(item, "value_template")) is not None:
            try:
                template = parse(text)
            except TemplateError:
                continue
        yield Availability(
            topic,
            _text(item, "payload_available") or "online",
            _text(item, "payload_not_available") or "offline",
            template,
        )


def _member(template: Template | None) -> str:
    """Return the name of the member that a template reads."""
    return template.pointer.rpartition("/")[2] if template is not None and template.pointer else ""


def _key(
    described: Mapping[str, Any], template: Template | None, unit: str | None, names: list[str], told: list[str]
) -> str | None:
    """Return what an entity measures: by its class, else by the member that it reads or its name, if the unit fits."""
    of_class, member = _text(described, "device_class"), _member(template)
    if of_class not in (None, INDEX):
        key = words.of_signal(told) if of_class == SIGNAL else KEY_OF_CLASS.get(of_class)
    else:
        candidates = [
            member.replace("~1", "/").replace("~0", "~"),
            *names,
            *(name.rpartition(" ")[2] for name in names),
        ]
        # A name is for people: Wind Direction.
        candidates += [text.strip().replace(" ", "_") for text in candidates]
        known = (key_of(text) or words.OF_ONE_WORD.get(text.lower()) for text in candidates)
        key = next((key for key in known if key and _fits(key, unit)), None)
        key = None if of_class == INDEX and key != VOC_INDEX else key
    if key == "tvoc" and words.is_index(told):
        key = VOC_INDEX
    if described.get("entity_category") == DIAGNOSTIC and key not in OF_THE_DEVICE:
        return None
    return None if key is None or words.is_left_aside(key, told) else key


def _fits(key: str, unit: str | None) -> bool:
    if not unit:
        return True
    try:
        conversion(key, unit)
    except ValueError:
        return False
    return True


def _device(described: Any, state: str) -> str:
    """Return what names a device: its first identifier, an address, its name; without any the state topic's last level but one."""
    if isinstance(described, dict):
        identifiers, connections = described.get("identifiers"), described.get("connections")
        said = [identifiers[0] if isinstance(identifiers, list) and identifiers else identifiers]
        if isinstance(connections, list) and connections and isinstance(connections[0], list):
            said += connections[0][1:2]
        for item in (*said, described.get("name")):
            if isinstance(item, str | int) and not isinstance(item, bool) and str(item).strip():
                return str(item)[:LONGEST_TEXT]
    levels = state.split("/")
    return levels[-2] if len(levels) > 1 and levels[-2] else state


def _text(described: Mapping[str, Any], name: str) -> str | None:
    value = described.get(name)
    if not isinstance(value, str) or not value.strip():
        return None
    if len(value) > LONGEST_TEXT:
        raise RejectedError(f"has a {name} of more than {LONGEST_TEXT} characters")
    return value
