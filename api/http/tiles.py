"""Which tiles lie under the map, if any."""

from typing import Final

from fastapi import APIRouter, Request, Response

from jeonju.api.http.answers import answer, example

router = APIRouter(prefix="/api/v1", tags=["site"])

_TILES: Final = {"url": "https://tiles.example.org/{z}/{x}/{y}.png", "attribution": "© contributors"}


@router.get("/tiles", responses=example(_TILES))
async def tiles(request: Request) -> Response:
    """The raster tiles that the one who runs the city wants under the map; null where none are set."""
    chosen = request.app.state.tiles
    return answer(None if chosen is None else chosen._asdict())
