"""What the api is given to answer what-ifs. Made by the composition root."""

from typing import Any, Protocol

from jeonju.contract.what_if import WhatIf


class WhatIfs(Protocol):
    """What answers the questions; made by the composition root."""

    def ask(self, wanted: WhatIf, who: str) -> dict[str, Any]:
        """Return the answer. Raises UserError for what cannot be answered, UnavailableError where it takes too long."""

    def kept(self, limit: int) -> list[dict[str, Any]]:
        """Return what was asked, the newest first, in short."""

    def one(self, what_if: str) -> dict[str, Any] | None:
        """Return a kept answer beside what has happened since."""

    def running(self) -> list[dict[str, Any]]:
        """Return what is being answered."""

    def warm_up(self) -> None:
        """Be ready for a question that is probably coming."""

    def stop(self) -> None:
        """End what is running."""
