"""What commands share."""

import subprocess
import sys

SIGNALLED_WHILE_IT_WAITS = """
import os, signal, threading, time
from jeonju.cli.options import until_over

over, is_done = until_over(None), False

def send_signals():
    while not is_done:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.0001)

sending = threading.Thread(target=send_signals)
sending.start()
until = time.monotonic() + 1
while time.monotonic() < until:
    over(0.0001)
is_done = True
sending.join()
print(over(60))
"""


def test_a_signal_at_any_moment_of_the_wait_ends_it() -> None:
    """Also while the wait holds a lock: the handler runs in the same thread, and must not wait for it."""
    command = [sys.executable, "-c", SIGNALLED_WHILE_IT_WAITS]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "True\n", "")
