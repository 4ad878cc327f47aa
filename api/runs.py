"""Finished runs that are looked at beside the city: each is an application of its own under `/runs/ID/`, until newer ones take its place."""

import asyncio
import secrets
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from anyio import to_thread
from starlette.types import ASGIApp, Receive, Scope, Send

from jeonju.api.access.problem import problem

# Beyond so many the one that was opened first is closed and deleted; at the end of the process all are.
MOST_RUNS: Final = 2
PREFIX: Final = "/runs/"

# Makes the application that shows a folder which `jeonju run` wrote; its stream is on the loop.
Showing = Callable[[Path, asyncio.AbstractEventLoop], AbstractContextManager[ASGIApp]]


class _Run(NamedTuple):
    app: ASGIApp
    ending: ExitStack


class Runs:
    """The runs that are open."""

    def __init__(self, showing: Showing) -> None:
        self._showing = showing
        self._runs = dict[str, _Run]()
        self._lock = threading.Lock()

    async def open(self, folder: TemporaryDirectory[str]) -> str:
        """Show a run, whose folder is deleted with it; return where. Raises UserError for what is no run."""
        return await to_thread.run_sync(self._open, folder, asyncio.get_running_loop())

    def app(self, name: str) -> ASGIApp | None:
        """Return the application that shows a run."""
        run = self._runs.get(name)
        return run.app if run else None

    def close(self) -> None:
        """Close all, and delete what they are made of."""
        with self._lock:
            while self._runs:
                self._close_first()

    def _open(self, folder: TemporaryDirectory[str], loop: asyncio.AbstractEventLoop) -> str:
        with self._lock, ExitStack() as stack:
            stack.callback(folder.cleanup)
            app = stack.enter_context(self._showing(Path(folder.name), loop))
            while len(self._runs) >= MOST_RUNS:
                self._close_first()
            name = secrets.token_urlsafe(8)
            self._runs[name] = _Run(app, stack.pop_all())
            return f"{PREFIX}{name}/"

    def _close_first(self) -> None:
        name = next(iter(self._runs))
        self._runs.pop(name).ending.close()


class RunsFront:
    """Lets the application of a run answer what is asked below its address; it checks who asks as the city's own does."""

    def __init__(self, app: ASGIApp, runs: Runs) -> None:
        self._app, self._runs = app, runs

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on."""
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await self._app(scope, receive, send)
            return
        name, slash, rest = scope["path"].removeprefix(PREFIX).partition("/")
        app = self._runs.app(name)
        if app is None or not slash:
            await problem(404, "this run is not open any more; drop its folder once more")(scope, receive, send)
            return
        path = f"/{rest}"
        await app({**scope, "path": path, "raw_path": path.encode()}, receive, send)
