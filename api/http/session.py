"""The page's own way in: it hands over a key once and keeps it in a cookie that no script can read."""

from typing import Annotated, Final

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from jeonju.api.access.guard import COOKIE, Access, shown_key
from jeonju.api.http.answers import answer, example

router = APIRouter(prefix="/api/v1", tags=["session"])

A_MONTH_S: Final = 30 * 86_400


class Session(BaseModel):
    """A key made by `jeonju key add`."""

    key: Annotated[str, Field(min_length=1, max_length=200)]


@router.get("/session", responses=example({"name": "kim", "role": "operator"}))
def who_is_asking(request: Request) -> Response:
    """Say whose the shown key is, and what it may; `null` without one where one is needed."""
    access: Access = request.app.state.access
    secret = shown_key(request)
    if access.needs_keys and not secret:
        return answer({"name": None, "role": None})
    name, role = access.identify(secret, _address(request))
    return answer({"name": name, "role": role.name.lower()})


@router.post("/session", responses=example({"name": "kim", "role": "operator"}))
def open_session(request: Request, session: Session) -> Response:
    """Hand over a key; the browser sends it with every request from then on."""
    name, role = request.app.state.access.identify(session.key, _address(request))
    response = answer({"name": name, "role": role.name.lower()})
    # Strict: no other site can make a browser send it, so that none can act in its name.
    response.set_cookie(
        COOKIE, session.key, max_age=A_MONTH_S, httponly=True, samesite="strict", secure=request.url.scheme == "https"
    )
    return response


@router.delete("/session", responses=example({"name": None}))
def close_session() -> Response:
    """Forget the key."""
    response = answer({"name": None})
    response.delete_cookie(COOKIE)
    return response


def _address(request: Request) -> str:
    return request.client.host if request.client else "unknown"
