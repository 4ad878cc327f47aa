"""What the documentation says of access: each route's role, and what comes without one."""

from typing import Any, Final

from fastapi import FastAPI

from jeonju.api.access.guard import OPEN_PATHS, READING, ROLE_MARK
from jeonju.api.access.keys import Role

REFUSALS: Final = {
    "400": "The body is no JSON",
    "401": "No key or session, or one that is wrong or has ended",
    "403": "The key's role is too weak, or the request comes from another site's page",
    "413": "The body is too large",
    "421": "The api is not served under this name",
    "429": "Too many requests",
}
# Of both ways to show a key; the guard itself looks at what comes.
SCHEMES: Final = {
    "HTTPBearer": {"type": "http", "scheme": "bearer", "description": "A key made by `jeonju key add`."},
    "APIKeyCookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": "jeonju-PORT",
        "description": "A session, begun by `POST /api/v1/session` with a key.",
    },
}


def document_access(app: FastAPI) -> None:
    """Let `/openapi.json` say of every route what the guard asks for."""
    plain = app.openapi

    def honest() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = plain()
            schema.setdefault("components", {})["securitySchemes"] = SCHEMES
            for path, methods in schema["paths"].items():
                for method, said in methods.items():
                    _describe(said, path, method.upper())
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = honest  # type: ignore[method-assign]


def _describe(said: dict[str, Any], path: str, method: str) -> None:
    said["responses"] |= {status: {"description": text} for status, text in REFUSALS.items()}
    if path in OPEN_PATHS:
        return
    role = said.setdefault(ROLE_MARK, (Role.VIEWER if method in READING else Role.OPERATOR).name.lower())
    # Either of the two ways to show a key will do.
    said["security"] = [{"HTTPBearer": []}, {"APIKeyCookie": []}]
    said["description"] = f"{said.get('description', '')}\n\nNeeds a key of role {role}, once there are keys.".strip()
