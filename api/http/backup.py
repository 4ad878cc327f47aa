"""A copy of the store while it is in use."""

import tempfile
from pathlib import Path

from anyio import to_thread
from fastapi import APIRouter, Response
from fastapi.responses import FileResponse
from starlette.types import Receive, Scope, Send

from jeonju.api.access.guard import ADMIN_ONLY
from jeonju.api.http.state import Air, State
from jeonju.api.http.turns import Turns

router = APIRouter(prefix="/api/v1", tags=["health"])


@router.post(
    "/backup",
    **ADMIN_ONLY,
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {"example": "the file"}}}},
)
async def back_up(air: Air) -> Response:
    """All that the store holds, as of now, as one file: what `jeonju backup --from` asks for. It needs room in TMPDIR, so one at a time."""
    air.turns.backups.enter()
    try:
        return await to_thread.run_sync(_copy, air)
    except BaseException:
        air.turns.backups.leave()
        raise


def _copy(air: State) -> Response:
    folder = tempfile.TemporaryDirectory(prefix="jeonju-backup")
    try:
        return _Copy(air.store.back_up(Path(folder.name)), folder, air.turns.backups)
    except BaseException:
        folder.cleanup()
        raise


class _Copy(FileResponse):
    """A file that is removed when it was sent, or could not be."""

    def __init__(self, file: Path, folder: tempfile.TemporaryDirectory[str], turns: Turns) -> None:
        super().__init__(file, filename=file.name, media_type="application/octet-stream")
        self._folder, self._turns = folder, turns

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._turns.leave()
            self._folder.cleanup()
