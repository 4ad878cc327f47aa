"""`jeonju` with a wall clock that can be set: `python -m chaos.clock FILE ARGUMENTS…`, where FILE holds by how many seconds it is wrong."""

import sys
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

from jeonju.common import clock


class WrongClock:
    """What stands in for `datetime` where the wall clock is read; it is wrong by what a file says at that moment."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def now(self, tz: tzinfo | None = None) -> datetime:
        """Return the wrong time."""
        return datetime.now(tz) + timedelta(seconds=float(self._file.read_text(encoding="ascii")))


def set_clock(file: Path, wrong: timedelta) -> None:
    """Set the clock; it is read whole or as it was."""
    new = file.with_suffix(".new")
    new.write_text(str(wrong.total_seconds()), encoding="ascii")
    new.replace(file)


def main() -> None:
    """Run `jeonju` by that clock."""
    file, sys.argv = Path(sys.argv[1]), ["jeonju", *sys.argv[2:]]
    # The only place that reads the wall clock.
    clock.datetime = WrongClock(file)  # type: ignore[attr-defined, assignment]
    from jeonju.__main__ import main as run

    run()


if __name__ == "__main__":
    main()
