"""How every error is said: as a problem document."""

from collections.abc import Mapping

import orjson
from fastapi import Response


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return a problem document (RFC 9457)."""
    content = {"type": "about:blank", "status": status, "detail": detail}
    return Response(orjson.dumps(content), status, headers, media_type="application/problem+json")
