"""Under which names the api is served, and to whose pages: a foreign page, or a foreign name that leads here, gets nothing."""

import ipaddress
from collections.abc import Collection
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import Scope

_DEFAULT_PORTS: Final = (":80", ":443")
# A browser says these of a page of the same origin, and of what the user typed or opened from outside a page; no script can set the header.
_OWN: Final = frozenset({"same-origin", "none"})


def wrong_name(headers: Headers, names: Collection[str], *, needs_keys: bool) -> str | None:
    """Return why a request is not for us by the name it asks for, None where it is.

    Without keys only names of this machine count, or any page whose name leads here could ask (DNS rebinding); with keys only those in `names`,
    where there are any. Names of this machine always count.
    """
    if needs_keys and not names:
        return None
    name = _host(headers.get("host", ""))
    if _is_loopback_name(name) or name in names:
        return None
    why = "it is none of those in --host-names" if needs_keys else "without keys only names of this machine are served"
    return f"this is not served as {name[:100]!r}: {why}"


def foreign_page(headers: Headers, method: str) -> str | None:
    """Return why a request comes from a page that is not ours, None where it comes from ours or from no page at all."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        if site in _OWN or _is_a_link(headers, method):
            return None
        return "this request comes from the page of another site"
    origin = headers.get("origin")
    if origin is None or _authority(origin) == _without_default_port(headers.get("host", "").lower()):
        return None
    return f"this request comes from a page of {origin[:100]!r}"


def is_elsewhere(scope: Scope) -> bool:
    """Return whether a client is on another machine."""
    client = scope.get("client")
    return client is not None and not _is_loopback_name(str(client[0]))


def _is_a_link(headers: Headers, method: str) -> bool:
    """Return whether somebody follows a link on another site: it opens our page in a window of its own, and changes nothing."""
    wanted = (headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest"))
    return method == "GET" and wanted == ("navigate", "document")


def _host(text: str) -> str:
    """Return the name in a Host header without its port."""
    text = text.strip().lower()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.rpartition(":")[0] if text.count(":") == 1 else text


# Asked several times for each request, and parsed slowly.
@lru_cache(maxsize=1024)
def _is_loopback_name(name: str) -> bool:
    name = name.rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _authority(origin: str) -> str:
    """Return host and port of an origin; schemes are not compared, as a proxy may speak HTTPS for us."""
    try:
        return _without_default_port(urlsplit(origin).netloc.lower())
    except ValueError:
        return ""


def _without_default_port(authority: str) -> str:
    for port in _DEFAULT_PORTS:
        authority = authority.removesuffix(port)
    return authority
