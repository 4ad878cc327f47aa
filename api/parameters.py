"""Query parameters that a route reads by itself, for the documentation: those of the standards have names that no argument can have."""

from collections.abc import Mapping
from typing import Any


def documented(described: Mapping[str, str]) -> dict[str, Any]:
    """Return what a route's decorator says of its query: name → what it is."""
    return {
        "parameters": [
            {"name": name, "in": "query", "required": False, "schema": {"type": "string"}, "description": text}
            for name, text in described.items()
        ]
    }
