"""The public page for those who may see everything anyway; for everybody it is answered before (`api/public/front.py`)."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from jeonju.api.public.snapshot import PATH, PublicPage

router = APIRouter(tags=["public"])


@router.get(PATH, response_class=Response, responses={200: {"content": {"text/html": {}}}})
async def public(
    request: Request,
    language: Annotated[Literal["ko", "en"] | None, Query(description="That of `Accept-Language` by default.")] = None,
) -> Response:
    """The air for everybody, on one page without script: index and advice for each zone, stations, and a notice where there is smoke.

    With `--public-page` everybody may see it, also where keys are asked for. It is made at most once every 5 seconds for all.
    """
    page: PublicPage = request.app.state.public_page
    answer = await page.answer(request.scope["headers"], language, is_shared=False)
    response = Response(answer.body, answer.status)
    response.raw_headers = list(answer.headers)
    return response
