"""The page at `/`."""

from pathlib import Path
from typing import Final

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse

router = APIRouter(include_in_schema=False)

PAGE: Final = Path(__file__).parents[1] / "static" / "index.html"
NOT_BUILT: Final = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Jeonju Air</title>
<h1>The console is not built</h1>
<p>REST works: <a href="/docs">/docs</a>. In the checkout, <code>make console</code> builds the page; it needs the npm registry once.</p>
<h1 lang="ko">화면이 빌드되지 않았습니다</h1>
<p lang="ko">REST는 동작합니다: <a href="/docs">/docs</a>.
저장소에서 <code>make console</code>을 실행하면 화면이 만들어집니다. 처음 한 번 npm 저장소가 필요합니다.</p>
</html>
"""


@router.get("/")
async def page() -> Response:
    """The console, or how to build it."""
    if not PAGE.exists():
        return Response(NOT_BUILT, media_type="text/html")
    return FileResponse(PAGE)
