"""The command line, run in this process or in one of its own.

A process takes two seconds of a core to start. What a command says and how it ends is the same in this one; a process of its own is for
what only a process shows: signals, locks and descriptors that end with it, and once for each group of commands that it starts at all.
"""

import io
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from unittest.mock import patch

from jeonju.__main__ import main


def jeonju(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a command in this process, from the entry point on."""
    command = ["jeonju", *map(str, arguments)]
    out, errors = io.StringIO(), io.StringIO()
    status: object = 0
    with _kept(), patch.object(sys, "argv", command), redirect_stdout(out), redirect_stderr(errors):
        try:
            main()
        except SystemExit as ended:
            status = ended.code
    return subprocess.CompletedProcess(
        command, status if isinstance(status, int) else 0, out.getvalue(), errors.getvalue()
    )


def jeonju_process(*arguments: object, within_s: float = 120) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own."""
    command = [sys.executable, "-m", "jeonju", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=within_s, check=False)


@contextmanager
def _kept() -> Iterator[None]:
    """Give the command a log that nothing has set up, as a new process has, and take back what it does to the log, to signals and the umask."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    signals = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    root.handlers.clear()
    umask = os.umask(0o077)
    os.umask(umask)
    try:
        yield
    finally:
        os.umask(umask)
        root.handlers[:] = handlers
        root.setLevel(level)
        for number, handler in signals.items():
            signal.signal(number, handler)
