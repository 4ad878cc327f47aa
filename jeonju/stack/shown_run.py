"""The console over a finished run: a store of its own in a temporary folder, the api, and no simulator, ingest or detection."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import cache
from pathlib import Path

from jeonju.api.app import create_app
from jeonju.api.services import Services
from jeonju.api.simulated import Simulated
from jeonju.broker.embedded import EmbeddedBroker
from jeonju.evaluation.finished_run import FinishedRun
from jeonju.stack.http_server import HttpSettings, LiveServer
from jeonju.stack.services import api_services
from jeonju.storage.duckdb.store import DuckDBStore
from jeonju.storage.port import Retention

FOR_EVER = Retention(None, None, None)


@contextmanager
def services_of_run(folder: Path) -> Iterator[Services]:
    """Make the services over a run, which are not started; they end with the context. Nothing in the folder is changed.

    Raises UserError for a folder that is no run.
    """
    run = FinishedRun.read(folder)
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="jeonju-run-")))
        store = stack.enter_context(closing(DuckDBStore(scratch / "run.duckdb", FOR_EVER)))
        run.fill(store)
        broker = stack.enter_context(EmbeddedBroker(scratch, port=0))
        simulated = Simulated(
            kind="run",
            truth=cache(run.truth),
            title_ko=run.title_ko,
            title_en=run.title_en,
            start=run.start,
            end=run.end,
        )
        # Time stands still at its end; what judges and works incidents is not there.
        yield api_services(
            run.site,
            store,
            broker.url,
            now=lambda: run.end,
            sends_robots=False,
            detection="elsewhere",
            responds=False,
            simulated=simulated,
        )


@contextmanager
def shown_run(folder: Path, http: HttpSettings) -> Iterator[str]:
    """Show a run as long as the context lasts; the address of the page is yielded. Nothing in the folder is changed.

    Raises UserError for a folder that is no run, and for a port in use.
    """
    http.check()
    with services_of_run(folder) as services:
        app = create_app(services, keys=http.keys, names=http.names)
        with LiveServer(app, http, before_shutdown=services.stream.close) as server:
            yield server.url
