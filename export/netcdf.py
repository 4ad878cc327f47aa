"""CF-NetCDF of stations or of robots: discrete sampling geometries as indexed ragged arrays, which grow with every piece.

CF-1.11, section 9: stations are `timeSeries` with a place each, robots `trajectory` with a place in every row. A row is an observation; the number
of its device is `station_index` or `trajectory_index`. Variables appear with the first value of their quantity, so nobody's quantities are left out.
"""

from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import h5netcdf
import h5py
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from jeonju.airquality.pollutants import QUANTITY
from jeonju.contract.quality import CODES as REASONS
from jeonju.contract.quality import SEVERITY, decode_flags
from jeonju.export.cf_names import CF_NAMES
from jeonju.export.rows import CODES, About, Place, one_kind

_OBSERVATIONS: Final = "obs"
_CHUNK: Final = (16_384,)
_PACKED: Final = MappingProxyType({"compression": "gzip", "compression_opts": 1, "shuffle": True, "chunks": _CHUNK})
# What may be flagged besides a quantity.
_OTHERS: Final = MappingProxyType({"time": "time", "position": "position"})
_MASKS: Final = MappingProxyType({code: 1 << number for number, code in enumerate(REASONS)})
_ACTIVITIES: Final = ("stands", "patrols", "drives_on_order", "measures", "charges")
_FEATURES: Final = MappingProxyType({"station": "timeSeries", "robot": "trajectory"})
_IDS: Final = MappingProxyType({"station": ("station", "timeseries_id"), "robot": ("trajectory", "trajectory_id")})


class NetcdfWriter:
    """Writes the rows of stations or of robots; a file holds one kind, as the conventions want it."""

    def __init__(self, path: Path, _schema: pa.Schema, about: About) -> None:
        self._about = about
        self._places = {place.name: place for place in about.devices}
        self._kind = one_kind(about.devices)
        self._instance, self._role = _IDS[self._kind]
        self._numbers: dict[str, int] = {}
        self._seen: dict[str, tuple[float, float]] = {}
        self._count = 0
        self._file = h5netcdf.File(path, "w")
        try:
            self._begin()
        except BaseException:
            self._file.close()
            raise

    def write(self, table: pa.Table) -> None:
        """Add rows."""
        if not table.num_rows:
            return
        start, self._count = self._count, self._count + table.num_rows
        self._file.resize_dimension(_OBSERVATIONS, self._count)
        rows = slice(start, self._count)
        self._variable("time")[rows] = table["time"].cast(pa.int64()).to_numpy()
        self._variable(f"{self._instance}_index")[rows] = self._indexes(table)
        if self._kind == "robot":
            for name in ("lat", "lon"):
                self._variable(name)[rows] = _floats(table[name])
        for key in QUANTITY:
            if key in table.column_names and table[key].null_count < table.num_rows:
                self._quantity(key)[rows] = _floats(table[key])
        self._write_flags(table[CODES], start)

    def close(self) -> None:
        """Write the devices that were in the rows, and close the file."""
        with self._file:
            self._write_devices()

    def _begin(self) -> None:
        about, file = self._about, self._file
        file.dimensions[_OBSERVATIONS] = None
        file.attrs.update(
            {
                "Conventions": "CF-1.11",
                "featureType": _FEATURES[self._kind],
                "title": f"Air of {about.site}: {'stations' if self._kind == 'station' else 'patrol robots'}",
                "institution": f"Jeonju Air, site {about.site}",
                "source": "low-cost instruments, real or simulated: see the variable origin",
                "history": f"{about.made_at.isoformat()} written by jeonju export",
                "references": "docs/export.md of Jeonju Air",
                "comment": f"{about.note_en} {about.note_ko}",
            }
        )
        instant = {
            "units": "microseconds since 1970-01-01 00:00:00",
            "calendar": "standard",
            "units_metadata": "leap_seconds: none",
        }
        self._new("time", "i8", standard_name="time", long_name="instant of the observation", **instant)
        self._new(
            f"{self._instance}_index",
            "i4",
            long_name="which device the observation is of",
            instance_dimension=self._instance,
        )
        if self._kind == "robot":
            for name, words in _HORIZONTAL.items():
                self._new(name, "f8", np.nan, **words)

    def _indexes(self, table: pa.Table) -> NDArray[np.int32]:
        """Return the number of the device of each row; it is given at the first row, whose place counts where nobody knows another."""
        names = table["device"].combine_chunks().dictionary_encode()
        for name in names.dictionary.to_pylist():
            if name not in self._numbers:
                self._numbers[name] = len(self._numbers)
                rows = table.filter(pc.equal(table["device"], name)).slice(0, 1)
                self._seen[name] = (float(_floats(rows["lat"])[0]), float(_floats(rows["lon"])[0]))
        numbers = np.array([self._numbers[name] for name in names.dictionary.to_pylist()], dtype=np.int32)
        return numbers[names.indices.to_numpy()]

    def _quantity(self, key: str) -> Any:
        if key not in self._file.variables:
            name = CF_NAMES[key]
            where = "time lat lon height" if self._kind == "station" else "time lat lon"
            words: dict[str, Any] = {
                "long_name": QUANTITY[key].label_en,
                "units": name.units,
                "coordinates": where,
                "ancillary_variables": f"{key}_quality {key}_reason",
            }
            if name.standard_name is not None:
                words["standard_name"] = name.standard_name
            if name.units == "degree_Celsius":
                words["units_metadata"] = "temperature: on_scale"
            if key == "altitude":
                words["positive"] = "up"
            if key == "robot_activity":
                words |= {
                    "flag_values": np.arange(len(_ACTIVITIES), dtype="f8"),
                    "flag_meanings": " ".join(_ACTIVITIES),
                }
            self._new(key, "f8", np.nan, **words)
            self._flags(key)
        return self._variable(key)

    def _flags(self, key: str) -> tuple[Any, Any]:
        """Return the variables of severity and reasons of a quantity; rows that were written before are ok there, as zero is what they read."""
        if f"{key}_quality" not in self._file.variables:
            of = QUANTITY[key].label_en if key in QUANTITY else key
            where = "time lat lon"
            self._new(
                f"{key}_quality",
                "i1",
                long_name=f"quality of {of}",
                standard_name="quality_flag",
                coordinates=where,
                flag_values=np.array(list(SEVERITY.values()), dtype="i1"),
                flag_meanings=" ".join(SEVERITY),
            )
            self._new(
                f"{key}_reason",
                "i4",
                long_name=f"why {of} is flagged",
                standard_name="quality_flag",
                coordinates=where,
                flag_masks=np.array(list(_MASKS.values()), dtype="i4"),
                flag_meanings=" ".join(code.replace("-", "_") for code in _MASKS),
            )
        return self._variable(f"{key}_quality"), self._variable(f"{key}_reason")

    def _write_flags(self, codes: pa.ChunkedArray, start: int) -> None:
        texts = codes.combine_chunks().dictionary_encode()
        if texts.null_count == len(texts):
            return
        rows = texts.indices.fill_null(len(texts.dictionary)).to_numpy()
        said = [decode_flags(text) for text in texts.dictionary.to_pylist()]
        for key in sorted({key for flags in said for key in flags if key in QUANTITY or key in _OTHERS}):
            severity, reasons = np.zeros(len(said) + 1, dtype="i1"), np.zeros(len(said) + 1, dtype="i4")
            for number, flags in enumerate(said):
                if (flag := flags.get(key)) is not None:
                    severity[number] = SEVERITY.get(flag.severity, SEVERITY["suspect"])
                    # What a later version knows besides is a reason of another kind.
                    reasons[number] = np.bitwise_or.reduce(
                        [_MASKS.get(reason.code, _MASKS["other"]) for reason in flag.reasons], dtype="i4"
                    )
            if key in QUANTITY:
                self._quantity(key)
            for variable, values in zip(self._flags(key), (severity, reasons), strict=True):
                variable[start : start + len(rows)] = values[rows]

    def _write_devices(self) -> None:
        # A dimension of no length would be one that grows.
        names = list(self._numbers) or [place.name for place in self._about.devices][:1] or [""]
        places = [self._places.get(name, Place(name, self._kind, "", "real")) for name in names]
        self._file.dimensions[self._instance] = len(names)
        self._texts(f"{self._instance}_name", names, cf_role=self._role, long_name="name of the device")
        self._texts("zone", [place.zone for place in places], long_name="zone of the city")
        self._texts("origin", [place.origin for place in places], long_name="real or simulated")
        self._texts("label", [place.label_en for place in places], long_name="name for people")
        heights = [np.nan if place.height_m is None else place.height_m for place in places]
        words = {"standard_name": "height", "long_name": "height above the ground", "units": "m", "positive": "up"}
        self._of_devices("height", heights, **words, axis="Z")
        if self._kind == "station":
            for name, words in _HORIZONTAL.items():
                at = [getattr(place, name) for place in places]
                seen = [self._seen.get(device, (np.nan, np.nan))[name == "lon"] for device in names]
                values = [other if known is None else known for known, other in zip(at, seen, strict=True)]
                self._of_devices(name, values, **words)

    def _texts(self, name: str, texts: list[str], **words: Any) -> None:
        variable = self._file.create_variable(name, (self._instance,), dtype=h5py.string_dtype())
        variable[...] = np.array(texts, dtype=object)
        variable.attrs.update(words)

    def _of_devices(self, name: str, values: list[float], **words: Any) -> None:
        variable = self._file.create_variable(name, (self._instance,), dtype="f8", fillvalue=np.nan)
        variable[...] = np.array(values, dtype=float)
        variable.attrs.update(words)

    def _new(self, name: str, kind: str, fillvalue: float | None = None, /, **words: Any) -> None:
        variable = self._file.create_variable(name, (_OBSERVATIONS,), dtype=kind, fillvalue=fillvalue, **_PACKED)
        variable.attrs.update(words)
        # One that appears later is as long as those that are there.
        if self._count:
            self._file.resize_dimension(_OBSERVATIONS, self._count)

    def _variable(self, name: str) -> Any:
        return self._file.variables[name]


_HORIZONTAL: Final = MappingProxyType(
    {
        "lat": {"standard_name": "latitude", "long_name": "latitude", "units": "degrees_north", "axis": "Y"},
        "lon": {"standard_name": "longitude", "long_name": "longitude", "units": "degrees_east", "axis": "X"},
    }
)


def _floats(column: pa.ChunkedArray) -> NDArray[np.float64]:
    return (
        column.to_numpy().astype(np.float64, copy=False)
        if column.null_count == 0
        else column.fill_null(np.nan).to_numpy()
    )
