"""The page's own way in: it hands over a key once, and gets a session in a cookie that no script can read."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, HTTPException, Request, Response
from pydantic import BaseModel, Field

from jeonju.api.access.guard import Access, Shown, address_of, cookie_name, note
from jeonju.api.access.sessions import LONGEST_S
from jeonju.api.http.answers import answer, example

router = APIRouter(prefix="/api/v1", tags=["session"])

_NOT_NEEDED: Final[dict[int | str, dict[str, Any]]] = {409: {"description": "There are no keys, so none is needed"}}


class Session(BaseModel):
    """A key made by `jeonju key add`."""

    key: Annotated[
        str, Field(min_length=1, max_length=200, pattern=r"^[!-~]+$", description="Without spaces, in ASCII.")
    ]


@router.get("/session", responses=example({"name": "kim", "role": "operator"}))
async def who_is_asking(request: Request) -> Response:
    """Say whose the shown key or session is, and what it may; `null` without one, or after it has ended, where one is needed."""
    shown = Shown.by(request)
    try:
        caller = _access(request).identify(shown, address_of(request.scope))
    except HTTPException:
        if shown.key is not None:
            raise
        return answer({"name": None, "role": None})
    return answer({"name": caller.name, "role": caller.role.name.lower()})


@router.post("/session", responses=example({"name": "kim", "role": "operator"}) | _NOT_NEEDED)
async def open_session(request: Request, session: Session) -> Response:
    """Begin a session for a key; the browser sends it with every request from then on.

    It ends 12 hours after the last request, after 7 days, when the key is revoked, and when the api ends. One that the browser had ends now.
    """
    access = _access(request)
    if not access.needs_keys:
        raise HTTPException(409, "no key is needed here; `jeonju key add` makes the first one")
    caller = access.identify(Shown(session.key, None), address_of(request.scope))
    note(request, caller)
    _end(request)
    response = answer({"name": caller.name, "role": caller.role.name.lower()})
    # Strict: no other site can make a browser send it, so that none can act in its name.
    response.set_cookie(
        cookie_name(request.scope),
        access.sessions.open(access.keys.hash_of(session.key)),
        max_age=int(LONGEST_S),
        httponly=True,
        samesite="strict",
        secure=request.scope["scheme"] == "https",
    )
    return response


@router.delete("/session", responses=example({"name": None}))
async def close_session(request: Request) -> Response:
    """End the session."""
    _end(request)
    response = answer({"name": None})
    response.delete_cookie(
        cookie_name(request.scope), httponly=True, samesite="strict", secure=request.scope["scheme"] == "https"
    )
    return response


def _end(request: Request) -> None:
    token = request.cookies.get(cookie_name(request.scope))
    if token is not None:
        _access(request).sessions.close(token)


def _access(request: Request) -> Access:
    access: Access = request.app.state.access
    return access
