"""The page at `/`."""

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse

router = APIRouter(include_in_schema=False)


@router.get("/")
async def page() -> FileResponse:
    """The live page."""
    return FileResponse(Path(__file__).parents[1] / "static" / "index.html")
