"""What a request asks for: the parameters of NGSI-LD, checked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from jeonju.api.ngsi.entities import Entity
from jeonju.api.ngsi.geo import parse_geo
from jeonju.api.ngsi.models import TYPES, short_term, short_type
from jeonju.api.ngsi.problems import NgsiError, bad
from jeonju.api.ngsi.query import Condition, matches_pattern, parse_query
from jeonju.api.ngsi.rendering import Form
from jeonju.contract.site import Site

MOST_NAMED: Final = 200
_OPTIONS: Final = frozenset(
    {"keyValues", "simplified", "normalized", "count", "sysAttrs", "temporalValues", "aggregatedValues"}
)
# To leave these out in silence would answer another question.
_NOT_HERE: Final = frozenset(
    {"scopeQ", "csf", "lang", "datasetId", "geometryProperty", "join", "containedBy", "pick", "omit", "splitEntities"}
)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Which entities, which of their attributes, and in what form."""

    types: tuple[str, ...]
    conditions: tuple[Condition, ...]
    attrs: frozenset[str]
    options: frozenset[str]

    @property
    def form(self) -> Form:
        """How entities look."""
        return "keyValues" if self.options & {"keyValues", "simplified"} else "normalized"

    @property
    def counts(self) -> bool:
        """Whether the number of all is wanted."""
        return "count" in self.options

    @property
    def with_times(self) -> bool:
        """Whether it is wanted when an entity changed."""
        return "sysAttrs" in self.options

    def holds(self, entity: Entity) -> bool:
        """Return whether an entity is one of those that are asked for."""
        if self.attrs and not self.attrs & entity.attributes.keys():
            return False
        return all(condition(entity) for condition in self.conditions)


def read_asked(query: Mapping[str, str], site: Site, *, needs_choice: bool = True) -> Asked:
    """Return what a query asks for. Raises NgsiError for one that is wrong, or that names nothing to choose by (clause 5.7.2)."""
    if unknown := _NOT_HERE & query.keys():
        raise NgsiError("OperationNotSupported", f"{min(unknown)} is not known here (docs/standards.md)")
    if needs_choice and not query.keys() & {"type", "attrs", "q", "georel"}:
        raise bad(f"name what is wanted: type={','.join(TYPES)}, attrs, q, or georel")
    return Asked(
        types=_types(query.get("type", "")),
        conditions=tuple(_conditions(query, site)),
        attrs=frozenset(map(short_term, _names("attrs", query.get("attrs", "")))),
        options=_options(query),
    )


def read_number(query: Mapping[str, str], name: str, otherwise: int, most: int) -> int:
    """Return a number from 0 on. Raises NgsiError for what is none, or too large."""
    said = query.get(name, str(otherwise))
    if not (said.isascii() and said.isdecimal() and int(said[:9]) <= most and len(said) <= 9):
        raise bad(f"{name}: must be a whole number from 0 to {most}")
    return int(said)


def _types(said: str) -> tuple[str, ...]:
    if not said or said == "*":
        return TYPES
    names = {short_type(name.strip("()")) for name in _names("type", said.replace("|", ","))}
    return tuple(name for name in TYPES if name in names)


def _options(query: Mapping[str, str]) -> frozenset[str]:
    options = {*_names("options", query.get("options", "")), *_names("format", query.get("format", ""))}
    if unknown := options - _OPTIONS:
        raise bad(f"options: {min(unknown)[:40]!r} is not known; there are {', '.join(sorted(_OPTIONS))}")
    count = query.get("count", "false")
    if count not in ("true", "false"):
        raise bad("count: must be true or false")
    return frozenset(options | ({"count"} if count == "true" else set()))


def _conditions(query: Mapping[str, str], site: Site) -> "list[Condition]":
    conditions = list[Condition]()
    if said := query.get("id"):
        conditions.append(_is_one_of(frozenset(_names("id", said))))
    if said := query.get("idPattern"):
        conditions.append(_matches(matches_pattern(said)))
    if said := query.get("q"):
        conditions.append(parse_query(said))
    if said := query.get("georel"):
        lacking = [name for name in ("geometry", "coordinates") if not query.get(name)]
        if lacking:
            raise bad(f"georel needs {' and '.join(lacking)}")
        name = query.get("geoproperty", "location")
        conditions.append(parse_geo(site.map, said, query["geometry"], query["coordinates"], name))
    elif query.keys() & {"geometry", "coordinates"}:
        raise bad("geometry and coordinates need georel")
    return conditions


def _is_one_of(ids: frozenset[str]) -> Condition:
    return lambda entity: entity.id in ids


def _matches(matches: Callable[[str], bool]) -> Condition:
    return lambda entity: matches(entity.id)


def _names(what: str, said: str) -> list[str]:
    names = [name.strip() for name in said.split(",") if name.strip()]
    if len(names) > MOST_NAMED:
        raise bad(f"{what}: at most {MOST_NAMED} can be named")
    return names
