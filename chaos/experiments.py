"""The experiments: each breaks one thing while messages flow."""

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Final

from chaos.clock import set_clock
from chaos.plans import POISON, POISON_EVERY
from chaos.testbed import Options, Parts, Testbed
from chaos.waiting import wait_until

KILLS: Final = 5
BACKLOG: Final = 20_000
UP_PER_S: Final = 600.0
FLOOD_PER_S: Final = 1000.0
CLOCK_STEPS: Final = tuple(sign * timedelta(hours=hours) for hours in (2, 48, 17_520) for sign in (-1, 1))
CUT_S: Final = 10.0
# Longer than the keepalive of ingest, so that it has to find out by itself that its connection is dead.
HALF_OPEN_S: Final = 40.0


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """What is broken, on what, and how; `ends_allowed` where ingest may end by itself and be started again by the supervisor."""

    broken: str
    act: Callable[[Testbed], None]
    parts: Parts = field(default_factory=Parts)
    ends_allowed: bool = False


def kill_ingest(testbed: Testbed) -> None:
    """Kill ingest at random moments under load."""
    testbed.start_under_load()
    for _ in range(_kills(testbed.options)):
        testbed.last(testbed.random.uniform(0.5, 4.0))
        testbed.ingest.kill()
        testbed.mended()
        testbed.wait_until_committed()
    testbed.last(1.0)


def kill_up(testbed: Testbed) -> None:
    """Kill `up`, and its broker with it, at random moments under load."""
    testbed.start_under_load(per_s=UP_PER_S)
    for _ in range(1 if testbed.options.brief else testbed.options.rounds):
        testbed.last(testbed.random.uniform(0.1, 2.0))
        testbed.ingest.kill()
        testbed.broker_killed_at.append(time.monotonic())
        testbed.mended()
        testbed.wait_until_committed()
    testbed.last(1.0)


def kill_broker(testbed: Testbed) -> None:
    """Kill the broker at random moments under load."""
    testbed.start_under_load()
    for _ in range(_kills(testbed.options)):
        testbed.last(testbed.random.uniform(2.0, 5.0))
        testbed.kill_broker()
        testbed.mended()
        testbed.wait_until_committed()
    testbed.last(2.0)


def kill_broker_while_it_keeps(testbed: Testbed) -> None:
    """Kill the broker at random moments while ingest is away, so that it alone has the messages."""
    testbed.start_ingest()
    # The subscription itself must have been saved, or the broker keeps nothing.
    testbed.last(3.0)
    testbed.ingest.stop()
    testbed.ingest.starts = 0
    load = testbed.send("load", per_s=200)
    for _ in range(_kills(testbed.options)):
        testbed.last(testbed.random.uniform(2.0, 5.0))
        testbed.kill_broker()
        testbed.wait_until_acknowledged(load)
    testbed.last(2.0)
    load.finish()
    testbed.ingest.start()
    testbed.mended()


def kill_store(testbed: Testbed) -> None:
    """Kill the database server under load and start it again at once."""
    assert testbed.influxd is not None
    testbed.start_under_load()
    for _ in range(_kills(testbed.options)):
        testbed.last(testbed.random.uniform(1.0, 4.0))
        testbed.influxd.signal(signal.SIGKILL)
        testbed.influxd.start()
        testbed.mended()
        testbed.wait_until_committed()
    testbed.last(1.0)


def stop_store(testbed: Testbed) -> None:
    """Let the database server be dead for some minutes."""
    assert testbed.influxd is not None
    _without_store(testbed, signal.SIGKILL, testbed.influxd.start)


def freeze_store(testbed: Testbed) -> None:
    """Let the database server take connections and never answer for some minutes."""
    assert testbed.influxd is not None
    _without_store(testbed, signal.SIGSTOP, partial(testbed.influxd.signal, signal.SIGCONT))


def _without_store(testbed: Testbed, blow: signal.Signals, mend: Callable[[], None]) -> None:
    assert testbed.influxd is not None
    testbed.start_under_load()
    testbed.influxd.signal(blow)
    testbed.last(testbed.options.minutes * 60)
    mend()
    testbed.mended()
    testbed.wait_until_committed()
    testbed.last(2.0)


def cut_network(testbed: Testbed) -> None:
    """Cut the network between ingest and broker, three times."""
    assert testbed.proxy is not None
    testbed.start_under_load()
    for _ in range(1 if testbed.options.brief else 3):
        testbed.last(testbed.random.uniform(1.0, 3.0))
        testbed.proxy.set("cut")
        testbed.last(1.0 if testbed.options.brief else CUT_S)
        testbed.proxy.set("open")
        testbed.mended()
        testbed.wait_until_committed()
    testbed.last(1.0)


def swallow_packets(testbed: Testbed) -> None:
    """Let the network between ingest and broker swallow everything without a word."""
    assert testbed.proxy is not None
    testbed.start_under_load()
    testbed.last(testbed.random.uniform(1.0, 3.0))
    testbed.proxy.set("swallow")
    testbed.last(HALF_OPEN_S)
    testbed.proxy.set("open")
    testbed.mended()
    testbed.wait_until_committed()
    testbed.last(1.0)


def fill_disk(testbed: Testbed) -> None:
    """Fill the disk of the store to the last byte, then free it."""
    assert testbed.disk is not None
    testbed.start_under_load()
    testbed.disk.fill()
    wait_until(lambda: "No space left" in testbed.ingest.said(), within_s=60, what="the full disk being noticed")
    testbed.last(1.0 if testbed.options.brief else 20.0)
    testbed.disk.free()
    testbed.mended()
    testbed.wait_until_committed()
    testbed.last(1.0)


def set_clock_of_up(testbed: Testbed) -> None:
    """Let the clock of `up` be two hours, two days and two years wrong, back and ahead, and right again each time."""
    testbed.start_under_load()
    for wrong in CLOCK_STEPS[:1] if testbed.options.brief else CLOCK_STEPS:
        set_clock(testbed.clock, wrong)
        testbed.last(2.0)
        set_clock(testbed.clock, timedelta(0))
        testbed.mended()
        testbed.wait_until_committed()
        testbed.last(1.0)


def fill_disk_of_up(testbed: Testbed) -> None:
    """Fill the disk that `up` keeps everything on to the last byte, then free it; nobody does anything else."""
    assert testbed.disk is not None
    testbed.start_under_load(per_s=50.0)
    testbed.disk.fill()
    testbed.last(1.0 if testbed.options.brief else 20.0)
    testbed.disk.free()
    testbed.mended()
    testbed.wait_until_committed()
    testbed.last(1.0)


def turn_clock(testbed: Testbed) -> None:
    """Let the clocks of the senders jump an hour ahead, three days ahead and back to 1970."""
    testbed.start_ingest()
    testbed.send("clock", plan="clock", devices=10, per_s=200, messages=300 if testbed.options.brief else 2000).finish(
        stop=False
    )


def turn_clock_and_kill_broker(testbed: Testbed) -> None:
    """Have readings without a usable time delivered twice: a broker that is killed forgets what ingest has acknowledged."""
    testbed.start_ingest()
    testbed.send("clock", plan="clock", devices=10, per_s=200)
    for _ in range(_kills(testbed.options)):
        testbed.last(testbed.random.uniform(2.0, 5.0))
        testbed.kill_broker()
        testbed.mended()
        testbed.wait_until_committed()
    testbed.last(2.0)


def poison(testbed: Testbed) -> None:
    """Mix poison into good messages."""
    testbed.start_ingest()
    rounds = 2 if testbed.options.brief else 8
    count = rounds * len(POISON) * (POISON_EVERY + 1)
    testbed.send("good", plan="poison", per_s=100, messages=count).finish(stop=False)


def flood(testbed: Testbed) -> None:
    """Let one device send a thousand messages a second while others go on."""
    testbed.start_ingest()
    testbed.send("others", per_s=40)
    testbed.wait_until_committed()
    testbed.send("flood", per_s=FLOOD_PER_S, devices=1)
    testbed.last(3.0 if testbed.options.brief else 25.0)


def backlog(testbed: Testbed) -> None:
    """Let messages wait in the broker before ingest starts; it must have been there once, or the broker would not keep them."""
    testbed.start_ingest()
    testbed.ingest.stop()
    testbed.ingest.starts = 0
    testbed.send("load", per_s=0, messages=2000 if testbed.options.brief else BACKLOG).finish(stop=False)
    testbed.ingest.start()
    testbed.mended()


def _kills(options: Options) -> int:
    return 1 if options.brief else KILLS


_MOSQUITTO: Final = Parts(broker="mosquitto")
_INFLUXDB: Final = Parts(influxdb=True)
EXPERIMENTS: Final[dict[str, Experiment]] = {
    "ingest-kill": Experiment(broken="ingest killed 5 times", act=kill_ingest),
    "ingest-kill-mosquitto": Experiment(broken="ingest killed 5 times", act=kill_ingest, parts=_MOSQUITTO),
    "kills": Experiment(broken="up killed {rounds} times", act=kill_up, parts=Parts(up=True)),
    "kills-mosquitto": Experiment(
        broken="up killed {rounds} times", act=kill_up, parts=Parts(up=True, broker="mosquitto")
    ),
    "broker-kill": Experiment(broken="NATS killed 5 times", act=kill_broker),
    "broker-kill-mosquitto": Experiment(broken="Mosquitto killed 5 times", act=kill_broker, parts=_MOSQUITTO),
    "queue-kill": Experiment(broken="NATS killed 5 times, ingest away", act=kill_broker_while_it_keeps),
    "queue-kill-mosquitto": Experiment(
        broken="Mosquitto killed 5 times, ingest away", act=kill_broker_while_it_keeps, parts=_MOSQUITTO
    ),
    "store-kill": Experiment(broken="InfluxDB killed 5 times", act=kill_store, parts=_INFLUXDB),
    "store-away": Experiment(broken="InfluxDB away for {minutes:g} min", act=stop_store, parts=_INFLUXDB),
    "store-frozen": Experiment(broken="InfluxDB frozen for {minutes:g} min", act=freeze_store, parts=_INFLUXDB),
    "network-cut": Experiment(broken="network cut 3 times for 10 s", act=cut_network, parts=Parts(proxy=True)),
    "network-half-open": Experiment(broken="packets swallowed for 40 s", act=swallow_packets, parts=Parts(proxy=True)),
    "disk-full": Experiment(
        broken="disk full for 20 s", act=fill_disk, parts=Parts(small_disk=True), ends_allowed=True
    ),
    "up-disk-full": Experiment(
        broken="disk of up, NATS and all, full for 20 s",
        act=fill_disk_of_up,
        parts=Parts(up=True, small_disk=True),
        ends_allowed=True,
    ),
    "up-disk-full-mosquitto": Experiment(
        broken="disk of up, Mosquitto and all, full for 20 s",
        act=fill_disk_of_up,
        parts=Parts(up=True, small_disk=True, broker="mosquitto"),
        ends_allowed=True,
    ),
    "up-clock": Experiment(broken="clock of up 2 h, 2 days, 2 years wrong", act=set_clock_of_up, parts=Parts(up=True)),
    "clock": Experiment(broken="clocks 1 h and 3 days ahead, in 1970", act=turn_clock),
    "clock-repeats": Experiment(
        broken="the same, Mosquitto killed 5 times", act=turn_clock_and_kill_broker, parts=_MOSQUITTO
    ),
    "poison": Experiment(broken="poison in every sixth message", act=poison),
    "poison-mosquitto": Experiment(broken="poison in every sixth message", act=poison, parts=_MOSQUITTO),
    "flood": Experiment(broken="one device sends 1000/s", act=flood),
    "backlog": Experiment(broken="20 000 messages wait for ingest", act=backlog),
    "backlog-mosquitto": Experiment(broken="20 000 messages wait for ingest", act=backlog, parts=_MOSQUITTO),
}
