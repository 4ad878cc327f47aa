"""Smoke, dust and releases at single devices, and which devices support each other."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from jeonju.contract.details import SmokeDetails, Supporter, decode
from jeonju.contract.kinds import CLASS_OF_KIND
from jeonju.contract.known_source import KnownSource
from jeonju.contract.site import Site
from jeonju.detection.condition import Condition
from jeonju.detection.detectors.detector import Past, WindowDetector
from jeonju.detection.smoke.corroboration import Support, Wind, supports
from jeonju.detection.smoke.known_sources import KnownSources
from jeonju.detection.smoke.tracker import Finding, SmokeTracker
from jeonju.detection.windows import Window


class SmokeDetector(WindowDetector):
    """Says which device stands in smoke, in dust or in a release."""

    kinds = frozenset(CLASS_OF_KIND)

    def __init__(self, site: Site) -> None:
        self._site = site
        self._wind = Wind()
        self._tracker = SmokeTracker(site)
        self._devices: list[str] = []

    def mark(self, places: Iterable[KnownSource]) -> None:
        """Let these places, and no others, weigh less from now on."""
        self._tracker.known_sources = KnownSources(list(places), self._site)

    def restore(self, past: Past) -> None:
        """Go on with alerts that fire: they end when it has been quiet for long enough, not because of a restart. Learn what is usual."""
        if not past.history:
            return
        for alert in past.alerts:
            number = past.history.known_number(alert.device)
            if alert.kind in self.kinds and number is not None:
                smoke = decode(alert.details, SmokeDetails)
                self._tracker.raised[number] = Finding(
                    alert.kind, alert.quantity or "pm25", alert.value or 0.0, smoke.rises, smoke.classes
                )
        for window in past.history:
            self._wind.step(window)
            self._tracker.learn(window)

    def step(self, window: Window) -> None:
        """Take the next window."""
        self._wind.step(window)
        self._tracker.step(window, self._wind.vector_m_s)
        self._devices = window.devices

    def conditions(self, now: datetime) -> Sequence[Condition]:
        """Return what every device shows now."""
        tracker = self._tracker
        smoke = {number for number, finding in tracker.raised.items() if finding.kind == "smoke"}
        plume = smoke | tracker.leaning
        found = []
        for number, finding in tracker.raised.items():
            supporters = (
                supports(number, plume, tracker.positions.xy_m, self._wind.vector_m_s) if number in smoke else []
            )
            found.append(self._condition(self._devices, self._devices[number], finding, supporters))
        return found

    @staticmethod
    def _condition(devices: list[str], device: str, finding: Finding, supporters: list[Support]) -> Condition:
        of_class = CLASS_OF_KIND[finding.kind]
        return Condition(
            kind=finding.kind,
            place=device,
            severity=_severity(finding, supporters),
            details=SmokeDetails(
                of_class=of_class,
                classes=finding.classes,
                confidence=finding.classes.get(of_class),
                rises=finding.rises,
                supported_by=[devices[support.number] for support in supporters],
                supporters=[_supporter(devices[support.number], support) for support in supporters],
            ),
            value=finding.value,
            quantity=finding.quantity,
        )


def _supporter(device: str, support: Support) -> Supporter:
    return Supporter(device=device, distance_m=round(support.distance_m, 1), downwind_m=round(support.downwind_m, 1))


def _severity(finding: Finding, supporters: list[Support]) -> str:
    """One device alone may be wrong; a second one in line with the wind, or a camera that sees the fire, makes it sure."""
    return "critical" if finding.kind == "smoke" and (supporters or finding.quantity == "thermal_max") else "warning"
