"""Bad air at stations by the index, and advisories of zones by the law."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from airquality.limits import ADVISORY_LEVELS
from airquality.pollutants import QUANTITY
from api.alerts.bins import Bin
from api.alerts.condition import Condition
from api.alerts.pollution import Pollution
from api.alerts.wording import Labels, amount


@dataclass
class PollutionWatcher:
    """Says at which stations the index is bad and in which zones an advisory is in force."""

    labels: Labels
    pollution: Pollution
    kinds: frozenset[str] = frozenset(["cai", *(f"{quantity}-advisory" for quantity in ADVISORY_LEVELS)])

    def step(self, one: Bin) -> list[Condition] | None:
        """Take a bin; return what holds now, None while no index or advisory can have changed."""
        if not self.pollution.step(one.end_s, one.devices, one.means):
            return None
        return [*self._bad_air(), *self._advisories()]

    def _bad_air(self) -> Iterator[Condition]:
        for station, index in self.pollution.cai.items():
            if index.grade.key in ("good", "moderate"):
                continue
            place_ko, place_en = self.labels[station]
            leading = QUANTITY[index.pollutant]
            yield Condition(
                kind="cai", place=station, severity="critical" if index.grade.key == "very-bad" else "warning",
                summary_ko=f"{place_ko}: 통합대기환경지수 {index.value:.0f} ({index.grade.label_ko}), 주오염물질 {leading.label_ko}",
                summary_en=f"{place_en}: CAI {index.value:.0f} ({index.grade.label_en}), led by {leading.label_en}",
                details={
                    "grade": index.grade.key,
                    "sub_indices": {key: round(value, 1) for key, value in index.sub_indices.items()},
                },
                value=round(index.value, 1), limit=100.0,
            )  # fmt: skip

    def _advisories(self) -> Iterator[Condition]:
        for (zone, quantity), state in self.pollution.advisories.items():
            if state.level == 0:
                continue
            level = ADVISORY_LEVELS[quantity][state.level - 1]
            mean = self.pollution.zone_means[zone, quantity]
            row = QUANTITY[quantity]
            place_ko, place_en = self.labels[zone]
            yield Condition(
                kind=f"{quantity}-advisory", place=zone, severity="warning" if state.level == 1 else "critical",
                summary_ko=f"{place_ko}: {row.label_ko} {level.label_ko} (시간평균 {amount(quantity, mean)})",
                summary_en=f"{place_en}: {row.label_en} {level.label_en} (hourly mean {amount(quantity, mean)})",
                details={"level": level.key}, value=None if np.isnan(mean) else mean, limit=level.issue_at, quantity=quantity,
            )  # fmt: skip
