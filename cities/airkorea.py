"""AirKorea's list of stations, asked from the open data portal with a key."""

import logging
from typing import Final
from urllib.parse import quote, unquote

import urllib3

from jeonju.common.errors import UnavailableError, UserError
from jeonju.ingest.airkorea import KEY_VARIABLE

SERVICE: Final = "http://apis.data.go.kr/B552584/MsrstnInfoInqireSvc"
MOST: Final = 1000
ANSWER_S: Final = 30.0


def station_list(key: str, service: str = SERVICE) -> bytes:
    """Return the whole list as the portal answers it. Raises UserError for a key that is not taken, UnavailableError for what may pass."""
    # At its finest level urllib3 logs addresses, and with them the key.
    logging.getLogger("urllib3").setLevel(logging.INFO)
    asked = (
        f"{service.rstrip('/')}/getMsrstnList?serviceKey={quote(unquote(key.strip()), safe='')}"
        f"&returnType=json&numOfRows={MOST}&pageNo=1"
    )
    try:
        response = urllib3.PoolManager(retries=False, timeout=ANSWER_S).request("GET", asked)
    except urllib3.exceptions.HTTPError as error:
        # The text of the error can hold the address, and with it the key.
        raise UnavailableError(f"AirKorea cannot be reached ({type(error).__name__})") from None
    if b'"items"' not in response.data:
        reason = "SERVICE_KEY" if b"SERVICE" in response.data.upper() and b"KEY" in response.data.upper() else ""
        raise UserError(
            f"AirKorea gives no station list ({response.status} {reason}".rstrip()
            + f"); see on data.go.kr (15073877) that the key in {KEY_VARIABLE} may be used for it"
        )
    return response.data
