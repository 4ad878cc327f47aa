"""Makes the forecast of a city when somebody asks for it, or every hour where alerts are raised on it; in a process of its own."""

import io
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import pyarrow as pa

from jeonju.common.errors import UnavailableError
from jeonju.common.worker import Worker, WorkerService
from jeonju.contract.forecast import CityForecast
from jeonju.contract.official import UPWIND_NAME
from jeonju.contract.site import Site
from jeonju.contract.weather_ahead import WeatherAhead, kept
from jeonju.forecast.city import READ, Request
from jeonju.forecast.statistics import records_of
from jeonju.storage.port import Series, Store

log = logging.getLogger(__name__)

# What is learnt from: a year of hours, less of large cities. So a forecast needs at most some 36 s of processor time and 400 MB (measured).
LONGEST: Final = timedelta(days=400)
MOST_DEVICE_HOURS: Final = 120_000
MOST_UPWIND: Final = 40
# Devices further away than this stand in other air, which may come here; so do those that the site file names so, as official values say no place.
UPWIND_FROM_M: Final = 40_000.0
# Issues come every three hours; after half a day others know better.
OLD_FROM: Final = timedelta(hours=12)
LONGEST_RUN_S: Final = 900.0
# The values of an hour are stored some minutes after its end.
AFTER_THE_HOUR: Final = timedelta(minutes=3)
# However fast the clock of a city runs: at most this share of a core's time.
MOST_SHARE: Final = 0.05
# After a failure, or without a forecast for the hour, it is tried again after so long.
AGAIN_S: Final = 60.0
SOON_AGAIN_S: Final = 300.0


class ForecastService(WorkerService):
    """Keeps the newest forecast. Routes `ask` for it and never wait; a thread reads the store and runs the process that learns."""

    def __init__(
        self,
        site: Site,
        store: Store,
        now: Callable[[], datetime],
        *,
        every_hour: bool = False,
        weather_ahead: Path | None = None,
        on_forecast: Callable[[CityForecast], None] = lambda _forecast: None,
    ) -> None:
        self._site, self._store, self._now = site, store, now
        self._every_hour, self._on_forecast, self._weather_ahead = every_hour, on_forecast, weather_ahead
        self._is_asked, self._is_over = False, False
        self._rests_until_s, self._made_s, self._begun_s = 0.0, 0.0, time.monotonic()
        self._process: subprocess.Popen[bytes] | None = None
        self._forecast: CityForecast | None = None
        self._failed: tuple[datetime, str] | None = None
        self._worker = Worker("forecast", always=(self._look,), idle_s=AGAIN_S)

    def stop(self) -> None:
        """End, with a forecast that is being made."""
        self._is_over = True
        self._end_process()
        super().stop()

    @property
    def failure(self) -> str | None:
        """Why the forecast of this hour could not be made, None where nothing went wrong."""
        failed = self._failed
        return failed[1] if failed and failed[0] == self._last_hour() else None

    def ask(self) -> CityForecast | None:
        """Return the forecast of this hour, or an earlier one while that is being made, None before the first."""
        if self._is_due() and not self._is_asked:
            self._is_asked = True
            self._worker.put(lambda: None)  # wakes the thread, which then looks
        return self._forecast

    def is_current(self, forecast: CityForecast) -> bool:
        """Return whether it knows the last full hour."""
        return forecast.last_hour >= self._last_hour()

    def _is_due(self) -> bool:
        forecast = self._forecast
        if forecast is None or not self.is_current(forecast):
            return True
        # What is made of little history costs a second, and more may have been stored: a city that begins makes up for its past first.
        is_learnt = any(model.model == "learnt" for model in forecast.models.values())
        return not is_learnt and time.monotonic() - self._made_s > SOON_AGAIN_S

    def _last_hour(self) -> datetime:
        now = (self._now() - AFTER_THE_HOUR).astimezone(UTC)
        return now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)

    def _look(self) -> None:
        """Make the forecast that is due, if somebody wants it and the last one is long enough ago."""
        is_wanted = self._is_asked or (self._every_hour and time.monotonic() - self._begun_s > AGAIN_S)
        if self._is_over or not is_wanted or not self._is_due() or time.monotonic() < self._rests_until_s:
            return
        begun_s, last_hour = time.monotonic(), self._last_hour()
        try:
            self._forecast, self._made_s = self._made(last_hour), time.monotonic()
            self._failed, self._is_asked = None, False
        except (UnavailableError, OSError, msgspec.DecodeError, subprocess.SubprocessError) as error:
            self._failed, self._is_asked = (last_hour, str(error)), False
            if not self._is_over:
                log.warning("no forecast could be made: %s", error)
        else:
            self._on_forecast(self._forecast)
            self._show(self._forecast)
        finally:
            self._rests_until_s = time.monotonic() + (time.monotonic() - begun_s) * (1 / MOST_SHARE - 1)

    def _show(self, forecast: CityForecast) -> None:
        """Hand it to the dashboards, which read the store; without them it stands all the same."""
        try:
            self._store.write_statistics(records_of(self._site.name, forecast))
        except UnavailableError as error:
            log.warning("the dashboards go on with an earlier forecast: %s", error)

    def _made(self, last_hour: datetime) -> CityForecast:
        stations = [station.name for station in self._site.stations]
        upwind = self._upwind()
        ahead = self._ahead()
        devices = tuple(dict.fromkeys((*stations, *upwind, *([ahead.device] if ahead else []))))
        days = min(LONGEST, timedelta(hours=MOST_DEVICE_HOURS // max(len(devices), 1)))
        end = last_hour + timedelta(hours=1)
        rows = self._store.readings(
            Series(site=self._site.name, start=end - days, end=end, devices=devices, every_s=3600, quantities=READ)
        )
        request = Request(
            stations=stations,
            upwind=upwind,
            timezone=self._site.timezone,
            last_s=last_hour.timestamp(),
            made_at=self._now(),
            ahead=ahead,
        )
        return msgspec.json.decode(self._answer(request, rows.select(["device", "time", *READ])), type=CityForecast)

    def _ahead(self) -> WeatherAhead | None:
        """Return the official forecast of the weather, where one is kept that is not old. Trouble with it is logged, and it is left out."""
        if self._weather_ahead is None:
            return None
        try:
            ahead = kept(self._weather_ahead)
        except (OSError, ValueError) as error:
            log.warning("the forecast goes without the official weather: %s", error)
            return None
        return ahead if ahead and abs(self._now() - ahead.issued_at) < OLD_FROM else None

    def _upwind(self) -> list[str]:
        """Return the devices that stand far outside of the city, by their place or by their name."""
        latest = self._store.latest(self._site.name)
        lat, lon = (latest[name].to_numpy(zero_copy_only=False).astype(np.float64) for name in ("lat", "lon"))
        away_m = np.nan_to_num(np.hypot(*self._site.map.to_xy(lat, lon)))
        names = latest["device"].cast(pa.string()).to_pylist()
        far = [name for name, m in zip(names, away_m, strict=True) if m > UPWIND_FROM_M or name.startswith(UPWIND_NAME)]
        return far[:MOST_UPWIND]

    def _answer(self, request: Request, rows: pa.Table) -> bytes:
        given = io.BytesIO()
        given.write(msgspec.json.encode(request) + b"\n")
        with pa.ipc.new_stream(given, rows.schema) as writer:
            writer.write_table(rows)
        one_core = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        with subprocess.Popen(
            [sys.executable, "-m", "jeonju.forecast"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **one_core},
            start_new_session=True,
        ) as process:
            self._process = process
            if self._is_over:
                process.kill()
            try:
                out, error = process.communicate(given.getvalue(), timeout=LONGEST_RUN_S)
            finally:
                process.kill()
                self._process = None
        if process.returncode != 0:
            last = error.decode(errors="replace").strip().splitlines()[-1:] or ["it was ended"]
            raise UnavailableError(f"the process that makes forecasts ended with {process.returncode}: {last[0]}")
        return out

    def _end_process(self) -> None:
        if (process := self._process) is not None:
            process.kill()
