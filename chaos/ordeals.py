"""The ordeals: each breaks one thing while messages flow."""

import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from chaos.plans import POISON, POISON_EVERY
from chaos.rig import Options, Parts, Rig
from chaos.waiting import wait_until

KILLS: Final = 5
BACKLOG: Final = 20_000
FLOOD_PER_S: Final = 1000.0
CUT_S: Final = 10.0
# Longer than the keepalive of ingest, so that it has to find out by itself that its connection is dead.
HALF_OPEN_S: Final = 40.0


@dataclass(frozen=True, kw_only=True)
class Ordeal:
    """What is broken, on what, and how; `ends_allowed` where ingest may end by itself and be started again by the supervisor."""

    broken: str
    act: Callable[[Rig], None]
    parts: Parts = field(default_factory=Parts)
    ends_allowed: bool = False


def kill_ingest(rig: Rig) -> None:
    """Kill ingest at random moments under load."""
    rig.start_under_load()
    for _ in range(_kills(rig.options)):
        rig.last(rig.random.uniform(0.5, 4.0))
        rig.ingest.kill()
        rig.mended()
        rig.wait_until_committed()
    rig.last(1.0)


def kill_broker(rig: Rig) -> None:
    """Kill the broker at random moments under load."""
    rig.start_under_load()
    for _ in range(_kills(rig.options)):
        rig.last(rig.random.uniform(2.0, 5.0))
        rig.kill_broker()
        rig.mended()
        rig.wait_until_committed()
    rig.last(2.0)


def kill_broker_while_it_keeps(rig: Rig) -> None:
    """Kill the broker at random moments while ingest is away, so that it alone has the messages."""
    rig.start_ingest()
    # The subscription itself must have been saved, or nobody keeps anything.
    rig.last(3.0)
    rig.ingest.stop()
    rig.ingest.starts = 0
    load = rig.send("load", per_s=200)
    for _ in range(_kills(rig.options)):
        rig.last(rig.random.uniform(2.0, 5.0))
        rig.kill_broker()
        rig.wait_until_acknowledged(load)
    rig.last(2.0)
    load.finish()
    rig.ingest.start()
    rig.mended()


def kill_store(rig: Rig) -> None:
    """Kill the database server under load and start it again at once."""
    assert rig.influxd is not None
    rig.start_under_load()
    for _ in range(_kills(rig.options)):
        rig.last(rig.random.uniform(1.0, 4.0))
        rig.influxd.signal(signal.SIGKILL)
        rig.influxd.start()
        rig.mended()
        rig.wait_until_committed()
    rig.last(1.0)


def stop_store(rig: Rig) -> None:
    """Let the database server be dead for some minutes."""
    assert rig.influxd is not None
    _without_store(rig, signal.SIGKILL, rig.influxd.start)


def freeze_store(rig: Rig) -> None:
    """Let the database server take connections and never answer for some minutes."""
    assert rig.influxd is not None
    _without_store(rig, signal.SIGSTOP, partial(rig.influxd.signal, signal.SIGCONT))


def _without_store(rig: Rig, blow: signal.Signals, mend: Callable[[], None]) -> None:
    assert rig.influxd is not None
    rig.start_under_load()
    rig.influxd.signal(blow)
    rig.last(rig.options.minutes * 60)
    mend()
    rig.mended()
    rig.wait_until_committed()
    rig.last(2.0)


def cut_network(rig: Rig) -> None:
    """Cut the network between ingest and broker, three times."""
    assert rig.proxy is not None
    rig.start_under_load()
    for _ in range(1 if rig.options.brief else 3):
        rig.last(rig.random.uniform(1.0, 3.0))
        rig.proxy.set("cut")
        rig.last(1.0 if rig.options.brief else CUT_S)
        rig.proxy.set("open")
        rig.mended()
        rig.wait_until_committed()
    rig.last(1.0)


def swallow_packets(rig: Rig) -> None:
    """Let the network between ingest and broker swallow everything without a word."""
    assert rig.proxy is not None
    rig.start_under_load()
    rig.last(rig.random.uniform(1.0, 3.0))
    rig.proxy.set("swallow")
    rig.last(HALF_OPEN_S)
    rig.proxy.set("open")
    rig.mended()
    rig.wait_until_committed()
    rig.last(1.0)


def fill_disk(rig: Rig) -> None:
    """Fill the disk of the store to the last byte, then free it."""
    assert rig.disk is not None
    rig.start_under_load()
    rig.disk.fill()
    wait_until(lambda: "No space left" in rig.ingest.said(), within_s=60, what="the full disk being noticed")
    rig.last(1.0 if rig.options.brief else 20.0)
    rig.disk.free()
    rig.mended()
    rig.wait_until_committed()
    rig.last(1.0)


def turn_clock(rig: Rig) -> None:
    """Let the clocks of the senders jump an hour ahead, three days ahead and back to 1970."""
    rig.start_ingest()
    rig.send("clock", plan="clock", devices=10, per_s=200, messages=300 if rig.options.brief else 2000).finish(
        stop=False
    )


def turn_clock_and_kill_broker(rig: Rig) -> None:
    """Have readings without a usable time delivered twice: a broker that is killed forgets what ingest has acknowledged."""
    rig.start_ingest()
    rig.send("clock", plan="clock", devices=10, per_s=200)
    for _ in range(_kills(rig.options)):
        rig.last(rig.random.uniform(2.0, 5.0))
        rig.kill_broker()
        rig.mended()
        rig.wait_until_committed()
    rig.last(2.0)


def poison(rig: Rig) -> None:
    """Mix poison into good messages."""
    rig.start_ingest()
    rounds = 2 if rig.options.brief else 8
    count = rounds * len(POISON) * (POISON_EVERY + 1)
    rig.send("good", plan="poison", per_s=100, messages=count).finish(stop=False)


def flood(rig: Rig) -> None:
    """Let one device send a thousand messages a second while others go on."""
    rig.start_ingest()
    rig.send("others", per_s=40)
    rig.wait_until_committed()
    rig.send("flood", per_s=FLOOD_PER_S, devices=1)
    rig.last(3.0 if rig.options.brief else 25.0)


def backlog(rig: Rig) -> None:
    """Let messages wait in the broker before ingest starts; it must have been there once, or nobody would keep them."""
    rig.start_ingest()
    rig.ingest.stop()
    rig.ingest.starts = 0
    rig.send("load", per_s=0, messages=2000 if rig.options.brief else BACKLOG).finish(stop=False)
    rig.ingest.start()
    rig.mended()


def _kills(options: Options) -> int:
    return 1 if options.brief else KILLS


_MOSQUITTO: Final = Parts(broker="mosquitto")
_INFLUXDB: Final = Parts(influxdb=True)
ORDEALS: Final[dict[str, Ordeal]] = {
    "ingest-kill": Ordeal(broken="ingest killed 5 times", act=kill_ingest),
    "ingest-kill-mosquitto": Ordeal(broken="ingest killed 5 times", act=kill_ingest, parts=_MOSQUITTO),
    "broker-kill": Ordeal(broken="NATS killed 5 times", act=kill_broker),
    "broker-kill-mosquitto": Ordeal(broken="Mosquitto killed 5 times", act=kill_broker, parts=_MOSQUITTO),
    "queue-kill": Ordeal(broken="NATS killed 5 times, ingest away", act=kill_broker_while_it_keeps),
    "queue-kill-mosquitto": Ordeal(
        broken="Mosquitto killed 5 times, ingest away", act=kill_broker_while_it_keeps, parts=_MOSQUITTO
    ),
    "store-kill": Ordeal(broken="InfluxDB killed 5 times", act=kill_store, parts=_INFLUXDB),
    "store-away": Ordeal(broken="InfluxDB away for {minutes:g} min", act=stop_store, parts=_INFLUXDB),
    "store-frozen": Ordeal(broken="InfluxDB frozen for {minutes:g} min", act=freeze_store, parts=_INFLUXDB),
    "network-cut": Ordeal(broken="network cut 3 times for 10 s", act=cut_network, parts=Parts(proxy=True)),
    "network-half-open": Ordeal(broken="packets swallowed for 40 s", act=swallow_packets, parts=Parts(proxy=True)),
    "disk-full": Ordeal(broken="disk full for 20 s", act=fill_disk, parts=Parts(small_disk=True), ends_allowed=True),
    "clock": Ordeal(broken="clocks 1 h and 3 days ahead, in 1970", act=turn_clock),
    "clock-repeats": Ordeal(
        broken="the same, Mosquitto killed 5 times", act=turn_clock_and_kill_broker, parts=_MOSQUITTO
    ),
    "poison": Ordeal(broken="poison in every sixth message", act=poison),
    "poison-mosquitto": Ordeal(broken="poison in every sixth message", act=poison, parts=_MOSQUITTO),
    "flood": Ordeal(broken="one device sends 1000/s", act=flood),
    "backlog": Ordeal(broken="20 000 messages wait for ingest", act=backlog),
    "backlog-mosquitto": Ordeal(broken="20 000 messages wait for ingest", act=backlog, parts=_MOSQUITTO),
}
