"""How readings look to the outside: plain JSON without what is absent, quality flags in words (`quality` in English, `quality_ko` in Korean)."""

import json
from collections.abc import Mapping
from typing import Any, Final

import pyarrow as pa

from jeonju.airquality.pollutants import KEYS
from jeonju.messages.catalogue import Language
from jeonju.messages.quality import quality_in_words

# Under which names flags are told, and in which language.
QUALITY: Final[Mapping[str, Language]] = {"quality": "en", "quality_ko": "ko"}


def reading_json(row: dict[str, Any]) -> dict[str, Any]:
    """Return one reading: device, time, place, values, and the quality of those that are not `ok` as [flag, reason in words]."""
    out: dict[str, Any] = {"site": row["site"], "device": row["device"], "time": row["time"]}
    if row["lat"] is not None and row["lon"] is not None:
        out["position"] = [row["lat"], row["lon"]]
    if row["seq"] is not None:
        out["seq"] = row["seq"]
    if row["boot"] is not None:
        out["boot"] = row["boot"]
    out["values"] = {key: row[key] for key in KEYS if row[key] is not None}
    if row["quality"] not in (None, "{}"):
        out |= {name: quality_in_words(row["quality"], language) for name, language in QUALITY.items()}
    if row["extra"] is not None:
        out["extra"] = json.loads(row["extra"])
    return out


def series_json(table: pa.Table, keys: list[str]) -> dict[str, dict[str, Any]]:
    """Return columns per device: times and values of each quantity (arrays), and quality in words where there is any."""
    out: dict[str, dict[str, Any]] = {}
    for device in sorted(pa.compute.unique(table["device"]).to_pylist()):
        rows = table.filter(pa.compute.equal(table["device"], device))
        # As arrays, which orjson writes without making a number of Python of each: null is NaN there.
        columns = {key: rows[key].to_numpy() for key in keys if rows[key].null_count < rows.num_rows}
        out[device] = {"time": rows["time"].to_numpy(), **columns}
        if rows["quality"].null_count < rows.num_rows:
            flags = rows["quality"].to_pylist()
            for name, language in QUALITY.items():
                out[device][name] = [(quality_in_words(text, language) or None) if text else None for text in flags]
    return out
