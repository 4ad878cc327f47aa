"""Bad air at stations by the index; advisories of zones and stations, and Asian dust, by the law."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

import numpy as np

from jeonju.airquality.index import Cai
from jeonju.airquality.limits import (
    ADVISORY_LEVELS,
    DUST_STAGES,
    EU_LEVELS,
    LONGEST_WITHOUT_DATA_H,
    AdvisoryState,
    Level,
)
from jeonju.contract.details import AdvisoryDetails, IndexDetails, decode
from jeonju.detection.condition import Condition
from jeonju.detection.detectors.detector import Past, WindowDetector
from jeonju.detection.pollution import Pollution
from jeonju.detection.windows import Window

# Bad air has ended when the index was moderate or better for this many hours in a row, so an index around 100 does not end it every hour. Our choice.
GOOD_HOURS: Final = 2
ASIAN_DUST: Final = "asian-dust"
_ADVISORIES: Final = {f"{quantity}-advisory": quantity for quantity in {**ADVISORY_LEVELS, **EU_LEVELS}}


class PollutionDetector(WindowDetector):
    """Says at which stations the index is bad, where an advisory is in force, and which stage Asian dust has reached."""

    kinds = frozenset(["cai", ASIAN_DUST, *_ADVISORIES])

    def __init__(self, pollution: Pollution) -> None:
        self.pollution = pollution
        self._bad: dict[str, tuple[Cai, int]] = {}  # station → its last bad index, and the hour of it
        self._may_have_changed = True

    def restore(self, past: Past) -> None:
        """Go on with what is in force since before the hours that are still known, and work these out again."""
        if not past.history:
            return
        levels = {
            (alert.kind, alert.device or alert.zone or ""): decode(alert.details, AdvisoryDetails).level
            for alert in past.alerts
            if alert.started_at.timestamp() < past.history.begin_s
        }
        self.pollution.restore(
            {
                (place, _ADVISORIES[kind]): _state(self.pollution.scheme.advisories.get(_ADVISORIES[kind], ()), level)
                for (kind, place), level in levels.items()
                if kind in _ADVISORIES
            },
            _state(DUST_STAGES, levels.get((ASIAN_DUST, ""))),
        )
        for window in past.history:
            if self.pollution.step(window):
                self._note_bad_air()

    def step(self, window: Window) -> None:
        """Take the next window."""
        if self.pollution.step(window):
            self._note_bad_air()
            self._may_have_changed = True

    def conditions(self, now: datetime) -> Sequence[Condition] | None:
        """Return the conditions that are met now, None while no index or advisory can have changed."""
        if not self._may_have_changed:
            return None
        self._may_have_changed = False
        return [*self._bad_air(), *self._advisories(), *self._asian_dust()]

    def _note_bad_air(self) -> None:
        hour = self.pollution.hour or 0
        for station, index in self.pollution.cai.items():
            if self._class_of(index) >= self.pollution.scheme.bad_from:
                self._bad[station] = index, hour
        for station, (_, last_bad) in list(self._bad.items()):
            patience = GOOD_HOURS if station in self.pollution.cai else LONGEST_WITHOUT_DATA_H
            if hour - last_bad >= patience:
                del self._bad[station]

    def _bad_air(self) -> Iterator[Condition]:
        for station, (last_bad, _) in self._bad.items():
            index = self.pollution.cai.get(station, last_bad)
            details = IndexDetails(
                index=self.pollution.scheme.key,
                grade=index.grade.key,
                sub_indices={key: round(value, 1) for key, value in index.sub_indices.items()},
                pollutant=index.pollutant,
                missing=station not in self.pollution.cai,
            )
            yield Condition(
                kind="cai",
                place=station,
                severity="critical" if self._class_of(index) >= self.pollution.scheme.very_bad_from else "warning",
                details=details,
                value=round(index.value, 1),
                limit=self.pollution.scheme.bad_above,
            )

    def _class_of(self, index: Cai) -> int:
        return self.pollution.scheme.class_of(index.grade)

    def _advisories(self) -> Iterator[Condition]:
        for (place, quantity), state in self.pollution.advisories.items():
            if state.level == 0:
                continue
            level = self.pollution.scheme.advisories[quantity][state.level - 1]
            mean = self.pollution.hourly_means.get((place, quantity), float("nan"))
            yield Condition(
                kind=f"{quantity}-advisory",
                place=place,
                severity="warning" if state.level == 1 else "critical",
                details=AdvisoryDetails(level=level.key, scope="zone" if place in self.pollution.zones else "station"),
                value=None if np.isnan(mean) else mean,
                limit=level.issue_at,
                quantity=quantity,
            )

    def _asian_dust(self) -> Iterator[Condition]:
        if self.pollution.dust.level == 0:
            return
        stage, mean = DUST_STAGES[self.pollution.dust.level - 1], self.pollution.dust_mean
        yield Condition(
            kind=ASIAN_DUST,
            place="",
            severity="warning" if self.pollution.dust.level == 1 else "critical",
            details=AdvisoryDetails(level=stage.key),
            value=None if np.isnan(mean) else mean,
            limit=stage.issue_at,
            quantity="pm10",
        )


def _state(levels: tuple[Level, ...], key: str | None) -> AdvisoryState:
    return AdvisoryState(next((number for number, level in enumerate(levels, 1) if level.key == key), 0))
