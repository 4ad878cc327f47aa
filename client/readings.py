"""Readings as tables of Arrow, pandas and xarray."""

import json
from typing import TYPE_CHECKING, Any

from jeonju.client.connection import ApiError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    import xarray as xr

_CODES = "quality"


class Readings:
    """Rows in the order of time: `time`, `device`, `lat`, `lon`, the quantities, `flags` (words; null is `ok`) and `quality` (the same as codes)."""

    def __init__(self, table: "pa.Table") -> None:
        self.table = table

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @property
    def units(self) -> dict[str, str]:
        """The unit of each column that has one."""
        return self._told("units", {})

    @property
    def devices(self) -> list[dict[str, Any]]:
        """The devices that were asked for: name, kind, zone, origin, labels, and the place of stations."""
        return self._told("devices", [])

    def to_pandas(self) -> "pd.DataFrame":
        """Return a row for each device and instant, without quantities that nobody measured. Needs pandas."""
        frame = self.table.drop_columns([_CODES]).to_pandas()
        return frame[[name for name in frame if name in ("flags", "lat", "lon") or frame[name].notna().any()]]

    def to_xarray(self) -> "xr.Dataset":
        """Return variables over (time, device), NaN where a device has no reading at an instant. Needs pandas and xarray.

        Devices that do not measure at the same instants make it sparse: ask for `every_s`, which gives all of them the same.
        """
        import xarray as xr

        frame = self.to_pandas().set_index(["time", "device"])
        if not frame.index.is_unique:
            raise ApiError("the readings have a device twice at an instant")
        # NumPy's instants have no time zone; these are in UTC.
        frame.index = frame.index.set_levels(frame.index.levels[0].tz_convert("UTC").tz_localize(None), level=0)
        result = xr.Dataset.from_dataframe(frame)
        for name, unit in self.units.items():
            if name in result:
                result[name].attrs["units"] = unit
        metadata = self.table.schema.metadata or {}
        result.attrs = {
            name: metadata[name.encode()].decode()
            for name in ("site", "made_at", "note_en")
            if name.encode() in metadata
        }
        result["time"].attrs["long_name"] = "time (UTC)"
        return result

    def _told(self, name: str, default: Any) -> Any:
        text = (self.table.schema.metadata or {}).get(name.encode())
        return default if text is None else json.loads(text)
