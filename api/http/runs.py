"""A finished run, sent from the folder that `jeonju run` wrote, to be looked at beside the city."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Final, NamedTuple

from fastapi import APIRouter, HTTPException, Query, Request, Response

from jeonju.api.access.bodies import MOST_RUN_BYTES
from jeonju.api.access.guard import ADMIN_ONLY
from jeonju.api.http.answers import answer
from jeonju.api.http.state import Air
from jeonju.api.runs import Runs
from jeonju.common.errors import UserError

router = APIRouter(prefix="/api/v1/runs", tags=["simulation"])

MOST_PARTS: Final = 10
_PART: Final = re.compile(r"([a-z]{1,20}\.(?:parquet|json)):(\d{1,12})")
_BODY: Final[dict[str, Any]] = {
    "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
}


class _Part(NamedTuple):
    name: str
    size: int


@router.post(
    "",
    status_code=201,
    dependencies=ADMIN_ONLY["dependencies"],
    openapi_extra={**ADMIN_ONLY["openapi_extra"], "requestBody": _BODY},
    responses={201: {"content": {"application/json": {"example": {"url": "/runs/3fJk2_a9QxE/"}}}}},
)
async def open_run(
    air: Air,
    request: Request,
    part: Annotated[
        list[str],
        Query(max_length=MOST_PARTS, description="`NAME:BYTES` of each file, as they follow each other in the body."),
    ],
) -> Response:
    """Open a finished run: the body is its files one after the other, at most 256 MiB; `url` is where the console shows it.

    The newest two stay open, with copies in TMPDIR that are deleted with them. A larger one: `jeonju show DIR` where it lies.
    """
    runs: Runs | None = request.app.state.runs
    if runs is None:
        raise HTTPException(409, "this api opens no runs; see `jeonju show DIR`")
    parts = _parts(part)
    air.turns.runs.enter()
    folder = TemporaryDirectory(prefix="jeonju-dropped-")
    try:
        await _write(request.stream(), parts, Path(folder.name))
        return answer({"url": await runs.open(folder)}, 201)
    except UserError as error:
        raise HTTPException(422, str(error).replace(folder.name, "the folder")) from error
    except BaseException:
        folder.cleanup()
        raise
    finally:
        air.turns.runs.leave()


def _parts(told: list[str]) -> list[_Part]:
    found = [_PART.fullmatch(one) for one in told]
    parts = [_Part(match[1], int(match[2])) for match in found if match]
    if len(parts) < len(told) or len({part.name for part in parts}) < len(parts):
        raise HTTPException(422, "part: is NAME:BYTES, such as readings.parquet:123456, each name once")
    if sum(part.size for part in parts) > MOST_RUN_BYTES:
        raise HTTPException(
            413, f"the run is larger than {MOST_RUN_BYTES // 2**20} MiB; open it where it lies: jeonju show DIR"
        )
    return parts


async def _write(chunks: AsyncIterator[bytes], parts: list[_Part], folder: Path) -> None:
    """Write the files that a body holds. Raises HTTPException 422 where it is shorter or longer than they are."""
    rest = b""
    for name, size in parts:
        left = size
        with (folder / name).open("wb") as file:
            while left:
                if not rest and not (rest := await anext(chunks, b"")):
                    raise HTTPException(422, f"body: ends within {name}")
                taken = file.write(rest[:left])
                left, rest = left - taken, rest[taken:]
    if rest or await anext(chunks, b""):
        raise HTTPException(422, "body: is longer than its parts")
