"""AirKorea's list of stations, asked from the open data portal with a key."""

from typing import Final

from jeonju.ingest.airkorea import KEY_VARIABLE, MOST_STATIONS, STATIONS
from jeonju.ingest.data_portal import DataPortal, Service

LIST: Final = Service("AirKorea's station list", "15073877", (KEY_VARIABLE,))


def station_list(key: str, service: str = STATIONS) -> bytes:
    """Return the whole list as the portal answers it. Raises UserError for a key that is not taken, UnavailableError for what may pass."""
    query = f"returnType=json&numOfRows={MOST_STATIONS}&pageNo=1"
    return DataPortal(LIST, key).ask(f"{service.rstrip('/')}/getMsrstnList", query)[0]
