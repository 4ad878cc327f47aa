"""Recorded messages of real gateways: whether each decoder reads exactly what is expected."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from jeonju.airquality.pollutants import QUANTITY
from jeonju.common.errors import RejectedError, UserError
from jeonju.contract.gateways import PLACE_KEYS, Gateway
from jeonju.contract.reading import Reading
from jeonju.decoders import decoder
from jeonju.decoders.message import Message
from jeonju.decoders.native import decoder as native
from jeonju.decoders.times import to_millisecond
from jeonju.ingest.quality.flags import is_possible
from jeonju.ingest.routing import read

RELATIVE_TOLERANCE: Final = 1e-6
Readings = dict[tuple[str, str, str], float]


@dataclass
class Outcome:
    """The decoded messages of a case: (device, time, key) → value, device → state, and the number of rejected messages."""

    readings: Readings = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    rejects: int = 0
    reasons: list[str] = field(default_factory=list)


def evaluate_gateways(folder: Path, on_progress: Callable[[float], None] = lambda _: None) -> dict[str, Any]:
    """Decode every case below a folder; return counts of exact matches by format, and why the others are not.

    Raises UserError where there is no case.
    """
    cases = sorted([*folder.glob("*/*/case.json"), *folder.glob("*/cases/*/case.json")])
    if not cases:
        raise UserError(f"{folder} holds no {{format}}/{{case}}/case.json")
    formats: dict[str, dict[str, int]] = {}
    failures = []
    for number, path in enumerate(cases, start=1):
        case = _load(path)
        counts = formats.setdefault(str(case.get("format", path.parts[-3])), {"exact": 0, "total": 0})
        counts["total"] += 1
        why = _difference(case, path.parent)
        if why is None:
            counts["exact"] += 1
        else:
            failures.append({"case": path.parent.relative_to(folder).as_posix(), "why": why})
        on_progress(number / len(cases))
    return {"formats": formats, "failures": failures}


def decode_case(case: dict[str, Any], folder: Path) -> Outcome:
    """Deliver the messages of a case in order."""
    gateway, outcome = _gateway(case), Outcome()
    decode = decoder(gateway.format)
    for described in case["messages"]:
        received_at = datetime.fromisoformat(described["received_at"])
        message = Message(described["topic"], (folder / described["file"]).read_bytes(), received_at)
        try:
            decoding = read(message, gateway, decode)
        except RejectedError as error:
            outcome.rejects += 1
            outcome.reasons.append(str(error))
            continue
        for reading in decoding.readings:
            _put(outcome.readings, reading, received_at)
        outcome.states.update({update.device: update.state for update in decoding.updates if update.state is not None})
    return outcome


def _gateway(case: dict[str, Any]) -> Gateway:
    if case["format"] == native.GATEWAY.format:
        return native.GATEWAY
    settings = {name: value for name, value in case.get("settings", {}).items() if name in Gateway.model_fields}
    return Gateway(topic="#", format=case["format"], mapping=case.get("mapping", []), **settings)


def _put(readings: Readings, reading: Reading, received_at: datetime) -> None:
    at = reading.time if reading.time is not None and is_possible(reading.time, received_at) else received_at
    values = {**reading.values, **reading.status}
    if reading.position is not None:
        values.update(zip(PLACE_KEYS, reading.position, strict=True))
    for key, value in values.items():
        if value is not None and (key in QUANTITY or key in PLACE_KEYS):
            readings[reading.device, _text(at), key] = value


def _difference(case: dict[str, Any], folder: Path) -> str | None:
    """Return the differences from what is expected, None where there are none."""
    try:
        outcome, expected = decode_case(case, folder), _load(folder / "expected.json")
        wanted = {
            (row["device"], _text(datetime.fromisoformat(row["time"])), row["key"]): float(row["value"])
            for row in expected["readings"]
        }
        states, rejects = {row["device"]: row["state"] for row in expected["status"]}, expected["rejects"]
    except (KeyError, TypeError, ValueError, OSError) as error:
        return f"the case cannot be run: {_first_cause(error)}"
    problems = [
        f"{device} {time} {key}: {outcome.readings.get((device, time, key))}, expected {value:g}"
        for (device, time, key), value in wanted.items()
        if not _same(outcome.readings.get((device, time, key)), value)
    ]
    if outcome.states != states:
        problems.append(f"status {outcome.states}, expected {states}")
    if outcome.rejects != rejects:
        problems.append(f"{outcome.rejects} rejected {outcome.reasons}, expected {rejects}")
    return "; ".join(problems[:5]) or None


def _same(found: float | None, wanted: float) -> bool:
    return found is not None and math.isclose(found, wanted, rel_tol=RELATIVE_TOLERANCE, abs_tol=1e-12)


def _first_cause(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'/'.join(map(str, first['loc']))}: {first['msg']}"
    return f"it has no {error}" if isinstance(error, KeyError) else str(error)


def _load(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise UserError(f"{path} cannot be read: it must be a JSON object, not {type(content).__name__}")
    return content


def _text(at: datetime) -> str:
    return to_millisecond(at.astimezone(UTC)).isoformat(timespec="milliseconds")
