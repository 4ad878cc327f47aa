"""The identity of a client, in one place, so that a change of accounts changes nothing else."""

from typing import Annotated
from urllib.parse import unquote

from fastapi import Depends, HTTPException, Request

from jeonju.api.access.guard import LOCAL

HEADER = "X-Operator"


async def who_is_asking(request: Request) -> str:
    """Return the name of the key that was shown.

    While no key is needed, the name in the header `X-Operator` (percent-encoded where it is not plain ASCII), `local` without one.
    """
    known: str = request.state.who
    if known != LOCAL:
        return known
    name = unquote(request.headers.get(HEADER, "")).strip() or LOCAL
    if len(name) > 100 or not name.isprintable():
        raise HTTPException(422, f"{HEADER} must be a name of at most 100 characters")
    return name


Who = Annotated[str, Depends(who_is_asking)]
