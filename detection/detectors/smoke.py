"""Smoke, dust and releases at single devices, and which devices support each other."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from jeonju.contract.details import CLASSES, SmokeDetails, Supporter, decode
from jeonju.contract.known_source import Nuisance
from jeonju.contract.records import AlertRecord
from jeonju.contract.site import Site
from jeonju.detection.condition import Condition
from jeonju.detection.smoke.corroboration import Support, Wind, supports
from jeonju.detection.smoke.detector import Finding, SmokeDetector
from jeonju.detection.smoke.nuisance import Nuisances
from jeonju.detection.windows import Bin


@dataclass
class SmokeWatcher:
    """Says which device stands in smoke, in dust or in a release."""

    site: Site
    kinds: frozenset[str] = frozenset(CLASSES)
    _wind: Wind = field(default_factory=Wind)

    def __post_init__(self) -> None:
        """Begin with no place marked."""
        self._detector = SmokeDetector(self.site)

    def mark(self, places: Iterable[Nuisance]) -> None:
        """Let these places, and no others, weigh less from now on."""
        self._detector.nuisances = Nuisances(list(places), self.site)

    def learn(self, one: Bin, seconds: float) -> None:
        """Take a mean over `seconds` of the past: only what is usual is learnt."""
        self._wind.step(one)
        self._detector.learn(one, seconds)

    def resume(self, devices: list[str], alerts: Iterable[AlertRecord]) -> None:
        """Go on with alerts that lasted: they end when it has been quiet for long enough, not because of a restart."""
        for alert in alerts:
            if alert.kind in self.kinds and alert.device in devices:
                smoke = decode(alert.details, SmokeDetails)
                self._detector.raised[devices.index(alert.device)] = Finding(
                    alert.kind,
                    alert.quantity or "pm25",
                    alert.value or 0.0,
                    smoke.rises,
                    smoke.classes,
                )

    def step(self, one: Bin) -> list[Condition]:
        """Take a bin; return what every device shows now."""
        self._wind.step(one)
        self._detector.step(one)
        return list(self._conditions(one.devices))

    def _conditions(self, devices: list[str]) -> Iterator[Condition]:
        smoke = {number for number, finding in self._detector.raised.items() if finding.kind == "smoke"}
        for number, finding in self._detector.raised.items():
            supporters = (
                supports(number, smoke | self._detector.leaning, self._detector.positions.xy_m, self._wind.vector_m_s)
                if finding.kind == "smoke"
                else []
            )
            yield self._condition(devices, devices[number], finding, supporters)

    def _condition(self, devices: list[str], device: str, finding: Finding, supporters: list[Support]) -> Condition:
        of_class = CLASSES[finding.kind]
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
