"""What a detector sees: something that holds now at a place. The lifecycle makes alerts of it, over time."""

from dataclasses import dataclass, field

from jeonju.contract.details import Details


@dataclass(frozen=True, kw_only=True)
class Condition:
    """Facts only; `place` is a device, a zone, or "" for the whole site; of one kind there is one at a place."""

    kind: str
    place: str
    severity: str  # info, warning, critical
    details: Details = field(default_factory=Details)
    value: float | None = None
    limit: float | None = None
    quantity: str | None = None
