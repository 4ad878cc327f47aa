"""Smoke, dust and releases at single devices."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from api.alerts.bins import Bin
from api.alerts.condition import Condition
from api.alerts.smoke import Finding, SmokeDetector
from api.alerts.wording import CLASSES, KINDS, Labels, reasons


@dataclass
class SmokeWatcher:
    """Says which device stands in smoke, in dust or in a release."""

    labels: Labels
    kinds: frozenset[str] = frozenset(CLASSES)
    _detector: SmokeDetector = field(default_factory=SmokeDetector)

    def step(self, one: Bin) -> Iterator[Condition]:
        """Take a bin; return what every device shows now."""
        for device, finding in zip(one.devices, self._detector.step(one.means), strict=True):
            if finding is not None:
                yield self._condition(device, finding)

    def _condition(self, device: str, finding: Finding) -> Condition:
        korean, english = reasons(finding.rises)
        place_ko, place_en = self.labels[device]
        return Condition(
            kind=finding.kind, place=device, severity="critical" if finding.kind == "smoke" else "warning",
            summary_ko=f"{place_ko}: {KINDS[finding.kind][0]} (평소와 주변보다 {', '.join(korean)})",
            summary_en=f"{place_en}: {KINDS[finding.kind][1]} (above its usual level and the network: {', '.join(english)})",
            details={"class": CLASSES[finding.kind], "reasons_ko": korean, "reasons_en": english, "rises": finding.rises},
            value=finding.value, quantity=finding.quantity,
        )  # fmt: skip
