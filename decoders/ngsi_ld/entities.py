"""Where entities and the values of their attributes stand in a message."""

from collections.abc import Iterator
from typing import Any, Final

from jeonju.decoders.budget import spend

NOTIFICATION: Final = "Notification"
# In GeoJSON the attributes are properties of a feature, and its geometry is the place.
FEATURE: Final = "Feature"
# Around entities: the body of a message over MQTT, the data of a notification, a collection of GeoJSON, and NGSI of version 1.
WRAPPERS: Final = ("body", "data", "features", "contextResponses", "contextElements", "contextElement")
DEEPEST: Final = 6
# In the model DeviceMeasurement one attribute says what is measured, another the number, a third the unit.
MEASURED, NUMBER, UNIT = "controlledProperty", "numValue", "unit"


def entities(content: Any, path: str, depth: int = 0) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield entities, attributes by their names, with the path to them: alone, in lists, and within what a broker puts around them."""
    spend()
    if depth > DEEPEST:
        return
    if isinstance(content, list):
        for index, inner in enumerate(content):
            yield from entities(inner, f"{path}/{index}", depth + 1)
    elif isinstance(content, dict):
        for name in WRAPPERS:
            if isinstance(inner := content.get(name), dict | list) and "value" not in inner:
                yield from entities(inner, f"{path}/{name}", depth + 1)
                return
        if value_of(content.get("type")) != NOTIFICATION:
            yield path, _with_measured(_plain(content))


def instances(attribute: Any) -> list[Any]:
    """Return the values of an attribute, of which the last counts: of several the one without a `datasetId`, which is the default.

    The values of a stretch of time may stand in one attribute, as pairs of value and instant (NGSI-LD, 4.5.9).
    """
    pairs = member(attribute, "values")
    if isinstance(pairs, list):
        rest = {name: said for name, said in attribute.items() if name != "values"}
        return [
            rest | {"value": pair[0], "observedAt": pair[1]}
            for pair in pairs
            if isinstance(pair, list) and len(pair) == 2
        ]
    if not isinstance(attribute, list):
        return [attribute]
    return sorted(attribute, key=lambda item: member(item, "datasetId") is None)


def value_of(attribute: Any) -> Any:
    """Return the value of an attribute, normalized or not; what JSON-LD wraps is taken out."""
    if isinstance(attribute, dict):
        for name in ("value", "object", "@value"):
            if name in attribute:
                return (
                    value_of(attribute[name])
                    if isinstance(attribute[name], dict) and "@value" in attribute[name]
                    else attribute[name]
                )
    return attribute


def member(content: Any, name: str) -> Any:
    """Return a member of an object; None of anything else."""
    return content.get(name) if isinstance(content, dict) else None


def _plain(content: dict[str, Any]) -> dict[str, Any]:
    """Return an entity whose attributes are not its own members as one whose are: of GeoJSON, or of NGSI version 1."""
    if content.get("type") == FEATURE and isinstance(properties := content.get("properties"), dict):
        return {**content, "location": content.get("geometry"), **properties}
    if isinstance(listed := content.get("attributes"), list) and "id" in content:
        named = {str(name): _with_metadata(item) for item in listed if (name := member(item, "name"))}
        return {name: said for name, said in content.items() if name != "attributes"} | named
    return content


def _with_metadata(attribute: dict[str, Any]) -> dict[str, Any]:
    """Return an attribute of NGSI version 1, which lists its metadata, as one of version 2, which names them."""
    listed = attribute.get("metadatas")
    if not isinstance(listed, list):
        return attribute
    return {**attribute, "metadata": {str(name): item for item in listed if (name := member(item, "name"))}}


def _with_measured(entity: dict[str, Any]) -> dict[str, Any]:
    """Return an entity of the model DeviceMeasurement with its number under the name of what is measured; any other as it is."""
    name = value_of(entity.get(MEASURED))
    if not isinstance(name, str) or NUMBER not in entity or name in entity:
        return entity
    measured = {"value": value_of(entity[NUMBER]), "unitCode": value_of(entity.get(UNIT))}
    return {key: said for key, said in entity.items() if key not in (NUMBER, UNIT)} | {name: measured}
