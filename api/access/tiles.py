"""Tiles of another server under the map, where the one who runs the city wants them; without, nothing comes from elsewhere."""

import re
from typing import Final, NamedTuple, Self
from urllib.parse import urlsplit

from jeonju.common.errors import UserError

_ADDRESS: Final = re.compile(r"https?://[A-Za-z0-9.-]+(:\d{1,5})?/[!-~]*")
_PLACEHOLDERS: Final = ("{z}", "{x}", "{y}")
LONGEST: Final = 500


class Tiles(NamedTuple):
    """The address of raster tiles with `{z}`, `{x}` and `{y}`, and whose they are, to be shown."""

    url: str
    attribution: str

    @classmethod
    def of(cls, url: str, attribution: str) -> Self | None:
        """Return them as settings name them, None for an empty address. Raises UserError for what cannot be one."""
        if not url:
            return None
        if not _ADDRESS.fullmatch(url) or len(url) > LONGEST or any(url.count(part) != 1 for part in _PLACEHOLDERS):
            raise UserError(
                f"--map-tiles {url!r} is no address of tiles; give such as https://tiles.example.org/{{z}}/{{x}}/{{y}}.png"
            )
        if not attribution or len(attribution) > LONGEST:
            raise UserError(
                "--map-tiles needs --map-attribution: whose tiles they are, as their licence wants it shown"
            )
        return cls(url, attribution)

    @property
    def origin(self) -> str:
        """The one server that the page may ask for them."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"
