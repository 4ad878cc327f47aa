"""Several sites behind one address: each is an application of its own below `/sites/NAME/`; the first is also at `/`."""

from collections.abc import Mapping, Sequence
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from jeonju.api.access.problem import problem
from jeonju.contract.site import Site

PREFIX: Final = "/sites/"
# Whoever has a key may ask which sites it is for.
LIST_PATH: Final = "/api/v1/sites"


def listed(sites: Sequence[Site]) -> list[dict[str, str]]:
    """Return what the console needs to offer sites: name, labels, and the path below which each is."""
    return [
        {
            "name": site.name,
            "label_ko": site.label_ko,
            "label_en": site.label_en,
            "path": "/" if number == 0 else f"{PREFIX}{site.name}/",
        }
        for number, site in enumerate(sites)
    ]


class SitesFront:
    """Lets the application of a site answer what is asked below its address; it checks who asks as that of the first site does."""

    def __init__(self, app: ASGIApp, others: Mapping[str, ASGIApp], first: str) -> None:
        self._app, self._apps = app, {first: app, **others}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on."""
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await self._app(scope, receive, send)
            return
        name, slash, rest = scope["path"].removeprefix(PREFIX).partition("/")
        app = self._apps.get(name)
        if app is None or not slash:
            await problem(404, f"no such site; there are: {', '.join(self._apps)} (the address ends in /)")(
                scope, receive, send
            )
            return
        path = f"/{rest}"
        await app({**scope, "path": path, "raw_path": path.encode()}, receive, send)
