"""What a watcher sees: something that holds now at a place. The book makes alerts of it, over time."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Condition:
    """`place` is a device, a zone, or "" for the whole site; of one kind there is one at a place."""

    kind: str
    place: str
    severity: str  # info, warning, critical
    summary_ko: str
    summary_en: str
    details: dict[str, Any] = field(default_factory=dict)
    value: float | None = None
    limit: float | None = None
    quantity: str | None = None
