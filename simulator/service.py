"""The simulator as a service: the world of a site in a thread of its own, publishing over MQTT, first the history at full speed, then live."""

import logging
import threading
import time
from functools import partial
from typing import Final

from prometheus_client.registry import Collector

from jeonju.common.scaled_clock import ScaledClock
from jeonju.contract.site import Site
from jeonju.simulator.cadence import Cadence, catching_up
from jeonju.simulator.exposure import Happening
from jeonju.simulator.metrics import SimulatorMetrics
from jeonju.simulator.paced import PacedEnvironment
from jeonju.simulator.scenario import Scenario
from jeonju.simulator.sinks.mqtt import MqttSink
from jeonju.simulator.sinks.truth import TruthSink
from jeonju.simulator.world import World

log = logging.getLogger(__name__)

DEFAULT_SEED: Final = 1


class Simulation:
    """One simulated site in its thread. It simulates from `begin_s` (POSIX time) up to the clock at full speed, then keeps to the clock.

    With a scenario, its weather, events and seed count; its events are timed from where the clock began, and `seed` is not used.
    Raises UserError for a broker that cannot be reached.
    """

    def __init__(
        self,
        site: Site,
        clock: ScaledClock,
        broker_url: str,
        *,
        begin_s: float,
        scenario: Scenario | None = None,
        seed: int = DEFAULT_SEED,
    ) -> None:
        self._clock = clock
        self._make_world = partial(
            World,
            site,
            seed=scenario.seed if scenario else seed,
            weather=scenario.weather if scenario else None,
            cadence=self._cadence,
        )
        sink = MqttSink(
            broker_url,
            site=site.name,
            # The sink is made before the world; both callbacks come from the network's threads once it runs.
            on_event=lambda event: self._world.enqueue_event(event),
            on_order=lambda robot, kind, payload: self._world.enqueue_order(robot, kind, payload),
            robots={robot.name: robot.identity for robot in site.robots},
        )
        self._commands = sink
        self._sink = TruthSink(sink, broker_url, site=site.name)
        self.begun_s = begin_s
        self._env, self._world = self._begin(begin_s)
        for event in scenario.events if scenario else ():
            # Events are timed from the start of the scenario, which is where the clock began; history lies before it.
            after = event.after + clock.start_at.timestamp() - begin_s
            if after >= 0:
                self._world.add(event.model_copy(update={"after": after}))
        self.failure: BaseException | None = None
        self._after: threading.Event | None = None
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="simulator", daemon=True)

    @property
    def is_live(self) -> bool:
        """Whether the history has been simulated."""
        return self._env.caught_up.is_set()

    @property
    def refusal(self) -> str | None:
        """Return one line where the broker does not let the simulator or a robot hear its commands."""
        return self._commands.refusal

    def happenings(self) -> list[Happening]:
        """Return what was let happen since the world began, as it is now; safe from any thread."""
        return [happening.copy() for happening in list(self._world.happenings)]

    @property
    def behind_s(self) -> float:
        """How far simulated time is behind its clock [s]."""
        return max(self._clock.now().timestamp() - self._env.now, 0.0)

    def metrics(self) -> Collector:
        """Return the simulator's own metrics for Prometheus."""
        return SimulatorMetrics(lambda: self.behind_s, lambda: self.is_live)

    def start(self, after: threading.Event | None = None) -> None:
        """Start the thread; it simulates at once, or when `after` is set: when others are ready for what it publishes."""
        self._after = after
        self._thread.start()

    def close(self) -> None:
        """Stop, and report every device offline."""
        self._closing.set()
        self._env.stop()
        self._sink.close()
        # Where the clock is set at this moment another world begins.
        while self._thread.is_alive():
            self._env.stop()
            self._thread.join(0.05)

    def _cadence(self, now_s: float) -> Cadence:
        return catching_up(now_s, self._clock.now().timestamp() - now_s, is_live=self.is_live)

    def _begin(self, at_s: float) -> tuple[PacedEnvironment, World]:
        env = PacedEnvironment(at_s, self._clock.now, speed=lambda: self._clock.speed)
        return env, self._make_world(env=env, sink=self._sink, boot=int(time.time()))

    def _run(self) -> None:
        # Polled: the caller that stops the city cannot set `after`.
        while self._after is not None and not self._after.wait(0.1):
            if self._closing.is_set():
                return
        try:
            self._env.run_paced()
            while self._env.is_off and not self._closing.is_set():
                log.warning("the clock was set; the simulation begins anew at its time")
                self._env, self._world = self._begin(self._clock.now().timestamp() // 10 * 10)
                self._env.run_paced()
        except Exception as error:  # noqa: BLE001  (the one supervisor: whatever it is, it is shown and ends the service)
            self.failure = error
