"""Programs that tests start."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def started(command: Any, **options: Any) -> Iterator["subprocess.Popen[Any]"]:
    """Run a program as Popen does, and wait for its end. Where the test fails it is killed: nobody asks it to end any more."""
    with subprocess.Popen(command, **options) as process:
        try:
            yield process
        except BaseException:
            process.kill()
            raise
