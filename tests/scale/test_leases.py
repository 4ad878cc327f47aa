"""Leases, and workers that hold sites by them, at three nodes with accounts and TLS."""

import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime
from typing import Self

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.registry import Collector

from chaos.nodes import Nodes
from jeonju.broker.leases import Lease, LeaseLostError, LeaseStore
from jeonju.broker.requests import Requests
from jeonju.broker.rights import ASKED, RESPOND
from jeonju.common.errors import UnavailableError, UserError
from jeonju.contract.records import AlertRecord
from jeonju.contract.site import Site
from jeonju.stack.holders import HolderWatch
from jeonju.stack.holding import Worker, WorkerMetrics
from jeonju.stack.workers import FencedSink
from tests.broker.guarded import security_with
from tests.waiting import wait_until

LASTS_S = 3.0


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory, jeonju: Site) -> Iterator[Nodes]:
    folder = tmp_path_factory.mktemp("guarded")
    security, _ = security_with(folder / "security", jeonju, "one")
    with Nodes(folder, security) as running:
        yield running


@pytest.fixture
def url(secured: Nodes) -> str:
    return secured.urls_for("ingest")[1]


@pytest.fixture
def store(url: str) -> Iterator[LeaseStore]:
    with ExitStack() as stack:
        yield opened(url, stack)


def opened(url: str, stack: ExitStack) -> LeaseStore:
    store = LeaseStore(url, lasts_s=LASTS_S)
    store.start()
    stack.callback(store.stop)

    def answers() -> bool:
        try:
            store.holder("anything")
        except UnavailableError:
            return False
        return True

    wait_until(answers, what="the leases")
    return store


def test_lease_is_had_by_one_until_it_is_given_back_or_ends(store: LeaseStore) -> None:
    first = store.take("role.a", b"one")
    assert first is not None
    assert store.take("role.a", b"two") is None
    assert store.holder("role.a") == b"one"
    first.renew()
    first.release()
    second = store.take("role.a", b"two")
    assert second is not None
    # The second is never renewed, as by a worker that was killed or stands still.
    wait_until(lambda: store.take("role.a", b"three"), what="the end of the lease")
    assert not second.is_held
    with pytest.raises(LeaseLostError):
        second.renew()
    assert store.holder("role.a") == b"three"


def test_of_two_who_think_that_they_hold_it_one_is_told_that_he_does_not(store: LeaseStore) -> None:
    asleep = store.take("role.b", b"asleep")
    assert asleep is not None
    # By its own clock it would hold for ever: it is the revision that tells it.
    asleep._until_s = float("inf")
    store.remove("role.b", asleep._revision)
    awake = store.take("role.b", b"awake")
    assert awake is not None
    with pytest.raises(LeaseLostError, match="another worker has it"):
        asleep.renew()
    awake.renew()


def test_renewal_whose_answer_was_lost_is_no_loss(store: LeaseStore) -> None:
    lease = store.take("role.c", b"one")
    assert lease is not None
    assert store.replace("role.c", b"one", lease._revision) is not None
    lease.renew()
    assert store.take("role.c", b"one") is not None
    assert lease.is_held


def test_nodes_that_do_not_answer_are_said_in_one_line() -> None:
    store = LeaseStore("nats://127.0.0.1:1,127.0.0.1:2")
    store.start()
    with pytest.raises(UnavailableError, match=r"no node of NATS answers at 127\.0\.0\.1:1,127\.0\.0\.1:2"):
        store.take("role.a", b"one")
    store.stop()
    with pytest.raises(UserError, match="write it like nats://host:4222"):
        LeaseStore("mqtt://h")


class Told:
    """A sink that only remembers."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    def restore(self, active: Sequence[AlertRecord]) -> None:
        self.ids += [alert.id for alert in active]

    def publish(self, alerts: Sequence[AlertRecord], seen_until: datetime | None) -> None:
        self.restore(alerts)

    def hold_back(self, alerts: Sequence[AlertRecord]) -> None:
        self.restore(alerts)


def test_alerts_of_a_worker_that_has_lost_its_site_stay_untold(store: LeaseStore) -> None:
    one, two = (AlertRecord(*[None] * len(AlertRecord._fields))._replace(id=name) for name in ("one", "two"))  # type: ignore[arg-type]
    lease, told = store.take("detect.north", b"one"), Told()
    assert lease is not None
    sink = FencedSink(told, lease)
    sink.publish([one], None)
    assert told.ids == ["one"]
    store.remove("detect.north", lease._revision)
    assert store.take("detect.north", b"two") is not None
    assert lease.is_held, "it does not know yet"
    with pytest.raises(UnavailableError):
        sink.publish([two], None)
    sink.hold_back([two])
    with pytest.raises(UnavailableError):
        sink.restore([two])
    assert told.ids == ["one"]


class Served:
    """What a worker does for a site here: nothing, until it is told to fail."""

    metrics: Collector

    def __init__(self, site: str, lease: Lease, failing: threading.Event) -> None:
        self.metrics = CollectorRegistry()
        self._failing = failing

    def trouble(self) -> str | None:
        return None

    def failure(self) -> Exception | None:
        return UserError("broken") if self._failing.is_set() else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class Team:
    """Workers of a role."""

    def __init__(self, url: str, role: str, *sites: str) -> None:
        self._url, self._role, self._sites = url, role, sites
        self.failing: list[threading.Event] = []

    def worker(self, **options: object) -> Worker:
        failing = threading.Event()
        self.failing.append(failing)
        return Worker(
            self._role,
            self._sites,
            LeaseStore(self._url, lasts_s=LASTS_S),
            lambda site, lease: Served(site, lease, failing),
            **options,  # type: ignore[arg-type]
        )


def test_sites_are_divided_taken_over_and_missed(url: str) -> None:
    team = Team(url, "divided", "a", "b")
    with team.worker(most_sites=1) as one:
        wait_until(lambda: one.held == ["a"], what="the first site")
        wait_until(lambda: one.trouble(), what="a site that nobody serves")
        assert str(one.trouble()).startswith(
            "no worker has divided of b: what is sent waits at the broker; start one more"
        )
        samples = {metric.name: metric for metric in WorkerMetrics(one, "divided").collect()}
        assert samples["jeonju_divided_sites_unserved"].samples[0].value == 1
        with team.worker() as other:
            wait_until(lambda: other.held == ["b"] and one.trouble() is None, what="the second site")
            team.failing[0].set()
            # One that fails gives its site to whoever can.
            wait_until(lambda: other.held == ["a", "b"] and not one.held, what="the other site")
            team.failing[0].clear()
        wait_until(lambda: len(one.held) == 1, what="what was given back")


def test_worker_that_does_not_fit_takes_nothing(url: str) -> None:
    team = Team(url, "fit", "a", "b")
    with team.worker(most_sites=1, version="2.0", session="x") as one:
        wait_until(lambda: one.held, what="the first")
        with team.worker(version="1.9", session="x") as older, team.worker(version="2.0", session="y") as other:
            wait_until(lambda: older.trouble() and other.trouble(), what="the disagreements")
            assert re.search(r"is of version 2\.0, this worker of 1\.9; update it", str(older.trouble()))
            assert re.search("was given another --client-id-file", str(other.trouble()))
            assert not older.held
            assert not other.held


def test_api_says_which_sites_nobody_serves(
    secured: Nodes, url: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jeonju.stack.holders.LOOK_EVERY_S", 0.1)
    team = Team(url, "seen", "a")
    with team.worker() as worker:
        wait_until(lambda: worker.held, what="the site")
        with HolderWatch("a", ("seen", "missed"), LeaseStore(secured.urls_for("api")[1])) as watch:
            wait_until(
                lambda: len(watch.notices()) == 1 and "no worker has missed of a" in watch.notices()[0],
                what="the notice",
            )
            wait_until(lambda: any("no worker has missed of a" in line for line in caplog.messages), what="the line")


def test_api_cannot_take_a_site(secured: Nodes, store: LeaseStore) -> None:
    with ExitStack() as stack:
        api = opened(secured.urls_for("api")[1], stack)
        with pytest.raises(UnavailableError):
            api.take("role.api", b"api")
    assert store.holder("role.api") is None


def test_apis_ask_the_one_that_responds_and_nobody_else_may(secured: Nodes) -> None:
    with ExitStack() as stack:
        asking, answering = (opened(secured.urls_for("api")[1], stack) for _ in range(2))
        detect = opened(secured.urls_for("detect")[1], stack)
        with pytest.raises(UnavailableError, match="no api responds for this site at the moment"):
            Requests(asking.nodes, f"{ASKED}.jeonju").ask(b"?")
        with Requests(answering.nodes, f"{ASKED}.jeonju").answered(lambda question: question + b"!"):
            # The nodes tell each other who answers.
            wait_until(lambda: _answer(asking) == b"forbid!", within_s=30)
            with pytest.raises(UnavailableError):
                Requests(detect.nodes, f"{ASKED}.jeonju").ask(b"forbid")
        lease = asking.take(f"{RESPOND}.jeonju", b"one")
        assert lease is not None
        assert answering.take(f"{RESPOND}.jeonju", b"two") is None
        lease.release()


def _answer(asking: LeaseStore) -> bytes | None:
    try:
        return Requests(asking.nodes, f"{ASKED}.jeonju").ask(b"forbid")
    except UnavailableError:
        return None


def test_site_that_is_named_twice_is_refused(url: str) -> None:
    with pytest.raises(UserError, match="names a site twice: a, a"):
        Team(url, "twice", "a", "a").worker()
