"""What the documentation says of access: each route's role, and what comes without one."""

from typing import Any, Final

from fastapi import FastAPI

from jeonju.api.access.guard import OPEN_PATHS, READING, ROLE_MARK
from jeonju.api.access.keys import Role

REFUSALS: Final = {"401": "No key, or a wrong one", "403": "The key's role is too weak", "429": "Too many requests"}


def document_access(app: FastAPI) -> None:
    """Let `/openapi.json` say of every route what the guard asks for."""
    plain = app.openapi

    def honest() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = plain()
            for path, methods in schema["paths"].items():
                for method, said in methods.items():
                    _describe(said, path, method.upper())
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = honest  # type: ignore[method-assign]


def _describe(said: dict[str, Any], path: str, method: str) -> None:
    if path in OPEN_PATHS:
        said.pop("security", None)
        return
    role = said.setdefault(ROLE_MARK, (Role.VIEWER if method in READING else Role.OPERATOR).name.lower())
    # Either of the two ways to show a key will do.
    said["security"] = [{"HTTPBearer": []}, {"APIKeyCookie": []}]
    said["description"] = f"{said.get('description', '')}\n\nNeeds a key of role {role}, once there are keys.".strip()
    said["responses"] |= {status: {"description": text} for status, text in REFUSALS.items()}
