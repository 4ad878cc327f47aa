"""The query options of a request, and those inside `$expand`."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from fastapi import HTTPException

from jeonju.api.sensorthings.expression import Call, ExpressionError, Node, parse
from jeonju.api.sensorthings.graph import check_paths
from jeonju.api.sensorthings.kinds import KINDS, Kind, link_of

PAGE: Final = 100
MOST_ON_PAGE: Final = 1000
MOST_SKIPPED: Final = 100_000
MOST_KEYS: Final = 5
MOST_EXPANDED: Final = 20
DEEPEST_EXPAND: Final = 5
LONGEST_CHARACTERS: Final = 16_000
KNOWN: Final = frozenset({"$filter", "$orderby", "$top", "$skip", "$count", "$select", "$expand", "$skiptoken"})


@dataclass(frozen=True)
class Order:
    """One key to sort by."""

    by: Node
    is_descending: bool


@dataclass(kw_only=True)
class Options:
    """What a request asks of a set, or of one entity. `given` is what stood there, of which links to further pages are made."""

    given: dict[str, str] = field(default_factory=dict)
    filter: Node | None = None
    orderby: tuple[Order, ...] = ()
    top: int = PAGE
    skip: int = 0
    count: bool = False
    select: tuple[str, ...] = ()
    expand: "dict[str, Options]" = field(default_factory=dict)
    skiptoken: str | None = None


def read_options(pairs: Iterable[tuple[str, str]], kind: Kind) -> Options:
    """Return the options of a request for entities of a kind. Raises HTTPException 400, or 501 for an option that is not known."""
    given: dict[str, str] = {}
    for name, value in pairs:
        name = name.strip()
        if not name.startswith("$"):
            continue
        if name not in KNOWN:
            raise HTTPException(501, f"{name[:40]} is not known; there are {', '.join(sorted(KNOWN - {'$skiptoken'}))}")
        if name in given:
            raise HTTPException(400, f"{name} is given twice")
        if len(value) > LONGEST_CHARACTERS:
            raise HTTPException(400, f"{name} is longer than {LONGEST_CHARACTERS} characters")
        given[name] = value
    options = Options(given=given)
    for name, value in given.items():
        try:
            _READERS[name](options, value, kind)
        except ValueError as error:
            raise HTTPException(400, f"{name}: {error}") from error
    return options


def _filter(options: Options, text: str, kind: Kind) -> None:
    options.filter = parse(text)
    check_paths(kind, options.filter)


def _orderby(options: Options, text: str, kind: Kind) -> None:
    keys = [part.strip() for part in split(text, ",")]
    if len(keys) > MOST_KEYS:
        raise ExpressionError(f"has more than {MOST_KEYS} keys")
    orders = list[Order]()
    for key in keys:
        head, _, last = key.rpartition(" ")
        # Clients write it in capitals too.
        is_directed = last.lower() in ("asc", "desc") and bool(head)
        node = parse(head if is_directed else key)
        check_paths(kind, node)
        orders.append(Order(node, is_directed and last.lower() == "desc"))
    options.orderby = tuple(orders)


def _number(text: str, most: int) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 9):
        raise ValueError(f"must be a whole number from 0 on, not {text[:40]!r}")
    if int(text) > most:
        raise ValueError(f"at most {most}; filter by phenomenonTime instead")
    return int(text)


def _top(options: Options, text: str, _kind: Kind) -> None:
    # What is above the page size is served page by page (18-088, request-data/top).
    options.top = min(_number(text.strip(), 999_999_999), MOST_ON_PAGE)


def _skip(options: Options, text: str, _kind: Kind) -> None:
    options.skip = _number(text.strip(), MOST_SKIPPED)


def _count(options: Options, text: str, _kind: Kind) -> None:
    if text not in ("true", "false"):
        raise ValueError(f"must be true or false, not {text[:40]!r}")
    options.count = text == "true"


def _select(options: Options, text: str, kind: Kind) -> None:
    names = [name.strip() for name in text.split(",")]
    known = ("id", "@iot.id", "selfLink", "@iot.selfLink", *kind.properties, *kind.links)
    for name in names:
        if name.partition("/")[0] not in known:
            raise ExpressionError(f"{kind.entity_set} have no {name[:60]!r}; they have {', '.join(known)}")
    options.select = tuple(name.partition("/")[0] for name in names)


def _skiptoken(options: Options, text: str, _kind: Kind) -> None:
    at, _, seen = text.partition(".")
    if not all(part.isascii() and part.isdecimal() and len(part) <= 17 for part in (at, seen)):
        raise ValueError("is none of ours; follow @iot.nextLink as it is")
    options.skiptoken = text


def _expand(options: Options, text: str, kind: Kind, depth: int = 1) -> None:
    if depth > DEEPEST_EXPAND:
        raise ExpressionError(f"is nested deeper than {DEEPEST_EXPAND} levels")
    parts = split(text, ",")
    if len(parts) > MOST_EXPANDED:
        raise ExpressionError(f"names more than {MOST_EXPANDED} links")
    for part in parts:
        path, has_inner, inner = part.strip().partition("(")
        if has_inner and not inner.endswith(")"):
            raise ExpressionError(f"lacks ')' in {part.strip()[:60]!r}")
        here, target, level = options, kind, depth
        for name in path.strip().split("/"):
            link = link_of(target, name)
            if link is None:
                raise ExpressionError(
                    f"{target.entity_set} have no link {name[:60]!r}; they have {', '.join(target.links)}"
                )
            target = KINDS[target.links[link]]
            here = here.expand.setdefault(link, Options())
            level += 1
            if level > DEEPEST_EXPAND + 1:
                raise ExpressionError(f"is nested deeper than {DEEPEST_EXPAND} levels")
        if has_inner:
            _inner(here, inner[:-1], target, level)


def _inner(options: Options, text: str, kind: Kind, depth: int) -> None:
    for pair in split(text, ";"):
        name, is_given, value = pair.strip().partition("=")
        if not is_given or name not in KNOWN - {"$skiptoken"}:
            raise ExpressionError(f"has {name[:40]!r} where an option such as $top=1 should be")
        options.given[name] = value
        if name == "$expand":
            _expand(options, value, kind, depth)
        else:
            _READERS[name](options, value, kind)


_READERS: Final = {
    "$filter": _filter,
    "$orderby": _orderby,
    "$top": _top,
    "$skip": _skip,
    "$count": _count,
    "$select": _select,
    "$expand": _expand,
    "$skiptoken": _skiptoken,
}


def split(text: str, mark: str) -> list[str]:
    """Return the parts of a text between marks that stand in no brackets and no quotes."""
    parts, depth, is_quoted, begin = list[str](), 0, False, 0
    for at, character in enumerate(text):
        if character == "'":
            is_quoted = not is_quoted
        elif not is_quoted and character in "()":
            depth += 1 if character == "(" else -1
        elif not is_quoted and depth == 0 and character == mark:
            parts.append(text[begin:at])
            begin = at + 1
    return [*parts, text[begin:]]


def is_by_time(order: tuple[Order, ...]) -> bool | None:
    """Return whether a set of readings is wanted in the order of time alone, the newest first; None where in another order.

    Without an order the newest comes first: it is what a client looks for, and the first page costs the least.
    """
    if not order:
        return True
    directions = {one.is_descending for one in order}
    if len(directions) > 1 or any(isinstance(one.by, Call) for one in order):
        return None
    times = ("phenomenonTime",), ("resultTime",), ("time",)
    return order[0].is_descending if all(getattr(one.by, "segments", None) in times for one in order) else None
