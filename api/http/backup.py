"""A copy of the store while it is in use."""

import tempfile
from pathlib import Path

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

from jeonju.api.access.guard import ADMIN_ONLY
from jeonju.api.http.state import Air

router = APIRouter(prefix="/api/v1", tags=["health"])


@router.post(
    "/backup",
    **ADMIN_ONLY,
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {"example": "the file"}}}},
)
def back_up(air: Air) -> Response:
    """All that the store holds, as of now, as one file: what `jeonju backup --from` asks for. It needs room in TMPDIR."""
    folder = tempfile.TemporaryDirectory(prefix="jeonju-backup")
    try:
        file = air.store.back_up(Path(folder.name))
    except BaseException:
        folder.cleanup()
        raise
    return FileResponse(
        file, filename=file.name, media_type="application/octet-stream", background=BackgroundTask(folder.cleanup)
    )
