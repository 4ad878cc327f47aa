"""How the response is doing at one instant, for those who only read it: nothing in it changes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jeonju.response.fleet.control import RobotStatus


@dataclass(frozen=True, kw_only=True)
class ResponseSnapshot:
    """Robots as they were heard last, and how every channel of notification is doing."""

    robots: tuple[RobotStatus, ...] = ()
    notifications: Mapping[str, Any] = field(default_factory=dict)
