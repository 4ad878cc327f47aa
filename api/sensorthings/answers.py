"""Entities as JSON, with what is selected and expanded."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

from fastapi import HTTPException

from jeonju.api.sensorthings.graph import Graph
from jeonju.api.sensorthings.kinds import Entity, leads_to_many
from jeonju.api.sensorthings.options import Options
from jeonju.api.sensorthings.page import Page, Pages

# Of one answer, expanded ones included.
MOST_ENTITIES: Final = 20_000
_SHOWN: Final = {"id": "@iot.id", "selfLink": "@iot.selfLink"}


class Answers:
    """Makes the JSON of one request; `root` is the address of the service."""

    def __init__(self, root: str, graph: Graph, pages: Pages) -> None:
        self._root, self._graph, self._pages = root, graph, pages
        self._made = 0

    def of_page(self, page: Page, options: Options, path: str) -> dict[str, Any]:
        """Return a set."""
        content: dict[str, Any] = {} if page.count is None else {"@iot.count": page.count}
        content["value"] = [self.of_entity(entity, options) for entity in page.entities]
        if page.following is not None:
            content["@iot.nextLink"] = self._further(f"{self._root}/{quote(path, safe=_SAFE)}", page.following)
        return content

    def of_entity(self, entity: Entity, options: Options) -> dict[str, Any]:
        """Return one entity."""
        self._made += 1
        if self._made > MOST_ENTITIES:
            raise HTTPException(
                400,
                f"the answer would have more than {MOST_ENTITIES} entities; expand less, or ask with a smaller $top",
            )
        address = self.address(entity)
        every = {
            "@iot.id": entity.id,
            "@iot.selfLink": address,
            **{name: entity.properties[name] for name in entity.kind.properties},
            **{f"{link}@iot.navigationLink": f"{address}/{link}" for link in entity.kind.links},
        }
        content = _selected(every, options)
        for link, inner in options.expand.items():
            content.pop(f"{link}@iot.navigationLink", None)
            content |= self._expanded(entity, link, inner, address)
        return content

    def references(self, page: Page, path: str) -> dict[str, Any]:
        """Return the addresses of a set."""
        content: dict[str, Any] = {"value": [{"@iot.selfLink": self.address(entity)} for entity in page.entities]}
        if page.following is not None:
            content["@iot.nextLink"] = self._further(f"{self._root}/{quote(path, safe=_SAFE)}", page.following)
        return content

    def address(self, entity: Entity) -> str:
        """Return the address of an entity."""
        # A quote in an id is written twice; none of ours has one.
        return f"{self._root}/{entity.kind.entity_set}('{quote(entity.id, safe=_SAFE)}')"

    def _expanded(self, entity: Entity, link: str, inner: Options, address: str) -> dict[str, Any]:
        found = self._graph.related(entity, link)
        if found is None or isinstance(found, Entity):
            return {link: None if found is None else self.of_entity(found, inner)}
        page = self._pages.page(found, inner)
        content: dict[str, Any] = {link: [self.of_entity(one, inner) for one in page.entities]}
        if page.count is not None:
            content[f"{link}@iot.count"] = page.count
        if page.following is not None and leads_to_many(link):
            content[f"{link}@iot.nextLink"] = self._further(f"{address}/{link}", page.following)
        return content

    @staticmethod
    def _further(address: str, options: Mapping[str, str]) -> str:
        return f"{address}?{urlencode(options, safe='$', quote_via=quote)}"


# What may stand in a path as it is (RFC 3986, pchar), and slashes.
_SAFE: Final = "/:@!$&'()*+,;="


def _selected(every: dict[str, Any], options: Options) -> dict[str, Any]:
    if not options.select:
        return every
    names = {_SHOWN.get(name, name) for name in options.select}
    return {
        name: value
        for name, value in every.items()
        if name in names or name.partition("@iot.navigationLink")[0] in names
    }
