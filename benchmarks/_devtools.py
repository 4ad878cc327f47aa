"""One page in Chromium, spoken to through DevTools alone.

Playwright has the browser keep what every request answered, the whole live stream too, which grows the very process whose memory is measured.
"""

import contextlib
import itertools
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import psutil

from jeonju.api.http.pages import PAGE

# Of every answer of the browser, and of every wait for something on the page.
WITHIN_S: Final = 30.0
ARGUMENTS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-3d-apis",
    "--remote-debugging-pipe",
    "--window-size=1400,900",
)
# Chromium reads from descriptor 3 and writes to 4.
LAUNCH: Final = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); os.execv(sys.argv[3], sys.argv[3:])"
)


class Tab:
    """A page that is open, over the pipes of its browser."""

    def __init__(self, to_browser: int, from_browser: int) -> None:
        self._to, self._from, self._numbers, self._read = to_browser, from_browser, itertools.count(1), b""
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]

    _session: str | None = None

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Return what the browser answers; it ends the program where it does not, or refuses."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        if self._session is not None and not method.startswith(("Target.", "SystemInfo.")):
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        answer = next(answer for answer in self._messages(method) if answer.get("id") == number)
        if "error" in answer:
            raise SystemExit(f"Chromium refuses {method}: {answer['error']['message']}")
        return dict(answer["result"])

    def evaluate(self, script: str) -> Any:
        """Return the value of a script in the page."""
        return self.send("Runtime.evaluate", expression=script, returnByValue=True)["result"].get("value")

    def open(self, url: str, script: str) -> None:
        """Open the console, with a script that runs before its own; it is there as soon as it lists stations."""
        self.send("Page.enable")
        self.send("Page.addScriptToEvaluateOnNewDocument", source=script)
        self.send("Page.navigate", url=url)
        until_s = time.monotonic() + WITHIN_S
        while not self.evaluate("document.querySelector('#stations tbody tr') !== null"):
            if time.monotonic() > until_s:
                raise SystemExit(f"the console listed no station within {WITHIN_S:.0f} s of being opened")
            time.sleep(0.1)

    def heap_mb(self) -> float:
        """Return what the page's objects take after the garbage was collected [MiB]."""
        self.send("HeapProfiler.collectGarbage")
        return round(self.send("Runtime.getHeapUsage")["usedSize"] / 2**20, 1)

    def counts(self) -> dict[str, int]:
        """Return how many `nodes`, `documents` and `jsEventListeners` the page holds."""
        return self.send("Memory.getDOMCounters")

    def renderer_mb(self) -> dict[str, int]:
        """Return the memory of the largest process that draws pages [MiB]: all of it, and what it shares with no other."""
        processes = self.send("SystemInfo.getProcessInfo")["processInfo"]
        ids = [one["id"] for one in processes if one["type"] == "renderer"]
        largest = max((psutil.Process(pid).memory_full_info() for pid in ids), key=lambda info: int(info.rss))
        return {"renderer_mb": round(largest.rss / 2**20), "renderer_own_mb": round(largest.uss / 2**20)}

    def _messages(self, method: str) -> Iterator[dict[str, Any]]:
        while True:
            message, found, rest = self._read.partition(b"\0")
            if found:
                self._read = rest
                yield json.loads(message)
                continue
            if not select.select([self._from], [], [], WITHIN_S)[0]:
                raise SystemExit(f"Chromium did not answer {method} within {WITHIN_S:.0f} s")
            if not (more := os.read(self._from, 2**20)):
                raise SystemExit(f"Chromium ended while it was asked for {method}")
            self._read += more


@contextmanager
def tab() -> Iterator[Tab]:
    """Start Chromium with an empty page as long as the context lasts, or end with a line that says what is missing."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        raise SystemExit("this benchmark needs Chromium: apt-get install chromium")
    if not PAGE.exists():
        raise SystemExit("the console is not built: make console")
    (its_in, to_browser), (from_browser, its_out) = os.pipe(), os.pipe()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        arguments = [program, *ARGUMENTS, f"--user-data-dir={profile}"]
        process = subprocess.Popen(
            [sys.executable, "-c", LAUNCH, str(its_in), str(its_out), *arguments],
            pass_fds=(its_in, its_out),
            stderr=subprocess.DEVNULL,
        )
        os.close(its_in)
        os.close(its_out)
        try:
            yield Tab(to_browser, from_browser)
        finally:
            # It ends with its pipe.
            os.close(to_browser)
            os.close(from_browser)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(WITHIN_S)
            process.kill()
            process.wait()
