"""The platform as a process of its own, as `jeonju up --no-simulate` starts it, with a site file and data of its own."""

import json
import os
import subprocess
import sys
import time
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from jeonju.broker.embedded import Kind, free_port
from jeonju.common.errors import UnavailableError
from jeonju.contract.site import BUILT_IN_SITES

SITE: Final = "jeonju"
LIVE_WITHIN_S: Final = 60.0
STOP_WITHIN_S: Final = 30.0
ANSWER_WITHIN_S: Final = 10.0
POLL_S: Final = 0.05
# `jeonju up` takes every option from the environment too; a scenario must not depend on that of who runs it.
_SETTINGS: Final = "JEONJU_"


class Platform:
    """Broker, ingest, store and api of the built-in site with further gateways. It has the same ports and data at each start.

    As a context manager it runs when entered, and has ended when left.
    """

    def __init__(self, folder: Path, *, broker: Kind = "embedded", gateways: str = "") -> None:
        self._folder = folder
        self._broker = broker
        self._port, self._mqtt_port = free_port(), free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.is_stopped = False
        built_in = (BUILT_IN_SITES / f"{SITE}.toml").read_text(encoding="utf-8")
        self._site.write_text(f"{built_in}\n{gateways}\n", encoding="utf-8")

    @property
    def broker_url(self) -> str:
        """Where clients find the broker."""
        return f"mqtt://127.0.0.1:{self._mqtt_port}"

    @property
    def store(self) -> str:
        """Where the readings are, for the time after the end."""
        return str(self._folder / "data" / "air.duckdb")

    @property
    def failure(self) -> str | None:
        """Why it has ended by itself, None where it runs or was stopped."""
        if self.is_stopped or self._process is None or self._process.poll() is None:
            return None
        return f"the platform ended by itself with exit status {self._process.returncode}: {self._last_words()}"

    def start(self) -> None:
        """Start it, and wait until it says that it is live. One that ends instead, or is not live in time, is left to the expectations."""
        self.is_stopped = False
        options = {
            "--site": self._site,
            "--history": "0s",
            "--broker": self._broker,
            "--data": self._folder / "data",
            "--port": self._port,
            "--mqtt-port": self._mqtt_port,
        }
        given = [str(word) for option in options.items() for word in option]
        surroundings = {key: value for key, value in os.environ.items() if not key.startswith(_SETTINGS)}
        with self._out.open("wb") as out, self._errors.open("wb") as errors:
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", "jeonju", "up", "--no-simulate", "--json", *given],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=errors,
                env=surroundings,
            )
        deadline = time.monotonic() + LIVE_WITHIN_S
        while not self._is_live() and self.failure is None and time.monotonic() < deadline:
            time.sleep(POLL_S)

    def stop(self) -> None:
        """End it as SIGTERM does; one that does not end is killed."""
        if self._process is None or self.failure is not None:
            return
        self.is_stopped = True
        self._process.terminate()
        try:
            self._process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def wait(self, seconds: float) -> None:
        """Let so much time pass, less where it ends by itself before."""
        if self.is_stopped or self._process is None:
            time.sleep(seconds)
            return
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return

    def is_alive(self) -> bool:
        """Return whether it runs and says that it is well."""
        if self.is_stopped or self.failure is not None:
            return False
        try:
            status, _ = self._get("/healthz")
        except UnavailableError:
            return False
        return status == 200

    def ask(self, path: str, *, known: bool = True) -> Any:
        """Return what the API answers. Without `known` a request for something that it does not know is answered by None.

        Raises UnavailableError where it gives no such answer.
        """
        status, content = self._get(path)
        if status == 422 and not known:
            return None
        if status != 200:
            raise UnavailableError(f"the API answers {path} with {status}: {content!r}")
        return content

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def _site(self) -> Path:
        return self._folder / "site.toml"

    @property
    def _out(self) -> Path:
        return self._folder / "platform.out"

    @property
    def _errors(self) -> Path:
        return self._folder / "platform.err"

    def _is_live(self) -> bool:
        return b'"event": "live"' in self._out.read_bytes()

    def _last_words(self) -> str:
        said = self._errors.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return said[-1] if said else "it said nothing"

    def _get(self, path: str) -> tuple[int, Any]:
        with closing(HTTPConnection("127.0.0.1", self._port, timeout=ANSWER_WITHIN_S)) as connection:
            try:
                connection.request("GET", path)
                response = connection.getresponse()
                return response.status, json.loads(response.read())
            except (OSError, HTTPException, ValueError) as error:
                raise UnavailableError(f"the API does not answer {path}: {error}") from error
