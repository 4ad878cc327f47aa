"""The web application: routes and the page over services that are made elsewhere."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import anyio
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi_offline import FastAPIOffline
from prometheus_client import CollectorRegistry
from prometheus_client.registry import Collector
from starlette.exceptions import HTTPException

from jeonju.api import http
from jeonju.api.access.audit import Audit
from jeonju.api.access.bodies import BodyLimit
from jeonju.api.access.guard import Access, Guard
from jeonju.api.access.headers import SecurityHeaders
from jeonju.api.access.keys import KeyFile
from jeonju.api.access.openapi import document_access
from jeonju.api.access.problem import problem
from jeonju.api.access.tiles import Tiles
from jeonju.api.beside import SitesFront, listed
from jeonju.api.head import HeadAsGet
from jeonju.api.metrics import ApiMetrics, RequestTimes
from jeonju.api.ngsi import routes as ngsi
from jeonju.api.ngsi import subscription_routes as subscriptions
from jeonju.api.ngsi.notifier import Notifier
from jeonju.api.packed_files import PackedFiles
from jeonju.api.public.front import PublicFront
from jeonju.api.public.snapshot import PublicPage
from jeonju.api.runs import Runs, RunsFront
from jeonju.api.sensorthings import routes as sensorthings
from jeonju.api.services import Services
from jeonju.api.shared_answers import SharedAnswers
from jeonju.common.errors import UnavailableError
from jeonju.contract.site import Site

STATIC: Final = Path(__file__).with_name("static")
# A file that does not exist: each client of the api may do everything, so it must be reached from this machine only.
NO_KEYS: Final = Path("/nonexistent")
DESCRIPTION: Final = """
The air of a city: what stations and patrol robots measure, what it means, and what is wrong.

Instants are ISO 8601 in UTC. Quantities and their units: `GET /api/v1/quantities`.
Stations and robots are low-cost instruments: their values are for reference only and are not those of the national network.
"""

# Makes the services over a folder that `jeonju run` wrote.
OpensRun = Callable[[Path], AbstractContextManager[Services]]
# Another site that is served beside, and what is measured of it.
Beside = tuple[Services, Iterable[Collector]]


def create_app(
    services: Services,
    *,
    keys: Path = NO_KEYS,
    names: Collection[str] = (),
    public_page: bool = False,
    collectors: Iterable[Collector] = (),
    tiles: Tiles | None = None,
    access: Access | None = None,
    opens_run: OpensRun | None = None,
    beside: Sequence[Beside] = (),
) -> FastAPI:
    """Return the application; it runs the services from start-up to shut-down.

    `keys` is the file of the keys that it takes, `names` are those it is served under, where not under all; with `public_page`
    everybody may see `/public`; what `collectors` of others in its process measure is shown at `/metrics` beside its own.
    `tiles` lie under the map; only their server may be asked by the page. `access` is that of another application in its place, which
    has the same keys and sessions; `opens_run` makes the services over the folder of a finished run. Sites `beside` this one have applications
    of their own below `/sites/NAME/`, which share all that.
    """

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        every = [services, *(other for other, _ in beside)]
        notifiers = [one.state.ngsi_notifier for one in (app, *others.values())]
        await _start(every, notifiers)
        yield
        if app.state.runs:
            await anyio.to_thread.run_sync(app.state.runs.close)
        await _stop(every, notifiers)

    app = FastAPIOffline(
        title=f"{services.site.label_en} Air",
        description=DESCRIPTION,
        version="0.1.0",
        lifespan=lifespan,
        redoc_url=None,
        # It would redirect to the name that the request gives.
        redirect_slashes=False,
    )
    app.state.access = access or Access(KeyFile(keys), names)
    make_app = partial(create_app, tiles=tiles, access=app.state.access)
    app.state.runs = Runs(partial(_app_of_run, opens_run, make_app)) if opens_run else None
    others = {
        other.site.name: make_app(other, public_page=public_page, collectors=measured) for other, measured in beside
    }
    app.state.beside = tuple(others.values())
    _share(app, others.values(), [services.site, *(other.site for other, _ in beside)])
    app.state.tiles = tiles
    app.state.metrics = CollectorRegistry()
    app.state.air = services.for_http()
    app.state.public_page = PublicPage(app.state.air)
    app.state.ngsi_notifier = Notifier(app.state.air)
    for collector in (ApiMetrics(app.state.air), *collectors):
        app.state.metrics.register(collector)
    # Included, they would be built anew for each application, at its first request.
    for router in (*http.routers(), sensorthings.router, ngsi.router, subscriptions.router):
        app.router.routes.extend(router.routes)
    app.mount("/static", PackedFiles(directory=STATIC, check_dir=False), name="static")
    _explain_errors(app)
    document_access(app)
    # The last one is the first to see a request. They are no BaseHTTPMiddleware, which makes a task and a stream for each request.
    app.add_middleware(SharedAnswers)
    app.add_middleware(HeadAsGet)
    app.add_middleware(Guard, access=app.state.access, site=services.site.name)
    app.add_middleware(PublicFront, page=app.state.public_page, access=app.state.access, is_public=public_page)
    app.add_middleware(BodyLimit)
    app.add_middleware(Audit, air=app.state.air)
    app.add_middleware(SecurityHeaders, tiles_origin=tiles.origin if tiles else None)
    if others:
        app.add_middleware(SitesFront, others=others, first=services.site.name)
    if app.state.runs:
        app.add_middleware(RunsFront, runs=app.state.runs)
    app.add_middleware(RequestTimes, registry=app.state.metrics)
    return app


def _share(app: FastAPI, others: Iterable[FastAPI], sites: Sequence[Site]) -> None:
    """Let all know which sites there are. Whichever a run is dropped onto, it is below the one address of runs."""
    for one in (app, *others):
        one.state.sites, one.state.runs = listed(sites), app.state.runs


def forget(app: FastAPI) -> None:
    """Empty an application that has ended, and those beside it.

    FastAPI caches what it has seen of functions, among them some of the application's own, and would so keep it, with its store, until Python ends.
    """
    for one in (*getattr(app.state, "beside", ()), app):
        vars(one).clear()


async def _start(every: Iterable[Services], notifiers: Iterable[Notifier]) -> None:
    for services in every:
        services.stream.attach(asyncio.get_running_loop())
        await anyio.to_thread.run_sync(services.start)
    for notifier in notifiers:
        notifier.start()


async def _stop(every: Iterable[Services], notifiers: Iterable[Notifier]) -> None:
    for notifier in notifiers:
        await anyio.to_thread.run_sync(notifier.stop)
    for services in every:
        services.stream.close()
        await anyio.to_thread.run_sync(services.stop)


@contextmanager
def _app_of_run(
    opens_run: OpensRun, make_app: Callable[[Services], FastAPI], folder: Path, loop: asyncio.AbstractEventLoop
) -> Iterator[FastAPI]:
    """Run the services over a finished run from another thread than the loop's, as the lifespan of an application on its own does."""
    with opens_run(folder) as services:
        app = make_app(services)
        loop.call_soon_threadsafe(services.stream.attach, loop)
        services.start()
        try:
            yield app
        finally:
            loop.call_soon_threadsafe(services.stream.close)
            services.stop()
            forget(app)


def _explain_errors(app: FastAPI) -> None:
    """Every error is a problem document (RFC 9457) that says in one line what is wrong."""

    @app.exception_handler(UnavailableError)
    async def unavailable(_request: Request, error: UnavailableError) -> Response:
        return problem(503, str(error))

    @app.exception_handler(HTTPException)
    async def known(_request: Request, error: HTTPException) -> Response:
        return problem(error.status_code, str(error.detail), error.headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"] if part not in ("query", "body", "path"))
        return problem(422, f"{where or 'request'}: {first['msg'].removeprefix('Value error, ')}")
