"""Errors as NGSI-LD names them (ETSI GS CIM 009, clause 5.5.2)."""

from typing import Any, Final

from fastapi import HTTPException

_TYPES: Final = "https://uri.etsi.org/ngsi-ld/errors/"
STATUS: Final = {
    "BadRequestData": 400,
    "InvalidRequest": 400,
    "ResourceNotFound": 404,
    "AlreadyExists": 409,
    "TooComplexQuery": 403,
    "TooManyResults": 403,
    "OperationNotSupported": 422,
}


class NgsiError(HTTPException):
    """One of the errors of the standard; everywhere else in the api it is what its status says."""

    def __init__(self, name: str, detail: str) -> None:
        super().__init__(STATUS[name], detail)
        self._name = name

    def to_json(self) -> dict[str, Any]:
        """Return the problem document."""
        return {"type": f"{_TYPES}{self._name}", "title": self._name, "status": self.status_code, "detail": self.detail}


def bad(detail: str) -> NgsiError:
    """Return that a request is wrong."""
    return NgsiError("BadRequestData", detail)
