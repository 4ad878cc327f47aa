"""The simulator as a process of its own."""

import subprocess
import sys

# No broker listens on port 1: the command has loaded all it needs, waits for the broker, and ends when its time is up.
SIMULATE = """
import sys
from jeonju.cli.app import app

app(["simulate", "--broker", "mqtt://127.0.0.1:1", "--for", "1s"], standalone_mode=False)
assert "jeonju.simulator.world" in sys.modules
print(*(name for name in sys.modules if name.split(".")[:2] in (["jeonju", "api"], ["jeonju", "detection"], ["jeonju", "response"])))
"""


def test_simulate_loads_nothing_of_api_detection_and_response() -> None:
    run = subprocess.run([sys.executable, "-c", SIMULATE], capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == []
