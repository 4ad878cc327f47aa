"""The natures that a scenario can be run in."""

from typing import Final, Literal, cast, get_args

from jeonju.common.errors import UserError

NatureName = Literal["puffs", "particles"]
NATURES: Final = get_args(NatureName)


def nature_name(text: str) -> NatureName:
    """Return the name of a nature. Raises UserError for another one."""
    if text not in NATURES:
        raise UserError(f"no nature is named {text!r}; there are: {', '.join(NATURES)}")
    return cast("NatureName", text)
